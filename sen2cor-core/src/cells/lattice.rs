//! The lattice of 240 m between whose nodes everything is linear.

use super::table::{CELL_VALUES, CellTable, Coefficients};
use crate::grid::{Resolution, Window};
use ndarray::ArrayView2;
use std::ops::Range;

/// Distance of the nodes of a lattice, metres: four pixels of 60 m.
pub const LATTICE_STEP_M: usize = 240;

/// The lattice cell at a place, metres down and right from the upper left corner of the tile.
pub fn cell_of(place_m: (f64, f64)) -> (usize, usize) {
    let cell = |metres: f64| (metres.max(0.0) / LATTICE_STEP_M as f64) as usize;
    (cell(place_m.0), cell(place_m.1))
}

/// The middle of a lattice cell, metres down and right from the upper left corner of the tile.
pub fn middle_of(cell: (usize, usize)) -> (f64, f64) {
    let middle = |cell: usize| (cell * LATTICE_STEP_M + LATTICE_STEP_M / 2) as f64;
    (middle(cell.0), middle(cell.1))
}

/// The pixels of a window by lattice cell: calls `each` with the cell and the rows and columns in the window.
pub(crate) fn for_each_cell(
    window: Window,
    resolution: Resolution,
    mut each: impl FnMut((usize, usize), Range<usize>, Range<usize>),
) {
    let per_cell = LATTICE_STEP_M / resolution.metres() as usize;
    let span = |cell: usize, first: usize, count: usize| {
        (cell * per_cell).max(first) - first..((cell + 1) * per_cell - first).min(count)
    };
    for row in window.row / per_cell..(window.row + window.rows).div_ceil(per_cell) {
        for col in window.col / per_cell..(window.col + window.cols).div_ceil(per_cell) {
            each((row, col), span(row, window.row, window.rows), span(col, window.col, window.cols));
        }
    }
}

/// How far above and below the mean ground the slope over elevation is taken, km.
const SLOPE_KM: f32 = 0.1;

/// A map that is read at lattice nodes.
#[derive(Clone, Copy)]
pub enum MapView<'a> {
    /// The same value everywhere.
    Constant(f32),
    /// A map on the 60 m grid of the whole tile.
    Grid60(ArrayView2<'a, f32>),
}

impl MapView<'_> {
    /// Mean of the four pixels around a lattice node; at the border of those there are.
    fn at_node(&self, row: usize, col: usize) -> f32 {
        match self {
            Self::Constant(value) => *value,
            Self::Grid60(map) => {
                let per_node = LATTICE_STEP_M / 60;
                let around = |node: usize, len: usize| {
                    let edge = (node * per_node).min(len);
                    (edge.saturating_sub(1), edge.min(len.saturating_sub(1)))
                };
                let ((r0, r1), (c0, c1)) = (around(row, map.nrows()), around(col, map.ncols()));
                0.25 * (map[[r0, c0]] + map[[r0, c1]] + map[[r1, c0]] + map[[r1, c1]])
            }
        }
    }
}

impl MapView<'_> {
    /// Value in the middle of a lattice cell.
    pub fn at_middle(&self, cell: (usize, usize)) -> f32 {
        match self {
            Self::Constant(value) => *value,
            Self::Grid60(map) => {
                let per_node = LATTICE_STEP_M / 60;
                let around = |cell: usize, len: usize| {
                    let middle = cell * per_node + per_node / 2;
                    ((middle - 1).min(len.saturating_sub(1)), middle.min(len.saturating_sub(1)))
                };
                let ((r0, r1), (c0, c1)) = (around(cell.0, map.nrows()), around(cell.1, map.ncols()));
                0.25 * (map[[r0, c0]] + map[[r0, c1]] + map[[r1, c0]] + map[[r1, c1]])
            }
        }
    }
}

/// The state of the air over the tile.
#[derive(Clone, Copy)]
pub struct LatticeMaps<'a> {
    /// Aerosol load in the numbers of the cell table.
    pub load: MapView<'a>,
    /// Column of water vapour, cm.
    pub water_cm: MapView<'a>,
    /// Elevation of the ground, km.
    pub elevation_km: MapView<'a>,
}

/// Coefficients at the nodes around a window of pixels.
pub struct Lattice {
    resolution: Resolution,
    window: Window,
    first: (usize, usize),
    cols: usize,
    /// Coefficients at the mean elevation around the node, row by row.
    nodes: Vec<[f32; CELL_VALUES]>,
    /// What they change per km of elevation, and that elevation; empty on flat ground.
    slopes: Vec<([f32; CELL_VALUES], f32)>,
}

