//! Codestreams that operational products do not have but JPEG 2000 allows, made by opj_compress: offsets, several
//! tile-parts and layers, other progressions, markers inside packets, the lossy wavelet.
#![allow(clippy::unwrap_used, reason = "tests")]

mod jp2_common;

use jp2_common::{decode_with_opj, has, layout, picture};
use sen2cor_core::grid::Resolution;
use sen2cor_io::bytes::FileSource;
use sen2cor_io::jp2::{Codec, Coding, ImageIndex, decode_image};
use std::process::Command;

/// Encodes a picture of 300 x 200 pixels with 12 bits with these options and compares both decoders.
fn compare(options: &str) -> Option<ImageIndex> {
    if !has("opj_compress") || !has("opj_decompress") {
        return None;
    }
    let coding = Coding { bits: 12, ..Coding::reflectance(Resolution::R60) };
    let folder = tempfile::tempdir().unwrap();
    let (raw, file) = (folder.path().join("in.rawl"), folder.path().join("out.jp2"));
    let samples: Vec<u8> = picture(&layout(300, 200, coding)).iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(&raw, samples).unwrap();
    let output = Command::new("opj_compress")
        .args(["-F", "300,200,1,12,u"])
        .args(options.split_whitespace())
        .arg("-i")
        .arg(&raw)
        .arg("-o")
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stdout));
    let source = FileSource::open(&file).unwrap();
    let index = ImageIndex::read(&source).unwrap();
    assert_eq!((index.width(), index.height()), (300, 200), "{options}");
    let ours = decode_image(&Codec::Auto, &index, &source).unwrap();
    assert!(ours == decode_with_opj(&file, (200, 300), 12), "{options}");
    Some(index)
}

#[test]
fn one_tile() {
    if let Some(index) = compare("-n 3") {
        assert_eq!(index.tile_count(), 1);
    }
}

#[test]
fn offsets_of_image_and_tiles() {
    if let Some(index) = compare("-d 37,21 -T 10,5 -t 64,96 -n 4") {
        assert!(!index.tile_offset_is_zero());
        let window = index.tile_window(0);
        assert_eq!((window.row, window.col, window.rows, window.cols), (0, 0, 80, 37));
    }
}

#[test]
fn several_tile_parts() {
    compare("-t 128,128 -TP R -n 4");
    compare("-t 128,128 -TP L -r 20,5,1 -n 4");
}

#[test]
fn layers_progressions_and_styles() {
    compare("-t 128,128 -r 30,10,1 -p RPCL");
    compare("-t 100,60 -p PCRL -n 3 -c [64,64],[32,32]");
    compare("-t 128,128 -SOP -EPH -p CPRL");
    compare("-t 128,128 -M 1 -b 32,32");
    compare("-t 128,128 -M 12");
}

#[test]
fn lossy_wavelet() {
    compare("-t 128,128 -I -r 8");
}
