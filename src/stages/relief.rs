//! What the shape of the ground does to the light; adapters of `sen2cor_core::terrain` and `reflectance`.

use super::aerosol::product_aot;
use super::atmosphere::{MapSource, MapSources, cell_values};
use super::correct::inner;
use crate::air::MapRange;
use ndarray::ArrayView2;
use sen2cor_core::angles::Direction;
use sen2cor_core::cells::{CellAxes, CellTable, Lattice, LoadScale, MapView};
use sen2cor_core::dn;
use sen2cor_core::grid::Resolution;
use sen2cor_core::reflectance::{Model, is_vegetation, mark_large_clouds};
use sen2cor_core::season::water_vapour_share;
use sen2cor_core::terrain::{ShadowSearch, cast_shadow, for_each_gradient, slope_deg};
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Measures the ground where there are data. Inputs: elevation, class map, on one grid.
pub(crate) struct MeasureRelief;

/// Parameters of [`MeasureRelief`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct MeasureParams {
    pub(crate) resolution: Resolution,
    /// Slope from which on a pixel is steep, degrees.
    pub(crate) steep_deg: f32,
}

/// The ground of a block where there are data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReliefSums {
    pub(crate) pixels: u64,
    pub(crate) steep: u64,
    /// Sum of elevations, metres.
    pub(crate) sum_m: f64,
    /// Lowest and highest, metres.
    pub(crate) range_m: (f32, f32),
}

impl ReliefSums {
    /// Of nothing.
    pub(crate) const NONE: Self =
        Self { pixels: 0, steep: 0, sum_m: 0.0, range_m: (f32::INFINITY, f32::NEG_INFINITY) };

    pub(crate) fn join(self, other: &Self) -> Self {
        Self {
            pixels: self.pixels + other.pixels,
            steep: self.steep + other.steep,
            sum_m: self.sum_m + other.sum_m,
            range_m: (self.range_m.0.min(other.range_m.0), self.range_m.1.max(other.range_m.1)),
        }
    }
}

impl Kernel for MeasureRelief {
    const NAME: &'static str = "relief.measure/1";
    type Params = MeasureParams;
    type Partial = ReliefSums;

    fn halo_m(params: &MeasureParams) -> u32 {
        params.resolution.metres()
    }

    fn run(params: &MeasureParams, io: &mut UnitIo<'_>) -> Result<ReliefSums, KernelError> {
        let grid = params.resolution;
        let (elevation, class) = (io.input::<f32>(0)?, io.input::<u8>(1)?);
        let (metres, class) = (inner(&elevation, io, grid), inner(&class, io, grid));
        let windows = (io.window_with_halo(grid), io.window(grid));
        let (image, pixel_m) = (io.extent().shape(grid), grid.metres() as f32);
        let mut sums = ReliefSums::NONE;
        // Whole centimetres are added up, so that the sum does not depend on the order.
        let mut sum_cm = 0i64;
        for_each_gradient(&elevation, windows, image, pixel_m, |row, col, gradient| {
            if class[[row, col]] != 0 {
                let height = metres[[row, col]];
                sums.pixels += 1;
                sums.steep += u64::from(gradient.map_or(0.0, slope_deg) > params.steep_deg);
                sums.range_m = (sums.range_m.0.min(height), sums.range_m.1.max(height));
                sum_cm += (f64::from(height) * 100.0) as i64;
            }
        });
        sums.sum_m = sum_cm as f64 / 100.0;
        Ok(sums)
    }
}

/// Elevation on the 60 m grid in km. Input: elevation in metres on a grid of 20 or 60 m.
pub(crate) struct CoarsenElevation;

impl Kernel for CoarsenElevation {
    const NAME: &'static str = "relief.coarsen-elevation/1";
    /// Highest ground of the tables, km; the lowest is sea level.
    type Params = f32;
    type Partial = MapRange;

    fn run(highest_km: &f32, io: &mut UnitIo<'_>) -> Result<MapRange, KernelError> {
        let metres = io.input::<f32>(0)?;
        let mut output = io.output::<f32>(0)?;
        let edge = metres.nrows() / output.nrows().max(1);
        let mut range = MapRange::EMPTY;
        for ((row, col), km) in output.indexed_iter_mut() {
            let mut sum = 0.0f64;
            for r in row * edge..(row + 1) * edge {
                for c in col * edge..(col + 1) * edge {
                    sum += f64::from(metres[[r, c]]);
                }
            }
            *km = ((sum / (edge * edge) as f64 / 1000.0) as f32).clamp(0.0, *highest_km);
            range = range.with(*km);
        }
        Ok(range)
    }
}

/// Where the sun reaches the ground: 0 in the shadow of mountains, else 1. Input: elevation in metres.
pub(crate) struct LightGround;

/// Parameters of [`LightGround`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct LightParams {
    pub(crate) resolution: Resolution,
    pub(crate) sun: Direction,
    /// Lowest and highest ground, metres; `None` if there are no shadows to look for.
    pub(crate) range_m: Option<(f32, f32)>,
}

impl LightParams {
    fn search(&self) -> Option<ShadowSearch> {
        let pixel_m = f64::from(self.resolution.metres());
        self.range_m.map(|range_m| ShadowSearch { sun: self.sun, pixel_m, range_m })
    }
}

impl Kernel for LightGround {
    const NAME: &'static str = "relief.light-ground/1";
    type Params = LightParams;
    type Partial = ();

