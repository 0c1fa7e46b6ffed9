//! Marker segments of the main header (ITU-T T.800 annex A), with the checks that come before any decoding.

use super::chunk::{be16, be32};
use super::error::Jp2Error;
use crate::limits::{MAX_IMAGE_EDGE, MAX_TILE_SAMPLES};
use serde::{Deserialize, Serialize};

pub(super) const SOC: u16 = 0xFF4F;
pub(super) const SIZ: u16 = 0xFF51;
pub(super) const COD: u16 = 0xFF52;
pub(super) const COC: u16 = 0xFF53;
pub(super) const TLM: u16 = 0xFF55;
pub(super) const PLM: u16 = 0xFF57;
pub(super) const QCD: u16 = 0xFF5C;
pub(super) const QCC: u16 = 0xFF5D;
pub(super) const RGN: u16 = 0xFF5E;
pub(super) const POC: u16 = 0xFF5F;
pub(super) const CRG: u16 = 0xFF63;
pub(super) const COM: u16 = 0xFF64;
pub(super) const SOT: u16 = 0xFF90;
pub(super) const EOC: u16 = 0xFFD9;

/// Most components; quality masks have eight.
const MAX_COMPONENTS: u16 = 16;
/// Most bits per sample.
const MAX_BITS: u8 = 16;
/// Most tiles: their number has 16 bits (A.4.2).
pub(super) const MAX_TILES: u64 = 65_535;

/// Image and tile size (A.5.1). All components have the same number of bits and one sample per point of the grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Siz {
    /// Capabilities (Rsiz).
    pub(super) capabilities: u16,
    /// End of the image on the reference grid: x, y (Xsiz, Ysiz).
    pub(super) end: [u32; 2],
    /// Start of the image (XOsiz, YOsiz).
    pub(super) start: [u32; 2],
    /// Size of a tile (XTsiz, YTsiz).
    pub(super) tile: [u32; 2],
    /// Start of the first tile (XTOsiz, YTOsiz).
    pub(super) tile_start: [u32; 2],
    /// Number of components (Csiz).
    pub(super) components: u16,
    /// Bits per sample, unsigned (Ssiz + 1).
    pub(super) bits: u8,
}

impl Siz {
    /// Reads a segment, without the marker but with its length, and checks all limits.
    pub(super) fn parse(segment: &[u8], offset: u64) -> Result<Self, Jp2Error> {
        let short = || Jp2Error::marker(SIZ, offset, "is too short");
        let pair = |at| Some([be32(segment, at)?, be32(segment, at + 4)?]);
        let components = be16(segment, 36).ok_or_else(short)?;
        if components == 0 || segment.len() != 38 + 3 * usize::from(components) {
            return Err(Jp2Error::marker(
                SIZ,
                offset,
                format!("its length does not fit {components} components"),
            ));
        }
        Jp2Error::within("number of components", MAX_COMPONENTS.into(), components.into())?;
        let fields = segment.get(38..).ok_or_else(short)?;
        let siz = Self {
            capabilities: be16(segment, 2).ok_or_else(short)?,
            end: pair(4).ok_or_else(short)?,
            start: pair(12).ok_or_else(short)?,
            tile: pair(20).ok_or_else(short)?,
            tile_start: pair(28).ok_or_else(short)?,
            components,
            bits: component_bits(fields)?,
        };
        siz.check_geometry(offset)?;
        Ok(siz)
    }

    /// The whole segment with its marker.
    pub(super) fn segment(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40 + 3 * usize::from(self.components));
        out.extend_from_slice(&SIZ.to_be_bytes());
        out.extend_from_slice(&(38 + 3 * self.components).to_be_bytes());
        out.extend_from_slice(&self.capabilities.to_be_bytes());
        for [x, y] in [self.end, self.start, self.tile, self.tile_start] {
            out.extend_from_slice(&x.to_be_bytes());
            out.extend_from_slice(&y.to_be_bytes());
        }
        out.extend_from_slice(&self.components.to_be_bytes());
        for _ in 0..self.components {
            out.extend_from_slice(&[self.bits - 1, 1, 1]);
        }
        out
    }

    /// Number of tiles from left to right and from top to bottom.
    pub(super) fn tile_counts(&self) -> [u32; 2] {
        [0, 1].map(|i| self.end[i].saturating_sub(self.tile_start[i]).div_ceil(self.tile[i].max(1)))
    }

    fn check_geometry(&self, offset: u64) -> Result<(), Jp2Error> {
        let wrong = |reason: &str| Err(Jp2Error::marker(SIZ, offset, reason));
        for i in 0..2 {
            Jp2Error::within("edge of the image in pixels", MAX_IMAGE_EDGE.into(), self.end[i].into())?;
            if self.start[i] >= self.end[i] {
                return wrong("the image is empty");
            }
            let tile_end = u64::from(self.tile_start[i]) + u64::from(self.tile[i]);
            if self.tile_start[i] > self.start[i] || tile_end <= u64::from(self.start[i]) {
                return wrong("the first tile does not touch the image");
            }
        }
        // A tile may reach beyond the image: what counts is the part that is decoded.
        let [x, y] = [0, 1].map(|i| u64::from(self.tile[i].min(self.end[i] - self.start[i])));
        Jp2Error::within("samples of a tile", MAX_TILE_SAMPLES, x * y * u64::from(self.components))?;
        let [across, down] = self.tile_counts().map(u64::from);
        Jp2Error::within("number of tiles", MAX_TILES, across * down)
    }
}

