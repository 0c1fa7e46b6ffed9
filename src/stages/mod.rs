//! Adapters: each makes one pure function of the core, or one operation of the codec, a kernel.
//!
//! An adapter names the planes of its stage and calls one function. Only those of the codec, of files that are
//! checked and of files that are written touch files, whose places travel as parameters.

pub(crate) mod aerosol;
pub(crate) mod atmosphere;
pub(crate) mod cirrus;
pub(crate) mod classify;
pub(crate) mod codec;
pub(crate) mod correct;
pub(crate) mod imagery;
pub(crate) mod masks;
pub(crate) mod region;
pub(crate) mod relief;
pub(crate) mod resample;
pub(crate) mod simulate;
pub(crate) mod terrain;
pub(crate) mod verify;
pub(crate) mod water;
pub(crate) mod write;

use sen2cor_exec::{ErrorKind, KernelError};
use sen2cor_io::jp2::Jp2Error;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// A file of the input that cannot be used. Its own path is left out of the message, since the error names it.
fn bad_input(file: &Path, error: &dyn Error) -> KernelError {
    let text = chain(error);
    let message = text.strip_prefix(&format!("{}: ", file.display())).unwrap_or(&text).to_owned();
    KernelError { kind: ErrorKind::Input, file: Some(file.to_owned()), message }
}

/// An image of the input that cannot be read.
fn bad_image(file: &Path, error: Jp2Error) -> KernelError {
    match error {
        Jp2Error::Read(inner) => bad_input(file, inner.as_ref()),
        other => bad_input(file, &other),
    }
}

/// A file from outside the product that cannot be read.
fn bad_auxiliary(file: &Path, error: &dyn Error) -> KernelError {
    KernelError { kind: ErrorKind::Auxiliary, ..bad_input(file, error) }
}

/// Shapes that do not fit are a defect of the recipe.
fn defect(error: &dyn Error) -> KernelError {
    KernelError::internal(chain(error))
}
