//! Image and tile size (ITU-T T.800 A.5.1 and B.3).

use super::{Limits, Segment, be16, be32, marker};
use crate::error::Error;
use crate::tile::Rect;

/// Most components that are decoded.
const MAX_COMPONENTS: u16 = 16;
/// Most bits per sample.
const MAX_BITS: u8 = 16;

/// Size of image and tiles on the reference grid. All components have the same depth and a sample at every point of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// Where the image ends: x, y (Xsiz, Ysiz).
    pub end: [u32; 2],
    /// Where it starts (XOsiz, YOsiz).
    pub start: [u32; 2],
    /// Size of a tile (XTsiz, YTsiz).
    pub tile: [u32; 2],
    /// Where the first tile starts (XTOsiz, YTOsiz).
    pub tile_start: [u32; 2],
    /// Number of components, 1 to 16 (Csiz).
    pub components: u16,
    /// Bits per sample, 1 to 16, unsigned (Ssiz + 1).
    pub bits: u8,
}

impl ImageSize {
    /// Reads and checks a SIZ segment.
    pub(super) fn read(segment: &Segment<'_>, limits: &Limits) -> Result<Self, Error> {
        let short = || segment.wrong("is too short");
        let bytes = segment.contents;
        let pair = |at| Some([be32(bytes, at)?, be32(bytes, at + 4)?]);
        let capabilities = be16(bytes, 0).ok_or_else(short)?;
        if capabilities & 0xC000 != 0 {
            return Err(Error::unsupported(
                "a stream of another part of the standard",
                format!("Rsiz {capabilities:04X}"),
            ));
        }
        let components = be16(bytes, 34).ok_or_else(short)?;
        if components == 0 || bytes.len() != 36 + 3 * usize::from(components) {
            return Err(segment.wrong("its length does not fit the number of components"));
        }
        if components > MAX_COMPONENTS {
            return Err(Error::unsupported("more than 16 components", components.to_string()));
        }
        let size = Self {
            end: pair(2).ok_or_else(short)?,
            start: pair(10).ok_or_else(short)?,
            tile: pair(18).ok_or_else(short)?,
            tile_start: pair(26).ok_or_else(short)?,
            components,
            bits: common_depth(&bytes[36..])?,
        };
        size.check(limits).map_err(|error| match error {
            Error::Argument { field, .. } => segment.wrong(field),
            other => other,
        })?;
        Ok(size)
    }

    /// Checks the geometry and the limits.
    ///
    /// # Errors
    /// [`Error::Argument`] if something is empty or out of place, [`Error::Limit`] if it is too large.
    pub fn check(&self, limits: &Limits) -> Result<(), Error> {
        let wrong = |field, expected: &str| {
            Err(Error::Argument { field, expected: expected.to_owned(), found: format!("{self:?}") })
        };
        if self.components == 0 || self.components > MAX_COMPONENTS {
            return wrong("number of components", "1 to 16");
        }
        if self.bits == 0 || self.bits > MAX_BITS {
            return wrong("bits per sample", "1 to 16");
        }
        for i in 0..2 {
            Error::within("edge of the image", limits.image_edge.into(), self.end[i].into())?;
            if self.start[i] >= self.end[i] {
                return wrong("the image is empty", "an end behind the start");
            }
            let first_end = u64::from(self.tile_start[i]) + u64::from(self.tile[i]);
            if self.tile_start[i] > self.start[i] || first_end <= u64::from(self.start[i]) {
                return wrong(
                    "the first tile does not touch the image",
                    "a tile with the start of the image",
                );
            }
        }
        // A tile may reach beyond the image; what counts is the part that is there.
        let [x, y] = [0, 1].map(|i| u64::from(self.tile[i].min(self.end[i] - self.start[i])));
        Error::within("samples of a tile", limits.tile_samples, x * y * u64::from(self.components))?;
        let [across, down] = self.tile_counts().map(u64::from);
        Error::within("number of tiles", limits.tiles.into(), across * down)
    }

    /// Tiles from left to right and from top to bottom (B-5).
    pub fn tile_counts(&self) -> [u32; 2] {
        [0, 1].map(|i| self.end[i].saturating_sub(self.tile_start[i]).div_ceil(self.tile[i].max(1)))
    }

    /// Columns and rows of a tile, cut at the borders of the image; zeros for a tile that does not exist.
    pub fn tile_shape(&self, tile: usize) -> [usize; 2] {
        let area = self.tile_area(tile);
        [area.width() as usize, area.height() as usize]
    }

    /// A tile on the reference grid, cut at the borders of the image (B-7 to B-10).
    pub fn tile_area(&self, tile: usize) -> Rect {
        let [across, down] = self.tile_counts().map(|count| count.max(1) as usize);
        if tile >= across * down {
            return Rect::default();
        }
        let span = |i: usize, step: usize| {
            let start = u64::from(self.tile_start[i]) + step as u64 * u64::from(self.tile[i]);
            let end = (start + u64::from(self.tile[i])).min(self.end[i].into());
            [(start as u32).max(self.start[i]), end as u32]
        };
        let ([x0, x1], [y0, y1]) = (span(0, tile % across), span(1, tile / across));
        Rect { x0, y0, x1, y1 }
    }

    /// Appends the segment.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&marker::SIZ.to_be_bytes());
        out.extend_from_slice(&(38 + 3 * self.components).to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        for value in [self.end, self.start, self.tile, self.tile_start].into_iter().flatten() {
            out.extend_from_slice(&value.to_be_bytes());
        }
        out.extend_from_slice(&self.components.to_be_bytes());
        for _ in 0..self.components {
            out.extend_from_slice(&[self.bits - 1, 1, 1]);
        }
    }
}

/// Bits per sample, which all components must share.
fn common_depth(fields: &[u8]) -> Result<u8, Error> {
    let first = fields.first().copied().unwrap_or_default();
    for field in fields.chunks_exact(3) {
        let &[depth, dx, dy] = field else { continue };
        if (dx, dy) != (1, 1) {
            return Err(Error::unsupported("subsampling", format!("{dx} x {dy}")));
        }
        if depth >= MAX_BITS {
            return Err(Error::unsupported("a depth beyond 16 bits unsigned", format!("code {depth}")));
        }
        if depth != first {
            return Err(Error::unsupported(
                "a mixture of depths",
                format!("{} and {} bits", first + 1, depth + 1),
            ));
        }
    }
    Ok(first + 1)
}
