//! Masks as images: `MSK_QUALIT` with eight components of 0 or 1 per pixel, `MSK_DETFOO` with the number of the detector.
//!
//! In nearly all tiles of such an image a component has one value, so tiles are not looked at pixel by pixel unless they have to
//! be, and components that are not used are not decoded.

use crate::bytes::ByteSource;
use crate::jp2::{ImageIndex, Jp2Error, TileCodec, TileComponent};
use sen2cor_core::masks::flag;
use std::ops::Range;

/// Components of `MSK_QUALIT`: lost and degraded ancillary packets, lost and degraded image packets, defective, no data,
/// partially corrected crosstalk, saturated.
pub const QUALITY_COMPONENTS: u16 = 8;

/// The components that are used, counted from 0, and their flags.
const FLAGS: [(u16, u8); 3] = [(4, flag::DEFECTIVE), (5, flag::NO_DATA), (7, flag::SATURATED)];

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
    let wanted = FLAGS.map(|(component, _)| component);
    let mut line = vec![0; index.tile_width() as usize];
    for tile in 0..index.tile_count() {
        let window = index.tile_window(tile);
        let stream = index.mini_stream(source, tile)?;
        let components = codec.decode_components(&stream, index.tile_shape(tile), &wanted)?;
        let (mut everywhere, mut somewhere) = (0, Vec::new());
        for (component, (_, flag)) in components.iter().zip(FLAGS) {
            match component {
                TileComponent::Uniform(0) => {}
                TileComponent::Uniform(_) => everywhere |= flag,
                TileComponent::Samples(samples) => somewhere.push((samples.as_slice(), flag)),
            }
        }
        if everywhere == 0 && somewhere.is_empty() {
            continue;
        }
        let line = line.get_mut(..window.cols).unwrap_or_default();
        for row in 0..window.rows {
            line.fill(everywhere);
            for (samples, flag) in &somewhere {
                let samples = samples.get(row * window.cols..).unwrap_or_default();
                for (flags, &sample) in line.iter_mut().zip(samples) {
                    *flags |= if sample != 0 { *flag } else { 0 };
                }
            }
            for_each_run(line, |cols, flags| {
                draw(window.row + row, window.col + cols.start..window.col + cols.end, flags);
            });
        }
    }
    Ok(())
}

/// Calls `run` for each run of equal flags that are not 0.
fn for_each_run(line: &[u8], mut run: impl FnMut(Range<usize>, u8)) {
    let mut start = 0;
    while let Some(ahead) = line.get(start..).and_then(|rest| rest.iter().position(|flags| *flags != 0)) {
        let first = start + ahead;
        let flags = line.get(first).copied().unwrap_or_default();
        let rest = line.get(first..).unwrap_or_default();
        let count = rest.iter().position(|other| *other != flags).unwrap_or(rest.len());
        run(first..first + count, flags);
        start = first + count;
    }
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
        let stream = index.mini_stream(source, tile)?;
        let components = codec.decode_components(&stream, index.tile_shape(tile), &[0])?;
        for (number, pixel) in found.iter_mut().zip(pixels).filter(|(_, pixel)| inside(pixel)) {
            let at = (pixel.0 - window.row) * window.cols + pixel.1 - window.col;
            let sample = components.first().and_then(|samples| samples.at(at));
            *number = sample.map_or(0, |sample| sample.min(255) as u8);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_those_of_equal_flags() {
        let mut found = Vec::new();
        for_each_run(&[0, 2, 2, 3, 0, 0, 1], |cols, flags| found.push((cols, flags)));
        assert_eq!(found, [(1..3, 2), (3..4, 3), (6..7, 1)]);
        for_each_run(&[0; 9], |_, _| panic!("nothing is set"));
        for_each_run(&[], |_, _| panic!("nothing is there"));
    }
}
