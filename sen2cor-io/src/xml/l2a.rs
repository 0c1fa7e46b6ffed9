//! The metadata of Level-2A products: one function per file.

pub(crate) use super::footprint::Footprint;
pub(crate) use super::inspire::inspire;
pub(crate) use super::l2a_datastrip::datastrip_metadata;
pub(crate) use super::l2a_page::{PICTURE, page};
pub(crate) use super::l2a_product::product_metadata;
pub(crate) use super::l2a_quality::quality_report;
pub(crate) use super::l2a_tile::tile_metadata;
pub(crate) use super::psd::Psd;
