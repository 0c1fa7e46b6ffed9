//! Where the shadow of a cloud pixel may fall: the line of pixels that lead away from the sun, with weights by the height that
//! a cloud would have.
//!
//! Source: Sen2Cor 2.8. A profile of cloud heights in steps of 30 m is stretched to pixels and to the length of shadows with
//! a cubic spline, laid into the central column of a canvas, and the canvas is turned by the azimuth of the sun with
//! nearest neighbours. What is left is a ragged line. It begins one pixel apart between the quadrants of the sun (decision 2
//! in `COMPARE.md`); its pixels are always those of the canvas of a full tile (decision 25).

use crate::angles::Direction;
use crate::grid::Resolution;
use std::f64::consts::PI;

/// Weights are multiples of 2^-40, so that their sums are exact in any order. All weights are zero or at least 2^-8, so
/// that nothing of their 24 bits is lost.
pub(super) const ONE: u64 = 1 << 40;

/// The sun is taken to stand no lower.
const MAX_SUN_ZENITH_DEG: f64 = 70.0;

/// A pixel of the line: which one it is, seen from the cloud, and its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    pub(super) rows: isize,
    pub(super) cols: isize,
    /// In units of 1 / [`ONE`].
    pub(super) weight: u64,
}

/// The line of a sun position on a grid, heaviest pixels first.
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowLine {
    taps: Vec<Tap>,
}

impl ShadowLine {
    /// The line for a mean sun direction. Azimuth and elevation are rounded to whole degrees, and the sun stands at
    /// least 20 degrees high (decision 12 in `COMPARE.md`).
    pub fn new(sun: Direction, grid: Resolution) -> Self {
        let azimuth_deg = (sun.azimuth_deg.abs().min(360.0) + 0.5) as u32 % 360;
        let elevation_deg = (90.0 - sun.zenith_deg.abs().min(MAX_SUN_ZENITH_DEG) + 0.5) as u32;
        let weights = weights(elevation_deg, grid);
        let mut taps = turned(&weights, azimuth_deg, grid);
        taps.retain(|tap| tap.weight > 0);
        taps.sort_by_key(|tap| std::cmp::Reverse(tap.weight));
        Self { taps }
    }

    /// How far from a cloud its shadow may lie, in rows or columns.
    pub fn reach_px(&self) -> usize {
        self.taps.iter().map(|tap| tap.rows.unsigned_abs().max(tap.cols.unsigned_abs())).max().unwrap_or(0)
    }

    pub(super) fn taps(&self) -> &[Tap] {
        &self.taps
    }

    /// Smallest and largest row, smallest and largest column.
    pub(super) fn bounds(&self) -> ((isize, isize), (isize, isize)) {
        let range = |values: &mut dyn Iterator<Item = isize>| {
            values.fold((0, 0), |(low, high): (isize, isize), value| (low.min(value), high.max(value)))
        };
        (range(&mut self.taps.iter().map(|tap| tap.rows)), range(&mut self.taps.iter().map(|tap| tap.cols)))
    }
}

/// The weights along the line, from the cloud outwards.
fn weights(elevation_deg: u32, grid: Resolution) -> Vec<f32> {
    let profile = profile();
    let in_pixels = libm::round(profile.len() as f64 * 30.0 / f64::from(grid.metres()));
    let on_ground = libm::round(in_pixels / libm::tan(f64::from(elevation_deg) * PI / 180.0));
    let stretched = stretch(&stretch(&profile, in_pixels as usize), on_ground as usize);
    stretched.into_iter().map(|weight| weight as f32).collect()
}

/// How likely clouds are by their height, in steps of 30 m: near 1 from 600 m to 4.2 km, with soft ends.
fn profile() -> Vec<f64> {
    let soft = |k: i32, width: f64| 1.0 / (1.0 + libm::pow(f64::from(k) / width, 10.0));
    (0..=50).rev().map(|k| soft(k, 30.0)).chain((0..150).map(|k| soft(k, 90.0))).collect()
}

