//! The scene class map; adapter of `sen2cor_core::classify`.

use super::defect;
use sen2cor_core::classify::{BlockInput, ClassCounts, HALO_PX, Outputs, Thresholds, classify_block};
use sen2cor_core::grid::Resolution;
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Classifies a block from the twelve bands of its grid.
pub(crate) struct ClassifyScene;

/// Parameters of [`ClassifyScene`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClassifyParams {
    pub(crate) thresholds: Thresholds,
    /// Grid of the bands.
    pub(crate) resolution: Resolution,
    /// Whether there may be snow at this place and time.
    pub(crate) snow_possible: bool,
}

impl Kernel for ClassifyScene {
    const NAME: &'static str = "classify.scene/1";
    type Params = ClassifyParams;
    type Partial = ClassCounts;

    fn halo_m(params: &ClassifyParams) -> u32 {
        HALO_PX as u32 * params.resolution.metres()
    }

    fn run(params: &ClassifyParams, io: &mut UnitIo<'_>) -> Result<ClassCounts, KernelError> {
        let views = (0..12).map(|slot| io.input::<u16>(slot)).collect::<Result<Vec<_>, _>>()?;
        let bands = views.try_into().map_err(|_| KernelError::internal("twelve bands are needed"))?;
        let input =
            BlockInput { bands, inner: io.inner(params.resolution), snow_possible: params.snow_possible };
        let outputs =
            Outputs { class: io.output::<u8>(0)?, cloud: io.output::<u8>(1)?, snow: io.output::<u8>(2)? };
        classify_block(&input, &params.thresholds, outputs).map_err(|e| defect(&e))
    }
}
