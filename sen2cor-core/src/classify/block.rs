//! The classification of a block: all steps in one pass over its rows.

use super::pixel::{Pixel, Spectrum, reflectance};
use super::snow::SnowMask;
use super::steps::{after_snow_mask, before_snow_mask, is_snow_core, snow_mask};
use super::{ClassCounts, SceneClass, Thresholds};
use crate::{dn, sensor::Band};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use std::array;
use std::borrow::Cow;

/// The bands that take part, in the order in which they are handed over. All of them decide what is no data.
pub const BANDS: [Band; 12] = [
    Band::B01,
    Band::B02,
    Band::B03,
    Band::B04,
    Band::B05,
    Band::B06,
    Band::B07,
    Band::B8A,
    Band::B09,
    Band::B10,
    Band::B11,
    Band::B12,
];

/// Places in [`BANDS`] of the bands whose values count: B02 B03 B04 B05 B8A B10 B11 B12.
const DECIDING: [usize; 8] = [1, 2, 3, 4, 7, 9, 10, 11];

/// What a block is classified from.
#[derive(Clone, Copy, Debug)]
pub struct BlockInput<'a> {
    /// The bands of [`BANDS`] as biased digital numbers on one grid (20 or 60 m), all of one shape: the block with
    /// [`HALO_PX`](super::HALO_PX) more pixels on each side, as far as the image reaches.
    pub bands: [ArrayView2<'a, u16>; 12],
    /// Row and column at which the block begins in these views.
    pub inner: (usize, usize),
    /// Whether the climatology allows snow. Without climatology it does (decision 27 in `COMPARE.md`).
    pub snow_possible: bool,
}

/// The images of a block.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// Class numbers, see [`SceneClass`].
    pub class: ArrayViewMut2<'a, u8>,
    /// Cloud confidence, percent; 0 where there are no data.
    pub cloud: ArrayViewMut2<'a, u8>,
    /// Snow confidence, percent; 0 where there are no data.
    pub snow: ArrayViewMut2<'a, u8>,
}

/// The state of a block between the steps, to be written.
#[derive(Debug)]
pub struct StateMut<'a> {
    /// Class numbers, or [`OPEN`](super::OPEN) where none is decided.
    pub map: ArrayViewMut2<'a, u8>,
    /// Cloud confidence, 0 to 1. Pixels without data have one too, as far as their bands have values: the search for
    /// shadows of the original sees it.
    pub cloud: ArrayViewMut2<'a, f32>,
    /// Snow confidence, 0 to 1.
    pub snow: ArrayViewMut2<'a, f32>,
}

/// The state of a block between the steps, to be read. Fields as in [`StateMut`].
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "see StateMut")]
pub struct State<'a> {
    pub map: ArrayView2<'a, u8>,
    pub cloud: ArrayView2<'a, f32>,
    pub snow: ArrayView2<'a, f32>,
}

/// Arrays that do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassifyError {
    /// Bands, state or output planes differ in shape. Shapes are (rows, columns).
    #[error("a plane of {found:?} pixels among planes of {expected:?}")]
    Shape {
        /// Shape of the first plane.
        expected: (usize, usize),
        /// Shape of another one.
        found: (usize, usize),
    },
    /// The block does not lie inside the views of the bands.
    #[error("a block of {block:?} pixels at {inner:?} does not lie in a view of {view:?}")]
    Outside {
        /// Shape of the block.
        block: (usize, usize),
        /// Where it begins.
        inner: (usize, usize),
        /// Shape of the views.
        view: (usize, usize),
    },
}

/// Classifies a block. Same bits for every way of cutting the image into blocks.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn classify_block(
    input: &BlockInput<'_>,
    thresholds: &Thresholds,
    mut outputs: Outputs<'_>,
) -> Result<ClassCounts, ClassifyError> {
    let shape = outputs.class.dim();
    same_shape(shape, &[outputs.cloud.dim(), outputs.snow.dim()])?;
    let mut counts = ClassCounts::default();
    for_each_row(input, thresholds, shape, |row, pixels| {
        let class = outputs.class.row_mut(row);
        let confidences = outputs.cloud.row_mut(row).into_iter().zip(outputs.snow.row_mut(row));
        for ((class, (cloud, snow)), pixel) in class.into_iter().zip(confidences).zip(pixels) {
            (*class, *cloud, *snow) = finish(*pixel, &mut counts);
        }
    })?;
    Ok(counts)
}

/// Runs the steps that are there on a block and leaves their state. Same bits for every way of cutting the image.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn detect_block(
    input: &BlockInput<'_>,
    thresholds: &Thresholds,
    mut state: StateMut<'_>,
) -> Result<(), ClassifyError> {
    let shape = state.map.dim();
    same_shape(shape, &[state.cloud.dim(), state.snow.dim()])?;
    for_each_row(input, thresholds, shape, |row, pixels| {
        let map = state.map.row_mut(row);
        let confidences = state.cloud.row_mut(row).into_iter().zip(state.snow.row_mut(row));
        for ((map, (cloud, snow)), pixel) in map.into_iter().zip(confidences).zip(pixels) {
            (*map, *cloud, *snow) = (pixel.map, pixel.cloud, pixel.snow);
        }
    })
}