/// Stretches or shrinks a profile to `count` values, ends aligned, by a cubic spline through all of its values. A line of
/// less than two values keeps the first.
fn stretch(values: &[f64], count: usize) -> Vec<f64> {
    if count < 2 {
        return values[..1].to_vec();
    }
    let coefficients = spline_coefficients(values);
    let last = (values.len() - 1) as f64;
    let step = last / (count - 1) as f64;
    (0..count)
        .map(|index| {
            let position = index as f64 * step;
            // The original takes a position that rounding has put behind the end for one outside.
            if position > last { 0.0 } else { spline(&coefficients, position) }
        })
        .collect()
}

/// Index in a sequence that is mirrored at its first and last value.
fn mirrored(index: isize, count: usize) -> usize {
    let period = 2 * (count as isize - 1);
    let index = index.rem_euclid(period);
    index.min(period - index) as usize
}

/// Coefficients of the cubic B-spline through the values.
fn spline_coefficients(values: &[f64]) -> Vec<f64> {
    let pole = libm::sqrt(3.0) - 2.0;
    let count = values.len();
    let mut c: Vec<f64> = values.iter().map(|value| value * 6.0).collect();
    // The sum over the mirrored sequence converges long before its period.
    let (mut power, mut first) = (pole, c[0]);
    for k in 1..2 * (count as isize - 1) {
        first += power * c[mirrored(k, count)];
        power *= pole;
    }
    c[0] = first / (1.0 - power);
    for k in 1..count {
        c[k] += pole * c[k - 1];
    }
    c[count - 1] = (pole / (pole * pole - 1.0)) * (pole * c[count - 2] + c[count - 1]);
    for k in (0..count - 1).rev() {
        c[k] = pole * (c[k + 1] - c[k]);
    }
    c
}

fn spline(coefficients: &[f64], position: f64) -> f64 {
    let start = libm::floor(position);
    let (y, z) = (position - start, 1.0 - (position - start));
    let second = (y * y * (y - 2.0) * 3.0 + 4.0) / 6.0;
    let third = (z * z * (z - 2.0) * 3.0 + 4.0) / 6.0;
    let first = z * z * z / 6.0;
    let weights = [first, second, third, 1.0 - first - second - third];
    (-1..3)
        .zip(weights)
        .map(|(k, w)| w * coefficients[mirrored(start as isize + k, coefficients.len())])
        .sum()
}

/// Turns the central column of the canvas and moves its beginning to the corner.
fn turned(weights: &[f32], azimuth_deg: u32, grid: Resolution) -> Vec<Tap> {
    // Centre of the canvas of a full tile, which has 1.5 times its pixels.
    let centre: f64 = if grid == Resolution::R60 { 1372.0 } else { 4117.0 };
    let angle = PI / 180.0 * f64::from(azimuth_deg);
    let (sin, cos) = (libm::sin(angle), libm::cos(angle));
    let first_row = if (90..270).contains(&azimuth_deg) { -1 } else { 0 };
    let first_col = if azimuth_deg < 180 { -1 } else { 0 };
    let mut places: Vec<(isize, isize)> = Vec::new();
    for index in 0..weights.len() {
        let (row, col) = (libm::round(index as f64 * cos), libm::round(-(index as f64) * sin));
        places.extend((-2..=2).flat_map(|r| (-2..=2).map(move |c| (row as isize + r, col as isize + c))));
    }
    places.sort_unstable();
    places.dedup();
    let source = |&(row, col): &(isize, isize)| {
        let (r, c) = (row as f64, col as f64);
        let y = centre + cos * r - sin * c;
        let x = centre + sin * r + cos * c;
        let index = libm::floor(y + 0.5) - centre;
        let in_column = libm::floor(x + 0.5) == centre;
        (in_column && index >= 0.0 && index < weights.len() as f64).then_some(index as usize)
    };
    let tap = |place: (isize, isize)| {
        let weight = f64::from(weights[source(&place)?]) * ONE as f64;
        Some(Tap { rows: place.0 + first_row, cols: place.1 + first_col, weight: weight as u64 })
    };
    places.into_iter().filter_map(tap).collect()
}
