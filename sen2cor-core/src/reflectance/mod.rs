//! From top-of-atmosphere to surface reflectance and back, for flat ground.
//!
//! Both models subtract the path reflectance, divide by the two-way transmittance and then account for the light that goes to and
//! fro between ground and air. They differ in that last step (decision 22 in `COMPARE.md`):
//!
//! * `physical`: r = y / (1 + y S), exact for tables made above a black surface;
//! * `sen2cor`: r = y (1 - (y - 0.15) S), as the original does.
//!
//! The surroundings of a pixel are taken to be as bright as itself. See `docs/science/surface-reflectance.md`.

#![allow(clippy::needless_pass_by_value, reason = "array views are handed over like slices")]
#![allow(clippy::inline_always, reason = "what is not inlined is compiled for the narrowest vectors")]

mod block;
mod brdf;
mod clouds;
mod inclination;
mod rows;
mod slopes;
mod terrain;

pub use block::{BlockInput, CorrectionParameters, adjacency_radius, correct_block};
pub use brdf::{Brdf, BrdfCode, brdf_factor, is_vegetation};
pub use clouds::mark_large_clouds;
pub use inclination::{Slope, gradient};
pub use slopes::{SlopeLight, Slopes, Tilt};
pub use terrain::{Relief, Terrain};

use crate::dn;
use crate::sensor::UnknownName;
use crate::table::AtmosphericFunctions;
use ndarray::{ArrayView2, ArrayViewMut2, Zip};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which of the two ways of correction is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// Agrees with the archive of Level-2A products.
    #[default]
    Sen2cor,
    /// The physically most correct answer.
    Physical,
}

impl Model {
    /// Both models.
    pub const ALL: [Self; 2] = [Self::Sen2cor, Self::Physical];

    /// Name in options and metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sen2cor => "sen2cor",
            Self::Physical => "physical",
        }
    }

    /// Reference albedo of the correction for multiple reflection; `None` for the exact form.
    pub const fn reference_albedo(self) -> Option<f32> {
        match self {
            Self::Sen2cor => Some(0.15),
            Self::Physical => None,
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Model {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|model| model.name() == text)
            .ok_or_else(|| UnknownName { what: "model (sen2cor or physical)", text: text.to_owned() })
    }
}

/// Two-way transmittance below which none is divided by. Only B10, and B09 under very moist air with a low sun, come so low; what
/// they then hold is noise and stays bounded.
pub const LEAST_TRANSMITTANCE: f64 = 1e-3;

/// Largest stored value of surface reflectance.
pub const LARGEST_SAMPLE: u16 = 32_767;

/// 2^23: adding it to a float of 0 to 2^22 rounds to the nearest integer, halves to the even one.
const ROUNDING: f32 = 8_388_608.0;

/// Everything that turns one band's reflectance into surface reflectance under one state of the atmosphere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandCorrection {
    /// Reflectance of the atmosphere above a black surface.
    pub path_reflectance: f32,
    /// 1 / two-way transmittance, = cos(sun) / (Es cos(sun) + Ed) relative to the solar irradiance.
    pub gain: f32,
    /// Albedo of the atmosphere for light from below.
    pub spherical_albedo: f32,
    /// Reference albedo of model `sen2cor`; `None` for the exact form of `physical`.
    pub reference_albedo: Option<f32>,
}

impl BandCorrection {
    /// The correction for an atmosphere. `reference_albedo` is usually [`Model::reference_albedo`].
    pub fn new(functions: &AtmosphericFunctions, reference_albedo: Option<f32>) -> Self {
        let transmittance = functions.two_way_transmittance().max(LEAST_TRANSMITTANCE);
        Self {
            path_reflectance: functions.path_reflectance as f32,
            gain: (1.0 / transmittance) as f32,
            spherical_albedo: functions.spherical_albedo as f32,
            reference_albedo,
        }
    }
}

/// Arrays that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} has {found:?} rows and columns, {expected:?} are needed")]
pub struct ShapeMismatch {
    /// Which array.
    pub what: &'static str,
    /// Its rows and columns.
    pub found: (usize, usize),
    /// The rows and columns that fit.
    pub expected: (usize, usize),
}

