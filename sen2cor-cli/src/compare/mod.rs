//! `sen2cor compare`: the same product by every strategy and number of workers, several times in turns.
//!
//! Each run is a process of its own, so that nothing of one run is left in the memory of the next, and everything is
//! counted that it costs. Runs of all kinds take turns, so that a machine which is slower for a while is slower for all.

mod chart;
mod draw;
mod measure;
mod result;
mod table;

pub(crate) use result::Comparison;

use crate::arguments::CompareArguments;
use crate::output;
use crate::signals::Stop;
use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use measure::{Config, Measured, Run};
use result::Setting;
use sen2cor::{Simulation, Simulator, Strategy};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit code if strategies differ, which is a failure of the execution.
const DIFFERS: u8 = 5;

/// Runs the comparison that was asked for.
pub(crate) fn run(arguments: &CompareArguments, stop: &Stop, bar: &ProgressBar) -> anyhow::Result<ExitCode> {
    if let Some(plot) = &arguments.plot {
        draw::Format::of(plot)?;
    }
    let configs = configs(arguments)?;
    let base = arguments.work_dir.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new()
        .prefix("sen2cor-compare-")
        .disable_cleanup(arguments.keep)
        .tempdir_in(&base)
        .map_err(|e| sen2cor::Error::output_io(&base, "making a folder in", e))?;
    let input = input(arguments, folder.path(), stop)?;
    let runs = measure_all(arguments, &input, folder.path(), &configs, stop, bar)?;
    let comparison = Comparison::new(setting(&input), runs.single, &runs.pairs);
    bar.finish_and_clear();
    output::line(table::text(&comparison).trim_end())?;
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&comparison).context("the comparison as JSON")?;
        fs::write(path, text + "\n").map_err(|e| sen2cor::Error::output_io(path, "writing", e))?;
    }
    if let Some(path) = &arguments.plot {
        draw::write(&chart::chart(&comparison), path)?;
    }
    if arguments.keep {
        output::line(format!("products: {}", folder.path().display()))?;
    }
    Ok(if comparison.identical { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

fn configs(arguments: &CompareArguments) -> anyhow::Result<Vec<Config>> {
    let mut workers = arguments.workers.clone();
    if workers.is_empty() {
        workers = default_workers();
    }
    let invalid = |reason: &str| {
        let reason = reason.to_owned();
        sen2cor::Error::Options(vec![sen2cor::InvalidOption::Conflict { reason }])
    };
    if workers.contains(&0) {
        bail!(invalid("workers are counted from 1"));
    }
    if arguments.repeat == 0 {
        bail!(invalid("repeat is at least 1"));
    }
    workers.sort_unstable();
    workers.dedup();
    let mut strategies = arguments.executors.clone();
    strategies.sort_unstable();
    strategies.dedup();
    let configs = strategies.into_iter().flat_map(|strategy| {
        let workers = if strategy == Strategy::Sequential { vec![1] } else { workers.clone() };
        workers.into_iter().map(move |workers| Config { strategy, workers })
    });
    Ok(configs.collect())
}

/// 1, 2, 4 and so on up to all processors.
fn default_workers() -> Vec<usize> {
    let all = processors();
    let mut workers: Vec<usize> =
        std::iter::successors(Some(1), |n| Some(2 * n)).take_while(|&n| n < all).collect();
    workers.push(all);
    workers
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn input(arguments: &CompareArguments, folder: &Path, stop: &Stop) -> anyhow::Result<PathBuf> {
    if let Some(input) = &arguments.input {
        return Ok(input.clone());
    }
    let size_px = arguments.simulate.context("neither a product nor a size is given")?;
    let context = sen2cor::RunContext { cancel: stop.token(), ..sen2cor::RunContext::default() };
    let simulation = Simulation { size_px, ..Simulation::default() };
    let report = Simulator::new(simulation, folder).with_context(context).run()?;
    report.products.first().cloned().context("nothing was simulated")
}

fn setting(input: &Path) -> Setting {
    Setting {
        input: input.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        processors: processors(),
        memory_bytes: sen2cor::exec::usable_memory_bytes(),
    }
}

struct Runs {
    single: Vec<Measured>,
    /// Times of two one-worker runs side by side, s.
    pairs: Vec<f64>,
}

fn measure_all(
    arguments: &CompareArguments,
    input: &Path,
    folder: &Path,
    configs: &[Config],
    stop: &Stop,
    bar: &ProgressBar,
) -> anyhow::Result<Runs> {
    let run = |config| Run { input, folder, config, options: &arguments.options, keep: arguments.keep };
    // What two workers can reach at all on this machine at this time.
    let alone = configs.iter().rev().find(|c| c.workers == 1).copied();
    let pair = alone.filter(|_| configs.iter().any(|c| c.workers == 2));
    let (mut single, mut pairs) = (Vec::new(), Vec::new());
    bar.set_length((arguments.repeat * (configs.len() + usize::from(pair.is_some()))) as u64);
    for round in 0..arguments.repeat {
        // Every second round goes backwards, so that nobody always comes after the same one.
        let mut order: Vec<Config> = configs.to_vec();
        if round % 2 == 1 {
            order.reverse();
        }
        for config in order {
            bar.set_message(config.to_string());
            let measured = run(config).measure(round, stop)?;
            tracing::info!("round {}: {config}: {:.2} s", round + 1, measured.wall_s);
            single.push(measured);
            bar.inc(1);
        }
        if let Some(config) = pair {
            bar.set_message("two side by side");
            pairs.push(measure::side_by_side(&run(config), stop)?);
            bar.inc(1);
        }
    }
    Ok(Runs { single, pairs })
}
