//! Images written tile by tile, read back by this crate, by opj_decompress and by GDAL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod jp2_common;

use jp2_common::{decode, decode_with_gdal, decode_with_opj, has, index, layout, picture, write};
use ndarray::{Array2, Axis};
use sen2cor_core::grid::{GeoTransform, Resolution};
use sen2cor_io::bytes::MemorySource;
use sen2cor_io::jp2::{
    Codec, Coding, ImageLayout, Jp2Error, OpenJpeg, Samples, TileCodec, encode_tile, gml_document, read_gml,
    write_image, write_jp2,
};
use std::path::Path;
use std::process::Command;

/// Writes a picture and reads it with all readers.
fn round_trip(layout: ImageLayout) {
    let picture = picture(&layout);
    let bytes = write(&layout, &picture, None).unwrap();
    let found = index(&bytes).unwrap();
    found.expect(layout.width, layout.height, layout.coding.components, layout.coding.bits).unwrap();
    assert_eq!(found.tile_width(), layout.coding.tile);
    let own = decode(&bytes).unwrap();
    let same = |planes: &[Array2<u16>], reader: &str| {
        assert_eq!(planes.len(), picture.len_of(Axis(0)), "{reader}: {layout:?}");
        assert!(planes.iter().zip(picture.outer_iter()).all(|(a, b)| a == b), "{reader}: {layout:?}");
    };
    same(&own, "own");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.jp2");
    std::fs::write(&file, &bytes).unwrap();
    let shape = (layout.height as usize, layout.width as usize);
    if has("opj_decompress") {
        same(&decode_with_opj(&file, shape, layout.coding.bits), "opj_decompress");
    }
    if has("gdal_translate") {
        same(&decode_with_gdal(&file, shape, layout.coding.bits), "GDAL");
    }
}

#[test]
fn reflectance_of_all_resolutions() {
    for (width, height, resolution) in [
        (1025, 577, Resolution::R10),
        (641, 1, Resolution::R20),
        (641, 193, Resolution::R20),
        (193, 385, Resolution::R60),
        (577, 195, Resolution::R60),
        (1, 1, Resolution::R60),
    ] {
        round_trip(layout(width, height, Coding::reflectance(resolution)));
    }
}

#[test]
fn byte_images_of_all_resolutions() {
    for (width, height, resolution) in [
        (300, 1025, Resolution::R10),
        (1, 641, Resolution::R20),
        (642, 700, Resolution::R20),
        (194, 193, Resolution::R60),
    ] {
        round_trip(layout(width, height, Coding::byte_image(resolution)));
    }
}

#[test]
fn colour_images_of_all_resolutions() {
    for (width, height, resolution) in
        [(1030, 90, Resolution::R10), (2049, 77, Resolution::R20), (257, 300, Resolution::R60)]
    {
        round_trip(layout(width, height, Coding::true_colour(resolution)));
    }
}

#[test]
fn masks_with_one_three_and_eight_components() {
    for components in [1, 3, 8] {
        for resolution in Resolution::ALL {
            round_trip(layout(261, 259, Coding::byte_mask(resolution, components)));
        }
    }
}

#[test]
fn preview() {
    round_trip(layout(343, 343, Coding::preview()));
    round_trip(layout(17, 9, Coding::preview()));
}

#[test]
fn noise_of_all_bits_fits_the_foreseen_length() {
    let codings = Resolution::ALL
        .into_iter()
        .flat_map(|r| {
            [Coding::reflectance(r), Coding::byte_image(r), Coding::true_colour(r), Coding::byte_mask(r, 8)]
        })
        .chain([Coding::preview()]);
    for coding in codings {
        let edge = coding.tile.min(512);
        // Tiles of 1024 and more are tried at 512: the share of the headers is the same.
        let coding = Coding { tile: edge, ..coding };
        let layout = layout(edge, edge, coding);
        let max = (1u32 << coding.bits) - 1;
        let mut state = 1u64;
        let noise = ndarray::Array3::from_shape_simple_fn(
            (coding.components.into(), edge as usize, edge as usize),
            || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) as u32 & max) as u16
            },
        );
        let bytes = write(&layout, &noise, None).unwrap_or_else(|e| panic!("{coding:?}: {e}"));
        println!("{coding:?}: {} of {}", bytes.len(), coding.tile_capacity());
    }
}

#[test]
fn pixel_interleaved_colour_is_split() {
    let layout = layout(70, 50, Coding::true_colour(Resolution::R60));
    let image = Array2::from_shape_fn((50, 210), |(r, c)| (r * 3 + c * 5) as u8);
    let mut bytes = Vec::new();
    write_image(&OpenJpeg, &layout, &Samples::interleaved_rgb(image.view()), None, &mut bytes).unwrap();
    for (c, plane) in decode(&bytes).unwrap().iter().enumerate() {
        assert!(plane.indexed_iter().all(|((r, x), &v)| v == u16::from(image[[r, 3 * x + c]])));
    }
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    let layout = layout(20, 20, Coding::reflectance(Resolution::R60));
    let mut plane = Array2::from_elem((20, 20), 32_767u16);
    let mut out = Vec::new();
    encode_tile(&OpenJpeg, &layout, 0, Samples::grey16(plane.view()), &mut out).unwrap();
    plane[[3, 4]] = 32_768;
    out.clear();
    let error = encode_tile(&OpenJpeg, &layout, 0, Samples::grey16(plane.view()), &mut out).unwrap_err();
    assert_eq!(error.to_string(), "sample 32768 needs more than 15 bits");
    assert!(out.is_empty());
    assert!(encode_tile(&OpenJpeg, &layout, 1, Samples::grey16(plane.view()), &mut out).is_err());
    let small = Array2::zeros((19, 20));
    let error = encode_tile(&OpenJpeg, &layout, 0, Samples::grey16(small.view()), &mut out).unwrap_err();
    assert_eq!(error.to_string(), "rows of the samples: expected 20, found 19");
}

