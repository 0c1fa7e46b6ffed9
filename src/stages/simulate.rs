//! Images of a simulated scene; adapters of `sen2cor_core::simulate`.

use super::defect;
use ndarray::{Array2, ArrayViewMut2};
use sen2cor_core::dn;
use sen2cor_core::grid::Resolution;
use sen2cor_core::imagery::{ColourBands, PREVIEW_EDGE, preview, true_colour};
use sen2cor_core::sensor::Band;
use sen2cor_core::simulate::{Scene, SceneParameters, StoredBand};
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Stored numbers of a Level-1C band.
pub(crate) struct SimulateBand;

/// Parameters of [`SimulateBand`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct SimulateParams {
    pub(crate) scene: SceneParameters,
    pub(crate) band: Band,
    pub(crate) stored: StoredBand,
}

impl Kernel for SimulateBand {
    const NAME: &'static str = "simulate.band/1";
    type Params = SimulateParams;
    type Partial = ();

    fn run(params: &SimulateParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let grid = params.band.native_resolution();
        let window = io.window(grid);
        let output = io.output::<u16>(0)?;
        Scene::new(&params.scene).stored_dn(params.band, grid, window, &params.stored, output);
        Ok(())
    }
}

/// True colour or preview image of top-of-atmosphere reflectance. The inputs (or, for a preview in one slot, the tables)
/// are the stored red, green and blue.
pub(crate) struct SimulateColour;

/// Parameters of [`SimulateColour`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct ColourParams {
    pub(crate) radio_add_offset: i32,
    /// A preview image in one slot instead of an image of the tile.
    pub(crate) preview: bool,
}

impl Kernel for SimulateColour {
    const NAME: &'static str = "simulate.colour/1";
    type Params = ColourParams;
    type Partial = ();

    fn run(params: &ColourParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let biased = |slot| {
            let stored = if params.preview { io.table::<u16>(slot)? } else { io.input::<u16>(slot)? };
            Ok::<_, KernelError>(stored.mapv(|v| dn::from_stored(v, params.radio_add_offset, dn::SATURATED)))
        };
        let (red, green, blue) = (biased(0)?, biased(1)?, biased(2)?);
        let bands = ColourBands { red: red.view(), green: green.view(), blue: blue.view() };
        let mut output = io.output::<u8>(0)?;
        if !params.preview {
            return true_colour(bands, output).map_err(|e| defect(&e));
        }
        let bytes = output.as_slice_mut().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
        io.filled(bytes.len() as u64);
        let image =
            ArrayViewMut2::from_shape((PREVIEW_EDGE, 3 * PREVIEW_EDGE), bytes).map_err(|e| defect(&e))?;
        preview(bands, image).map_err(|e| defect(&e))
    }
}

/// A mask whose pixels are all alike. The parameters are the components of a pixel.
pub(crate) struct FillMask;

impl Kernel for FillMask {
    const NAME: &'static str = "simulate.fill-mask/1";
    type Params = Vec<u8>;
    type Partial = ();

    fn run(components: &Vec<u8>, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        for (value, component) in io.output::<u8>(0)?.iter_mut().zip(components.iter().cycle()) {
            *value = *component;
        }
        Ok(())
    }
}

/// What is true of the scene on a grid.
pub(crate) struct SurfaceTruth;

/// Parameters of [`SurfaceTruth`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct TruthParams {
    pub(crate) scene: SceneParameters,
    pub(crate) resolution: Resolution,
    pub(crate) what: Truth,
}

/// The kinds of truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Truth {
    /// Surface reflectance, f32.
    SurfaceReflectance(Band),
    /// Scene class, u8.
    Class,
    /// 1 where no cloud, shadow or cirrus is over the pixel, u8.
    Clear,
    /// Three flags side by side: opaque cloud, cirrus, snow, u8.
    Sky,
}

impl Kernel for SurfaceTruth {
    const NAME: &'static str = "simulate.truth/1";
    type Params = TruthParams;
    type Partial = ();

    fn run(params: &TruthParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let scene = Scene::new(&params.scene);
        let (grid, window) = (params.resolution, io.window(params.resolution));
        match params.what {
            Truth::SurfaceReflectance(band) => {
                scene.surface_reflectance(band, grid, window, io.output::<f32>(0)?);
            }
            Truth::Class => scene.classes(grid, window, io.output::<u8>(0)?),
            Truth::Sky => {
                let mut classes = Array2::zeros((window.rows, window.cols));
                scene.classes(grid, window, classes.view_mut());
                let mut output = io.output::<u8>(0)?;
                for ((row, col), &class) in classes.indexed_iter() {
                    for (channel, flag) in
                        [matches!(class, 8 | 9), class == 10, class == 11].into_iter().enumerate()
                    {
                        output[[row, 3 * col + channel]] = u8::from(flag);
                    }
                }
            }
            Truth::Clear => {
                let mut clear = Array2::from_elem((window.rows, window.cols), false);
                scene.clear(grid, window, clear.view_mut());
                io.output::<u8>(0)?.zip_mut_with(&clear, |out, &clear| *out = u8::from(clear));
            }
        }
        Ok(())
    }
}