/// Bits per sample, which all components must share.
fn component_bits(fields: &[u8]) -> Result<u8, Jp2Error> {
    let first = fields.first().copied().unwrap_or_default();
    for field in fields.chunks_exact(3) {
        let &[depth, dx, dy] = field else { continue };
        let unsupported =
            |what, expected, found: String| Err(Jp2Error::Unsupported { what, expected, found });
        if (dx, dy) != (1, 1) {
            return unsupported("subsampling", "1 x 1", format!("{dx} x {dy}"));
        }
        if depth >= MAX_BITS {
            return unsupported("sample type", "unsigned with 1 to 16 bits", format!("code {depth}"));
        }
        if depth != first {
            return unsupported("mixed depths", "one depth", format!("{} and {} bits", first + 1, depth + 1));
        }
    }
    Ok(first + 1)
}

/// Checks the default coding style (A.6.1); the segment comes without the marker but with its length.
pub(super) fn check_cod(segment: &[u8], offset: u64) -> Result<(), Jp2Error> {
    let wrong = |reason: &str| Jp2Error::marker(COD, offset, reason);
    let [_, _, style, progression, layers_high, layers_low, _, rest @ ..] = segment else {
        return Err(wrong("is too short"));
    };
    if *progression > 4 {
        return Err(wrong("has an unknown progression order"));
    }
    if u16::from_be_bytes([*layers_high, *layers_low]) == 0 {
        return Err(wrong("has no layer"));
    }
    check_style(rest, style & 1 != 0).map_err(wrong)
}

/// Checks the coding style of one component (A.6.2).
pub(super) fn check_coc(segment: &[u8], offset: u64) -> Result<(), Jp2Error> {
    let wrong = |reason: &str| Jp2Error::marker(COC, offset, reason);
    let [_, _, _, style, rest @ ..] = segment else { return Err(wrong("is too short")) };
    check_style(rest, style & 1 != 0).map_err(wrong)
}

/// Checks decomposition levels, code-blocks and precincts (table A.15).
fn check_style(fields: &[u8], own_precincts: bool) -> Result<(), &'static str> {
    let &[levels, width, height, _, transform, ref precincts @ ..] = fields else {
        return Err("is too short");
    };
    if levels > 32 {
        return Err("has more than 32 decomposition levels");
    }
    // The exponents are stored less two: 2^2 to 2^10, and at most 2^12 samples in a block.
    if width > 8 || height > 8 || width + height > 8 {
        return Err("has code-blocks larger than 4096 samples");
    }
    if transform > 1 {
        return Err("has an unknown wavelet");
    }
    let announced = if own_precincts { usize::from(levels) + 1 } else { 0 };
    if precincts.len() != announced {
        return Err("its length does not fit the number of precinct sizes");
    }
    if precincts.iter().skip(1).any(|p| p % 16 == 0 || p / 16 == 0) {
        return Err("has a precinct of one sample above the lowest resolution");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn siz() -> Siz {
        Siz {
            capabilities: 0,
            end: [1830, 1830],
            start: [0, 0],
            tile: [192, 192],
            tile_start: [0, 0],
            components: 1,
            bits: 15,
        }
    }

    fn reread(siz: &Siz) -> Result<Siz, Jp2Error> {
        Siz::parse(&siz.segment()[2..], 0)
    }

    #[test]
    fn a_segment_reads_back() {
        assert_eq!(reread(&siz()).unwrap(), siz());
        let eight = Siz { components: 8, bits: 8, ..siz() };
        assert_eq!(reread(&eight).unwrap(), eight);
    }

    #[test]
    fn limits_are_those_of_the_documentation() {
        let limit = |s: Siz| assert!(matches!(reread(&s), Err(Jp2Error::Limit { .. })), "{s:?}");
        limit(Siz { end: [65_537, 1], ..siz() });
        limit(Siz { end: [60_000, 60_000], tile: [60_000, 60_000], ..siz() });
        limit(Siz { end: [60_000, 60_000], tile: [1, 1], ..siz() });
        limit(Siz { end: [u32::MAX, u32::MAX], tile: [u32::MAX, u32::MAX], ..siz() });
        limit(Siz { components: 17, bits: 8, ..siz() });
        let wrong = |s: Siz| assert!(matches!(reread(&s), Err(Jp2Error::Marker { .. })), "{s:?}");
        wrong(Siz { end: [0, 1], ..siz() });
        wrong(Siz { tile: [0, 192], ..siz() });
        wrong(Siz { start: [200, 0], ..siz() });
        wrong(Siz { tile_start: [1, 0], ..siz() });
        wrong(Siz { components: 0, ..siz() });
        assert!(matches!(reread(&Siz { bits: 17, ..siz() }), Err(Jp2Error::Unsupported { .. })));
    }

    #[test]
    fn a_tile_larger_than_the_image_is_no_reason_to_refuse() {
        assert!(reread(&Siz { end: [10, 10], tile: [u32::MAX - 1, u32::MAX - 1], ..siz() }).is_ok());
    }

    #[test]
    fn coding_styles_are_checked() {
        // Header of an operational 60 m band.
        let cod = [0, 17, 1, 0, 0, 1, 0, 4, 0, 0, 0, 1, 0x66, 0x66, 0x66, 0x66, 0x66];
        check_cod(&cod, 0).unwrap();
        for (at, value) in [(3, 5), (5, 0), (7, 33), (7, 3), (8, 9), (11, 2), (2, 0), (13, 0x60)] {
            let mut bad = cod;
            bad[at] = value;
            assert!(check_cod(&bad, 0).is_err(), "byte {at} = {value}");
        }
        for len in 0..cod.len() {
            assert!(check_cod(&cod[..len], 0).is_err());
        }
    }
}
