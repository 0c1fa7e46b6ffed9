//! Resolutions, subbands, precincts and code-blocks of a tile (ITU-T T.800 B.5 to B.7). Components are not subsampled, so
//! all have the same geometry.

use crate::block::Orientation;
use crate::codestream::{CodingStyle, Header};
use crate::packet::Precinct;

/// A rectangle on a grid: columns `x0..x1`, rows `y0..y1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    /// First column.
    pub x0: u32,
    /// First row.
    pub y0: u32,
    /// Behind the last column.
    pub x1: u32,
    /// Behind the last row.
    pub y1: u32,
}

impl Rect {
    /// Number of columns.
    pub const fn width(&self) -> u32 {
        self.x1.saturating_sub(self.x0)
    }

    /// Number of rows.
    pub const fn height(&self) -> u32 {
        self.y1.saturating_sub(self.y0)
    }

    /// Whether nothing is inside.
    pub const fn is_empty(&self) -> bool {
        self.x1 <= self.x0 || self.y1 <= self.y0
    }

    /// Number of grid points.
    pub(crate) const fn area(&self) -> usize {
        self.width() as usize * self.height() as usize
    }

    /// The same on a grid that was halved `down` times (B-14).
    pub(crate) fn reduced(&self, down: u32) -> Self {
        let f = |v: u32| ceil_shift(v.into(), down);
        Self { x0: f(self.x0), y0: f(self.y0), x1: f(self.x1), y1: f(self.y1) }
    }

    /// What both have.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let (x0, y0) = (self.x0.max(other.x0), self.y0.max(other.y0));
        Self { x0, y0, x1: self.x1.min(other.x1).max(x0), y1: self.y1.min(other.y1).max(y0) }
    }

    /// The low-pass and high-pass samples that the samples in this rectangle are made of, on the grid of the subbands,
    /// with some to spare.
    pub(crate) fn sources(&self) -> Self {
        let (start, end) = (|v: u32| (v / 2).saturating_sub(1), |v: u32| v / 2 + 2);
        Self { x0: start(self.x0), y0: start(self.y0), x1: end(self.x1), y1: end(self.y1) }
    }
}

/// `ceil(value / 2^down)` for a value that may be below zero, which gives 0.
fn ceil_shift(value: i64, down: u32) -> u32 {
    ((value + (1i64 << down) - 1) >> down).max(0) as u32
}

/// A subband of a resolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Band {
    pub(crate) orientation: Orientation,
    /// Its coefficients on its own grid (B-15).
    pub(crate) area: Rect,
    /// Magnitude bit planes.
    pub(crate) planes: u8,
    /// Number among the subbands of the tile.
    pub(crate) index: usize,
    /// Where its coefficients start in those of a component, row by row without gaps.
    pub(crate) start: usize,
}

/// A resolution of a tile.
#[derive(Clone, Debug)]
pub(crate) struct Resolution {
    pub(crate) area: Rect,
    /// LL at the lowest, else HL, LH, HH.
    pub(crate) bands: Vec<Band>,
    /// Precincts from left to right and from top to bottom; none if the resolution is empty (B-16).
    pub(crate) precincts: [u32; 2],
    /// Exponents of the precinct size.
    exponents: [u8; 2],
    /// Exponents of the size of code-blocks, limited by the precinct (B-17, B-18).
    block_exponents: [u8; 2],
}

/// Code-blocks of a band in a precinct.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    /// The part of the band in the precinct.
    area: Rect,
    /// Number of the first block on the grid of blocks: x, y.
    first: [u32; 2],
    exponents: [u8; 2],
    pub(crate) counts: Precinct,
}

impl Resolution {
    /// The part of a band in a precinct; `number` counts precincts row by row.
    pub(crate) fn blocks(&self, band: &Band, number: u32) -> Blocks {
        let [across, _] = self.precincts;
        let steps = [number % across.max(1), number / across.max(1)];
        // Above the lowest resolution a band has half the samples in each direction.
        let half = u8::from(self.bands.len() > 1);
        let starts = [self.area.x0, self.area.y0];
        let span = |i: usize, low: u32, high: u32| {
            let exponent = self.exponents[i] - half;
            let index = u64::from(starts[i] >> self.exponents[i]) + u64::from(steps[i]);
            let clip = |v: u64| v.clamp(low.into(), high.into()) as u32;
            [clip(index << exponent), clip((index + 1) << exponent)]
        };
        let ([x0, x1], [y0, y1]) = (span(0, band.area.x0, band.area.x1), span(1, band.area.y0, band.area.y1));
        let area = Rect { x0, y0, x1, y1 };
        let [ex, ey] = self.block_exponents;
        let first = [x0 >> ex, y0 >> ey];
        let counts = if area.is_empty() {
            Precinct { across: 0, down: 0, planes: band.planes }
        } else {
            let count = |end: u32, exponent: u8, first: u32| (((end - 1) >> exponent) + 1 - first) as usize;
            Precinct { across: count(x1, ex, first[0]), down: count(y1, ey, first[1]), planes: band.planes }
        };
        Blocks { area, first, exponents: self.block_exponents, counts }
    }

    /// Number of precincts.
    pub(crate) fn precinct_count(&self) -> u32 {
        self.precincts[0] * self.precincts[1]
    }
}

