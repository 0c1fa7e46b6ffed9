//! The map of columns of water vapour from what was found.

use super::WaterMask;
use super::fence::Fences;
use crate::filter::mirror;
use crate::grid::Window;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// How the map of columns is finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// What is done where there is no land.
    pub mask: WaterMask,
    /// Column where nothing was found, and for [`WaterMask::LandMean`], cm.
    pub otherwise_cm: f32,
    /// Means of the rows, for [`WaterMask::RowMean`].
    pub rows_cm: Vec<f32>,
    /// Radius of the box of the last smoothing, pixels of 60 m.
    pub radius: usize,
    /// Whether columns far from those around are left out, as those over clouds that nothing else shows.
    pub fenced: bool,
}

impl Finish {
    /// How far around a pixel is looked.
    pub fn halo_px(&self) -> usize {
        self.radius + 1 + if self.fenced { Fences::HALO_PX } else { 0 }
    }

    fn filled(&self, value: f32, row: usize) -> f32 {
        match (value, self.mask) {
            (v, _) if v.is_nan() => self.otherwise_cm,
            (v, _) if v >= 0.0 => v,
            (v, WaterMask::Keep) => -1.0 - v,
            (_, WaterMask::LandMean) => self.otherwise_cm,
            (_, WaterMask::RowMean) => self.rows_cm.get(row).copied().unwrap_or(self.otherwise_cm),
        }
    }
}

/// Fills gaps, then a median over 3 x 3 pixels and a mean over a box. `found` covers `window`.
///
/// # Panics
/// If the window does not reach [`Finish::halo_px`] beyond the target or to the border of the image.
pub fn finish(
    found: &ArrayView2<'_, f32>,
    window: Window,
    image: (usize, usize),
    target: Window,
    rule: &Finish,
) -> Array2<f32> {
    let fences = rule.fenced.then(|| Fences::new(found, window, image, target, rule.radius + 1));
    let at = |row: i64, col: i64| {
        let (row, col) = (mirror(row, image.0), mirror(col, image.1));
        let value = found[[row - window.row, col - window.col]];
        match &fences {
            Some(fences) if value >= 0.0 => fences.limited(value, row, col),
            _ => rule.filled(value, row),
        }
    };
    let radius = rule.radius as i64;
    let (rows, cols) = (target.rows + 2 * rule.radius, target.cols + 2 * rule.radius);
    let filled = Array2::from_shape_fn((rows + 2, cols + 2), |(r, c)| {
        at((target.row + r) as i64 - radius - 1, (target.col + c) as i64 - radius - 1)
    });
    let medians = Array2::from_shape_fn((rows, cols), |(r, c)| {
        median(std::array::from_fn(|i| filled[[r + i / 3, c + i % 3]]))
    });
    let width = 2 * rule.radius + 1;
    Array2::from_shape_fn((target.rows, target.cols), |(r, c)| {
        let mut sum = 0.0;
        for row in r..r + width {
            for col in c..c + width {
                sum += medians[[row, col]];
            }
        }
        sum / (width * width) as f32
    })
}

