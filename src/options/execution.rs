//! Options of how a run is cut into units of work.

use super::check::Checker;
use super::define::options;
use sen2cor_io::jp2::Codec;

options! {
    /// How a run is cut into units of work. Results do not depend on it.
    RawExecutionOptions => ExecutionOptions, "Execution";

    /// Edge of the processing blocks in cells of 10 m, a multiple of 6, at least 60. The result does not depend on it.
    /// Blocks of a small region are smaller. Default 1098.
    block_cells: u32 = 1098, Integer { low: 60, high: 1_000_000, unit: "cells" };
    /// Coder of JPEG 2000 images: `native` is this project's own, which is about twice as fast, `openjpeg` is OpenJPEG, `auto`
    /// takes the native one where it knows the coding and OpenJPEG elsewhere. Pixels and files do not depend on it. Default auto.
    codec: Codec = Codec::Auto, Choice(&["auto", "native", "openjpeg"]);
}

impl RawExecutionOptions {
    pub(super) fn check(&self, check: &mut Checker) {
        check.conflict(
            self.block_cells.is_some_and(|cells| !cells.is_multiple_of(6)),
            "block-cells must be a multiple of 6",
        );
    }
}
