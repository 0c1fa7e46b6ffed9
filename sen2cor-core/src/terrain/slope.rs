//! Slope and aspect of a gradient.

use super::Gradient;

/// Aspect of level ground.
pub const FLAT_ASPECT: f32 = -9999.0;

/// Angle of the ground against the horizontal, degrees.
pub fn slope_deg(gradient: Gradient) -> f32 {
    libm::atanf(gradient.squared().sqrt()).to_degrees()
}

/// Where the ground faces (downhill), degrees clockwise from north, 0 to below 360; [`FLAT_ASPECT`] on level ground.
pub fn aspect_deg(gradient: Gradient) -> f32 {
    if gradient.east == 0.0 && gradient.north == 0.0 {
        return FLAT_ASPECT;
    }
    let aspect = libm::atan2f(-gradient.east, -gradient.north).to_degrees();
    let aspect = if aspect < 0.0 { aspect + 360.0 } else { aspect };
    if aspect >= 360.0 { 0.0 } else { aspect }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_face_downhill() {
        for (east, north, expected) in [
            (0.0, -1.0, 0.0),
            (-1.0, 0.0, 90.0),
            (0.0, 1.0, 180.0),
            (1.0, 0.0, 270.0),
            (0.0, 0.0, FLAT_ASPECT),
        ] {
            let gradient = Gradient { east, north };
            assert!((aspect_deg(gradient) - expected).abs() < 1e-4, "{gradient:?}");
            let slope = if expected == FLAT_ASPECT { 0.0 } else { 45.0 };
            assert!((slope_deg(gradient) - slope).abs() < 1e-4);
        }
    }
}
