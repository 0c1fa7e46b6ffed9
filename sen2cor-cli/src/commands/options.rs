//! `sen2cor options`

use super::effective;
use crate::arguments::OptionsArguments;
use crate::output;
use sen2cor::{Options, RawOptions};
use std::process::ExitCode;

pub(crate) fn run(arguments: OptionsArguments) -> anyhow::Result<ExitCode> {
    if arguments.schema {
        output::line(serde_json::to_string_pretty(&RawOptions::json_schema())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let raw = effective(arguments.options)?;
    Options::try_from(raw.clone()).map_err(sen2cor::Error::Options)?;
    output::line(raw.to_toml().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
