//! What scripts rely on: results on stdout, logs on stderr, exit codes, and what each command says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::Value;
use std::fs;
use std::path::Path;
use support::{Lender, command, entries, file_ending, files, process, sen2cor};

static SHARED: Lender = Lender::of_size("180");

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_demonstration_ends_with_a_product_and_three_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let ended = command().args(["demo", "-o", "here"]).current_dir(&folder).output().unwrap();
    let product = support::Ended::from(ended).product();
    assert!(product.is_absolute() && product.join("MTD_MSIL2A.xml").is_file());
    let pictures = files(&folder.path().join("here"));
    let pictures: Vec<_> = pictures
        .into_iter()
        .filter(|(name, _)| !name.contains('/') && Path::new(name).extension().is_some_and(|e| e == "png"))
        .collect();
    assert_eq!(pictures.len(), 3);
    for (i, (name, bytes)) in pictures.iter().enumerate() {
        assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n", "{name}");
        assert!(bytes.len() > 1000, "{name} has {} bytes", bytes.len());
        assert!(pictures[..i].iter().all(|(_, other)| other != bytes), "{name} is as another");
    }
}

/// A summary has the cost of every stage and of the whole, none of it nothing.
fn check_summary(path: &Path, stages: &[&str], product: &Path) {
    let summary = json(path);
    let number =
        |value: &Value, name: &str| value[name].as_f64().unwrap_or_else(|| panic!("{name}: {value}"));
    let all = summary["stages"].as_array().unwrap();
    for stage in all {
        assert!(number(stage, "cpu_s") >= 0.0 && number(stage, "wall_s") > 0.0, "{stage}");
        assert!(stage["bytes"].is_u64(), "{stage}");
    }
    for name in stages {
        let stage =
            all.iter().find(|s| s["stage"] == *name).unwrap_or_else(|| panic!("no {name}: {summary}"));
        assert!(number(stage, "cpu_s") > 0.0 && number(stage, "bytes") > 0.0, "{stage}");
    }
    let totals = &summary["totals"];
    for name in ["cpu_s", "wall_s", "peak_bytes"] {
        assert!(number(totals, name) > 0.0, "{name}: {totals}");
    }
    let longest = all.iter().map(|stage| number(stage, "wall_s")).fold(0.0, f64::max);
    assert!(number(totals, "wall_s") >= longest);
    assert_eq!(summary["products"], serde_json::json!([text(product)]));
}

#[test]
fn stdout_holds_results_only_and_a_summary_says_what_they_cost() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let ended = command().args(arguments).current_dir(&folder).output().unwrap();
        let ended = support::Ended::from(ended);
        let product = ended.product();
        assert!(product.is_absolute() && product.is_dir(), "{ended:#?}");
        assert_eq!(ended.stdout.lines().count(), 1, "{ended:#?}");
        assert!(ended.stderr.contains("100 % done"), "{ended:#?}");
        product
    };
    let level_1c = run(&["simulate", "--size", "120", "-o", "made/here", "--summary", "1.json"]);
    check_summary(&folder.path().join("1.json"), &["simulate", "encode", "write", "mask"], &level_1c);
    let relative = level_1c.strip_prefix(folder.path().canonicalize().unwrap()).unwrap();
    // Without --output-dir the result lies beside the input.
    let level_2a = run(&["process", relative.to_str().unwrap(), "--summary", "2.json"]);
    assert_eq!(level_2a.parent(), level_1c.parent());
    let stages = [
        "decode", "resample", "classify", "correct", "map", "colour", "preview", "average", "encode", "write",
    ];
    check_summary(&folder.path().join("2.json"), &stages, &level_2a);
    let values = json(&folder.path().join("2.json"))["values"].as_array().unwrap().len();
    assert!(values >= 8, "{values} values used");
}

