//! Cloud shadows: pixels that look like shadow where a cloud can throw one.
//!
//! Source: Sen2Cor 2.8. A radiometric factor says how near a pixel is to the spectrum of a shadow; a geometric factor says
//! how much cloud lies on the line towards the sun, blurred. Where their product exceeds a threshold, the pixel is a
//! cloud shadow, whatever it was before (decision 20 in `COMPARE.md`).
//!
//! Most pixels are decided without computing either factor, by masks of bits: the medians of 3 x 3 pixels are compared
//! with one threshold only, which a majority of comparisons does as well; and the blurred shade is surely below or above its
//! threshold where there is no shade near enough or a large enough square of full shade. Only what is left is
//! computed, in the original's order of operations, so the result is the same.

mod area;
mod bits;
mod blur;
mod cast;
mod shadow_line;

pub use shadow_line::ShadowLine;

use super::error::{ClassifyError, same_shape};
use super::pixel::reflectance;
use super::{SceneClass, Thresholds, clues};
use crate::grid::Window;
use crate::resample::line;
use crate::sensor::Band;
use area::Area;
use bits::Mask;
use blur::{Blur, CORE, RADIUS};
use cast::{Shade, clouds_for};
use ndarray::{ArrayView2, ArrayViewMut2};
use std::borrow::Cow;

/// The bands whose spectrum tells a shadow, in the order in which they are handed over.
pub const SHADOW_BANDS: [Band; 6] = [Band::B02, Band::B03, Band::B04, Band::B8A, Band::B11, Band::B12];

/// Pixels around a block that the search for shadows reads, besides the reach of the line.
pub const SHADOW_MARGIN_PX: usize = RADIUS + 2;

/// What the shadows of a block are found from. All views show the same window of the image: the block with
/// [`ShadowLine::reach_px`] + [`SHADOW_MARGIN_PX`] more pixels on each side, as far as the image reaches.
#[derive(Clone, Copy, Debug)]
pub struct ShadowInput<'a> {
    /// Classes and [`OPEN`](super::OPEN).
    pub map: ArrayView2<'a, u8>,
    /// What the detection has found out besides, see `Clue`.
    pub clues: ArrayView2<'a, u8>,
    /// The bands of [`SHADOW_BANDS`] as biased digital numbers.
    pub bands: [ArrayView2<'a, u16>; 6],
    /// Where the views lie in the image.
    pub view: Window,
    /// Where the block lies in the image.
    pub block: Window,
    /// Rows and columns of the image.
    pub image: (usize, usize),
}

/// Writes the map of a block with its cloud shadows. Same bits for every way of cutting the image into blocks.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn cast_shadows(
    input: &ShadowInput<'_>,
    shadow_line: &ShadowLine,
    thresholds: &Thresholds,
    mut output: ArrayViewMut2<'_, u8>,
) -> Result<(), ClassifyError> {
    input.check(shadow_line, output.dim())?;
    let search = Search { input, line: shadow_line, thresholds };
    let shadows = search.shadows();
    let first = (input.block.row - input.view.row, input.block.col - input.view.col);
    for (row, mut out) in output.rows_mut().into_iter().enumerate() {
        let map = line(input.map, first.0 + row);
        out.iter_mut().zip(&map[first.1..]).for_each(|(out, map)| *out = *map);
        if let Some(shadows) = &shadows {
            for (from, to) in shadows.runs(row, 1) {
                (from..to).for_each(|col| out[col] = SceneClass::CloudShadow.number());
            }
        }
    }
    Ok(())
}

impl ShadowInput<'_> {
    fn check(&self, line: &ShadowLine, output: (usize, usize)) -> Result<(), ClassifyError> {
        let shape = (self.view.rows, self.view.cols);
        same_shape(shape, &[self.map.dim(), self.clues.dim()])?;
        same_shape(shape, &self.bands.map(|band| band.dim()))?;
        same_shape((self.block.rows, self.block.cols), &[output])?;
        let needed = area_of(self.block).grow(line.reach_px() + SHADOW_MARGIN_PX).inside(self.image);
        let there = area_of(self.view);
        let covers = there.row <= needed.row && there.col <= needed.col;
        if covers && needed.end().0 <= there.end().0 && needed.end().1 <= there.end().1 {
            return Ok(());
        }
        Err(ClassifyError::Outside {
            block: (needed.rows, needed.cols),
            inner: (needed.row as usize, needed.col as usize),
            view: shape,
        })
    }

    /// A row of a view, counted in the image.
    fn row<'b>(&self, view: ArrayView2<'b, u8>, row: usize) -> Cow<'b, [u8]> {
        line(view, row - self.view.row)
    }
}

fn area_of(window: Window) -> Area {
    Area { row: window.row as isize, col: window.col as isize, rows: window.rows, cols: window.cols }
}

/// The search in one block.
struct Search<'a, 'b> {
    input: &'a ShadowInput<'b>,
    line: &'a ShadowLine,
    thresholds: &'a Thresholds,
}

impl Search<'_, '_> {
    /// The shadows of the block; `None` where there are none.
    fn shadows(&self) -> Option<Mask> {
        let block = area_of(self.input.block);
        let candidates = self.candidates(block);
        if candidates.is_empty() {
            return None;
        }
        let around = blur::area_for(block, self.input.image);
        let clouds = self.clouds(clouds_for(around, self.line).inside(self.input.image));
        if clouds.is_empty() {
            return None;
        }
        let wanted = candidates.on(around).spread(RADIUS).and_not(&clouds.on(around));
        let shade = Shade::sum(&clouds, &wanted, self.line);
        Some(self.decide(candidates, &shade))
    }