/// Surface reflectance of a pixel with this reflectance at the top of the atmosphere.
#[inline]
pub fn surface_reflectance(toa: f32, correction: &BandCorrection) -> f32 {
    let y = (toa - correction.path_reflectance) * correction.gain;
    match correction.reference_albedo {
        None => y / (1.0 + y * correction.spherical_albedo),
        Some(reference) => y * (1.0 - (y - reference) * correction.spherical_albedo),
    }
}

/// Top-of-atmosphere reflectance for which [`surface_reflectance`] gives `surface`: its inverse.
///
/// With a reference albedo r the correction has a largest value, (1 + r S)^2 / (4 S) (above 1.2 for S up to 0.22); for a brighter surface the
/// reflectance that gives that largest value is returned.
#[inline]
pub fn toa_reflectance(surface: f32, correction: &BandCorrection) -> f32 {
    let albedo = correction.spherical_albedo;
    let y = match correction.reference_albedo {
        None => surface / (1.0 - surface * albedo),
        Some(reference) => {
            // The smaller root of S y^2 - b y + surface = 0, in the form that loses no digits for small S.
            let b = 1.0 + reference * albedo;
            let discriminant = b * b - 4.0 * albedo * surface;
            if discriminant > 0.0 { 2.0 * surface / (b + discriminant.sqrt()) } else { b / (2.0 * albedo) }
        }
    };
    y / correction.gain + correction.path_reflectance
}

/// Stores surface reflectance in the encoding of the planes: round(10000 r) + 1000, at least 1, at most
/// [`LARGEST_SAMPLE`]. Halves are rounded up; what is not a number becomes no data.
#[inline(always)]
pub fn encode(reflectance: f32) -> u16 {
    encode_with_offset(reflectance, dn::BIAS as u16)
}

/// As [`encode`] with another offset than 1000, e.g. 0 for products of the old encoding.
#[inline(always)]
pub fn encode_with_offset(reflectance: f32, offset: u16) -> u16 {
    let value = reflectance * dn::QUANTIFICATION + f32::from(offset);
    let limited = value.clamp(1.0, f32::from(LARGEST_SAMPLE));
    // Above 2^23 a float has no fraction and its low bits count units. Unlike a conversion to an integer, which must look at the
    // range of its argument, this is done for many pixels at a time.
    let even = (limited + ROUNDING) - ROUNDING;
    let rounded = if limited - even == 0.5 { even + 1.0 } else { even };
    let sample = (rounded + ROUNDING).to_bits() as u16;
    if value.is_nan() { dn::NO_DATA } else { sample }
}

/// Brings a sample of a plane to the offset of the product that is written: 1000 leaves it, 0 gives max(1, round(10000 r)).
/// No data stays no data.
#[inline]
pub fn to_output_offset(sample: u16, offset: u16) -> u16 {
    if sample == dn::NO_DATA {
        return dn::NO_DATA;
    }
    (dn::to_signed(sample) + i32::from(offset)).clamp(1, i32::from(LARGEST_SAMPLE)) as u16
}

/// Corrects one stored sample; no data stays no data.
#[inline]
pub fn correct_sample(toa: u16, correction: &BandCorrection) -> u16 {
    let corrected = encode(surface_reflectance(dn::to_reflectance(toa), correction));
    if toa == dn::NO_DATA { dn::NO_DATA } else { corrected }
}

/// Corrects an image: `toa` in, `surface` out, both in the encoding of [`dn`].
///
/// # Errors
/// If the shapes differ.
pub fn correct(
    toa: ArrayView2<'_, u16>,
    correction: &BandCorrection,
    surface: ArrayViewMut2<'_, u16>,
) -> Result<(), ShapeMismatch> {
    fits("the output", surface.dim(), toa.dim())?;
    let pixels = Zip::from(surface).and(toa);
    // The choice of the model stands outside the loop so that the compiler sees straight arithmetic within.
    match correction.reference_albedo {
        None => {
            let exact = BandCorrection { reference_albedo: None, ..*correction };
            pixels.for_each(|out, &sample| *out = correct_sample(sample, &exact));
        }
        Some(reference) => {
            let referred = BandCorrection { reference_albedo: Some(reference), ..*correction };
            pixels.for_each(|out, &sample| *out = correct_sample(sample, &referred));
        }
    }
    Ok(())
}

