//! Options of how a run is cut into units of work.

use super::check::Checker;
use super::define::options;

options! {
    /// How a run is cut into units of work. Results do not depend on it.
    RawExecutionOptions => ExecutionOptions, "Execution";

    /// Edge of the processing blocks in cells of 10 m, a multiple of 6, at least 60. The result does not depend on it.
    /// Default 1098.
    block_cells: u32 = 1098, Integer { low: 60, high: 1_000_000, unit: "cells" };
}

impl RawExecutionOptions {
    pub(super) fn check(&self, check: &mut Checker) {
        check.conflict(
            self.block_cells.is_some_and(|cells| !cells.is_multiple_of(6)),
            "block-cells must be a multiple of 6",
        );
    }
}
