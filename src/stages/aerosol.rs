//! The retrieval of aerosol; adapters of `sen2cor_core::aerosol`.

use super::atmosphere::{MapSource, cell_values};
use super::relief::{open_elevation, varied};
use crate::air::MapRange;
use ndarray::ArrayView2;
use sen2cor_core::aerosol::dark::{DarkCounts, DarkInput, DarkThresholds, cloud_radius, find_dark};
use sen2cor_core::aerosol::invert::{DarkRatios, DarkSums, InvertInput, invert_dark, load_for_reflectance};
use sen2cor_core::aerosol::ladder::{CutOff, LadderInput, Rung, count_rungs};
use sen2cor_core::aerosol::product_aot_550;
use sen2cor_core::aerosol::spread::{Spread, SpreadInput, spread};
use sen2cor_core::cells::{CellAxes, CellTable, Lattice, LatticeMaps, Load, LoadScale, MapView};
use sen2cor_core::dn;
use sen2cor_core::grid::{Resolution, Window};
use sen2cor_core::reflectance::{SlopeLight, Slopes};
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Tables of a stage: the axes of each, which come as table 0, 1, ...
fn open_tables<'a, const N: usize>(
    io: &UnitIo<'a>,
    axes: &'a [CellAxes; N],
) -> Result<[CellTable<'a>; N], KernelError> {
    let mut tables = Vec::with_capacity(N);
    for (slot, axes) in axes.iter().enumerate() {
        let values = cell_values(&io.table::<f32>(slot)?)?;
        let table = CellTable::new(axes, values)
            .ok_or_else(|| KernelError::internal("a cell table that is too short"))?;
        tables.push(table);
    }
    tables.try_into().map_err(|_| KernelError::internal("another number of tables"))
}

/// The slopes, if there are any and they count.
fn open_slopes<'a>(light: Option<SlopeLight>, elevation_km: &MapView<'a>) -> Option<Slopes<'a>> {
    Some(Slopes::new(varied(elevation_km)?, light?))
}

/// Finds dark reference pixels. Inputs: B04, B8A, B12, class map, all on one grid. Tables: atmosphere of the three bands, elevation.
pub(crate) struct FindDark;

/// Parameters of [`FindDark`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FindDarkParams {
    pub(crate) thresholds: DarkThresholds,
    pub(crate) resolution: Resolution,
    pub(crate) axes: [CellAxes; 3],
    pub(crate) elevation_km: MapSource,
    pub(crate) slopes: Option<SlopeLight>,
    /// The load with which pixels are looked at.
    pub(crate) load: f32,
}

/// What [`FindDark`] counts, and the loads at which bright vegetation is as dark in the red as assumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DarkFound {
    pub(crate) counts: DarkCounts,
    /// By red reflectance.
    pub(crate) bright_loads: Vec<(f32, f32)>,
}

impl Kernel for FindDark {
    const NAME: &'static str = "aerosol.find-dark/1";
    type Params = FindDarkParams;
    type Partial = DarkFound;

    fn halo_m(params: &FindDarkParams) -> u32 {
        cloud_radius(params.resolution) as u32 * params.resolution.metres()
    }

