//! A smooth map of the 60 m grid on a finer one.

use crate::grid::Resolution;
use ndarray::ArrayView2;

/// Bilinear interpolation of a map of the 60 m grid at the centres of the pixels of a row, beginning with pixel (row, col) of `grid`; beyond the
/// centres of the outermost pixels they go on as they are. On the 60 m grid the samples themselves.
pub fn upsample_row(
    map: &ArrayView2<'_, f32>,
    grid: Resolution,
    (row, col): (usize, usize),
    out: &mut [f32],
) {
    let (r0, r1, down) = between(row, grid, map.nrows());
    let (upper, lower) = (map.row(r0), map.row(r1));
    for (i, out) in out.iter_mut().enumerate() {
        let (c0, c1, right) = between(col + i, grid, map.ncols());
        let above = upper[c0] + (upper[c1] - upper[c0]) * right;
        let below = lower[c0] + (lower[c1] - lower[c0]) * right;
        *out = above + (below - above) * down;
    }
}

/// The samples before and after the centre of a pixel, and the weight of the second.
fn between(pixel: usize, grid: Resolution, len: usize) -> (usize, usize, f32) {
    let per_sample = 60 / grid.metres() as usize;
    // Twice the distance of the centre from the first sample's, in pixels.
    let place = (2 * pixel + 1).saturating_sub(per_sample);
    let low = (place / (2 * per_sample)).min(len.saturating_sub(1));
    let high = (low + 1).min(len.saturating_sub(1));
    (low, high, (place - 2 * per_sample * low) as f32 / (2 * per_sample) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn a_plane_is_reproduced_between_the_outermost_centres() {
        let map = Array2::from_shape_fn((5, 7), |(r, c)| 2.0 * r as f32 + 0.5 * c as f32);
        for grid in Resolution::ALL {
            let per = 60 / grid.metres() as usize;
            let mut line = vec![0.0; 7 * per];
            for row in 0..5 * per {
                upsample_row(&map.view(), grid, (row, 0), &mut line);
                for (col, value) in line.iter().enumerate() {
                    let centre = |pixel: usize, len: f32| {
                        ((pixel as f32 + 0.5) / per as f32 - 0.5).clamp(0.0, len - 1.0)
                    };
                    let expected = 2.0 * centre(row, 5.0) + 0.5 * centre(col, 7.0);
                    assert!((value - expected).abs() < 1e-5, "{grid} {row} {col}");
                }
            }
        }
    }
}
