//! The column of water vapour from B8A, where it hardly absorbs, and B09, where it does (APDA).
//!
//! Source: Schlaepfer et al. 1998 (doi:10.1016/S0034-4257(98)00044-3). The ratio of the signals from the ground is compared with that of
//! the tables; here the columns of the table are searched for the one that gives the measured B09, in place of a fitted curve and
//! two iterations. See `docs/science/water-vapour.md`.

mod fence;
mod finish;

pub use finish::{Finish, finish};

use crate::cells::{CellTable, Coefficients, LATTICE_STEP_M, LatticeMaps, middle_of};
use crate::dn;
use crate::grid::Window;
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

/// Columns less than this are not believed, cm.
const LEAST_CM: f32 = 0.01;

/// Columns are summed in these steps per cm.
const STEPS_PER_CM: f32 = 10_000.0;

/// Steps in a class of columns, of which the median is found.
const STEPS_PER_CLASS: u64 = 100;

/// What is done with pixels that are not land (`WV_Watermask`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaterMask {
    /// What was found there is kept.
    Keep,
    /// They get the mean of the land, or another measure of its middle ([`Finish::otherwise_cm`]).
    #[default]
    LandMean,
    /// They get the mean of the land in their row, else of all land.
    RowMean,
}

/// Sums over land.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WaterSums {
    /// Land pixels with a column.
    pub count: u64,
    /// Sum of their columns in steps.
    pub sum: u64,
    /// Number and sum per image row, the first of which is `first_row`; empty unless asked for.
    pub rows: Vec<(u64, u64)>,
    /// See `rows`.
    pub first_row: usize,
    /// Number of columns from 0 to 0.01 cm, to 0.02 cm and so on.
    pub classes: Vec<u32>,
}

impl WaterSums {
    /// Sums of all parts of a tile.
    pub fn total(parts: &[Self]) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.count += part.count;
            all.sum += part.sum;
            all.classes.resize(all.classes.len().max(part.classes.len()), 0);
            for (sum, count) in all.classes.iter_mut().zip(&part.classes) {
                *sum += count;
            }
            let needed = part.first_row + part.rows.len();
            if !part.rows.is_empty() && all.rows.len() < needed {
                all.rows.resize(needed, (0, 0));
            }
            for (row, sums) in part.rows.iter().enumerate() {
                let row = &mut all.rows[part.first_row + row];
                *row = (row.0 + sums.0, row.1 + sums.1);
            }
        }
        all
    }

    /// Mean over land, cm; `None` without land.
    pub fn mean_cm(&self) -> Option<f64> {
        mean(self.count, self.sum)
    }

    /// Median over land, cm, linear within a class; `None` without land. Edges and thin clouds, whose columns are too small, move it less than
    /// the mean.
    pub fn median_cm(&self) -> Option<f64> {
        let half = self.count as f64 / 2.0;
        let mut below = 0.0;
        for (class, &count) in self.classes.iter().enumerate() {
            let inside = f64::from(count);
            if inside > 0.0 && below + inside >= half {
                let steps = (class as f64 + (half - below) / inside) * STEPS_PER_CLASS as f64;
                return Some(steps / f64::from(STEPS_PER_CM));
            }
            below += inside;
        }
        None
    }

    fn add(&mut self, steps: u64) {
        self.count += 1;
        self.sum += steps;
        let class = (steps / STEPS_PER_CLASS) as usize;
        if class >= self.classes.len() {
            self.classes.resize(class + 1, 0);
        }
        self.classes[class] += 1;
    }

    /// Mean of the land of each row, cm; that of all land where a row has none.
    pub fn row_means_cm(&self, otherwise: f32) -> Vec<f32> {
        self.rows.iter().map(|&(count, sum)| mean(count, sum).map_or(otherwise, |m| m as f32)).collect()
    }
}

fn mean(count: u64, sum: u64) -> Option<f64> {
    (count > 0).then(|| sum as f64 / count as f64 / f64::from(STEPS_PER_CM))
}

