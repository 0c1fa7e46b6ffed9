//! The coder of `sen2cor-jpeg2000` as a [`TileCodec`], and the choice between coders.

use super::codec::{Samples, TileCodec, TileShape, check_views};
use super::error::Jp2Error;
use super::mini;
use super::openjpeg::OpenJpeg;
use crate::limits::{MAX_IMAGE_EDGE, MAX_TILE_SAMPLES};
use ndarray::{Array2, ArrayViewMut2, Axis};
use sen2cor_jpeg2000::{Codestream, Decoder, EncodeOptions, Encoder, Error, Header, Limits, Request, Target};
use serde::{Deserialize, Serialize};

const LIMITS: Limits = Limits { image_edge: MAX_IMAGE_EDGE, tiles: 65_535, tile_samples: MAX_TILE_SAMPLES };

/// The coder of this project: reversible coding with one layer, about twice as fast as OpenJPEG, with the same pixels and bytes.
/// Anything else is [`Jp2Error::Unsupported`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

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
        let stream = Codestream::read(mini, &LIMITS)?;
        let size = &stream.header().size;
        let [cols, rows] = size.tile_shape(0);
        Jp2Error::same("number of tiles", 1, stream.tile_count())?;
        Jp2Error::same("number of components", expected.components, size.components)?;
        Jp2Error::same("rows of the tile", expected.rows, rows)?;
        Jp2Error::same("columns of the tile", expected.cols, cols)?;
        Jp2Error::same("bits per sample", expected.bits, size.bits)?;
        if out.iter().all(|view| view.ncols() < 2 || view.strides()[1] == 1) {
            return Ok(Decoder::new().decode_tile(&stream, 0, &Request::default(), &mut Rows(out))?);
        }
        // Views whose rows have gaps take a copy.
        let mut planes = vec![Array2::zeros((rows, cols)); out.len()];
        let mut views: Vec<_> = planes.iter_mut().map(|plane| plane.view_mut()).collect();
        Decoder::new().decode_tile(&stream, 0, &Request::default(), &mut Rows(&mut views))?;
        out.iter_mut().zip(&planes).for_each(|(view, plane)| view.assign(plane));
        Ok(())
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
        Encoder::new().encode_tile(header, 0, &EncodeOptions::default(), samples, out)?;
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
        match self {
            Self::Native => Native.decode_into(mini, expected, out),
            Self::OpenJpeg => OpenJpeg.decode_into(mini, expected, out),
            Self::Auto => match Codestream::read(mini, &LIMITS) {
                Err(Error::Unsupported { .. }) => OpenJpeg.decode_into(mini, expected, out),
                _ => Native.decode_into(mini, expected, out),
            },
        }
    }

    fn encode_as(
        &self,
        header: &Header,
        samples: &Samples<'_>,
        number: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), Jp2Error> {
        match self {
            // Whatever a header can say, the native coder can write.
            Self::Auto | Self::Native => Native.encode_as(header, samples, number, out),
            Self::OpenJpeg => OpenJpeg.encode_as(header, samples, number, out),
        }
    }
}
