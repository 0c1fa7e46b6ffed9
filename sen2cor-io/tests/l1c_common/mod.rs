//! Finding real data for the tests of Level-1C input.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests, which may fail and tell why")]

use std::path::{Path, PathBuf};

/// The folder of real data, or `None` (with a printed reason) if there is none.
pub(crate) fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("SEN2COR_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    if folder.join("templates").is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no real data in {} (set SEN2COR_TEST_DATA)", folder.display());
    None
}

/// All files below a folder that a condition holds for, sorted.
#[allow(dead_code, reason = "not every test needs it")]
pub(crate) fn files_named(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_named(&path, wanted));
        } else if wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}
