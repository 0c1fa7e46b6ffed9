//! The one error of this crate, sorted by whose fault it is.

use crate::options::InvalidOption;
use sen2cor_exec::{ErrorKind, ExecError, KernelError};
use std::io;
use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run did not produce its product.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Options that are out of range or contradict each other, all of them at once.
    #[error("options are not usable: {}", list(.0))]
    Options(Vec<InvalidOption>),
    /// The input product cannot be used.
    #[error(transparent)]
    Input(sen2cor_io::Error),
    /// A band, a file or a value that the run needs contradicts the rest of the input.
    #[error("{}: {reason}", path.display())]
    InputContent {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A table that the program brings along or was given cannot be used.
    #[error("auxiliary data for {what}")]
    Auxiliary {
        /// What the data are for.
        what: &'static str,
        /// What is wrong with them.
        source: sen2cor_io::Error,
    },
    /// A state of the atmosphere that the tables do not hold.
    #[error("atmospheric tables: {0}")]
    Atmosphere(#[from] sen2cor_core::table::TableError),
    /// A kernel or executor failed.
    #[error(transparent)]
    Execution(ExecError),
    /// The product cannot be written.
    #[error(transparent)]
    Output(sen2cor_io::Error),
    /// The system was at fault, for the moment: the same run may succeed later.
    #[error("{what}")]
    Transient {
        /// What was tried, with the file.
        what: String,
        /// The system's answer, where it is known.
        source: Option<io::Error>,
    },
    /// Somebody asked the run to stop.
    #[error("cancelled")]
    Cancelled,
}

/// The kinds of failure that scripts can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Options.
    Options,
    /// The input product.
    Input,
    /// Auxiliary data.
    Auxiliary,
    /// The execution itself.
    Execution,
    /// The output.
    Output,
    /// The system, for the moment.
    Transient,
    /// Stopped from outside.
    Cancelled,
}

impl Error {
    /// Whose fault it is.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Options(_) => FailureKind::Options,
            Self::Input(_) | Self::InputContent { .. } => FailureKind::Input,
            Self::Auxiliary { .. } | Self::Atmosphere(_) => FailureKind::Auxiliary,
            Self::Execution(_) => FailureKind::Execution,
            Self::Output(_) => FailureKind::Output,
            Self::Transient { .. } => FailureKind::Transient,
            Self::Cancelled => FailureKind::Cancelled,
        }
    }

    /// An error of reading the input.
    pub fn input(error: sen2cor_io::Error) -> Self {
        Self::Input(error)
    }

    /// An error of writing the output: missing permission stays with the output, anything else that the system
    /// refuses may go better next time.
    pub fn output(error: sen2cor_io::Error) -> Self {
        match error {
            sen2cor_io::Error::Io { path, doing, source } if !is_lasting(&source) => {
                Self::Transient { what: format!("{}: {doing} failed", path.display()), source: Some(source) }
            }
            other => Self::Output(other),
        }
    }

    /// An answer of the operating system about a file that is to be written.
    pub fn output_io(path: &Path, doing: &'static str, source: io::Error) -> Self {
        Self::output(sen2cor_io::Error::io(path, doing, source))
    }
}

/// Whether trying again would give the same answer.
pub(crate) fn is_lasting(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotFound
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput
    )
}

impl From<ExecError> for Error {
    fn from(error: ExecError) -> Self {
        match error {
            ExecError::Cancelled => Self::Cancelled,
            ExecError::NoMemory { .. } | ExecError::WorkersLost { .. } => {
                Self::Transient { what: error.to_string(), source: None }
            }
            ExecError::NoPlane { bytes, source } => Self::Transient {
                what: format!("no room for a plane of {bytes} bytes"),
                source: Some(source),
            },
            ExecError::BudgetTooSmall { budget, minimum } => {
                let mib = |bytes: u64| bytes.div_ceil(1 << 20);
                let reason = format!(
                    "memory-budget is {} MiB, this run needs at least {} MiB for its planes",
                    budget >> 20,
                    mib(minimum)
                );
                Self::Options(vec![InvalidOption::Conflict { reason }])
            }
            ExecError::Kernel { stage, block, source } => from_kernel(stage, block, source),
            other => Self::Execution(other),
        }
    }
}

fn from_kernel(stage: String, block: usize, error: KernelError) -> Error {
    let path = error.file.clone().unwrap_or_else(|| PathBuf::from(&stage));
    match error.kind {
        ErrorKind::Input => Error::InputContent { path, reason: error.message },
        ErrorKind::Auxiliary => Error::Auxiliary {
            what: "elevation and maps",
            source: sen2cor_io::Error::Format { file: path, reason: error.message },
        },
        ErrorKind::Output => Error::Output(sen2cor_io::Error::Format { file: path, reason: error.message }),
        ErrorKind::Transient => {
            Error::Transient { what: format!("{}: {}", path.display(), error.message), source: None }
        }
        ErrorKind::Internal => Error::Execution(ExecError::Kernel { stage, block, source: error }),
    }
}

fn list(problems: &[InvalidOption]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(kind: io::ErrorKind) -> FailureKind {
        Error::output_io(Path::new("x"), "writing", io::Error::from(kind)).kind()
    }

    #[test]
    fn permission_lasts_and_a_full_disk_does_not() {
        assert_eq!(output(io::ErrorKind::PermissionDenied), FailureKind::Output);
        assert_eq!(output(io::ErrorKind::StorageFull), FailureKind::Transient);
        assert_eq!(output(io::ErrorKind::Other), FailureKind::Transient);
    }

    #[test]
    fn a_kernel_says_whose_fault_it_was() {
        let error = |kind| {
            Error::from(ExecError::Kernel {
                stage: "decode B02".to_owned(),
                block: 3,
                source: KernelError {
                    kind,
                    file: Some(PathBuf::from("B02.jp2")),
                    message: "is cut".to_owned(),
                },
            })
        };
        assert_eq!(error(ErrorKind::Input).kind(), FailureKind::Input);
        assert_eq!(error(ErrorKind::Input).to_string(), "B02.jp2: is cut");
        assert_eq!(error(ErrorKind::Internal).kind(), FailureKind::Execution);
    }
}
