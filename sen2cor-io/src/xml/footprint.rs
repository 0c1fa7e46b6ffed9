//! The area of a single tile in geographic coordinates, for products cut out of inputs with several tiles: their
//! metadata give the footprint of all tiles together.
//!
//! The inverse transverse Mercator projection is Krueger's series to the fourth power of the third flattening, whose
//! error is far below a millimetre in a UTM zone (Karney 2011, doi:10.1007/s00190-011-0445-3).

use super::Element;
use crate::error::{Error, Result};
use std::fmt::Write as _;
use std::path::Path;

/// Semi-major axis of WGS 84.
const AXIS_M: f64 = 6_378_137.0;
/// Flattening of WGS 84.
const FLATTENING: f64 = 1.0 / 298.257_223_563;

/// The corners of a tile, latitude and longitude in degrees, clockwise from the upper left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Footprint([(f64, f64); 4]);

impl Footprint {
    /// The corners of the tile with this metadata if `product` lists other tiles beside it, or if it is a part of a tile.
    ///
    /// # Errors
    /// [`Error::Field`] if the tile's geocoding is incomplete.
    pub(crate) fn of_part(product: &Element, tile: &Element, is_part: bool) -> Result<Option<Self>> {
        let granules = product.find_anywhere("Product_Organisation").map_or(0, |organisation| {
            organisation.find_all("Granules").len() + organisation.find_all("Granule").len()
        });
        if granules < 2 && !is_part { Ok(None) } else { Self::of_tile(tile).map(Some) }
    }

    fn of_tile(tile: &Element) -> Result<Self> {
        let file = Path::new("MTD_TL.xml");
        let geocoding = tile.require(file, "Geometric_Info/Tile_Geocoding")?;
        let code = geocoding.require_text(file, "HORIZONTAL_CS_CODE")?;
        let epsg = code.strip_prefix("EPSG:").and_then(|digits| digits.parse::<u32>().ok());
        let zone = epsg.filter(|e| matches!(e / 100, 326 | 327) && (1..=60).contains(&(e % 100)));
        let Some(epsg) = zone else {
            return Err(Error::field(file, "HORIZONTAL_CS_CODE", "the EPSG code of a UTM zone", code));
        };
        let value = |path: &str| geocoding.require_value::<f64>(file, path, "a number");
        let (west, north) = (value("Geoposition/ULX")?, value("Geoposition/ULY")?);
        let resolution = geocoding.require(file, "Size")?.attribute("resolution");
        let metres: f64 = resolution.and_then(|r| r.parse().ok()).unwrap_or(10.0);
        let (east, south) = (west + value("Size/NCOLS")? * metres, north - value("Size/NROWS")? * metres);
        Ok(Self(
            [(west, north), (east, north), (east, south), (west, south)].map(|(x, y)| geographic(epsg, x, y)),
        ))
    }

    /// The closed line as `EXT_POS_LIST` has it: latitude and longitude in turn.
    pub(crate) fn list(&self) -> String {
        let [first, ..] = self.0;
        let mut list = String::new();
        for (lat, lon) in self.0.into_iter().chain([first]) {
            // Writing into a string cannot fail.
            let _ = write!(list, "{lat:.12} {lon:.12} ");
        }
        list
    }

    /// West, east, south and north bound in degrees.
    pub(crate) fn bounds(&self) -> [f64; 4] {
        let [a, b, c, d] = self.0;
        let least = |of: fn((f64, f64)) -> f64| of(a).min(of(b)).min(of(c)).min(of(d));
        let most = |of: fn((f64, f64)) -> f64| of(a).max(of(b)).max(of(c)).max(of(d));
        [least(|p| p.1), most(|p| p.1), least(|p| p.0), most(|p| p.0)]
    }
}

