//! `sen2cor verify`

use crate::arguments::VerifyArguments;
use crate::output;
use std::process::ExitCode;

/// Exit code for a product that differs from its manifest: as for any other unusable input.
const DIFFERS: u8 = 3;

pub(crate) fn run(arguments: &VerifyArguments) -> anyhow::Result<ExitCode> {
    let report = sen2cor::verify(&arguments.product)?;
    if arguments.json {
        output::line(serde_json::to_string_pretty(&report)?)?;
    } else {
        for problem in &report.problems {
            output::line(problem.to_string())?;
        }
        for file in &report.unlisted {
            output::line(format!("{file}: not in the manifest"))?;
        }
        let megabytes = report.bytes as f64 / 1e6;
        let problems = report.problems.len();
        output::line(format!("{} files, {megabytes:.1} MB checked, {problems} problems", report.checked))?;
    }
    Ok(if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}
