//! From one grid to another; adapters of `sen2cor_core::resample`.

use super::defect;
use sen2cor_core::grid::Resolution;
use sen2cor_core::resample::{
    ClassReduction, Factor, Placement, ValueRange, bicubic, bilinear, block_mean, block_mean_plain,
    reduce_class_map, value_range,
};
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use serde::{Deserialize, Serialize};

/// Block means of reflectance, for coarser grids.
pub(crate) struct BlockMean;

impl Kernel for BlockMean {
    const NAME: &'static str = "resample.block-mean/1";
    type Params = Factor;
    type Partial = ();

    fn run(factor: &Factor, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        block_mean(io.input::<u16>(0)?, *factor, io.output::<u16>(0)?).map_err(|e| defect(&e))
    }
}

/// Block means of maps of 16 bits that have no bias, such as aerosol optical depth.
pub(crate) struct MeanOfMap;

impl Kernel for MeanOfMap {
    const NAME: &'static str = "resample.mean-of-map/1";
    type Params = Factor;
    type Partial = ();

    fn run(factor: &Factor, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        block_mean_plain(io.input::<u16>(0)?, *factor, io.output::<u16>(0)?).map_err(|e| defect(&e))
    }
}

/// Block means of maps of 8 bits, such as cloud confidence.
pub(crate) struct MeanOfMask;

impl Kernel for MeanOfMask {
    const NAME: &'static str = "resample.mean-of-mask/1";
    type Params = Factor;
    type Partial = ();

    fn run(factor: &Factor, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        block_mean_plain(io.input::<u8>(0)?, *factor, io.output::<u8>(0)?).map_err(|e| defect(&e))
    }
}

/// The class map at 60 m from that at 20 m.
pub(crate) struct ReduceClassMap;

impl Kernel for ReduceClassMap {
    const NAME: &'static str = "resample.class-map/1";
    type Params = ClassReduction;
    type Partial = ();

    fn run(reduction: &ClassReduction, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        reduce_class_map(io.input::<u8>(0)?, *reduction, io.output::<u8>(0)?).map_err(|e| defect(&e))
    }
}

/// Smallest and largest value of a block.
pub(crate) struct FindRange;

impl Kernel for FindRange {
    const NAME: &'static str = "resample.value-range/1";
    type Params = ();
    type Partial = ValueRange;

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<ValueRange, KernelError> {
        Ok(value_range(io.input::<u16>(0)?))
    }
}

/// Interpolates a 60 m band, which comes whole as a table, on the 20 m grid.
pub(crate) struct Interpolate;

/// Parameters of [`Interpolate`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct InterpolateParams {
    /// Bicubic if true, else bilinear.
    pub(crate) cubic: bool,
    /// Range of the whole band, which the result is clipped to.
    pub(crate) range: ValueRange,
}

impl Kernel for Interpolate {
    const NAME: &'static str = "resample.interpolate/1";
    type Params = InterpolateParams;
    type Partial = ();

    fn run(params: &InterpolateParams, io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let source = io.table::<u16>(0)?;
        let placement = Placement {
            source_origin: (0, 0),
            source_shape: source.dim(),
            target: io.window(Resolution::R20),
            target_shape: io.extent().shape(Resolution::R20),
        };
        let output = io.output::<u16>(0)?;
        let done = if params.cubic {
            bicubic(source, &placement, params.range, output)
        } else {
            bilinear(source, &placement, params.range, output)
        };
        done.map_err(|e| defect(&e))
    }
}
