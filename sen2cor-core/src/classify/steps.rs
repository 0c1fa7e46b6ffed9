//! The steps of the decision tree that look at one pixel alone, in the order in which they run.
//!
//! Source: Sen2Cor 2.8; the numbers in brackets are its own names of the steps. Order matters down to the single
//! assignment: a step sees the classes and the confidence as the steps before it left them. There are no branches
//! (`&` instead of `&&`), so that the compiler can run several pixels at once.

use super::SceneClass::{
    CloudHigh, CloudMedium, DarkFeature, NotVegetated, SnowIce, ThinCirrus, Unclassified, Vegetation, Water,
};
use super::pixel::{OPEN, Pixel, Spectrum, inside, ndi, on_line, ramp, ratio};
use super::shadow::distance;
use super::{SceneClass, Thresholds, clues};

/// Everything before the snow mask: brightness, cloud index and, unless the climatology excludes it, snow confidence.
#[inline(always)]
pub(super) fn before_snow_mask<const SNOW: bool>(s: &Spectrum, snow_free: bool, t: &Thresholds) -> Pixel {
    let map = if s.valid { OPEN } else { SceneClass::NoData.number() };
    let mut pixel = Pixel { map: map.into(), cloud: 0.0, snow: 0.0 };
    brightness(&mut pixel, s, t);
    let ndsi = ndi(s.b03, s.b11);
    cloud_index(&mut pixel, ndsi, t);
    if SNOW {
        pixel.snow = snow_confidence(&pixel, s, ndsi, snow_free, t);
    }
    pixel
}

/// Everything after the snow mask. Without `RED` no pixel is so bright in red that the step about it changes anything.
#[inline(always)]
pub(super) fn after_snow_mask<const RED: bool>(
    pixel: &mut Pixel,
    s: &Spectrum,
    low_ground: bool,
    t: &Thresholds,
) {
    vegetation(pixel, s, t);
    soil(pixel, s, t);
    water(pixel, s, t);
    rock(pixel, s, t);
    if RED {
        very_bright_red(pixel, s, t);
    }
    cloud_classes(pixel, t);
    cirrus(pixel, s, low_ground, t);
}

/// What later steps want to know, see [`clues`].
#[inline(always)]
pub(super) fn clues_of(pixel: &Pixel, s: &Spectrum, t: &Thresholds) -> u32 {
    let bands = [s.b02, s.b03, s.b04, s.b8a, s.b11, s.b12];
    let reference = t.shadow_reference.bands();
    let dark = bands.iter().zip(&reference).fold(true, |all, (band, limit)| all & (band < limit));
    let factor = 1.0 - distance(bands, &reference);
    let flag = |condition: bool, clue: u8| if condition { u32::from(clue) } else { 0 };
    flag(pixel.cloud > t.shadow_cloud_min, clues::CLOUDY)
        | flag(dark, clues::DARK)
        | flag(factor >= 1.0 - t.shadow_distance_max, clues::SHADOW_LIKE)
        // The original divides unguarded, which makes no difference where there are data.
        | flag(ratio(s.b02, s.b11) > t.shadow_b02_b11_max, clues::BLUE)
}

/// (1.1) Bright in red may be cloud; dark in red and near infrared is a dark feature.
#[inline(always)]
fn brightness(pixel: &mut Pixel, s: &Spectrum, t: &Thresholds) {
    let bright = ramp(s.b04, t.cloud_b04);
    pixel.cloud = bright * bright;
    let dark = (s.b04 < t.dark_b04_max) & inside(s.b8a, t.dark_b8a);
    pixel.decide_if(dark, DarkFeature);
    pixel.clear_cloud_if(pixel.is(DarkFeature));
}

/// (1.2) Bright in the short-wave infrared is no cloud. Dark features with such an index are open again.
#[inline(always)]
fn cloud_index(pixel: &mut Pixel, ndsi: f32, t: &Thresholds) {
    let factor = ramp(ndsi, t.cloud_ndsi);
    pixel.set_if((factor == 0.0) & pixel.is_valid(), OPEN);
    pixel.cloud *= factor;
}

