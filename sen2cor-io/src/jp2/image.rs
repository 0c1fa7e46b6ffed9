//! Whole images and single tiles through arrays, on top of index, coder and splicer.

use super::codec::{Samples, TileCodec, TileToEncode};
use super::error::Jp2Error;
use super::index::ImageIndex;
use super::write::{ImageLayout, write_jp2};
use crate::bytes::ByteSource;
use ndarray::{Array2, ArrayViewMut2, s};
use std::io::Write;

/// Decodes a tile of an image with one component into `out`, which has the shape of [`ImageIndex::tile_window`].
///
/// # Errors
/// If the tile cannot be read or decoded, or the shapes differ.
pub fn decode_tile_into(
    codec: &dyn TileCodec,
    index: &ImageIndex,
    source: &dyn ByteSource,
    tile: usize,
    out: ArrayViewMut2<'_, u16>,
) -> Result<(), Jp2Error> {
    let shape = index.tile_shape(tile);
    Jp2Error::same("number of components", 1, shape.components)?;
    Jp2Error::same("rows of the tile", shape.rows, out.nrows())?;
    Jp2Error::same("columns of the tile", shape.cols, out.ncols())?;
    codec.decode_into(&index.mini_stream(source, tile)?, shape, &mut [out])
}

/// Decodes all tiles, one after another: one array (rows, cols) per component.
///
/// # Errors
/// If a tile cannot be read or decoded.
pub fn decode_image(
    codec: &dyn TileCodec,
    index: &ImageIndex,
    source: &dyn ByteSource,
) -> Result<Vec<Array2<u16>>, Jp2Error> {
    let shape = (index.height() as usize, index.width() as usize);
    let mut planes = vec![Array2::zeros(shape); usize::from(index.components())];
    for tile in 0..index.tile_count() {
        let (expected, w) = (index.tile_shape(tile), index.tile_window(tile));
        let window = s![w.row..w.row + w.rows, w.col..w.col + w.cols];
        let mut parts: Vec<_> = planes.iter_mut().map(|plane| plane.slice_mut(window)).collect();
        codec.decode_into(&index.mini_stream(source, tile)?, expected, &mut parts)?;
    }
    Ok(planes)
}

/// Encodes a tile and appends its tile-part to `out`. `samples` have the shape of [`ImageLayout::tile_window`].
///
/// # Errors
/// If there is no such tile, or the samples do not fit the window or the coding.
pub fn encode_tile(
    codec: &dyn TileCodec,
    layout: &ImageLayout,
    tile: usize,
    samples: Samples<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Jp2Error> {
    layout.check()?;
    let number = u16::try_from(tile).ok().filter(|_| tile < layout.tile_count());
    let number = number.ok_or_else(|| Jp2Error::tile(tile, "does not exist"))?;
    let tile = TileToEncode { tile: number, window: layout.tile_window(tile), samples };
    codec.encode(&layout.coding, &tile, out)
}

/// Encodes all tiles one after another and writes the file: for small images. `samples` cover the whole image.
///
/// # Errors
/// If the samples do not fit the layout or the coding, or writing fails.
pub fn write_image(
    codec: &dyn TileCodec,
    layout: &ImageLayout,
    samples: &Samples<'_>,
    gml: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), Jp2Error> {
    layout.check()?;
    samples.check(layout.coding.components, layout.height as usize, layout.width as usize)?;
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for tile in 0..layout.tile_count() {
        encode_tile(codec, layout, tile, samples.window(layout.tile_window(tile))?, &mut bytes)?;
        ends.push(bytes.len());
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let parts = starts.zip(&ends).map(|(start, &end)| bytes.get(start..end).unwrap_or_default());
    write_jp2(out, layout, &codec.main_header_segments(&layout.coding)?, gml, parts)
}
