//! Damaged and hostile files: errors, never a panic, never memory that the file cannot justify.
#![allow(clippy::unwrap_used, reason = "tests")]

mod jp2_common;

use jp2_common::{decode, index, layout, picture, write};
use proptest::prelude::*;
use sen2cor_core::grid::Resolution;
use sen2cor_io::bytes::MemorySource;
use sen2cor_io::jp2::{
    Coding, ImageIndex, ImageLayout, Jp2Error, OpenJpeg, TileCodec, TileShape, decode_image, gml_document,
    read_gml,
};
use std::path::Path;

/// 41 x 30 pixels in six tiles, some kB.
fn small() -> (ImageLayout, Vec<u8>) {
    let coding = Coding { tile: 16, decompositions: 2, ..Coding::reflectance(Resolution::R60) };
    let layout = layout(41, 30, coding);
    let ground = sen2cor_core::grid::GeoTransform { epsg: 32633, ulx_m: 0.0, uly_m: 0.0 };
    let bytes = write(&layout, &picture(&layout), Some(&gml_document(&ground, 60.0, 30, 41))).unwrap();
    (layout, bytes)
}

fn find(bytes: &[u8], pattern: &[u8]) -> usize {
    bytes.windows(pattern.len()).position(|w| w == pattern).unwrap()
}

/// Where the tile-parts start.
fn tile_parts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![find(bytes, &[0xFF, 0x90, 0, 10])];
    loop {
        let at = *starts.last().unwrap();
        let len = u32::from_be_bytes(bytes[at + 6..at + 10].try_into().unwrap()) as usize;
        if bytes[at + len..at + len + 2] == [0xFF, 0xD9] {
            return starts;
        }
        starts.push(at + len);
    }
}

/// The file with an open end, as operational files have.
fn open_ended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = find(&bytes, b"jp2c");
    bytes[at - 4..at].fill(0);
    bytes
}

/// Reads as a caller does: index, comparison with the metadata, pixels.
fn read(bytes: &[u8]) -> Result<(), Jp2Error> {
    let source = MemorySource::new(Path::new("damaged.jp2"), bytes);
    let _ = read_gml(&source);
    let index = ImageIndex::read(&source)?;
    index.expect(41, 30, 1, 15)?;
    let planes = decode_image(&OpenJpeg, &index, &source)?;
    assert!(planes.len() == 1 && planes[0].dim() == (30, 41));
    Ok(())
}

/// Largest virtual size of this process so far, bytes; 0 where the system does not tell.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10
}

#[test]
fn every_truncation_is_an_error() {
    let (_, bytes) = small();
    let open = open_ended(&bytes);
    read(&bytes).unwrap();
    read(&open).unwrap();
    for len in 0..bytes.len() {
        assert!(read(&bytes[..len]).is_err(), "cut at {len}");
        assert!(read(&open[..len]).is_err(), "open end cut at {len}");
    }
}

#[test]
fn changed_headers_never_panic_and_ask_for_no_memory() {
    let (_, bytes) = small();
    let before = peak_bytes();
    let headers = tile_parts(&bytes)[0] + 30;
    for at in 0..headers {
        for value in [0, 1, 0x7F, 0x80, 0xFF, bytes[at] ^ 1, bytes[at] ^ 0x10] {
            let mut changed = bytes.clone();
            changed[at] = value;
            let _ = read(&changed);
        }
    }
    // Threads of the test harness take some address space too.
    assert!(peak_bytes() - before < 1 << 30, "{} bytes more", peak_bytes() - before);
}

#[test]
fn changed_image_data_never_panic() {
    let (_, bytes) = small();
    for at in tile_parts(&bytes)[0]..bytes.len() {
        for value in [0xFF, bytes[at] ^ 0x55] {
            let mut changed = bytes.clone();
            changed[at] = value;
            let _ = read(&changed);
        }
    }
}

#[test]
fn tile_part_headers_are_checked() {
    let (_, bytes) = small();
    let parts = tile_parts(&bytes);
    assert_eq!(parts.len(), 6);
    let with = |part: usize, at: usize, field: &[u8]| {
        let mut changed = bytes.clone();
        changed[parts[part] + at..parts[part] + at + field.len()].copy_from_slice(field);
        index(&changed)
    };
    assert!(with(5, 6, &[0; 4]).unwrap() == index(&bytes).unwrap(), "the last length may be open");
    let refused = [
        (0, 6, &[0, 0, 0, 0][..], "an open length before the last"),
        (0, 6, &[0, 0, 0, 13][..], "shorter than its header"),
        (0, 6, &[0xFF; 4][..], "longer than the file"),
        (0, 4, &[0, 6][..], "tile 6 of 6"),
        (0, 4, &[0xFF, 0xFF][..], "tile 65535"),
        (1, 4, &[0, 0][..], "the same tile twice"),
        (2, 10, &[1][..], "second part without a first"),
        (3, 2, &[0, 11][..], "another length of the segment"),
        (3, 1, &[0x91][..], "no SOT marker"),
    ];
    for (part, at, field, what) in refused {
        assert!(with(part, at, field).is_err(), "{what}");
    }
    let mut missing = bytes[..parts[5]].to_vec();
    missing.extend_from_slice(&[0xFF, 0xD9]);
    let error = index(&open_ended(&missing)).unwrap_err();
    assert_eq!(error.to_string(), "tile 5: is missing");
}

