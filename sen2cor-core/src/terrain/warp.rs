//! A raster in any system brought to a grid of the tile.
//!
//! Elevation is filtered with a cubic B-spline, as `gdalwarp -r cubicspline` does: the four nearest samples in each direction
//! where pixels of the tile are not larger than those of the raster, else as many more as they are larger, with the
//! spline stretched by as much. Samples without value are left out and the weights made up; a pixel whose nearest sample has no
//! value has none. Codes of maps take the nearest sample (decision 6 in `COMPARE.md`).

use crate::grid::Window;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

/// Where the pixels of a grid are in a raster: columns and rows of the raster, counted from its upper left corner, at some
/// pixels; linear between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionGrid {
    /// Distance of the nodes in pixels of the grid. Node (0, 0) is the centre of pixel (0, 0).
    pub step: usize,
    /// Columns in the raster, shape (rows, columns) of nodes.
    pub cols: Array2<f64>,
    /// Rows in the raster.
    pub rows: Array2<f64>,
}

impl PositionGrid {
    /// Column and row in the raster of the centre of a pixel.
    pub fn at(&self, row: usize, col: usize) -> (f64, f64) {
        let part = |index: usize, count: usize| {
            let node = (index / self.step).min(count.saturating_sub(2));
            (node, (index - node * self.step) as f64 / self.step as f64)
        };
        let (height, width) = self.cols.dim();
        let ((r, fr), (c, fc)) = (part(row, height), part(col, width));
        let (r1, c1) = ((r + 1).min(height - 1), (c + 1).min(width - 1));
        let mix = |a: &Array2<f64>| {
            let upper = a[[r, c]] + (a[[r, c1]] - a[[r, c]]) * fc;
            let lower = a[[r1, c]] + (a[[r1, c1]] - a[[r1, c]]) * fc;
            upper + (lower - upper) * fr
        };
        (mix(&self.cols), mix(&self.rows))
    }

    /// Columns and rows of the raster that a pixel of the grid covers, in the middle of the grid.
    pub fn scale(&self) -> (f64, f64) {
        let (height, width) = self.cols.dim();
        let (r, c) = (height / 2, width / 2);
        let (r0, c0) = (r.saturating_sub(1), c.saturating_sub(1));
        let step = self.step as f64;
        let length = |dx: f64, dy: f64| libm::sqrt(dx * dx + dy * dy) / step;
        let difference = |a: &Array2<f64>| ((a[[r, c]] - a[[r, c0]]), (a[[r, c]] - a[[r0, c]]));
        let ((col_right, col_down), (row_right, row_down)) = (difference(&self.cols), difference(&self.rows));
        (length(col_right, col_down), length(row_right, row_down))
    }
}

/// Fills the pixels of `block` that have no value yet (NaN) from a raster.
pub fn warp_cubic_spline(
    raster: &ArrayView2<'_, f32>,
    positions: &PositionGrid,
    block: Window,
    mut out: ArrayViewMut2<'_, f32>,
) {
    let (wide, high) = positions.scale();
    let (cols, rows) = (Spline::new(wide), Spline::new(high));
    let (mut col_weights, mut row_weights) = (Weights::default(), Weights::default());
    for ((row, col), value) in out.indexed_iter_mut().filter(|(_, value)| value.is_nan()) {
        let (x, y) = positions.at(block.row + row, block.col + col);
        let nearest = sample(raster, y.floor(), x.floor());
        if nearest.is_none_or(f32::is_nan) {
            continue;
        }
        cols.weights(x, raster.ncols(), &mut col_weights);
        rows.weights(y, raster.nrows(), &mut row_weights);
        let (mut sum, mut weight) = (0.0, 0.0);
        for (r, wr) in row_weights.iter() {
            for (c, wc) in col_weights.iter() {
                let sample = raster[[r, c]];
                if !sample.is_nan() {
                    sum += f64::from(sample) * wr * wc;
                    weight += wr * wc;
                }
            }
        }
        *value = (sum / weight) as f32;
    }
}

/// Fills a block with the nearest samples of a raster; `outside` where the raster has none.
pub fn nearest<T: Copy>(
    raster: &ArrayView2<'_, T>,
    positions: &PositionGrid,
    block: Window,
    outside: T,
    mut out: ArrayViewMut2<'_, T>,
) {
    for ((row, col), value) in out.indexed_iter_mut() {
        let (x, y) = positions.at(block.row + row, block.col + col);
        *value = sample(raster, y.floor(), x.floor()).unwrap_or(outside);
    }
}

fn sample<T: Copy>(raster: &ArrayView2<'_, T>, row: f64, col: f64) -> Option<T> {
    if row >= 0.0 && col >= 0.0 { raster.get((row as usize, col as usize)).copied() } else { None }
}

/// The B-spline along one axis.
struct Spline {
    /// How much the spline is stretched, at least 1.
    stretch: f64,
}

