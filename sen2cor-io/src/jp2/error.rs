//! What can be wrong with a JPEG 2000 image.

use std::io;

/// An image that cannot be read or written. The file's name is in the [`crate::Error::Image`] around it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Jp2Error {
    /// The bytes could not be read.
    #[error(transparent)]
    Read(Box<crate::Error>),
    /// The bytes could not be written.
    #[error("writing the image failed")]
    Write(#[source] io::Error),
    /// A box of the file format that is damaged or absent.
    #[error("box at byte {offset}: {reason}")]
    Box {
        /// Where the box starts.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A marker segment of the codestream that is damaged or out of place.
    #[error("marker {marker:04X} at byte {offset}: {reason}")]
    Marker {
        /// The marker that was found.
        marker: u16,
        /// Where it is in the file.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// Something larger than what is read.
    #[error("{what} is {found}, the limit is {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The largest value that is accepted.
        limit: u64,
        /// The value in the file.
        found: u64,
    },
    /// A legal feature that is not supported.
    #[error("{what} is not supported: expected {expected}, found {found}")]
    Unsupported {
        /// The feature.
        what: &'static str,
        /// What is supported.
        expected: &'static str,
        /// What the file has.
        found: String,
    },
    /// The coder refused.
    #[error("{codec}: {doing} failed: {message}")]
    Codec {
        /// Name of the coder.
        codec: &'static str,
        /// What was tried.
        doing: &'static str,
        /// Its first message.
        message: String,
    },
    /// Two statements about the image that differ.
    #[error("{field}: expected {expected}, found {found}")]
    Contradiction {
        /// What they are about.
        field: &'static str,
        /// The value that belongs there.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A tile that is absent, incomplete or too large.
    #[error("tile {tile}: {reason}")]
    Tile {
        /// Number of the tile, counted row by row.
        tile: usize,
        /// What is wrong.
        reason: String,
    },
    /// A sample that the image has too few bits for.
    #[error("sample {value} needs more than {bits} bits")]
    Sample {
        /// The sample.
        value: u16,
        /// Bits per sample of the image.
        bits: u8,
    },
}

impl Jp2Error {
    pub(super) fn boxed(offset: u64, reason: impl Into<String>) -> Self {
        Self::Box { offset, reason: reason.into() }
    }

    pub(super) fn marker(marker: u16, offset: u64, reason: impl Into<String>) -> Self {
        Self::Marker { marker, offset, reason: reason.into() }
    }

    pub(super) fn tile(tile: usize, reason: impl Into<String>) -> Self {
        Self::Tile { tile, reason: reason.into() }
    }

    /// `Ok` if both are equal, else a [`Jp2Error::Contradiction`] that shows them.
    pub(crate) fn same<T: Copy + PartialEq + std::fmt::Display>(
        field: &'static str,
        expected: T,
        found: T,
    ) -> Result<(), Self> {
        if expected == found {
            return Ok(());
        }
        Err(Self::Contradiction { field, expected: expected.to_string(), found: found.to_string() })
    }

    /// `Ok` if `found` does not exceed `limit`.
    pub(super) fn within(what: &'static str, limit: u64, found: u64) -> Result<(), Self> {
        if found <= limit { Ok(()) } else { Err(Self::Limit { what, limit, found }) }
    }
}

impl From<sen2cor_jpeg2000::Error> for Jp2Error {
    /// What the native coder says, in the words of this crate.
    fn from(error: sen2cor_jpeg2000::Error) -> Self {
        use sen2cor_jpeg2000::Error as Native;
        match error {
            Native::Marker { marker, offset, reason } => Self::marker(marker, offset as u64, reason),
            Native::Unsupported { what, found } => {
                Self::Unsupported { what, expected: "what the native coder knows", found }
            }
            Native::Planes { announced, found } => Self::Unsupported {
                what: "coefficients of extreme samples",
                expected: "what fits the bit planes of the header",
                found: format!("{found} bit planes, {announced} announced"),
            },
            Native::Limit { what, limit, found } => Self::Limit { what, limit, found },
            Native::Tile { tile, reason } => Self::tile(tile, reason),
            Native::Argument { field, expected, found } => Self::Contradiction { field, expected, found },
            Native::Sample { value, bits } => {
                Self::Sample { value: u16::try_from(value).unwrap_or(u16::MAX), bits }
            }
            other => Self::Codec { codec: "native coder", doing: "decoding", message: other.to_string() },
        }
    }
}

impl From<crate::Error> for Jp2Error {
    fn from(error: crate::Error) -> Self {
        Self::Read(Box::new(error))
    }
}
