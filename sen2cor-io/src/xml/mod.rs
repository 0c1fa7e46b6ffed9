//! XML: a small tree for reading, changing and writing documents, and the typed models of the metadata.

mod angles;
mod datastrip;
mod fields;
mod footprint;
mod inspire;
pub(crate) mod l2a;
mod l2a_datastrip;
mod l2a_page;
mod l2a_product;
mod l2a_quality;
mod l2a_tile;
mod part;
mod product;
mod psd;
mod tile;
mod tree;

pub use datastrip::DatastripMetadata;
pub use part::part_of_tile;
pub use product::{GranuleRef, OrbitDirection, ProductMetadata};
pub use tile::{MaskRef, TileMetadata};
pub use tree::{Element, Node};