#[test]
fn main_headers_are_checked() {
    let (_, bytes) = small();
    let refused = |from: &[u8], to: &[u8], what: &str| {
        let mut changed = bytes.clone();
        let at = find(&changed, from);
        changed[at..at + to.len()].copy_from_slice(to);
        assert!(index(&changed).is_err(), "{what}");
    };
    refused(&[0xFF, 0x4F, 0xFF, 0x51], &[0xFF, 0x4E], "no SOC");
    refused(&[0xFF, 0x51, 0, 41], &[0xFF, 0x64], "SIZ is not first");
    refused(&[0xFF, 0x51, 0, 41], &[0xFF, 0x51, 0, 44], "length of SIZ");
    refused(&[0xFF, 0x52], &[0xFF, 0x64], "no COD");
    refused(&[0xFF, 0x5C], &[0xFF, 0x64], "no QCD");
    refused(&[0xFF, 0x64], &[0xFF, 0x60], "packed packet headers");
    refused(&[0xFF, 0x64], &[0xFF, 0x64, 0, 1], "a segment shorter than its length field");
    refused(&[0xFF, 0x64], &[0xFF, 0x64, 0xFF, 0xFF], "a segment longer than the file");
}

/// A file of 10 kB whose header claims this image and tile size.
fn claiming(edge: u32, tile: u32) -> Vec<u8> {
    let (_, mut bytes) = small();
    let at = find(&bytes, &[0xFF, 0x51, 0, 41]) + 6;
    for (field, value) in [(0, edge), (4, edge), (16, tile), (20, tile)] {
        bytes[at + field..at + field + 4].copy_from_slice(&value.to_be_bytes());
    }
    let parts = tile_parts(&bytes);
    if edge <= tile {
        bytes.drain(parts[1]..bytes.len() - 2);
    }
    let mut bytes = open_ended(&bytes);
    let end = bytes.len() - 2;
    let padding = 10_000usize.saturating_sub(bytes.len());
    bytes.splice(end..end, std::iter::repeat_n(0, padding));
    // The first tile-part takes the padding.
    let len = (bytes.len() - 2 - parts[0]) as u32;
    bytes[parts[0] + 6..parts[0] + 10].copy_from_slice(&len.to_be_bytes());
    bytes
}

#[test]
fn large_claims_of_small_files_are_refused() {
    let before = peak_bytes();
    for (edge, tile) in [(60_000, 60_000), (65_537, 1), (60_000, 1), (u32::MAX, u32::MAX)] {
        assert!(matches!(index(&claiming(edge, tile)), Err(Jp2Error::Limit { .. })), "{edge} {tile}");
    }
    // Tiles that would be legal: the metadata and the announced shape stop them before memory is asked for.
    let bytes = claiming(16_384, 16_384);
    let found = index(&bytes).unwrap();
    assert!(found.expect(41, 30, 1, 15).is_err());
    let mini = found.mini_stream(&MemorySource::new(Path::new("x"), &bytes), 0).unwrap();
    let shape = TileShape { components: 1, rows: 30, cols: 41, bits: 15 };
    assert!(matches!(OpenJpeg.decode(&mini, shape), Err(Jp2Error::Contradiction { .. })));
    assert!(peak_bytes() - before < 512 << 20);
}

#[test]
fn contradictions_name_field_and_both_values() {
    let (_, bytes) = small();
    let index = index(&bytes).unwrap();
    index.expect(41, 30, 1, 15).unwrap();
    index.expect(41, 30, 1, 16).unwrap();
    let message = |width, height, components, bits| {
        index.expect(width, height, components, bits).unwrap_err().to_string()
    };
    assert_eq!(message(1830, 30, 1, 15), "image width in pixels: expected 1830, found 41");
    assert_eq!(message(41, 1830, 1, 15), "image height in pixels: expected 1830, found 30");
    assert_eq!(message(41, 30, 3, 15), "number of components: expected 3, found 1");
    assert_eq!(message(41, 30, 1, 8), "bits per sample: expected at most 8, found 15");
}

#[test]
fn the_coder_compares_the_stream_with_what_is_expected() {
    let (_, bytes) = small();
    let found = index(&bytes).unwrap();
    let mini = found.mini_stream(&MemorySource::new(Path::new("x"), &bytes), 5).unwrap();
    let shape = found.tile_shape(5);
    assert_eq!((shape.rows, shape.cols), (14, 9));
    assert_eq!(OpenJpeg.decode(&mini, shape).unwrap()[0].len(), 14 * 9);
    for other in [
        TileShape { components: 3, ..shape },
        TileShape { rows: 15, ..shape },
        TileShape { cols: 8, ..shape },
        TileShape { bits: 8, ..shape },
    ] {
        assert!(matches!(OpenJpeg.decode(&mini, other), Err(Jp2Error::Contradiction { .. })), "{other:?}");
    }
    for len in 0..mini.len() - 3 {
        assert!(OpenJpeg.decode(&mini[..len], shape).is_err(), "cut at {len}");
    }
}

proptest! {
    #[test]
    fn noise_is_no_image(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&noise).is_err());
        let (_, mut bytes) = small();
        let start = find(&bytes, b"jp2h");
        bytes.truncate(start - 4);
        bytes.extend_from_slice(&noise);
        prop_assert!(decode(&bytes).is_err());
    }
}