/// Latitude and longitude in degrees of a point in a UTM zone.
fn geographic(epsg: u32, easting_m: f64, northing_m: f64) -> (f64, f64) {
    let n = FLATTENING / (2.0 - FLATTENING);
    let (n2, n3, n4) = (n * n, n * n * n, n * n * n * n);
    let radius_m = 0.9996 * AXIS_M / (1.0 + n) * (1.0 + n2 / 4.0 + n4 / 64.0);
    let false_northing_m = if epsg / 100 == 326 { 0.0 } else { 10_000_000.0 };
    let (xi, eta) = ((northing_m - false_northing_m) / radius_m, (easting_m - 500_000.0) / radius_m);
    let beta = [
        n / 2.0 - 2.0 * n2 / 3.0 + 37.0 * n3 / 96.0 - n4 / 360.0,
        n2 / 48.0 + n3 / 15.0 - 437.0 * n4 / 1440.0,
        17.0 * n3 / 480.0 - 37.0 * n4 / 840.0,
        4397.0 * n4 / 161_280.0,
    ];
    let (mut xi_sphere, mut eta_sphere, mut order) = (xi, eta, 2.0);
    for coefficient in beta {
        xi_sphere -= coefficient * (order * xi).sin() * (order * eta).cosh();
        eta_sphere -= coefficient * (order * xi).cos() * (order * eta).sinh();
        order += 2.0;
    }
    let conformal = (xi_sphere.sin() / eta_sphere.cosh()).asin();
    let delta = [
        2.0 * n - 2.0 * n2 / 3.0 - 2.0 * n3 + 116.0 * n4 / 45.0,
        7.0 * n2 / 3.0 - 8.0 * n3 / 5.0 - 227.0 * n4 / 45.0,
        56.0 * n3 / 15.0 - 136.0 * n4 / 35.0,
        4279.0 * n4 / 630.0,
    ];
    let (mut lat, mut order) = (conformal, 2.0);
    for coefficient in delta {
        lat += coefficient * (order * conformal).sin();
        order += 2.0;
    }
    let central_deg = f64::from(epsg % 100) * 6.0 - 183.0;
    (lat.to_degrees(), central_deg + eta_sphere.sinh().atan2(xi_sphere.cos()).to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(code: &str, ulx: &str, uly: &str) -> Element {
        let text = Element::text_element;
        let size = Element::new("Size").with_attribute("resolution", "10");
        let geocoding = Element::new("Tile_Geocoding")
            .with(text("HORIZONTAL_CS_CODE", code))
            .with(size.with(text("NROWS", "10980")).with(text("NCOLS", "10980")))
            .with(Element::new("Geoposition").with(text("ULX", ulx)).with(text("ULY", uly)));
        Element::new("T").with(Element::new("Geometric_Info").with(geocoding))
    }

    /// Footprints of the full tiles of S2A_MSIL1C_20240120T105341_N0510_R051_T31TCJ_20240120T125244 and
    /// S2C_MSIL1C_20250228T031721_N0511_R118_T48PVS_20250228T065233: the corners of the tile.
    #[test]
    fn corners_are_those_of_real_products() {
        for (code, ulx, uly, corners) in [
            (
                "EPSG:32631",
                "300000",
                "4900020",
                [
                    (44.225_964_154_763, 0.495_928_592_903),
                    (44.247_830_683_968, 1.870_237_286_761),
                    (43.259_391_910_537, 1.888_683_014_192),
                    (43.238_262_553_327, 0.536_772_323_136),
                ],
            ),
            (
                "EPSG:32648",
                "399960",
                "1200000",
                [
                    (10.854_120_303_387, 104.084_733_974_177),
                    (10.855_468_267_007, 105.089_298_165_232),
                    (9.862_397_180_165, 105.089_017_514_334),
                    (9.861_175_024_362, 104.087_610_037_271),
                ],
            ),
        ] {
            let Footprint(found) = Footprint::of_tile(&tile(code, ulx, uly)).unwrap();
            for (a, b) in found.iter().zip(corners) {
                assert!((a.0 - b.0).abs() < 1e-9 && (a.1 - b.1).abs() < 1e-9, "{found:?}");
            }
        }
    }

    #[test]
    fn the_south_mirrors_the_north() {
        let (lat, lon) = geographic(32756, 399_960.0, 10_000_000.0 - 3_300_000.0);
        let (mirrored, same) = geographic(32656, 399_960.0, 3_300_000.0);
        assert!((lat + mirrored).abs() < 1e-12 && (lon - same).abs() < 1e-12);
        assert!(Footprint::of_tile(&tile("EPSG:4326", "1", "2")).is_err());
    }
}