/// A block of the 60 m grid.
pub struct WaterInput<'a> {
    /// B8A and B09.
    pub window_band: ArrayView2<'a, u16>,
    /// B09.
    pub absorbing_band: ArrayView2<'a, u16>,
    /// Scene class, and the edge of a 60 m pixel in class pixels.
    pub class: (ArrayView2<'a, u8>, usize),
    /// The block.
    pub target: Window,
    /// Tables of both bands over the same loads and columns of water.
    pub tables: [&'a CellTable<'a>; 2],
    /// Aerosol and elevation.
    pub maps: LatticeMaps<'a>,
}

/// Place of a lattice cell and the coefficients of both bands there, column by column.
type Cell = ((usize, usize), Vec<[Coefficients; 2]>);

/// Finds the column of every pixel with data, cm; where the pixel is not land it is written as -1 minus the column, where there is none as NaN.
///
/// # Panics
/// If the shapes do not fit.
pub fn retrieve(input: &WaterInput<'_>, by_row: bool, mut out: ArrayViewMut2<'_, f32>) -> WaterSums {
    let columns = columns_of(input.tables[1]);
    let per_cell = LATTICE_STEP_M / 60;
    let target = input.target;
    let mut sums = WaterSums { first_row: target.row, ..WaterSums::default() };
    let mut cells: Vec<Option<Cell>> = vec![None; target.cols / per_cell + 2];
    for (row, mut line) in out.outer_iter_mut().enumerate() {
        let mut of_row = (0u64, 0u64);
        for (col, out) in line.iter_mut().enumerate() {
            *out = f32::NAN;
            let samples = [input.window_band[[row, col]], input.absorbing_band[[row, col]]];
            if samples.contains(&dn::NO_DATA) {
                continue;
            }
            let cell = ((target.row + row) / per_cell, (target.col + col) / per_cell);
            let slot = cell.1 - target.col / per_cell;
            if cells[slot].as_ref().is_none_or(|(at, _)| *at != cell) {
                cells[slot] = Some((cell, input.coefficients(cell, columns.len())));
            }
            let Some((_, nodes)) = &cells[slot] else { continue };
            let found = column(samples.map(dn::to_reflectance), nodes, &columns);
            if is_land(&input.class, row, col) && found >= LEAST_CM {
                *out = found;
                let steps = (found * STEPS_PER_CM + 0.5) as u64;
                sums.add(steps);
                of_row = (of_row.0 + 1, of_row.1 + steps);
            } else if found >= LEAST_CM {
                *out = -1.0 - found;
            }
        }
        if by_row {
            sums.rows.push(of_row);
        }
    }
    sums
}

/// Columns of the nodes, cm.
fn columns_of(table: &CellTable<'_>) -> Vec<f32> {
    let water = &table.axes().water;
    (0..water.len()).map(|node| water.column_cm(node, 0.0) as f32).collect()
}

impl WaterInput<'_> {
    fn coefficients(&self, cell: (usize, usize), columns: usize) -> Vec<[Coefficients; 2]> {
        let (load, km) = (self.maps.load.at_middle(cell), self.maps.elevation_km.at_middle(cell));
        let places = self.tables.map(|table| table.place(middle_of(cell), km));
        let at = |w: usize, band: usize| self.tables[band].at_load_and_water_node(&places[band], load, w);
        (0..columns).map(|w| [at(w, 0), at(w, 1)]).collect()
    }
}

