//! Rows of pixels, a few at a time: digital numbers in, states out.
//!
//! The values of [`LANES`] neighbouring pixels stand in one array per band and per result, and the steps have no branches, so
//! that the compiler can decide several pixels at once, with the widest registers that the machine has. What happens to a
//! pixel is in `steps`.

use super::Thresholds;
use super::detect::BANDS;
use super::land::is_low;
use super::pixel::{Pixel, Spectrum, percent, reflectance};
use super::steps::{after_snow_mask, before_snow_mask, clues_of, is_snow_core, snow_mask};
use crate::dn;
use crate::resample::line;
use ndarray::{ArrayView1, ArrayView2};
use pulp::{Arch, NullaryFnOnce};
use std::borrow::Cow;

/// Pixels that are handled together. Has no influence on the results.
pub(super) const LANES: usize = 32;

/// Places in [`BANDS`] of the bands whose values count: B02 B03 B04 B05 B8A B10 B11 B12.
const DECIDING: [usize; 8] = [1, 2, 3, 4, 7, 9, 10, 11];

/// Snow condition of water.
const WATER: u8 = 254;

/// What is known of the ground along a row.
pub(super) struct Site<'a> {
    pub(super) elevation_m: Option<ArrayView1<'a, f32>>,
    pub(super) snow_condition: Option<ArrayView1<'a, u8>>,
}

/// The samples of one row, all bands.
pub(super) struct Row<'a> {
    bands: [Cow<'a, [u16]>; BANDS.len()],
    site: Site<'a>,
}

/// The states of some pixels; those of lanes that stand for no pixel mean nothing.
pub(super) struct States {
    pub(super) map: [u8; LANES],
    pub(super) clues: [u8; LANES],
    pub(super) cloud: [u8; LANES],
    pub(super) snow: [u8; LANES],
}

