//! Bitmaps of a code-block in scan order (ITU-T T.800 D.1).
//!
//! The passes visit a block in stripes of four rows, column by column. A word of 64 bits holds a *piece*: eight columns of a
//! stripe, six bits for each. The bit of a sample is its *place*, `6 * column + row`: walking through the bits from the lowest
//! is walking in scan order.
//!
//! ```text
//! column   0  1  2 ... 7
//! row 0    0  6 12    42
//! row 1    1  7 13    43
//! row 2    2  8 14    44
//! row 3    3  9 15    45     bits 4 and 5 of each column stay empty
//! ```
//!
//! With all its neighbours a piece has ten columns of six rows: those fit a word too ([`Near`]). Its bits lie such that the 3 x 3
//! neighbourhood of a sample begins at the sample's place, so that neither needs to be converted into the other.
//!
//! Maps have a border of zeros, so that neighbours can be asked for without a test.

/// The bits of row 0 of a piece.
pub(super) const ROW_0: u64 = 0x0000_0410_4104_1041;
/// The bits of a piece.
pub(super) const PIECE: u64 = ROW_0 * 15;
/// Columns of a piece.
pub(super) const COLUMNS: usize = 8;

/// Size of a block in samples, stripes and pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) stripes: usize,
    /// Pieces of a stripe.
    pub(super) pieces: usize,
}

impl Shape {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, stripes: height.div_ceil(4), pieces: width.div_ceil(COLUMNS) }
    }

    /// Words from a piece to the one below, with the border: one to the left, and two to the right since a walk reads one piece
    /// ahead of the neighbour.
    fn stride(self) -> usize {
        self.pieces + 3
    }

    /// The samples of a piece that lie in the block.
    fn inside(self, stripe: usize, piece: usize) -> u64 {
        let cols = (self.width - COLUMNS * piece).min(COLUMNS);
        let rows = (self.height - 4 * stripe).min(4);
        (ROW_0 & ((1 << (6 * cols)) - 1)) * ((1 << rows) - 1)
    }
}

/// What the passes keep of a piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece {
    /// Samples that exist.
    pub(super) inside: u64,
    /// Visited by the significance pass of this plane.
    pub(super) visited: u64,
    /// Members of an earlier refinement pass.
    pub(super) refined: u64,
}

/// The bitmaps of a block.
#[derive(Default)]
pub(super) struct Maps {
    pub(super) shape: Shape,
    /// Which samples are significant, with border.
    significant: Vec<u64>,
    /// Which of them are negative, with border.
    negative: Vec<u64>,
    /// The rest, without border.
    pub(super) pieces: Vec<Piece>,
}

impl Maps {
    /// Clears the maps for a block.
    pub(super) fn reset(&mut self, width: usize, height: usize) {
        let shape = Shape::new(width, height);
        self.shape = shape;
        for map in [&mut self.significant, &mut self.negative] {
            map.clear();
            map.resize((shape.stripes + 2) * shape.stride(), 0);
        }
        self.pieces.clear();
        for stripe in 0..shape.stripes {
            let inside = |piece| shape.inside(stripe, piece);
            self.pieces.extend((0..shape.pieces).map(|n| Piece { inside: inside(n), ..Piece::default() }));
        }
    }

    /// Visits all pieces in scan order. `visit` gets the number of the piece, the piece, and the neighbourhoods of its significant
    /// and of its negative samples; what it sets there is kept.
    #[inline(always)]
    pub(super) fn walk(&mut self, mut visit: impl FnMut(usize, &mut Piece, &mut Near, &mut Near)) {
        let Self { shape, significant, negative, pieces } = self;
        let stride = shape.stride();
        for (stripe, pieces) in pieces.chunks_exact_mut(shape.pieces).enumerate() {
            let (first, start) = (stripe * shape.pieces, (stripe + 1) * stride + 1);
            let mut known = Window::start(significant, start, stride);
            let mut minus = Window::start(negative, start, stride);
            for (n, piece) in pieces.iter_mut().enumerate() {
                let (mut near, mut signs) = (known.near(), minus.near());
                visit(first + n, piece, &mut near, &mut signs);
                known.advance(near, significant, start + n, stride);
                minus.advance(signs, negative, start + n, stride);
            }
        }
    }