/// Whether most of the middle of a 60 m pixel is vegetation, bare ground or snow.
fn is_land(class: &(ArrayView2<'_, u8>, usize), row: usize, col: usize) -> bool {
    let (map, edge) = class;
    let mut land = 0;
    for r in row * edge..(row + 1) * edge {
        for c in col * edge..(col + 1) * edge {
            land += usize::from(matches!(map[[r, c]], 4 | 5 | 11));
        }
    }
    2 * land > edge * edge
}

/// The column at which the table gives the measured reflectance in B09 for the surface that B8A sees; 0 if it is brighter than
/// without any water. `nodes` holds the coefficients of B8A and B09 for the columns `columns`, growing.
fn column(toa: [f32; 2], nodes: &[[Coefficients; 2]], columns: &[f32]) -> f32 {
    let last = columns.len() - 1;
    let excess = |k: usize| {
        let [window, absorbing] = &nodes[k];
        let y = ((toa[0] - window.path) * window.gain).max(1e-3);
        let surface = y / (1.0 + y * window.albedo);
        let signal = surface / (1.0 - surface * absorbing.albedo).max(0.1) / absorbing.gain;
        // Measured over expected: above 1 there is less water.
        (toa[1] - absorbing.path) / signal
    };
    let (mut low, mut high) = (0, last);
    if excess(0) >= 1.0 {
        return 0.0;
    }
    if excess(last) <= 1.0 {
        return columns[last];
    }
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if excess(middle) < 1.0 { low = middle } else { high = middle }
    }
    // The logarithm of the signal is nearly linear in the root of the column.
    let (a, b) = (libm::logf(excess(low).max(1e-6)), libm::logf(excess(high)));
    let share = if b > a { (-a / (b - a)).clamp(0.0, 1.0) } else { 0.0 };
    let root = columns[low].sqrt() + (columns[high].sqrt() - columns[low].sqrt()) * share;
    root * root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Transmittances that fall with the root of the column, as those of the tables do.
    fn nodes(columns: &[f32]) -> Vec<[Coefficients; 2]> {
        let with = |path: f32, transmittance: f32| Coefficients {
            path,
            gain: 1.0 / transmittance,
            albedo: 0.05,
            ..Coefficients::default()
        };
        let node = |w: &f32| {
            let absorbed = libm::expf(-1.1 * w.sqrt());
            [with(0.01, 0.93), with(0.004 + 0.006 * absorbed, 0.9 * absorbed)]
        };
        columns.iter().map(node).collect()
    }

    #[test]
    fn the_column_that_made_the_signal_is_found() {
        let columns = [0.0, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0];
        let nodes = nodes(&columns);
        for truth in [0.05f32, 0.3, 0.9, 2.0, 2.7, 4.4, 6.5] {
            let surface = 0.3;
            let absorbed = libm::expf(-1.1 * truth.sqrt());
            let b8a = 0.01 + 0.93 * surface / (1.0 - 0.05 * surface);
            let b09 = 0.004 + 0.006 * absorbed + 0.9 * absorbed * surface / (1.0 - 0.05 * surface);
            let found = column([b8a, b09], &nodes, &columns);
            assert!((found - truth).abs() < 0.01 * truth.max(0.3), "{truth} {found}");
        }
        assert_eq!(column([0.3, 0.5], &nodes, &columns), 0.0);
        assert_eq!(column([0.3, 0.0], &nodes, &columns), 7.0);
    }

    #[test]
    fn outliers_do_not_move_the_median() {
        let of = |columns: &[u64]| {
            let mut sums = WaterSums::default();
            for &steps in columns {
                sums.add(steps);
            }
            sums
        };
        let all = WaterSums::total(&[of(&[20_010, 20_020, 200]), of(&[20_030, 20_040])]);
        assert_eq!((all.count, all.sum), (5, 80_300));
        assert!((all.median_cm().unwrap() - 2.0).abs() < 0.011, "{:?}", all.median_cm());
        assert_eq!(WaterSums::default().median_cm(), None);
    }

    #[test]
    fn sums_of_blocks_are_joined_by_rows() {
        let part = |first_row, rows: Vec<(u64, u64)>| WaterSums {
            count: rows.iter().map(|r| r.0).sum(),
            sum: rows.iter().map(|r| r.1).sum(),
            rows,
            first_row,
            classes: Vec::new(),
        };
        let all =
            WaterSums::total(&[part(0, vec![(1, 20_000), (0, 0)]), part(1, vec![(2, 20_000), (1, 30_000)])]);
        assert_eq!(all.mean_cm(), Some(1.75));
        assert_eq!(all.row_means_cm(9.0), [2.0, 1.0, 3.0]);
    }
}
