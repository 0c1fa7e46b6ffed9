//! The detection: all steps that look at one pixel or its next neighbours, in one pass over the rows of a block.

use super::Thresholds;
use super::error::{ClassifyError, inside, same_shape};
use super::row::{Row, Site, States};
use super::snow::SnowMask;
use crate::sensor::Band;
use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2};

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

/// What a block is classified from. All views have one shape: the block with [`HALO_PX`](super::HALO_PX) more pixels on
/// each side, as far as the image reaches.
#[derive(Clone, Copy, Debug)]
pub struct DetectInput<'a> {
    /// The bands of [`BANDS`] as biased digital numbers on one grid (20 or 60 m).
    pub bands: [ArrayView2<'a, u16>; 12],
    /// Row and column at which the block begins in these views.
    pub inner: (usize, usize),
    /// Whether the climatology allows snow. Without climatology it does (decision 27 in `COMPARE.md`).
    pub snow_possible: bool,
    /// Elevation of the ground, metres. Without it, thin cirrus may lie over any ground.
    pub elevation_m: Option<ArrayView2<'a, f32>>,
    /// Snow condition: how often there is snow in this week of the year, percent; 254 is water, where there is no snow.
    /// To be left out where [`ConditionSums::is_used`](super::ConditionSums::is_used) says so.
    pub snow_condition: Option<ArrayView2<'a, u8>>,
}

/// What the detection leaves for the next steps.
#[derive(Debug)]
pub struct Detected<'a> {
    /// Class numbers, or [`OPEN`](super::OPEN) where none is decided.
    pub map: ArrayViewMut2<'a, u8>,
    /// What later steps want to know of the pixels, see [`clues`](super::clues).
    pub clues: ArrayViewMut2<'a, u8>,
    /// Cloud confidence, percent; 0 where there are no data (decision 8 in `COMPARE.md`). Later steps do not change it.
    pub cloud: ArrayViewMut2<'a, u8>,
    /// Snow confidence, likewise.
    pub snow: ArrayViewMut2<'a, u8>,
}

/// Runs the steps up to thin and thick cirrus on a block. Same bits for every way of cutting the image into blocks.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn detect_block(
    input: &DetectInput<'_>,
    thresholds: &Thresholds,
    mut detected: Detected<'_>,
) -> Result<(), ClassifyError> {
    let block = detected.map.dim();
    same_shape(block, &[detected.clues.dim(), detected.cloud.dim(), detected.snow.dim()])?;
    let view = check(input, block)?;
    let snow = if input.snow_possible { Some(snow_mask(input, thresholds, view)) } else { None };
    let mut near = vec![false; view.1];
    for row in 0..block.0 {
        let (source, first) = (input.inner.0 + row, input.inner.1);
        if let Some(snow) = &snow {
            snow.near_row(source, &mut near);
        }
        let line = Row::of(&input.bands, site(input, source), source);
        let near = snow.is_some().then_some(&near[first..first + block.1]);
        line.decide(first, block.1, near, thresholds, |col, states| {
            let States { map, clues, cloud, snow } = states;
            store(detected.map.row_mut(row), col, map);
            store(detected.clues.row_mut(row), col, clues);
            store(detected.cloud.row_mut(row), col, cloud);
            store(detected.snow.row_mut(row), col, snow);
        });
    }
    Ok(())
}

/// Copies the values of some pixels, as far as the row reaches, to their columns.
fn store(mut row: ArrayViewMut1<'_, u8>, col: usize, values: &[u8]) {
    match row.as_slice_mut() {
        Some(row) => {
            let count = values.len().min(row.len() - col);
            row[col..col + count].copy_from_slice(&values[..count]);
        }
        None => row.iter_mut().skip(col).zip(values).for_each(|(out, value)| *out = *value),
    }
}

/// What is known of the ground in a row.
fn site<'a>(input: &DetectInput<'a>, row: usize) -> Site<'a> {
    Site {
        elevation_m: input.elevation_m.map(|plane| plane.index_axis_move(ndarray::Axis(0), row)),
        snow_condition: input.snow_condition.map(|plane| plane.index_axis_move(ndarray::Axis(0), row)),
    }
}

/// The snow of a block and its halo.
fn snow_mask(input: &DetectInput<'_>, thresholds: &Thresholds, (rows, cols): (usize, usize)) -> SnowMask {
    let mut snow = SnowMask::new(rows, cols);
    for row in 0..rows {
        let line = Row::of(&input.bands, site(input, row), row);
        snow.set_row(row, |cores| line.snow_cores(thresholds, cores));
    }
    snow
}

/// Shape of the views.
fn check(input: &DetectInput<'_>, block: (usize, usize)) -> Result<(usize, usize), ClassifyError> {
    let view = input.bands[0].dim();
    same_shape(view, &input.bands.map(|band| band.dim()))?;
    let layers = [input.elevation_m.map(|plane| plane.dim()), input.snow_condition.map(|plane| plane.dim())];
    same_shape(view, &layers.into_iter().flatten().collect::<Vec<_>>())?;
    inside(block, input.inner, view)?;
    Ok(view)
}
