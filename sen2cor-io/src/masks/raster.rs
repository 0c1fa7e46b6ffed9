//! Masks as images: `MSK_QUALIT` with eight components of 0 or 1 per pixel, `MSK_DETFOO` with the number of the detector.
//!
//! Nearly all tiles of such an image are alike, so equal tile streams of one value are decoded once.

use crate::bytes::ByteSource;
use crate::jp2::{ImageIndex, Jp2Error, TileCodec};
use sen2cor_core::masks::flag;
use std::collections::HashMap;
use std::ops::Range;

/// Components of `MSK_QUALIT`: lost and degraded ancillary packets, lost and degraded image packets, defective, no data,
/// partially corrected crosstalk, saturated.
pub const QUALITY_COMPONENTS: u16 = 8;

/// The components that are used, counted from 0, and their flags.
const FLAGS: [(usize, u8); 3] = [(4, flag::DEFECTIVE), (5, flag::NO_DATA), (7, flag::SATURATED)];

/// Calls `draw` with row, columns and flags of all pixels of a `MSK_QUALIT` image that have flags.
///
/// # Errors
/// If the image has another number of components, or a tile cannot be read or decoded.
pub fn quality_flags(
    codec: &dyn TileCodec,
    index: &ImageIndex,
    source: &dyn ByteSource,
    mut draw: impl FnMut(usize, Range<usize>, u8),
) -> Result<(), Jp2Error> {
    Jp2Error::same("number of components", QUALITY_COMPONENTS, index.components())?;
    let flags = |components: &[Vec<u16>], pixel: usize| {
        FLAGS.iter().fold(0, |flags, &(component, bit)| {
            let set = components.get(component).and_then(|c| c.get(pixel)).is_some_and(|v| *v != 0);
            if set { flags | bit } else { flags }
        })
    };
    for_each_run(codec, index, source, flags, |row, cols, value| {
        if value != 0 {
            draw(row, cols, value);
        }
    })
}

/// The numbers of the detectors that saw some pixels (row, column); 0 where none did. Only the tiles that hold them are decoded.
///
/// # Errors
/// If the image has more than one component, a pixel lies outside, or a tile cannot be read or decoded.
pub fn detectors_at(
    codec: &dyn TileCodec,
    index: &ImageIndex,
    source: &dyn ByteSource,
    pixels: &[(usize, usize)],
) -> Result<Vec<u8>, Jp2Error> {
    Jp2Error::same("number of components", 1, index.components())?;
    let mut found = vec![0; pixels.len()];
    for tile in 0..index.tile_count() {
        let window = index.tile_window(tile);
        let inside = |&(row, col): &(usize, usize)| {
            (window.row..window.row + window.rows).contains(&row)
                && (window.col..window.col + window.cols).contains(&col)
        };
        if !pixels.iter().any(inside) {
            continue;
        }
        let components = codec.decode(&index.mini_stream(source, tile)?, index.tile_shape(tile))?;
        let samples = components.first().map(Vec::as_slice).unwrap_or_default();
        for (number, pixel) in found.iter_mut().zip(pixels).filter(|(_, pixel)| inside(pixel)) {
            let at = (pixel.0 - window.row) * window.cols + pixel.1 - window.col;
            *number = samples.get(at).map_or(0, |sample| (*sample).min(255) as u8);
        }
    }
    Ok(found)
}

/// Walks over all tiles, row by row, in runs of one value.
fn for_each_run(
    codec: &dyn TileCodec,
    index: &ImageIndex,
    source: &dyn ByteSource,
    value: impl Fn(&[Vec<u16>], usize) -> u8,
    mut run: impl FnMut(usize, Range<usize>, u8),
) -> Result<(), Jp2Error> {
    let mut uniform: HashMap<Vec<u8>, u8> = HashMap::new();
    for tile in 0..index.tile_count() {
        let (shape, window) = (index.tile_shape(tile), index.tile_window(tile));
        let stream = index.mini_stream(source, tile)?;
        if let Some(&value) = uniform.get(&stream) {
            for row in window.row..window.row + window.rows {
                run(row, window.col..window.col + window.cols, value);
            }
            continue;
        }
        let components = codec.decode(&stream, shape)?;
        let mut first = None;
        let mut all_alike = true;
        for row in 0..window.rows {
            let mut start = 0;
            while start < window.cols {
                let here = value(&components, row * window.cols + start);
                let mut end = start + 1;
                while end < window.cols && value(&components, row * window.cols + end) == here {
                    end += 1;
                }
                all_alike &= *first.get_or_insert(here) == here;
                run(window.row + row, window.col + start..window.col + end, here);
                start = end;
            }
        }
        if let Some(value) = first.filter(|_| all_alike) {
            uniform.insert(stream, value);
        }
    }
    Ok(())
}