#[test]
fn what_the_native_coder_cannot_write_goes_to_openjpeg() {
    // Red and green as the low-pass filter weighs them make a colour difference of nine bits 2.25 times as large.
    let coding = Coding { decompositions: 1, ..Coding::true_colour(Resolution::R60) };
    let layout = layout(16, 16, coding);
    let outer = |i: usize| i == 6 || i == 10;
    let image = Array2::from_shape_fn((16, 48), |(row, n)| {
        let (col, component) = (n / 3, n % 3);
        let inside = (6..=10).contains(&row) && (6..=10).contains(&col);
        let red = outer(row) == outer(col);
        if inside && (component == 0) == red && component < 2 { 255 } else { 0 }
    });
    let encode = |codec: Codec| {
        let mut out = Vec::new();
        encode_tile(&codec, &layout, 0, Samples::interleaved_rgb(image.view()), &mut out).map(|()| out)
    };
    let error = encode(Codec::Native).unwrap_err();
    assert!(
        matches!(error, Jp2Error::Unsupported { .. }) && error.to_string().contains("bit planes"),
        "{error}"
    );
    assert_eq!(encode(Codec::Auto).unwrap(), encode(Codec::OpenJpeg).unwrap());
}

#[test]
fn tiles_from_any_thread_in_any_order_make_the_same_file() {
    let layout = layout(577, 400, Coding::reflectance(Resolution::R60));
    let picture = picture(&layout);
    let samples = Samples::U16(picture.outer_iter().collect());
    let whole = write(&layout, &picture, None).unwrap();
    let count = layout.tile_count();
    let encode = |tile| {
        let mut out = Vec::new();
        let part = samples.window(layout.tile_window(tile)).unwrap();
        encode_tile(&OpenJpeg, &layout, tile, part, &mut out).unwrap();
        (tile, out)
    };
    let mut parts: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|w| {
                scope.spawn(move || (0..count).rev().filter(|t| t % 3 == w).map(encode).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect()
    });
    parts.sort();
    let segments = OpenJpeg.main_header_segments(&layout.coding).unwrap();
    let mut spliced = Vec::new();
    write_jp2(&mut spliced, &layout, &segments, None, parts.iter().map(|p| &p.1[..])).unwrap();
    assert!(spliced == whole);

    let refuse = |parts: Vec<&[u8]>| {
        write_jp2(&mut Vec::new(), &layout, &segments, None, parts.into_iter()).unwrap_err()
    };
    let slices: Vec<&[u8]> = parts.iter().map(|p| &p.1[..]).collect();
    assert!(matches!(refuse(slices[1..].to_vec()), Jp2Error::Contradiction { .. }));
    let mut swapped = slices.clone();
    swapped.swap(0, 1);
    assert!(matches!(refuse(swapped), Jp2Error::Tile { tile: 0, .. }));
    let mut short = slices.clone();
    short[2] = &short[2][..100];
    assert!(matches!(refuse(short), Jp2Error::Tile { tile: 2, .. }));
}

#[test]
fn the_whole_image_encoder_gives_the_same_tile_parts() {
    if !has("opj_compress") {
        return;
    }
    // OpenJPEG's program encodes the whole image at once.
    let layout = layout(577, 400, Coding::reflectance(Resolution::R60));
    let picture = picture(&layout);
    let ours = write(&layout, &picture, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (raw, file) = (folder.path().join("in.rawl"), folder.path().join("out.j2k"));
    std::fs::write(&raw, picture.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    let precincts = ["[64,64]"; 5].join(",");
    let output = Command::new("opj_compress")
        .args([
            "-F",
            "577,400,1,15,u",
            "-t",
            "192,192",
            "-b",
            "4,4",
            "-n",
            "5",
            "-c",
            &precincts,
            "-p",
            "LRCP",
            "-PLT",
        ])
        .arg("-i")
        .arg(&raw)
        .arg("-o")
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let theirs = std::fs::read(file).unwrap();
    let parts = |bytes: &[u8]| {
        let start = bytes.windows(4).position(|w| w == [0xFF, 0x90, 0, 10]).unwrap();
        bytes[start..].to_vec()
    };
    assert!(parts(&ours) == parts(&theirs));
}

#[test]
fn gdal_finds_the_position() {
    if !has("gdalinfo") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (epsg, resolution_m, coding) in
        [(32633, 60, Coding::reflectance(Resolution::R60)), (32733, 320, Coding::preview())]
    {
        let ground = GeoTransform { epsg, ulx_m: 399_960.0, uly_m: 5_200_020.0 };
        let layout = layout(23, 17, coding);
        let gml = gml_document(&ground, resolution_m.into(), 17, 23);
        let bytes = write(&layout, &picture(&layout), Some(&gml)).unwrap();
        assert_eq!(read_gml(&MemorySource::new(Path::new("x"), &bytes)).unwrap().as_ref(), Some(&gml));
        let file = folder.path().join(format!("{epsg}.jp2"));
        std::fs::write(&file, bytes).unwrap();
        let output = Command::new("gdalinfo").arg(&file).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        for expected in [
            format!("ID[\"EPSG\",{epsg}]"),
            "Origin = (399960.000000000000000,5200020.000000000000000)".to_owned(),
            format!("Pixel Size = ({resolution_m}.000000000000000,-{resolution_m}.000000000000000)"),
            "Size is 23, 17".to_owned(),
        ] {
            assert!(text.contains(&expected), "{expected} is not in\n{text}");
        }
    }
}
