//! A pixel: its reflectances, its state, and the three functions of which the decision tree is made.
//!
//! Source: Sen2Cor 2.8; the small constant keeps its divisions away from zero.

use super::{Line, SceneClass, Span};
use crate::dn;

/// Value of the map where no class has been decided. In the output such pixels are unclassified.
pub const OPEN: u8 = 100;

/// Smallest divisor.
const EPSILON: f32 = 1e-6;

/// Top-of-atmosphere reflectances of the bands on which the tree decides.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the fields are the names of the bands")]
pub(super) struct Spectrum {
    pub(super) b02: f32,
    pub(super) b03: f32,
    pub(super) b04: f32,
    pub(super) b05: f32,
    pub(super) b8a: f32,
    pub(super) b10: f32,
    pub(super) b11: f32,
    pub(super) b12: f32,
    /// Whether all twelve bands have data.
    pub(super) valid: bool,
}

/// What the steps have found out so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pixel {
    /// A class number or [`OPEN`]; as wide as the confidences, so that they can be handled alike.
    pub(super) map: u32,
    /// Cloud confidence, 0 to 1.
    pub(super) cloud: f32,
    /// Snow confidence, 0 to 1.
    pub(super) snow: f32,
}

impl Pixel {
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.map == u32::from(OPEN)
    }

    #[inline(always)]
    pub(super) fn is(&self, class: SceneClass) -> bool {
        self.map == u32::from(class.number())
    }

    #[inline(always)]
    pub(super) fn is_valid(&self) -> bool {
        !self.is(SceneClass::NoData)
    }

    /// Decides an open pixel if the condition holds.
    #[inline(always)]
    pub(super) fn decide_if(&mut self, condition: bool, class: SceneClass) {
        self.set_if(self.is_open() & condition, class.number());
    }

    /// Sets the map, over any class.
    #[inline(always)]
    pub(super) fn set_if(&mut self, condition: bool, value: u8) {
        self.map = if condition { value.into() } else { self.map };
    }

    #[inline(always)]
    pub(super) fn clear_cloud_if(&mut self, condition: bool) {
        self.cloud = if condition { 0.0 } else { self.cloud };
    }

    #[inline(always)]
    pub(super) fn scale_cloud_if(&mut self, condition: bool, factor: f32) {
        self.cloud = if condition { self.cloud * factor } else { self.cloud };
    }
}

/// Reflectance of a biased digital number. A valid value counts as at least 1/10000, no data as 0.
#[inline(always)]
pub(super) fn reflectance(sample: u16) -> f32 {
    let value = if sample == dn::NO_DATA { 0 } else { dn::to_signed(sample).max(1) };
    value as f32 / dn::QUANTIFICATION
}

/// A confidence (0 to 1) in percent, halves rounded up.
#[inline(always)]
pub(super) fn percent(confidence: f32) -> u32 {
    // Added to this number, others lose their fraction, and the lowest bits of the sum are what is left. A conversion
    // by `as` would look for values out of range, one pixel at a time.
    const WHOLE: f32 = 8_388_608.0;
    let value = 100.0 * confidence + 0.5;
    let nearest = (value + WHOLE) - WHOLE;
    let floor = if nearest > value { nearest - 1.0 } else { nearest };
    (floor + WHOLE).to_bits() & 0xff
}

/// a / b
#[inline(always)]
pub(super) fn ratio(a: f32, b: f32) -> f32 {
    a / b.max(EPSILON)
}

/// (a - b) / (a + b), the normalised difference index.
#[inline(always)]
pub(super) fn ndi(a: f32, b: f32) -> f32 {
    (a - b) / (a + b).max(EPSILON)
}

/// 0 at and below the lower end, 1 at and above the upper end, linear between.
#[inline(always)]
pub(super) fn ramp(value: f32, span: Span) -> f32 {
    (value.max(span.low).min(span.high) - span.low) / (span.high - span.low)
}

/// Whether a value lies between the ends, both excluded.
#[inline(always)]
pub(super) fn inside(value: f32, span: Span) -> bool {
    (span.low < value) & (value < span.high)
}

/// The threshold that belongs to a ratio.
#[inline(always)]
pub(super) fn on_line(ratio: f32, line: &Line) -> f32 {
    (ratio * line.slope + line.intercept).max(line.limits.low).min(line.limits.high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflectances_are_positive_where_there_are_data() {
        assert_eq!(reflectance(0), 0.0);
        assert_eq!([1, 999, 1000, 1001].map(reflectance), [0.0001; 4]);
        assert_eq!(reflectance(11_000), 1.0);
        assert_eq!(reflectance(4456), 0.3456);
    }

    #[test]
    fn confidences_are_rounded_half_up() {
        assert_eq!([0.0, 0.004_999, 0.005, 0.125, 0.999, 1.0].map(percent), [0, 0, 1, 13, 100, 100]);
    }

    #[test]
    fn divisions_by_zero_do_not_happen() {
        assert_eq!(ratio(0.5, 0.0), 0.5 / 1e-6);
        assert_eq!(ndi(0.0, 0.0), 0.0);
        assert_eq!(ndi(0.3, 0.1), (0.3 - 0.1) / (0.3f32 + 0.1));
    }

    #[test]
    fn ramps_reach_both_ends_exactly() {
        let span = Span { low: 0.06, high: 0.25 };
        assert_eq!([-1.0, 0.06, 0.25, 9.0].map(|v| ramp(v, span)), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(ramp(3.5, Span { low: 3.0, high: 5.0 }), 0.25);
    }
}
