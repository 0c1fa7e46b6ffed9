//! The table of all kernels: every worker finds them here by name.

use crate::stages::aerosol::{CountRungs, FindDark, InvertDark, MarkDark, SpreadLoad};
use crate::stages::atmosphere::Tabulate;
use crate::stages::cirrus::{CountCirrus, RemoveCirrus, SeeCirrus};
use crate::stages::classify::{
    CastShadows, DetectClasses, FilterClasses, FinishClasses, MarkSaturated, RecoverByLandCover,
    RecoverClasses, SumCirrus, SumLand, SumSnowCondition,
};
use crate::stages::codec::{DecodeBand, EncodeImage, EncodePreview, Inflate};
use crate::stages::correct::CorrectBand;
use crate::stages::imagery::{Preview, TrueColour};
use crate::stages::masks::{DrawQualityMask, MergeFlags, ReadQualityMask};
use crate::stages::region::{CountClasses, CountNegatives, SumMap};
use crate::stages::relief::{
    CoarsenElevation, LightGround, MapOfElevation, MarkLargeClouds, MarkVegetation, MeasureRelief,
};
use crate::stages::resample::{BlockMean, FindRange, Interpolate, MeanOfMap, MeanOfMask, ReduceClassMap};
use crate::stages::simulate::{FillMask, SimulateBand, SimulateColour, SurfaceTruth};
use crate::stages::terrain::{
    ReadCodes, ReadElevation, ShadeTerrain, StoreElevation, WarpCodes, WarpElevation,
};
use crate::stages::verify::VerifyFile;
use crate::stages::water::{FinishWater, ProductMap, RetrieveWater, Surroundings};
use crate::stages::write::{WriteFile, WriteImage};
use sen2cor_exec::{KernelEntry, Registry};

/// All kernels of this program. Give it to the executor that runs a [`Processor`](crate::Processor).
pub const KERNELS: Registry = Registry(&[
    KernelEntry::of::<VerifyFile>(),
    KernelEntry::of::<Inflate>(),
    KernelEntry::of::<DecodeBand>(),
    KernelEntry::of::<BlockMean>(),
    KernelEntry::of::<FindRange>(),
    KernelEntry::of::<Interpolate>(),
    KernelEntry::of::<SumSnowCondition>(),
    KernelEntry::of::<DetectClasses>(),
    KernelEntry::of::<CastShadows>(),
    KernelEntry::of::<RecoverClasses>(),
    KernelEntry::of::<SumLand>(),
    KernelEntry::of::<SumCirrus>(),
    KernelEntry::of::<RecoverByLandCover>(),
    KernelEntry::of::<MarkSaturated>(),
    KernelEntry::of::<FinishClasses>(),
    KernelEntry::of::<FilterClasses>(),
    KernelEntry::of::<SeeCirrus>(),
    KernelEntry::of::<CountCirrus>(),
    KernelEntry::of::<RemoveCirrus>(),
    KernelEntry::of::<Tabulate>(),
    KernelEntry::of::<ReadQualityMask>(),
    KernelEntry::of::<DrawQualityMask>(),
    KernelEntry::of::<MergeFlags>(),
    KernelEntry::of::<ReadElevation>(),
    KernelEntry::of::<ReadCodes>(),
    KernelEntry::of::<WarpElevation>(),
    KernelEntry::of::<WarpCodes>(),
    KernelEntry::of::<ShadeTerrain>(),
    KernelEntry::of::<MeasureRelief>(),
    KernelEntry::of::<CoarsenElevation>(),
    KernelEntry::of::<LightGround>(),
    KernelEntry::of::<MarkLargeClouds>(),
    KernelEntry::of::<MarkVegetation>(),
    KernelEntry::of::<MapOfElevation>(),
    KernelEntry::of::<StoreElevation>(),
    KernelEntry::of::<CorrectBand>(),
    KernelEntry::of::<FindDark>(),
    KernelEntry::of::<InvertDark>(),
    KernelEntry::of::<MarkDark>(),
    KernelEntry::of::<CountRungs>(),
    KernelEntry::of::<SpreadLoad>(),
    KernelEntry::of::<RetrieveWater>(),
    KernelEntry::of::<FinishWater>(),
    KernelEntry::of::<Surroundings>(),
    KernelEntry::of::<ProductMap>(),
    KernelEntry::of::<MeanOfMap>(),
    KernelEntry::of::<MeanOfMask>(),
    KernelEntry::of::<ReduceClassMap>(),
    KernelEntry::of::<CountClasses>(),
    KernelEntry::of::<CountNegatives>(),
    KernelEntry::of::<SumMap>(),
    KernelEntry::of::<TrueColour>(),
    KernelEntry::of::<Preview>(),
    KernelEntry::of::<EncodeImage>(),
    KernelEntry::of::<EncodePreview>(),
    KernelEntry::of::<WriteImage>(),
    KernelEntry::of::<WriteFile>(),
    KernelEntry::of::<SimulateBand>(),
    KernelEntry::of::<SimulateColour>(),
    KernelEntry::of::<SurfaceTruth>(),
    KernelEntry::of::<FillMask>(),
]);
