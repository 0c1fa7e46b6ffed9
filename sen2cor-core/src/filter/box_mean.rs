//! Means over square boxes in constant time per pixel.
//!
//! The samples are integers, so a running sum is exact: it gives the same bits wherever it starts, and blocks agree with the
//! whole image.

use super::mirror;
use crate::grid::Window;
use std::ops::Range;

/// Samples of a part of an image.
#[derive(Clone, Copy, Debug)]
pub struct Patch<'a> {
    /// The samples, row by row; those without data are 0. Not larger than 1e6 in magnitude.
    pub values: &'a [i32],
    /// 1 where there are data, 0 elsewhere; `None` if there are data everywhere.
    pub valid: Option<&'a [u8]>,
    /// Where in the image the samples lie.
    pub window: Window,
    /// Rows and columns of the image.
    pub image: (usize, usize),
}

/// Means over boxes of (2 radius + 1)^2 pixels.
pub struct BoxMeans<'a> {
    patch: Patch<'a>,
    radius: usize,
}

impl<'a> BoxMeans<'a> {
    /// Boxes of this radius, at most 1001, over a patch that reaches `radius` beyond every target pixel, or to the border of the image.
    pub fn new(patch: Patch<'a>, radius: usize) -> Self {
        Self { patch, radius: radius.min(1001) }
    }

    /// Pixels in a box.
    pub fn area(&self) -> u32 {
        let edge = 2 * self.radius as u32 + 1;
        edge * edge
    }

    /// Calls `each` for every row of `target` with the number of the row in `target`, the sums over the boxes and, if the patch
    /// has samples without data, the numbers of samples in them.
    ///
    /// # Panics
    /// If the patch does not cover the boxes.
    pub fn rows(&self, target: Window, mut each: impl FnMut(usize, &[i64], Option<&[u32]>)) {
        let columns = self.columns(target);
        let mut sums = Running::new(self.patch.window.cols, target.cols);
        let mut counts = self.patch.valid.map(|_| Running::new(self.patch.window.cols, target.cols));
        let mut sums_out = vec![0i64; target.cols];
        let mut counts_out = vec![0i64; target.cols];
        let mut small = vec![0u32; target.cols];
        for row in 0..target.rows {
            let middle = (target.row + row) as i64;
            self.step(row == 0, middle, |enter, leave| {
                let leave = leave.map(|leave| &self.patch.values[leave]);
                sums.step(&self.patch.values[enter], leave, |&v| v);
            });
            sums.across(&columns, self.radius, &mut sums_out);
            if let (Some(counts), Some(valid)) = (&mut counts, self.patch.valid) {
                self.step(row == 0, middle, |enter, leave| {
                    counts.step(&valid[enter], leave.map(|leave| &valid[leave]), |&v| i32::from(v));
                });
                counts.across(&columns, self.radius, &mut counts_out);
                for (small, count) in small.iter_mut().zip(&counts_out) {
                    *small = *count as u32;
                }
                each(row, &sums_out, Some(&small));
            } else {
                each(row, &sums_out, None);
            }
        }
    }

    /// The rows that enter and leave the boxes around image row `middle`: all of them enter for the first row.
    fn step(&self, first: bool, middle: i64, mut step: impl FnMut(Range<usize>, Option<Range<usize>>)) {
        let radius = self.radius as i64;
        if first {
            for row in middle - radius..=middle + radius {
                step(self.line(row), None);
            }
        } else {
            step(self.line(middle + radius), Some(self.line(middle - radius - 1)));
        }
    }

    /// Places in the patch of the samples of an image row.
    fn line(&self, row: i64) -> Range<usize> {
        let window = self.patch.window;
        let start = (mirror(row, self.patch.image.0) - window.row) * window.cols;
        start..start + window.cols
    }

