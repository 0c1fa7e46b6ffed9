//! `sen2cor l2a-process`, and the program when it is called `L2A_Process`: the original's command line.
//!
//! Exit codes are 0 and 1, progress goes to stdout in the original's form, which SNAP and other wrappers read; the last line
//! is the path of the product as everywhere.

use crate::drop_in::L2aProcessArguments;
use crate::output;
use crate::signals::Stop;
use sen2cor::{
    Event, Gipp, KERNELS, Observer, Options, Processor, QualityNote, RawOptions, RunContext, Threads,
};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use toml::{Table, Value};

/// What the parameter files say.
pub(crate) fn parameters(arguments: &L2aProcessArguments) -> anyhow::Result<Gipp> {
    let mut gipp = Gipp::default();
    for file in arguments.parameter_files() {
        gipp.read(&file)?;
    }
    Ok(gipp)
}

pub(crate) fn run(arguments: &L2aProcessArguments, mut gipp: Gipp, stop: &Stop) -> anyhow::Result<ExitCode> {
    if let Some(mode) = arguments.mode {
        let reason = format!("the ground segment mode {mode:?} is not supported: leave --mode out");
        return Err(sen2cor::Error::Options(vec![sen2cor::InvalidOption::Conflict { reason }]).into());
    }
    for (name, reason) in arguments.without_effect() {
        gipp.reject(name, "given", reason);
    }
    let options = options(arguments, &gipp)?;
    let progress = Arc::new(Progress::new());
    let context =
        RunContext { cancel: stop.token(), observer: Some(progress.clone()), ..RunContext::default() };
    let threads = Threads::new(KERNELS, gipp.threads.unwrap_or(0)).map_err(sen2cor::Error::from)?;
    let notes = gipp.not_honoured.into_iter().map(QualityNote::NotHonoured).collect();
    let mut processor = Processor::new(arguments.product())
        .with_options(options)
        .with_notes(notes)
        .with_executor(Arc::new(threads))
        .with_context(context);
    if let Some(folder) = arguments.folder() {
        processor = processor.with_output_dir(folder);
    }
    progress.line(0.0, "L2A_Process: begins");
    let report = processor.run()?;
    output::line("Progress[%]: 100.00 : Application terminated successfully.")?;
    for product in &report.products {
        output::line(product.to_string_lossy())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Arguments over parameter files over defaults.
fn options(arguments: &L2aProcessArguments, gipp: &Gipp) -> anyhow::Result<Options> {
    let mut given = Table::new();
    let texts = [
        ("resolution", &arguments.resolution),
        ("processing_centre", &arguments.processing_centre),
        ("archiving_centre", &arguments.archiving_centre),
        ("processing_baseline", &arguments.processing_baseline),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            given.insert(name.to_owned(), Value::String(value.clone()));
        }
    }
    if arguments.sc_only {
        let parts = ["scl", "toa"].map(|part| Value::String(part.to_owned()));
        given.insert("only".to_owned(), Value::Array(parts.to_vec()));
    }
    let table = RawOptions::join_tables(given, gipp.options.clone());
    let mut raw = RawOptions::from_table(table).map_err(sen2cor::Error::Options)?;
    raw.product.generation_time = super::generation_time(raw.product.generation_time)?;
    Ok(Options::try_from(raw).map_err(sen2cor::Error::Options)?)
}

/// Prints how far the run is, at most once per per cent.
struct Progress {
    done: AtomicUsize,
    all: AtomicUsize,
    printed: AtomicUsize,
    started: Instant,
}

impl Progress {
    fn new() -> Self {
        let zero = || AtomicUsize::new(0);
        Self { done: zero(), all: zero(), printed: zero(), started: Instant::now() }
    }

    fn line(&self, percent: f64, procedure: &str) {
        let elapsed = self.started.elapsed();
        let pid = std::process::id();
        // A reader that has gone away is no reason to stop.
        let _ = output::line(format!(
            "Progress[%]: {percent:5.2} : PID-{pid}, {procedure}, elapsed time[s]: {:.3}, total: {}",
            elapsed.as_secs_f64(),
            clock(elapsed)
        ));
    }
}

/// `h:mm:ss.mmm`
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, time.subsec_millis())
}

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::FlowStarted { units } => {
                self.all.fetch_add(*units, Ordering::Relaxed);
            }
            Event::UnitDone { label } => {
                let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
                let all = self.all.load(Ordering::Relaxed).max(1);
                let percent = (done * 100 / all).min(99);
                if self.printed.fetch_max(percent, Ordering::Relaxed) < percent {
                    self.line(done.min(all) as f64 / all as f64 * 99.0, &format!("L2A_Process: {label}"));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_form_of_the_original() {
        assert_eq!(clock(Duration::from_millis(3_723_045)), "1:02:03.045");
    }
}
