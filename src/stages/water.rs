//! The retrieval of water vapour, and maps of the product; adapters of `sen2cor_core::water_vapour` and `filter`.

use super::aerosol::class_edge;
use super::atmosphere::{MapSource, MapSources, cell_values};
use crate::air::MapRange;
use sen2cor_core::cells::{CellAxes, CellTable};
use sen2cor_core::dn;
use sen2cor_core::filter::{BoxMeans, Patch, upsample_row};
use sen2cor_core::grid::Resolution;
use sen2cor_core::water_vapour::{Finish, WaterInput, WaterSums, finish, retrieve};
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Columns of water vapour. Inputs on the 60 m grid: B8A, B09; the class map. Tables: atmosphere of both bands, then maps that are not
/// constant.
pub(crate) struct RetrieveWater;

/// Parameters of [`RetrieveWater`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RetrieveWaterParams {
    pub(crate) axes: [CellAxes; 2],
    pub(crate) maps: MapSources,
    pub(crate) by_row: bool,
}

impl Kernel for RetrieveWater {
    const NAME: &'static str = "water-vapour.retrieve/1";
    type Params = RetrieveWaterParams;
    type Partial = WaterSums;

    fn run(params: &RetrieveWaterParams, io: &mut UnitIo<'_>) -> Result<WaterSums, KernelError> {
        let target = io.window(Resolution::R60);
        let values = [cell_values(&io.table::<f32>(0)?)?, cell_values(&io.table::<f32>(1)?)?];
        let [Some(window), Some(absorbing)] = [0, 1].map(|i| CellTable::new(&params.axes[i], values[i]))
        else {
            return Err(KernelError::internal("a cell table that is too short"));
        };
        let class = io.input::<u8>(2)?;
        let input = WaterInput {
            window_band: io.input::<u16>(0)?,
            absorbing_band: io.input::<u16>(1)?,
            class: (class, class_edge(&class, target)),
            target,
            tables: [&window, &absorbing],
            maps: params.maps.open(io, 2)?,
        };
        Ok(retrieve(&input, params.by_row, io.output::<f32>(0)?))
    }
}

/// The finished map of water vapour. Input on the 60 m grid: what was found.
pub(crate) struct FinishWater;

impl Kernel for FinishWater {
    const NAME: &'static str = "water-vapour.finish/1";
    type Params = Finish;
    type Partial = MapRange;

    fn halo_m(rule: &Finish) -> u32 {
        rule.halo_px() as u32 * 60
    }

    fn run(rule: &Finish, io: &mut UnitIo<'_>) -> Result<MapRange, KernelError> {
        let grid = Resolution::R60;
        let (window, target) = (io.window_with_halo(grid), io.window(grid));
        let map = finish(&io.input::<f32>(0)?, window, io.extent().shape(grid), target, rule);
        io.output::<f32>(0)?.assign(&map);
        Ok(map.iter().fold(MapRange::EMPTY, |range, &value| range.with(value)))
    }
}

/// Means of a band around each pixel of the 60 m grid. Input: the band.
pub(crate) struct Surroundings;

impl Kernel for Surroundings {
    const NAME: &'static str = "map.surroundings/1";
    /// Radius of the box, pixels.
    type Params = usize;
    type Partial = ();

    fn halo_m(radius: &usize) -> u32 {
        *radius as u32 * 60
    }

    fn run(radius: &usize, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let grid = Resolution::R60;
        let band = io.input::<u16>(0)?;
        let values: Vec<i32> = band.iter().map(|&sample| dn::to_signed(sample)).collect();
        let valid: Vec<u8> = band.iter().map(|&sample| u8::from(sample != dn::NO_DATA)).collect();
        let patch = Patch {
            values: &values,
            valid: Some(&valid),
            window: io.window_with_halo(grid),
            image: io.extent().shape(grid),
        };
        let mut output = io.output::<u16>(0)?;
        BoxMeans::new(patch, *radius).rows(io.window(grid), |row, sums, counts| {
            for (col, out) in output.row_mut(row).iter_mut().enumerate() {
                let count = counts.map_or(1, |counts| i64::from(counts[col].max(1)));
                *out = dn::from_signed((2 * sums[col] + count).div_euclid(2 * count) as i32);
            }
        });
        Ok(())
    }
}

/// A map of the product from a map of the 60 m grid, in thousandths, 0 where there are no data. Input: the class map of the same or a
/// coarser grid. Table: the map, unless it is constant.
pub(crate) struct ProductMap;

/// Parameters of [`ProductMap`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct ProductMapParams {
    pub(crate) source: MapSource,
    pub(crate) resolution: Resolution,
}

/// Pixels over which a quantity is averaged for the metadata, and the sum of their stored numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MapSum {
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

impl Kernel for ProductMap {
    const NAME: &'static str = "map.product/1";
    type Params = ProductMapParams;
    type Partial = MapSum;

    fn run(params: &ProductMapParams, io: &mut UnitIo<'_>) -> Result<MapSum, KernelError> {
        let grid = params.resolution;
        let (class, target) = (io.input::<u8>(0)?, io.window(grid));
        let edge = target.rows.div_ceil(class.nrows().max(1)).max(1);
        let map = match params.source {
            MapSource::Constant(_) => None,
            MapSource::Table => Some(io.table::<f32>(0)?),
        };
        let mut output = io.output::<u16>(0)?;
        let mut total = MapSum::default();
        let mut line = vec![0.0f32; target.cols];
        for (row, mut out) in output.outer_iter_mut().enumerate() {
            match (&map, params.source) {
                (Some(map), _) => upsample_row(map, grid, (target.row + row, target.col), &mut line),
                (None, MapSource::Constant(value)) => line.fill(value),
                (None, MapSource::Table) => line.fill(0.0),
            }
            for (col, (out, value)) in out.iter_mut().zip(&line).enumerate() {
                let class = class[[row / edge, col / edge]];
                let stored = stored(*value);
                *out = if class == 0 { 0 } else { stored };
                if is_counted(class) {
                    total.count += 1;
                    total.sum += u64::from(stored);
                }
            }
        }
        Ok(total)
    }
}

/// Whether a map is averaged over pixels of a class: those that are clear and valid.
pub(super) const fn is_counted(class: u8) -> bool {
    !matches!(class, 0 | 1 | 8..=10)
}

/// In thousandths.
fn stored(value: f32) -> u16 {
    (value * 1000.0 + 0.5).clamp(0.0, f32::from(u16::MAX)) as u16
}
