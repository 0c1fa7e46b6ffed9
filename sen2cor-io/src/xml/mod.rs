//! XML: a small tree for reading, changing and writing documents, and the typed models of the metadata.

mod datastrip;
mod inspire;
mod l2a_datastrip;
mod l2a_product;
mod l2a_tile;
mod product;
mod tile;
mod tree;

pub use tree::{Element, Node};
