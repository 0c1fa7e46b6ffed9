//! Bitmaps of a code-block in scan order (ITU-T T.800 D.1).
//!
//! The passes visit a block in stripes of four rows, column by column. So a word of 64 bits holds a *chunk* of 16 columns
//! and four rows of a stripe, bit `4 * column + row`: walking through its bits from the lowest is walking in scan order.
//!
//! ```text
//! column   0  1  2 ... 15
//! row 0    0  4  8     60
//! row 1    1  5  9     61
//! row 2    2  6 10     62
//! row 3    3  7 11     63
//! ```
//!
//! Chunks have a border of zeros, so that neighbours can be asked for without a test.

use crate::isa::Level;

/// The bits of row 0 of a chunk.
const ROW_0: u64 = 0x1111_1111_1111_1111;
/// The bits of row 3 of a chunk.
const ROW_3: u64 = 0x8888_8888_8888_8888;

/// Size of a block in samples, stripes and chunks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) stripes: usize,
    pub(super) chunks: usize,
}

impl Shape {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, stripes: height.div_ceil(4), chunks: width.div_ceil(16) }
    }

    /// Words from a chunk to the one below, with the border.
    pub(super) fn stride(self) -> usize {
        self.chunks + 2
    }

    /// Words of a bitmap with its border.
    pub(super) fn bordered(self) -> usize {
        (self.stripes + 2) * self.stride()
    }

    /// The samples of a chunk that lie in the block.
    pub(super) fn inside(self, stripe: usize, chunk: usize) -> u64 {
        let cols = (self.width - 16 * chunk).min(16);
        let rows = (self.height - 4 * stripe).min(4);
        let columns = if cols == 16 { !0 } else { (1 << (4 * cols)) - 1 };
        columns & (ROW_0 * ((1 << rows) - 1))
    }
}

/// What the passes keep of a chunk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunk {
    /// Its place in the maps with border.
    pub(super) at: usize,
    /// Samples that exist.
    pub(super) inside: u64,
    /// Significant when the plane began: members of the refinement pass.
    pub(super) members: u64,
    /// Members of an earlier refinement pass.
    pub(super) refined: u64,
    /// Visited by the significance pass of this plane.
    pub(super) visited: u64,
}

/// The bitmaps of a block.
#[derive(Default)]
pub(super) struct Maps {
    pub(super) shape: Shape,
    /// Which samples are significant, with border.
    pub(super) significant: Vec<u64>,
    /// Which of them are negative, with border.
    pub(super) negative: Vec<u64>,
    /// The rest, without border.
    pub(super) chunks: Vec<Chunk>,
}

impl Maps {
    /// Clears the maps for a block.
    pub(super) fn reset(&mut self, width: usize, height: usize) {
        let shape = Shape::new(width, height);
        self.shape = shape;
        for map in [&mut self.significant, &mut self.negative] {
            map.clear();
            map.resize(shape.bordered(), 0);
        }
        self.chunks.clear();
        for stripe in 0..shape.stripes {
            for chunk in 0..shape.chunks {
                let at = (stripe + 1) * shape.stride() + chunk + 1;
                self.chunks.push(Chunk { at, inside: shape.inside(stripe, chunk), ..Chunk::default() });
            }
        }
    }
}

/// A chunk and its eight neighbours.
#[derive(Clone, Copy)]
pub(super) struct Around {
    above: [u64; 3],
    own: [u64; 3],
    below: [u64; 3],
}

impl Around {
    /// `at` is the place of the chunk in a map with border, `stride` the distance of the rows.
    #[inline(always)]
    pub(super) fn load(map: &[u64], at: usize, stride: usize) -> Self {
        let row = |at: usize| match map[at - 1..].first_chunk() {
            Some(row) => *row,
            None => [0; 3],
        };
        Self { above: row(at - stride), own: row(at), below: row(at + stride) }
    }

    /// The chunk itself.
    #[inline(always)]
    pub(super) fn center(&self) -> u64 {
        self.own[1]
    }

    /// For each sample whether one above or below it is set.
    #[inline(always)]
    fn vertical(&self) -> u64 {
        let own = self.own[1];
        (own << 1 & !ROW_0)
            | (own >> 1 & !ROW_3)
            | (self.above[1] >> 3 & ROW_0)
            | (self.below[1] << 3 & ROW_3)
    }

    /// Samples that have a neighbour which is set.
    #[inline(always)]
    pub(super) fn dilated(&self) -> u64 {
        let vertical = self.vertical();
        let column = self.own[1] | vertical;
        vertical | column << 4 | column >> 4 | self.left_column() | self.right_column() << 60
    }

    /// For each row whether one of the three samples to the left of the chunk is set.
    #[inline(always)]
    fn left_column(&self) -> u64 {
        let own = self.own[0] >> 60;
        (own | own << 1 | own >> 1 | self.above[0] >> 63 | (self.below[0] >> 60 & 1) << 3) & 15
    }

    /// For each row whether one of the three samples to the right of the chunk is set.
    #[inline(always)]
    fn right_column(&self) -> u64 {
        let own = self.own[2] & 15;
        (own | own << 1 | own >> 1 | (self.above[2] >> 3 & 1) | (self.below[2] & 1) << 3) & 15
    }