impl<'a> Row<'a> {
    /// Row `row` of the views; copied only where its samples do not lie side by side in memory.
    pub(super) fn of(bands: &[ArrayView2<'a, u16>; BANDS.len()], site: Site<'a>, row: usize) -> Self {
        Self { bands: bands.map(|band| line(band, row)), site }
    }

    /// Tells which pixels are snow. `cores` has the length of the row.
    pub(super) fn snow_cores(&self, thresholds: &Thresholds, cores: &mut [bool]) {
        Arch::new().dispatch(SnowCores { row: self, thresholds, cores });
    }

    /// Runs all steps for `count` pixels from column `first` on and hands over the states of [`LANES`] pixels each with
    /// the place of the first of them, counted from `first`. `near_snow` tells which of the pixels lie near snow; without
    /// it the steps about snow are left out.
    pub(super) fn decide(
        &self,
        first: usize,
        count: usize,
        near_snow: Option<&[bool]>,
        thresholds: &Thresholds,
        hand_over: impl FnMut(usize, &States),
    ) {
        Arch::new().dispatch(Decide { row: self, first, count, near_snow, thresholds, hand_over });
    }

    /// The pixels from column `first` on. Lanes beyond `count` are without data.
    #[inline(always)]
    fn spectra(&self, first: usize, count: usize) -> Spectra {
        let mut least = [u16::MAX; LANES];
        for line in &self.bands {
            let samples = samples(line, first, count);
            for (least, sample) in least.iter_mut().zip(samples) {
                *least = sample.min(*least);
            }
        }
        let valid = least.map(|sample| u32::from(sample != dn::NO_DATA));
        let mut spectra = Spectra { bands: [[0.0; LANES]; DECIDING.len()], valid };
        for (values, band) in spectra.bands.iter_mut().zip(DECIDING) {
            *values = samples(&self.bands[band], first, count).map(reflectance);
        }
        spectra
    }

    /// What is known of the ground of the pixels from column `first` on.
    #[inline(always)]
    fn ground(&self, first: usize, count: usize, thresholds: &Thresholds) -> Ground {
        let mut ground = Ground { low: [true; LANES], snow_free: [false; LANES] };
        if let Some(elevation_m) = self.site.elevation_m {
            for (low, elevation) in ground.low.iter_mut().zip(elevation_m.iter().skip(first).take(count)) {
                *low = is_low(*elevation, thresholds);
            }
        }
        if let Some(condition) = self.site.snow_condition {
            for (snow_free, condition) in
                ground.snow_free.iter_mut().zip(condition.iter().skip(first).take(count))
            {
                *snow_free = *condition == WATER;
            }
        }
        ground
    }

    /// Whether any of some pixels may have a snow confidence, by digital numbers alone: snow is brighter than the
    /// lower ends of its ranges.
    #[inline(always)]
    fn may_be_snow(&self, first: usize, count: usize, t: &Thresholds) -> bool {
        if t.snow_core_min < 0.0 || t.snow_ndsi.low < 0.0 {
            return true;
        }
        let least = |low: f32| {
            let least = (low * dn::QUANTIFICATION) as i32 + dn::BIAS - 1;
            least.clamp(0, i32::from(u16::MAX)) as u16
        };
        let (least_b02, least_b8a) = (least(t.snow_b02.low), least(t.snow_b8a.low));
        let line = |band: usize| self.bands[band][first..first + count].iter();
        let pixels = line(1).zip(line(2)).zip(line(7).zip(line(10)));
        pixels.fold(false, |any, ((b02, b03), (b8a, b11))| {
            any | ((*b02 >= least_b02) & (*b8a >= least_b8a) & (b03 > b11))
        })
    }
}

/// Whether any of some pixels may be much brighter in red than in the short-wave infrared.
#[inline(always)]
fn may_be_bright_red(spectra: &Spectra, t: &Thresholds) -> bool {
    let [b04, b11] = [&spectra.bands[2], &spectra.bands[6]];
    // A little less than the threshold, so that no rounding of the ratio can reach it.
    let least = t.bright_b04_b11.low * 0.999;
    least <= 0.0 || (0..LANES).fold(false, |any, lane| any | (b04[lane] >= least * b11[lane]))
}

/// Some samples of a line; no data where it ends.
#[inline(always)]
fn samples(line: &[u16], first: usize, count: usize) -> [u16; LANES] {
    match line[first..].first_chunk::<LANES>() {
        Some(samples) if count == LANES => *samples,
        _ => {
            let mut samples = [dn::NO_DATA; LANES];
            samples[..count].copy_from_slice(&line[first..first + count]);
            samples
        }
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

/// The ground of some pixels.
struct Ground {
    /// Low enough for thin cirrus.
    low: [bool; LANES],
    /// Water by the snow condition.
    snow_free: [bool; LANES],
}

struct SnowCores<'a, 'b> {
    row: &'a Row<'b>,
    thresholds: &'a Thresholds,
    cores: &'a mut [bool],
}

impl NullaryFnOnce for SnowCores<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (index, cores) in self.cores.chunks_mut(LANES).enumerate() {
            let (first, count) = (index * LANES, cores.len());
            if !self.row.may_be_snow(first, count, self.thresholds) {
                cores.fill(false);
                continue;
            }
            let spectra = self.row.spectra(first, count);
            let ground = self.row.ground(first, count, self.thresholds);
            for (lane, core) in cores.iter_mut().enumerate() {
                let pixel =
                    before_snow_mask::<true>(&spectra.at(lane), ground.snow_free[lane], self.thresholds);
                *core = is_snow_core(&pixel, self.thresholds);
            }
        }
    }
}

struct Decide<'a, 'b, F> {
    row: &'a Row<'b>,
    first: usize,
    count: usize,
    near_snow: Option<&'a [bool]>,
    thresholds: &'a Thresholds,
    hand_over: F,
}

impl<F: FnMut(usize, &States)> NullaryFnOnce for Decide<'_, '_, F> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        for start in (0..self.count).step_by(LANES) {
            let (first, count) = (self.first + start, LANES.min(self.count - start));
            let spectra = self.row.spectra(first, count);
            let ground = self.row.ground(first, count, self.thresholds);
            let mut near = [false; LANES];
            let mut snow = false;
            if let Some(near_snow) = self.near_snow {
                near[..count].copy_from_slice(&near_snow[start..start + count]);
                snow = near.contains(&true) || self.row.may_be_snow(first, count, self.thresholds);
            }
            // Steps that change none of these pixels are left out.
            let states = match (snow, may_be_bright_red(&spectra, self.thresholds)) {
                (true, true) => decide::<true, true>(&spectra, &ground, &near, self.thresholds),
                (true, false) => decide::<true, false>(&spectra, &ground, &near, self.thresholds),
                (false, true) => decide::<false, true>(&spectra, &ground, &near, self.thresholds),
                (false, false) => decide::<false, false>(&spectra, &ground, &near, self.thresholds),
            };
            (self.hand_over)(start, &states);
        }
    }
}

#[inline(always)]
fn decide<const SNOW: bool, const RED: bool>(
    spectra: &Spectra,
    ground: &Ground,
    near_snow: &[bool; LANES],
    thresholds: &Thresholds,
) -> States {
    let mut map = [0u32; LANES];
    let mut clues = [0u32; LANES];
    let mut cloud = [0u32; LANES];
    let mut snow = [0u32; LANES];
    for lane in 0..LANES {
        let spectrum = spectra.at(lane);
        let mut pixel = before_snow_mask::<SNOW>(&spectrum, ground.snow_free[lane], thresholds);
        if SNOW {
            snow_mask(&mut pixel, &spectrum, near_snow[lane], ground.snow_free[lane], thresholds);
        }
        after_snow_mask::<RED>(&mut pixel, &spectrum, ground.low[lane], thresholds);
        map[lane] = pixel.map;
        clues[lane] = clues_of(&pixel, &spectrum, thresholds);
        (cloud[lane], snow[lane]) = percent_of(&pixel);
    }
    let bytes = |values: [u32; LANES]| values.map(|value| value as u8);
    States { map: bytes(map), clues: bytes(clues), cloud: bytes(cloud), snow: bytes(snow) }
}

/// Cloud and snow confidence in percent, 0 where there are no data.
#[inline(always)]
fn percent_of(pixel: &Pixel) -> (u32, u32) {
    let percent = |confidence| if pixel.is_valid() { percent(confidence) } else { 0 };
    (percent(pixel.cloud), percent(pixel.snow))
}
