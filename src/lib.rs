//! Sentinel-2 Level-2A processing: from a Level-1C product to surface reflectance and a scene class map.
//!
//! This crate puts the parts together: `sen2cor-core` (pure algorithms), `sen2cor-io` (products and images) and
//! `sen2cor-exec` (execution). It holds no algorithm of its own. [`Processor`] makes a Level-2A product; the whole data flow
//! is one readable file, `recipe.rs`.
//!
//! ```no_run
//! use sen2cor::{Options, Processor, RawOptions};
//!
//! let mut options = RawOptions::default();
//! options.atmosphere.aot_550 = Some(0.15);
//! let report = Processor::new("S2B_MSIL1C_20240305T104819_N0510_R051_T31TCJ_20240305T125347.SAFE")
//!     .with_options(Options::try_from(options).map_err(sen2cor::Error::Options)?)
//!     .run()?;
//! for product in &report.products {
//!     println!("{}", product.display());
//! }
//! # Ok::<(), sen2cor::Error>(())
//! ```
//!
//! The parts are re-exported as [`core`], [`io`] and [`exec`].

mod aerosol_result;
mod air;
mod arrays;
mod auxiliary;
mod builder;
mod carry;
mod cirrus;
mod decode;
mod dem_tiles;
mod demo;
mod error;
mod execution;
mod facts;
mod finished;
mod forecast;
mod geometry;
mod gipp;
mod images;
mod inspect;
#[cfg(test)]
mod kernel_tests;
mod kernels;
mod masks;
mod options;
mod processor;
mod quality;
mod quicklook;
mod recipe;
mod region;
mod relief;
mod report;
mod retrieval;
mod simulator;
mod stages;
mod state;
mod tables;
mod trace;
mod view_angles;
pub mod worker;

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use arrays::{Layer, LayerArray};
pub use builder::ProcessorBuilder;
pub use dem_tiles::{DemTile, dem_tiles};
pub use demo::{Demo, run_demo};
pub use error::{Error, FailureKind, Result};
pub use execution::{Execution, Strategy};
pub use gipp::{Gipp, NotHonoured};
pub use inspect::{Inspection, TileInspection, inspect, verify};
pub use kernels::KERNELS;
pub use options::define::{OptionKind, OptionRow, OptionTopic};
pub use options::{
    AerosolLoad, AerosolType, AtmosphereOptions, AuxiliaryOptions, CirrusOptions, ClassificationOptions,
    ExecutionOptions, InvalidOption, Options, OutputResolution, Part, ProductOptions, RawAtmosphereOptions,
    RawAuxiliaryOptions, RawCirrusOptions, RawClassificationOptions, RawExecutionOptions, RawOptions,
    RawProductOptions, RawRetrievalOptions, RawSelectionOptions, RawTerrainOptions, RetrievalOptions,
    SelectionOptions, Switch, TerrainOptions,
};
pub use processor::Processor;
pub use quality::{QualityEntry, QualityNote, QualityRecord, Severity};
pub use report::{RunReport, StageSummary, Totals, ValueUsed};
pub use simulator::{Simulation, Simulator};
pub use trace::Trace;

pub use jiff::Timestamp;
pub use sen2cor_core as core;
pub use sen2cor_core::aerosol::Aerosol;
pub use sen2cor_core::reflectance::Model;
pub use sen2cor_core::resample::ClassReduction;
pub use sen2cor_core::sensor::Spacecraft;
pub use sen2cor_exec as exec;
pub use sen2cor_exec::{CancelToken, Event, Executor, Observer, Processes, RunContext, Sequential, Threads};
pub use sen2cor_io as io;
pub use sen2cor_io::safe::names::ProcessingBaseline;
