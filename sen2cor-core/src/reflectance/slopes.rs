//! The light on slopes where aerosol is looked for: the 60 m grid of the whole tile.
//!
//! The same equations as those of `terrain.rs`, for single pixels and without the mean of what is around them.

use super::inclination::{Slope, gradient};
use crate::cells::Coefficients;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// Edge of a pixel, km.
const PIXEL_KM: f32 = 0.06;

/// How slopes are lit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlopeLight {
    /// Azimuth of the sun, degrees.
    pub sun_azimuth_deg: f32,
    /// Radius of the box over which the illumination is smoothed, pixels.
    pub smoothing_radius: usize,
    /// Reflectance of opposite slopes.
    pub start_reflectance: f32,
    /// Least cosine of the incidence angle.
    pub least_cosine: f32,
}

/// The slopes of a tile.
#[derive(Clone, Copy)]
pub struct Slopes<'a> {
    /// Elevation on the 60 m grid of the whole tile, km.
    elevation_km: ArrayView2<'a, f32>,
    light: SlopeLight,
    /// Direction of the sun, east and north.
    sun: (f32, f32),
}

impl<'a> Slopes<'a> {
    /// Slopes of this ground (60 m grid of the whole tile, km).
    pub fn new(elevation_km: ArrayView2<'a, f32>, light: SlopeLight) -> Self {
        let azimuth = light.sun_azimuth_deg.to_radians();
        Self { elevation_km, light, sun: (libm::sinf(azimuth), libm::cosf(azimuth)) }
    }

    /// The slope of a pixel under a sun of this cosine of the zenith angle.
    pub fn at(&self, row: usize, col: usize, cos_sun: f32) -> Tilt {
        let (rows, cols) = self.elevation_km.dim();
        let radius = self.light.smoothing_radius;
        let slope = |row, col| Slope::new(gradient(&self.elevation_km, PIXEL_KM, row, col));
        let (mut sum, mut count) = (0.0, 0.0);
        for r in row.saturating_sub(radius)..(row + radius + 1).min(rows) {
            for c in col.saturating_sub(radius)..(col + radius + 1).min(cols) {
                sum += slope(r, c).incidence(cos_sun, self.sun);
                count += 1.0;
            }
        }
        let cosine: f32 = sum / count;
        Tilt {
            sees_sun: cosine > 0.0,
            cosine: cosine.max(self.light.least_cosine),
            sky: slope(row.min(rows - 1), col.min(cols - 1)).sky_view(),
            opposite: self.light.start_reflectance,
        }
    }
}

/// How a pixel is inclined to the sun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tilt {
    sees_sun: bool,
    /// Cosine of the incidence angle, limited.
    pub cosine: f32,
    sky: f32,
    opposite: f32,
}

impl Tilt {
    /// Light on level ground over the light on this pixel: what a reflectance for level ground is multiplied by.
    pub fn factor(&self, c: &Coefficients) -> f32 {
        let level = c.direct * c.cos_sun + c.diffuse;
        let around_sun = if self.sees_sun { c.sun } else { 0.0 };
        let sky = around_sun * self.cosine / c.cos_sun + (1.0 - around_sun) * self.sky;
        let slope = c.direct * self.cosine + c.diffuse * sky + level * self.opposite * (1.0 - self.sky);
        level / slope.max(1e-4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    const LIGHT: SlopeLight =
        SlopeLight { sun_azimuth_deg: 135.0, smoothing_radius: 1, start_reflectance: 0.1, least_cosine: 0.1 };

    fn coefficients() -> Coefficients {
        Coefficients { direct: 0.6, diffuse: 0.1, sun: 0.7, cos_sun: 0.7, ..Coefficients::default() }
    }

    #[test]
    fn level_ground_needs_no_factor() {
        let level = Array2::from_elem((9, 9), 0.4f32);
        let slopes = Slopes::new(level.view(), LIGHT);
        for (row, col) in [(0, 0), (4, 4), (8, 3)] {
            let factor = slopes.at(row, col, 0.7).factor(&coefficients());
            assert!((factor - 1.0).abs() < 1e-6, "{factor}");
        }
    }

    #[test]
    fn what_faces_the_sun_is_made_darker() {
        // Falls towards the south-east, where the sun stands.
        let towards = Array2::from_shape_fn((9, 9), |(r, c)| 2.0 - 0.01 * (r + c) as f32);
        let away = towards.mapv(|km| 3.0 - km);
        let factor =
            |ground: &Array2<f32>| Slopes::new(ground.view(), LIGHT).at(4, 4, 0.7).factor(&coefficients());
        assert!(factor(&towards) < 0.95 && factor(&away) > 1.05);
    }
}
