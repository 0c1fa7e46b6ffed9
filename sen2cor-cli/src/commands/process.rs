//! `sen2cor process`

use super::{conclude, context, effective, executor};
use crate::arguments::ProcessArguments;
use crate::output;
use crate::signals::Stop;
use indicatif::ProgressBar;
use sen2cor::{Options, Processor};
use std::process::ExitCode;

pub(crate) fn run(arguments: ProcessArguments, stop: &Stop, bar: &ProgressBar) -> anyhow::Result<ExitCode> {
    let options = Options::try_from(effective(arguments.options)?).map_err(sen2cor::Error::Options)?;
    let mut processor = Processor::new(&arguments.input)
        .with_options(options)
        .with_executor(executor(&arguments.execution)?)
        .with_context(context(stop, bar, arguments.execution.memory_budget));
    if let Some(folder) = arguments.output_dir {
        processor = processor.with_output_dir(folder);
    }
    if arguments.explain {
        output::line(processor.explain()?.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = processor.run()?;
    conclude(&report, &arguments.execution, bar)
}
