//! The classification of a block: all steps in one pass over its rows.

use super::pixel::Pixel;
use super::row::Row;
use super::snow::SnowMask;
use super::{ClassCounts, SceneClass, Thresholds};
use crate::sensor::Band;
use ndarray::{ArrayView2, ArrayViewMut2};

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
    for_each_run(input, thresholds, shape, |row, col, pixels| {
        for (col, pixel) in (col..).zip(pixels) {
            let at = (row, col);
            (outputs.class[at], outputs.cloud[at], outputs.snow[at]) = finish(*pixel, &mut counts);
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
    for_each_run(input, thresholds, shape, |row, col, pixels| {
        for (col, pixel) in (col..).zip(pixels) {
            let at = (row, col);
            (state.map[at], state.cloud[at], state.snow[at]) = (pixel.map as u8, pixel.cloud, pixel.snow);
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
            let pixel = Pixel { map: state.map[at].into(), cloud: state.cloud[at], snow: state.snow[at] };
            (outputs.class[at], outputs.cloud[at], outputs.snow[at]) = finish(pixel, &mut counts);
        }
    }
    Ok(counts)
}

/// Class, cloud and snow confidence in percent. Whatever is no class is unclassified.
#[inline]
fn finish(pixel: Pixel, counts: &mut ClassCounts) -> (u8, u8, u8) {
    let class = SceneClass::from_number(pixel.map as u8).unwrap_or(SceneClass::Unclassified);
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

/// Runs the steps and hands over the pixels: row, first column and some pixels side by side.
fn for_each_run(
    input: &BlockInput<'_>,
    thresholds: &Thresholds,
    block: (usize, usize),
    mut hand_over: impl FnMut(usize, usize, &[Pixel]),
) -> Result<(), ClassifyError> {
    let (rows, cols) = check(input, block)?;
    let mut snow = SnowMask::new(rows, cols);
    if input.snow_possible {
        for row in 0..rows {
            let samples = Row::of(&input.bands, row);
            snow.set_row(row, |cores| samples.snow_cores(thresholds, cores));
        }
    }
    let mut near = vec![false; cols];
    let (first_row, first_col) = input.inner;
    for row in 0..block.0 {
        let samples = Row::of(&input.bands, first_row + row);
        snow.near_row(first_row + row, &mut near);
        let near = &near[first_col..first_col + block.1];
        let hand_over = |col: usize, pixels: &[Pixel]| hand_over(row, col, pixels);
        if input.snow_possible {
            samples.decide::<true>(first_col, near, thresholds, hand_over);
        } else {
            samples.decide::<false>(first_col, near, thresholds, hand_over);
        }
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
