//! Logs on stderr, as lines for people or as JSON.

use crate::arguments::{LogArguments, LogFormat, LogLevel};
use indicatif::ProgressBar;
use std::io::{self, Write};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging. The progress bar steps aside for each message.
pub(crate) fn start(arguments: LogArguments, bar: ProgressBar) {
    let level = match arguments.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    if arguments.log_format == LogFormat::Json {
        // A bar among JSON lines would spoil them.
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(AboveBar { bar });
    let started = match arguments.log_format {
        LogFormat::Json => builder.json().flatten_event(true).with_target(false).try_init(),
        LogFormat::Plain => builder.with_target(false).without_time().with_ansi(false).try_init(),
    };
    // It fails only if a logger is there already, which then does the work.
    drop(started);
}

/// Writes to stderr while the bar is not drawn.
#[derive(Clone)]
struct AboveBar {
    bar: ProgressBar,
}

impl Write for AboveBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bar.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for AboveBar {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
