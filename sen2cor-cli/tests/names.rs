//! Names of products, and what a second run on the same input does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;
use support::{Ended, Lender, command, entries, files, process};

static SHARED: Lender = Lender::of_size("60");

/// A run without a fixed time: each has a name of its own.
fn run(input: &Path, folder: &Path, time: &str, arguments: &[&str]) -> Ended {
    let mut command = command();
    command
        .arg("process")
        .arg(input)
        .args(["--resolution", "60", "--generation-time", time, "-o"])
        .arg(folder);
    command.args(arguments).output().unwrap().into()
}

#[test]
fn a_finished_product_is_recognised_whenever_it_was_made() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let at = |time, arguments: &[&str]| run(&shared.level_1c, folder.path(), time, arguments);
    let first = at("2026-01-02T03:04:05Z", &[]).product();
    assert_eq!(at("2026-02-02T03:04:05Z", &["--block-cells", "60"]).product(), first);
    let other = at("2026-03-02T03:04:05Z", &["--ozone-du", "300"]).product();
    assert_ne!(other, first);
    assert_eq!(at("2026-04-02T03:04:05Z", &["--ozone-du", "300"]).product(), other);
    assert_eq!(entries(folder.path()).len(), 2);
    // Redone: the new one takes the place of the old one, the other stays.
    let redone = at("2026-05-02T03:04:05Z", &["--overwrite"]).product();
    assert!(redone.is_dir() && !first.exists() && other.is_dir());
}

#[test]
fn the_summary_tells_what_was_there_before() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary.json");
    let arguments = ["--summary", summary.to_str().unwrap()];
    for count in [0, 1] {
        run(&shared.level_1c, folder.path(), "2026-01-02T03:04:05Z", &arguments).product();
        let text = std::fs::read_to_string(&summary).unwrap();
        let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(summary["recognised"].as_array().unwrap().len(), count);
        assert_eq!(summary["products"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_product_is_called_as_asked() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["--resolution", "60", "--output-name", "mine_{tile}.SAFE", "--processing-baseline", "05.11"];
    let product = process(&shared.level_1c, folder.path(), &arguments).product();
    assert_eq!(product, std::path::absolute(folder.path().join("mine_33UUB.SAFE")).unwrap());
    let usual =
        process(&shared.level_1c, folder.path(), &[&arguments[..2], &arguments[4..]].concat()).product();
    assert!(usual.to_str().unwrap().contains("_N0511_"));
    assert_eq!(files(&product), files(&usual), "the name alone differs");
    assert_eq!(process(&shared.level_1c, folder.path(), &arguments).product(), product);
    for name in ["", "a/b", "..", "/a", ".hidden"] {
        process(&shared.level_1c, folder.path(), &["--output-name", name]).failed(2, &["output-name"]);
    }
}

#[test]
fn what_the_input_brings_along_is_carried_on() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let product = process(&shared.level_1c, folder.path(), &["--resolution", "60"]).product();
    let (input, output) = (files(&shared.level_1c), files(&product));
    let quality = |files: &std::collections::BTreeMap<String, Vec<u8>>, name: &str| {
        let found = files.iter().find(|(path, _)| path.ends_with(&format!("/QI_DATA/{name}")));
        found.unwrap_or_else(|| panic!("no {name}")).1.clone()
    };
    for name in ["MSK_DETFOO_B01.jp2", "MSK_QUALIT_B8A.jp2", "MSK_CLASSI_B00.jp2"] {
        assert_eq!(quality(&input, name), quality(&output, name), "{name}");
    }
    let metadata = std::fs::read_to_string(support::file_ending(&product, "/MTD_TL.xml")).unwrap();
    assert_eq!(metadata.matches("<MASK_FILENAME").count(), 27 + 2);
    assert!(output.contains_key("HTML/preview.png"));
}
