//! From the reflectance of the ground to the stored number of a Level-1C image.

use serde::{Deserialize, Serialize};

/// The correction of one band, to be run backwards: `y = (toa - path_reflectance) * gain`, then the surface
/// reflectance is `y / (1 + y S)` (model `physical`) or `y (1 - (y - reference) S)` (model `sen2cor`), S being
/// the spherical albedo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForwardBand {
    /// Reflectance of the atmosphere above black ground.
    pub path_reflectance: f32,
    /// What turns the signal of the ground into reflectance. Not finite or not positive: the ground does not show
    /// (B10).
    pub gain: f32,
    /// Spherical albedo of the atmosphere.
    pub spherical_albedo: f32,
    /// Reference albedo of the model `sen2cor`; `None` is the model `physical`.
    pub reference_albedo: Option<f32>,
}

impl ForwardBand {
    /// An atmosphere that is not there.
    pub const VACUUM: Self =
        Self { path_reflectance: 0.0, gain: 1.0, spherical_albedo: 0.0, reference_albedo: None };

    /// The part of the top-of-atmosphere reflectance that comes from ground of this reflectance.
    #[inline]
    pub fn ground_signal(&self, surface_reflectance: f32) -> f32 {
        if !(self.gain.is_finite() && self.gain > 0.0) {
            return 0.0;
        }
        let (rho, s) = (f64::from(surface_reflectance), f64::from(self.spherical_albedo));
        let y = match self.reference_albedo {
            None => rho / (1.0 - rho * s),
            Some(reference) => {
                // The smaller root of s y^2 - (1 + reference s) y + rho = 0, in the form that allows s = 0.
                let b = 1.0 + f64::from(reference) * s;
                let under_root = (b * b - 4.0 * s * rho).max(0.0);
                2.0 * rho / (b + libm::sqrt(under_root))
            }
        };
        (y / f64::from(self.gain)) as f32
    }

    /// Top-of-atmosphere reflectance above ground of this reflectance.
    #[inline]
    pub fn toa_reflectance(&self, surface_reflectance: f32) -> f32 {
        self.path_reflectance + self.ground_signal(surface_reflectance)
    }
}

/// How an image is made and stored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredBand {
    /// The atmosphere.
    pub forward: ForwardBand,
    /// `RADIO_ADD_OFFSET` of the product: -1000 from baseline 04.00 on, 0 before.
    pub radio_add_offset: i32,
}

/// Largest number of a 15-bit image.
const MAX_STORED: i32 = 32_767;

/// The stored number of a valid pixel: 10000 times the reflectance, less the offset, rounded to the nearest, at least 1 as
/// 0 means no data.
#[inline]
pub(super) fn stored(toa_reflectance: f32, radio_add_offset: i32) -> u16 {
    let value = f64::from(toa_reflectance) * 10_000.0 - f64::from(radio_add_offset) + 0.5;
    (value.max(1.0) as i32).clamp(1, MAX_STORED) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The correction as specified, written down again.
    fn correct(toa: f32, band: &ForwardBand) -> f32 {
        let y = (toa - band.path_reflectance) * band.gain;
        match band.reference_albedo {
            None => y / (1.0 + y * band.spherical_albedo),
            Some(reference) => y * (1.0 - (y - reference) * band.spherical_albedo),
        }
    }

    proptest! {
        #[test]
        fn the_correction_gives_the_ground_back(
            rho in 0.0f32..1.0, path in 0.0f32..0.3, gain in 1.0f32..4.0, s in 0.0f32..0.25, reference in 0.0f32..0.3,
        ) {
            for reference_albedo in [None, Some(reference)] {
                let band = ForwardBand { path_reflectance: path, gain, spherical_albedo: s, reference_albedo };
                let found = correct(band.toa_reflectance(rho), &band);
                prop_assert!((found - rho).abs() < 2e-6 * gain, "{found} for {rho}");
            }
        }

        #[test]
        fn stored_numbers_are_the_nearest(toa in 0.0f32..1.5) {
            for offset in [0, -1000] {
                let back = (f64::from(stored(toa, offset)) + f64::from(offset)) / 1e4;
                prop_assert!((back - f64::from(toa)).abs() <= 0.500_01e-4 || stored(toa, offset) == 1);
            }
        }
    }

    #[test]
    fn no_reflectance_is_stored_as_no_data() {
        assert_eq!(stored(-0.5, -1000), 1);
        assert_eq!(stored(0.0, 0), 1);
        assert_eq!(stored(0.0, -1000), 1000);
        assert_eq!(stored(9.0, 0), 32_767);
    }

    #[test]
    fn opaque_air_hides_the_ground() {
        let band = ForwardBand { path_reflectance: 0.002, gain: f32::INFINITY, ..ForwardBand::VACUUM };
        assert_eq!(band.toa_reflectance(0.9), 0.002);
    }
}