#[derive(Default)]
struct Weights {
    first: usize,
    weights: Vec<f64>,
}

impl Weights {
    fn iter(&self) -> impl Iterator<Item = (usize, f64)> {
        self.weights.iter().enumerate().map(|(i, w)| (self.first + i, *w))
    }
}

impl Spline {
    fn new(samples_per_pixel: f64) -> Self {
        Self { stretch: samples_per_pixel.max(1.0) }
    }

    /// Weights of the samples around a position, as far as the raster reaches.
    fn weights(&self, position: f64, count: usize, out: &mut Weights) {
        let radius = 2.0 * self.stretch;
        let centre = position - 0.5;
        let first = (centre - radius).ceil().clamp(0.0, count as f64) as usize;
        let end = ((centre + radius).floor() + 1.0).clamp(first as f64, count as f64) as usize;
        out.first = first;
        out.weights.clear();
        out.weights.extend((first..end).map(|i| b_spline((i as f64 - centre) / self.stretch)));
    }
}

/// The cubic B-spline: 2/3 at 0, 1/6 at 1, 0 from 2 on.
fn b_spline(x: f64) -> f64 {
    let x = libm::fabs(x);
    if x < 1.0 {
        2.0 / 3.0 - x * x + x * x * x / 2.0
    } else if x < 2.0 {
        let rest = 2.0 - x;
        rest * rest * rest / 6.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    /// Pixels of the grid are `scale` samples wide and begin `shift` samples inside.
    fn positions(scale: f64, shift: f64, edge: usize) -> PositionGrid {
        let step = 8;
        let nodes = edge.div_ceil(step) + 1;
        let at = |node: usize| shift + ((node * step) as f64 + 0.5) * scale;
        PositionGrid {
            step,
            cols: Array2::from_shape_fn((nodes, nodes), |(_, c)| at(c)),
            rows: Array2::from_shape_fn((nodes, nodes), |(r, _)| at(r)),
        }
    }

    fn warped(raster: &Array2<f32>, positions: &PositionGrid, edge: usize) -> Array2<f32> {
        let mut out = Array2::from_elem((edge, edge), f32::NAN);
        let block = Window { row: 0, col: 0, rows: edge, cols: edge };
        warp_cubic_spline(&raster.view(), positions, block, out.view_mut());
        out
    }

    proptest! {
        #[test]
        fn a_tilted_plane_stays_a_plane(scale in 0.2f64..3.0, shift in 6f64..8.0, a in -5f32..5.0, b in -5f32..5.0) {
            let raster = Array2::from_shape_fn((60, 60), |(r, c)| 100.0 + a * c as f32 + b * r as f32);
            let grid = positions(scale, shift, 12);
            // Stretched splines are sampled, which leaves a ripple.
            let tolerance = if scale <= 1.0 { 1e-3 } else { 0.05 };
            for ((row, col), &value) in warped(&raster, &grid, 12).indexed_iter() {
                let (x, y) = grid.at(row, col);
                let expected = 100.0 + a * (x as f32 - 0.5) + b * (y as f32 - 0.5);
                prop_assert!((value - expected).abs() <= tolerance * (1.0 + a.abs() + b.abs()), "{} {}", value, expected);
            }
        }

        #[test]
        fn weights_sum_up_to_one_inside(position in 4f64..20.0) {
            let mut weights = Weights::default();
            Spline::new(0.7).weights(position, 30, &mut weights);
            prop_assert!((weights.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn gaps_stay_gaps_and_do_not_leak() {
        let mut raster = Array2::from_elem((20, 20), 7f32);
        raster[[10, 10]] = f32::NAN;
        let out = warped(&raster, &positions(1.0, 0.0, 20), 20);
        for ((row, col), &value) in out.indexed_iter() {
            assert_eq!(value.is_nan(), (row, col) == (10, 10));
            assert!(value.is_nan() || (value - 7.0).abs() < 1e-5);
        }
    }

    #[test]
    fn what_another_raster_filled_stays() {
        let raster = Array2::from_elem((20, 20), 7f32);
        let mut out = array![[3.0, f32::NAN]];
        let block = Window { row: 0, col: 0, rows: 1, cols: 2 };
        warp_cubic_spline(&raster.view(), &positions(1.0, 0.0, 20), block, out.view_mut());
        assert_eq!(out, array![[3.0, 7.0]]);
    }

    #[test]
    fn codes_are_those_of_the_nearest_sample() {
        let raster = array![[1u8, 2], [3, 4]];
        let mut out = Array2::zeros((4, 4));
        let block = Window { row: 0, col: 0, rows: 4, cols: 4 };
        nearest(&raster.view(), &positions(0.5, 0.0, 4), block, 9, out.view_mut());
        assert_eq!(out, array![[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]);
        nearest(&raster.view(), &positions(0.5, 1.5, 4), block, 9, out.view_mut());
        assert_eq!(out[[0, 1]], 9);
    }
}
