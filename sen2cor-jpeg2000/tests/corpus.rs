//! The corpora of the fuzz targets through the bodies of the targets.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../fuzz/bodies/decode.rs"]
mod decode;
#[path = "../fuzz/bodies/round_trip.rs"]
mod round_trip;

use std::path::Path;

/// Runs a target on its corpus and returns the number of inputs.
fn replay(target: &str, run: impl Fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).unwrap().flatten();
    files.map(|file| run(&std::fs::read(file.path()).unwrap())).count()
}

#[test]
fn the_corpus_is_harmless() {
    assert!(replay("decode", decode::run) >= 8);
}

#[test]
fn the_corpus_comes_back() {
    assert!(replay("round_trip", round_trip::run) >= 8);
}

/// Inputs that the fuzzer would find soon: all styles and many sizes.
#[test]
fn random_inputs_come_back() {
    let mut state = 11u64;
    for count in 0..400 {
        let bytes: Vec<u8> = (0..9 + count % 300)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as u8
            })
            .collect();
        round_trip::run(&bytes);
    }
}
