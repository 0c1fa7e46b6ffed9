//! What is known of the aerosol at the end of its retrieval.

use crate::stages::aerosol::DarkFound;
use crate::state::Atmosphere;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::aerosol::dark::{BRIGHTEST, DarkCounts};
use sen2cor_core::aerosol::invert::DarkSums;
use sen2cor_core::sensor::Band;

/// Visibility up to which bright vegetation may clear the air, km.
const BRIGHT_LIMIT_KM: f64 = 80.0;

/// Least number of bright pixels.
const LEAST_BRIGHT: usize = 5;

/// How the aerosol was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AerosolMethod {
    /// It was given, or nothing else was asked for.
    Given,
    /// From dark dense vegetation.
    DarkVegetation,
    /// From the forecast in the product.
    Forecast,
    /// From bright dense vegetation.
    BrightVegetation,
    /// What is assumed where nothing else is known.
    Constant,
}

impl AerosolMethod {
    /// For people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::DarkVegetation => "dark dense vegetation",
            Self::Forecast => "forecast in the product",
            Self::BrightVegetation => "bright dense vegetation",
            Self::Constant => "assumed",
        }
    }
}

/// What is known of the aerosol.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AerosolResult {
    pub(crate) method: AerosolMethod,
    pub(crate) aerosol: Aerosol,
    /// Which of the types that were tried.
    pub(crate) which: usize,
    /// Mean load as found.
    pub(crate) mean: f64,
    /// The same after negative pixels were looked at.
    pub(crate) checked: f64,
    /// By what the path reflectance of the blue is multiplied.
    pub(crate) blue_scale: f64,
    pub(crate) dark_pixels: u64,
}

impl AerosolResult {
    /// Nothing was retrieved.
    pub(crate) const fn given(aerosol: Aerosol) -> Self {
        Self {
            method: AerosolMethod::Given,
            aerosol,
            which: 0,
            mean: 0.0,
            checked: 0.0,
            blue_scale: 1.0,
            dark_pixels: 0,
        }
    }

    /// By what the path reflectance is multiplied at a wavelength: falls exponentially from the blue to 1 in the red.
    pub(crate) fn path_scale(&self, wavelength_um: f64) -> f64 {
        let (blue, red) = (Band::B02.wavelength_um(), Band::B04.wavelength_um());
        let share = ((red - wavelength_um) / (red - blue)).clamp(0.0, 1.0);
        (self.blue_scale.ln() * share).exp()
    }
}

/// Dark vegetation, else the forecast of the product, else bright vegetation, else what is assumed.
pub(crate) fn choose(
    atmosphere: &Atmosphere,
    totals: &[DarkSums],
    found: &[DarkFound],
    mean_elevation_km: f64,
) -> AerosolResult {
    let types = atmosphere.aerosol_types();
    let which = (0..totals.len())
        .min_by(|&a, &b| {
            let from_one = |i: usize| (totals[i].double_ratio() - 1.0).abs();
            from_one(a).total_cmp(&from_one(b))
        })
        .unwrap_or(0);
    let result = |method, mean: f64, which: usize, blue: f64| AerosolResult {
        method,
        aerosol: types[which],
        which,
        mean,
        checked: mean,
        blue_scale: atmosphere.path_scale(blue),
        dark_pixels: totals[which].count,
    };
    if let Some(mean) = totals[which].mean_load() {
        let counts = found.iter().fold(DarkCounts::default(), |all, part| all.merge(&part.counts));
        let enough = atmosphere.may_scale_path(totals[which].count, &counts);
        let blue = if enough { totals[which].blue_scale() } else { 1.0 };
        return result(AerosolMethod::DarkVegetation, mean, which, blue);
    }
    if let Some(load) = atmosphere.forecast_load(mean_elevation_km) {
        return result(AerosolMethod::Forecast, load, 0, 1.0);
    }
    let assumed = atmosphere.load.value;
    let mut bright: Vec<(f32, f32)> =
        found.iter().flat_map(|part| part.bright_loads.iter().copied()).collect();
    bright.sort_by(|a, b| a.0.total_cmp(&b.0));
    bright.truncate(BRIGHTEST);
    if bright.len() >= LEAST_BRIGHT {
        let load = bright.iter().map(|b| f64::from(b.1)).sum::<f64>() / bright.len() as f64;
        // Loads fall with visibility: the air may become clearer, but not clearer than the limit.
        if load < assumed && load >= atmosphere.load_of_visibility(BRIGHT_LIMIT_KM) {
            return result(AerosolMethod::BrightVegetation, load, 0, 1.0);
        }
    }
    result(AerosolMethod::Constant, assumed, 0, 1.0)
}