/// As [`correct`], and no data wherever the scene class is 0 (no data).
///
/// A pixel of `scene_class` covers `class_pixels` x `class_pixels` pixels of the image, from its upper left corner on; at the lower
/// and right edges the last class pixels may reach beyond the image.
///
/// # Errors
/// If the shapes do not fit or `class_pixels` is 0.
pub fn correct_masked(
    toa: ArrayView2<'_, u16>,
    scene_class: ArrayView2<'_, u8>,
    class_pixels: usize,
    correction: &BandCorrection,
    mut surface: ArrayViewMut2<'_, u16>,
) -> Result<(), ShapeMismatch> {
    fits("the output", surface.dim(), toa.dim())?;
    let (rows, cols) = toa.dim();
    if class_pixels == 0 {
        return Err(ShapeMismatch { what: "a class pixel", found: (0, 0), expected: (1, 1) });
    }
    let covering = (rows.div_ceil(class_pixels), cols.div_ceil(class_pixels));
    fits("the scene class", scene_class.dim(), covering)?;
    correct(toa, correction, surface.view_mut())?;
    for (row, mut line) in surface.rows_mut().into_iter().enumerate() {
        for (class_col, &class) in scene_class.row(row / class_pixels).iter().enumerate() {
            if class == 0 {
                let first = class_col * class_pixels;
                for col in first..(first + class_pixels).min(cols) {
                    line[col] = dn::NO_DATA;
                }
            }
        }
    }
    Ok(())
}