    /// Visits all pieces in scan order with what is significant in them and around them.
    #[inline(always)]
    pub(super) fn look(&mut self, mut visit: impl FnMut(usize, &mut Piece, Around<'_>)) {
        let Self { shape, significant, pieces, .. } = self;
        let stride = shape.stride();
        for (stripe, pieces) in pieces.chunks_exact_mut(shape.pieces).enumerate() {
            let (first, start) = (stripe * shape.pieces, (stripe + 1) * stride + 1);
            for (n, piece) in pieces.iter_mut().enumerate() {
                visit(first + n, piece, Around { map: significant, at: start + n, stride });
            }
        }
    }

    /// The negative samples of a piece.
    #[inline(always)]
    pub(super) fn negative(&self, stripe: usize, piece: usize) -> u64 {
        self.negative[(stripe + 1) * self.shape.stride() + piece + 1]
    }
}

/// Bit 0 of every group of six.
const SIXTH: u64 = 0x0041_0410_4104_1041;

/// A piece with the rows above and below it.
#[inline(always)]
fn six(map: &[u64], at: usize, stride: usize) -> u64 {
    map[at] << 1 | (map[at - stride] >> 3 & SIXTH) | (map[at + stride] & SIXTH) << 5
}

/// A piece in a map.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    map: &'a [u64],
    at: usize,
    stride: usize,
}

impl Around<'_> {
    /// The piece itself.
    #[inline(always)]
    pub(super) fn own(&self) -> u64 {
        self.map[self.at]
    }

    /// The piece with its neighbours.
    #[inline(always)]
    pub(super) fn near(&self) -> Near {
        let six = |at: usize| six(self.map, at, self.stride);
        Near(six(self.at - 1) >> 42 | six(self.at) << 6 | six(self.at + 1) << 54)
    }
}

/// Three pieces side by side that move along a stripe. Each has six rows per column, from the one above the stripe.
struct Window {
    /// The last column of the piece to the left.
    left: u64,
    own: u64,
    right: u64,
}

impl Window {
    /// At the first piece of a stripe.
    #[inline(always)]
    fn start(map: &[u64], at: usize, stride: usize) -> Self {
        Self { left: 0, own: six(map, at, stride), right: six(map, at + 1, stride) }
    }

    #[inline(always)]
    fn near(&self) -> Near {
        Near(self.left | self.own << 6 | self.right << 54)
    }

    /// Keeps what was set and goes on to the next piece.
    #[inline(always)]
    fn advance(&mut self, near: Near, map: &mut [u64], at: usize, stride: usize) {
        map[at] = near.own();
        self.left = near.0 >> 48 & 63;
        self.own = self.right;
        self.right = six(map, at + 2, stride);
    }
}

/// A piece with all neighbours in one word: ten columns from the one to its left, each with six rows from the one above the
/// stripe.
#[derive(Clone, Copy)]
pub(super) struct Near(u64);

impl Near {
    /// The piece itself.
    #[inline(always)]
    pub(super) fn own(self) -> u64 {
        self.0 >> 7 & PIECE
    }

    /// The neighbourhood of a sample, column by column: left at bits 0 to 2, own at 6 to 8, right at 12 to 14, each from the row
    /// above.
    #[inline(always)]
    pub(super) fn at(self, place: u32) -> u64 {
        self.0 >> (place & 63)
    }

    /// Sets a sample if `value` is 1.
    #[inline(always)]
    pub(super) fn set(&mut self, place: u32, value: u64) {
        self.0 |= value << 7 << (place & 63);
    }

    /// Samples of the piece that have a neighbour which is set.
    #[inline(always)]
    pub(super) fn dilated(self) -> u64 {
        let vertical = self.0 << 1 | self.0 >> 1;
        let column = self.0 | vertical;
        (vertical | column << 6 | column >> 6) >> 7 & PIECE
    }

    /// Columns, at their bit of row 0, in which neither a sample nor a neighbour of one is set.
    #[inline(always)]
    pub(super) fn quiet(self) -> u64 {
        let three = self.0 | self.0 >> 1 | self.0 >> 2;
        let six = three | three >> 3;
        !(six | six >> 6 | six >> 12) & ROW_0
    }
}

/// For samples of a piece, those around them that come later in its scan: below in the own column; above, beside and below in
/// the next.
#[inline(always)]
pub(super) fn later(samples: u64) -> u64 {
    samples << 1 | samples << 5 | samples << 6 | samples << 7
}

/// The same for one place.
#[inline(always)]
pub(super) fn later_than(place: u32) -> u64 {
    later(1) << (place & 63)
}

