//! True-colour and preview images.
//!
//! Source: the scaling of Sen2Cor 2.8, with the last row and column of the preview filled (decision 10 in `COMPARE.md`) and made of
//! values without offset (decision 30). A sample of surface reflectance becomes a byte: 0 is no data, 10000 r from 0 to 2500
//! fills 1 to 255, what is darker is 1, what is brighter 255.

use crate::dn;
use ndarray::{ArrayView2, ArrayViewMut2};

/// Rows and columns of the preview image.
pub const PREVIEW_EDGE: usize = 343;

/// 10000 x reflectance from which on a byte is 255.
const WHITE: i32 = 2500;

/// Arrays that do not make an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageryError {
    /// The three bands differ in shape, or the output does not fit to them.
    #[error("{what} has {found:?} rows and columns, {expected:?} are needed")]
    Shape {
        /// Which array.
        what: &'static str,
        /// Its rows and columns.
        found: (usize, usize),
        /// The rows and columns that fit.
        expected: (usize, usize),
    },
    /// The bands hold no pixel.
    #[error("the bands are empty")]
    Empty,
}

/// The bands of a colour image, in the encoding of [`dn`] and of the same shape.
#[derive(Clone, Copy, Debug)]
pub struct ColourBands<'a> {
    /// Surface reflectance in B04.
    pub red: ArrayView2<'a, u16>,
    /// Surface reflectance in B03.
    pub green: ArrayView2<'a, u16>,
    /// Surface reflectance in B02.
    pub blue: ArrayView2<'a, u16>,
}

/// Byte of a true-colour image, computed in `f32` as the original does.
#[inline]
pub fn true_colour_sample(sample: u16) -> u8 {
    if sample == dn::NO_DATA {
        return 0;
    }
    (dn::to_signed(sample).clamp(0, WHITE) as f32 * 254.0 / WHITE as f32 + 1.0) as u8
}

/// Byte of a preview image, computed in `f64` as the original does.
#[inline]
pub fn preview_sample(sample: u16) -> u8 {
    if sample == dn::NO_DATA {
        return 0;
    }
    (f64::from(dn::to_signed(sample).clamp(0, WHITE)) * 254.0 / f64::from(WHITE) + 1.0) as u8
}

/// Index in an image of `length` rows or columns that row or column `position` of the preview shows. `length` must not be 0.
#[inline]
pub fn preview_source(position: usize, length: usize) -> usize {
    let step = (length - 1) as f64 / (PREVIEW_EDGE - 1) as f64;
    ((position as f64 * step + 0.5) as usize).min(length - 1)
}

/// Fills a true-colour image, red, green and blue interleaved: `out` has the rows of the bands and three times their columns.
///
/// # Errors
/// [`ImageryError::Shape`] if the shapes do not fit.
pub fn true_colour(bands: ColourBands<'_>, mut out: ArrayViewMut2<'_, u8>) -> Result<(), ImageryError> {
    let (rows, cols) = common_shape(bands)?;
    fits("the image", out.dim(), (rows, 3 * cols))?;
    for (channel, band) in [bands.red, bands.green, bands.blue].into_iter().enumerate() {
        for (line, samples) in out.rows_mut().into_iter().zip(band.rows()) {
            for (byte, &sample) in line.into_iter().skip(channel).step_by(3).zip(samples) {
                *byte = true_colour_sample(sample);
            }
        }
    }
    Ok(())
}

/// Fills a preview image of 343 x 343 pixels, interleaved (343 rows, 1029 columns), by nearest sampling of whole bands.
///
/// # Errors
/// [`ImageryError::Shape`] if the shapes do not fit, [`ImageryError::Empty`] if there is no pixel.
pub fn preview(bands: ColourBands<'_>, mut out: ArrayViewMut2<'_, u8>) -> Result<(), ImageryError> {
    let (rows, cols) = common_shape(bands)?;
    fits("the preview", out.dim(), (PREVIEW_EDGE, 3 * PREVIEW_EDGE))?;
    if rows == 0 || cols == 0 {
        return Err(ImageryError::Empty);
    }
    for (channel, band) in [bands.red, bands.green, bands.blue].into_iter().enumerate() {
        for (row, line) in out.rows_mut().into_iter().enumerate() {
            let source = band.row(preview_source(row, rows));
            for (col, byte) in line.into_iter().skip(channel).step_by(3).enumerate() {
                *byte = preview_sample(source[preview_source(col, cols)]);
            }
        }
    }
    Ok(())
}