impl Blocks {
    /// The coefficients of a block on the grid of the band.
    pub(crate) fn block(&self, x: usize, y: usize) -> Rect {
        let span = |i: usize, step: usize, low: u32, high: u32| {
            let start = (self.first[i] + step as u32) << self.exponents[i];
            [start.max(low), start.saturating_add(1 << self.exponents[i]).min(high)]
        };
        let ([x0, x1], [y0, y1]) =
            (span(0, x, self.area.x0, self.area.x1), span(1, y, self.area.y0, self.area.y1));
        Rect { x0, y0, x1, y1 }
    }
}

/// All resolutions of a tile, lowest first.
#[derive(Clone, Debug)]
pub(crate) struct TileGeometry {
    pub(crate) resolutions: Vec<Resolution>,
    /// Coefficients of a component.
    pub(crate) coefficients: usize,
}

impl TileGeometry {
    /// The lowest `count` resolutions of a tile.
    pub(crate) fn new(header: &Header, tile: Rect, count: usize) -> Self {
        let (style, mut start) = (&header.style, 0);
        let mut resolutions = Vec::with_capacity(count);
        for number in 0..count.min(usize::from(style.decompositions) + 1) {
            let resolution = resolution(header, tile, number, start);
            start += resolution.bands.iter().map(|band| band.area.area()).sum::<usize>();
            resolutions.push(resolution);
        }
        Self { resolutions, coefficients: start }
    }

    /// Number of subbands.
    pub(crate) fn band_count(&self) -> usize {
        self.resolutions.iter().map(|resolution| resolution.bands.len()).sum()
    }
}

fn resolution(header: &Header, tile: Rect, number: usize, mut start: usize) -> Resolution {
    let style = &header.style;
    let down = u32::from(style.decompositions) - number as u32;
    let area = tile.reduced(down);
    let kinds: &[(Orientation, i64, i64)] = if number == 0 {
        &[(Orientation::LowLow, 0, 0)]
    } else {
        &[(Orientation::HighLow, 1, 0), (Orientation::LowHigh, 0, 1), (Orientation::HighHigh, 1, 1)]
    };
    // The bands of a resolution come from one decomposition more, but for the lowest.
    let depth = if number == 0 { down } else { down + 1 };
    let bands = kinds.iter().enumerate().map(|(n, &(orientation, ox, oy))| {
        let f = |v: u32, offset: i64| ceil_shift(i64::from(v) - (offset << depth >> 1), depth);
        let area = Rect { x0: f(tile.x0, ox), y0: f(tile.y0, oy), x1: f(tile.x1, ox), y1: f(tile.y1, oy) };
        let index = if number == 0 { 0 } else { 3 * (number - 1) + 1 + n };
        let band = Band { orientation, area, planes: header.planes.of(index), index, start };
        start += area.area();
        band
    });
    let bands = bands.collect();
    let (exponents, block_exponents) = exponents(style, number);
    let precincts = if area.is_empty() {
        [0, 0]
    } else {
        let count = |i: usize, low: u32, high: u32| ((high - 1) >> exponents[i]) + 1 - (low >> exponents[i]);
        [count(0, area.x0, area.x1), count(1, area.y0, area.y1)]
    };
    Resolution { area, bands, precincts, exponents, block_exponents }
}

fn exponents(style: &CodingStyle, number: usize) -> ([u8; 2], [u8; 2]) {
    let precinct = style.precinct_exponents[number];
    let half = u8::from(number > 0);
    let block = [0, 1].map(|i| style.block_exponents[i].min(precinct[i] - half));
    (precinct, block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codestream::ImageSize;

    #[test]
    fn blocks_cover_every_coefficient_once() {
        let area = Rect { x0: 37, y0: 101, x1: 37 + 211, y1: 101 + 90 };
        for (block, precinct, levels) in
            [([2, 2], 6, 4), ([6, 6], 8, 3), ([3, 5], 4, 5), ([2, 10], 15, 2), ([5, 2], 1, 3)]
        {
            let size = ImageSize {
                end: [area.x1, area.y1],
                start: [area.x0, area.y0],
                tile: [300, 300],
                tile_start: [0, 0],
                components: 1,
                bits: 15,
            };
            let style = CodingStyle { block_exponents: block, ..CodingStyle::square(levels, 2, precinct) };
            let header = Header::new(size, style).unwrap();
            let geometry = TileGeometry::new(&header, area, 33);
            assert_eq!(geometry.coefficients, area.area());
            assert_eq!(geometry.resolutions.last().unwrap().area, area);
            for resolution in &geometry.resolutions {
                for band in &resolution.bands {
                    let mut seen = vec![0; band.area.area()];
                    for number in 0..resolution.precinct_count() {
                        let blocks = resolution.blocks(band, number);
                        for n in 0..blocks.counts.across * blocks.counts.down {
                            let rect = blocks.block(n % blocks.counts.across, n / blocks.counts.across);
                            assert!(!rect.is_empty());
                            for (y, x) in
                                (rect.y0..rect.y1).flat_map(|y| (rect.x0..rect.x1).map(move |x| (y, x)))
                            {
                                let at = (y - band.area.y0) * band.area.width() + x - band.area.x0;
                                seen[at as usize] += 1;
                            }
                        }
                    }
                    assert!(seen.iter().all(|&count| count == 1), "{band:?}");
                }
            }
        }
    }
}
