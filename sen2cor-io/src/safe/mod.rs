//! SAFE products: Level-1C in, Level-2A out.

pub mod names;

mod container;
mod l1c;
mod l1c_writer;
mod l2a_writer;
mod manifest;
mod manifest_objects;
mod manifest_writer;
mod staging;
mod verify;

pub use manifest_objects::KnownDigests;
pub use staging::{Existing, Staging};
