//! How the sun falls on a slope, and how much of the sky a slope sees.
//!
//! Source: cos(incidence) = cos(z) cos(s) + sin(z) sin(s) cos(sun azimuth - aspect), e.g. R. Richter, Correction of satellite
//! imagery over mountainous terrain, Applied Optics 37 (1998), doi:10.1364/AO.37.004004.

use super::Gradient;
use crate::angles::Direction;

/// The direction to the sun as a vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    east: f32,
    north: f32,
    up: f32,
}

impl Light {
    /// From where the sun stands.
    pub fn from_sun(sun: Direction) -> Self {
        let (zenith, azimuth) = (sun.zenith_deg.to_radians(), sun.azimuth_deg.to_radians());
        Self {
            east: (libm::sin(zenith) * libm::sin(azimuth)) as f32,
            north: (libm::sin(zenith) * libm::cos(azimuth)) as f32,
            up: libm::cos(zenith) as f32,
        }
    }
}

/// Cosine of the angle between the sun and the vertical of the slope; negative where the sun is behind it.
pub fn illumination(gradient: Gradient, light: Light) -> f32 {
    (light.up - gradient.east * light.east - gradient.north * light.north) / (1.0 + gradient.squared()).sqrt()
}

/// Grey value of a hillshade: 1 in the shade to 255 facing the sun; 0 stands for no data.
pub fn hillshade(gradient: Option<Gradient>, light: Light) -> u8 {
    gradient.map_or(0, |gradient| {
        (1.0 + 254.0 * illumination(gradient, light).max(0.0) + 0.5).clamp(1.0, 255.0) as u8
    })
}

/// Share of the sky that is seen if the horizon is that of the slope alone: (1 + cos(slope)) / 2.
pub fn sky_view(gradient: Gradient) -> f32 {
    f32::midpoint(1.0, 1.0 / (1.0 + gradient.squared()).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::{aspect_deg, slope_deg};
    use super::*;
    use libm::{cos, sin};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_vector_form_is_the_formula_of_the_angles(
            east in -2f32..2.0, north in -2f32..2.0, zenith_deg in 0f64..80.0, azimuth_deg in 0f64..360.0
        ) {
            let gradient = Gradient { east, north };
            let sun = Direction { zenith_deg, azimuth_deg };
            let (slope, aspect) = (f64::from(slope_deg(gradient)).to_radians(), f64::from(aspect_deg(gradient)).to_radians());
            let (zenith, azimuth) = (zenith_deg.to_radians(), azimuth_deg.to_radians());
            let expected = cos(zenith) * cos(slope) + sin(zenith) * sin(slope) * cos(azimuth - aspect);
            prop_assert!((f64::from(illumination(gradient, Light::from_sun(sun))) - expected).abs() < 2e-6);
            let half = slope / 2.0;
            prop_assert!((f64::from(sky_view(gradient)) - cos(half).powi(2)).abs() < 1e-6);
        }
    }

    #[test]
    fn level_ground_and_gaps_have_their_grey_values() {
        let level = Gradient { east: 0.0, north: 0.0 };
        let light = Light::from_sun(Direction { zenith_deg: 60.0, azimuth_deg: 135.0 });
        assert_eq!((hillshade(Some(level), light), hillshade(None, light)), (128, 0));
        let behind = Gradient { east: 3.0, north: -3.0 };
        assert_eq!(hillshade(Some(behind), light), 1);
    }
}