#[test]
fn inspect_tells_people_and_scripts_the_same() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let ended = sen2cor(&["inspect", &text(input)]);
    assert_eq!(ended.code, 0);
    for words in
        ["spacecraft      S2A", "05.10", "offset          -1000 in all bands", "33UUB", "180 x 180 at 10 m"]
    {
        assert!(ended.stdout.contains(words), "nothing of {words:?}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("missing"), "{}", ended.stdout);
    let ended = sen2cor(&["inspect", "--json", &text(input)]);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(found["radio_add_offset"].as_object().unwrap().len(), 13);
    assert!(found["radio_add_offset"].as_object().unwrap().values().all(|offset| offset == -1000));
    let tile = &found["tiles"][0];
    assert_eq!(tile["images"].as_object().unwrap().len(), 13);
    assert_eq!(tile["shapes"]["60"], serde_json::json!([30, 30]));
    assert_eq!(tile["epsg"], 32633);
    assert_eq!(found["baseline"], "05.10");
}

#[test]
fn verify_finds_a_flipped_byte_in_products_of_either_level() {
    let shared = SHARED.lend();
    let (folder, level_1c) = shared.copy();
    let level_2a = process(&level_1c, folder.path(), &["--resolution", "60"]).product();
    for (product, image) in [(level_1c, "02021_B05.jp2"), (level_2a, "_B05_60m.jp2")] {
        let ended = sen2cor(&["verify", &text(&product)]);
        assert_eq!(ended.code, 0, "{ended:#?}");
        assert!(ended.stdout.contains(" 0 problems"), "{ended:#?}");
        let listed = ended.stdout.split(' ').next().unwrap().parse::<usize>().unwrap();
        assert_eq!(listed + 1, files(&product).len(), "all but the manifest itself are listed");
        let image = file_ending(&product, image);
        let mut bytes = fs::read(&image).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&image, bytes).unwrap();
        let ended = sen2cor(&["verify", &text(&product)]);
        assert_eq!(ended.code, 3, "{ended:#?}");
        let name = image.file_name().unwrap().to_str().unwrap();
        assert!(ended.stdout.contains(name) && ended.stdout.contains(" 1 problems"), "{ended:#?}");
        let ended = sen2cor(&["verify", "--json", &text(&product)]);
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(report["problems"].as_array().unwrap().len(), 1, "{report}");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let refused: [(&[&str], &str); 9] = [
        (&["--boa-offset", "0"], "processing-baseline"),
        (&["--boa-offset", "-500"], "boa-offset"),
        (&["--model", "physical", "--spherical-albedo-reference", "0.2"], "spherical-albedo-reference"),
        (&["--aot-550", "0.1", "--visibility-km", "23"], "visibility-km"),
        (&["--aot-550", "1.9"], "aot-550 is 1.9, allowed are 0 to 1.8"),
        (&["--elevation-km", "3.6"], "elevation-km"),
        (&["--block-cells", "100"], "block-cells"),
        (&["--resolution", "30"], "10, 20, 60, all"),
        (&["--aerosol", "desert"], "desert"),
    ];
    for (arguments, said) in refused {
        process(input, folder.path(), arguments).failed(2, &[said]);
    }
    let ended = command()
        .env("SOURCE_DATE_EPOCH", "yesterday")
        .arg("process")
        .arg(input)
        .arg("-o")
        .arg(folder.path())
        .output();
    support::Ended::from(ended.unwrap()).failed(2, &["SOURCE_DATE_EPOCH"]);
    let simulated = sen2cor(&["simulate", "--size", "100", "-o", &text(folder.path())]);
    simulated.failed(2, &["multiple of 6"]);
    assert_eq!(entries(folder.path()), [""; 0]);
}

#[test]
fn explain_prints_the_graph_and_runs_nothing() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let all = process(input, folder.path(), &["--explain"]);
    assert_eq!(all.code, 0, "{all:#?}");
    for stage in
        ["decode B01", "resample B09 to 20 m", "classify at 20 m", "correct B08 at 10 m", "encode ", "KiB"]
    {
        assert!(all.stdout.contains(stage), "nothing of {stage}: {}", all.stdout);
    }
    let native = process(input, folder.path(), &["--explain", "--resolution", "60"]);
    assert!(native.stdout.contains("classify at 60 m") && !native.stdout.contains("classify at 20 m"));
    assert!(native.stdout.lines().count() < all.stdout.lines().count());
    assert_eq!(entries(folder.path()), [""; 0]);
}

#[test]
fn a_log_in_json_is_json_on_every_line() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let levels = |ended: &support::Ended| -> Vec<String> {
        let lines = ended.stderr.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            assert!(line["timestamp"].is_string() && line["message"].is_string(), "{line}");
            line["level"].as_str().unwrap().to_owned()
        });
        lines.collect()
    };
    let arguments = ["--log-format", "json", "--resolution", "60", "--log-level", "debug"];
    let ended = process(input, folder.path(), &arguments);
    let product = ended.product();
    let found = levels(&ended);
    assert!(found.contains(&"INFO".to_owned()) && found.contains(&"DEBUG".to_owned()), "{found:?}");
    let again = process(input, folder.path(), &["--log-format", "json", "--log-level", "error"]);
    again.failed(6, &[product.to_str().unwrap()]);
    assert_eq!(levels(&again), ["ERROR"]);
    let line: Value = serde_json::from_str(again.stderr.trim_end()).unwrap();
    assert_eq!(line["exit_code"], 6);
}

#[test]
fn help_is_a_result_and_a_typing_error_is_not() {
    let ended = sen2cor(&["--help"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    for name in ["process", "inspect", "verify", "simulate", "demo"] {
        assert!(ended.stdout.contains(name), "{}", ended.stdout);
    }
    assert_eq!(sen2cor(&["--version"]).stdout, format!("sen2cor {}\n", env!("CARGO_PKG_VERSION")));
    sen2cor(&["proces"]).failed(2, &["proces"]);
    sen2cor::<&str>(&[]).failed(2, &["Usage"]);
}

/// What is asked for decides, not the folder in which it would be made.
#[test]
fn a_baseline_that_cannot_be_simulated_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for baseline in ["02.03", "5.100", "last"] {
        let ended =
            sen2cor(&["simulate", "--size", "60", "--baseline", baseline, "-o", &text(folder.path())]);
        ended.failed(2, &["baseline"]);
    }
    assert_eq!(entries(folder.path()), [""; 0]);
}
