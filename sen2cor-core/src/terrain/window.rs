//! Gradients by Horn's method, with the rules of `gdaldem -compute_edges` at the border of the image and beside gaps.
//!
//! Source: B. K. P. Horn, Hill shading and the reflectance map, Proc. IEEE 69 (1981), doi:10.1109/PROC.1981.11918: differences
//! over the 3 x 3 neighbourhood with weights 1 2 1. Beyond the border of the image rows go on linearly (2 a - b), and so do
//! columns, but not in the first and the last row, where the last column is repeated. Beside a gap the centre stands for the
//! missing neighbour.

use crate::grid::Window;
use ndarray::ArrayView2;

/// Slope of the ground towards east and north, metres per metre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient {
    /// Rise towards the east.
    pub east: f32,
    /// Rise towards the north.
    pub north: f32,
}

impl Gradient {
    /// Square of the rise over distance along the steepest way.
    pub fn squared(self) -> f32 {
        self.east * self.east + self.north * self.north
    }
}

/// Calls `each` with row, column (counted from the block) and gradient of every pixel of a block; `None` in gaps.
///
/// `elevation_m` shows the window `view` of an image of shape `image`: the block with one more pixel on each side, as far as
/// the image reaches.
pub fn for_each_gradient(
    elevation_m: &ArrayView2<'_, f32>,
    (view, block): (Window, Window),
    image: (usize, usize),
    pixel_m: f32,
    mut each: impl FnMut(usize, usize, Option<Gradient>),
) {
    let sample = Sample { elevation_m, view, image };
    for row in 0..block.rows {
        for col in 0..block.cols {
            let (y, x) = ((block.row + row) as isize, (block.col + col) as isize);
            let centre = sample.at(y, x);
            let gradient = (!centre.is_nan()).then(|| {
                let first_or_last = y == 0 || y + 1 == image.0 as isize;
                let at = |dy: isize, dx: isize| {
                    let col = if first_or_last { (x + dx).clamp(0, image.1 as isize - 1) } else { x + dx };
                    let value = sample.extended(y + dy, col);
                    if value.is_nan() { centre } else { value }
                };
                let (nw, n, ne) = (at(-1, -1), at(-1, 0), at(-1, 1));
                let (w, e) = (at(0, -1), at(0, 1));
                let (sw, s, se) = (at(1, -1), at(1, 0), at(1, 1));
                Gradient {
                    east: ((ne + 2.0 * e + se) - (nw + 2.0 * w + sw)) / (8.0 * pixel_m),
                    north: ((nw + 2.0 * n + ne) - (sw + 2.0 * s + se)) / (8.0 * pixel_m),
                }
            });
            each(row, col, gradient);
        }
    }
}

struct Sample<'a> {
    elevation_m: &'a ArrayView2<'a, f32>,
    view: Window,
    image: (usize, usize),
}

impl Sample<'_> {
    /// A pixel of the image.
    fn at(&self, row: isize, col: isize) -> f32 {
        let (row, col) = (row - self.view.row as isize, col - self.view.col as isize);
        usize::try_from(row)
            .ok()
            .zip(usize::try_from(col).ok())
            .and_then(|at| self.elevation_m.get(at))
            .map_or(f32::NAN, |v| *v)
    }

    /// A pixel of the image or of its continuation by one. In an image of one row or column that stays level.
    fn extended(&self, row: isize, col: isize) -> f32 {
        let (rows, cols) = (self.image.0 as isize, self.image.1 as isize);
        let inner_col = col.clamp(0, cols - 1);
        if row < 0 || row >= rows {
            // Corners go on along the column, as in gdaldem.
            let (first, second) = if row < 0 { (0, 1) } else { (rows - 1, rows - 2) };
            return self.beyond((first, inner_col), (second.clamp(0, rows - 1), inner_col));
        }
        if inner_col != col {
            let second = if col < 0 { 1 } else { cols - 2 };
            return self.beyond((row, inner_col), (row, second.clamp(0, cols - 1)));
        }
        self.at(row, col)
    }

    fn beyond(&self, near: (isize, isize), next: (isize, isize)) -> f32 {
        let (near, next) = (self.at(near.0, near.1), self.at(next.0, next.1));
        2.0 * near - next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, Slice};
    use proptest::prelude::*;

    fn whole(rows: usize, cols: usize) -> Window {
        Window { row: 0, col: 0, rows, cols }
    }

    #[test]
    fn a_plane_has_its_gradient_at_borders_too() {
        let plane = Array2::from_shape_fn((6, 7), |(row, col)| 100.0 + 3.0 * col as f32 - 5.0 * row as f32);
        let all = whole(6, 7);
        for_each_gradient(&plane.view(), (all, all), (6, 7), 20.0, |row, col, gradient| {
            let Gradient { east, north } = gradient.unwrap();
            // In the corners the column is repeated, which halves the difference.
            let corner = (row == 0 || row == 5) && (col == 0 || col == 6);
            assert!((east - if corner { 0.075 } else { 0.15 }).abs() < 1e-6, "{row} {col}");
            // Rows count towards the south.
            assert!((north - 0.25).abs() < 1e-6, "{row} {col} {north}");
        });
    }

    #[test]
    fn the_centre_stands_for_a_gap_beside_it() {
        let mut level = Array2::from_elem((3, 3), 50.0);
        level[[0, 0]] = f32::NAN;
        let all = whole(3, 3);
        for_each_gradient(&level.view(), (all, all), (3, 3), 10.0, |row, col, gradient| {
            assert_eq!(gradient.is_none(), (row, col) == (0, 0));
            assert!(gradient.is_none_or(|g| g.squared() == 0.0));
        });
    }

    proptest! {
        #[test]
        fn blocks_give_what_the_whole_image_gives(
            values in prop::collection::vec(0f32..1000.0, 80), row in 0usize..8, col in 0usize..10, rows in 1usize..5, cols in 1usize..5
        ) {
            let image = Array2::from_shape_vec((8, 10), values).unwrap();
            let mut expected = Array2::from_elem((8, 10), None);
            for_each_gradient(&image.view(), (whole(8, 10), whole(8, 10)), (8, 10), 20.0, |r, c, g| expected[[r, c]] = g);
            let block = Window { row, col, rows: rows.min(8 - row), cols: cols.min(10 - col) };
            let (top, left) = (row.saturating_sub(1), col.saturating_sub(1));
            let (bottom, right) = ((row + block.rows + 1).min(8), (col + block.cols + 1).min(10));
            let view = Window { row: top, col: left, rows: bottom - top, cols: right - left };
            let rows = image.slice_axis(Axis(0), Slice::from(top..bottom));
            let part = rows.slice_axis(Axis(1), Slice::from(left..right));
            for_each_gradient(&part, (view, block), (8, 10), 20.0, |r, c, g| {
                assert_eq!(g, expected[[row + r, col + c]]);
            });
        }
    }
}
