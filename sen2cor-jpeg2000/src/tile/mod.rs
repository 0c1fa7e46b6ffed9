//! Tiles: their geometry (ITU-T T.800 annex B), and from packets to samples and back.

mod coefficients;
mod decode;
mod encode;
mod geometry;
mod rate;
mod target;

pub use decode::Decoder;
pub use encode::{EncodeOptions, Encoder, Source};
pub use geometry::Rect;
pub use target::{Plane, Request, Target};

pub(crate) use geometry::{Resolution, TileGeometry};
