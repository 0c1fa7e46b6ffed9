//! View angles of a tile: at each node of the metadata's grid those of the detector that saw it.
//!
//! Footprints of neighbouring detectors overlap by some kilometres, and their view azimuths differ by much. Which of them an
//! image shows is in its footprint mask: polygons before baseline 04.00, an image from then on.

use crate::error::{Error, Result};
use sen2cor_core::angles::{AngleGrid, ViewGrids};
use sen2cor_core::sensor::Band;
use sen2cor_io::jp2::{Codec, ImageIndex};
use sen2cor_io::masks::{MaskType, detectors_at, read_gml};
use sen2cor_io::safe::{L1cProduct, L1cTile};
use sen2cor_io::xml::{Element, MaskRef};
use std::collections::BTreeMap;

/// Kind of the footprint masks.
const FOOTPRINTS: &str = "MSK_DETFOO";
/// Largest mask file, bytes.
const MAX_BYTES: u64 = 256 << 20;

/// The view angles of all bands on their grids. A band without footprint mask takes the lowest number of the detectors at
/// nodes that several of them saw.
///
/// # Errors
/// If a mask is damaged or does not fit the tile.
pub(crate) fn view_grids(product: &L1cProduct, tile: &L1cTile) -> Result<BTreeMap<Band, AngleGrid>> {
    let mut found = BTreeMap::new();
    for (&band, grids) in &tile.metadata.view_grids {
        let nodes = grids.contested();
        let mask = tile.masks.iter().find(|mask| mask.kind == FOOTPRINTS && mask.band == Some(band));
        let detectors: BTreeMap<(usize, usize), u8> = match mask.filter(|_| !nodes.is_empty()) {
            Some(mask) => Footprint { product, tile, band, grids, mask }.detectors(&nodes)?,
            None => BTreeMap::new(),
        };
        let merged = grids.merged(|row, col| detectors.get(&(row, col)).copied());
        found.extend(merged.map(|grid| (band, grid)));
    }
    Ok(found)
}

/// The footprint mask of a band.
struct Footprint<'a> {
    product: &'a L1cProduct,
    tile: &'a L1cTile,
    band: Band,
    grids: &'a ViewGrids,
    mask: &'a MaskRef,
}

impl Footprint<'_> {
    fn detectors(&self, nodes: &[(usize, usize)]) -> Result<BTreeMap<(usize, usize), u8>> {
        let gml = self.mask.path.to_lowercase().ends_with(".gml");
        let numbers = if gml { self.in_polygons(nodes)? } else { self.in_image(nodes)? };
        Ok(nodes.iter().copied().zip(numbers).filter(|(_, number)| *number > 0).collect())
    }

    /// Distance of the nodes, metres down and right.
    fn steps_m(&self) -> (f64, f64) {
        self.grids.0.values().next().map_or((5000.0, 5000.0), |grid| (grid.row_step_m, grid.col_step_m))
    }

    fn in_polygons(&self, nodes: &[(usize, usize)]) -> Result<Vec<u8>> {
        let (container, ground) = (&self.product.container, &self.tile.metadata.ground);
        let file = container.display_path(&self.mask.path);
        let features = container
            .read(&self.mask.path, MAX_BYTES)
            .and_then(|bytes| read_gml(&file, &Element::parse(&file, &bytes)?, ground.epsg))
            .map_err(Error::input)?;
        let (down, right) = self.steps_m();
        let number = |&(row, col): &(usize, usize)| {
            let place = (ground.ulx_m + col as f64 * right, ground.uly_m - row as f64 * down);
            let here = features.iter().filter(|feature| feature.polygon.contains(place));
            let numbers = here.filter_map(|feature| match feature.kind {
                MaskType::Detector(number) => Some(number),
                _ => None,
            });
            numbers.min().unwrap_or_default()
        };
        Ok(nodes.iter().map(number).collect())
    }

    fn in_image(&self, nodes: &[(usize, usize)]) -> Result<Vec<u8>> {
        let container = &self.product.container;
        let display = container.display_path(&self.mask.path);
        let image = |source| Error::input(sen2cor_io::Error::Image { file: display.clone(), source });
        let file = container.stored(&self.mask.path).map_err(Error::input)?;
        let source = file.open().map_err(Error::input)?;
        let index = ImageIndex::read(source.as_ref()).map_err(image)?;
        let grid = self.band.native_resolution();
        let (rows, cols) = self.tile.metadata.extent().shape(grid);
        index.expect(cols as u32, rows as u32, 1, 8).map_err(image)?;
        let (down, right) = self.steps_m();
        let pixel = |index: usize, step: f64, count: usize| {
            ((index as f64 * step / f64::from(grid.metres())) as usize).min(count.saturating_sub(1))
        };
        let pixels: Vec<_> =
            nodes.iter().map(|&(row, col)| (pixel(row, down, rows), pixel(col, right, cols))).collect();
        detectors_at(&Codec::Auto, &index, source.as_ref(), &pixels).map_err(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Number of contested nodes, sums of zenith and azimuth over them: the masks decoded with OpenJPEG's `opj_decompress`, the
    /// rest with numpy.
    #[test]
    #[allow(clippy::print_stderr, reason = "a skipped test says so")]
    fn nodes_take_the_detector_of_the_footprint_mask() {
        let folder = std::env::var_os("SEN2COR_TEST_DATA").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
            std::path::PathBuf::from,
        );
        let name = "metadata/L1C/S2B_MSIL1C_20240305T104819_N0510_R051_T31TCJ_20240305T125347.SAFE";
        if !folder.join(name).is_dir() {
            eprintln!("skipped: no real data in {}", folder.display());
            return;
        }
        let product = L1cProduct::open(&folder.join(name)).unwrap();
        let tile = &product.tiles[0];
        let grids = view_grids(&product, tile).unwrap();
        for (band, count, zenith, azimuth) in [
            (Band::B01, 36, 119.704_81, 7_463.767_7),
            (Band::B05, 37, 109.992_145, 7_726.365_9),
            (Band::B09, 35, 120.196_2, 7_240.216_8),
            (Band::B10, 36, 103.760_984, 7_448.409_3),
        ] {
            let nodes = tile.metadata.view_grids[&band].contested();
            let sum = |angles: &ndarray::Array2<f64>| nodes.iter().map(|node| angles[*node]).sum::<f64>();
            assert_eq!(nodes.len(), count, "{band}");
            assert!((sum(&grids[&band].zenith_deg) - zenith).abs() < 1e-6, "{band}");
            assert!((sum(&grids[&band].azimuth_deg) - azimuth).abs() < 1e-6, "{band}");
        }
    }
}
