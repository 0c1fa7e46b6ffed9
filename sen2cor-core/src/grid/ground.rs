//! Where a grid lies on the ground.

use super::Resolution;
use serde::{Deserialize, Serialize};

/// Upper left corner of a tile in its UTM zone. All grids of a tile share the corner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeoTransform {
    /// EPSG code of the UTM zone, 32601 to 32660 (north) or 32701 to 32760 (south).
    pub epsg: u32,
    /// Easting of the corner (not the pixel centre), metres.
    pub ulx_m: f64,
    /// Northing of the corner (not the pixel centre), metres.
    pub uly_m: f64,
}

impl GeoTransform {
    /// Easting and northing of the centre of a pixel, metres.
    pub fn pixel_centre_m(&self, row: u32, col: u32, resolution: Resolution) -> (f64, f64) {
        let size_m = f64::from(resolution.metres());
        (self.ulx_m + (f64::from(col) + 0.5) * size_m, self.uly_m - (f64::from(row) + 0.5) * size_m)
    }

    /// The same with its corner at the corner of a cell of 10 m.
    #[must_use]
    pub fn at_cell(&self, row: u32, col: u32) -> Self {
        Self { ulx_m: self.ulx_m + f64::from(col) * 10.0, uly_m: self.uly_m - f64::from(row) * 10.0, ..*self }
    }

    /// Number of the UTM zone, 1 to 60.
    pub const fn utm_zone(&self) -> u32 {
        self.epsg % 100
    }

    /// Whether the zone is one of the northern hemisphere.
    pub const fn is_north(&self) -> bool {
        self.epsg / 100 == 326
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centres_are_half_a_pixel_inside() {
        let ground = GeoTransform { epsg: 32733, ulx_m: 300_000.0, uly_m: 4_900_020.0 };
        assert_eq!(ground.pixel_centre_m(0, 0, Resolution::R60), (300_030.0, 4_899_990.0));
        assert_eq!((ground.utm_zone(), ground.is_north()), (33, false));
    }
}