    fn halo_m(params: &LightParams) -> u32 {
        params.search().map_or(0, |search| search.reach_m().ceil() as u32)
    }

    fn run(params: &LightParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let grid = params.resolution;
        let windows = (io.window_with_halo(grid), io.window(grid));
        let elevation = io.input::<f32>(0)?;
        let mut output = io.output::<u8>(0)?;
        output.fill(0);
        if let Some(search) = params.search() {
            cast_shadow(&elevation, windows, &search, output.view_mut());
        }
        output.mapv_inplace(|shaded| 1 - shaded);
        Ok(())
    }
}

/// Marks large clouds. Input: the class map of the whole tile.
pub(crate) struct MarkLargeClouds;

impl Kernel for MarkLargeClouds {
    const NAME: &'static str = "relief.mark-large-clouds/1";
    type Params = Resolution;
    type Partial = ();

    fn run(grid: &Resolution, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        mark_large_clouds(io.input::<u8>(0)?, *grid, io.output::<u8>(0)?);
        Ok(())
    }
}

/// Marks vegetation by its surface reflectance on level ground. Inputs: a red and a near infrared band on one grid. Tables:
/// atmosphere of both, then the maps that are not constant.
pub(crate) struct MarkVegetation;

/// Parameters of [`MarkVegetation`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct VegetationParams {
    pub(crate) resolution: Resolution,
    pub(crate) axes: [CellAxes; 2],
    pub(crate) maps: MapSources,
    /// Least ratio of near infrared to red.
    pub(crate) least_ratio: f32,
}

impl Kernel for MarkVegetation {
    const NAME: &'static str = "relief.mark-vegetation/1";
    type Params = VegetationParams;
    type Partial = ();

    fn run(params: &VegetationParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let grid = params.resolution;
        let window = io.window(grid);
        let maps = params.maps.open(io, 2)?;
        let mut reflectances = Vec::with_capacity(2);
        for (slot, axes) in params.axes.iter().enumerate() {
            let table = CellTable::new(axes, cell_values(&io.table::<f32>(slot)?)?)
                .ok_or_else(|| KernelError::internal("a cell table that is too short"))?;
            let lattice = Lattice::new(&table, &maps, grid, window, false);
            reflectances.push((io.input::<u16>(slot)?, lattice));
        }
        let mut output = io.output::<u8>(0)?;
        let mut lines: [Vec<f32>; 4] = std::array::from_fn(|_| vec![0.0; window.cols]);
        for (row, mut out) in output.outer_iter_mut().enumerate() {
            let [path_red, gain_red, path_nir, gain_nir] = lines.each_mut().map(|line| &mut line[..]);
            reflectances[0].1.row(row, [0, 1], [path_red, gain_red]);
            reflectances[1].1.row(row, [0, 1], [path_nir, gain_nir]);
            for (col, out) in out.iter_mut().enumerate() {
                let above = |i: usize| {
                    let toa = dn::to_reflectance(reflectances[i].0[[row, col]]);
                    (toa - lines[2 * i][col]) * lines[2 * i + 1][col]
                };
                *out = u8::from(is_vegetation(above(0), above(1), params.least_ratio));
            }
        }
        Ok(())
    }
}

/// A map that follows from the elevation alone. Table: elevation, km, on the 60 m grid, unless it is constant.
pub(crate) struct MapOfElevation;

/// Parameters of [`MapOfElevation`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct OfElevationParams {
    pub(crate) what: OfElevation,
    pub(crate) elevation_km: MapSource,
}

/// What follows from the elevation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum OfElevation {
    /// Aerosol optical depth in the product, of a load that is the same everywhere.
    Aot550 { scale: LoadScale, load: f32 },
    /// Column of water vapour above the ground, cm, of one at sea level.
    WaterCm { at_sea_level_cm: f64, model: Model },
}

impl Kernel for MapOfElevation {
    const NAME: &'static str = "relief.map-of-elevation/1";
    type Params = OfElevationParams;
    type Partial = MapRange;

    fn run(params: &OfElevationParams, io: &mut UnitIo<'_>) -> Result<MapRange, KernelError> {
        let target = io.window(Resolution::R60);
        let elevation = open_elevation(io, params.elevation_km, 0)?;
        let mut range = MapRange::EMPTY;
        for ((row, col), value) in io.output::<f32>(0)?.indexed_iter_mut() {
            let km = match &elevation {
                MapView::Constant(km) => *km,
                MapView::Grid60(map) => map[[target.row + row, target.col + col]],
            };
            *value = match params.what {
                OfElevation::Aot550 { scale, load } => product_aot(scale, load, km),
                OfElevation::WaterCm { at_sea_level_cm, model } => {
                    (at_sea_level_cm * water_vapour_share(model, f64::from(km))) as f32
                }
            };
            range = range.with(*value);
        }
        Ok(range)
    }
}

/// The elevation, constant or table `slot`.
pub(super) fn open_elevation<'a>(
    io: &UnitIo<'a>,
    source: MapSource,
    slot: usize,
) -> Result<MapView<'a>, KernelError> {
    Ok(match source {
        MapSource::Constant(value) => MapView::Constant(value),
        MapSource::Table => MapView::Grid60(io.table::<f32>(slot)?),
    })
}

/// The elevation of the whole tile if it varies.
pub(super) fn varied<'a>(elevation: &MapView<'a>) -> Option<ArrayView2<'a, f32>> {
    match elevation {
        MapView::Constant(_) => None,
        MapView::Grid60(map) => Some(*map),
    }
}
