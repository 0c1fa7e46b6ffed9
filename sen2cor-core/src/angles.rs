//! Sun and view directions, and the coarse grids in which the metadata give them.
//!
//! Azimuths run clockwise from north. The relative azimuth is folded to 0..=180 degrees; 0 means that sun and sensor
//! stand on the same side (backscatter), which is the convention of the atmospheric tables.

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A direction towards the sun or the sensor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Direction {
    /// Angle from the vertical, degrees.
    pub zenith_deg: f64,
    /// Clockwise from north, degrees.
    pub azimuth_deg: f64,
}

/// Angle between two azimuths, 0 to 180 degrees.
pub fn relative_azimuth_deg(sun_azimuth_deg: f64, view_azimuth_deg: f64) -> f64 {
    let turn = libm::fmod(libm::fabs(sun_azimuth_deg - view_azimuth_deg), 360.0);
    if turn > 180.0 { 360.0 - turn } else { turn }
}

/// Zenith and azimuth on a regular grid of nodes; the first node is the upper left corner of the tile. Nodes without
/// a value are NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AngleGrid {
    /// Distance of the nodes from north to south, metres.
    pub row_step_m: f64,
    /// Distance of the nodes from west to east, metres.
    pub col_step_m: f64,
    /// Zenith angles, degrees, (rows, columns).
    pub zenith_deg: Array2<f64>,
    /// Azimuth angles, degrees, (rows, columns).
    pub azimuth_deg: Array2<f64>,
}

impl AngleGrid {
    /// Whether a node has both angles.
    pub fn has_value(&self, node: (usize, usize)) -> bool {
        let there = |angles: &Array2<f64>| angles.get(node).is_some_and(|angle| !angle.is_nan());
        there(&self.zenith_deg) && there(&self.azimuth_deg)
    }

    /// Fills the nodes that have no value here from another grid of the same shape, as when the footprints of several
    /// detectors are merged. Where both have one, the value that is here stays. Grids of another shape are ignored.
    pub fn fill_from(&mut self, other: &Self) {
        if self.zenith_deg.dim() != other.zenith_deg.dim()
            || self.azimuth_deg.dim() != other.azimuth_deg.dim()
        {
            return;
        }
        self.zenith_deg.zip_mut_with(&other.zenith_deg, |here, there| fill(here, *there));
        self.azimuth_deg.zip_mut_with(&other.azimuth_deg, |here, there| fill(here, *there));
    }
}

/// The view angles of a band: a grid for each detector, by its number, with values where the detector looked. Footprints overlap
/// by some kilometres; which detector a product shows there is in its footprint masks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ViewGrids(pub BTreeMap<u8, AngleGrid>);

impl ViewGrids {
    /// Nodes (row, column) at which several detectors have values.
    pub fn contested(&self) -> Vec<(usize, usize)> {
        let Some(first) = self.0.values().next() else { return Vec::new() };
        let (rows, cols) = first.zenith_deg.dim();
        let looks = |node: (usize, usize)| self.0.values().filter(|grid| grid.has_value(node)).count();
        let nodes = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
        nodes.filter(|&node| looks(node) > 1).collect()
    }

    /// One grid: at each node the angles of the detector that `seen` tells, else of the lowest number that has some.
    pub fn merged(&self, seen: impl Fn(usize, usize) -> Option<u8>) -> Option<AngleGrid> {
        let mut grids = self.0.values();
        let mut merged = grids.next()?.clone();
        for grid in grids {
            merged.fill_from(grid);
        }
        for (row, col) in self.contested() {
            let grid = seen(row, col).and_then(|detector| self.0.get(&detector));
            if let Some(grid) = grid.filter(|grid| grid.has_value((row, col))) {
                merged.zenith_deg[[row, col]] = grid.zenith_deg[[row, col]];
                merged.azimuth_deg[[row, col]] = grid.azimuth_deg[[row, col]];
            }
        }
        Some(merged)
    }
}

fn fill(here: &mut f64, there: f64) {
    if here.is_nan() {
        *here = there;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn azimuths_are_folded() {
        assert_eq!(relative_azimuth_deg(350.0, 10.0), 20.0);
        assert_eq!(relative_azimuth_deg(10.0, 350.0), 20.0);
        assert_eq!(relative_azimuth_deg(0.0, 180.0), 180.0);
        assert_eq!(relative_azimuth_deg(-90.0, 450.0), 180.0);
    }

    #[test]
    fn contested_nodes_are_those_of_the_detector_that_saw_them() {
        let grid = |z: [f64; 3]| AngleGrid {
            row_step_m: 5000.0,
            col_step_m: 5000.0,
            zenith_deg: array![z],
            azimuth_deg: array![z.map(|z| z + 100.0)],
        };
        let nan = f64::NAN;
        let grids = ViewGrids(BTreeMap::from([(5, grid([1.0, 2.0, nan])), (6, grid([nan, 3.0, 4.0]))]));
        assert_eq!(grids.contested(), [(0, 1)]);
        assert_eq!(grids.merged(|_, _| Some(6)).unwrap().zenith_deg, array![[1.0, 3.0, 4.0]]);
        assert_eq!(grids.merged(|_, _| Some(6)).unwrap().azimuth_deg, array![[101.0, 103.0, 104.0]]);
        // A detector without values there, or none: the lowest number.
        for seen in [Some(9), None] {
            assert_eq!(grids.merged(|_, _| seen).unwrap().zenith_deg, array![[1.0, 2.0, 4.0]]);
        }
        assert_eq!(ViewGrids::default().merged(|_, _| None), None);
    }

    #[test]
    fn a_grid_is_filled_only_where_it_is_empty() {
        let grid = |z: f64| AngleGrid {
            row_step_m: 5000.0,
            col_step_m: 5000.0,
            zenith_deg: array![[z, f64::NAN]],
            azimuth_deg: array![[z, f64::NAN]],
        };
        let mut merged = grid(1.0);
        let mut other = grid(2.0);
        other.zenith_deg[[0, 1]] = 3.0;
        merged.fill_from(&other);
        assert_eq!(merged.zenith_deg, array![[1.0, 3.0]]);
    }
}
