//! Stages as plain data, and what is handed to an executor.

use crate::error::{ExecError, KernelError};
use crate::executor::Outcome;
use crate::kernel::Registry;
use crate::plane::{FrozenPlane, OpenPlane, PlaneRef};
use crate::unit_io::UnitIo;
use sen2cor_core::grid::Tiling;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

/// A stage as it travels to workers: everything is data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Number of the stage, never used twice in a process.
    pub id: u64,
    /// Name of the kernel.
    pub kernel: String,
    /// Serialised parameters.
    #[serde(with = "serde_bytes")]
    pub params: Vec<u8>,
    /// How the tile is cut into units.
    pub tiling: Tiling,
    /// How far inputs reach beyond the block, 10 m cells.
    pub halo_cells: u32,
    /// Where the tiling begins in the inputs: row and column, 10 m cells.
    pub origin_cells: (u32, u32),
    /// Planes of which a unit sees its block and halo.
    pub inputs: Vec<PlaneRef>,
    /// Planes of which every unit sees all.
    pub tables: Vec<PlaneRef>,
    /// Planes of which a unit writes its block.
    pub outputs: Vec<PlaneRef>,
}

/// A stage plan with its planes at hand. Made by a flow, which alone can open planes for writing.
pub struct StageRun {
    plan: StagePlan,
    inputs: Vec<FrozenPlane>,
    tables: Vec<FrozenPlane>,
    outputs: Vec<OpenPlane>,
}

impl StageRun {
    pub(crate) fn new(
        mut plan: StagePlan,
        inputs: Vec<FrozenPlane>,
        tables: Vec<FrozenPlane>,
        outputs: Vec<OpenPlane>,
    ) -> Self {
        plan.inputs = inputs.iter().map(|p| p.reference().clone()).collect();
        plan.tables = tables.iter().map(|p| p.reference().clone()).collect();
        plan.outputs = outputs.iter().map(|p| p.reference().clone()).collect();
        Self { plan, inputs, tables, outputs }
    }

    /// The plan.
    pub fn plan(&self) -> &StagePlan {
        &self.plan
    }

    pub(crate) fn inputs(&self) -> &[FrozenPlane] {
        &self.inputs
    }

    pub(crate) fn tables(&self) -> &[FrozenPlane] {
        &self.tables
    }

    pub(crate) fn outputs(&self) -> &[OpenPlane] {
        &self.outputs
    }

    /// Ends the stage: its outputs may be read from now on.
    pub(crate) fn freeze(self) -> Vec<FrozenPlane> {
        self.outputs.into_iter().map(OpenPlane::freeze).collect()
    }

    /// Runs units in the calling thread, one after the other. `at` says which one, also after a panic.
    ///
    /// # Errors
    /// The kernel's own, or that the registry does not know it.
    pub(crate) fn run_units(
        &self,
        registry: Registry,
        units: Range<usize>,
        at: &Cell<usize>,
    ) -> Result<Outcome, KernelError> {
        let entry = registry.find(&self.plan.kernel).ok_or_else(|| {
            KernelError::internal(ExecError::UnknownKernel { name: self.plan.kernel.clone() }.to_string())
        })?;
        let mut outcome = Outcome { partials: Vec::with_capacity(units.len()), slot_bytes: 0 };
        for unit in units {
            at.set(unit);
            let mut io = UnitIo::new(self, unit);
            outcome.partials.push(entry.run(&self.plan.params, &mut io)?);
            outcome.slot_bytes += io.slot_bytes();
        }
        Ok(outcome)
    }
}

/// Consecutive units of a stage, by their numbers. A unit that takes long is a batch of its own; units that take
/// microseconds are handed over many at a time, since handing over takes some, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Batch {
    /// [`StagePlan::id`] of the stage.
    pub stage: u64,
    /// Number of the first block.
    pub first: usize,
    /// Number of blocks.
    pub count: usize,
}

impl Batch {
    pub(crate) const fn one(stage: u64, unit: usize) -> Self {
        Self { stage, first: unit, count: 1 }
    }

    /// Numbers of the blocks.
    pub fn units(&self) -> Range<usize> {
        self.first..self.first.saturating_add(self.count)
    }

    pub(crate) fn singly(self) -> impl DoubleEndedIterator<Item = Self> {
        self.units().map(move |unit| Self::one(self.stage, unit))
    }
}

/// Work that is handed over: units of a stage, and the stage.
pub struct Job {
    stage: Arc<StageRun>,
    units: Range<usize>,
}

impl Job {
    pub(crate) fn new(stage: Arc<StageRun>, units: Range<usize>) -> Self {
        Self { stage, units }
    }

    /// The stage.
    pub fn plan(&self) -> &StagePlan {
        self.stage.plan()
    }

    /// The numbers of its units.
    pub fn batch(&self) -> Batch {
        Batch { stage: self.plan().id, first: self.units.start, count: self.units.len() }
    }

    pub(crate) fn stage(&self) -> &StageRun {
        &self.stage
    }
}
