//! The first stages of a recipe: files checked against the manifest and bands decoded, each on its own grid.

use crate::error::{Error, Result};
use crate::recipe::{Bands, Job, bands_read};
use crate::stages::codec::{DecodeBand, DecodeParams, Inflate, InflateParams};
use crate::stages::verify::{VerifyFile, VerifyParams};
use sen2cor_core::grid::{Extent, Tiling};
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, Need, PlaneHandle, PlaneSpec};
use sen2cor_io::jp2::ImageIndex;
use sen2cor_io::safe::FileRef;
use std::collections::{BTreeMap, BTreeSet};

/// Most bits per sample of a reflectance image.
const MAX_BITS: u8 = 16;

/// Decoded bands.
pub(crate) struct Native {
    /// Each on its own grid.
    pub(crate) bands: Bands,
    /// Those whose images have enough bits to store that a sample is saturated.
    pub(crate) may_be_saturated: BTreeSet<Band>,
    /// The checks of the metadata files.
    pub(crate) checks: Vec<Need>,
}

/// Declares the checks and the decoding of all bands that the run reads.
///
/// # Errors
/// If an image is missing, or its header is damaged or contradicts the metadata.
pub(crate) fn bands(flow: &mut Flow<'_, Error>, job: &Job<'_>) -> Result<Native> {
    let mut native = Native { bands: Bands::new(), may_be_saturated: BTreeSet::new(), checks: Vec::new() };
    for (path, what) in metadata_files(job) {
        native.checks.extend(verify(flow, job, &path, &what)?);
    }
    let read: Vec<Band> = bands_read(job.resolution).collect();
    let mut checked = BTreeMap::new();
    for &band in &read {
        let path = job.tile.image(band).map_err(Error::input)?;
        checked.insert(band, verify(flow, job, path, &format!("image of {band}"))?);
    }
    for band in read {
        let (plane, bits) = decode(flow, job, band, checked.get(&band).copied().flatten())?;
        native.bands.insert(band, plane);
        if u32::from(job.product.metadata.saturated_value) < 1 << bits {
            native.may_be_saturated.insert(band);
        }
    }
    Ok(native)
}

/// The metadata files that have been read already; a changed one is as wrong as a changed image.
fn metadata_files(job: &Job<'_>) -> Vec<(String, String)> {
    let mut files = vec![
        (job.product.metadata_path.clone(), "product metadata".to_owned()),
        (job.tile.metadata_path.clone(), "tile metadata".to_owned()),
    ];
    let datastrips = job.product.container.files_below("DATASTRIP").filter(|path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name == "MTD_DS.xml" || name.contains("_MTD_L1C_DS_")
    });
    files.extend(datastrips.map(|path| (path.to_owned(), "datastrip metadata".to_owned())));
    files
}

/// Declares the check of a file that the manifest lists; others are not checked.
pub(crate) fn verify(
    flow: &mut Flow<'_, Error>,
    job: &Job<'_>,
    relative: &str,
    what: &str,
) -> Result<Option<Need>> {
    if !job.verify {
        return Ok(None);
    }
    let Some(entry) = job.product.manifest.as_ref().and_then(|manifest| manifest.entries.get(relative))
    else {
        return Ok(None);
    };
    let params = VerifyParams {
        file: job.product.container.stored(relative).map_err(Error::input)?,
        entry: entry.clone(),
        display: job.product.container.display_path(relative),
    };
    let done = flow.stage::<VerifyFile>(format!("verify {what}"), one_unit()).run(params);
    Ok(Some(done.into()))
}

/// The plane of a band and the bits of its samples.
fn decode(
    flow: &mut Flow<'_, Error>,
    job: &Job<'_>,
    band: Band,
    check: Option<Need>,
) -> Result<(PlaneHandle, u8)> {
    let relative = job.tile.image(band).map_err(Error::input)?;
    let display = job.product.container.display_path(relative);
    let file = job.product.container.stored(relative).map_err(Error::input)?;
    let grid = band.native_resolution();
    let (rows, cols) = job.extent.shape(grid);
    let image = |source| Error::input(sen2cor_io::Error::Image { file: display.clone(), source });
    let index = file
        .open()
        .map_err(Error::input)
        .and_then(|source| ImageIndex::read(source.as_ref()).map_err(image))?;
    index.expect(cols as u32, rows as u32, 1, MAX_BITS).map_err(image)?;
    if !index.tile_offset_is_zero() {
        return Err(Error::InputContent {
            path: display,
            reason: "the image does not begin at the origin".to_owned(),
        });
    }
    let cells = grid.cells();
    let tiling = Tiling::new(job.extent, index.tile_height() * cells, index.tile_width() * cells);
    let inflated = match &file {
        FileRef::Deflated { .. } => {
            let mut stage = flow.stage::<Inflate>(format!("inflate {band}"), one_unit());
            let bytes = stage.output(PlaneSpec::slots::<u8>(1, file.len() as usize));
            stage.run(InflateParams { file: file.clone(), display: display.clone() });
            Some(bytes)
        }
        FileRef::Plain { .. } => None,
    };
    let mut stage = flow.stage::<DecodeBand>(format!("decode {band}"), tiling);
    if let Some(bytes) = inflated {
        stage = stage.table(bytes);
    }
    // A run for a part of the results keeps the checks of the files that it reads, and no others.
    if let Some(check) = check.filter(|_| job.is_partial) {
        stage = stage.after(check);
    }
    let output = stage.output(PlaneSpec::grid::<u16>(job.extent, grid));
    let radio_add_offset = job.product.metadata.radio_add_offset[band.index()];
    let (bits, saturated) = (index.bits(), job.product.metadata.saturated_value);
    stage.run(DecodeParams { file, display, index, radio_add_offset, saturated, codec: job.codec });
    Ok((output, bits))
}

/// For stages that are not cut.
pub(crate) fn one_unit() -> Tiling {
    Tiling::whole(Extent { rows: 1, cols: 1 })
}
