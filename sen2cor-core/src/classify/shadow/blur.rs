//! The Gaussian blur of the shade, and what can be said of its result without computing it.
//!
//! Source: Sen2Cor 2.8: standard deviation 3 pixels, 12 pixels to each side, the image mirrored at its edges (edge pixels
//! repeated), first along columns, then along rows; sums in f64 from the centre and then from the ends inwards, each
//! of the two results rounded to f32.

use super::area::Area;
use super::cast::Shade;
use crate::classify::median::mirrored;

/// Pixels to each side that take part.
pub(super) const RADIUS: usize = 12;

const STANDARD_DEVIATION_PX: f64 = 3.0;

/// Columns that are computed side by side.
const LANES: usize = 8;

/// Half the width of the squares by which shadow is recognised without computing, in pixels.
pub(super) const CORE: usize = 2;

/// Slack for the rounding of sums.
const SAFETY: f64 = 1e-5;

/// The blur with its weights: that of the centre, then outwards.
pub(super) struct Blur {
    weights: [f64; RADIUS + 1],
}

impl Blur {
    pub(super) fn new() -> Self {
        let variance = STANDARD_DEVIATION_PX * STANDARD_DEVIATION_PX;
        let bell = |k: usize| libm::exp(-0.5 / variance * (k * k) as f64);
        let all: f64 = (0..=2 * RADIUS).map(|k| bell(k.abs_diff(RADIUS))).sum();
        Self { weights: std::array::from_fn(|k| bell(k) / all) }
    }

    /// Distance in rows and columns beyond which shade cannot bring the result above `limit`, wherever it lies.
    pub(super) fn reach_above(&self, limit: f32) -> usize {
        let inside = |reach: usize| -> f64 {
            (0..=reach).map(|k| self.weights[k] * if k == 0 { 1.0 } else { 2.0 }).sum()
        };
        let outside = |reach: usize| 1.0 - inside(reach) * inside(reach) + SAFETY;
        (0..RADIUS).find(|&reach| outside(reach) < f64::from(limit)).unwrap_or(RADIUS)
    }

    /// Distance in rows and columns within which a square of full shade, [`CORE`] pixels to each side of its centre, surely
    /// brings the result above `limit`; `None` if it need not even in the centre.
    pub(super) fn reach_of_core(&self, limit: f32) -> Option<usize> {
        let band = |offset: usize| -> f64 {
            (0..=2 * CORE)
                .map(|k| (offset + k).abs_diff(CORE))
                .map(|k| self.weights.get(k).copied().unwrap_or(0.0))
                .sum()
        };
        (0..RADIUS).take_while(|&offset| band(offset) * band(offset) - SAFETY > f64::from(limit)).last()
    }

    /// The blurred shade of a run of pixels: a row and a range of columns of an image of some shape.
    pub(super) fn run(
        &self,
        shade: &Shade,
        image: (usize, usize),
        row: usize,
        cols: (usize, usize),
    ) -> Vec<f32> {
        let reach = RADIUS as isize;
        let (from, to) = (cols.0 as isize - reach, cols.1 as isize + reach);
        let (first, end) = (from.max(0) as usize, (to as usize).min(image.1));
        let down = self.along_columns(shade, image.0, row, (first, end));
        let mirrored: Vec<f64> =
            (from..to).map(|col| f64::from(down[mirrored(col, image.1) - first])).collect();
        let mut result = vec![0.0; cols.1 - cols.0];
        for (chunk, place) in result.chunks_mut(LANES).zip((0..).step_by(LANES)) {
            let lane = |k: usize, lane: usize| mirrored.get(place + k + lane).copied().unwrap_or(0.0);
            let sums = self.weighted(|k| std::array::from_fn(|l| lane(k, l)));
            chunk.copy_from_slice(&sums[..chunk.len()]);
        }
        result
    }

    /// The blur along columns for a range of columns of a row.
    fn along_columns(&self, shade: &Shade, height: usize, row: usize, cols: (usize, usize)) -> Vec<f32> {
        let skip = shade.area().col as usize;
        let lines: [&[f32]; 2 * RADIUS + 1] = std::array::from_fn(|k| {
            let other = row as isize + k as isize - RADIUS as isize;
            &shade.row(mirrored(other, height))[cols.0 - skip..cols.1 - skip]
        });
        let mut result = vec![0.0; cols.1 - cols.0];
        for (chunk, place) in result.chunks_mut(LANES).zip((0..).step_by(LANES)) {
            let sums = self.weighted(|k| {
                let rest = &lines[k][place..];
                match rest.first_chunk::<LANES>() {
                    Some(lane) => lane.map(f64::from),
                    None => std::array::from_fn(|l| rest.get(l).copied().unwrap_or(0.0).into()),
                }
            });
            chunk.copy_from_slice(&sums[..chunk.len()]);
        }
        result
    }

    /// Weighted sums of some values side by side; `at` gives those at a place, 0 to twice the radius.
    #[inline]
    fn weighted(&self, at: impl Fn(usize) -> [f64; LANES]) -> [f32; LANES] {
        let mut sums = at(RADIUS).map(|value| value * self.weights[0]);
        for k in (1..=RADIUS).rev() {
            let (low, high) = (at(RADIUS - k), at(RADIUS + k));
            for lane in 0..LANES {
                sums[lane] += (low[lane] + high[lane]) * self.weights[k];
            }
        }
        sums.map(|sum| sum as f32)
    }
}

/// The area that is looked at to blur another one.
pub(super) fn area_for(area: Area, image: (usize, usize)) -> Area {
    area.grow(RADIUS).inside(image)
}