    fn run(params: &FindDarkParams, io: &mut UnitIo<'_>) -> Result<DarkFound, KernelError> {
        let grid = params.resolution;
        let (target, window) = (io.window(grid), io.window_with_halo(grid));
        let tables = open_tables(io, &params.axes)?;
        let elevation_km = open_elevation(io, params.elevation_km, 3)?;
        let maps = LatticeMaps {
            load: MapView::Constant(params.load),
            water_cm: MapView::Constant(0.0),
            elevation_km,
        };
        let lattices = tables.each_ref().map(|table| Lattice::new(table, &maps, grid, target, false));
        let mut bands = Vec::with_capacity(3);
        for slot in 0..3 {
            bands.push(super::correct::inner(&io.input::<u16>(slot)?, io, grid));
        }
        let input = DarkInput {
            red: bands[0],
            nir: bands[1],
            swir: bands[2],
            class: io.input::<u8>(3)?,
            window,
            target,
            image: io.extent().shape(grid),
            lattices: lattices.each_ref(),
            slopes: open_slopes(params.slopes, &elevation_km),
        };
        let counts = find_dark(&input, &params.thresholds, grid, io.output::<u8>(0)?);
        let bright_loads = counts
            .bright
            .iter()
            .map(|&(red, row, col)| {
                let at = (row as usize - target.row, col as usize - target.col);
                let toa = dn::to_reflectance(bands[0][at]);
                let metres = f64::from(grid.metres());
                let place = ((f64::from(row) + 0.5) * metres, (f64::from(col) + 0.5) * metres);
                let cell = sen2cor_core::cells::cell_of(place);
                let km = elevation_km.at_middle(cell);
                (red, load_for_reflectance(&tables[0], place, km, toa, params.thresholds.bright_red))
            })
            .collect();
        Ok(DarkFound { counts, bright_loads })
    }
}

/// The mask of dark vegetation in the product: 1 where a pixel was used. Input: marks.
pub(crate) struct MarkDark;

impl Kernel for MarkDark {
    const NAME: &'static str = "aerosol.mark-dark/1";
    /// Marks up to this one count; 0: none.
    type Params = u8;
    type Partial = ();

    fn run(attempt: &u8, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let marks = io.input::<u8>(0)?;
        io.output::<u8>(0)?.zip_mut_with(&marks, |out, mark| *out = u8::from((1..=*attempt).contains(mark)));
        Ok(())
    }
}

/// Aerosol load of dark pixels. Inputs: B02, B04, B12 and marks on one grid, then (60 m) the surroundings of B04 and B12 if they
/// are taken off. Tables: atmosphere of the three bands, elevation. Outputs on the 60 m grid: numbers, sums of loads.
pub(crate) struct InvertDark;

/// Parameters of [`InvertDark`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InvertDarkParams {
    pub(crate) resolution: Resolution,
    pub(crate) axes: [CellAxes; 3],
    pub(crate) elevation_km: MapSource,
    pub(crate) slopes: Option<SlopeLight>,
    pub(crate) ratios: DarkRatios,
    /// Marks up to this one count; 0: none.
    pub(crate) attempt: u8,
}

impl Kernel for InvertDark {
    const NAME: &'static str = "aerosol.invert-dark/1";
    type Params = InvertDarkParams;
    type Partial = DarkSums;

    fn run(params: &InvertDarkParams, io: &mut UnitIo<'_>) -> Result<DarkSums, KernelError> {
        let tables = open_tables(io, &params.axes)?;
        let band = |slot| io.input::<u16>(slot);
        let around = if io.input_count() > 4 { Some([band(4)?, band(5)?]) } else { None };
        let elevation_km = open_elevation(io, params.elevation_km, 3)?;
        let input = InvertInput {
            bands: [band(0)?, band(1)?, band(2)?],
            marks: io.input::<u8>(3)?,
            around,
            target: io.window(params.resolution),
            resolution: params.resolution,
            tables: tables.each_ref(),
            elevation_km,
            slopes: open_slopes(params.slopes, &elevation_km),
        };
        let (count, load) = (io.output::<u8>(0)?, io.output::<f32>(1)?);
        Ok(invert_dark(&input, params.attempt, &params.ratios, count, load))
    }
}

/// Counts negative pixels for clearer and clearer air. Inputs on the 60 m grid: B03, B04, B8A, numbers of dark pixels; the class map; the
/// surroundings of the three bands if they are taken off. Tables: atmosphere of the three bands, elevation.
pub(crate) struct CountRungs;

