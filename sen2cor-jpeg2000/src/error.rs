//! What can be wrong.

/// Why a tile cannot be decoded or encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A marker segment that is damaged, absent or out of place.
    #[error("marker {marker:04X} at byte {offset}: {reason}")]
    Marker {
        /// The marker that was found or expected.
        marker: u16,
        /// Where, counted from the start of the codestream.
        offset: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A legal feature that this crate does not have. It is reported before any work starts, so that a caller can turn to
    /// another coder.
    #[error("{what} is not supported: {found}")]
    Unsupported {
        /// The feature.
        what: &'static str,
        /// What the stream or the caller asks for.
        found: String,
    },
    /// Something larger than the limits allow.
    #[error("{what} is {found}, the limit is {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The largest value that is accepted.
        limit: u64,
        /// The value that was found.
        found: u64,
    },
    /// A packet that contradicts itself or reaches beyond its tile.
    #[error("a packet is damaged: {reason}")]
    Packet {
        /// What is wrong.
        reason: &'static str,
    },
    /// A tile that is absent or incomplete.
    #[error("tile {tile}: {reason}")]
    Tile {
        /// Number of the tile, counted row by row.
        tile: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// An argument that does not fit the stream or the coding.
    #[error("{field}: expected {expected}, found {found}")]
    Argument {
        /// Which argument.
        field: &'static str,
        /// What would fit.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Samples whose coefficients need more bit planes than the header announces: colour differences of extreme noise.
    #[error("coefficients need {found} bit planes, the header announces {announced}")]
    Planes {
        /// Bit planes of the subband by the header.
        announced: u8,
        /// Bit planes that are needed.
        found: u8,
    },
    /// A sample that needs more bits than the image has.
    #[error("sample {value} needs more than {bits} bits")]
    Sample {
        /// The sample.
        value: i32,
        /// Bits per sample of the image.
        bits: u8,
    },
}

impl Error {
    pub(crate) fn unsupported(what: &'static str, found: impl Into<String>) -> Self {
        Self::Unsupported { what, found: found.into() }
    }

    /// `Ok` if `found` does not exceed `limit`.
    pub(crate) fn within(what: &'static str, limit: u64, found: u64) -> Result<(), Self> {
        if found <= limit { Ok(()) } else { Err(Self::Limit { what, limit, found }) }
    }

    /// `Ok` if both are equal.
    pub(crate) fn same(field: &'static str, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found {
            return Ok(());
        }
        Err(Self::Argument { field, expected: expected.to_string(), found: found.to_string() })
    }
}
