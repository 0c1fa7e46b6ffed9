//! Quality masks of Level-1C on the grid of the classification; adapters of `sen2cor_core::masks` and `sen2cor_io::masks`.

use super::{bad_image, bad_input};
use ndarray::ArrayViewMut2;
use sen2cor_core::grid::{GeoTransform, Resolution, Window};
use sen2cor_core::masks::{Coverage, FlagCounts, PixelGrid, Polygon, flag, merge_flags, set_flag};
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use sen2cor_io::jp2::{Codec, ImageIndex};
use sen2cor_io::masks::quality_flags;
use sen2cor_io::safe::FileRef;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Reads the quality mask of a band, an image, in one unit: nearly all of its tiles have one value and cost next to nothing.
pub(crate) struct ReadQualityMask;

/// Parameters of [`ReadQualityMask`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QualityMaskParams {
    pub(crate) file: FileRef,
    /// What messages call the file.
    pub(crate) display: PathBuf,
    pub(crate) index: ImageIndex,
    /// Grid of the mask.
    pub(crate) from: Resolution,
    /// Grid of the output.
    pub(crate) to: Resolution,
    /// Which coder.
    pub(crate) codec: Codec,
}

impl Kernel for ReadQualityMask {
    const NAME: &'static str = "masks.read-quality/2";
    type Params = QualityMaskParams;
    type Partial = ();

    fn run(params: &QualityMaskParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let mut output = io.output::<u8>(0)?;
        output.fill(0);
        let source = params.file.open().map_err(|e| bad_input(&params.display, &e))?;
        let cells = (params.from.cells() as usize, params.to.cells() as usize);
        quality_flags(&params.codec, &params.index, source.as_ref(), |row, cols, flags| {
            set_flag(&mut output, (row, cols), cells, flags);
        })
        .map_err(|e| bad_image(&params.display, e))
    }
}

/// Draws the polygons of a band.
pub(crate) struct DrawQualityMask;

/// Parameters of [`DrawQualityMask`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PolygonParams {
    pub(crate) ground: GeoTransform,
    /// Grid of the band.
    pub(crate) from: Resolution,
    /// Grid of the output.
    pub(crate) to: Resolution,
    /// Polygons and their flags.
    pub(crate) polygons: Vec<(Polygon, u8)>,
}

impl Kernel for DrawQualityMask {
    const NAME: &'static str = "masks.draw-quality/1";
    type Params = PolygonParams;
    type Partial = ();

    fn run(params: &PolygonParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let source = io.window(params.from);
        let mut output = io.output::<u8>(0)?;
        output.fill(0);
        draw(params, source, &mut output);
        Ok(())
    }
}

fn draw(params: &PolygonParams, source: Window, output: &mut ArrayViewMut2<'_, u8>) {
    let grid = PixelGrid::of(&params.ground, params.from);
    let cells = (params.from.cells() as usize, params.to.cells() as usize);
    for (polygon, flags) in &params.polygons {
        polygon.draw(&grid, source, Coverage::Touched, |row, cols| {
            set_flag(output, (row, cols), cells, *flags);
        });
    }
}

/// The flags of all bands together, only those that make class 1 written; all are counted. Inputs: the flags of the bands.
pub(crate) struct MergeFlags;

impl Kernel for MergeFlags {
    const NAME: &'static str = "masks.merge/1";
    type Params = ();
    type Partial = FlagCounts;

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<FlagCounts, KernelError> {
        let parts = (0..io.input_count()).map(|slot| io.input::<u8>(slot)).collect::<Result<Vec<_>, _>>()?;
        let mut output = io.output::<u8>(0)?;
        merge_flags(parts, output.view_mut());
        let counts = FlagCounts::of(&output.view());
        output.mapv_inplace(|flags| flags & flag::CLASS_ONE);
        Ok(counts)
    }
}