fn fits(what: &'static str, found: (usize, usize), expected: (usize, usize)) -> Result<(), ShapeMismatch> {
    if found == expected { Ok(()) } else { Err(ShapeMismatch { what, found, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn correction(model: Model, path: f32, transmittance: f32, albedo: f32) -> BandCorrection {
        BandCorrection {
            path_reflectance: path,
            gain: 1.0 / transmittance,
            spherical_albedo: albedo,
            reference_albedo: model.reference_albedo(),
        }
    }

    #[test]
    fn models_differ_by_the_reference_albedo_to_first_order() {
        let toa = 0.2;
        let at = |model| surface_reflectance(toa, &correction(model, 0.1, 0.8, 0.2));
        let (y, s) = (0.1 / 0.8, 0.2);
        assert!((at(Model::Physical) - y / (1.0 + y * s)).abs() < 1e-7);
        assert!((at(Model::Sen2cor) - y * (1.0 - (y - 0.15) * s)).abs() < 1e-7);
        assert!((at(Model::Sen2cor) / at(Model::Physical) - (1.0 + 0.15 * s)).abs() < 1e-3);
    }

    #[test]
    fn encoding_rounds_and_is_limited() {
        assert_eq!(encode(0.0), 1000);
        assert_eq!(encode(0.12344), 2234);
        assert_eq!(encode(0.12346), 2235);
        assert_eq!(encode(-0.05), 500);
        assert_eq!(encode(-0.2), 1);
        assert_eq!(encode(f32::NEG_INFINITY), 1);
        assert_eq!(encode(3.5), 32_767);
        assert_eq!(encode(f32::NAN), 0);
        assert_eq!(encode(-f32::NAN), 0);
        // 5/32 and 15/32 are exact and give 1562.5 and 4687.5; halves go up.
        assert_eq!(encode_with_offset(0.156_25, 0), 1563);
        assert_eq!(encode_with_offset(0.468_75, 0), 4688);
        assert_eq!(encode_with_offset(0.0, 0), 1);
        assert_eq!(encode_with_offset(0.5, 0), 5000);
    }

    #[test]
    fn no_data_and_class_0_stay_empty() {
        let toa = array![[0u16, 1500, 1500], [2500, 0, 2500], [2500, 2500, 2500]];
        let c = correction(Model::Physical, 0.02, 0.9, 0.1);
        let mut plain = Array2::from_elem(toa.dim(), 7);
        correct(toa.view(), &c, plain.view_mut()).unwrap();
        assert_eq!(plain.mapv(|v| v == 0), toa.mapv(|v| v == 0));
        assert_eq!(plain[[1, 0]], encode(surface_reflectance(0.15, &c)));
        let classes = array![[4u8, 0], [5, 6]];
        let mut masked = Array2::from_elem(toa.dim(), 7);
        correct_masked(toa.view(), classes.view(), 2, &c, masked.view_mut()).unwrap();
        for ((row, col), &sample) in masked.indexed_iter() {
            let expected = if classes[[row / 2, col / 2]] == 0 { 0 } else { plain[[row, col]] };
            assert_eq!(sample, expected);
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let c = correction(Model::Physical, 0.02, 0.9, 0.1);
        let toa = Array2::from_elem((4, 4), 1500u16);
        let mut out = Array2::zeros((4, 3));
        assert!(correct(toa.view(), &c, out.view_mut()).is_err());
        let mut out = Array2::zeros((4, 4));
        let classes = Array2::from_elem((2, 3), 4u8);
        assert!(correct_masked(toa.view(), classes.view(), 2, &c, out.view_mut()).is_err());
        assert!(correct_masked(toa.view(), classes.view(), 0, &c, out.view_mut()).is_err());
    }

    #[test]
    fn names_are_read_back() {
        for model in Model::ALL {
            assert_eq!(model.to_string().parse(), Ok(model));
        }
        assert!("Sen2Cor".parse::<Model>().is_err());
    }

    proptest! {
        #[test]
        fn forward_and_back_is_the_same(
            rho in 0.0..1.2f32, path in 0.0..0.3f32, transmittance in 0.3..1.0f32, albedo in 0.0..0.22f32, physical: bool
        ) {
            let model = if physical { Model::Physical } else { Model::Sen2cor };
            let c = correction(model, path, transmittance, albedo);
            let back = surface_reflectance(toa_reflectance(rho, &c), &c);
            prop_assert!((back - rho).abs() < 5e-6, "{} {}", back, rho);
        }

        #[test]
        fn a_brighter_surface_is_brighter_from_above(
            rho in 0.0..1.1f32, path in 0.0..0.3f32, transmittance in 0.3..1.0f32, albedo in 0.0..0.22f32, physical: bool
        ) {
            let model = if physical { Model::Physical } else { Model::Sen2cor };
            let c = correction(model, path, transmittance, albedo);
            prop_assert!(toa_reflectance(rho + 0.01, &c) > toa_reflectance(rho, &c));
        }

        #[test]
        fn beyond_the_largest_value_it_is_kept(surplus in 0.0..1.0f32, albedo in 0.25..0.38f32) {
            let c = correction(Model::Sen2cor, 0.1, 0.5, albedo);
            let b = 1.0 + 0.15 * albedo;
            let largest = b * b / (4.0 * albedo);
            let back = surface_reflectance(toa_reflectance(largest + surplus, &c), &c);
            prop_assert!((back - largest).abs() < 1e-5);
        }

        #[test]
        fn encoding_is_the_nearest_number(rho in -0.0998..3.1f32) {
            let exact = f64::from(rho) * 10_000.0 + 1000.0;
            prop_assert!((f64::from(encode(rho)) - exact).abs() < 0.502);
        }

        #[test]
        fn encoding_rounds_as_in_double_precision(value in 1.0..32_767.0f32) {
            // The product is made exact, so that only the rounding is looked at.
            let rho = value / 10_000.0;
            let scaled = rho * 10_000.0;
            prop_assert_eq!(f64::from(encode_with_offset(rho, 0)), libm::floor(f64::from(scaled) + 0.5).clamp(1.0, 32_767.0));
        }

        #[test]
        fn output_offset_is_the_encoding_of_that_offset(rho in -0.2..3.5f32) {
            prop_assert_eq!(to_output_offset(encode(rho), 1000), encode(rho));
            let direct = encode_with_offset(rho, 0);
            prop_assert!(i32::from(to_output_offset(encode(rho), 0)).abs_diff(i32::from(direct)) <= 1 || rho > 3.1);
        }
    }
}
