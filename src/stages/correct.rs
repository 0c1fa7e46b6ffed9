//! Surface reflectance; adapters of `sen2cor_core::reflectance`.

use super::atmosphere::{MapSources, cell_values};
use super::defect;
use ndarray::{ArrayView2, Axis, Slice};
use sen2cor_core::cells::{CellAxes, CellTable, Lattice};
use sen2cor_core::dn;
use sen2cor_core::grid::Resolution;
use sen2cor_core::reflectance::{BlockInput, CorrectionParameters, Terrain, correct_block};
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Corrects a block of a band; pixels of class 0 become no data. Inputs: the band, the class map of the same or a coarser
/// grid, then what [`GroundInputs`] says. Tables: the atmosphere of the band on cells, then the maps that are not constant.
pub(crate) struct CorrectBand;

/// Parameters of [`CorrectBand`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CorrectParams {
    pub(crate) axes: CellAxes,
    pub(crate) maps: MapSources,
    pub(crate) correction: CorrectionParameters,
    /// What is known of the ground, if it is sloping.
    pub(crate) ground: GroundInputs,
}

/// Inputs of the correction on sloping ground: elevation in metres and large clouds on the grid of the class map, then
/// these.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct GroundInputs {
    /// Where mountains let the sun through.
    pub(crate) lit: bool,
    /// Where there is vegetation.
    pub(crate) vegetation: bool,
}

impl GroundInputs {
    fn open<'a>(self, io: &UnitIo<'a>, classes: &ArrayView2<'a, u8>) -> Result<Terrain<'a>, KernelError> {
        let vegetation = 4 + usize::from(self.lit);
        Ok(Terrain {
            elevation_m: io.input::<f32>(2)?,
            classes: *classes,
            level: Some(io.input::<u8>(3)?),
            lit: self.lit.then(|| io.input::<u8>(4)).transpose()?,
            vegetation: self.vegetation.then(|| io.input::<u8>(vegetation)).transpose()?,
        })
    }
}

/// Pixels whose surface reflectance is negative, and pixels that have data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Negatives {
    pub(crate) negative: u64,
    pub(crate) valid: u64,
}

impl Kernel for CorrectBand {
    const NAME: &'static str = "reflectance.correct-band/3";
    type Params = CorrectParams;
    type Partial = Negatives;

    fn halo_m(params: &CorrectParams) -> u32 {
        params.correction.halo_px() as u32 * params.correction.resolution.metres()
    }

    fn run(params: &CorrectParams, io: &mut UnitIo<'_>) -> Result<Negatives, KernelError> {
        let grid = params.correction.resolution;
        let (toa, class) = (io.input::<u16>(0)?, io.input::<u8>(1)?);
        let maps = params.maps.open(io, 1)?;
        let relief = params.correction.relief;
        let table = CellTable::new(&params.axes, cell_values(&io.table::<f32>(0)?)?)
            .ok_or_else(|| KernelError::internal("a cell table that is too short"))?;
        let lattice = Lattice::new(&table, &maps, grid, io.window_with_halo(grid), relief.is_some());
        let class_pixels = pixels_per_class(&toa, &class);
        let class_grid = Resolution::from_metres(grid.metres() * class_pixels as u32)
            .ok_or_else(|| KernelError::internal("a class map on no grid"))?;
        let mut output = io.output::<u16>(0)?;
        let input = BlockInput {
            toa,
            scene_class: inner(&class, io, class_grid),
            class_pixels,
            lattice: &lattice,
            target: io.window(grid),
            image: io.extent().shape(grid),
            terrain: relief.map(|_| params.ground.open(io, &class)).transpose()?,
        };
        correct_block(&input, &params.correction, output.view_mut()).map_err(|e| defect(&e))?;
        Ok(count_negatives(&output.view()))
    }
}

/// The part of an input that belongs to the block itself.
pub(super) fn inner<'a, T>(
    image: &ArrayView2<'a, T>,
    io: &UnitIo<'_>,
    grid: Resolution,
) -> ArrayView2<'a, T> {
    let ((row, col), window) = (io.inner(grid), io.window(grid));
    let mut part = *image;
    part.slice_axis_inplace(Axis(0), Slice::from(row..row + window.rows));
    part.slice_axis_inplace(Axis(1), Slice::from(col..col + window.cols));
    part
}

pub(super) fn count_negatives(surface: &ArrayView2<'_, u16>) -> Negatives {
    let mut counts = Negatives::default();
    for row in surface.rows() {
        let (mut negative, mut valid) = (0u32, 0u32);
        for &sample in row.to_slice().unwrap_or_default() {
            negative += u32::from(sample.wrapping_sub(1) < dn::BIAS as u16 - 1);
            valid += u32::from(sample != dn::NO_DATA);
        }
        counts.negative += u64::from(negative);
        counts.valid += u64::from(valid);
    }
    counts
}

/// Edge of a class pixel in pixels of the image: 1, or 2 for a 20 m map on the 10 m grid.
fn pixels_per_class(image: &ArrayView2<'_, u16>, class: &ArrayView2<'_, u8>) -> usize {
    image.nrows().div_ceil(class.nrows().max(1)).max(1)
}
