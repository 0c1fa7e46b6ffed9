//! The arithmetic of a row of pixels, straight and without branches, so that the widest vectors of the processor serve it. They do the
//! same operations in the same order as single pixels would, so results have the same bits on every processor.

use super::block::{STEPS, last_step, reflectance, steps};
use super::encode;
use crate::dn;
use pulp::NullaryFnOnce;

/// Reflectance above a black surface, in steps; 0 where there are no data.
pub(super) struct ApparentRow<'a> {
    pub(super) samples: &'a [u16],
    pub(super) path: &'a [f32],
    pub(super) gain: &'a [f32],
    pub(super) out: &'a mut [i32],
}

impl NullaryFnOnce for ApparentRow<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let coefficients = self.path.iter().zip(self.gain);
        for ((out, &sample), (path, gain)) in self.out.iter_mut().zip(self.samples).zip(coefficients) {
            let y = steps((reflectance(sample) - path) * gain);
            *out = if sample == dn::NO_DATA { 0 } else { y };
        }
    }
}

/// Surface reflectance of pixels that are surrounded by their like; no data stays no data.
pub(super) struct AloneRow<'a> {
    pub(super) samples: &'a [u16],
    pub(super) path: &'a [f32],
    pub(super) gain: &'a [f32],
    pub(super) albedo: &'a [f32],
    pub(super) reference: Option<f32>,
    pub(super) out: &'a mut [u16],
}

impl AloneRow<'_> {
    #[inline(always)]
    fn each(self, last: impl Fn(f32, f32) -> f32) {
        let coefficients = self.path.iter().zip(self.gain).zip(self.albedo);
        for ((out, &sample), ((path, gain), albedo)) in
            self.out.iter_mut().zip(self.samples).zip(coefficients)
        {
            let stored = encode(last((reflectance(sample) - path) * gain, *albedo));
            *out = if sample == dn::NO_DATA { dn::NO_DATA } else { stored };
        }
    }
}

impl NullaryFnOnce for AloneRow<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        // The choice stands outside of the loop.
        match self.reference {
            None => self.each(|y, albedo| last_step(y, y, albedo, None)),
            Some(r) => self.each(|y, albedo| last_step(y, y, albedo, Some(r))),
        }
    }
}

/// Means from sums over full boxes, not negative.
pub(super) struct MeanRow<'a> {
    pub(super) sums: &'a [i64],
    /// What makes a mean of a sum.
    pub(super) factor: f64,
    pub(super) out: &'a mut [f32],
}

/// 1.5 x 2^52: its sum with an integer below 2^51 holds the integer in the low bits.
const WHOLE: f64 = 6_755_399_441_055_744.0;

impl NullaryFnOnce for MeanRow<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (mean, &sum) in self.out.iter_mut().zip(self.sums) {
            // As `sum as f64`, for which most processors have no vector instruction.
            let sum = f64::from_bits(sum.wrapping_add(WHOLE.to_bits() as i64) as u64) - WHOLE;
            *mean = (sum * self.factor).max(0.0) as f32;
        }
    }
}

/// Surface reflectance of pixels among others; no data stays no data.
pub(super) struct AmongRow<'a> {
    pub(super) samples: &'a [u16],
    /// In steps.
    pub(super) y: &'a [i32],
    pub(super) mean: &'a [f32],
    pub(super) ratio: &'a [f32],
    pub(super) albedo: &'a [f32],
    pub(super) reference: Option<f32>,
    pub(super) out: &'a mut [u16],
}

impl AmongRow<'_> {
    #[inline(always)]
    fn each(self, last: impl Fn(f32, f32, f32) -> f32) {
        let around = self.mean.iter().zip(self.ratio).zip(self.albedo);
        let pixels = self.out.iter_mut().zip(self.samples).zip(self.y);
        for (((out, &sample), &y), ((&mean, ratio), &albedo)) in pixels.zip(around) {
            let y = y as f32 / STEPS;
            let stored = encode(last(y + ratio * (y - mean), mean, albedo));
            *out = if sample == dn::NO_DATA { dn::NO_DATA } else { stored };
        }
    }
}

impl NullaryFnOnce for AmongRow<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.reference {
            None => self.each(|y, mean, albedo| last_step(y, mean, albedo, None)),
            Some(r) => self.each(|y, mean, albedo| last_step(y, mean, albedo, Some(r))),
        }
    }
}
