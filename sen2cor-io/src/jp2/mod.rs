//! JPEG 2000 images (ITU-T T.800), read and written tile by tile.
//!
//! Every tile can be decoded and encoded on its own, in any thread or process, with the same result as the whole
//! image at once:
//!
//! - **Reading**: [`ImageIndex::read`] finds the tiles, [`ImageIndex::expect`] compares the image with the metadata,
//!   [`decode_tile_into`] decodes one tile.
//! - **Writing**: an [`ImageLayout`] cuts the image into tiles, [`encode_tile`] makes a tile-part of each, and
//!   [`write_jp2`] splices them into a file with its position ([`gml_document`]). [`write_image`] does all of it.
//!
//! The coder is a [`TileCodec`]: [`Native`], [`OpenJpeg`], or [`Codec`], which chooses. Both give the same pixels and bytes. JPEG 2000 has no checksum: damaged image data may
//! decode to wrong pixels without a warning, so products should be checked against their manifest.

mod boxes;
mod chunk;
mod codec;
mod coding;
mod error;
mod gml;
mod image;
mod index;
mod markers;
mod mini;
mod native;
mod openjpeg;
mod write;

pub use boxes::read_gml;
pub use codec::{Samples, TileCodec, TileComponent, TileShape, TileToEncode};
pub use coding::Coding;
pub use error::Jp2Error;
pub use gml::gml_document;
pub use image::{decode_image, decode_tile_into, encode_tile, write_image};
pub use index::ImageIndex;
pub use native::{Codec, Native};
pub use openjpeg::OpenJpeg;
pub use write::{ImageLayout, write_jp2};
