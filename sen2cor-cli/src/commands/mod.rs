//! One file per command: arguments in, calls of the library, results out.

pub(crate) mod dem_tiles;
pub(crate) mod demo;
pub(crate) mod inspect;
pub(crate) mod l2a_process;
pub(crate) mod options;
pub(crate) mod process;
pub(crate) mod shell;
pub(crate) mod simulate;
pub(crate) mod verify;

use crate::arguments::ExecutionArguments;
use crate::option_arguments::OptionArguments;
use crate::output;
use crate::progress::Progress;
use crate::signals::Stop;
use crate::stage_table::table;
use anyhow::Context as _;
use indicatif::ProgressBar;
use sen2cor::{Execution, Executor, RawOptions, RunContext, RunReport, Timestamp};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// The executor that was asked for.
fn executor(arguments: &ExecutionArguments) -> anyhow::Result<Arc<dyn Executor>> {
    let execution = Execution {
        strategy: arguments.executor,
        workers: arguments.workers,
        unit_limit: arguments.unit_timeout,
        ..Execution::default()
    };
    Ok(execution.start()?)
}

fn context(stop: &Stop, bar: &ProgressBar, memory_budget: Option<u64>) -> RunContext {
    RunContext {
        cancel: stop.token(),
        observer: Some(Progress::new(bar.clone())),
        plane_budget_bytes: memory_budget,
    }
}

/// The time that was asked for: by the flag, else by the variable that reproducible builds use.
fn generation_time(flag: Option<Timestamp>) -> anyhow::Result<Option<Timestamp>> {
    if flag.is_some() {
        return Ok(flag);
    }
    let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let time = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let problem = || {
        let reason = format!("SOURCE_DATE_EPOCH is {text:?}, expected seconds since 1970");
        sen2cor::Error::Options(vec![sen2cor::InvalidOption::Conflict { reason }])
    };
    Ok(Some(time.ok_or_else(problem)?))
}

/// The options of a run: flags over a configuration file, and the time of reproducible builds where none is given.
fn effective(arguments: OptionArguments) -> anyhow::Result<RawOptions> {
    let mut raw = arguments.into_raw()?;
    raw.product.generation_time = generation_time(raw.product.generation_time)?;
    Ok(raw)
}

/// Shows what a run has cost and prints its products, the last one in the last line.
fn conclude(
    report: &RunReport,
    arguments: &ExecutionArguments,
    bar: &ProgressBar,
) -> anyhow::Result<ExitCode> {
    bar.finish_and_clear();
    tracing::info!("\n{}", table(&report.stages, &report.totals));
    if let Some(path) = &arguments.summary {
        write_summary(path, report)?;
    }
    if let Some(path) = &arguments.trace {
        write_trace(path, report)?;
    }
    for product in &report.products {
        output::line(product.to_string_lossy())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a summary file.
fn write_summary(path: &Path, summary: &RunReport) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(summary).context("the summary cannot be written as JSON")?;
    std::fs::write(path, text + "\n").map_err(|e| sen2cor::Error::output_io(path, "writing", e))?;
    Ok(())
}

/// Writes the trace of a run.
fn write_trace(path: &Path, report: &RunReport) -> anyhow::Result<()> {
    let failed = |error| sen2cor::Error::output_io(path, "writing", error);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    report.trace.write_chrome(&mut file).and_then(|()| file.flush()).map_err(failed)?;
    Ok(())
}