    /// The columns from the left edge of the first box to the right edge of the last.
    fn columns(&self, target: Window) -> Columns {
        let radius = self.radius as i64;
        let (first, last) = (target.col as i64 - radius, (target.col + target.cols) as i64 + radius);
        let place = |col: i64| mirror(col, self.patch.image.1) - self.patch.window.col;
        let inside = first >= 0 && last <= self.patch.image.1 as i64;
        if inside {
            let start = place(first);
            return Columns::Neighbours(start..start + (last - first) as usize);
        }
        Columns::Mirrored((first..last).map(|col| place(col) as u32).collect())
    }
}

/// Places of columns in a patch.
enum Columns {
    Neighbours(Range<usize>),
    /// Beyond the border of the image.
    Mirrored(Vec<u32>),
}

/// Sums down the columns.
struct Running {
    columns: Vec<i32>,
    extended: Vec<i32>,
}

impl Running {
    fn new(width: usize, targets: usize) -> Self {
        Self { columns: vec![0; width], extended: Vec::with_capacity(targets) }
    }

    /// A row enters and another may leave.
    #[inline]
    fn step<T>(&mut self, enter: &[T], leave: Option<&[T]>, value: impl Fn(&T) -> i32) {
        match leave {
            None => {
                for (sum, v) in self.columns.iter_mut().zip(enter) {
                    *sum += value(v);
                }
            }
            Some(leave) => {
                for ((sum, v), w) in self.columns.iter_mut().zip(enter).zip(leave) {
                    *sum += value(v) - value(w);
                }
            }
        }
    }

    /// Sums of 2 radius + 1 neighbouring column sums.
    fn across(&mut self, columns: &Columns, radius: usize, out: &mut [i64]) {
        let extended = match columns {
            Columns::Neighbours(range) => &self.columns[range.clone()],
            Columns::Mirrored(places) => {
                self.extended.clear();
                self.extended.extend(places.iter().map(|&col| self.columns[col as usize]));
                &self.extended
            }
        };
        let width = 2 * radius + 1;
        let mut sum: i64 = extended[..width].iter().map(|&v| i64::from(v)).sum();
        out[0] = sum;
        for ((out, enter), leave) in out[1..].iter_mut().zip(&extended[width..]).zip(extended) {
            sum += i64::from(*enter) - i64::from(*leave);
            *out = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(rows: usize, cols: usize) -> Window {
        Window { row: 0, col: 0, rows, cols }
    }

    fn naive(patch: &Patch<'_>, radius: i64, row: usize, col: usize) -> (i64, u32) {
        let (rows, cols) = patch.image;
        let (mut sum, mut count) = (0, 0);
        for r in row as i64 - radius..=row as i64 + radius {
            for c in col as i64 - radius..=col as i64 + radius {
                let at = mirror(r, rows) * cols + mirror(c, cols);
                sum += i64::from(patch.values[at]);
                count += patch.valid.map_or(1, |valid| u32::from(valid[at]));
            }
        }
        (sum, count)
    }

    proptest! {
        #[test]
        fn running_sums_are_the_sums_over_boxes(
            rows in 1usize..14, cols in 1usize..14, radius in 0usize..9, seed in 0u32..1000, gaps: bool
        ) {
            let value = |i: usize| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed * 977) >> 12) as i32 % 150_000;
            let valid: Vec<u8> = (0..rows * cols).map(|i| u8::from(value(i + 7) % 4 != 0)).collect();
            let values: Vec<i32> = (0..rows * cols).map(|i| if gaps { value(i) * i32::from(valid[i]) } else { value(i) }).collect();
            let patch = Patch {
                values: &values, valid: gaps.then_some(&valid[..]), window: whole(rows, cols), image: (rows, cols)
            };
            let boxes = BoxMeans::new(patch, radius);
            boxes.rows(whole(rows, cols), |row, sums, counts| {
                for col in 0..cols {
                    let (sum, count) = naive(&patch, radius as i64, row, col);
                    assert_eq!(sums[col], sum);
                    assert_eq!(counts.map_or(boxes.area(), |c| c[col]), count);
                }
            });
        }
    }
}
