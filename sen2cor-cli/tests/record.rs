//! Fallbacks and warnings stand in the log, in the summary and in the product.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::Value;
use std::fs;
use support::{Lender, file_ending, process};

static SHARED: Lender = Lender::of_size("60");

#[test]
fn a_fallback_stands_in_log_summary_and_product() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary.json");
    let arguments = ["--summary", summary.to_str().unwrap(), "--resolution", "60"];
    let ended = process(&shared.level_1c, folder.path(), &arguments);
    let product = ended.product();
    let quality: Value = serde_json::from_str(&fs::read_to_string(&summary).unwrap()).unwrap();
    let quality = quality["quality"].as_array().unwrap().clone();
    let note = quality.iter().find(|note| note["code"] == "NO_ELEVATION_MODEL").unwrap();
    assert_eq!((note["tile"].as_str(), note["severity"].as_str()), (Some("33UUB"), Some("fallback")));
    let report = fs::read_to_string(file_ending(&product, "L2A_QUALITY.xml")).unwrap();
    for note in &quality {
        let (code, message) = (note["code"].as_str().unwrap(), note["message"].as_str().unwrap());
        assert!(ended.stderr.contains(message), "{message} is not in the log: {}", ended.stderr);
        assert!(report.contains(&format!("name=\"{code}\">{message}<")), "{message} is not in the product");
    }
}
