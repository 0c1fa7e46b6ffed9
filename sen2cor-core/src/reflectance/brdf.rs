//! The empirical correction of reflectance under grazing light (`BRDF_Correction` 1, 2, 11, 12, 21, 22).
//!
//! G = (cos(incidence) / cos(threshold))^p, between a lower bound and 1. Source: input-output data definition of Sen2Cor 2.8; Richter,
//! Kellenberger and Kaufmann 2009 (doi:10.3390/rs1030184).

use serde::{Deserialize, Serialize};

/// Codes of the correction; 0 is none. The first digit of two is for soil, the second for vegetation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the variants are numbers")]
pub enum BrdfCode {
    #[default]
    #[serde(rename = "0")]
    Off,
    #[serde(rename = "1")]
    Code1,
    #[serde(rename = "2")]
    Code2,
    #[serde(rename = "11")]
    Code11,
    #[serde(rename = "12")]
    Code12,
    #[serde(rename = "21")]
    Code21,
    #[serde(rename = "22")]
    Code22,
}

impl BrdfCode {
    /// The number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Code1 => 1,
            Self::Code2 => 2,
            Self::Code11 => 11,
            Self::Code12 => 12,
            Self::Code21 => 21,
            Self::Code22 => 22,
        }
    }

    /// Whether vegetation is treated otherwise than soil.
    pub const fn tells_vegetation(self) -> bool {
        self.number() > 2
    }
}

/// Wavelength that parts the exponents of vegetation, micrometres.
const RED_EDGE_UM: f32 = 0.72;

/// The correction of one band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brdf {
    /// Least factor.
    pub lower_bound: f32,
    /// Exponent of ground without vegetation.
    pub soil: f32,
    /// Exponent of vegetation.
    pub vegetation: f32,
}

impl Brdf {
    /// The correction of a code for a band of this wavelength (micrometres); `None` for code 0.
    pub fn of_code(code: BrdfCode, lower_bound: f32, wavelength_um: f32) -> Option<Self> {
        let exponent = |digit: u8| if digit == 1 { 1.0 } else { 0.5 };
        match code.number() {
            code @ (1 | 2) => {
                let p = exponent(code);
                Some(Self { lower_bound, soil: p, vegetation: p })
            }
            code @ 11.. => {
                let visible = if code % 10 == 1 { 1.0 / 3.0 } else { 1.0 };
                let vegetation = if wavelength_um < RED_EDGE_UM { visible } else { 0.75 };
                Some(Self { lower_bound, soil: exponent(code / 10), vegetation })
            }
            _ => None,
        }
    }
}

/// Least reflectance of vegetation in the near infrared.
const LEAST_NIR: f32 = 0.1;

/// Whether a pixel is vegetation: bright in the near infrared, and there more than `least_ratio` times as bright as in the red.
pub fn is_vegetation(red: f32, nir: f32, least_ratio: f32) -> bool {
    nir > LEAST_NIR && nir > least_ratio * red
}

/// Incidence angle beyond which light counts as grazing, degrees.
fn threshold_deg(sun_zenith_deg: f32) -> f32 {
    match sun_zenith_deg {
        z if z < 35.0 => z + 25.0,
        z if z < 45.0 => z + 20.0,
        z if z < 50.0 => z + 15.0,
        z if z < 60.0 => z + 10.0,
        z => (z + 5.0).max(70.0),
    }
}

/// The factor for a pixel.
pub fn brdf_factor(brdf: &Brdf, cos_incidence: f32, cos_sun: f32, vegetation: bool) -> f32 {
    let threshold =
        libm::cosf(threshold_deg(libm::acosf(cos_sun.clamp(-1.0, 1.0)).to_degrees()).to_radians());
    let exponent = if vegetation { brdf.vegetation } else { brdf.soil };
    let relative = cos_incidence.max(0.0) / threshold.max(1e-3);
    libm::powf(relative, exponent).clamp(brdf.lower_bound, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_exponents() {
        use BrdfCode::{Code1, Code2, Code11, Code12, Code21, Code22, Off};
        assert_eq!(Brdf::of_code(Off, 0.22, 0.5), None);
        let exponents = |code, um| Brdf::of_code(code, 0.22, um).map(|b| (b.soil, b.vegetation));
        assert_eq!(exponents(Code1, 0.5), Some((1.0, 1.0)));
        assert_eq!(exponents(Code2, 0.9), Some((0.5, 0.5)));
        assert_eq!(exponents(Code11, 0.5), Some((1.0, 1.0 / 3.0)));
        assert_eq!(exponents(Code12, 0.5), Some((1.0, 1.0)));
        assert_eq!(exponents(Code21, 0.8), Some((0.5, 0.75)));
        assert_eq!(exponents(Code22, 0.8), Some((0.5, 0.75)));
    }

    #[test]
    fn only_grazing_light_is_reduced() {
        let brdf = Brdf::of_code(BrdfCode::Code1, 0.22, 0.5).unwrap();
        let cos = |deg: f32| libm::cosf(deg.to_radians());
        assert_eq!(brdf_factor(&brdf, cos(30.0), cos(30.0), false), 1.0);
        let grazing = brdf_factor(&brdf, cos(70.0), cos(30.0), false);
        assert!((grazing - cos(70.0) / cos(55.0)).abs() < 1e-6);
        assert_eq!(brdf_factor(&brdf, 0.0, cos(30.0), false), 0.22);
    }
}
