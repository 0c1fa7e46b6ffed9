//! The correction of a block of pixels: the equation of each pixel, then the light from its surroundings (adjacency).
//!
//! With y the reflectance above a black surface, m its mean over the box around the pixel and q the ratio of diffuse to direct light
//! on the way up, the reflectance freed of its surroundings is y + q (y - m), and the light that goes to and fro between ground and air is that of
//! the surroundings: r = (y + q (y - m)) / (1 + m S), or times 1 - (m - 0.15) S in model `sen2cor`.

use super::rows::{AloneRow, AmongRow, ApparentRow, MeanRow};
use super::terrain::{Relief, Terrain};
use super::{BandCorrection, ShapeMismatch, encode, fits};
use crate::cells::Lattice;
use crate::dn;
use crate::filter::{BoxMeans, Patch, odd};
use crate::grid::{Resolution, Window};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};
use pulp::Arch;
use serde::{Deserialize, Serialize};

/// Reflectance is counted in these steps where it is summed, so that sums are exact.
pub(super) const STEPS: f32 = 100_000.0;

/// Largest magnitude of a reflectance that is summed.
const LARGEST: f32 = 10.0;

/// Numbers of the coefficients of a lattice.
pub(super) mod which {
    pub(in crate::reflectance) const PATH: usize = 0;
    pub(in crate::reflectance) const GAIN: usize = 1;
    pub(in crate::reflectance) const RATIO: usize = 2;
    pub(in crate::reflectance) const ALBEDO: usize = 3;
    pub(in crate::reflectance) const DIRECT: usize = 4;
    pub(in crate::reflectance) const DIFFUSE: usize = 5;
    pub(in crate::reflectance) const SUN: usize = 6;
    pub(in crate::reflectance) const COS_SUN: usize = 7;
}

/// How a band is corrected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorrectionParameters {
    /// Grid of the band.
    pub resolution: Resolution,
    /// Reference albedo of model `sen2cor`; `None` for the exact form.
    pub reference_albedo: Option<f32>,
    /// Radius of the box of the surroundings in pixels; 0 takes each pixel to be surrounded by its like.
    pub adjacency_radius: usize,
    /// Whether pixels near areas without data get a tenth more of the correction, as the original does.
    pub extra_near_no_data: bool,
    /// The shape of the ground; `None` for flat ground.
    pub relief: Option<Relief>,
}

impl CorrectionParameters {
    /// How far around a block the correction looks, pixels.
    pub fn halo_px(&self) -> usize {
        self.adjacency_radius + self.relief.map_or(0, |relief| relief.halo_px())
    }
}

/// Radius in pixels of the box for surroundings within this distance: the next odd number of pixels, so that the box has 2 n + 1 pixels on a side.
pub fn adjacency_radius(adjacency_km: f64, resolution: Resolution) -> usize {
    if adjacency_km <= 0.0 { 0 } else { odd(adjacency_km * 1000.0 / f64::from(resolution.metres())) }
}

/// A block and its surroundings.
#[derive(Clone, Copy)]
pub struct BlockInput<'a> {
    /// Samples of the window.
    pub toa: ArrayView2<'a, u16>,
    /// Class map of the target pixels, on the same or a coarser grid.
    pub scene_class: ArrayView2<'a, u8>,
    /// Edge of a class pixel in pixels.
    pub class_pixels: usize,
    /// The atmosphere over the window.
    pub lattice: &'a Lattice,
    /// The pixels that are written, in the image.
    pub target: Window,
    /// Rows and columns of the image.
    pub image: (usize, usize),
    /// The ground of the window; must be there if the parameters have a relief.
    pub terrain: Option<Terrain<'a>>,
}

/// Corrects the pixels of a block; no data and class 0 become no data.
///
/// # Errors
/// If the shapes do not fit, or a relief has no terrain.
pub fn correct_block(
    input: &BlockInput<'_>,
    parameters: &CorrectionParameters,
    mut surface: ArrayViewMut2<'_, u16>,
) -> Result<(), ShapeMismatch> {
    check(input, parameters, surface.dim())?;
    let apparent = match (parameters.relief, &input.terrain) {
        (Some(relief), Some(terrain)) => {
            super::terrain::apparent(input, terrain, &relief, parameters.resolution)
        }
        _ => flat(input),
    };
    let inner = (input.target.row - apparent.window.row, input.target.col - apparent.window.col);
    if parameters.adjacency_radius == 0 {
        let mut row_out = Row::new(input.lattice, parameters);
        for row in 0..input.target.rows {
            let y = apparent.line(inner.0 + row, inner.1, input.target.cols);
            row_out.alone(input, row, y, line(&mut surface, row));
        }
    } else {
        let patch = apparent.patch(input.image);
        let boxes = BoxMeans::new(patch, parameters.adjacency_radius);
        let mut row_out = Row::new(input.lattice, parameters);
        row_out.area = boxes.area();
        boxes.rows(input.target, |row, sums, counts| {
            let y = apparent.line(inner.0 + row, inner.1, input.target.cols);
            row_out.among_others(input, row, y, (sums, counts), line(&mut surface, row));
        });
    }
    mask(input, &mut surface);
    Ok(())
}

