//! The aerosol map: what was found at dark pixels, the mean elsewhere, smoothed.

use super::invert::STEPS_PER_LOAD;
use crate::filter::Gaussian;
use crate::grid::Window;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// How the map is filled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Load where nothing was found.
    pub mean: f32,
    /// Loads above this one are moved down by `shift`.
    pub limit: f32,
    /// How far.
    pub shift: f32,
    /// Standard deviation of the smoothing, pixels of 60 m; 0 gives `mean` everywhere.
    pub sigma_px: f64,
}

impl Spread {
    /// The same load everywhere.
    pub const fn constant(load: f32) -> Self {
        Self { mean: load, limit: load, shift: 0.0, sigma_px: 0.0 }
    }
}

/// A window of the 60 m grid.
pub struct SpreadInput<'a> {
    /// Number of dark pixels per pixel.
    pub count: ArrayView2<'a, u8>,
    /// Sum of their loads in steps.
    pub load: ArrayView2<'a, f32>,
    /// The window.
    pub window: Window,
    /// Rows and columns of the image.
    pub image: (usize, usize),
    /// Largest number of dark pixels in a pixel.
    pub most: u8,
}

/// The load of the target pixels.
///
/// # Panics
/// If the shapes do not fit.
pub fn spread(input: &SpreadInput<'_>, spread: &Spread, target: Window) -> Array2<f32> {
    if spread.sigma_px <= 0.0 {
        return Array2::from_elem((target.rows, target.cols), spread.mean);
    }
    let most = f32::from(input.most.max(1));
    let found = Array2::from_shape_fn((input.window.rows, input.window.cols), |at| {
        let count = f32::from(input.count[at]);
        if count == 0.0 {
            return spread.mean;
        }
        let load = input.load[at] / count / STEPS_PER_LOAD;
        let load = if load > spread.limit { (load + spread.shift).max(0.0) } else { load };
        (count * load + (most - count) * spread.mean) / most
    });
    Gaussian::new(spread.sigma_px).smooth(&found, input.window, input.image, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_loads_stand_out_of_the_mean() {
        let image = (60, 60);
        let window = Window { row: 0, col: 0, rows: 60, cols: 60 };
        let mut count = Array2::<u8>::zeros(image);
        let mut load = Array2::<f32>::zeros(image);
        for row in 20..40 {
            for col in 20..40 {
                count[[row, col]] = 9;
                load[[row, col]] = 9.0 * 0.5 * STEPS_PER_LOAD;
            }
        }
        let input = SpreadInput { count: count.view(), load: load.view(), window, image, most: 9 };
        let rule = Spread { mean: 0.2, limit: 1.0, shift: 0.0, sigma_px: 3.0 };
        let map = spread(&input, &rule, window);
        assert!((map[[30, 30]] - 0.5).abs() < 1e-3 && (map[[2, 2]] - 0.2).abs() < 1e-6);
        assert!((map[[30, 20]] - 0.35).abs() < 0.05);
        let moved = spread(&input, &Spread { limit: 0.4, shift: -0.2, ..rule }, window);
        assert!((moved[[30, 30]] - 0.3).abs() < 1e-3);
        assert!(spread(&input, &Spread::constant(0.7), window).iter().all(|&v| v == 0.7));
    }
}
