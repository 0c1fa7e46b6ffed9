//! Files of the input that the product carries on: weather, quality masks and quality reports, under their short names.

use crate::error::{Error, Result};
use crate::recipe::Job;
use sen2cor_core::grid::Resolution;
use sen2cor_io::bytes::ByteSource;
use sen2cor_io::safe::{CopySource, FileCopy, ImageKind, L2aNames};

/// Reports of the checks of the input, which the metadata of the product refer to.
const REPORTS: [&str; 5] =
    ["FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "RADIOMETRIC_QUALITY", "SENSOR_QUALITY"];

/// A file of the input and its path in the product.
pub(crate) struct Carried {
    target: String,
    source: Box<dyn ByteSource + Send + Sync>,
}

impl Carried {
    pub(crate) fn copy(&self) -> FileCopy<'_> {
        FileCopy { target: self.target.clone(), source: CopySource::Source(self.source.as_ref()) }
    }
}

/// The files that go along with a tile; without a preview of its own the product takes that of the input, which the
/// specification demands.
///
/// # Errors
/// If one of them cannot be opened.
pub(crate) fn files(job: &Job<'_>, names: &L2aNames, has_preview: bool) -> Result<Vec<Carried>> {
    let granule = names.granule();
    let tile = job.tile;
    let mut found: Vec<(String, &str)> = Vec::new();
    for (name, path) in [("AUX_ECMWFT", &tile.aux_ecmwf), ("AUX_CAMSFO", &tile.aux_cams)] {
        found.extend(path.as_deref().map(|path| (format!("{granule}/AUX_DATA/{name}"), path)));
    }
    // Mask images show the whole tile, mask polygons have coordinates.
    let fits = |path: &str| job.region.is_none() || !path.to_ascii_lowercase().ends_with(".jp2");
    for mask in tile.masks.iter().filter(|mask| fits(&mask.path)) {
        let band = mask.band.map_or("B00", |band| band.name());
        let extension = mask.path.rsplit_once('.').map_or("gml", |(_, extension)| extension);
        let name = format!("{granule}/QI_DATA/{}_{band}.{}", mask.kind, extension.to_ascii_lowercase());
        found.push((name, &mask.path));
    }
    found.extend(reports(job, &format!("{}/QI_DATA", tile.granule_path), &format!("{granule}/QI_DATA")));
    if let Some(datastrip) = job.product.datastrip(tile) {
        let folder = format!("DATASTRIP/{}/QI_DATA", datastrip.folder);
        found.extend(reports(job, &folder, &format!("{}/QI_DATA", names.datastrip())));
    }
    if let Some(preview) = tile.preview.as_deref().filter(|_| !has_preview) {
        found.push((names.image(ImageKind::Preview, Resolution::R60), preview));
    }
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    found.into_iter().map(|(target, path)| open(job, target, path)).collect()
}

/// The reports in a folder of the input. Old products have long names, which hold the short ones.
fn reports<'a>(job: &'a Job<'_>, from: &str, to: &str) -> Vec<(String, &'a str)> {
    let report = |path: &'a str| {
        let name = path.rsplit('/').next()?.strip_suffix(".xml")?;
        let known = REPORTS.into_iter().find(|report| {
            name == *report || name.contains(&format!("_{report}_")) || name.ends_with(&format!("_{report}"))
        })?;
        Some((format!("{to}/{known}.xml"), path))
    };
    job.product.container.files_below(from).filter_map(report).collect()
}

fn open(job: &Job<'_>, target: String, path: &str) -> Result<Carried> {
    let file = job.product.container.stored(path).map_err(Error::input)?;
    Ok(Carried { target, source: file.open().map_err(Error::input)? })
}