/// (2.1 to 2.4) Confidence that the pixel is snow. What is surely no cloud is no snow either.
///
/// The original also locks open pixels without confidence; the lock is undone before anything reads it.
#[inline(always)]
fn snow_confidence(pixel: &Pixel, s: &Spectrum, ndsi: f32, snow_free: bool, t: &Thresholds) -> f32 {
    let snow = ramp(ndsi, t.snow_ndsi);
    let no_snow = ((pixel.cloud == 0.0) | snow_free) & pixel.is_valid();
    let excluded = no_snow | (ratio(s.b05, s.b8a) < t.snow_b05_b8a_min);
    let snow = if excluded { 0.0 } else { snow };
    snow * ramp(s.b8a, t.snow_b8a) * ramp(s.b02, t.snow_b02) * ramp(ratio(s.b02, s.b04), t.snow_b02_b04)
}

/// (2.5) Whether the pixel is snow.
#[inline(always)]
pub(super) fn is_snow_core(pixel: &Pixel, t: &Thresholds) -> bool {
    (pixel.snow > t.snow_core_min) & pixel.is_valid()
}

/// (2.5) Makes snow of a core, over any earlier class, and clears the cloud confidence on snow and, where
/// the surroundings of snow are dark in B12, around it. Snow on water is cloud, where the snow condition knows water.
#[inline(always)]
pub(super) fn snow_mask(pixel: &mut Pixel, s: &Spectrum, near_snow: bool, snow_free: bool, t: &Thresholds) {
    let core = is_snow_core(pixel, t);
    pixel.set_if(core, SnowIce.number());
    pixel.clear_cloud_if(core | (near_snow & (s.b12 < t.snow_ring_b12_max)));
    pixel.set_if(core & snow_free, CloudMedium.number());
}

/// (3) Green vegetation. It keeps its cloud confidence; less green pixels lose a part of theirs.
#[inline(always)]
fn vegetation(pixel: &mut Pixel, s: &Spectrum, t: &Thresholds) {
    let green = ramp(ndi(s.b8a, s.b04), t.vegetation_ndvi);
    pixel.decide_if((green == 1.0) & (s.b02 < t.vegetation_b02_max), Vegetation);
    pixel.scale_cloud_if((0.0 < green) & (green < 1.0) & !pixel.is(Vegetation), 1.0 - green);
}

/// (5.1) Bare soil and deserts.
#[inline(always)]
fn soil(pixel: &mut Pixel, s: &Spectrum, t: &Thresholds) {
    let r = ratio(s.b02, s.b11).clamp(0.0, 100.0);
    let dark_blue = s.b02 < on_line(r, &t.soil_b02_line);
    let span = t.soil_b02_b11;
    pixel.decide_if(dark_blue & (r < span.low), NotVegetated);
    pixel.clear_cloud_if(pixel.is(NotVegetated));
    pixel.scale_cloud_if(inside(r, span) & dark_blue & pixel.is_open(), ramp(r, span));
}

/// (5.2) Water, first by the short-wave infrared, then by colour.
#[inline(always)]
fn water(pixel: &mut Pixel, s: &Spectrum, t: &Thresholds) {
    let r = ratio(s.b02, s.b11);
    let span = t.water_b02_b11;
    let not_bright = (s.b8a < s.b04) & (s.b02 < t.water_b02_max);
    let watery = (s.b12 < on_line(r, &t.water_b12_line)) & not_bright;
    pixel.decide_if(watery & (r > span.high), Water);
    pixel.clear_cloud_if(pixel.is(Water));
    // 1 at the lower end, 0 at the upper one, whatever the class.
    let factor = (span.high - r) / (span.high - span.low);
    pixel.scale_cloud_if(watery & (span.low <= r) & (r < span.high), factor);

    let blue = (s.b02 - s.b04 > t.water_b02_b04_min) & not_bright;
    pixel.decide_if(blue, Water);
    pixel.clear_cloud_if(blue & pixel.is(Water));
}

