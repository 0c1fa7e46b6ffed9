//! The last stages of a recipe: images encoded tile by tile and spliced into files.

use crate::arrays::Kept;
use crate::decode::one_unit;
use crate::error::{Error, Result};
use crate::options::{Part, SelectionOptions};
use crate::quicklook;
use crate::recipe::Bands;
use crate::stages::codec::{EncodeImage, EncodeParams, EncodePreview, PreviewParams, file_capacity};
use crate::stages::imagery::Preview;
use crate::stages::write::{WriteFile, WriteFileParams, WriteImage, WriteImageParams, WrittenFile};
use sen2cor_core::grid::{Block, Extent, GeoTransform, Resolution, Tiling};
use sen2cor_core::imagery::PREVIEW_EDGE;
use sen2cor_core::sensor::Band;
use sen2cor_exec::{ExecError, Finished, Flow, PlaneHandle, PlaneSpec, Value};
use sen2cor_io::jp2::{Codec, Coding, ImageLayout, gml_document};
use sen2cor_io::safe::ImageKind;
use std::path::PathBuf;

/// An image that the flow will write.
#[derive(Clone, Copy)]
pub(crate) struct WrittenImage {
    pub(crate) kind: ImageKind,
    pub(crate) resolution: Resolution,
    pub(crate) file: Written,
}

/// The file of a stage that writes one.
pub(crate) type Written = Value<Vec<WrittenFile>>;

/// The file that a stage has written.
///
/// # Errors
/// If the stage was skipped.
pub(crate) fn written(finished: &Finished, file: Written) -> Result<&WrittenFile> {
    let missing = || ExecError::NotReady { what: "a file".to_owned() };
    Ok(finished.get(file)?.first().ok_or_else(missing)?)
}

/// Images that can be left out, or are no results.
#[derive(Clone, Copy)]
pub(crate) struct Extras {
    /// True colour.
    pub(crate) tci: bool,
    /// Elevation, if there is any.
    pub(crate) dem: bool,
    /// The 20 m results averaged to 60 m.
    pub(crate) averages: bool,
}

type Place<'a> = Box<dyn FnMut(ImageKind, Resolution) -> sen2cor_io::Result<PathBuf> + 'a>;

/// Where images go: declares their encoding and writing, and remembers them.
pub(crate) struct ImageSink<'a> {
    /// The part of the tile that images show.
    pub(crate) shown: Block,
    /// Where that part lies.
    pub(crate) ground: GeoTransform,
    /// Subtracted from reflectance, for products without offset.
    pub(crate) subtract: u16,
    /// Which coder.
    pub(crate) codec: Codec,
    /// Says in which file an image goes.
    pub(crate) place: Place<'a>,
    pub(crate) images: Vec<WrittenImage>,
    /// What is asked for; the rest is not declared.
    pub(crate) selection: SelectionOptions,
    /// Images that can be switched on and off.
    pub(crate) extras: Extras,
    /// Planes that stay in memory instead of becoming files, if that is wanted.
    pub(crate) kept: Option<Kept>,
    /// Where the preview is written once more, as a PNG for browsers.
    pub(crate) picture: Option<PathBuf>,
}

impl ImageSink<'_> {
    /// Declares the file of an image of the tile.
    ///
    /// # Errors
    /// If there is no place for it.
    pub(crate) fn image(
        &mut self,
        flow: &mut Flow<'_, Error>,
        kind: ImageKind,
        resolution: Resolution,
        plane: PlaneHandle,
    ) -> Result<()> {
        if !self.wants(kind) {
            return Ok(());
        }
        if let Some(kept) = &mut self.kept {
            if kept.wanted.contains(&(kind, resolution)) {
                flow.keep(plane);
                kept.planes.push((kind, plane));
            }
            return Ok(());
        }
        let coding = match kind {
            ImageKind::Tci => Coding::true_colour(resolution),
            ImageKind::Scl
            | ImageKind::CloudProbability
            | ImageKind::SnowProbability
            | ImageKind::DarkVegetation => Coding::byte_image(resolution),
            _ => Coding::reflectance(resolution),
        };
        let path = (self.place)(kind, resolution).map_err(Error::output)?;
        let subtract = if matches!(kind, ImageKind::Band(_) | ImageKind::Toa(_)) { self.subtract } else { 0 };
        let target = Target {
            shown: self.shown,
            ground: self.ground,
            resolution,
            coding,
            subtract,
            codec: self.codec,
        };
        let file = encode_and_write(flow, plane, &target, path);
        self.images.push(WrittenImage { kind, resolution, file });
        Ok(())
    }

    /// Whether an image is asked for. Colour images are by-products of all bands.
    fn wants(&self, kind: ImageKind) -> bool {
        let selection = &self.selection;
        match kind {
            ImageKind::Band(band) => selection.has(Part::Bands) && selection.has_band(band),
            ImageKind::Toa(band) => selection.has(Part::Toa) && selection.has_band(band),
            ImageKind::Tci | ImageKind::Preview => {
                let is_on = self.extras.tci || kind == ImageKind::Preview;
                is_on && selection.has(Part::Bands) && selection.bands.is_none()
            }
            ImageKind::Dem => self.extras.dem,
            ImageKind::Aot | ImageKind::DarkVegetation => selection.has(Part::Aot),
            ImageKind::Wvp => selection.has(Part::Wvp),
            _ => selection.has(Part::Scl),
        }
    }

    /// Declares the preview image, made of the surface reflectance of one grid.
    ///
    /// # Errors
    /// If there is no place for it.
    pub(crate) fn preview(
        &mut self,
        flow: &mut Flow<'_, Error>,
        surface: &Bands,
        grid: Resolution,
    ) -> Result<()> {
        let channels = [Band::B04, Band::B03, Band::B02].map(|band| surface.get(&band).copied());
        let [Some(red), Some(green), Some(blue)] = channels else { return Ok(()) };
        if !self.wants(ImageKind::Preview) || self.kept.is_some() {
            return Ok(());
        }
        let path = (self.place)(ImageKind::Preview, grid).map_err(Error::output)?;
        let extent = self.shown.extent();
        let mut stage = flow
            .stage::<Preview>("preview", Tiling::whole(extent))
            .origin((self.shown.row, self.shown.col))
            .inputs([red, green, blue]);
        let pixels = stage.output(PlaneSpec::slots::<u8>(1, 3 * PREVIEW_EDGE * PREVIEW_EDGE));
        stage.run(());
        if let Some(picture) = self.picture.clone() {
            let edge = PREVIEW_EDGE;
            flow.step("write preview picture", &[pixels.into()], move |ready| {
                let bytes = ready.plane(pixels)?.to_array::<u8>()?;
                quicklook::write(&picture, (edge, edge), bytes.as_slice().unwrap_or_default())
            });
        }
        let file = preview_file(flow, pixels, (extent, &self.ground), path, self.codec);
        self.images.push(WrittenImage { kind: ImageKind::Preview, resolution: grid, file });
        Ok(())
    }
}