impl Lattice {
    /// The lattice for the pixels of a window. With `rugged` it also holds how the coefficients change with the
    /// elevation of a pixel.
    pub fn new(
        table: &CellTable<'_>,
        maps: &LatticeMaps<'_>,
        resolution: Resolution,
        window: Window,
        rugged: bool,
    ) -> Self {
        let per_node = LATTICE_STEP_M / resolution.metres() as usize;
        let first = (window.row / per_node, window.col / per_node);
        let rows = (window.row + window.rows.max(1) - 1) / per_node + 2 - first.0;
        let cols = (window.col + window.cols.max(1) - 1) / per_node + 2 - first.1;
        let mut lattice = Self {
            resolution,
            window,
            first,
            cols,
            nodes: Vec::with_capacity(rows * cols),
            slopes: Vec::new(),
        };
        for row in first.0..first.0 + rows {
            for col in first.1..first.1 + cols {
                let place = ((row * LATTICE_STEP_M) as f64, (col * LATTICE_STEP_M) as f64);
                let load = maps.load.at_node(row, col);
                let water = maps.water_cm.at_node(row, col);
                let km = maps.elevation_km.at_node(row, col);
                let at = |km: f32| table.at(place, load, km, water);
                lattice.nodes.push(at(km).to_array());
                if rugged {
                    lattice.slopes.push((slope(at, km), km));
                }
            }
        }
        lattice
    }

    /// The window for which it was made.
    pub fn window(&self) -> Window {
        self.window
    }

    fn pixels_per_node(&self) -> usize {
        LATTICE_STEP_M / self.resolution.metres() as usize
    }

    /// Share of the way from the upper to the lower nodes at which the centre of a pixel row lies, and the upper row.
    fn place(&self, row: usize) -> (usize, f32) {
        let (pixel, per_node) = (self.window.row + row, self.pixels_per_node());
        let share = ((pixel % per_node) as f32 + 0.5) / per_node as f32;
        (pixel / per_node - self.first.0, share)
    }

    /// Writes the coefficients `WHICH` (numbers of fields of [`Coefficients`]) of the pixels of row `row` of the window. Each
    /// buffer has one number per pixel.
    ///
    /// # Panics
    /// If a buffer is shorter than the window is wide.
    pub fn row<const N: usize>(&self, row: usize, which: [usize; N], mut out: [&mut [f32]; N]) {
        let (upper, share) = self.place(row);
        let at = |col: usize, value: usize| {
            let (a, b) = (&self.nodes[upper * self.cols + col], &self.nodes[(upper + 1) * self.cols + col]);
            a[value] + (b[value] - a[value]) * share
        };
        for (value, out) in which.iter().zip(&mut out) {
            self.spread(|col| at(col, *value), out);
        }
    }

    /// As [`Self::row`], each coefficient as it is at the elevation of the pixel (km).
    ///
    /// # Panics
    /// As [`Self::row`], or if the lattice was made without `rugged`.
    pub fn row_at<const N: usize>(
        &self,
        row: usize,
        elevation_km: &[f32],
        which: [usize; N],
        mut out: [&mut [f32]; N],
    ) {
        let (upper, share) = self.place(row);
        let pair = |col: usize| (upper * self.cols + col, (upper + 1) * self.cols + col);
        let mut reference = vec![0.0; self.window.cols];
        let mut slope = vec![0.0; self.window.cols];
        self.spread(
            |col| {
                let (a, b) = pair(col);
                self.slopes[a].1 + (self.slopes[b].1 - self.slopes[a].1) * share
            },
            &mut reference,
        );
        for (&value, out) in which.iter().zip(&mut out) {
            self.spread(
                |col| {
                    let (a, b) = pair(col);
                    self.nodes[a][value] + (self.nodes[b][value] - self.nodes[a][value]) * share
                },
                out,
            );
            self.spread(
                |col| {
                    let (a, b) = pair(col);
                    self.slopes[a].0[value] + (self.slopes[b].0[value] - self.slopes[a].0[value]) * share
                },
                &mut slope,
            );
            for (((out, slope), km), reference) in
                out.iter_mut().zip(&slope).zip(elevation_km).zip(&reference)
            {
                *out += slope * (km - reference);
            }
        }
    }

    /// Linear between the node columns.
    fn spread(&self, node: impl Fn(usize) -> f32, out: &mut [f32]) {
        let per_node = self.pixels_per_node();
        let centres = &CENTRES[..per_node];
        let mut left = self.window.col / per_node - self.first.1;
        let mut a = node(left);
        let mut ahead = &centres[self.window.col % per_node..];
        let mut rest = &mut out[..self.window.cols];
        while !rest.is_empty() {
            let count = ahead.len().min(rest.len());
            let (segment, after) = rest.split_at_mut(count);
            let b = node(left + 1);
            let step = (b - a) / per_node as f32;
            for (value, centre) in segment.iter_mut().zip(ahead) {
                *value = a + step * centre;
            }
            (a, left, ahead, rest) = (b, left + 1, centres, after);
        }
    }
}

/// Pixels of 10 m from node to node.
const MOST_PIXELS: usize = LATTICE_STEP_M / 10;

/// Centres of the pixels behind a node, in pixels.
const CENTRES: [f32; MOST_PIXELS] = {
    let mut centres = [0.0; MOST_PIXELS];
    let mut pixel = 0;
    while pixel < MOST_PIXELS {
        centres[pixel] = pixel as f32 + 0.5;
        pixel += 1;
    }
    centres
};

fn slope(at: impl Fn(f32) -> Coefficients, km: f32) -> [f32; CELL_VALUES] {
    let (above, below) = (at(km + SLOPE_KM).to_array(), at((km - SLOPE_KM).max(0.0)).to_array());
    let distance = SLOPE_KM + km.clamp(0.0, SLOPE_KM);
    std::array::from_fn(|i| (above[i] - below[i]) / distance)
}