fn check(
    input: &BlockInput<'_>,
    parameters: &CorrectionParameters,
    out: (usize, usize),
) -> Result<(), ShapeMismatch> {
    let BlockInput { target, lattice, class_pixels, .. } = *input;
    fits("the output", out, (target.rows, target.cols))?;
    fits("the input", input.toa.dim(), (lattice.window().rows, lattice.window().cols))?;
    if class_pixels == 0 {
        return Err(ShapeMismatch { what: "a class pixel", found: (0, 0), expected: (1, 1) });
    }
    let covering = (target.rows.div_ceil(class_pixels), target.cols.div_ceil(class_pixels));
    fits("the scene class", input.scene_class.dim(), covering)?;
    match (&input.terrain, parameters.relief) {
        (None, Some(_)) => {
            Err(ShapeMismatch { what: "the terrain", found: (0, 0), expected: input.toa.dim() })
        }
        (Some(terrain), Some(_)) => fits("the elevation", terrain.elevation_m.dim(), input.toa.dim()),
        _ => Ok(()),
    }
}

fn line<'a>(surface: &'a mut ArrayViewMut2<'_, u16>, row: usize) -> &'a mut [u16] {
    let row = surface.row_mut(row);
    row.into_slice().unwrap_or_default()
}

/// Reflectance above a black surface of the pixels of a window.
pub(super) struct Apparent {
    pub(super) window: Window,
    /// In steps; 0 where there are no data.
    pub(super) values: Vec<i32>,
    /// 1 where there are data; empty if there are data everywhere.
    pub(super) valid: Vec<u8>,
}

impl Apparent {
    pub(super) fn patch(&self, image: (usize, usize)) -> Patch<'_> {
        let valid = (!self.valid.is_empty()).then_some(&self.valid[..]);
        Patch { values: &self.values, valid, window: self.window, image }
    }

    pub(super) fn line(&self, row: usize, col: usize, cols: usize) -> &[i32] {
        &self.values[row * self.window.cols + col..][..cols]
    }
}

/// In steps, rounded to the nearest; not a number counts as 0.
#[inline(always)]
pub(super) fn steps(reflectance: f32) -> i32 {
    // 1.5 x 2^23: adding it leaves the integer in the low bits, negative ones as well.
    const ROUNDING: f32 = 12_582_912.0;
    let limited = (reflectance.clamp(-LARGEST, LARGEST)) * STEPS;
    let bits = (limited + ROUNDING).to_bits() as i32;
    let rounded = bits.wrapping_sub(ROUNDING.to_bits() as i32);
    if limited.is_nan() { 0 } else { rounded }
}

/// 1 where there are data; empty if there are data everywhere.
pub(super) fn valid_mask(toa: &ArrayView2<'_, u16>) -> Vec<u8> {
    if toa.outer_iter().all(|row| !row.to_slice().unwrap_or_default().contains(&dn::NO_DATA)) {
        return Vec::new();
    }
    toa.iter().map(|&sample| u8::from(sample != dn::NO_DATA)).collect()
}

/// Reflectance of a sample; that of a missing one has no meaning.
#[inline(always)]
pub(super) fn reflectance(sample: u16) -> f32 {
    (f32::from(sample) - dn::BIAS as f32) / dn::QUANTIFICATION
}

fn flat(input: &BlockInput<'_>) -> Apparent {
    let window = input.lattice.window();
    let mut values = vec![0i32; window.rows * window.cols];
    let (mut path, mut gain) = (vec![0.0; window.cols], vec![0.0; window.cols]);
    let arch = Arch::new();
    for ((row, samples), out) in input.toa.outer_iter().enumerate().zip(values.chunks_mut(window.cols.max(1)))
    {
        input.lattice.row(row, [which::PATH, which::GAIN], [&mut path, &mut gain]);
        let samples = samples.to_slice().unwrap_or_default();
        arch.dispatch(ApparentRow { samples, path: &path, gain: &gain, out });
    }
    Apparent { window, values, valid: valid_mask(&input.toa) }
}

/// Memory for the last steps of a row.
struct Row<'a> {
    lattice: &'a Lattice,
    parameters: &'a CorrectionParameters,
    arch: Arch,
    area: u32,
    path: Vec<f32>,
    gain: Vec<f32>,
    ratio: Vec<f32>,
    albedo: Vec<f32>,
    mean: Vec<f32>,
}

impl<'a> Row<'a> {
    fn new(lattice: &'a Lattice, parameters: &'a CorrectionParameters) -> Self {
        let zeros = || vec![0.0; lattice.window().cols];
        Self {
            lattice,
            parameters,
            arch: Arch::new(),
            area: 1,
            path: zeros(),
            gain: zeros(),
            ratio: zeros(),
            albedo: zeros(),
            mean: zeros(),
        }
    }