    /// Pixels whose radiometric factor is not 0 and that have data.
    fn candidates(&self, block: Area) -> Mask {
        let near = block.grow(1);
        let dark = self.clue(near, clues::DARK).majority();
        let alike = self.clue(near, clues::SHADOW_LIKE).majority();
        let allowed = Mask::from_rows(block, |row, out| {
            let first = self.input.block.col - self.input.view.col;
            let map = self.input.row(self.input.map, row as usize);
            let clues = self.input.row(self.input.clues, row as usize);
            let pixels = map[first..].iter().zip(&clues[first..]);
            for (allowed, (map, clues)) in out.iter_mut().zip(pixels) {
                let class = (*map != SceneClass::NoData.number()) & (*map != SceneClass::ThinCirrus.number());
                *allowed = u8::from(class & (clues & clues::BLUE == 0));
            }
        });
        dark.or(&alike).and(&allowed)
    }

    /// The clouds that throw shadows.
    fn clouds(&self, area: Area) -> Mask {
        let median = self.clue(area.grow(1).inside(self.input.image).grow(1), clues::CLOUDY).majority();
        median.cross().on(area)
    }

    /// A clue as a mask; pixels outside the image are those of its edge.
    fn clue(&self, area: Area, clue: u8) -> Mask {
        let (input, (rows, cols)) = (self.input, self.input.image);
        let shift = clue.trailing_zeros();
        let left = usize::try_from(-area.col).unwrap_or(0);
        Mask::from_rows(area, |row, line| {
            let clues = input.row(input.clues, row.clamp(0, rows as isize - 1) as usize);
            let first = area.col.max(0) as usize - input.view.col;
            let inside = (area.end().1.min(cols as isize) - area.col.max(0)) as usize;
            let (before, rest) = line.split_at_mut(left);
            let (here, after) = rest.split_at_mut(inside);
            here.iter_mut().zip(&clues[first..]).for_each(|(out, clues)| *out = clues >> shift);
            before.fill(here.first().copied().unwrap_or(0));
            after.fill(here.last().copied().unwrap_or(0));
        })
    }

    /// The candidates where the product of both factors is large enough.
    fn decide(&self, candidates: Mask, shade: &Shade) -> Mask {
        let (blur, block) = (Blur::new(), candidates.area());
        let limit = self.thresholds.shadow_factor_min;
        let near = shade.some.spread(blur.reach_above(limit)).on(block);
        let candidates = candidates.and(&near);
        // No radiometric factor but 0 is smaller than this.
        let least = 1.0 - self.thresholds.shadow_distance_max;
        let sure = match blur.reach_of_core(limit / least) {
            Some(reach) if least > 0.0 => shade.full.core(CORE).spread(reach).on(block).and(&candidates),
            _ => Mask::new(block),
        };
        let open = candidates.and_not(&sure);
        let mut shadows = sure;
        for row in 0..block.rows {
            for (from, to) in open.runs(row, 2 * RADIUS) {
                self.decide_run(shade, &open, (row, from, to), &mut shadows, &blur);
            }
        }
        shadows
    }

    /// Computes the factors of the open pixels in a run.
    fn decide_run(
        &self,
        shade: &Shade,
        open: &Mask,
        (row, from, to): (usize, usize, usize),
        shadows: &mut Mask,
        blur: &Blur,
    ) {
        let block = self.input.block;
        let (image_row, first) = (block.row + row, block.col + from);
        let geometric = blur.run(shade, self.input.image, image_row, (first, block.col + to));
        for (col, geometric) in (from..to).zip(geometric) {
            let place = (image_row, block.col + col);
            let is_open = open.contains(place.0 as isize, place.1 as isize);
            let limit = self.thresholds.shadow_factor_min;
            // The radiometric factor is at most 1.
            if is_open && geometric > limit && self.radiometric(place) * geometric > limit {
                shadows.row_mut(row)[col / bits::WORD] |= 1 << (col % bits::WORD);
            }
        }
    }

    /// The radiometric factor of a candidate: 1 where most of its neighbours are darker than a shadow in all
    /// bands, else 1 less the median distance.
    fn radiometric(&self, place: (usize, usize)) -> f32 {
        let neighbours = self.neighbours(place);
        let dark = neighbours.iter().filter(|&&at| self.input.clues[at] & clues::DARK != 0).count();
        if dark >= 5 {
            return 1.0;
        }
        let mut distances = neighbours.map(|at| self.distance(at));
        distances.sort_unstable_by(f32::total_cmp);
        1.0 - distances[4]
    }

    /// Places of the nine pixels around one in the views; those outside the image are the nearest inside.
    fn neighbours(&self, (row, col): (usize, usize)) -> [(usize, usize); 9] {
        let (rows, cols) = self.input.image;
        let view = self.input.view;
        std::array::from_fn(|k| {
            let row = (row + k / 3).saturating_sub(1).min(rows - 1);
            let col = (col + k % 3).saturating_sub(1).min(cols - 1);
            (row - view.row, col - view.col)
        })
    }

    fn distance(&self, at: (usize, usize)) -> f32 {
        distance(
            self.input.bands.map(|band| reflectance(band[at])),
            &self.thresholds.shadow_reference.bands(),
        )
    }
}

/// Mean distance of a pixel from the spectrum of a shadow.
#[inline(always)]
pub(super) fn distance(bands: [f32; 6], reference: &[f32; 6]) -> f32 {
    let mut sum = 0.0;
    for (band, reference) in bands.iter().zip(reference) {
        sum += (band - reference).abs();
    }
    sum / 6.0
}
