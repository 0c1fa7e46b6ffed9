//! Exit codes, which scripts tell failures apart by.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 2 | usage or options |
//! | 3 | the input product |
//! | 4 | auxiliary data |
//! | 5 | execution |
//! | 6 | the output |
//! | 75 | the system, for the moment (no space left, I/O error): worth another try |
//! | 130, 143 | stopped by Ctrl-C, by SIGTERM |

use sen2cor::FailureKind;
use std::process::ExitCode;

/// Logs an error with its causes and gives the exit code. `signal` is the one that asked the program to stop.
pub(crate) fn report(error: &anyhow::Error, signal: Option<u8>) -> ExitCode {
    let code = code(error, signal);
    tracing::error!(exit_code = code, "{}", one_line(error));
    ExitCode::from(code)
}

/// An error and its causes, without those that say again what stands before them.
fn one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    text
}

/// A run of this program as a process of its own has failed, and has said why; its exit code tells of what kind that is.
#[derive(Debug, thiserror::Error)]
#[error("the run with {what} ended with exit code {code}")]
pub(crate) struct RunFailed {
    pub(crate) what: String,
    pub(crate) code: u8,
}

fn code(error: &anyhow::Error, signal: Option<u8>) -> u8 {
    if let Some(failed) = error.downcast_ref::<RunFailed>() {
        return failed.code;
    }
    match error.downcast_ref::<sen2cor::Error>().map(sen2cor::Error::kind) {
        Some(FailureKind::Options) => 2,
        Some(FailureKind::Input) => 3,
        Some(FailureKind::Auxiliary) => 4,
        Some(FailureKind::Output) => 6,
        Some(FailureKind::Transient) => 75,
        Some(FailureKind::Cancelled) => 128 + signal.unwrap_or(2),
        Some(FailureKind::Execution) | None => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sen2cor::Error;

    #[test]
    fn signals_have_their_usual_codes() {
        let cancelled = || anyhow::Error::from(Error::Cancelled);
        assert_eq!(code(&cancelled(), Some(2)), 130);
        assert_eq!(code(&cancelled(), Some(15)), 143);
        assert_eq!(code(&anyhow::Error::from(Error::Options(Vec::new())), None), 2);
        assert_eq!(code(&anyhow::anyhow!("something else"), None), 5);
        assert_eq!(code(&RunFailed { what: "one worker".to_owned(), code: 75 }.into(), None), 75);
    }

    #[test]
    fn causes_are_not_said_twice() {
        let error = anyhow::anyhow!("disk is full").context("B02.jp2: writing failed: disk is full");
        assert_eq!(one_line(&error), "B02.jp2: writing failed: disk is full");
    }
}
