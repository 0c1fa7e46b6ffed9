//! Atmospheric tables on coarse cells; adapter of `sen2cor_core::cells`.

use super::defect;
use crate::tables::TableSource;
use ndarray::ArrayView2;
use sen2cor_core::cells::{BandView, CELL_VALUES, CellAxes, LatticeMaps, MapView, tabulate};
use sen2cor_core::table::Notes;
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Evaluates the table of a band at the nodes of its axes. Output: one slot.
pub(crate) struct Tabulate;

/// Parameters of [`Tabulate`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TabulateParams {
    pub(crate) source: TableSource,
    pub(crate) view: BandView,
    pub(crate) axes: CellAxes,
    /// By what the path reflectance is multiplied.
    pub(crate) path_scale: f32,
}

impl Kernel for Tabulate {
    const NAME: &'static str = "atmosphere.tabulate/1";
    type Params = TabulateParams;
    type Partial = Notes;

    fn run(params: &TabulateParams, io: &mut UnitIo<'_>) -> Result<Notes, KernelError> {
        // The table was read and asked before the run began, so an error here is none of the user's.
        let table = params.source.open().map_err(|e| defect(&e))?;
        let mut output = io.output::<f32>(0)?;
        let values = output.as_slice_mut().ok_or_else(|| KernelError::internal("a slot with gaps"))?;
        let needed = params.axes.len() * CELL_VALUES;
        if needed > values.len() {
            return Err(KernelError::internal("a cell table that is too large for its plane"));
        }
        let notes = tabulate(table, &params.view, &params.axes, values).map_err(|e| defect(&e))?;
        for path in values[..needed].iter_mut().step_by(CELL_VALUES) {
            *path *= params.path_scale;
        }
        Ok(notes)
    }
}

/// Where a kernel finds the values of a map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum MapSource {
    /// The same everywhere.
    Constant(f32),
    /// The next table of the stage.
    Table,
}

/// The state of the air as a kernel gets it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MapSources {
    pub(crate) load: MapSource,
    pub(crate) water_cm: MapSource,
    pub(crate) elevation_km: MapSource,
}

impl MapSources {
    /// The maps; those that are tables begin with table `first`.
    pub(crate) fn open<'a>(&self, io: &UnitIo<'a>, first: usize) -> Result<LatticeMaps<'a>, KernelError> {
        let mut slot = first;
        let mut next = |source: MapSource| -> Result<MapView<'a>, KernelError> {
            Ok(match source {
                MapSource::Constant(value) => MapView::Constant(value),
                MapSource::Table => {
                    slot += 1;
                    MapView::Grid60(io.table::<f32>(slot - 1)?)
                }
            })
        };
        Ok(LatticeMaps {
            load: next(self.load)?,
            water_cm: next(self.water_cm)?,
            elevation_km: next(self.elevation_km)?,
        })
    }
}

/// The values of a cell table, which travels as a plane of one slot.
pub(crate) fn cell_values<'a>(plane: &ArrayView2<'a, f32>) -> Result<&'a [f32], KernelError> {
    plane.to_slice().ok_or_else(|| KernelError::internal("a cell table with gaps"))
}