/// (6) Rock and sand.
#[inline(always)]
fn rock(pixel: &mut Pixel, s: &Spectrum, t: &Thresholds) {
    let r = ratio(s.b8a, s.b11);
    let dark_blue = s.b02 < on_line(r, &t.rock_b02_line);
    let span = t.rock_b8a_b11;
    let rocky = dark_blue & (r < span.low) & (s.b02 < t.rock_b02_b11_max * s.b11);
    pixel.decide_if(rocky, NotVegetated);
    pixel.clear_cloud_if(pixel.is(NotVegetated));
    pixel.scale_cloud_if(inside(r, span) & dark_blue & pixel.is_open(), ramp(r, span));
}

/// (6bis) Far brighter in red than in the short-wave infrared: water or ice rather than cloud.
#[inline(always)]
fn very_bright_red(pixel: &mut Pixel, s: &Spectrum, t: &Thresholds) {
    let r = ramp(ratio(s.b04, s.b11), t.bright_b04_b11);
    let between = (0.0 < r) & (r < 1.0);
    let factor = if between { 1.0 - r } else { r };
    pixel.clear_cloud_if((factor == 1.0) & pixel.is_open());
    pixel.scale_cloud_if(between, factor);
}

/// (7) Classes by cloud confidence. Pixels without any stay open.
#[inline(always)]
fn cloud_classes(pixel: &mut Pixel, t: &Thresholds) {
    let cloud = pixel.cloud;
    pixel.decide_if((t.cloud_low < cloud) & (cloud < t.cloud_medium), Unclassified);
    pixel.decide_if((t.cloud_medium <= cloud) & (cloud < t.cloud_high), CloudMedium);
    pixel.decide_if(cloud >= t.cloud_high, CloudHigh);
}

/// (7) Cirrus by the water vapour band, over any class; thin cirrus over low ground only.
#[inline(always)]
fn cirrus(pixel: &mut Pixel, s: &Spectrum, low_ground: bool, t: &Thresholds) {
    let span = t.cirrus_b10;
    let thin = inside(s.b10, span) & (s.b02 < t.cirrus_b02_max) & low_ground;
    pixel.set_if(pixel.is_valid() & thin & (pixel.cloud < t.cloud_medium), ThinCirrus.number());
    let thick = (s.b10 >= span.high) & (pixel.cloud < t.cloud_high);
    pixel.set_if(pixel.is_valid() & thick, CloudMedium.number());
}

#[cfg(test)]
mod tests {
    //! Values that lie exactly on a threshold. Digital numbers seldom hit one, so the numbers are made to fit.

    use super::*;
    use crate::classify::{Line, Span};

    fn spectrum() -> Spectrum {
        Spectrum {
            b02: 0.25,
            b03: 0.25,
            b04: 0.25,
            b05: 0.25,
            b8a: 0.5,
            b10: 0.0,
            b11: 0.5,
            b12: 0.25,
            valid: true,
        }
    }

    fn open(cloud: f32) -> Pixel {
        Pixel { map: OPEN.into(), cloud, snow: 0.0 }
    }

    fn after(step: impl Fn(&mut Pixel), mut pixel: Pixel) -> (u32, f32) {
        step(&mut pixel);
        (pixel.map, pixel.cloud)
    }

    fn number(class: SceneClass) -> u32 {
        class.number().into()
    }

