//! Stages as plain data, and what is handed to an executor.

use crate::error::{ExecError, KernelError};
use crate::kernel::Registry;
use crate::plane::{FrozenPlane, OpenPlane, PlaneRef};
use crate::unit_io::UnitIo;
use sen2cor_core::grid::Tiling;
use serde::{Deserialize, Serialize};
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

    /// Runs one unit in the calling thread; returns the serialised partial result and the bytes filled in slots.
    ///
    /// # Errors
    /// The kernel's own, or that the registry does not know it.
    pub(crate) fn run_unit(&self, registry: Registry, unit: usize) -> Result<(Vec<u8>, u64), KernelError> {
        let entry = registry.find(&self.plan.kernel).ok_or_else(|| {
            KernelError::internal(ExecError::UnknownKernel { name: self.plan.kernel.clone() }.to_string())
        })?;
        let mut io = UnitIo::new(self, unit);
        let partial = entry.run(&self.plan.params, &mut io)?;
        Ok((partial, io.slot_bytes()))
    }
}

/// One unit of work: a stage and the number of a block.
pub struct UnitJob {
    stage: Arc<StageRun>,
    unit: usize,
}

impl UnitJob {
    pub(crate) fn new(stage: Arc<StageRun>, unit: usize) -> Self {
        Self { stage, unit }
    }

    /// The stage.
    pub fn plan(&self) -> &StagePlan {
        self.stage.plan()
    }

    /// Number of the block.
    pub fn unit(&self) -> usize {
        self.unit
    }

    pub(crate) fn stage(&self) -> &StageRun {
        &self.stage
    }
}
