//! The coder of `sen2cor-jpeg2000` as a [`TileCodec`], and the choice between coders.

use super::codec::{Samples, TileCodec, TileComponent, TileShape, check_views, no_component};
use super::error::Jp2Error;
use super::mini;
use super::openjpeg::OpenJpeg;
use crate::limits::{MAX_IMAGE_EDGE, MAX_TILE_SAMPLES};
use ndarray::{Array2, ArrayViewMut2, Axis};
use sen2cor_jpeg2000::{Codestream, Decoder, EncodeOptions, Encoder, Error, Header, Limits, Request, Target};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

const LIMITS: Limits = Limits { image_edge: MAX_IMAGE_EDGE, tiles: 65_535, tile_samples: MAX_TILE_SAMPLES };

/// The coder of this project: reversible coding with one layer, about twice as fast as OpenJPEG, with the same pixels and bytes.
/// Anything else is [`Jp2Error::Unsupported`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

thread_local! {
    /// Coders keep their memory from tile to tile.
    static DECODER: RefCell<Decoder> = RefCell::new(Decoder::new());
    static ENCODER: RefCell<Encoder> = RefCell::new(Encoder::new());
}

impl Native {
    /// Reads a stream of one tile and checks that it holds what is expected.
    fn read(mini: &[u8], expected: TileShape) -> Result<Codestream<'_>, Jp2Error> {
        let stream = Codestream::read(mini, &LIMITS)?;
        let size = &stream.header().size;
        let [cols, rows] = size.tile_shape(0);
        Jp2Error::same("number of tiles", 1, stream.tile_count())?;
        Jp2Error::same("number of components", expected.components, size.components)?;
        Jp2Error::same("rows of the tile", expected.rows, rows)?;
        Jp2Error::same("columns of the tile", expected.cols, cols)?;
        Jp2Error::same("bits per sample", expected.bits, size.bits)?;
        Ok(stream)
    }
}

/// Decodes the only tile of a stream.
fn decode(stream: &Codestream<'_>, request: &Request, target: &mut dyn Target) -> Result<(), Jp2Error> {
    Ok(DECODER.with_borrow_mut(|decoder| decoder.decode_tile(stream, 0, request, target))?)
}

impl TileCodec for Native {
    fn name(&self) -> &'static str {
        "native coder"
    }

    fn decode_into(
        &self,
        mini: &[u8],
        expected: TileShape,
        out: &mut [ArrayViewMut2<'_, u16>],
    ) -> Result<(), Jp2Error> {
        check_views(expected, out)?;
        let stream = Self::read(mini, expected)?;
        if out.iter().all(|view| view.ncols() < 2 || view.strides()[1] == 1) {
            return decode(&stream, &Request::default(), &mut Rows(out));
        }
        // Views whose rows have gaps take a copy.
        let mut planes = vec![Array2::zeros((expected.rows, expected.cols)); out.len()];
        let mut views: Vec<_> = planes.iter_mut().map(|plane| plane.view_mut()).collect();
        decode(&stream, &Request::default(), &mut Rows(&mut views))?;
        out.iter_mut().zip(&planes).for_each(|(view, plane)| view.assign(plane));
        Ok(())
    }

    fn decode_components(
        &self,
        mini: &[u8],
        expected: TileShape,
        wanted: &[u16],
    ) -> Result<Vec<TileComponent>, Jp2Error> {
        if let Some(&number) = wanted.iter().find(|&&number| number >= expected.components) {
            return Err(no_component(number));
        }
        let stream = Self::read(mini, expected)?;
        let components = wanted.iter().fold(0, |set, number| set | 1 << (number & 15));
        let mut found = Found {
            wanted,
            width: expected.cols,
            samples: expected.rows * expected.cols,
            components: Vec::new(),
        };
        found.components = vec![TileComponent::Uniform(0); wanted.len()];
        decode(&stream, &Request { components, ..Request::default() }, &mut found)?;
        Ok(found.components)
    }

    fn encode_as(
        &self,
        header: &Header,
        samples: &Samples<'_>,
        number: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), Jp2Error> {
        let [cols, rows] = header.size.tile_shape(0);
        samples.check(header.size.components, rows, cols)?;
        let start = out.len();
        let options = EncodeOptions::default();
        ENCODER.with_borrow_mut(|encoder| encoder.encode_tile(header, 0, &options, samples, out))?;
        let len = (out.len() - start) as u32;
        if let Some(own) = out.get_mut(start..) {
            mini::set_tile_part(own, number, len);
        }
        Ok(())
    }
}

