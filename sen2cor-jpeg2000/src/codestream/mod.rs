//! Codestreams (ITU-T T.800 annex A): the main header, and where the tile-parts are.

mod header;
mod image;
mod parts;
mod style;

pub use header::{GuardBits, Header};
pub use image::ImageSize;
pub use parts::Codestream;
pub use style::CodingStyle;

pub(crate) use parts::TilePartWriter;

/// Sizes beyond which a stream is refused before memory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest edge of the image on the reference grid; default 65,536.
    pub image_edge: u32,
    /// Most tiles; default 65,535, which is what the format can number.
    pub tiles: u32,
    /// Most samples of a tile, all components together; default 2^28. A sample takes four bytes while it is decoded.
    pub tile_samples: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { image_edge: 65_536, tiles: 65_535, tile_samples: 1 << 28 }
    }
}

/// Markers (table A.2).
pub(crate) mod marker {
    pub(crate) const SOC: u16 = 0xFF4F;
    pub(crate) const CAP: u16 = 0xFF50;
    pub(crate) const SIZ: u16 = 0xFF51;
    pub(crate) const COD: u16 = 0xFF52;
    pub(crate) const COC: u16 = 0xFF53;
    pub(crate) const TLM: u16 = 0xFF55;
    pub(crate) const PLM: u16 = 0xFF57;
    pub(crate) const PLT: u16 = 0xFF58;
    pub(crate) const QCD: u16 = 0xFF5C;
    pub(crate) const QCC: u16 = 0xFF5D;
    pub(crate) const RGN: u16 = 0xFF5E;
    pub(crate) const POC: u16 = 0xFF5F;
    pub(crate) const PPM: u16 = 0xFF60;
    pub(crate) const PPT: u16 = 0xFF61;
    pub(crate) const CRG: u16 = 0xFF63;
    pub(crate) const COM: u16 = 0xFF64;
    pub(crate) const SOT: u16 = 0xFF90;
    pub(crate) const SOP: u16 = 0xFF91;
    pub(crate) const EPH: u16 = 0xFF92;
    pub(crate) const SOD: u16 = 0xFF93;
    pub(crate) const EOC: u16 = 0xFFD9;
}

/// Big-endian number of 16 bits.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
}

/// Big-endian number of 32 bits.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

/// A marker segment at a place.
pub(crate) struct Segment<'a> {
    pub(crate) marker: u16,
    pub(crate) offset: usize,
    /// What follows the length.
    pub(crate) contents: &'a [u8],
    /// Where the next marker is.
    pub(crate) end: usize,
}

impl<'a> Segment<'a> {
    /// Reads a segment that has a length.
    pub(crate) fn read(bytes: &'a [u8], offset: usize) -> Result<Self, crate::Error> {
        let marker = be16(bytes, offset).unwrap_or(0);
        let wrong = |reason| crate::Error::Marker { marker, offset, reason };
        if marker < 0xFF00 {
            return Err(wrong("a marker is expected here"));
        }
        let len = be16(bytes, offset + 2).ok_or_else(|| wrong("reaches beyond the codestream"))?;
        let end = offset + 2 + usize::from(len);
        let contents = bytes.get(offset + 4..end).ok_or_else(|| {
            wrong(if len < 2 { "is shorter than its own length" } else { "reaches beyond the codestream" })
        })?;
        Ok(Self { marker, offset, contents, end })
    }

    /// An error about this segment.
    pub(crate) fn wrong(&self, reason: &'static str) -> crate::Error {
        crate::Error::Marker { marker: self.marker, offset: self.offset, reason }
    }
}
