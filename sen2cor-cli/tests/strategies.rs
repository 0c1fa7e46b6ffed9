//! Strategies as a user sees them: the comparison with its files, traces, memory budgets, and worker processes that leave
//! nothing behind when a run is ended.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Lender, command, entries, process, sen2cor};

static SHARED: Lender = Lender::of_size("240");

/// Large enough that a run lasts while it is ended from outside.
static LARGE: Lender = Lender::of_size("1098");

const NOTHING: [&str; 0] = [];

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_comparison_tells_times_and_that_products_are_identical() {
    let folder = tempfile::tempdir().unwrap();
    let (work, figures) = (folder.path().join("work"), folder.path().join("figures.json"));
    fs::create_dir(&work).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let picture = folder.path().join("picture.svg");
    let ended = sen2cor(&[
        "compare",
        "--simulate",
        "240",
        "--executors",
        "processes,sequential,threads",
        "--workers",
        "1,2",
        "--repeat",
        "2",
        "--json",
        &text(&figures),
        "--plot",
        &text(&picture),
        "--work-dir",
        &text(&work),
    ]);
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert_eq!(entries(&work), NOTHING, "the products are left");
    let figures = json(&figures);
    assert_eq!(figures["identical"], true);
    let runs = figures["runs"].as_array().unwrap();
    let kinds: Vec<(&str, u64)> = runs
        .iter()
        .map(|run| (run["executor"].as_str().unwrap(), run["workers"].as_u64().unwrap()))
        .collect();
    for kind in [("sequential", 1), ("threads", 1), ("threads", 2), ("processes", 1), ("processes", 2)] {
        assert_eq!(kinds.iter().filter(|other| **other == kind).count(), 2, "{kind:?} in {kinds:?}");
    }
    for run in runs {
        for field in ["wall_s", "cpu_s", "peak_bytes"] {
            assert!(run[field].as_f64().unwrap() > 0.0, "{field} of {run}");
        }
        assert!(!run["stages"].as_array().unwrap().is_empty(), "{run}");
    }
    let picture = fs::read_to_string(picture).unwrap();
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
    assert!(picture.contains("processes") && picture.contains("encode"));
}

#[test]
fn a_comparison_that_cannot_be_made_says_why() {
    let shared = SHARED.lend();
    let input = shared.level_1c.to_str().unwrap();
    sen2cor(&["compare", input, "--workers", "0"]).failed(2, &["workers are counted from 1"]);
    sen2cor(&["compare", input, "--plot", "picture.gif"]).failed(2, &["picture.gif"]);
    sen2cor(&["compare", "nowhere.SAFE"]).failed(3, &["nowhere.SAFE"]);
}

#[test]
fn a_trace_has_a_row_for_every_worker() {
    let (shared, folder) = (SHARED.lend(), tempfile::tempdir().unwrap());
    for executor in ["threads", "processes"] {
        let (trace, summary) = (folder.path().join("trace.json"), folder.path().join("summary.json"));
        let arguments = ["--executor", executor, "--workers", "2", "--trace"];
        let arguments =
            [&arguments[..], &[trace.to_str().unwrap(), "--summary", summary.to_str().unwrap()]].concat();
        process(&shared.level_1c, &folder.path().join(executor), &arguments).product();
        let trace = json(&trace);
        let events = trace["traceEvents"].as_array().unwrap();
        let rows: BTreeSet<u64> = events
            .iter()
            .filter(|event| event["ph"] == "X" && event["cat"] == "encode")
            .map(|event| event["tid"].as_u64().unwrap())
            .collect();
        assert_eq!(rows.len(), 2, "{executor}");
        assert!(json(&summary)["totals"]["cpu_s"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_budget_is_kept_or_refused() {
    let (shared, folder) = (SHARED.lend(), tempfile::tempdir().unwrap());
    let explained = process(&shared.level_1c, folder.path(), &["--explain"]);
    let needed = explained.stdout.lines().last().unwrap().split("at least ").nth(1).unwrap();
    let needed_kib: u64 = needed.split(' ').next().unwrap().parse().unwrap();
    let summary = folder.path().join("summary.json");
    let enough = format!("{needed_kib}KiB");
    let arguments = ["--workers", "2", "--memory-budget", &enough, "--summary", summary.to_str().unwrap()];
    process(&shared.level_1c, &folder.path().join("enough"), &arguments).product();
    let peak = json(&summary)["totals"]["peak_plane_bytes"].as_u64().unwrap();
    assert!(peak > 0 && peak <= needed_kib * 1024, "{peak} of {needed_kib} KiB");
    let little = format!("{}KiB", needed_kib - 1);
    let output = folder.path().join("little");
    process(&shared.level_1c, &output, &["--memory-budget", &little]).failed(2, &["needs at least"]);
    assert!(!output.exists() || entries(&output) == NOTHING);
}

/// The children of a process, as far as the system tells them.
fn children(parent: u32) -> Vec<u32> {
    let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &parent.to_string()]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn is_alive(pid: u32) -> bool {
    // A process that has ended but was not waited for yet runs no more.
    let state = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap().stdout;
    !state.is_empty() && !state.starts_with(b"Z")
}

#[test]
fn worker_processes_end_with_their_run() {
    let shared = LARGE.lend();
    for (signal, code) in [("INT", 130), ("TERM", 143), ("KILL", -1)] {
        let output = tempfile::tempdir().unwrap();
        let mut run = command();
        run.arg("process").arg(&shared.level_1c).arg("-o").arg(output.path());
        run.args(["--executor", "processes", "--workers", "3"]);
        let mut run = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut errors = BufReader::new(run.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("% done") {
            line.clear();
            assert_ne!(errors.read_line(&mut line).unwrap(), 0, "ended before any progress");
        }
        let workers = children(run.id());
        assert_eq!(workers.len(), 3, "{signal}");
        let sent = Command::new("kill").args([&format!("-{signal}"), &run.id().to_string()]).status();
        assert!(sent.unwrap().success());
        // Read on, so that the run can say its last words.
        std::io::copy(&mut errors, &mut std::io::sink()).unwrap();
        assert_eq!(run.wait().unwrap().code().unwrap_or(-1), code, "{signal}");
        let asked = Instant::now();
        while workers.iter().any(|pid| is_alive(*pid)) {
            assert!(asked.elapsed() < Duration::from_secs(20), "{signal}: a worker is still there");
            std::thread::sleep(Duration::from_millis(5));
        }
        if signal != "KILL" {
            assert_eq!(entries(output.path()), NOTHING, "{signal}");
        }
    }
}