/// Rows of views that have no gaps in them.
struct Rows<'a, 'b>(&'a mut [ArrayViewMut2<'b, u16>]);

impl Target for Rows<'_, '_> {
    fn row(&mut self, component: usize, row: usize) -> &mut [u16] {
        let view = self.0.get_mut(component).filter(|view| row < view.nrows());
        view.and_then(|view| view.index_axis_mut(Axis(0), row).into_slice()).unwrap_or_default()
    }
}

/// Components that are asked for; those of one value take no memory.
struct Found<'a> {
    wanted: &'a [u16],
    width: usize,
    /// Samples of a component.
    samples: usize,
    components: Vec<TileComponent>,
}

impl Found<'_> {
    fn component(&mut self, number: usize) -> Option<&mut TileComponent> {
        let place = self.wanted.iter().position(|&wanted| usize::from(wanted) == number)?;
        self.components.get_mut(place)
    }
}

impl Target for Found<'_> {
    fn row(&mut self, component: usize, row: usize) -> &mut [u16] {
        let (width, count) = (self.width, self.samples);
        let Some(found) = self.component(component) else { return &mut [] };
        if let TileComponent::Uniform(_) = found {
            *found = TileComponent::Samples(vec![0; count]);
        }
        match found {
            TileComponent::Samples(samples) => {
                samples.get_mut(row * width..(row + 1) * width).unwrap_or_default()
            }
            TileComponent::Uniform(_) => &mut [],
        }
    }

    fn uniform(&mut self, component: usize, value: u16) -> bool {
        self.component(component).map(|found| *found = TileComponent::Uniform(value)).is_some()
    }
}

/// Which coder to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// The native coder where it can, OpenJPEG for the rest.
    #[default]
    Auto,
    /// The native coder; what it does not know is an error.
    Native,
    /// OpenJPEG.
    OpenJpeg,
}

impl Codec {
    /// Who decodes a stream.
    fn decoder(self, mini: &[u8]) -> &'static dyn TileCodec {
        match self {
            Self::Native => &Native,
            Self::OpenJpeg => &OpenJpeg,
            Self::Auto => match Codestream::read(mini, &LIMITS) {
                Err(Error::Unsupported { .. }) => &OpenJpeg,
                _ => &Native,
            },
        }
    }
}

impl TileCodec for Codec {
    fn name(&self) -> &'static str {
        match self {
            Self::Auto | Self::Native => Native.name(),
            Self::OpenJpeg => OpenJpeg.name(),
        }
    }

    fn decode_into(
        &self,
        mini: &[u8],
        expected: TileShape,
        out: &mut [ArrayViewMut2<'_, u16>],
    ) -> Result<(), Jp2Error> {
        self.decoder(mini).decode_into(mini, expected, out)
    }

    fn decode_components(
        &self,
        mini: &[u8],
        expected: TileShape,
        wanted: &[u16],
    ) -> Result<Vec<TileComponent>, Jp2Error> {
        self.decoder(mini).decode_components(mini, expected, wanted)
    }

    fn encode_as(
        &self,
        header: &Header,
        samples: &Samples<'_>,
        number: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), Jp2Error> {
        match self {
            Self::Native => Native.encode_as(header, samples, number, out),
            Self::Auto => match Native.encode_as(header, samples, number, out) {
                Err(Jp2Error::Unsupported { .. }) => OpenJpeg.encode_as(header, samples, number, out),
                other => other,
            },
            Self::OpenJpeg => OpenJpeg.encode_as(header, samples, number, out),
        }
    }
}
