//! Rows of pixels, a few at a time: digital numbers in, states out.
//!
//! The values of [`LANES`] neighbouring pixels stand in one array per band and per result, and the steps have no branches, so
//! that the compiler can decide several pixels at once. What happens to a pixel is in `steps`.

use super::Thresholds;
use super::block::BANDS;
use super::pixel::{Pixel, Spectrum, reflectance};
use super::steps::{after_snow_mask, before_snow_mask, is_snow_core, snow_mask};
use crate::dn;
use ndarray::{ArrayView2, Axis};
use std::array;
use std::borrow::Cow;

/// Pixels that are handled together. Has no influence on the results.
pub(super) const LANES: usize = 32;

/// Places in [`BANDS`] of the bands whose values count: B02 B03 B04 B05 B8A B10 B11 B12.
const DECIDING: [usize; 8] = [1, 2, 3, 4, 7, 9, 10, 11];

/// The samples of one row, all bands.
pub(super) struct Row<'a>([Cow<'a, [u16]>; BANDS.len()]);

impl<'a> Row<'a> {
    /// Row `row` of the views; copied only where its samples do not lie side by side in memory.
    pub(super) fn of(bands: &[ArrayView2<'a, u16>; BANDS.len()], row: usize) -> Self {
        Self(bands.map(|band| {
            let row = band.index_axis_move(Axis(0), row);
            row.to_slice().map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed)
        }))
    }

    /// Tells which pixels are snow. `cores` has the length of the row.
    pub(super) fn snow_cores(&self, thresholds: &Thresholds, cores: &mut [bool]) {
        for (index, cores) in cores.chunks_mut(LANES).enumerate() {
            let spectra = self.spectra(index * LANES, cores.len());
            let found = snow_cores(&spectra, thresholds);
            cores.copy_from_slice(&found[..cores.len()]);
        }
    }

    /// Runs all steps from column `first` on, for `near_snow.len()` pixels, and hands over the states with the place of
    /// the first of them, counted from `first`. Without `SNOW` the steps about snow are left out.
    pub(super) fn decide<const SNOW: bool>(
        &self,
        first: usize,
        near_snow: &[bool],
        thresholds: &Thresholds,
        mut hand_over: impl FnMut(usize, &[Pixel]),
    ) {
        for (index, near_snow) in near_snow.chunks(LANES).enumerate() {
            let count = near_snow.len();
            let mut near = [false; LANES];
            near[..count].copy_from_slice(near_snow);
            let spectra = self.spectra(first + index * LANES, count);
            let pixels = decide::<SNOW>(&spectra, &near, thresholds);
            hand_over(index * LANES, &array::from_fn::<_, LANES, _>(|lane| pixels.at(lane))[..count]);
        }
    }

    /// The pixels from column `first` on. Lanes beyond `count` are without data.
    fn spectra(&self, first: usize, count: usize) -> Spectra {
        let mut valid = [0; LANES];
        valid[..count].fill(1);
        for line in &self.0 {
            for (valid, &sample) in valid.iter_mut().zip(&line[first..first + count]) {
                *valid &= u32::from(sample != dn::NO_DATA);
            }
        }
        let bands = DECIDING.map(|band| {
            let mut samples = [dn::NO_DATA; LANES];
            samples[..count].copy_from_slice(&self.0[band][first..first + count]);
            samples.map(reflectance)
        });
        Spectra { bands, valid }
    }
}

/// The reflectances of some pixels.
struct Spectra {
    bands: [[f32; LANES]; DECIDING.len()],
    valid: [u32; LANES],
}

impl Spectra {
    #[inline(always)]
    fn at(&self, lane: usize) -> Spectrum {
        let [b02, b03, b04, b05, b8a, b10, b11, b12] = self.bands.each_ref().map(|band| band[lane]);
        Spectrum { b02, b03, b04, b05, b8a, b10, b11, b12, valid: self.valid[lane] != 0 }
    }
}

/// The states of some pixels.
struct Pixels {
    map: [u32; LANES],
    cloud: [f32; LANES],
    snow: [f32; LANES],
}

impl Pixels {
    fn at(&self, lane: usize) -> Pixel {
        Pixel { map: self.map[lane], cloud: self.cloud[lane], snow: self.snow[lane] }
    }
}

#[inline(never)]
fn snow_cores(spectra: &Spectra, thresholds: &Thresholds) -> [bool; LANES] {
    let mut cores = [false; LANES];
    for (lane, core) in cores.iter_mut().enumerate() {
        *core = is_snow_core(&before_snow_mask::<true>(&spectra.at(lane), thresholds), thresholds);
    }
    cores
}

#[inline(never)]
fn decide<const SNOW: bool>(spectra: &Spectra, near_snow: &[bool; LANES], thresholds: &Thresholds) -> Pixels {
    let mut pixels = Pixels { map: [0; LANES], cloud: [0.0; LANES], snow: [0.0; LANES] };
    for (lane, &near_snow) in near_snow.iter().enumerate() {
        let spectrum = spectra.at(lane);
        let mut pixel = before_snow_mask::<SNOW>(&spectrum, thresholds);
        if SNOW {
            snow_mask(&mut pixel, &spectrum, near_snow, thresholds);
        }
        after_snow_mask(&mut pixel, &spectrum, thresholds);
        (pixels.map[lane], pixels.cloud[lane], pixels.snow[lane]) = (pixel.map, pixel.cloud, pixel.snow);
    }
    pixels
}
