//! Coordinate systems: from longitude and latitude on WGS 84 to the coordinates of a raster.
//!
//! Projections and their EPSG codes are those of the crates `proj4rs` and `crs-definitions`, after PROJ.

use super::format_error;
use crate::error::Result;
use proj4rs::Proj;
use sen2cor_core::grid::Geographic;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The coordinate system of a raster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Crs {
    /// Longitude and latitude in degrees on WGS 84 or a datum within a metre of it.
    Wgs84,
    /// A system of the EPSG register.
    Epsg(u16),
    /// A system by its PROJ string.
    Proj(String),
}

/// Geographic systems within about a metre of WGS 84: itself, ETRS89, NAD83, WGS 72 excluded.
const LIKE_WGS84: [u16; 4] = [4326, 4979, 4258, 4269];

impl Crs {
    /// A system by its EPSG code.
    pub fn from_epsg(code: u16) -> Self {
        if LIKE_WGS84.contains(&code) { Self::Wgs84 } else { Self::Epsg(code) }
    }

    /// What brings places into this system.
    ///
    /// # Errors
    /// [`crate::Error::Format`] for `file` if the system is not known.
    pub fn transformer(&self, file: &Path) -> Result<Transformer> {
        let target = match self {
            Self::Wgs84 => return Ok(Transformer { systems: None }),
            Self::Epsg(code) => Proj::from_epsg_code(*code),
            Self::Proj(text) => Proj::from_proj_string(text),
        };
        let unknown = |e: &dyn std::fmt::Display| format_error(file, format!("its system {self:?}: {e}"));
        let target = target.map_err(|e| unknown(&e))?;
        let wgs84 = Proj::from_proj_string("+proj=longlat +datum=WGS84 +no_defs").map_err(|e| unknown(&e))?;
        Ok(Transformer { systems: Some((wgs84, target)) })
    }

    /// Whether coordinates are degrees of longitude and latitude, which go on after 360.
    pub fn is_geographic(&self, file: &Path) -> bool {
        match self {
            Self::Wgs84 => true,
            _ => self.transformer(file).is_ok_and(|t| t.systems.is_some_and(|(_, to)| to.is_latlong())),
        }
    }
}

/// Brings places on WGS 84 into a system.
pub struct Transformer {
    systems: Option<(Proj, Proj)>,
}

impl Transformer {
    /// The coordinates of a place; `None` where the projection has none.
    pub fn forward(&self, place: Geographic) -> Option<(f64, f64)> {
        let Some((from, to)) = &self.systems else {
            return Some((place.longitude_deg, place.latitude_deg));
        };
        let mut point = (place.longitude_deg.to_radians(), place.latitude_deg.to_radians(), 0.0);
        proj4rs::transform::transform(from, to, &mut point).ok()?;
        let (x, y) =
            if to.is_latlong() { (point.0.to_degrees(), point.1.to_degrees()) } else { (point.0, point.1) };
        (x.is_finite() && y.is_finite()).then_some((x, y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Coordinates as PROJ 9 (`gdaltransform`) gives them.
    #[test]
    fn projections_agree_with_proj() {
        let place = Geographic { latitude_deg: 45.5, longitude_deg: 6.25 };
        for (crs, x, y, tolerance_m) in [
            (Crs::Epsg(32632), 285_152.633_342_327, 5_042_175.408_190_83, 1e-4),
            (Crs::Epsg(3035), 4_027_612.623_264_1, 2_494_892.847_346_59, 1e-4),
            (Crs::Epsg(2154), 953_740.795_409_842, 6_494_170.805_633_47, 1e-4),
            (Crs::Epsg(3857), 695_746.817_457_96, 5_700_582.732_404_12, 1e-4),
        ] {
            let found = crs.transformer(Path::new("x")).unwrap().forward(place).unwrap();
            assert!((found.0 - x).abs() < tolerance_m, "{crs:?}: {found:?}");
            assert!((found.1 - y).abs() < tolerance_m, "{crs:?}: {found:?}");
        }
        assert!(Crs::Epsg(1).transformer(Path::new("x")).is_err());
    }
}
