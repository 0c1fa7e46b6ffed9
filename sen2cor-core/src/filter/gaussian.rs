//! Gaussian smoothing, cut at three standard deviations.
//!
//! Every sum runs over the same samples in the same order whatever the block, so blocks agree with the whole image.

use super::mirror;
use crate::grid::Window;
use ndarray::Array2;
use pulp::{Arch, NullaryFnOnce};

/// Weights from the middle outwards; they add up to 1 when all but the first are counted twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    weights: Vec<f32>,
}

impl Gaussian {
    /// A bell of this standard deviation in pixels.
    pub fn new(sigma_px: f64) -> Self {
        let radius = libm::floor(3.0 * sigma_px.max(0.0)) as usize;
        let raw: Vec<f64> =
            (0..=radius)
                .map(|i| {
                    if i == 0 { 1.0 } else { libm::exp(-0.5 * (i as f64 / sigma_px) * (i as f64 / sigma_px)) }
                })
                .collect();
        let sum = 2.0 * raw.iter().sum::<f64>() - 1.0;
        Self { weights: raw.iter().map(|w| (w / sum) as f32).collect() }
    }

    /// How far it reaches, pixels.
    pub fn radius(&self) -> usize {
        self.weights.len() - 1
    }

    /// Smooths the target pixels. `values` covers `window` of an image of `image` rows and columns and reaches [`Self::radius`]
    /// beyond the target, or to the border, where it is mirrored.
    ///
    /// # Panics
    /// If `values` does not cover what is needed.
    pub fn smooth(
        &self,
        values: &Array2<f32>,
        window: Window,
        image: (usize, usize),
        target: Window,
    ) -> Array2<f32> {
        let (weights, arch) = (self.taps(), Arch::new());
        let (radius, values) = (self.radius() as i64, values.as_standard_layout());
        let line = |row: i64| values.row(mirror(row, image.0) - window.row).to_slice().unwrap_or_default();
        let mut down = vec![0.0f32; window.cols];
        let mut extended = vec![0.0f32; target.cols + 2 * radius as usize];
        let mut out = Array2::<f32>::zeros((target.rows, target.cols));
        for (row, mut out) in out.outer_iter_mut().enumerate() {
            let middle = (target.row + row) as i64;
            let lines: Vec<&[f32]> = (middle - radius..=middle + radius).map(line).collect();
            arch.dispatch(WeighedSum { weights: &weights, lines: &lines, out: &mut down });
            for (i, value) in extended.iter_mut().enumerate() {
                let col = mirror(target.col as i64 + i as i64 - radius, image.1);
                *value = down.get(col.wrapping_sub(window.col)).copied().unwrap_or(0.0);
            }
            let Some(out) = out.as_slice_mut() else { continue };
            let lines: Vec<&[f32]> = (0..weights.len()).map(|shift| &extended[shift..]).collect();
            arch.dispatch(WeighedSum { weights: &weights, lines: &lines, out });
        }
        out
    }

    /// The weights from one end to the other.
    fn taps(&self) -> Vec<f32> {
        self.weights.iter().skip(1).rev().chain(&self.weights).copied().collect()
    }
}

/// Pixels that are summed side by side, so that the vectors of the processor serve them.
const LANES: usize = 32;

/// Sums of lines, each with its weight; every pixel adds up the lines in their order.
struct WeighedSum<'a> {
    weights: &'a [f32],
    /// Not shorter than `out`.
    lines: &'a [&'a [f32]],
    out: &'a mut [f32],
}

impl NullaryFnOnce for WeighedSum<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let mut first = 0;
        let mut chunks = self.out.chunks_exact_mut(LANES);
        for out in &mut chunks {
            let mut sums = [0.0f32; LANES];
            for (weight, line) in self.weights.iter().zip(self.lines) {
                for (sum, value) in sums.iter_mut().zip(&line[first..first + LANES]) {
                    *sum += weight * value;
                }
            }
            out.copy_from_slice(&sums);
            first += LANES;
        }
        for (i, out) in chunks.into_remainder().iter_mut().enumerate() {
            let taps = self.weights.iter().zip(self.lines);
            *out = taps.fold(0.0, |sum, (weight, line)| sum + weight * line[first + i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(row: usize, col: usize, rows: usize, cols: usize) -> Window {
        Window { row, col, rows, cols }
    }

    #[test]
    fn a_uniform_image_stays_uniform_and_a_peak_becomes_a_bell() {
        let bell = Gaussian::new(2.0);
        assert_eq!(bell.radius(), 6);
        let even = Array2::from_elem((9, 9), 0.3f32);
        let whole = window(0, 0, 9, 9);
        assert!(bell.smooth(&even, whole, (9, 9), whole).iter().all(|v| (v - 0.3).abs() < 1e-6));
        let mut peak = Array2::<f32>::zeros((41, 41));
        peak[[20, 20]] = 1.0;
        let whole = window(0, 0, 41, 41);
        let found = bell.smooth(&peak, whole, (41, 41), whole);
        let expected = libm::exp(-0.5 * (3.0f64 / 2.0).powi(2));
        assert!((f64::from(found[[20, 23]] / found[[20, 20]]) - expected).abs() < 1e-5);
        assert!((found.sum() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn blocks_agree_with_the_whole() {
        let image = Array2::from_shape_fn((30, 24), |(r, c)| ((r * 7 + c * 13) % 17) as f32);
        let bell = Gaussian::new(1.4);
        let all = bell.smooth(&image, window(0, 0, 30, 24), (30, 24), window(0, 0, 30, 24));
        let (target, halo) = (window(8, 0, 9, 7), bell.radius());
        let cut = window(8 - halo, 0, 9 + 2 * halo, 7 + halo);
        let part = Array2::from_shape_fn((cut.rows, cut.cols), |(r, c)| image[[r + cut.row, c]]);
        let found = bell.smooth(&part, cut, (30, 24), target);
        for ((r, c), value) in found.indexed_iter() {
            assert_eq!(*value, all[[r + 8, c]]);
        }
    }
}
