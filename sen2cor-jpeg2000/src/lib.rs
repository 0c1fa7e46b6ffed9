//! JPEG 2000 as Sentinel-2 uses it (ITU-T T.800): a decoder and an encoder of single tiles, without C code.
//!
//! Reversible 5-3 wavelet, one layer, progression LRCP, 1 to 16 bits, 1 to 16 components with or without the colour
//! transform, any size of tiles, precincts and code-blocks, any number of decompositions, bypass of the arithmetic coder. What
//! else the standard has (9-7, several layers, other progressions and block styles, packed headers) is refused with
//! [`Error::Unsupported`] before any work starts.
//!
//! - **Reading**: [`Codestream::read`] checks the headers, a [`Decoder`] decodes a tile, whole or a part ([`Request`]), at full or
//!   reduced resolution, into a [`Target`] of the caller.
//! - **Writing**: a [`Header`] says how; an [`Encoder`] turns the samples of a tile ([`Source`]) into a tile-part. Main header,
//!   tile-parts and an end marker make a codestream.
//!
//! Coders keep their memory from tile to tile and depend on nothing but their arguments, so tiles may be spread over threads
//! and processes. The tile-parts are those of OpenJPEG with the same settings, byte by byte.
//!
//! ```
//! use sen2cor_jpeg2000::{
//!     Codestream, CodingStyle, Decoder, EncodeOptions, Encoder, END_OF_CODESTREAM, GuardBits, Header, ImageSize, Limits, Plane,
//!     Request, Source,
//! };
//!
//! /// A ramp.
//! struct Ramp;
//! impl Source for Ramp {
//!     fn read_row(&self, _component: usize, row: usize, out: &mut [i32]) {
//!         out.iter_mut().enumerate().for_each(|(column, sample)| *sample = (10 * row + column) as i32);
//!     }
//! }
//!
//! # fn main() -> Result<(), sen2cor_jpeg2000::Error> {
//! let size = ImageSize { end: [50, 40], start: [0, 0], tile: [64, 64], tile_start: [0, 0], components: 1, bits: 12 };
//! let header = Header::new(size, CodingStyle::square(3, 4, 7))?;
//! let mut stream = header.write(GuardBits::One);
//! Encoder::new().encode_tile(&header, 0, &EncodeOptions::default(), &Ramp, &mut stream)?;
//! stream.extend(END_OF_CODESTREAM);
//!
//! let stream = Codestream::read(&stream, &Limits::default())?;
//! let mut samples = vec![0; 50 * 40];
//! Decoder::new().decode_tile(&stream, 0, &Request::default(), &mut [Plane { samples: &mut samples, stride: 50, width: 50 }])?;
//! assert_eq!(samples[50 * 3 + 7], 37);
//! # Ok(())
//! # }
//! ```

#![allow(
    clippy::inline_always,
    reason = "a loop that is compiled for an instruction set has to contain what it calls"
)]

mod block;
mod codestream;
mod error;
mod isa;
mod mq;
mod packet;
mod tile;
mod wavelet;

pub use codestream::{Codestream, CodingStyle, GuardBits, Header, ImageSize, Limits};
pub use error::Error;
pub use tile::{Decoder, EncodeOptions, Encoder, Plane, Rect, Request, Source, Target};

/// The marker that ends a codestream (EOC).
pub const END_OF_CODESTREAM: [u8; 2] = codestream::marker::EOC.to_be_bytes();
