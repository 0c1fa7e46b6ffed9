//! Which elevation tiles a product needs, and where they can be had. Nothing is downloaded.
//!
//! Source: the naming of the Copernicus DEM (product handbook, GLO-30 and GLO-90 public, 1 degree tiles named by their south-west
//! corner) in its open archive, and of SRTM tiles.

use crate::error::{Error, Result};
use sen2cor_core::grid::{Extent, GeoTransform};
use sen2cor_io::safe::L1cProduct;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// Samples that the filter needs beyond the tile, degrees.
const MARGIN_DEG: f64 = 0.003;
/// Points along an edge of the tile whose place is looked up.
const POINTS: u32 = 20;

/// A tile of one degree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DemTile {
    /// Name of the GLO-30 tile.
    pub glo30: String,
    /// Address of the GLO-30 tile in the open archive.
    pub glo30_address: String,
    /// Name of the GLO-90 tile.
    pub glo90: String,
    /// Address of the GLO-90 tile in the open archive.
    pub glo90_address: String,
    /// Name of the SRTM tile; there are none beyond 60 degrees.
    pub srtm: Option<String>,
}

/// The elevation tiles of all tiles of a product. Those of the open sea do not exist.
///
/// # Errors
/// If the product cannot be read.
pub fn dem_tiles(input: &Path) -> Result<Vec<DemTile>> {
    let product = L1cProduct::open(input).map_err(Error::input)?;
    let mut corners = BTreeSet::new();
    for tile in &product.tiles {
        corners.extend(cells(&tile.metadata.ground, tile.metadata.extent()));
    }
    Ok(corners.into_iter().map(|(south, west)| named(south, west)).collect())
}

/// South-west corners of the cells of one degree that a tile touches.
fn cells(ground: &GeoTransform, extent: Extent) -> BTreeSet<(i32, i32)> {
    let mut found = BTreeSet::new();
    for row in 0..=POINTS {
        for col in 0..=POINTS {
            let part =
                |cells: u32, index: u32| f64::from(cells) * 10.0 * f64::from(index) / f64::from(POINTS);
            let place = ground
                .geographic(ground.ulx_m + part(extent.cols, col), ground.uly_m - part(extent.rows, row));
            for (north, east) in [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)] {
                let south = (place.latitude_deg + north * MARGIN_DEG).floor() as i32;
                let west = (place.longitude_deg + east * MARGIN_DEG).floor() as i32;
                found.insert((south.clamp(-90, 89), (west + 180).rem_euclid(360) - 180));
            }
        }
    }
    found
}

fn named(south: i32, west: i32) -> DemTile {
    let (ns, ew) = (if south < 0 { 'S' } else { 'N' }, if west < 0 { 'W' } else { 'E' });
    let (lat, lon) = (south.abs(), west.abs());
    let copernicus = |arc: u8| format!("Copernicus_DSM_COG_{arc}_{ns}{lat:02}_00_{ew}{lon:03}_00_DEM");
    let address = |bucket: &str, name: &str| format!("https://{bucket}.s3.amazonaws.com/{name}/{name}.tif");
    let (glo30, glo90) = (copernicus(10), copernicus(30));
    DemTile {
        glo30_address: address("copernicus-dem-30m", &glo30),
        glo90_address: address("copernicus-dem-90m", &glo90),
        glo30: format!("{glo30}.tif"),
        glo90: format!("{glo90}.tif"),
        srtm: (-60..60).contains(&south).then(|| format!("{ns}{lat:02}{ew}{lon:03}.hgt")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_those_that_the_corners_lie_in() {
        // 33UUB: 11.80 to 13.59 degrees east, 54.92 to 55.94 north.
        let ground = GeoTransform { epsg: 32633, ulx_m: 300_000.0, uly_m: 6_200_040.0 };
        let found = cells(&ground, Extent { rows: 10_980, cols: 10_980 });
        let expected: BTreeSet<_> =
            [(54, 11), (54, 12), (54, 13), (55, 11), (55, 12), (55, 13)].into_iter().collect();
        assert_eq!(found, expected);
        let tile = named(-7, -80);
        assert_eq!(tile.glo30, "Copernicus_DSM_COG_10_S07_00_W080_00_DEM.tif");
        assert_eq!(tile.srtm.as_deref(), Some("S07W080.hgt"));
        assert_eq!(named(60, 5).srtm, None);
    }

    #[test]
    fn tiles_go_on_across_the_date_line() {
        let ground = GeoTransform { epsg: 32701, ulx_m: 99_960.0, uly_m: 8_000_020.0 };
        let found = cells(&ground, Extent { rows: 10_980, cols: 10_980 });
        assert!(
            found.iter().any(|(_, west)| *west == 179) && found.iter().any(|(_, west)| *west == -180),
            "{found:?}"
        );
    }
}