/// The bits of row 0 of the column of a place and of the next one, and others that no bit of row 0 is at.
#[inline(always)]
pub(super) fn this_and_next_column(place: u32) -> u64 {
    // From three below the place, where the column begins at the earliest, to six above, where the next one does at the latest.
    0x3FF << (place & 63) >> 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Baseline, Level};

    #[test]
    fn neighbourhoods_are_those_of_the_samples() {
        let (width, height) = (37, 11);
        let mut state = 7u64;
        for density in [2, 5, 30] {
            let mut set = vec![false; width * height];
            for sample in &mut set {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *sample = (state >> 40).is_multiple_of(density);
            }
            let is_set = |x: isize, y: isize| {
                (0..width as isize).contains(&x)
                    && (0..height as isize).contains(&y)
                    && set[y as usize * width + x as usize]
            };
            let mut maps = Maps::default();
            maps.reset(width, height);
            let shape = maps.shape;
            let corner = |n: usize| ((n % shape.pieces * COLUMNS) as isize, (n / shape.pieces * 4) as isize);
            // What a walk sets is there for the pieces that follow, and for the next walk.
            maps.walk(|n, piece, near, signs| {
                let (left, top) = corner(n);
                for (column, row) in (0..COLUMNS).flat_map(|column| (0..4).map(move |row| (column, row))) {
                    let (x, y, place) = (left + column as isize, top + row, 6 * column as u32 + row as u32);
                    let exists = x < width as isize && y < height as isize;
                    assert_eq!(piece.inside >> place & 1 == 1, exists, "{x} {y}");
                    near.set(place, u64::from(is_set(x, y)));
                    signs.set(place, u64::from(is_set(x, y) && x % 3 == 0));
                }
            });
            maps.walk(|n, _, near, signs| {
                let (left, top) = corner(n);
                let inside = |x: isize| x < width as isize;
                for (column, row) in (0..COLUMNS).flat_map(|column| (0..4).map(move |row| (column, row))) {
                    let (x, y, place) = (left + column as isize, top + row, 6 * column as u32 + row as u32);
                    let nine = |set: &dyn Fn(isize, isize) -> bool| -> usize {
                        (0..9).map(|i| usize::from(set(x + i / 3 - 1, y + i % 3 - 1)) << i).sum()
                    };
                    let known = nine(&is_set);
                    assert_eq!(Baseline.nine(near.at(place)), known, "{x} {y}");
                    assert_eq!(
                        Baseline.nine(signs.at(place)),
                        nine(&|x, y| is_set(x, y) && x % 3 == 0),
                        "{x} {y}"
                    );
                    let cross = known >> 1 & 1 | known >> 2 & 2 | known >> 3 & 4 | known >> 4 & 8;
                    assert_eq!(Baseline.cross(near.at(place)), cross, "{x} {y}");
                    assert_eq!(near.own() >> place & 1 == 1, is_set(x, y), "{x} {y}");
                    assert_eq!(near.dilated() >> place & 1 == 1, known & 0o757 != 0, "{x} {y}");
                    let quiet = (-1..2).all(|dx| (-1..5).all(|dy| !is_set(x + dx, top + dy)));
                    if row == 0 && inside(x) {
                        assert_eq!(near.quiet() >> place & 1 == 1, quiet, "{x} {y}");
                    }
                }
            });
            maps.look(|n, _, around| {
                let (left, top) = corner(n);
                assert_eq!(around.own() & 1 == 1, is_set(left, top));
                let known: usize =
                    (0..9).map(|i| usize::from(is_set(left + i / 3 - 1, top + i % 3 - 1)) << i).sum();
                assert_eq!(Baseline.nine(around.near().at(0)), known, "{left} {top}");
            });
        }
    }

    #[test]
    fn later_samples_are_neighbours_that_follow() {
        for (column, row) in (0..COLUMNS).flat_map(|column| (0..4).map(move |row| (column, row))) {
            let place = 6 * column + row;
            let follows = |c: usize, r: usize| {
                let (dc, dr) = (c.abs_diff(column), r.abs_diff(row));
                dc <= 1 && dr <= 1 && (c, r) > (column, row)
            };
            let all = (0..COLUMNS).flat_map(|c| (0..4).map(move |r| (c, r)));
            let expected = all.filter(|&(c, r)| follows(c, r)).map(|(c, r)| 1 << (6 * c + r)).sum::<u64>();
            assert_eq!(later_than(place as u32) & PIECE, expected);
            assert_eq!(later(1 << place) & PIECE, expected);
            let columns = this_and_next_column(place as u32) & ROW_0;
            assert_eq!(columns, (1 << (6 * column) | 1 << (6 * column + 6)) & ROW_0);
        }
    }
}
