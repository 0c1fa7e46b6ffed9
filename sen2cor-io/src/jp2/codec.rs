//! What a coder of JPEG 2000 tiles does. One implementation stands behind it: [`super::OpenJpeg`].

use super::coding::Coding;
use super::error::Jp2Error;
use ndarray::{ArrayView2, s};
use sen2cor_core::grid::Window;

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

    /// Copies a component row by row; what needs more bits than the coding has is an error.
    pub(super) fn copy_component(
        &self,
        number: usize,
        coding: &Coding,
        out: &mut [i32],
    ) -> Result<(), Jp2Error> {
        let highest = match self {
            Self::U16(planes) => planes.get(number).map_or(0, |plane| copy(plane, out)),
            Self::U8(planes) => planes.get(number).map_or(0, |plane| copy(plane, out)),
        };
        if highest > coding.max_sample() {
            return Err(Jp2Error::Sample { value: highest, bits: coding.bits });
        }
        Ok(())
    }
}

/// Copies row by row and returns the largest sample.
fn copy<T: Copy + Into<u16>>(plane: &ArrayView2<'_, T>, out: &mut [i32]) -> u16 {
    let mut highest = 0;
    for (target, &sample) in out.iter_mut().zip(plane) {
        let sample: u16 = sample.into();
        highest = highest.max(sample);
        *target = sample.into();
    }
    highest
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

    /// Decodes a stream of one tile ([`super::ImageIndex::mini_stream`]): samples of each component row by row.
    ///
    /// # Errors
    /// If the stream is damaged, incomplete, or does not hold what is `expected`.
    fn decode(&self, mini: &[u8], expected: TileShape) -> Result<Vec<Vec<u16>>, Jp2Error>;

    /// Encodes a tile and appends its tile-part, from the SOT marker to the last byte of data, to `out`.
    ///
    /// # Errors
    /// If the samples do not fit the coding, or the tile-part would exceed [`Coding::tile_capacity`].
    fn encode(&self, coding: &Coding, tile: &TileToEncode<'_>, out: &mut Vec<u8>) -> Result<(), Jp2Error>;

    /// COD and QCD segments of the main header that belongs to these tile-parts.
    ///
    /// # Errors
    /// If the coder cannot do this coding.
    fn main_header_segments(&self, coding: &Coding) -> Result<Vec<u8>, Jp2Error>;
}
