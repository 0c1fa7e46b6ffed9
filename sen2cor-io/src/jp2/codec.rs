//! What a coder of JPEG 2000 tiles does. [`super::OpenJpeg`] and [`super::Native`] stand behind it; [`super::Codec`] chooses.

use super::coding::Coding;
use super::error::Jp2Error;
use super::mini;
use ndarray::{ArrayView2, ArrayViewMut2, s};
use sen2cor_core::grid::Window;
use sen2cor_jpeg2000::{Header, Source};

/// What decoding a tile must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileShape {
    /// Number of components.
    pub components: u16,
    /// Rows of each.
    pub rows: usize,
    /// Columns of each.
    pub cols: usize,
    /// Bits per sample, unsigned.
    pub bits: u8,
}

/// Samples to encode: one view (rows, cols) per component, all of one shape.
#[derive(Clone, Debug)]
pub enum Samples<'a> {
    /// Up to 16 bits.
    U16(Vec<ArrayView2<'a, u16>>),
    /// Up to 8 bits.
    U8(Vec<ArrayView2<'a, u8>>),
}

#[allow(clippy::needless_pass_by_value, reason = "views are handed over, as in ndarray")]
impl<'a> Samples<'a> {
    /// One component of 16 bits.
    pub fn grey16(plane: ArrayView2<'a, u16>) -> Self {
        Self::U16(vec![plane])
    }

    /// One component of 8 bits.
    pub fn grey8(plane: ArrayView2<'a, u8>) -> Self {
        Self::U8(vec![plane])
    }

    /// The three components of an image (rows, 3 * cols) whose pixels are interleaved: R G B R G B ...
    pub fn interleaved_rgb(image: ArrayView2<'a, u8>) -> Self {
        let cols = image.ncols() / 3;
        Self::U8((0..3).map(|c| image.slice_move(s![.., c..3 * cols; 3])).collect())
    }

    /// Number of components.
    pub fn components(&self) -> usize {
        match self {
            Self::U16(planes) => planes.len(),
            Self::U8(planes) => planes.len(),
        }
    }

    /// Rows and columns of the first component.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::U16(planes) => planes.first().map_or((0, 0), ArrayView2::dim),
            Self::U8(planes) => planes.first().map_or((0, 0), ArrayView2::dim),
        }
    }

    /// A part of all components.
    ///
    /// # Errors
    /// [`Jp2Error::Contradiction`] if a component does not reach that far.
    pub fn window(&self, window: Window) -> Result<Self, Jp2Error> {
        Ok(match self {
            Self::U16(planes) => Self::U16(cut(planes, window)?),
            Self::U8(planes) => Self::U8(cut(planes, window)?),
        })
    }

    /// Checks number and shape of the components.
    ///
    /// # Errors
    /// [`Jp2Error::Contradiction`] that says what differs.
    pub fn check(&self, components: u16, rows: usize, cols: usize) -> Result<(), Jp2Error> {
        Jp2Error::same("number of components", usize::from(components), self.components())?;
        let shapes: Vec<_> = match self {
            Self::U16(planes) => planes.iter().map(ArrayView2::dim).collect(),
            Self::U8(planes) => planes.iter().map(ArrayView2::dim).collect(),
        };
        for shape in shapes {
            Jp2Error::same("rows of the samples", rows, shape.0)?;
            Jp2Error::same("columns of the samples", cols, shape.1)?;
        }
        Ok(())
    }
}

impl Source for Samples<'_> {
    fn read_row(&self, component: usize, row: usize, out: &mut [i32]) {
        match self {
            Self::U16(planes) => copy_row(planes.get(component), row, out),
            Self::U8(planes) => copy_row(planes.get(component), row, out),
        }
    }
}

/// Copies a row; what is not there was refused by [`Samples::check`].
fn copy_row<T: Copy + Into<i32>>(plane: Option<&ArrayView2<'_, T>>, row: usize, out: &mut [i32]) {
    let Some(plane) = plane.filter(|plane| row < plane.nrows()) else { return };
    let line = plane.row(row);
    if let Some(line) = line.as_slice() {
        out.iter_mut().zip(line).for_each(|(out, &sample)| *out = sample.into());
    } else {
        out.iter_mut().zip(line).for_each(|(out, &sample)| *out = sample.into());
    }
}

fn cut<'a, T>(planes: &[ArrayView2<'a, T>], w: Window) -> Result<Vec<ArrayView2<'a, T>>, Jp2Error> {
    let (end_row, end_col) = (w.row.saturating_add(w.rows), w.col.saturating_add(w.cols));
    let part = |plane: &ArrayView2<'a, T>| {
        let (rows, cols) = plane.dim();
        if end_row > rows || end_col > cols {
            return Err(Jp2Error::Contradiction {
                field: "shape of the samples",
                expected: format!("at least {end_row} x {end_col}"),
                found: format!("{rows} x {cols}"),
            });
        }
        Ok((*plane).slice_move(s![w.row..end_row, w.col..end_col]))
    };
    planes.iter().map(part).collect()
}

/// A decoded component of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TileComponent {
    /// All samples have this value.
    Uniform(u16),
    /// Samples row by row.
    Samples(Vec<u16>),
}