/// How an image is stored.
pub(crate) struct Target {
    /// The part of the plane that the image shows.
    pub(crate) shown: Block,
    /// Where that part lies.
    pub(crate) ground: GeoTransform,
    pub(crate) resolution: Resolution,
    pub(crate) coding: Coding,
    /// Subtracted from valid samples of 16 bits.
    pub(crate) subtract: u16,
    /// Which coder.
    pub(crate) codec: Codec,
}

/// Declares the encoding of an image and the writing of its file.
pub(crate) fn encode_and_write(
    flow: &mut Flow<'_, Error>,
    plane: PlaneHandle,
    target: &Target,
    path: PathBuf,
) -> Written {
    let extent = target.shown.extent();
    let (rows, cols) = extent.shape(target.resolution);
    let layout = ImageLayout { width: cols as u32, height: rows as u32, coding: target.coding };
    let edge = layout.coding.tile * target.resolution.cells();
    let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut stage = flow
        .stage::<EncodeImage>(format!("encode {name}"), Tiling::square(extent, edge))
        .origin((target.shown.row, target.shown.col))
        .input(plane);
    let slots = stage.output(PlaneSpec::slots::<u8>(layout.tile_count(), layout.coding.tile_capacity()));
    let lengths = stage.run(EncodeParams { layout, subtract: target.subtract, codec: target.codec });
    let gml =
        gml_document(&target.ground, f64::from(target.resolution.metres()), layout.height, layout.width);
    flow.stage::<WriteImage>(format!("write {name}"), one_unit())
        .table(slots)
        .run_with(&[lengths.into()], move |ready| {
            Ok(Some(WriteImageParams { path, layout, gml, lengths: ready.get(lengths)?.clone() }))
        })
}

/// Declares the file of a preview image whose pixels stand in one slot.
pub(crate) fn preview_file(
    flow: &mut Flow<'_, Error>,
    pixels: PlaneHandle,
    (extent, ground): (Extent, &GeoTransform),
    path: PathBuf,
    codec: Codec,
) -> Written {
    let edge = PREVIEW_EDGE as u32;
    let layout = ImageLayout { width: edge, height: edge, coding: Coding::preview() };
    let pixel_m = preview_pixel_m(extent);
    let gml = gml_document(ground, pixel_m, edge, edge);
    let mut stage = flow.stage::<EncodePreview>("encode preview", one_unit()).table(pixels);
    let slot = stage.output(PlaneSpec::slots::<u8>(1, file_capacity(&layout)));
    let length = stage.run(PreviewParams { layout, gml, codec });
    flow.stage::<WriteFile>("write preview", one_unit()).table(slot).run_with(
        &[length.into()],
        move |ready| {
            let length = ready.get(length)?.first().copied().unwrap_or_default();
            Ok(Some(WriteFileParams { path, length }))
        },
    )
}

/// Pixel size that the preview states. Operational previews say 320 m, although 109800 m / 343 is 320.1 m.
fn preview_pixel_m(extent: Extent) -> f64 {
    const FULL_TILE: u32 = 10_980;
    let cells = extent.cols.max(extent.rows);
    if cells == FULL_TILE { 320.0 } else { f64::from(cells) * 10.0 / PREVIEW_EDGE as f64 }
}
