//! Elevation and maps from outside on the grids of a tile; adapters of `sen2cor_core::terrain` and `sen2cor_io::raster`.

use super::{bad_auxiliary, defect};
use ndarray::{ArrayView2, ArrayViewMut2};
use sen2cor_core::angles::Direction;
use sen2cor_core::grid::Resolution;
use sen2cor_core::terrain::{
    Light, PositionGrid, for_each_gradient, hillshade, nearest, slope_deg, warp_cubic_spline,
};
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use sen2cor_io::raster::Mosaic;
use serde::{Deserialize, Serialize};

/// Reads the elevation files of a mosaic into one slot.
pub(crate) struct ReadElevation;

impl Kernel for ReadElevation {
    const NAME: &'static str = "terrain.read-elevation/1";
    type Params = Mosaic;
    type Partial = ();

    fn run(mosaic: &Mosaic, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let mut slot = io.output::<f32>(0)?;
        let samples = slot.as_slice_mut().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
        io.filled(size_of_val(samples) as u64);
        let out = ArrayViewMut2::from_shape((mosaic.rows, mosaic.cols), samples).map_err(|e| defect(&e))?;
        mosaic.read(out).map_err(|e| bad_auxiliary(mosaic.first_file(), &e))
    }
}

/// Reads the codes of a map into one slot.
pub(crate) struct ReadCodes;

/// Parameters of [`ReadCodes`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CodesParams {
    pub(crate) mosaic: Mosaic,
    /// Code where the map says nothing.
    pub(crate) unknown: u8,
}

impl Kernel for ReadCodes {
    const NAME: &'static str = "terrain.read-codes/1";
    type Params = CodesParams;
    type Partial = ();

    fn run(params: &CodesParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let mut slot = io.output::<u8>(0)?;
        let codes = slot.as_slice_mut().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
        io.filled(codes.len() as u64);
        let shape = (params.mosaic.rows, params.mosaic.cols);
        let out = ArrayViewMut2::from_shape(shape, codes).map_err(|e| defect(&e))?;
        let mosaic = &params.mosaic;
        mosaic.read_codes(params.unknown, out).map_err(|e| bad_auxiliary(mosaic.first_file(), &e))
    }
}

/// Elevation in whole metres for an image of the product; 0 below sea level and where it is not known.
pub(crate) struct StoreElevation;

impl Kernel for StoreElevation {
    const NAME: &'static str = "terrain.store-elevation/1";
    type Params = ();
    type Partial = ();

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let elevation_m = io.input::<f32>(0)?;
        // A cast of what is no number gives 0.
        io.output::<u16>(0)?.zip_mut_with(&elevation_m, |out, metres| *out = (metres + 0.5).max(0.0) as u16);
        Ok(())
    }
}

/// Brings elevation to a grid of the tile. Tables: the samples of the mosaics, the finest first. What none covers is sea.
pub(crate) struct WarpElevation;

/// Parameters of [`WarpElevation`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WarpParams {
    pub(crate) resolution: Resolution,
    /// Shape and place of each mosaic.
    pub(crate) mosaics: Vec<((usize, usize), PositionGrid)>,
}

/// Elevation of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ElevationStatistics {
    /// Pixels that no file covers, which became sea.
    pub(crate) filled: u64,
    /// Number of pixels.
    pub(crate) pixels: u64,
    /// Lowest and highest, metres.
    pub(crate) range_m: (f32, f32),
    /// Sum, metres.
    pub(crate) sum_m: f64,
}

impl ElevationStatistics {
    /// Of the whole tile.
    pub(crate) fn join(parts: &[Self]) -> Self {
        let nothing = Self { range_m: (f32::INFINITY, f32::NEG_INFINITY), ..Self::default() };
        parts.iter().fold(nothing, |all, part| Self {
            filled: all.filled + part.filled,
            pixels: all.pixels + part.pixels,
            range_m: (all.range_m.0.min(part.range_m.0), all.range_m.1.max(part.range_m.1)),
            sum_m: all.sum_m + part.sum_m,
        })
    }
}

impl Kernel for WarpElevation {
    const NAME: &'static str = "terrain.warp-elevation/1";
    type Params = WarpParams;
    type Partial = ElevationStatistics;

    fn run(params: &WarpParams, io: &mut UnitIo<'_>) -> Result<ElevationStatistics, KernelError> {
        let block = io.window(params.resolution);
        let mut output = io.output::<f32>(0)?;
        output.fill(f32::NAN);
        for (slot, (shape, positions)) in params.mosaics.iter().enumerate() {
            let samples = io.table::<f32>(slot)?;
            let samples = samples.as_slice().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
            let raster = ArrayView2::from_shape(*shape, samples).map_err(|e| defect(&e))?;
            warp_cubic_spline(&raster, positions, block, output.view_mut());
        }
        let mut found = ElevationStatistics {
            range_m: (f32::INFINITY, f32::NEG_INFINITY),
            ..ElevationStatistics::default()
        };
        for value in &mut output {
            if value.is_nan() {
                *value = 0.0;
                found.filled += 1;
            }
            found.pixels += 1;
            found.range_m = (found.range_m.0.min(*value), found.range_m.1.max(*value));
            found.sum_m += f64::from(*value);
        }
        Ok(found)
    }
}

/// Brings the codes of a map to a grid of the tile. Table: its codes.
pub(crate) struct WarpCodes;

/// Parameters of [`WarpCodes`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WarpCodesParams {
    pub(crate) resolution: Resolution,
    pub(crate) shape: (usize, usize),
    pub(crate) positions: PositionGrid,
    /// Code where the map says nothing.
    pub(crate) unknown: u8,
}

impl Kernel for WarpCodes {
    const NAME: &'static str = "terrain.warp-codes/1";
    type Params = WarpCodesParams;
    type Partial = ();

    fn run(params: &WarpCodesParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let codes = io.table::<u8>(0)?;
        let codes = codes.as_slice().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
        let raster = ArrayView2::from_shape(params.shape, codes).map_err(|e| defect(&e))?;
        let block = io.window(params.resolution);
        nearest(&raster, &params.positions, block, params.unknown, io.output::<u8>(0)?);
        Ok(())
    }
}

/// Slope in degrees and hillshade. Input: elevation.
pub(crate) struct ShadeTerrain;

/// Parameters of [`ShadeTerrain`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct ShadeParams {
    pub(crate) resolution: Resolution,
    /// Mean of the sun grid.
    pub(crate) sun: Direction,
}

impl Kernel for ShadeTerrain {
    const NAME: &'static str = "terrain.shade/1";
    type Params = ShadeParams;
    type Partial = ();

    fn halo_m(params: &ShadeParams) -> u32 {
        params.resolution.metres()
    }

    fn run(params: &ShadeParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let grid = params.resolution;
        let elevation = io.input::<f32>(0)?;
        let (view, block) = (io.window_with_halo(grid), io.window(grid));
        let image = io.extent().shape(grid);
        let (mut slope, mut shade) = (io.output::<f32>(0)?, io.output::<u8>(1)?);
        let light = Light::from_sun(params.sun);
        let pixel_m = grid.metres() as f32;
        for_each_gradient(&elevation, (view, block), image, pixel_m, |row, col, gradient| {
            slope[[row, col]] = gradient.map_or(0.0, slope_deg);
            shade[[row, col]] = hillshade(gradient, light);
        });
        Ok(())
    }
}