impl TileComponent {
    /// The sample at a place, counted row by row; `None` behind the end of [`Self::Samples`].
    pub fn at(&self, place: usize) -> Option<u16> {
        match self {
            Self::Uniform(value) => Some(*value),
            Self::Samples(samples) => samples.get(place).copied(),
        }
    }
}

/// A tile with its place in the image.
#[derive(Clone, Debug)]
pub struct TileToEncode<'a> {
    /// Number of the tile, counted row by row.
    pub tile: u16,
    /// Its pixels in the image, cut at the borders; row and column are multiples of [`Coding::tile`].
    pub window: Window,
    /// Its samples, of the shape of the window.
    pub samples: Samples<'a>,
}

/// Decodes and encodes single tiles. Both depend on nothing but their arguments, so tiles may be spread over
/// threads and processes as one likes.
pub trait TileCodec: Send + Sync {
    /// What to call it in messages.
    fn name(&self) -> &'static str;

    /// Decodes a stream of one tile ([`super::ImageIndex::mini_stream`]) into one view per component, of the `expected` shape.
    ///
    /// # Errors
    /// If the stream is damaged, incomplete, or does not hold what is `expected`. The views may have been written in part then.
    fn decode_into(
        &self,
        mini: &[u8],
        expected: TileShape,
        out: &mut [ArrayViewMut2<'_, u16>],
    ) -> Result<(), Jp2Error>;

    /// Encodes the tile of an image of one tile ([`Header::of_tile`]) and appends its tile-part, from the SOT marker to the
    /// last byte of data, to `out`; its number is `number`.
    ///
    /// # Errors
    /// If the samples do not fit, or the coder cannot do this coding.
    fn encode_as(
        &self,
        header: &Header,
        samples: &Samples<'_>,
        number: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), Jp2Error>;

    /// Decodes a stream of one tile: samples of each component row by row.
    ///
    /// # Errors
    /// As [`Self::decode_into`].
    fn decode(&self, mini: &[u8], expected: TileShape) -> Result<Vec<Vec<u16>>, Jp2Error> {
        // A damaged header may claim anything: what is expected comes from the caller, who has checked it.
        let mut planes = vec![vec![0; expected.rows * expected.cols]; usize::from(expected.components)];
        let views = planes.iter_mut().map(|plane| {
            ArrayViewMut2::from_shape((expected.rows, expected.cols), plane.as_mut_slice())
                .map_err(|_| Jp2Error::tile(0, "has a shape without memory"))
        });
        let mut views = views.collect::<Result<Vec<_>, _>>()?;
        self.decode_into(mini, expected, &mut views)?;
        drop(views);
        Ok(planes)
    }

    /// Decodes some components of a stream of one tile, in the order of `wanted`. Components of one value need not be written out
    /// sample by sample: most tiles of masks are such.
    ///
    /// # Errors
    /// As [`Self::decode_into`]; also for a component that the tile has not.
    fn decode_components(
        &self,
        mini: &[u8],
        expected: TileShape,
        wanted: &[u16],
    ) -> Result<Vec<TileComponent>, Jp2Error> {
        let planes = self.decode(mini, expected)?;
        let plane = |&number: &u16| {
            let plane = planes.get(usize::from(number)).cloned();
            plane.map(TileComponent::Samples).ok_or_else(|| no_component(number))
        };
        wanted.iter().map(plane).collect()
    }

    /// Encodes a tile and appends its tile-part to `out`.
    ///
    /// # Errors
    /// If the samples do not fit the coding, or the tile-part would exceed [`Coding::tile_capacity`].
    fn encode(&self, coding: &Coding, tile: &TileToEncode<'_>, out: &mut Vec<u8>) -> Result<(), Jp2Error> {
        coding.check()?;
        tile.samples.check(coding.components, tile.window.rows, tile.window.cols)?;
        let start = out.len();
        let encoded = self
            .encode_as(&coding.header_of(tile)?, &tile.samples, tile.tile, out)
            .and_then(|()| mini::check_capacity(out.len() - start, coding, tile.tile));
        encoded.inspect_err(|_| out.truncate(start))
    }

    /// COD and QCD segments of the main header that belongs to these tile-parts.
    ///
    /// # Errors
    /// If the coder cannot do this coding.
    fn main_header_segments(&self, coding: &Coding) -> Result<Vec<u8>, Jp2Error> {
        coding.check()?;
        Ok(coding.header_segments())
    }
}

/// What is said of a component that does not exist.
pub(super) fn no_component(number: u16) -> Jp2Error {
    Jp2Error::tile(0, format!("has no component {number}"))
}

/// Compares views with the shape that a tile has.
pub(super) fn check_views(expected: TileShape, views: &[ArrayViewMut2<'_, u16>]) -> Result<(), Jp2Error> {
    Jp2Error::same("number of components", usize::from(expected.components), views.len())?;
    for view in views {
        Jp2Error::same("rows of the tile", expected.rows, view.nrows())?;
        Jp2Error::same("columns of the tile", expected.cols, view.ncols())?;
    }
    Ok(())
}
