//! The table of all kernels: every worker finds them here by name.

use crate::stages::classify::ClassifyScene;
use crate::stages::codec::{DecodeBand, EncodeImage, EncodePreview, Inflate};
use crate::stages::correct::{CorrectBand, FillMap};
use crate::stages::imagery::{Preview, TrueColour};
use crate::stages::resample::{BlockMean, FindRange, Interpolate, MeanOfMap, MeanOfMask, ReduceClassMap};
use crate::stages::simulate::{FillMask, SimulateBand, SimulateColour, SurfaceTruth};
use crate::stages::verify::VerifyFile;
use sen2cor_exec::{KernelEntry, Registry};

/// All kernels of this program. Give it to the executor that runs a [`Processor`](crate::Processor).
pub const KERNELS: Registry = Registry(&[
    KernelEntry::of::<VerifyFile>(),
    KernelEntry::of::<Inflate>(),
    KernelEntry::of::<DecodeBand>(),
    KernelEntry::of::<BlockMean>(),
    KernelEntry::of::<FindRange>(),
    KernelEntry::of::<Interpolate>(),
    KernelEntry::of::<ClassifyScene>(),
    KernelEntry::of::<CorrectBand>(),
    KernelEntry::of::<FillMap>(),
    KernelEntry::of::<MeanOfMap>(),
    KernelEntry::of::<MeanOfMask>(),
    KernelEntry::of::<ReduceClassMap>(),
    KernelEntry::of::<TrueColour>(),
    KernelEntry::of::<Preview>(),
    KernelEntry::of::<EncodeImage>(),
    KernelEntry::of::<EncodePreview>(),
    KernelEntry::of::<SimulateBand>(),
    KernelEntry::of::<SimulateColour>(),
    KernelEntry::of::<SurfaceTruth>(),
    KernelEntry::of::<FillMask>(),
]);