/// The median: of the highest of the lowest, the middle of the middle and the lowest of the highest of three triples.
fn median(values: [f32; 9]) -> f32 {
    let sorted = |[a, b, c]: [f32; 3]| {
        let (a, b) = (a.min(b), a.max(b));
        let (b, c) = (b.min(c), b.max(c));
        [a.min(b), a.max(b), c]
    };
    let [a, b, c] = [0, 3, 6].map(|i| sorted([values[i], values[i + 1], values[i + 2]]));
    let low = a[0].max(b[0]).max(c[0]);
    let high = a[2].min(b[2]).min(c[2]);
    sorted([low, sorted([a[1], b[1], c[1]])[1], high])[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn water_and_gaps_are_filled() {
        let image = (5, 6);
        let whole = Window { row: 0, col: 0, rows: 5, cols: 6 };
        let mut found = Array2::from_elem(image, 2.0f32);
        found.row_mut(2).fill(-1.0 - 5.0);
        found[[4, 4]] = f32::NAN;
        let rule = |mask| Finish { mask, otherwise_cm: 2.0, rows_cm: vec![3.0; 5], radius: 0, fenced: false };
        let even = finish(&found.view(), whole, image, whole, &rule(WaterMask::LandMean));
        assert!(even.iter().all(|&v| v == 2.0));
        let mut wide = found.clone();
        wide.row_mut(1).fill(-6.0);
        wide.row_mut(3).fill(-6.0);
        assert_eq!(finish(&wide.view(), whole, image, whole, &rule(WaterMask::Keep))[[2, 3]], 5.0);
        assert_eq!(finish(&wide.view(), whole, image, whole, &rule(WaterMask::RowMean))[[2, 3]], 3.0);
    }

    #[test]
    fn blocks_agree_with_the_whole() {
        let image = (12, 12);
        let found = Array2::from_shape_fn(image, |(r, c)| 1.0 + ((r * 5 + c * 11) % 13) as f32 / 10.0);
        let whole = Window { row: 0, col: 0, rows: 12, cols: 12 };
        let rule = Finish {
            mask: WaterMask::LandMean,
            otherwise_cm: 1.5,
            rows_cm: Vec::new(),
            radius: 1,
            fenced: false,
        };
        let all = finish(&found.view(), whole, image, whole, &rule);
        let window = Window { row: 4, col: 4, rows: 8, cols: 8 };
        let part = Array2::from_shape_fn((8, 8), |(r, c)| found[[r + 4, c + 4]]);
        let target = Window { row: 6, col: 6, rows: 6, cols: 6 };
        let cut = finish(&part.view(), window, image, target, &rule);
        assert!(cut.indexed_iter().all(|((r, c), v)| *v == all[[r + 6, c + 6]]));
    }

    /// What holds for all orders of zeros and ones holds for all numbers.
    #[test]
    fn the_median_is_the_fifth_of_nine() {
        for bits in 0u32..512 {
            let values = std::array::from_fn(|i| f32::from(u8::from(bits >> i & 1 == 1)));
            assert_eq!(median(values), if bits.count_ones() >= 5 { 1.0 } else { 0.0 }, "{bits}");
        }
    }

    /// Columns that rise to the east, and a cloud over bright ground, where they are too small.
    fn cloudy(image: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(image, |(r, c)| {
            let clear = 2.0 + c as f32 * 0.001 + ((r * 5 + c * 11) % 13) as f32 * 0.001;
            if (25..33).contains(&r) && (30..37).contains(&c) { 0.7 * clear } else { clear }
        })
    }

    fn fenced() -> Finish {
        Finish { mask: WaterMask::LandMean, otherwise_cm: 1.5, rows_cm: Vec::new(), radius: 1, fenced: true }
    }

    #[test]
    fn columns_over_clouds_are_left_out() {
        let image = (90, 70);
        let whole = Window { row: 0, col: 0, rows: 90, cols: 70 };
        let found = cloudy(image);
        let map = finish(&found.view(), whole, image, whole, &fenced());
        assert!(map.iter().all(|&v| v > 1.99 && v < 2.1), "{map}");
        let open = finish(&found.view(), whole, image, whole, &Finish { fenced: false, ..fenced() });
        assert!(open[[29, 33]] < 1.5);
    }

    #[test]
    fn fences_of_blocks_are_those_of_the_whole() {
        let image = (150, 130);
        let whole = Window { row: 0, col: 0, rows: 150, cols: 130 };
        let (found, rule) = (cloudy(image), fenced());
        let all = finish(&found.view(), whole, image, whole, &rule);
        let target = Window { row: 50, col: 47, rows: 31, cols: 26 };
        let halo = rule.halo_px();
        let (row, col) = (target.row - halo, target.col - halo);
        let window = Window { row, col, rows: target.rows + 2 * halo, cols: target.cols + 2 * halo };
        let part = Array2::from_shape_fn((window.rows, window.cols), |(r, c)| found[[r + row, c + col]]);
        let cut = finish(&part.view(), window, image, target, &rule);
        assert!(cut.indexed_iter().all(|((r, c), v)| *v == all[[r + target.row, c + target.col]]));
    }
}