/// Makes the output of the state: open pixels become unclassified, confidences percent, and those of pixels
/// without data 0 (decision 8 in `COMPARE.md`).
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn finish_block(state: State<'_>, mut outputs: Outputs<'_>) -> Result<ClassCounts, ClassifyError> {
    let shape = state.map.dim();
    let out = [outputs.class.dim(), outputs.cloud.dim(), outputs.snow.dim()];
    same_shape(shape, &[state.cloud.dim(), state.snow.dim()])?;
    same_shape(shape, &out)?;
    let mut counts = ClassCounts::default();
    for row in 0..shape.0 {
        for col in 0..shape.1 {
            let at = (row, col);
            let pixel = Pixel { map: state.map[at], cloud: state.cloud[at], snow: state.snow[at] };
            (outputs.class[at], outputs.cloud[at], outputs.snow[at]) = finish(pixel, &mut counts);
        }
    }
    Ok(counts)
}

/// Class, cloud and snow confidence in percent. Whatever is no class is unclassified.
#[inline]
fn finish(pixel: Pixel, counts: &mut ClassCounts) -> (u8, u8, u8) {
    let class = SceneClass::from_number(pixel.map).unwrap_or(SceneClass::Unclassified);
    counts.add(class);
    if class == SceneClass::NoData {
        (class.number(), 0, 0)
    } else {
        (class.number(), percent(pixel.cloud), percent(pixel.snow))
    }
}

/// Rounds half up.
#[inline]
fn percent(confidence: f32) -> u8 {
    (100.0 * confidence + 0.5) as u8
}

fn same_shape(expected: (usize, usize), others: &[(usize, usize)]) -> Result<(), ClassifyError> {
    match others.iter().find(|&&found| found != expected) {
        Some(&found) => Err(ClassifyError::Shape { expected, found }),
        None => Ok(()),
    }
}

/// Runs the steps row by row and hands over each row of the block.
fn for_each_row(
    input: &BlockInput<'_>,
    thresholds: &Thresholds,
    block: (usize, usize),
    mut hand_over: impl FnMut(usize, &[Pixel]),
) -> Result<(), ClassifyError> {
    let (rows, cols) = check(input, block)?;
    let mut spectra = SpectraRow::new(cols);
    let mut snow = SnowMask::new(rows, cols);
    if input.snow_possible {
        for row in 0..rows {
            spectra.read(&input.bands, row);
            let pixels = (0..cols).map(|col| before_snow_mask(&spectra.at(col), thresholds, true));
            snow.set_row(row, pixels.map(|pixel| is_snow_core(&pixel, thresholds)));
        }
    }

    let mut near = vec![false; cols];
    let mut pixels = Vec::with_capacity(block.1);
    for row in 0..block.0 {
        spectra.read(&input.bands, input.inner.0 + row);
        snow.near_row(input.inner.0 + row, &mut near);
        pixels.clear();
        pixels.extend((input.inner.1..input.inner.1 + block.1).map(|col| {
            let spectrum = spectra.at(col);
            let mut pixel = before_snow_mask(&spectrum, thresholds, input.snow_possible);
            if input.snow_possible {
                snow_mask(&mut pixel, &spectrum, near[col], thresholds);
            }
            after_snow_mask(&mut pixel, &spectrum, thresholds);
            pixel
        }));
        hand_over(row, &pixels);
    }
    Ok(())
}

/// Shape of the bands.
fn check(input: &BlockInput<'_>, block: (usize, usize)) -> Result<(usize, usize), ClassifyError> {
    let view = input.bands[0].dim();
    same_shape(view, &input.bands.map(|band| band.dim()))?;
    let inner = input.inner;
    let ends_inside =
        |start: usize, count: usize, end: usize| start.checked_add(count).is_some_and(|n| n <= end);
    if ends_inside(inner.0, block.0, view.0) && ends_inside(inner.1, block.1, view.1) {
        Ok(view)
    } else {
        Err(ClassifyError::Outside { block, inner, view })
    }
}

/// The reflectances of one row.
struct SpectraRow {
    bands: [Vec<f32>; DECIDING.len()],
    valid: Vec<bool>,
}

impl SpectraRow {
    fn new(cols: usize) -> Self {
        Self { bands: array::from_fn(|_| vec![0.0; cols]), valid: vec![false; cols] }
    }

    fn read(&mut self, bands: &[ArrayView2<'_, u16>; 12], row: usize) {
        self.valid.fill(true);
        for band in bands {
            for (valid, &sample) in self.valid.iter_mut().zip(line(*band, row).iter()) {
                *valid &= sample != dn::NO_DATA;
            }
        }
        for (reflectances, index) in self.bands.iter_mut().zip(DECIDING) {
            for (value, &sample) in reflectances.iter_mut().zip(line(bands[index], row).iter()) {
                *value = reflectance(sample);
            }
        }
    }

    #[inline]
    fn at(&self, col: usize) -> Spectrum {
        let [b02, b03, b04, b05, b8a, b10, b11, b12] = array::from_fn(|band| self.bands[band][col]);
        Spectrum { b02, b03, b04, b05, b8a, b10, b11, b12, valid: self.valid[col] }
    }
}

/// A row as a slice; copied only where its samples do not lie side by side in memory.
fn line(view: ArrayView2<'_, u16>, row: usize) -> Cow<'_, [u16]> {
    let row = view.index_axis_move(Axis(0), row);
    row.to_slice().map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed)
}
