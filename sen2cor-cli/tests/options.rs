//! Options from flags and from files, and what is made of their definitions: printed files, schema, completions, manual pages.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use support::{Ended, Lender, process, sen2cor};

static SHARED: Lender = Lender::of_size("60");

fn printed(arguments: &[&str]) -> String {
    let Ended { code, stdout, stderr } = sen2cor(&[&["options", "--print"], arguments].concat());
    assert_eq!(code, 0, "{stderr}");
    stdout
}

#[test]
fn flags_go_over_a_file_over_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.toml");
    fs::write(&file, "aot-550 = 0.3\nozone_du = 300\n[thresholds]\nsnow_ndsi.low = 0.3\n").unwrap();
    let file = file.to_str().unwrap();
    let text = printed(&["--config", file, "--ozone-du", "310"]);
    let values: toml::Table = text.parse().unwrap();
    assert_eq!(values["aot_550"].as_float(), Some(0.3));
    assert_eq!(values["ozone_du"].as_float(), Some(310.0));
    assert_eq!(values["thresholds"]["snow_ndsi"]["high"].as_float(), Some(0.5));
    let text = printed(&["--config", file, "--visibility-km", "23"]);
    assert!(text.contains("\nvisibility_km = 23.0\n") && text.contains("\n# aot_550 =\n"), "{text}");
}

#[test]
fn what_is_printed_runs_as_what_was_given() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--model", "physical", "--aot-550", "0.25", "--resolution", "60"];
    let file = folder.path().join("printed.toml");
    fs::write(&file, printed(&flags)).unwrap();
    let by_flags = process(&shared.level_1c, &folder.path().join("flags"), &flags).product();
    let config = ["--config", file.to_str().unwrap()];
    let by_file = process(&shared.level_1c, &folder.path().join("file"), &config).product();
    support::assert_same_files(&by_flags, &by_file);
}

#[test]
fn a_file_with_mistakes_is_refused_with_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    fs::write(&file, "ozone = 300\nmodel = \"best\"\n").unwrap();
    let name = file.to_str().unwrap();
    sen2cor(&["options", "--print", "--config", name])
        .failed(2, &["bad.toml", "\"ozone\"", "model: unknown variant"]);
    fs::write(&file, "aot_550 = = 1").unwrap();
    sen2cor(&["process", "none", "--config", name]).failed(2, &["bad.toml", "TOML"]);
    let missing = folder.path().join("none.toml");
    sen2cor(&["process", "none", "--config", missing.to_str().unwrap()]).failed(2, &["none.toml"]);
}

#[test]
fn the_schema_is_json_and_knows_the_options() {
    let text = sen2cor(&["options", "--schema"]).stdout;
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["properties"]["model"]["enum"][1], "physical");
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn shells_and_manuals_know_the_options() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sen2cor(&["completions", shell]).stdout;
        assert!(script.contains("water-vapour-cm"), "{shell}");
    }
    assert!(sen2cor(&["man"]).stdout.contains(".TH sen2cor"));
    assert!(sen2cor(&["man", "process"]).stdout.contains("water\\-vapour\\-cm"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(sen2cor(&["man", "--output-dir", folder.path().to_str().unwrap()]).code, 0);
    assert!(folder.path().join("sen2cor-process.1").is_file());
}
