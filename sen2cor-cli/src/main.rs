//! The command `sen2cor`: a thin shell around the crate of the same name.
//!
//! Conventions that scripts rely on: stdout holds results only, and its last line is the absolute path of the finished
//! product; logs and progress go to stderr; the exit code tells whose fault a failure was (see [`exit_code`]). Called by the name
//! `L2A_Process` it takes the arguments of the original and keeps to its conventions instead.

mod arguments;
mod commands;
mod compare;
mod drop_in;
mod exit_code;
mod logging;
mod option_arguments;
mod output;
mod progress;
mod quantities;
mod signals;
mod stage_table;

use arguments::{Arguments, Command, LogArguments, LogFormat, LogLevel};
use clap::Parser;
use drop_in::{L2aProcess, L2aProcessArguments};
use std::process::ExitCode;

fn main() -> ExitCode {
    // A worker's stdout carries messages: nothing may come before.
    sen2cor::worker::run_if_asked();
    if drop_in::is_called_so(std::env::args_os().next().as_deref()) {
        let log = LogArguments { log_format: LogFormat::Plain, log_level: LogLevel::Info };
        return match L2aProcess::try_parse() {
            Ok(called) => l2a_process(&called.arguments, log),
            Err(error) => as_original(&error),
        };
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if std::env::args().nth(1).as_deref() == Some("l2a-process") => {
            return as_original(&error);
        }
        Err(error) => error.exit(),
    };
    match arguments.command {
        Command::L2aProcess(called) => l2a_process(&called, arguments.log),
        command => run(command, arguments.log),
    }
}

fn run(command: Command, log: LogArguments) -> ExitCode {
    let bar = progress::bar();
    logging::start(log, bar.clone());
    let stop = match signals::Stop::listen() {
        Ok(stop) => stop,
        Err(error) => return exit_code::report(&error, None),
    };
    let outcome = match command {
        Command::Process(process) => commands::process::run(*process, &stop, &bar),
        Command::DemTiles(product) => commands::dem_tiles::run(&product),
        Command::Inspect(inspect) => commands::inspect::run(&inspect),
        Command::Verify(verify) => commands::verify::run(&verify),
        Command::Simulate(simulate) => commands::simulate::run(&simulate, &stop, &bar),
        Command::Demo(demo) => commands::demo::run(&demo, &stop, &bar),
        Command::L2aProcess(called) => commands::l2a_process::parameters(&called)
            .and_then(|gipp| commands::l2a_process::run(&called, gipp, &stop)),
        Command::Options(options) => commands::options::run(*options),
        Command::Completions(completions) => commands::shell::completions(&completions),
        Command::Man(man) => commands::shell::man(&man),
        Command::Compare(compare) => compare::run(&compare, &stop, &bar),
        Command::Worker(_) => Ok(sen2cor::worker::serve()),
    };
    bar.finish_and_clear();
    match outcome {
        Ok(code) => code,
        Err(error) => exit_code::report(&error, stop.signal()),
    }
}

/// Runs the original's command line; failures are 1.
fn l2a_process(arguments: &L2aProcessArguments, log: LogArguments) -> ExitCode {
    // The parameter files may choose the level. Whether they can be read at all is told once there is a log.
    let gipp = commands::l2a_process::parameters(arguments);
    let level = gipp.as_ref().ok().and_then(|gipp| drop_in::log_level(gipp.log_level.as_deref()?));
    let level = if arguments.debug { LogLevel::Debug } else { level.unwrap_or(log.log_level) };
    logging::start(LogArguments { log_level: level, ..log }, indicatif::ProgressBar::hidden());
    let outcome =
        signals::Stop::listen().and_then(|stop| commands::l2a_process::run(arguments, gipp?, &stop));
    outcome.unwrap_or_else(|error| {
        exit_code::report(&error, None);
        ExitCode::FAILURE
    })
}

/// Help is a success, a mistake is 1.
fn as_original(error: &clap::Error) -> ExitCode {
    // There is nowhere left to complain.
    let _ = error.print();
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
