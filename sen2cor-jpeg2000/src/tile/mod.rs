//! Tiles: their geometry (ITU-T T.800 annex B), and from packets to samples and back.

mod decode;
mod encode;
mod geometry;
mod rate;

pub use decode::{Decoder, Plane, Request, Target};
pub use encode::{EncodeOptions, Encoder, Source};
pub use geometry::Rect;

pub(crate) use geometry::{Resolution, TileGeometry};
