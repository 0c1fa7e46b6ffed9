//! SAFE products: Level-1C in, Level-2A out.

pub mod names;

mod archive;
mod container;
mod file_ref;
mod l1c;
mod l1c_tile;
mod l1c_writer;
mod l1c_xml;
mod l2a_facts;
mod l2a_names;
mod l2a_writer;
mod manifest;
mod manifest_objects;
mod manifest_writer;
mod staging;
mod verify;

pub use container::{Container, Location};
pub use file_ref::FileRef;
pub use l1c::{Finding, FindingKind, L1cProduct};
pub use l1c_tile::L1cTile;
pub use l1c_writer::{L1cImage, L1cWriter};
pub use l1c_xml::L1cFacts;
pub use l2a_facts::{AotRetrieval, AuxiliaryNames, ClassShares, L2aFacts, OzoneSource, RecordedNote};
pub use l2a_names::{ImageKind, L2aNames};
pub use l2a_writer::{CopySource, FileCopy, L2aInput, L2aWriter};
pub use manifest::{MANIFEST, Manifest, ManifestEntry};
pub use manifest_objects::KnownDigests;
pub use staging::{Existing, Staging};
pub use verify::{Problem, ProblemKind, VerifyReport, check_file, verify, verify_container};
