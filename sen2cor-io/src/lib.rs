//! Files and formats of Sentinel-2 products.
//!
//! | module | what it holds |
//! |---|---|
//! | [`bytes`] | positioned reading from files, archive members and memory |
//! | [`checksum`] | MD5 and SHA3-256 of files |
//! | [`xml`] | a small XML tree and the typed models of the metadata |
//! | [`safe`] | Level-1C products in, Level-2A products out |
//! | [`jp2`] | JPEG 2000 images, tile by tile |
//! | [`masks`] | quality masks of Level-1C, as polygons and as images |
//! | [`raster`] | GeoTIFF, SRTM and DTED in windows, mosaics, coordinate systems |
//! | [`auxiliary`] | weather files, look-up tables |
//!
//! Nothing here trusts its input: sizes are checked before memory is asked for, and an error names the file, the
//! field and what was expected there.

pub mod auxiliary;
pub mod bytes;
pub mod checksum;
mod error;
pub mod jp2;
pub mod limits;
pub mod masks;
pub mod raster;
pub mod safe;
pub mod xml;

pub use error::{Error, Result};
