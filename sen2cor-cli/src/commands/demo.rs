//! `sen2cor demo`

use super::context;
use crate::arguments::DemoArguments;
use crate::output;
use crate::signals::Stop;
use indicatif::ProgressBar;
use sen2cor::{Demo, run_demo};
use std::process::ExitCode;

pub(crate) fn run(arguments: &DemoArguments, stop: &Stop, bar: &ProgressBar) -> anyhow::Result<ExitCode> {
    let Demo { level_1c, level_2a, pictures, classes } =
        run_demo(&arguments.output_dir, &context(stop, bar, None))?;
    bar.finish_and_clear();
    output::line(format!("Level-1C product: {}", level_1c.display()))?;
    for (picture, what) in &pictures {
        output::line(format!("{what}: {}", picture.display()))?;
    }
    for (class, percent) in &classes {
        output::line(format!("{percent:6.2} % {class}"))?;
    }
    output::line("Level-2A product:")?;
    output::line(level_2a.to_string_lossy())?;
    Ok(ExitCode::SUCCESS)
}
