//! The errors of this crate: what went wrong, in which file, while doing what.

use crate::jp2::Jp2Error;
use std::io;
use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Something that is wrong with a file or with the system that holds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {doing} failed", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, e.g. "reading".
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// A file or folder that must be there is not.
    #[error("{}: {what} is missing", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What it would have been, e.g. "the image of band B05".
        what: String,
    },
    /// The input is no product that can be read.
    #[error("{}: not a Level-1C product: {reason}", path.display())]
    NotAProduct {
        /// What was given.
        path: PathBuf,
        /// Why it was refused.
        reason: String,
    },
    /// XML that is not well formed.
    #[error("{}: XML is damaged at byte {offset}: {reason}", file.display())]
    Xml {
        /// The file.
        file: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What the parser says.
        reason: String,
    },
    /// An element or attribute that is absent or holds something else than expected.
    #[error("{}: {field}: expected {expected}, found {found}", file.display())]
    Field {
        /// The file.
        file: PathBuf,
        /// Path of the element in the document.
        field: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An image that cannot be read or written.
    #[error("{}", file.display())]
    Image {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Jp2Error,
    },
    /// A file that differs from what the manifest says.
    #[error("{}: {algorithm} checksum is {found}, the manifest says {expected}", file.display())]
    Checksum {
        /// The file.
        file: PathBuf,
        /// Name of the algorithm.
        algorithm: &'static str,
        /// Digest in the manifest, hexadecimal.
        expected: String,
        /// Digest of the file, hexadecimal.
        found: String,
    },
    /// A damaged or unusable archive.
    #[error("{}: {reason}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that cannot be what it should be, with the reason.
    #[error("{}: {reason}", file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// An answer of the operating system about `path`.
    pub fn io(path: impl AsRef<Path>, doing: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.as_ref().to_owned(), doing, source }
    }

    /// A field that holds something else than expected.
    pub fn field(
        file: impl AsRef<Path>,
        field: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Field {
            file: file.as_ref().to_owned(),
            field: field.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}
