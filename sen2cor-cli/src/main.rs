//! The command `sen2cor`: a thin shell around the crate of the same name.
//!
//! Conventions that scripts rely on: stdout holds results only, and its last line is the absolute path of the finished
//! product; logs and progress go to stderr; the exit code tells whose fault a failure was (see [`exit_code`]).

mod arguments;
mod commands;
mod exit_code;
mod logging;
mod option_arguments;
mod output;
mod progress;
mod signals;
mod stage_table;

use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bar = progress::bar();
    logging::start(&arguments.log, bar.clone());
    let stop = match signals::Stop::listen() {
        Ok(stop) => stop,
        Err(error) => return exit_code::report(&error, None),
    };
    let outcome = match arguments.command {
        Command::Process(process) => commands::process::run(*process, &stop, &bar),
        Command::Inspect(inspect) => commands::inspect::run(&inspect),
        Command::Verify(verify) => commands::verify::run(&verify),
        Command::Simulate(simulate) => commands::simulate::run(&simulate, &stop, &bar),
        Command::Demo(demo) => commands::demo::run(&demo, &stop, &bar),
        Command::Options(options) => commands::options::run(*options),
        Command::Completions(completions) => commands::shell::completions(&completions),
        Command::Man(man) => commands::shell::man(&man),
    };
    bar.finish_and_clear();
    match outcome {
        Ok(code) => code,
        Err(error) => exit_code::report(&error, stop.signal()),
    }
}
