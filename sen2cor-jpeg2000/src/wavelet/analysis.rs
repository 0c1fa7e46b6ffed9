//! Forward transform (ITU-T T.800 F.4): from rows of samples to subbands.

use super::lines;
use crate::isa::Isa;
use crate::tile::Rect;

/// Where a level writes its subbands, row by row without gaps.
pub(crate) struct AnalysisLevel<'a> {
    /// The samples that the level takes.
    pub(crate) area: Rect,
    /// High-pass from left to right.
    pub(crate) high_low: &'a mut [i32],
    /// High-pass from top to bottom.
    pub(crate) low_high: &'a mut [i32],
    /// High-pass in both directions.
    pub(crate) high_high: &'a mut [i32],
}

/// Takes the rows of a component from top to bottom.
pub(crate) enum Analysis<'a> {
    /// Stores the lowest resolution.
    Store(&'a mut [i32]),
    /// One level.
    Level(Box<Stage<'a>>),
}

/// A level at work.
pub(crate) struct Stage<'a> {
    isa: Isa,
    below: Analysis<'a>,
    bands: AnalysisLevel<'a>,
    /// The row that comes next on the grid of the level.
    y: u32,
    /// Even row above `y`, and odd row above `y`.
    even: Vec<i32>,
    odd: Vec<i32>,
    /// High-pass row above and the one below the even row.
    above: Vec<i32>,
    below_row: Vec<i32>,
    low: Vec<i32>,
    half: Vec<i32>,
}

impl<'a> Analysis<'a> {
    /// Makes levels that store the lowest resolution, of this area, in `rows`; lowest level first. Areas are not empty.
    pub(crate) fn new(isa: Isa, lowest: Rect, rows: &'a mut [i32], levels: Vec<AnalysisLevel<'a>>) -> Self {
        let mut top = Self::Store(rows);
        let mut below_area = lowest;
        for bands in levels {
            let area = bands.area;
            let line = || vec![0; area.width() as usize];
            top = Self::Level(Box::new(Stage {
                isa,
                below: top,
                bands,
                y: area.y0,
                even: line(),
                odd: line(),
                above: line(),
                below_row: line(),
                low: line(),
                half: vec![0; below_area.width() as usize],
            }));
            below_area = area;
        }
        top
    }

    /// Takes the next row. All rows of the area have to be given, and no more.
    pub(crate) fn push(&mut self, row: &[i32]) {
        match self {
            Self::Store(rows) => put_row(rows, row.len()).copy_from_slice(row),
            Self::Level(stage) => stage.push(row),
        }
    }
}

impl Stage<'_> {
    fn push(&mut self, row: &[i32]) {
        let (area, y) = (self.bands.area, self.y);
        self.y += 1;
        if area.height() == 1 {
            return self.single_row(y, row);
        }
        let (first, last) = (y == area.y0, y + 1 == area.y1);
        if !y.is_multiple_of(2) {
            self.odd.copy_from_slice(row);
            if last {
                // The even row above stands for the one below, too.
                lines::high_row(self.isa, &mut self.below_row, &self.odd, &self.even, &self.even);
                self.finish_pair(y == area.y0 + 1);
            }
            return;
        }
        if first {
            self.even.copy_from_slice(row);
            return;
        }
        let only_odd_above = y == area.y0 + 1;
        let upper = if only_odd_above { row } else { &self.even };
        lines::high_row(self.isa, &mut self.below_row, &self.odd, upper, row);
        if only_odd_above {
            self.store_high();
            std::mem::swap(&mut self.above, &mut self.below_row);
        } else {
            self.finish_pair(y == area.y0 + 2);
        }
        self.even.copy_from_slice(row);
        if last {
            lines::low_row(self.isa, &mut self.low, &self.even, &self.above, &self.above);
            self.store_low();
        }
    }

    /// The even row and the high-pass row below it are complete. The first even row has no high-pass row above.
    fn finish_pair(&mut self, first: bool) {
        let above = if first && self.bands.area.y0.is_multiple_of(2) { &self.below_row } else { &self.above };
        lines::low_row(self.isa, &mut self.low, &self.even, above, &self.below_row);
        self.store_low();
        self.store_high();
        std::mem::swap(&mut self.above, &mut self.below_row);
    }

    /// The only row is not filtered from top to bottom, and doubled at an odd place.
    fn single_row(&mut self, y: u32, row: &[i32]) {
        if y.is_multiple_of(2) {
            self.low.copy_from_slice(row);
            self.store_low();
        } else {
            for (doubled, &sample) in self.below_row.iter_mut().zip(row) {
                *doubled = sample.wrapping_mul(2);
            }
            self.store_high();
        }
    }

    /// Splits the low-pass row and hands it on.
    fn store_low(&mut self) {
        let high = put_row(&mut self.bands.high_low, self.low.len() - self.half.len());
        lines::split(self.isa, &self.low, &mut self.half, high, !self.bands.area.x0.is_multiple_of(2));
        self.below.push(&self.half);
    }

    /// Splits and stores the high-pass row.
    fn store_high(&mut self) {
        let low = put_row(&mut self.bands.low_high, self.half.len());
        let high = put_row(&mut self.bands.high_high, self.low.len() - self.half.len());
        lines::split(self.isa, &self.below_row, low, high, !self.bands.area.x0.is_multiple_of(2));
    }
}

#[allow(clippy::mut_mut, reason = "the slice moves on")]
fn put_row<'a>(rows: &mut &'a mut [i32], width: usize) -> &'a mut [i32] {
    let (row, rest) = std::mem::take(rows).split_at_mut(width);
    *rows = rest;
    row
}