fn common_shape(bands: ColourBands<'_>) -> Result<(usize, usize), ImageryError> {
    let shape = bands.red.dim();
    fits("the green band", bands.green.dim(), shape)?;
    fits("the blue band", bands.blue.dim(), shape)?;
    Ok(shape)
}

fn fits(what: &'static str, found: (usize, usize), expected: (usize, usize)) -> Result<(), ImageryError> {
    if found == expected { Ok(()) } else { Err(ImageryError::Shape { what, found, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    #[test]
    fn scaling_at_its_ends() {
        let cases = [(0, 0), (1, 1), (999, 1), (1000, 1), (3499, 254), (3500, 255), (u16::MAX, 255)];
        for (sample, byte) in cases {
            assert_eq!(true_colour_sample(sample), byte, "{sample}");
            assert_eq!(preview_sample(sample), byte, "{sample}");
        }
    }

    /// The exact quotient in integers; only where it is a whole number might rounding in floating point cut below it.
    #[test]
    fn scaling_is_the_integer_quotient() {
        for value in 0..=2500u32 {
            let sample = value as u16 + 1000;
            let exact = (value * 254 / 2500 + 1) as u8;
            assert_eq!(true_colour_sample(sample), exact, "{value}");
            assert_eq!(preview_sample(sample), exact, "{value}");
        }
    }

    #[test]
    fn colours_are_interleaved() {
        let band = |value: u16| Array2::from_shape_fn((2, 3), |(r, c)| value + 1000 + (10 * r + c) as u16);
        let (red, green, blue) = (band(100), band(800), band(1900));
        let bands = ColourBands { red: red.view(), green: green.view(), blue: blue.view() };
        let mut out = Array2::zeros((2, 9));
        true_colour(bands, out.view_mut()).unwrap();
        for ((row, col), &byte) in out.indexed_iter() {
            let source = [&red, &green, &blue][col % 3];
            assert_eq!(byte, true_colour_sample(source[[row, col / 3]]));
        }
        assert!(true_colour(bands, Array2::zeros((2, 3)).view_mut()).is_err());
    }

    /// The marker in every corner of the band must appear in the corner of the preview (decision 10).
    #[test]
    fn the_preview_reaches_all_corners() {
        for (rows, cols) in [(5490, 60), (60, 1830), (1, 1), (343, 343)] {
            let mut red = Array2::from_elem((rows, cols), 1000u16);
            for corner in [[0, 0], [0, cols - 1], [rows - 1, 0], [rows - 1, cols - 1]] {
                red[corner] = 3500;
            }
            let bands = ColourBands { red: red.view(), green: red.view(), blue: red.view() };
            let mut out = Array2::zeros((PREVIEW_EDGE, 3 * PREVIEW_EDGE));
            preview(bands, out.view_mut()).unwrap();
            for corner in [[0, 0], [0, 1028], [342, 0], [342, 1028]] {
                assert_eq!(out[corner], 255, "{rows} x {cols}");
            }
            assert!(out.iter().all(|&byte| byte > 0));
        }
    }

    #[test]
    fn empty_bands_are_refused() {
        let none = Array2::zeros((0, 5));
        let bands = ColourBands { red: none.view(), green: none.view(), blue: none.view() };
        let mut out = Array2::zeros((PREVIEW_EDGE, 3 * PREVIEW_EDGE));
        assert_eq!(preview(bands, out.view_mut()), Err(ImageryError::Empty));
    }

    proptest! {
        #[test]
        fn sampling_is_symmetric_and_inside(length in 1usize..12_000, position in 0..PREVIEW_EDGE) {
            let index = preview_source(position, length);
            prop_assert!(index < length);
            let mirrored = length - 1 - preview_source(PREVIEW_EDGE - 1 - position, length);
            prop_assert!(index.abs_diff(mirrored) <= 1);
        }
    }
}
