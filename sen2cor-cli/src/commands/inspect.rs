//! `sen2cor inspect`

use crate::arguments::InspectArguments;
use crate::output;
use std::process::ExitCode;

pub(crate) fn run(arguments: &InspectArguments) -> anyhow::Result<ExitCode> {
    let inspection = sen2cor::inspect(&arguments.input)?;
    if arguments.json {
        output::line(serde_json::to_string_pretty(&inspection)?)?;
    } else {
        output::line(inspection.to_string().trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}