    #[test]
    fn on_the_thresholds_of_cloud_classes() {
        let t = Thresholds::default();
        let class = |cloud| after(|pixel| cloud_classes(pixel, &t), open(cloud)).0;
        assert_eq!(class(t.cloud_low), u32::from(OPEN));
        assert_eq!(class(t.cloud_medium), number(CloudMedium));
        assert_eq!(class(t.cloud_high), number(CloudHigh));
        let cirrus = |cloud, b10| {
            after(|pixel| cirrus(pixel, &Spectrum { b10, ..spectrum() }, true, &t), open(cloud)).0
        };
        assert_eq!(cirrus(t.cloud_medium, 0.02), u32::from(OPEN));
        assert_eq!(cirrus(t.cloud_high, 0.04), u32::from(OPEN));
        assert_eq!(cirrus(0.1, t.cirrus_b10.low), u32::from(OPEN));
        assert_eq!(cirrus(0.1, t.cirrus_b10.high), number(CloudMedium));
    }

    #[test]
    fn on_the_thresholds_of_snow() {
        let t = Thresholds { snow_b05_b8a_min: 0.5, snow_ring_b12_max: 0.25, ..Thresholds::default() };
        let bright = Spectrum { b02: 0.5, b04: 0.5, ..spectrum() };
        assert_eq!(snow_confidence(&open(1.0), &bright, 1.0, false, &t), 1.0, "a ratio at its least");
        assert!(!is_snow_core(&Pixel { snow: t.snow_core_min, ..open(1.0) }, &t));
        assert_eq!(
            after(|pixel| snow_mask(pixel, &bright, true, false, &t), open(1.0)).1,
            1.0,
            "B12 at its most"
        );
    }

    #[test]
    fn on_the_thresholds_of_land() {
        let span = Span { low: 0.5, high: 1.0 };
        let t = Thresholds {
            soil_b02_b11: span,
            rock_b8a_b11: Span { low: 2.0, high: 3.0 },
            rock_b02_b11_max: 0.5,
            ..Thresholds::default()
        };
        let soil = |b02| after(|pixel| soil(pixel, &Spectrum { b02, ..spectrum() }, &t), open(1.0)).0;
        assert_eq!((soil(0.2499), soil(0.25)), (number(NotVegetated), u32::from(OPEN)));
        let rocky =
            |b02, t: &Thresholds| after(|pixel| rock(pixel, &Spectrum { b02, ..spectrum() }, t), open(1.0)).0;
        // The line is at 0.475 - 0.25 = 0.225 for B8A = B11.
        assert_eq!(
            (rocky(0.2249, &t), rocky(on_line(1.0, &t.rock_b02_line), &t)),
            (number(NotVegetated), u32::from(OPEN))
        );
        let t = Thresholds {
            rock_b02_line: Line { intercept: 0.6, limits: Span { low: 0.1, high: 0.9 }, ..t.rock_b02_line },
            ..t
        };
        assert_eq!(
            (rocky(0.2499, &t), rocky(0.25, &t)),
            (number(NotVegetated), u32::from(OPEN)),
            "against B11"
        );
    }

    #[test]
    fn on_the_thresholds_of_clues() {
        let t = Thresholds::default();
        let [b02, b03, b04, b8a, b11, b12] = t.shadow_reference.bands();
        let limit = Spectrum { b02, b03, b04, b05: 0.1, b8a, b10: 0.0, b11, b12, valid: true };
        assert_eq!(clues_of(&open(t.shadow_cloud_min), &limit, &t), u32::from(clues::SHADOW_LIKE));
        let blue = Spectrum { b02: 0.75, b11: 0.125, ..limit };
        assert_eq!(clues_of(&open(0.0), &blue, &t) & u32::from(clues::BLUE), 0, "a ratio of 6");
        let t = Thresholds { shadow_distance_max: 0.5, ..t };
        let far = Spectrum { b02: b02 + 3.0, ..limit };
        let far_off = distance([far.b02, b03, b04, b8a, b11, b12], &t.shadow_reference.bands());
        let exact = Thresholds { shadow_distance_max: far_off, ..t };
        assert_ne!(clues_of(&open(0.0), &far, &exact) & u32::from(clues::SHADOW_LIKE), 0);
    }
}
