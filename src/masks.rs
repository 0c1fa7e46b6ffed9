//! The stages that read the quality masks of a tile: what is defective or saturated in any band of the classification.
//!
//! Masks are polygons (GML) before baseline 04.00 and images (JPEG 2000) from then on. All end as one plane of flags on the grid of the classification (decision 7 in `COMPARE.md`).

use crate::decode::verify;
use crate::error::{Error, Result};
use crate::quality::QualityNote;
use crate::recipe::Job;
use crate::stages::masks::{DrawQualityMask, MergeFlags, PolygonParams, QualityMaskParams, ReadQualityMask};
use sen2cor_core::grid::{Resolution, Tiling};
use sen2cor_core::masks::{FlagCounts, Polygon};
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, Need, PlaneHandle, PlaneSpec, Value};
use sen2cor_io::jp2::ImageIndex;
use sen2cor_io::masks::{MaskType, QUALITY_COMPONENTS, read_gml};
use sen2cor_io::xml::{Element, MaskRef};

/// Largest mask file, bytes. Those of real products have up to a megabyte.
const MAX_BYTES: u64 = 256 << 20;

/// Kinds of masks with flags, as polygons.
const POLYGON_MASKS: [&str; 3] = ["MSK_DEFECT", "MSK_NODATA", "MSK_SATURA"];
/// Kind of mask with flags, as image.
const IMAGE_MASK: &str = "MSK_QUALIT";

/// The flags of a tile on the grid of the classification.
#[derive(Clone, Copy)]
pub(crate) struct QualityFlags {
    pub(crate) plane: PlaneHandle,
    /// Pixels with each flag, by block.
    pub(crate) counts: Value<Vec<FlagCounts>>,
}

/// Declares the stages. `None` if no band has a mask with anything in it.
///
/// # Errors
/// If a mask is damaged or does not fit the tile.
pub(crate) fn quality_flags(
    flow: &mut Flow<'_, Error>,
    job: &Job<'_>,
    grid: Resolution,
    tiling: Tiling,
) -> Result<Option<QualityFlags>> {
    if !job.quality_masks {
        return Ok(None);
    }
    let mut planes = Vec::new();
    for band in Band::ALL.into_iter().filter(|band| *band != Band::B08) {
        let reader = Reader { job, band, grid, tiling };
        planes.extend(reader.image(flow)?);
        planes.extend(reader.polygons(flow)?);
    }
    if planes.is_empty() {
        return Ok(None);
    }
    let mut stage = flow.stage::<MergeFlags>("mask: merge", tiling).inputs(planes);
    let plane = stage.output(PlaneSpec::grid::<u8>(job.extent, grid));
    let counts = stage.run(());
    Ok(Some(QualityFlags { plane, counts }))
}

/// What the run says of masks that are not there.
pub(crate) fn missing(job: &Job<'_>) -> Option<QualityNote> {
    let has = |band: Band| {
        let masks = &job.tile.masks;
        masks.iter().any(|mask| {
            mask.band == Some(band)
                && (mask.kind == IMAGE_MASK || POLYGON_MASKS.contains(&mask.kind.as_str()))
        })
    };
    let bands: Vec<Band> = Band::ALL.into_iter().filter(|b| *b != Band::B08 && !has(*b)).collect();
    (job.quality_masks && !bands.is_empty()).then_some(QualityNote::NoQualityMasks { bands })
}

struct Reader<'a> {
    job: &'a Job<'a>,
    band: Band,
    grid: Resolution,
    tiling: Tiling,
}

impl Reader<'_> {
    fn masks(&self, kinds: &'static [&'static str]) -> impl Iterator<Item = &MaskRef> {
        let band = Some(self.band);
        self.job.tile.masks.iter().filter(move |m| m.band == band && kinds.contains(&m.kind.as_str()))
    }

    fn output(&self) -> PlaneSpec {
        PlaneSpec::grid::<u8>(self.job.extent, self.grid)
    }

    fn image(&self, flow: &mut Flow<'_, Error>) -> Result<Option<PlaneHandle>> {
        let Some(mask) = self.masks(&[IMAGE_MASK]).next() else { return Ok(None) };
        let (band, job) = (self.band, self.job);
        let check = verify(flow, job, &mask.path, &format!("quality mask of {band}"))?;
        let display = job.product.container.display_path(&mask.path);
        let file = job.product.container.stored(&mask.path).map_err(Error::input)?;
        let image = |source| Error::input(sen2cor_io::Error::Image { file: display.clone(), source });
        let source = file.open().map_err(Error::input)?;
        let index = ImageIndex::read(source.as_ref()).map_err(image)?;
        let from = band.native_resolution();
        let (rows, cols) = job.extent.shape(from);
        index.expect(cols as u32, rows as u32, QUALITY_COMPONENTS, 8).map_err(image)?;
        let whole = Tiling::whole(job.extent);
        let mut stage = flow.stage::<ReadQualityMask>(format!("mask: {band}"), whole);
        if let Some(check) = check {
            stage = stage.after(check);
        }
        let plane = stage.output(self.output());
        stage.run(QualityMaskParams { file, display, index, from, to: self.grid, codec: job.codec });
        Ok(Some(plane))
    }

    fn polygons(&self, flow: &mut Flow<'_, Error>) -> Result<Option<PlaneHandle>> {
        let (band, job) = (self.band, self.job);
        let ground = job.tile.metadata.ground;
        let (mut polygons, mut checks): (Vec<(Polygon, u8)>, Vec<Need>) = (Vec::new(), Vec::new());
        for mask in self.masks(&POLYGON_MASKS) {
            checks.extend(verify(flow, job, &mask.path, &format!("{} of {band}", mask.kind))?);
            let file = job.product.container.display_path(&mask.path);
            let features = job
                .product
                .container
                .read(&mask.path, MAX_BYTES)
                .and_then(|bytes| read_gml(&file, &Element::parse(&file, &bytes)?, ground.epsg))
                .map_err(Error::input)?;
            polygons.extend(features.into_iter().filter_map(|feature| match feature.kind {
                MaskType::Flag(flags) => Some((feature.polygon, flags)),
                _ => None,
            }));
        }
        if polygons.is_empty() {
            return Ok(None);
        }
        let mut stage = flow.stage::<DrawQualityMask>(format!("mask: {band}"), self.tiling);
        for check in checks {
            stage = stage.after(check);
        }
        let plane = stage.output(self.output());
        stage.run(PolygonParams { ground, from: band.native_resolution(), to: self.grid, polygons });
        Ok(Some(plane))
    }
}

/// Pixels with each flag, for the report.
pub(crate) fn total(parts: &[FlagCounts]) -> FlagCounts {
    parts.iter().fold(FlagCounts::default(), |sum, part| sum.join(*part))
}
