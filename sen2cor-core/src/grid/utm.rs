//! From a UTM zone to latitude and longitude on WGS 84 and back.
//!
//! Krüger's series to the fourth power of the third flattening (EPSG Guidance Note 7-2, Transverse Mercator, "JHS
//! formulas"): better than a millimetre inside a zone.

use super::GeoTransform;

/// Major semi-axis of WGS 84, metres.
const SEMI_MAJOR_AXIS_M: f64 = 6_378_137.0;
/// Flattening of WGS 84.
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Scale on the central meridian.
const SCALE: f64 = 0.9996;
const FALSE_EASTING_M: f64 = 500_000.0;
/// Of the zones in the south.
const FALSE_NORTHING_M: f64 = 10_000_000.0;

/// A place on WGS 84.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geographic {
    /// Degrees, north positive.
    pub latitude_deg: f64,
    /// Degrees, east positive, -180 to 180.
    pub longitude_deg: f64,
}

impl GeoTransform {
    /// Latitude and longitude of a place in the UTM zone of this transform.
    pub fn geographic(&self, easting_m: f64, northing_m: f64) -> Geographic {
        let false_northing_m = if self.is_north() { 0.0 } else { FALSE_NORTHING_M };
        let third = FLATTENING / (2.0 - FLATTENING);
        let radius_m = SEMI_MAJOR_AXIS_M / (1.0 + third)
            * (1.0 + third * third / 4.0 + third * third * third * third / 64.0)
            * SCALE;
        let (xi, eta) =
            ((northing_m - false_northing_m) / radius_m, (easting_m - FALSE_EASTING_M) / radius_m);
        let (mut xi_0, mut eta_0) = (xi, eta);
        for (n, coefficient) in (1..).map(f64::from).zip(reverse_coefficients(third)) {
            xi_0 -= coefficient * libm::sin(2.0 * n * xi) * libm::cosh(2.0 * n * eta);
            eta_0 -= coefficient * libm::cos(2.0 * n * xi) * libm::sinh(2.0 * n * eta);
        }
        let beta = libm::asin(libm::sin(xi_0) / libm::cosh(eta_0));
        let meridian_deg = f64::from(self.utm_zone()) * 6.0 - 183.0;
        let east_deg = libm::atan2(libm::sinh(eta_0), libm::cos(xi_0)).to_degrees();
        Geographic {
            latitude_deg: latitude(beta).to_degrees(),
            longitude_deg: libm::remainder(meridian_deg + east_deg, 360.0),
        }
    }
}

impl GeoTransform {
    /// Easting and northing of a place in the UTM zone of this transform, metres; for places that are not far from the zone.
    pub fn projected(&self, place: Geographic) -> (f64, f64) {
        let third = FLATTENING / (2.0 - FLATTENING);
        let radius_m = SEMI_MAJOR_AXIS_M / (1.0 + third)
            * (1.0 + third * third / 4.0 + third * third * third * third / 64.0)
            * SCALE;
        let eccentricity = (2.0 * FLATTENING - FLATTENING * FLATTENING).sqrt();
        let latitude = place.latitude_deg.to_radians();
        let meridian_deg = f64::from(self.utm_zone()) * 6.0 - 183.0;
        let east = libm::remainder(place.longitude_deg - meridian_deg, 360.0).to_radians();
        let isometric =
            libm::asinh(libm::tan(latitude)) - eccentricity * libm::atanh(eccentricity * libm::sin(latitude));
        let beta = libm::atan(libm::sinh(isometric));
        let eta_0 = libm::atanh(libm::cos(beta) * libm::sin(east));
        let xi_0 = libm::asin(libm::sin(beta) * libm::cosh(eta_0));
        let (mut xi, mut eta) = (xi_0, eta_0);
        for (n, coefficient) in (1..).map(f64::from).zip(forward_coefficients(third)) {
            xi += coefficient * libm::sin(2.0 * n * xi_0) * libm::cosh(2.0 * n * eta_0);
            eta += coefficient * libm::cos(2.0 * n * xi_0) * libm::sinh(2.0 * n * eta_0);
        }
        let false_northing_m = if self.is_north() { 0.0 } else { FALSE_NORTHING_M };
        (FALSE_EASTING_M + radius_m * eta, false_northing_m + radius_m * xi)
    }
}

