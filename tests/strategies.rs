//! Whole products by every strategy: the same bytes, also when workers are killed at random moments.
//!
//! `SEN2COR_FAULT_RUNS=100 cargo test -p sen2cor --test strategies -- killed` kills for longer.

#![cfg_attr(not(unix), allow(unused, reason = "there are no worker processes"))]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sen2cor::{
    Event, Execution, Executor, KERNELS, Observer, Options, OutputResolution, Processes, Processor,
    RawOptions, RunContext, RunReport, Simulation, Simulator, Strategy, Timestamp, worker,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

fn time() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// A simulated product.
fn input(size_px: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let simulation = Simulation { size_px, generation_time: Some(time()), ..Simulation::default() };
    let report = Simulator::new(simulation, folder.path()).run().unwrap();
    (folder, report.products[0].clone())
}

/// All files of a product by their paths.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Processes a product and takes its files away; what is left in the folder is an error.
fn process(
    input: &Path,
    executor: Arc<dyn Executor>,
    raw: RawOptions,
    context: RunContext,
) -> (BTreeMap<PathBuf, Vec<u8>>, RunReport) {
    let folder = tempfile::tempdir().unwrap();
    let mut raw = raw;
    raw.product.generation_time = Some(time());
    let options = Options::try_from(raw).unwrap();
    let report = Processor::new(input)
        .with_options(options)
        .with_output_dir(folder.path())
        .with_executor(executor)
        .with_context(context)
        .run()
        .unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    (files(&report.products[0]), report)
}

fn assert_same(found: &BTreeMap<PathBuf, Vec<u8>>, reference: &BTreeMap<PathBuf, Vec<u8>>, what: &str) {
    let differing: Vec<_> = reference
        .keys()
        .chain(found.keys())
        .filter(|name| found.get(*name) != reference.get(*name))
        .collect();
    assert!(differing.is_empty(), "{what}: these differ: {differing:#?}");
}

fn execution(strategy: Strategy, workers: usize) -> Execution {
    Execution { strategy, workers, ..Execution::default() }
}

fn every_strategy_makes_the_same_product() {
    let (_folder, input) = input(240);
    for resolution in [OutputResolution::All, OutputResolution::R60] {
        let mut raw = RawOptions::default();
        raw.product.resolution = Some(resolution);
        let run = |execution: &Execution, raw: &RawOptions| {
            process(&input, execution.start().unwrap(), raw.clone(), RunContext::default()).0
        };
        let reference = run(&execution(Strategy::Sequential, 1), &raw);
        assert!(reference.len() > 10);
        for strategy in [Strategy::Threads, Strategy::Processes] {
            for workers in [1, 2, 3] {
                let what = format!("{strategy} x {workers}");
                assert_same(&run(&execution(strategy, workers), &raw), &reference, &what);
            }
        }
        let in_files = Execution { planes_in_files: true, ..execution(Strategy::Processes, 2) };
        assert_same(&run(&in_files, &raw), &reference, "planes in files");
        raw.execution.block_cells = Some(60);
        assert_same(&run(&execution(Strategy::Processes, 2), &raw), &reference, "small blocks");
    }
}

fn every_strategy_simulates_the_same_scene() {
    let simulate = |execution: Execution| {
        let folder = tempfile::tempdir().unwrap();
        let simulation = Simulation { size_px: 240, generation_time: Some(time()), ..Simulation::default() };
        let simulator = Simulator::new(simulation, folder.path()).with_executor(execution.start().unwrap());
        files(&simulator.with_truth(folder.path().join("truth")).run().unwrap().products[0])
    };
    let reference = simulate(execution(Strategy::Sequential, 1));
    for strategy in [Strategy::Threads, Strategy::Processes] {
        assert_same(&simulate(execution(strategy, 2)), &reference, strategy.name());
    }
}

fn the_least_memory_is_enough() {
    let (folder, input) = input(240);
    let reference = process(
        &input,
        execution(Strategy::Sequential, 1).start().unwrap(),
        RawOptions::default(),
        RunContext::default(),
    );
    let explained = Processor::new(&input).explain().unwrap();
    let least_kib: u64 = explained
        .lines()
        .last()
        .and_then(|line| line.split("at least ").nth(1)?.split(' ').next()?.parse().ok())
        .unwrap();
    let budget = least_kib * 1024;
    assert!(budget < reference.1.totals.peak_plane_bytes, "{budget}");
    for strategy in Strategy::ALL {
        let context = RunContext { plane_budget_bytes: Some(budget), ..RunContext::default() };
        let executor = execution(strategy, 3).start().unwrap();
        let (files, report) = process(&input, executor, RawOptions::default(), context);
        assert!(report.totals.peak_plane_bytes <= budget);
        assert_same(&files, &reference.0, strategy.name());
    }
    let context = RunContext { plane_budget_bytes: Some(budget / 2), ..RunContext::default() };
    let refused = Processor::new(&input).with_output_dir(folder.path()).with_context(context).run();
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), sen2cor::FailureKind::Options);
    assert!(error.to_string().contains("needs at least"), "{error}");
}

