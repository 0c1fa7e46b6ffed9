//! Inverse transform (ITU-T T.800 F.3): from subbands to rows of samples.

use super::lines;
use crate::isa::Isa;
use crate::tile::Rect;

/// The three subbands that one level adds, row by row without gaps; `None` for one that is zero.
#[derive(Clone, Copy)]
pub(crate) struct SynthesisLevel<'a> {
    /// The samples that the level makes.
    pub(crate) area: Rect,
    /// High-pass from left to right.
    pub(crate) high_low: Option<&'a [i32]>,
    /// High-pass from top to bottom.
    pub(crate) low_high: Option<&'a [i32]>,
    /// High-pass in both directions.
    pub(crate) high_high: Option<&'a [i32]>,
}

/// Gives the rows of a component from top to bottom.
pub(crate) enum Synthesis<'a> {
    /// The lowest resolution as it is stored.
    Stored {
        /// Columns.
        width: usize,
        /// Rows that are left.
        rows: Option<&'a [i32]>,
        /// A row for where there are none.
        zeros: Vec<i32>,
    },
    /// One level more.
    Level(Box<Stage<'a>>),
}

/// A level at work.
pub(crate) struct Stage<'a> {
    isa: Isa,
    below: Synthesis<'a>,
    bands: SynthesisLevel<'a>,
    /// The next row on the grid of the level.
    y: u32,
    /// Columns of the low-pass half.
    low_width: usize,
    /// High-pass row above or at `y`, and the next one.
    high: Vec<i32>,
    next_high: Vec<i32>,
    /// Even row above or at `y`, and the next one.
    even: Vec<i32>,
    next_even: Vec<i32>,
    odd: Vec<i32>,
    /// Low-pass row before the vertical step, and its low-pass half.
    low: Vec<i32>,
    half: Vec<i32>,
    zeros: Vec<i32>,
}

impl<'a> Synthesis<'a> {
    /// Puts levels on top of the lowest resolution, lowest level first. Areas are not empty.
    pub(crate) fn new(
        isa: Isa,
        lowest: Rect,
        rows: Option<&'a [i32]>,
        levels: &[SynthesisLevel<'a>],
    ) -> Self {
        let width = lowest.width() as usize;
        let mut top = Self::Stored { width, rows, zeros: vec![0; width] };
        let mut below_area = lowest;
        for bands in levels {
            let width = bands.area.width() as usize;
            let line = || vec![0; width];
            top = Self::Level(Box::new(Stage {
                isa,
                below: top,
                bands: *bands,
                y: bands.area.y0,
                low_width: below_area.width() as usize,
                high: line(),
                next_high: line(),
                even: line(),
                next_even: line(),
                odd: line(),
                low: line(),
                half: vec![0; below_area.width() as usize],
                zeros: line(),
            }));
            below_area = bands.area;
        }
        top
    }

    /// The next row; empty behind the last one.
    pub(crate) fn row(&mut self) -> &[i32] {
        match self {
            Self::Stored { width, rows, zeros } => take_row(rows, *width, zeros),
            Self::Level(stage) => stage.row(),
        }
    }
}

impl Synthesis<'_> {
    /// Goes on to the next row.
    pub(crate) fn skip_row(&mut self) {
        self.row();
    }
}

impl Stage<'_> {
    fn row(&mut self) -> &[i32] {
        let area = self.bands.area;
        let y = self.y;
        if y >= area.y1 {
            return &[];
        }
        self.y += 1;
        if area.height() == 1 {
            return self.single_row(y);
        }
        if y.is_multiple_of(2) {
            if y == area.y0 {
                self.first_even_row();
            } else {
                std::mem::swap(&mut self.even, &mut self.next_even);
            }
            return &self.even;
        }
        if y == area.y0 {
            // The first row is odd: the even row below stands for the one above, too.
            self.load_high();
            self.load_even_below(y);
            lines::odd_row(self.isa, &mut self.odd, &self.high, &self.next_even, &self.next_even);
            std::mem::swap(&mut self.high, &mut self.next_high);
            return &self.odd;
        }
        if y + 1 == area.y1 {
            lines::odd_row(self.isa, &mut self.odd, &self.high, &self.even, &self.even);
            return &self.odd;
        }
        self.load_even_below(y);
        lines::odd_row(self.isa, &mut self.odd, &self.high, &self.even, &self.next_even);
        std::mem::swap(&mut self.high, &mut self.next_high);
        &self.odd
    }

    /// The only row is not filtered from top to bottom; at an odd place it was doubled.
    fn single_row(&mut self, y: u32) -> &[i32] {
        if y.is_multiple_of(2) {
            self.load_low();
            return &self.low;
        }
        self.load_high();
        self.high.iter_mut().for_each(|sample| *sample /= 2);
        &self.high
    }

    fn first_even_row(&mut self) {
        self.load_low();
        self.load_high();
        lines::even_row(self.isa, &mut self.even, &self.low, &self.high, &self.high);
    }

    /// Makes the even row below the odd row `y`, and the high-pass row below that if there is one.
    fn load_even_below(&mut self, y: u32) {
        self.load_low();
        let has_next = y + 2 < self.bands.area.y1;
        if has_next {
            std::mem::swap(&mut self.high, &mut self.next_high);
            self.load_high();
            std::mem::swap(&mut self.high, &mut self.next_high);
        }
        let below = if has_next { &self.next_high } else { &self.high };
        lines::even_row(self.isa, &mut self.next_even, &self.low, &self.high, below);
    }

    /// The next low-pass row, joined from its halves.
    fn load_low(&mut self) {
        let below = self.below.row();
        self.half.copy_from_slice(below);
        let high = take_row(&mut self.bands.high_low, self.low.len() - self.low_width, &self.zeros);
        lines::join(self.isa, &mut self.low, &mut self.half, high, !self.bands.area.x0.is_multiple_of(2));
    }

    /// The next high-pass row.
    fn load_high(&mut self) {
        self.half.copy_from_slice(take_row(&mut self.bands.low_high, self.low_width, &self.zeros));
        let high = take_row(&mut self.bands.high_high, self.high.len() - self.low_width, &self.zeros);
        lines::join(self.isa, &mut self.high, &mut self.half, high, !self.bands.area.x0.is_multiple_of(2));
    }
}

/// The next row of a subband; empty behind the last one.
fn take_row<'b, 'a: 'b>(rows: &mut Option<&'a [i32]>, width: usize, zeros: &'b [i32]) -> &'b [i32] {
    let Some(left) = rows else { return &zeros[..width] };
    let (row, rest) = left.split_at(width.min(left.len()));
    *rows = Some(rest);
    row
}
