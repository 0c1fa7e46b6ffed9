//! The errors of running kernels.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Whose fault an error is; decides the exit code of the program and whether another try makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The input data.
    Input,
    /// Data from outside the product.
    Auxiliary,
    /// The place where results go.
    Output,
    /// The system, for the moment: no space left, an I/O error.
    Transient,
    /// The program itself: kernels and parameters that do not fit together, a panic.
    Internal,
}

/// Why a kernel could not finish a unit. Travels from worker to coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelError {
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// The file concerned, if one is.
    pub file: Option<PathBuf>,
    /// What happened, with values.
    pub message: String,
}

impl KernelError {
    /// An error without a file.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, file: None, message: message.into() }
    }

    /// A contradiction between a kernel and how it was called.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for KernelError {}

/// Why a flow could not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// A kernel reported an error.
    #[error("{source}")]
    Kernel {
        /// Label of the stage.
        stage: String,
        /// Number of the block.
        block: usize,
        /// What the kernel said.
        source: KernelError,
    },
    /// A kernel panicked, which is a defect of the program.
    #[error("the kernel of stage {stage:?} panicked at block {block}: {message}")]
    Panic {
        /// Label of the stage.
        stage: String,
        /// Number of the block.
        block: usize,
        /// The panic's message.
        message: String,
    },
    /// A unit ended every worker that ran it.
    #[error("the kernel {kernel} of stage {stage:?} lost {attempts} workers at block {block}: {how}")]
    WorkersLost {
        /// Label of the stage.
        stage: String,
        /// Name of the kernel.
        kernel: String,
        /// Number of the block.
        block: usize,
        /// How many workers.
        attempts: u32,
        /// How the last one ended.
        how: String,
    },
    /// The run was cancelled from outside.
    #[error("cancelled")]
    Cancelled,
    /// A plane could not be made.
    #[error("no memory for a plane of {bytes} bytes")]
    NoMemory {
        /// Size that was asked for.
        bytes: u64,
    },
    /// The planes of a flow do not fit into the memory that they may take.
    #[error("planes may take {budget} bytes, but the run needs at least {minimum}")]
    BudgetTooSmall {
        /// What they may take.
        budget: u64,
        /// What they need if stages run one after the other.
        minimum: u64,
    },
    /// A plane could not be made where workers can reach it.
    #[error("no room for a plane of {bytes} bytes")]
    NoPlane {
        /// Size that was asked for.
        bytes: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// A stage names a kernel that the workers do not have.
    #[error("the workers have no kernel {name:?}")]
    UnknownKernel {
        /// The name.
        name: String,
    },
    /// Parameters or partial results that could not be serialised.
    #[error("stage {stage:?}: {reason}")]
    Wire {
        /// Label of the stage.
        stage: String,
        /// What the serialiser said.
        reason: String,
    },
    /// A value or plane was asked for that is not there.
    #[error("{what} is not available here")]
    NotReady {
        /// What was asked for.
        what: String,
    },
    /// A plane was viewed as another type.
    #[error("a plane of {is} samples was read as {asked}")]
    WrongType {
        /// Type of the plane.
        is: &'static str,
        /// Type that was asked for.
        asked: &'static str,
    },
    /// The executor lost its workers.
    #[error("the executor {name} has stopped")]
    Stopped {
        /// Name of the executor.
        name: &'static str,
    },
    /// The workers could not be started.
    #[error("workers could not be started: {reason}")]
    NoWorkers {
        /// What the system said.
        reason: String,
    },
}
