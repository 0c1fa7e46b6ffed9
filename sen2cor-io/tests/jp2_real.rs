//! Operational files: our tiles against the whole-image decoder of the program opj_decompress.
#![allow(clippy::unwrap_used, reason = "tests")]

mod jp2_common;

use jp2_common::{decode_with_opj, has, test_data};
use sen2cor_core::grid::GeoTransform;
use sen2cor_io::bytes::{ByteSource, FileSource};
use sen2cor_io::jp2::{Codec, ImageIndex, OpenJpeg, decode_image, decode_tile_into, gml_document, read_gml};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

const L1C: &str = "metadata/L1C/S2B_MSIL1C_20240305T104819_N0510_R051_T31TCJ_20240305T125347.SAFE/GRANULE/\
                   L1C_T31TCJ_A036542_20240305T105512/QI_DATA";

fn compare(file: &Path, components: u16, bits: u8) {
    if !has("opj_decompress") {
        return;
    }
    let source = FileSource::open(file).unwrap();
    let index = ImageIndex::read(&source).unwrap();
    let (width, height) = (index.width(), index.height());
    index.expect(width, height, components, bits).unwrap();
    assert!(index.tile_offset_is_zero());
    let expected = decode_with_opj(file, (height as usize, width as usize), index.bits());
    assert_eq!(expected.len(), usize::from(components));
    for codec in [Codec::OpenJpeg, Codec::Native, Codec::Auto] {
        assert!(decode_image(&codec, &index, &source).unwrap() == expected, "{codec:?}: {}", file.display());
    }
}

fn band(name: &str) {
    if let Some(file) = test_data(&format!("jp2/{name}")) {
        compare(&file, 1, 15);
    }
}

#[test]
fn decodes_t10s_b01() {
    band("T10S_utm10_399960_4200000_B01_rstars.jp2");
}

#[test]
fn decodes_t18ltm_b01() {
    band("T18LTM_20220125T151701_B01.jp2");
}

#[test]
fn decodes_t18ltm_b09() {
    band("T18LTM_20220125T151701_B09.jp2");
}

#[test]
fn decodes_t18ltm_b10() {
    band("T18LTM_20220125T151701_B10.jp2");
}

#[test]
fn decodes_t31tdh_b01() {
    band("T31TDH_20180101T105441_B01.jp2");
}

#[test]
fn decodes_t48pvs_b01() {
    band("T48PVS_20250228T031721_B01.jp2");
}

#[test]
fn decodes_masks_and_preview() {
    for (name, components) in
        [("T31TCJ_20240305T104819_PVI.jp2", 3), ("MSK_CLASSI_B00.jp2", 3), ("MSK_DETFOO_B01.jp2", 1)]
    {
        if let Some(file) = test_data(&format!("{L1C}/{name}")) {
            compare(&file, components, 8);
        }
    }
}

/// Counts the bytes that are read.
struct Counting(FileSource, Mutex<u64>);

impl ByteSource for Counting {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> sen2cor_io::Result<()> {
        *self.1.lock().unwrap() += buffer.len() as u64;
        self.0.read_at(offset, buffer)
    }
}

#[test]
fn the_index_reads_headers_only_and_tiles_read_themselves_only() {
    let Some(file) = test_data("jp2/T48PVS_20250228T031721_B01.jp2") else { return };
    let source = Counting(FileSource::open(&file).unwrap(), Mutex::new(0));
    let index = ImageIndex::read(&source).unwrap();
    assert_eq!(
        (index.width(), index.height(), index.tile_width(), index.tile_count()),
        (1830, 1830, 192, 100)
    );
    let read = *source.1.lock().unwrap();
    assert!(read < 200_000, "{read} of {} bytes for the index", source.len());
    let stream = index.mini_stream(&source, 57).unwrap();
    let read = *source.1.lock().unwrap() - read;
    assert!(read < stream.len() as u64, "{read} bytes for a stream of {}", stream.len());
    let window = index.tile_window(99);
    assert_eq!((window.row, window.col, window.rows, window.cols), (1728, 1728, 102, 102));
    let mut tile = ndarray::Array2::zeros((102, 102));
    decode_tile_into(&OpenJpeg, &index, &source, 99, tile.view_mut()).unwrap();
    assert!(tile.iter().any(|&sample| sample > 1000));
    let mut wrong = ndarray::Array2::zeros((192, 192));
    assert!(decode_tile_into(&OpenJpeg, &index, &source, 99, wrong.view_mut()).is_err());
    assert!(index.mini_stream(&source, 100).is_err());
}

#[test]
fn our_position_says_what_theirs_says() {
    let files: [(PathBuf, GeoTransform, f64, u32); 2] = [
        (
            PathBuf::from("jp2/T48PVS_20250228T031721_B01.jp2"),
            GeoTransform { epsg: 32648, ulx_m: 399_960.0, uly_m: 1_200_000.0 },
            60.0,
            1830,
        ),
        (
            Path::new(L1C).join("T31TCJ_20240305T104819_PVI.jp2"),
            GeoTransform { epsg: 32631, ulx_m: 300_000.0, uly_m: 4_900_020.0 },
            320.0,
            343,
        ),
    ];
    for (name, ground, resolution_m, edge) in files {
        let Some(file) = test_data(name.to_str().unwrap()) else { continue };
        let theirs = read_gml(&FileSource::open(&file).unwrap()).unwrap().unwrap();
        let ours = gml_document(&ground, resolution_m, edge, edge);
        let lines = |text: &str| {
            text.lines()
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(&ours), lines(&theirs));
    }
}