    /// Row and first column of the target row in the window of the lattice.
    fn place(&self, target: Window, row: usize) -> (usize, usize) {
        let window = self.lattice.window();
        (target.row - window.row + row, target.col - window.col)
    }

    /// Each pixel is surrounded by its like. On flat ground the reflectance is not rounded to steps.
    fn alone(&mut self, input: &BlockInput<'_>, row: usize, y: &[i32], out: &mut [u16]) {
        let (at, col) = self.place(input.target, row);
        let wanted = [which::PATH, which::GAIN, which::ALBEDO];
        self.lattice.row(at, wanted, [&mut self.path, &mut self.gain, &mut self.albedo]);
        let reference = self.parameters.reference_albedo;
        if self.parameters.relief.is_some() {
            let pixels = out.iter_mut().zip(samples(input, at, col)).zip(y.iter().zip(&self.albedo[col..]));
            for ((out, &sample), (y, albedo)) in pixels {
                let stored = encode(last_step(*y as f32 / STEPS, *y as f32 / STEPS, *albedo, reference));
                *out = if sample == dn::NO_DATA { dn::NO_DATA } else { stored };
            }
            return;
        }
        self.arch.dispatch(AloneRow {
            samples: samples(input, at, col),
            path: &self.path[col..],
            gain: &self.gain[col..],
            albedo: &self.albedo[col..],
            reference,
            out,
        });
    }

    fn among_others(
        &mut self,
        input: &BlockInput<'_>,
        row: usize,
        y: &[i32],
        (sums, counts): (&[i64], Option<&[u32]>),
        out: &mut [u16],
    ) {
        let (at, col) = self.place(input.target, row);
        self.lattice.row(at, [which::RATIO, which::ALBEDO], [&mut self.ratio, &mut self.albedo]);
        self.means(sums, counts);
        if let (true, Some(counts)) = (self.parameters.extra_near_no_data, counts) {
            let enough = self.area - self.area / 20;
            for (ratio, &count) in self.ratio[col..].iter_mut().zip(counts) {
                if count < enough {
                    *ratio *= 1.1;
                }
            }
        }
        self.arch.dispatch(AmongRow {
            samples: samples(input, at, col),
            y,
            mean: &self.mean,
            ratio: &self.ratio[col..],
            albedo: &self.albedo[col..],
            reference: self.parameters.reference_albedo,
            out,
        });
    }

    /// Means over the boxes, not negative.
    fn means(&mut self, sums: &[i64], counts: Option<&[u32]>) {
        let all = 1.0 / (f64::from(self.area) * f64::from(STEPS));
        match counts.filter(|counts| counts.iter().any(|&count| count != self.area)) {
            None => self.arch.dispatch(MeanRow { sums, factor: all, out: &mut self.mean }),
            Some(counts) => {
                for ((mean, &sum), &count) in self.mean.iter_mut().zip(sums).zip(counts) {
                    // The same factor wherever the box is full, whether or not there are gaps elsewhere.
                    let factor = match count {
                        0 => 0.0,
                        c if c == self.area => all,
                        c => 1.0 / (f64::from(c) * f64::from(STEPS)),
                    };
                    *mean = (sum as f64 * factor).max(0.0) as f32;
                }
            }
        }
    }
}

/// The light that goes to and fro between ground and air, which is that of the surroundings.
#[inline(always)]
pub(super) fn last_step(y: f32, mean: f32, albedo: f32, reference: Option<f32>) -> f32 {
    match reference {
        None => y / (1.0 + mean * albedo),
        Some(reference) => y * (1.0 - (mean - reference) * albedo),
    }
}

/// The samples of a row of the window from a column on.
fn samples<'a>(input: &BlockInput<'a>, row: usize, col: usize) -> &'a [u16] {
    let mut rows = input.toa;
    rows.slice_axis_inplace(Axis(0), Slice::from(row..row + 1));
    rows.to_slice().unwrap_or_default().get(col..).unwrap_or_default()
}

/// Empties what has class 0.
fn mask(input: &BlockInput<'_>, surface: &mut ArrayViewMut2<'_, u16>) {
    for (row, mut out) in surface.outer_iter_mut().enumerate() {
        let classes = input.scene_class.row(row / input.class_pixels);
        for (class_col, _) in classes.iter().enumerate().filter(|(_, class)| **class == 0) {
            let first = class_col * input.class_pixels;
            for out in out.iter_mut().skip(first).take(input.class_pixels) {
                *out = dn::NO_DATA;
            }
        }
    }
}

impl BandCorrection {
    /// What [`Lattice`] coefficients of flat ground and even surroundings amount to.
    pub fn of(coefficients: &crate::cells::Coefficients, reference_albedo: Option<f32>) -> Self {
        Self {
            path_reflectance: coefficients.path,
            gain: coefficients.gain,
            spherical_albedo: coefficients.albedo,
            reference_albedo,
        }
    }
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