fn workers_killed_at_random_moments_change_no_product() {
    let runs = std::env::var("SEN2COR_FAULT_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let (_folder, input) = input(480);
    let mut raw = RawOptions::default();
    raw.execution.block_cells = Some(120);
    let sequential = execution(Strategy::Sequential, 1).start().unwrap();
    let (reference, _) = process(&input, sequential, raw.clone(), RunContext::default());
    let pool = Arc::new(Processes::builder(KERNELS, worker::BUILD).workers(3).start().unwrap());
    let done = Arc::new(UnitsDone::default());
    let stop = AtomicBool::new(false);
    // A unit that loses its worker three times fails the product, and on a slow machine a long unit can be hit
    // each time: two workers a product die.
    let lives = AtomicUsize::new(0);
    let mut seed = u64::from(std::process::id());
    let killed = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let (mut killed, mut next) = (0, 10);
            while !stop.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
                if done.0.load(Ordering::SeqCst) < next || lives.load(Ordering::SeqCst) == 0 {
                    continue;
                }
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                next = done.0.load(Ordering::SeqCst) + 20 + (seed >> 33) as usize % 60;
                let ids = pool.worker_ids();
                let victim = ids.get((seed >> 20) as usize % ids.len().max(1)).copied().unwrap_or(0);
                if victim > 0 && kill(Pid::from_raw(victim as i32), Signal::SIGKILL).is_ok() {
                    killed += 1;
                    lives.fetch_sub(1, Ordering::SeqCst);
                }
            }
            killed
        });
        let _stop = StopAtEnd(&stop);
        for run in 0..runs {
            lives.store(2, Ordering::SeqCst);
            let context = RunContext { observer: Some(done.clone()), ..RunContext::default() };
            let (files, _) = process(&input, pool.clone(), raw.clone(), context);
            assert_same(&files, &reference, &format!("run {run}"));
        }
        stop.store(true, Ordering::SeqCst);
        killer.join().unwrap()
    });
    println!("{runs} products, {killed} workers killed");
    assert!(killed >= runs, "only {killed} workers were killed in {runs} products");
}

/// Counts units.
#[derive(Default)]
struct UnitsDone(AtomicUsize);

impl Observer for UnitsDone {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::UnitDone { .. }) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Also a test that fails comes to its end.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn a_run_tells_where_its_time_went() {
    let (_folder, input) = input(240);
    for strategy in Strategy::ALL {
        let executor = execution(strategy, 2).start().unwrap();
        let workers = executor.slots();
        let (_, report) = process(&input, executor, RawOptions::default(), RunContext::default());
        let mut trace = Vec::new();
        report.trace.write_chrome(&mut trace).unwrap();
        let trace: serde_json::Value = serde_json::from_slice(&trace).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        let rows: std::collections::BTreeSet<u64> =
            events.iter().filter(|e| e["cat"] == "encode").map(|e| e["tid"].as_u64().unwrap()).collect();
        assert_eq!(rows.len(), workers, "{strategy}: every worker has a row");
        let busy = report.totals.busy_share;
        assert!(busy > 0.0 && busy <= 1.0, "{busy}");
        let units: f64 = report.stages.iter().map(|stage| stage.cpu_s).sum();
        assert!(report.totals.cpu_s > 0.5 * units, "{strategy}: the workers' time is missing in the total");
    }
}

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        vec![$(Trial::test(stringify!($name), || {
            $name();
            Ok(())
        })),*]
    };
}

#[cfg(unix)]
fn main() {
    worker::run_if_asked();
    let trials = trials![
        every_strategy_makes_the_same_product,
        every_strategy_simulates_the_same_scene,
        the_least_memory_is_enough,
        workers_killed_at_random_moments_change_no_product,
        a_run_tells_where_its_time_went,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

#[cfg(not(unix))]
fn main() {}
