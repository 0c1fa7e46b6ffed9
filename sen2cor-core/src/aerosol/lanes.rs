//! What the searches over the loads of a lattice cell share: numbers side by side, and the place of the cell in the tables.

use crate::cells::{CellTable, MapView, Place, middle_of};

/// Loads that are looked at side by side, so that the vectors of the processor serve them.
pub(super) const LANES: usize = 8;

/// A number for each of [`LANES`] loads.
pub(super) type Lanes = [f32; LANES];

/// Where the lattice cell at hand lies in the tables of three bands.
#[derive(Default)]
pub(super) struct Here(Option<[Place; 3]>);

impl Here {
    /// Goes to a cell; its places in the tables, or `None` if the coefficients are those of the cell before.
    pub(super) fn enter(
        &mut self,
        cell: (usize, usize),
        tables: &[&CellTable<'_>; 3],
        elevation_km: &MapView<'_>,
    ) -> Option<[Place; 3]> {
        let km = elevation_km.at_middle(cell);
        let places = tables.map(|table| table.place(middle_of(cell), km));
        (self.0.replace(places) != Some(places)).then_some(places)
    }
}
