//! Quality masks of Level-1C products: GML polygons before baseline 04.00, JPEG 2000 images from then on.
//!
//! Source: Sentinel-2 Product Specification Document (masks of the tile) and the files of real products.

mod gml;
mod raster;

pub use gml::{MaskFeature, MaskType, read_gml};
pub use raster::{QUALITY_COMPONENTS, detectors_at, quality_flags};
