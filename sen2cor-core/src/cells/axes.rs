//! The axes of a cell table.

use crate::aerosol::{table_aot_550, table_visibility_km, visibility_of_index};
use crate::angles::Direction;
use crate::reflectance::Model;
use crate::season::water_vapour_share;
use serde::{Deserialize, Serialize};

/// Directions of sun and sensor at a place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Directions {
    /// Towards the sun.
    pub sun: Direction,
    /// Towards the sensor, of one band.
    pub view: Direction,
}

/// Places at which the directions are known: the nodes of a regular grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeometryGrid {
    /// Number of rows of nodes.
    pub rows: usize,
    /// Number of columns of nodes.
    pub cols: usize,
    /// Distance of the first node from the upper left corner of the tile, metres down and right.
    pub first_m: (f64, f64),
    /// Distance of the nodes, metres.
    pub step_m: (f64, f64),
    /// Whether the nearest node stands for its surroundings (means of cells) or one interpolates between nodes.
    pub nearest: bool,
    /// Row by row.
    pub nodes: Vec<Directions>,
}

impl GeometryGrid {
    /// The same directions everywhere.
    pub fn constant(directions: Directions) -> Self {
        Self {
            rows: 1,
            cols: 1,
            first_m: (0.0, 0.0),
            step_m: (1.0, 1.0),
            nearest: true,
            nodes: vec![directions],
        }
    }

    /// This grid, or a single node if all its nodes are alike.
    #[must_use]
    pub fn simplified(self) -> Self {
        match self.nodes.first() {
            Some(first) if self.nodes.iter().all(|node| node == first) => Self::constant(*first),
            _ => self,
        }
    }
}

/// In which numbers an aerosol map counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoadScale {
    /// Aerosol optical depth at 550 nm above the ground.
    Aot550,
    /// Visibility index 0 to 182 of Sen2Cor; the optical depth follows from the elevation.
    VisibilityIndex,
}

/// An amount of aerosol.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// In which numbers.
    pub scale: LoadScale,
    /// The number.
    pub value: f64,
}

impl Load {
    /// Optical depth at 550 nm above ground of this elevation, as the tables hold it.
    pub fn aot_550(self, elevation_km: f64) -> f64 {
        match self.scale {
            LoadScale::Aot550 => self.value,
            LoadScale::VisibilityIndex => table_aot_550(visibility_of_index(self.value), elevation_km),
        }
    }

    /// Visibility in km.
    pub fn visibility_km(self, elevation_km: f64) -> f64 {
        match self.scale {
            LoadScale::Aot550 => table_visibility_km(self.value.max(1e-6), elevation_km),
            LoadScale::VisibilityIndex => visibility_of_index(self.value),
        }
    }
}

/// Columns of water vapour of a cell table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WaterAxis {
    /// Nodes of the column above the ground, cm, growing.
    AboveGround(Vec<f64>),
    /// One column at sea level, cm, of which a share remains above the ground.
    SeaLevel(f64, Model),
}

impl WaterAxis {
    /// Number of nodes.
    pub fn len(&self) -> usize {
        match self {
            Self::AboveGround(nodes) => nodes.len(),
            Self::SeaLevel(..) => 1,
        }
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Column above ground of this elevation at a node, cm.
    pub fn column_cm(&self, node: usize, elevation_km: f64) -> f64 {
        match self {
            Self::AboveGround(nodes) => nodes[node],
            Self::SeaLevel(column, model) => column * water_vapour_share(*model, elevation_km),
        }
    }

    /// The square roots of the nodes, along which the table is linear.
    pub fn roots(&self) -> Vec<f32> {
        match self {
            Self::AboveGround(nodes) => nodes.iter().map(|w| w.max(0.0).sqrt() as f32).collect(),
            Self::SeaLevel(..) => vec![0.0],
        }
    }
}

/// All axes of a cell table of one band.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellAxes {
    /// Where the directions are known.
    pub geometry: GeometryGrid,
    /// In which numbers the aerosol is counted.
    pub scale: LoadScale,
    /// Aerosol loads, growing.
    pub loads: Vec<f64>,
    /// Elevations of the ground, km, growing.
    pub elevations_km: Vec<f64>,
    /// Water vapour.
    pub water: WaterAxis,
}

impl CellAxes {
    /// Number of nodes of a table with these axes.
    pub fn len(&self) -> usize {
        self.geometry.nodes.len() * self.loads.len() * self.elevations_km.len() * self.water.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