    /// Columns, at their bit of row 0, in which neither a sample nor a neighbour of one is set.
    #[inline(always)]
    pub(super) fn quiet(&self) -> u64 {
        let column = self.own[1] | self.vertical();
        let any = (column | column >> 1 | column >> 2 | column >> 3) & ROW_0;
        let (left, right) = (u64::from(self.left_column() != 0), u64::from(self.right_column() != 0));
        !(any | any << 4 | any >> 4 | left | right << 60) & ROW_0
    }

    /// The neighbourhoods of the samples of a half, with `center` for the chunk itself, which may have changed.
    #[inline(always)]
    pub(super) fn near<L: Level>(&self, level: L, half: Half, center: u64) -> Near {
        // Ten columns, from the one left of the half.
        let ten = |[left, own, right]: [u64; 3]| {
            let (low, high) = if half.0 == 0 { (left, own) } else { (own, right) };
            level.spread(high << (4 + half.0) | low >> (60 - half.0))
        };
        let own = ten([self.own[0], center, self.own[2]]);
        Near(own << 1 | (ten(self.above) >> 3 & SIXTH) | (ten(self.below) << 5 & SIXTH << 5))
    }
}

/// Eight columns of a chunk, by the number of their first bit: 0 or 32.
#[derive(Clone, Copy)]
pub(super) struct Half(pub(super) u32);

impl Half {
    /// The first that has something of what is not empty.
    #[inline(always)]
    pub(super) fn first(members: u64) -> Self {
        Self(if members as u32 == 0 { 32 } else { 0 })
    }
}

/// Bit 0 of every group of six.
const SIXTH: u64 = 0x0041_0410_4104_1041;

/// A half of a chunk with all neighbours in one word: ten columns from the one left of the half, each with six rows from the one
/// above the stripe.
#[derive(Clone, Copy)]
pub(super) struct Near(u64);

impl Near {
    /// Place of a sample from its bit in the half.
    #[inline(always)]
    pub(super) fn place(position: u32) -> u32 {
        position + (position >> 1 & 0x1E)
    }

    /// The neighbourhood of a place, column by column: left at bits 0 to 2, own at 6 to 8, right at 12 to 14, each from the row
    /// above.
    #[inline(always)]
    pub(super) fn at(self, place: u32) -> u64 {
        self.0 >> place
    }

    /// Sets a sample if `value` is 1.
    #[inline(always)]
    pub(super) fn set(&mut self, place: u32, value: u64) {
        self.0 |= value << (place + 7);
    }
}

/// The samples around `position` that come later in the scan of its chunk: they become candidates of the significance
/// pass when it becomes significant.
#[inline(always)]
pub(super) fn later(position: u32) -> u64 {
    // Below in the own column; above, beside and below in the next.
    const LATER: [u64; 4] = [0b0011_0010, 0b0111_0100, 0b1110_1000, 0b1100_0000];
    LATER[position as usize & 3] << (position & 0x3C)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Baseline;

    #[test]
    fn neighbourhoods_are_those_of_the_samples() {
        let (width, height) = (37, 11);
        let shape = Shape::new(width, height);
        let mut state = 7u64;
        for density in [2, 5, 30] {
            let mut maps = Maps::default();
            maps.reset(width, height);
            let mut set = vec![false; width * height];
            for (n, sample) in set.iter_mut().enumerate() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *sample = (state >> 40).is_multiple_of(density);
                let (x, y) = (n % width, n / width);
                let at = (y / 4 + 1) * shape.stride() + x / 16 + 1;
                maps.significant[at] |= u64::from(*sample) << (4 * (x % 16) + y % 4);
            }
            let is_set = |x: isize, y: isize| {
                (0..width as isize).contains(&x)
                    && (0..height as isize).contains(&y)
                    && set[y as usize * width + x as usize]
            };
            for n in 0..width * height {
                let (x, y) = ((n % width) as isize, (n / width) as isize);
                let at = (n / width / 4 + 1) * shape.stride() + n % width / 16 + 1;
                let around = Around::load(&maps.significant, at, shape.stride());
                let (column, row) = (n % width % 16, n / width % 4);
                let mut nine = 0;
                for i in 0..9 {
                    nine |= usize::from(is_set(x + i as isize / 3 - 1, y + i as isize % 3 - 1)) << i;
                }
                let half = Half(if column < 8 { 0 } else { 32 });
                let place = Near::place((4 * column + row) as u32 - half.0);
                let window = around.near(Baseline, half, around.center()).at(place);
                assert_eq!(Baseline.nine(window), nine, "{x} {y}");
                let mut without = around.near(Baseline, half, around.center() & !(1 << (4 * column + row)));
                assert_eq!(Baseline.nine(without.at(place)), nine & 0o757, "{x} {y}");
                without.set(place, u64::from(nine & 0o020 != 0));
                assert_eq!(Baseline.nine(without.at(place)), nine, "{x} {y}");
                assert_eq!(around.dilated() >> (4 * column + row) & 1 == 1, nine & 0o757 != 0, "{x} {y}");
                let crossed = nine >> 1 & 1 | nine >> 2 & 2 | nine >> 3 & 4 | nine >> 4 & 8;
                assert_eq!(Baseline.cross(window), crossed);
                let top = y - y % 4;
                let quiet = (-1..2).all(|dx| (-1..5).all(|dy| !is_set(x + dx, top + dy)));
                assert_eq!(around.quiet() >> (4 * column) & 1 == 1, quiet, "{x} {y}");
            }
        }
    }
}
