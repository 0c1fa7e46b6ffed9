//! The atmosphere on coarse cells: what a table says, prepared so that a pixel costs a few multiplications and additions.
//!
//! Three steps, each coarser than the next is fine:
//!
//! 1. [`tabulate`] evaluates a back end ([`Atmosphere`]) of one band at the nodes of [`CellAxes`]: directions of sun and sensor (every 5 km,
//!    or the means of large cells), aerosol load, elevation, water vapour.
//! 2. A [`CellTable`] interpolates linearly between these nodes, once per node of a lattice of 240 m.
//! 3. A [`Lattice`] spreads the lattice over the pixels of a row: linear between its nodes, first order in the elevation of the
//!    pixel.
//!
//! All places are metres from the upper left corner of the tile, so the way in which the tile is cut does not matter.
//! Equations: `docs/science/atmospheric-tables.md`.

mod axes;
mod lattice;
mod table;

pub use axes::{CellAxes, Directions, GeometryGrid, Load, LoadScale, WaterAxis};
pub(crate) use lattice::for_each_cell;
pub use lattice::{LATTICE_STEP_M, Lattice, LatticeMaps, MapView, cell_of, middle_of};
pub use table::{Atmosphere, BandView, CELL_VALUES, CellTable, Coefficients, Place, tabulate};
