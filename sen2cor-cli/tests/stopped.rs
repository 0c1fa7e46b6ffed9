//! Runs that end early: by a signal, by a full disk. Nothing half-made is left, and the exit code says whether another
//! try is worth it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Ended, Lender, TIME, command, entries, process, simulate};

/// Large enough that a run lasts while a signal is on its way.
static SHARED: Lender = Lender::of_size("1098");

const NOTHING: [&str; 0] = [];

/// Starts a run, sends a signal when the first line of progress comes, and gives the exit code, what was said after and
/// how long the end took.
fn stop(mut run: Command, signal: &str) -> (i32, String, Duration) {
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("% done") {
        line.clear();
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "ended before any progress");
    }
    let asked = Instant::now();
    let id = child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    let mut rest = String::new();
    errors.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"", "a run that was stopped has no results");
    (output.status.code().unwrap_or(-1), rest, asked.elapsed())
}

#[test]
fn a_signal_ends_a_run_and_leaves_nothing() {
    let shared = SHARED.lend();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        for workers in ["1", "3"] {
            let output = tempfile::tempdir().unwrap();
            let mut run = command();
            run.arg("process")
                .arg(&shared.level_1c)
                .arg("-o")
                .arg(output.path())
                .args(["--workers", workers]);
            let (ended, said, took) = stop(run, signal);
            assert_eq!(ended, code, "{said}");
            assert!(said.contains("cancelled"), "{said}");
            assert_eq!(entries(output.path()), NOTHING, "{said}");
            println!("{signal} with {workers} workers: ended after {:.2} s", took.as_secs_f64());
        }
    }
}

#[test]
fn a_signal_ends_a_simulation_and_leaves_the_product_that_was_there() {
    let output = tempfile::tempdir().unwrap();
    let product = simulate(output.path(), &["--size", "120"]);
    let before = support::files(&product);
    let mut run = command();
    run.args([
        "simulate",
        "--size",
        "1098",
        "--workers",
        "1",
        "--overwrite",
        "--generation-time",
        TIME,
        "-o",
    ]);
    run.arg(output.path());
    let (ended, said, _) = stop(run, "TERM");
    assert_eq!(ended, 143, "{said}");
    support::assert_same(&before, &support::files(&product));
    assert_eq!(entries(output.path()), [product.file_name().unwrap().to_str().unwrap()]);
}

/// Runs the command with a small file system of its own at `output`; the listing of that folder comes last on stdout.
fn with_little_space(arguments: &[&str], output: &Path, kilobytes: u32) -> Option<(Ended, String)> {
    let script = "mount -t tmpfs -o size=\"$SIZE\"k none \"$PLACE\" || exit 99
        \"$@\"
        code=$?
        echo \"left: $(ls -A \"$PLACE\")\"
        exit $code";
    let run = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_sen2cor")])
        .args(arguments)
        .env("SIZE", kilobytes.to_string())
        .env("PLACE", output)
        .env_remove("SOURCE_DATE_EPOCH")
        .output();
    let ended = Ended::from(run.ok()?);
    let left = ended.stdout.split_once("left: ")?.1.trim().to_owned();
    (ended.code != 99).then_some((ended, left))
}

/// 4 KiB hardly hold the folders, the other sizes some of the images, or all of them but not the metadata.
#[test]
fn a_full_disk_is_worth_another_try_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("small");
    std::fs::create_dir(&output).unwrap();
    let level_1c = simulate(folder.path(), &["--size", "240"]);
    let needed: usize = support::files(&process(&level_1c, &folder.path().join("2A"), &[]).product())
        .values()
        .map(|bytes| bytes.len().div_ceil(4096) * 4)
        .sum();
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let (input, place) = (text(&level_1c), text(&output));
    for kilobytes in [4, 64, 400, needed as u32 - 100] {
        for arguments in [
            &["process", &input, "-o", &place][..],
            &["process", &input, "-o", &place, "--executor", "sequential", "--workers", "1"],
        ] {
            let Some((ended, left)) = with_little_space(arguments, &output, kilobytes) else {
                eprintln!("skipped: no file system may be mounted here");
                return;
            };
            assert_eq!(ended.code, 75, "{kilobytes} kB: {ended:#?}");
            assert!(ended.stderr.contains("No space left"), "{kilobytes} kB: {ended:#?}");
            assert!(ended.stderr.contains(&place), "the file is not named: {ended:#?}");
            assert_eq!(left, "", "{kilobytes} kB");
        }
    }
    let (ended, left) = with_little_space(&["process", &input, "-o", &place], &output, 16_000).unwrap();
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert!(left.starts_with("S2A_MSIL2A_") && !left.contains("partial"), "{left}");
}
