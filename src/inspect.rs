//! What is in a product, for people and for scripts; and whether its files are those of the manifest.

use crate::error::{Error, Result};
use sen2cor_core::angles::Direction;
use sen2cor_core::grid::Resolution;
use sen2cor_core::sensor::Band;
use sen2cor_io::safe::{Finding, FindingKind, L1cProduct, L1cTile, VerifyReport};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What is in a Level-1C product.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Folder or archive.
    pub path: PathBuf,
    /// `PRODUCT_URI`.
    pub product: String,
    /// Spacecraft.
    pub spacecraft: String,
    /// Processing baseline.
    pub baseline: String,
    /// Version of the product specification, from the namespace.
    pub psd_version: u32,
    /// Start of sensing of the datatake.
    pub sensing_start: String,
    /// Relative orbit.
    pub relative_orbit: u32,
    /// Stored numbers per unit of reflectance.
    pub quantification: f64,
    /// `RADIO_ADD_OFFSET` by band.
    pub radio_add_offset: BTreeMap<Band, i32>,
    /// Solar irradiance by band, W m-2 um-1.
    pub solar_irradiance_w_m2_um: BTreeMap<Band, f64>,
    /// Tiles.
    pub tiles: Vec<TileInspection>,
    /// What is present, missing or odd.
    pub findings: Vec<Finding>,
}

/// What is in a tile.
#[derive(Clone, Debug, Serialize)]
pub struct TileInspection {
    /// Name of the tile, e.g. `33UUB`.
    pub tile: String,
    /// Sensing time.
    pub sensing_time: String,
    /// EPSG code.
    pub epsg: u32,
    /// Easting of the upper left corner, metres.
    pub ulx_m: f64,
    /// Northing of the upper left corner, metres.
    pub uly_m: f64,
    /// Rows and columns by pixel size in metres.
    pub shapes: BTreeMap<u32, (usize, usize)>,
    /// Mean direction of the sun.
    pub mean_sun: Direction,
    /// Mean view direction by band.
    pub mean_view: BTreeMap<Band, Direction>,
    /// Image files by band.
    pub images: BTreeMap<Band, String>,
    /// Number of mask files.
    pub masks: usize,
    /// Weather file.
    pub aux_ecmwf: Option<String>,
    /// Aerosol forecast file.
    pub aux_cams: Option<String>,
}

/// Tells what is in a Level-1C product.
///
/// # Errors
/// If the product cannot be read.
pub fn inspect(input: &Path) -> Result<Inspection> {
    let product = L1cProduct::open(input).map_err(Error::input)?;
    let metadata = &product.metadata;
    Ok(Inspection {
        path: product.container.path().to_owned(),
        product: metadata.product_uri.clone(),
        spacecraft: metadata.spacecraft.to_string(),
        baseline: metadata.baseline.to_string(),
        psd_version: metadata.psd_version,
        sensing_start: metadata.datatake_sensing_start.clone(),
        relative_orbit: metadata.orbit_number,
        quantification: metadata.quantification,
        radio_add_offset: by_band(|band| Some(metadata.radio_add_offset[band.index()])),
        solar_irradiance_w_m2_um: by_band(|band| Some(metadata.solar_irradiance_w_m2_um[band.index()])),
        tiles: product.tiles.iter().map(inspect_tile).collect(),
        findings: product.findings(),
    })
}

/// Compares the files of a product, of either level, with its manifest.
///
/// # Errors
/// If the product or its manifest cannot be read. Files that differ are no error but stand in the report.
pub fn verify(product: &Path) -> Result<VerifyReport> {
    sen2cor_io::safe::verify(product, None).map_err(Error::input)
}

fn by_band<T>(value: impl Fn(Band) -> Option<T>) -> BTreeMap<Band, T> {
    Band::ALL.into_iter().filter_map(|band| Some((band, value(band)?))).collect()
}

fn inspect_tile(tile: &L1cTile) -> TileInspection {
    let metadata = &tile.metadata;
    TileInspection {
        tile: metadata.mgrs_tile.clone(),
        sensing_time: metadata.sensing_time.clone(),
        epsg: metadata.ground.epsg,
        ulx_m: metadata.ground.ulx_m,
        uly_m: metadata.ground.uly_m,
        shapes: Resolution::ALL.into_iter().map(|r| (r.metres(), metadata.shape(r))).collect(),
        mean_sun: metadata.mean_sun,
        mean_view: by_band(|band| metadata.mean_view[band.index()]),
        images: tile.images.clone(),
        masks: tile.masks.len(),
        aux_ecmwf: tile.aux_ecmwf.clone(),
        aux_cams: tile.aux_cams.clone(),
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.product)?;
        writeln!(f, "  path            {}", self.path.display())?;
        writeln!(f, "  spacecraft      {}", self.spacecraft)?;
        writeln!(f, "  baseline        {} (PSD {})", self.baseline, self.psd_version)?;
        writeln!(f, "  sensing start   {}", self.sensing_start)?;
        writeln!(f, "  relative orbit  {}", self.relative_orbit)?;
        let offsets: Vec<_> = self.radio_add_offset.values().collect();
        match offsets.first() {
            Some(first) if offsets.iter().all(|o| o == first) => {
                writeln!(f, "  offset          {first} in all bands")?;
            }
            _ => writeln!(f, "  offsets         {offsets:?}")?,
        }
        for tile in &self.tiles {
            write!(f, "{tile}")?;
        }
        let of_kind = |kind| self.findings.iter().filter(move |finding| finding.kind == kind);
        for finding in of_kind(FindingKind::Missing) {
            writeln!(f, "  missing         {}", finding.subject)?;
        }
        for finding in of_kind(FindingKind::Warning) {
            writeln!(f, "  warning         {}: {}", finding.subject, finding.detail)?;
        }
        Ok(())
    }
}

impl fmt::Display for TileInspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  tile            {} at {}", self.tile, self.sensing_time)?;
        writeln!(f, "    position      EPSG:{}, upper left {} {}", self.epsg, self.ulx_m, self.uly_m)?;
        let shapes: Vec<_> = self.shapes.iter().map(|(m, (r, c))| format!("{r} x {c} at {m} m")).collect();
        writeln!(f, "    pixels        {}", shapes.join(", "))?;
        let sun = self.mean_sun;
        writeln!(
            f,
            "    mean sun      zenith {:.2}, azimuth {:.2} degrees",
            sun.zenith_deg, sun.azimuth_deg
        )?;
        let bands: Vec<_> = self.images.keys().map(|band| band.name()).collect();
        writeln!(f, "    images        {}", bands.join(" "))?;
        let files = [("AUX_ECMWFT", &self.aux_ecmwf), ("AUX_CAMSFO", &self.aux_cams)];
        let there: Vec<_> = files.iter().filter(|(_, path)| path.is_some()).map(|(name, _)| *name).collect();
        writeln!(
            f,
            "    auxiliary     {}",
            if there.is_empty() { "none".to_owned() } else { there.join(" ") }
        )?;
        writeln!(f, "    masks         {}", self.masks)
    }
}