/// Parameters of [`CountRungs`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CountRungsParams {
    pub(crate) axes: [CellAxes; 3],
    pub(crate) elevation_km: MapSource,
    pub(crate) slopes: Option<SlopeLight>,
    pub(crate) loads: Vec<f32>,
    pub(crate) cut_off: CutOff,
}

impl Kernel for CountRungs {
    const NAME: &'static str = "aerosol.count-rungs/1";
    type Params = CountRungsParams;
    type Partial = Vec<Rung>;

    fn run(params: &CountRungsParams, io: &mut UnitIo<'_>) -> Result<Vec<Rung>, KernelError> {
        let tables = open_tables(io, &params.axes)?;
        let target = io.window(Resolution::R60);
        let band = |slot| io.input::<u16>(slot);
        let around = if io.input_count() > 5 { Some([band(5)?, band(6)?, band(7)?]) } else { None };
        let class = io.input::<u8>(4)?;
        let elevation_km = open_elevation(io, params.elevation_km, 3)?;
        let input = LadderInput {
            bands: [band(0)?, band(1)?, band(2)?],
            around,
            class: (class, class_edge(&class, target)),
            dark: io.input::<u8>(3)?,
            target,
            tables: tables.each_ref(),
            elevation_km,
            slopes: open_slopes(params.slopes, &elevation_km),
        };
        Ok(count_rungs(&input, &params.loads, params.cut_off))
    }
}

/// Edge of a 60 m pixel in pixels of the class map.
pub(super) fn class_edge(class: &ArrayView2<'_, u8>, target: Window) -> usize {
    class.nrows() / target.rows.max(1)
}

/// The aerosol map. Inputs on the 60 m grid: numbers and sums of loads of dark pixels, for one or two aerosol types. Table: elevation.
/// Outputs: load, and the optical depth as the product has it.
pub(crate) struct SpreadLoad;

/// Parameters of [`SpreadLoad`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct SpreadParams {
    pub(crate) spread: Spread,
    pub(crate) scale: LoadScale,
    /// Which of the two aerosol types.
    pub(crate) which: usize,
    /// Largest number of dark pixels in a pixel.
    pub(crate) most: u8,
    pub(crate) elevation_km: MapSource,
}

impl Kernel for SpreadLoad {
    const NAME: &'static str = "aerosol.spread/1";
    type Params = SpreadParams;
    type Partial = MapRange;

    fn halo_m(params: &SpreadParams) -> u32 {
        sen2cor_core::filter::Gaussian::new(params.spread.sigma_px).radius() as u32 * 60
    }

    fn run(params: &SpreadParams, io: &mut UnitIo<'_>) -> Result<MapRange, KernelError> {
        let grid = Resolution::R60;
        let target = io.window(grid);
        let input = SpreadInput {
            count: io.input::<u8>(2 * params.which)?,
            load: io.input::<f32>(2 * params.which + 1)?,
            window: io.window_with_halo(grid),
            image: io.extent().shape(grid),
            most: params.most,
        };
        let map = spread(&input, &params.spread, target);
        let elevation = open_elevation(io, params.elevation_km, 0)?;
        let mut aot = io.output::<f32>(1)?;
        for ((row, col), aot) in aot.indexed_iter_mut() {
            let km = match &elevation {
                MapView::Constant(km) => *km,
                MapView::Grid60(map) => map[[target.row + row, target.col + col]],
            };
            *aot = product_aot(params.scale, map[[row, col]], km);
        }
        io.output::<f32>(0)?.assign(&map);
        Ok(map.iter().fold(MapRange::EMPTY, |range, &value| range.with(value)))
    }
}

/// Optical depth as the product has it.
pub(super) fn product_aot(scale: LoadScale, load: f32, km: f32) -> f32 {
    let load = Load { scale, value: f64::from(load) };
    match scale {
        LoadScale::Aot550 => load.value as f32,
        LoadScale::VisibilityIndex => product_aot_550(load.visibility_km(0.0), f64::from(km)) as f32,
    }
}