/// h1 to h4 of the guidance note.
fn forward_coefficients(n: f64) -> [f64; 4] {
    let (n2, n3, n4) = (n * n, n * n * n, n * n * n * n);
    [
        n / 2.0 - 2.0 / 3.0 * n2 + 5.0 / 16.0 * n3 + 41.0 / 180.0 * n4,
        13.0 / 48.0 * n2 - 3.0 / 5.0 * n3 + 557.0 / 1440.0 * n4,
        61.0 / 240.0 * n3 - 103.0 / 140.0 * n4,
        49_561.0 / 161_280.0 * n4,
    ]
}

/// h1' to h4' of the guidance note.
fn reverse_coefficients(n: f64) -> [f64; 4] {
    let (n2, n3, n4) = (n * n, n * n * n, n * n * n * n);
    [
        n / 2.0 - 2.0 / 3.0 * n2 + 37.0 / 96.0 * n3 - 1.0 / 360.0 * n4,
        1.0 / 48.0 * n2 + 1.0 / 15.0 * n3 - 437.0 / 1440.0 * n4,
        17.0 / 480.0 * n3 - 37.0 / 840.0 * n4,
        4397.0 / 161_280.0 * n4,
    ]
}

/// Latitude from conformal latitude, both in radians.
fn latitude(conformal: f64) -> f64 {
    let eccentricity = (2.0 * FLATTENING - FLATTENING * FLATTENING).sqrt();
    let target = libm::asinh(libm::tan(conformal));
    let mut isometric = target;
    // Converges by a factor of 150 per step.
    for _ in 0..8 {
        isometric = target + eccentricity * libm::atanh(eccentricity * libm::tanh(isometric));
    }
    libm::atan(libm::sinh(isometric))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longitude and latitude as PROJ 9 (`gdaltransform`) gives them.
    #[test]
    fn places_agree_with_proj() {
        for (epsg, easting_m, northing_m, longitude_deg, latitude_deg) in [
            (32633, 300_000.0, 6_200_040.0, 11.800_511_438_788_1, 55.904_167_624_663_3),
            (32633, 409_800.0, 6_200_040.0, 13.556_022_148_903_6, 55.937_273_345_275_7),
            (32633, 409_800.0, 6_090_240.0, 13.591_601_297_949_4, 54.950_942_261_317_5),
            (32702, 300_000.0, 1_000_000.0, 177.620_893_119_213, -80.884_593_944_221_1),
            (32702, 500_000.0, 9_990_000.0, -171.0, -0.090_473_136_240_740_7),
            (32702, 833_000.5, 9_000_000.25, -167.971_420_557_655, -9.034_051_702_029_63),
            (32660, 166_021.4, 0.0, 173.999_999_613_38, 0.0),
            (32660, 600_000.0, 9_300_000.0, -174.830_200_782_354, 83.684_758_643_539_3),
        ] {
            let ground = GeoTransform { epsg, ulx_m: 0.0, uly_m: 0.0 };
            let found = ground.geographic(easting_m, northing_m);
            // 1e-9 degrees are 0.1 mm.
            assert!((found.latitude_deg - latitude_deg).abs() < 1e-9, "{epsg} {easting_m}: {found:?}");
            assert!((found.longitude_deg - longitude_deg).abs() < 3e-9, "{epsg} {easting_m}: {found:?}");
            let back = ground.projected(Geographic { latitude_deg, longitude_deg });
            assert!((back.0 - easting_m).abs() < 1e-3, "{epsg} {easting_m}: {back:?}");
            assert!((back.1 - northing_m).abs() < 1e-3, "{epsg} {northing_m}: {back:?}");
        }
    }
}
