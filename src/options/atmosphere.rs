//! Options of the state of the atmosphere and of its correction.

use super::check::Checker;
use super::define::options;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::reflectance::Model;
use sen2cor_core::season::Season;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Where the aerosol optical depth comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum AerosolLoad {
    /// Aerosol optical depth at 550 nm.
    Aot550(f64),
    /// Visibility in kilometres.
    VisibilityKm(f64),
}

/// Visibility where none is given or found, km.
const ASSUMED_VISIBILITY_KM: f64 = 40.0;

/// Which aerosol is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AerosolType {
    /// Continental air.
    #[default]
    Rural,
    /// Air over the sea.
    Maritime,
    /// The one whose colour fits the scene.
    Auto,
}

impl From<Aerosol> for AerosolType {
    fn from(aerosol: Aerosol) -> Self {
        match aerosol {
            Aerosol::Rural => Self::Rural,
            Aerosol::Maritime => Self::Maritime,
        }
    }
}

options! {
    /// The state of the atmosphere and its correction.
    RawAtmosphereOptions => AtmosphereOptions, "Atmosphere";

    /// Model of the correction: `sen2cor` agrees with the archive, `physical` is the most exact. Default sen2cor.
    model: Model = Model::Sen2cor, Choice(&["sen2cor", "physical"]);
    /// Season of the atmosphere. Default: from date and latitude. Source: GIPP `Mid_Latitude`.
    season: Season, Choice(&["summer", "winter"]);
    /// Aerosol type; auto takes the one whose colour fits the scene. Default rural. Source: GIPP `Aerosol_Type`.
    aerosol: AerosolType = AerosolType::Rural, Choice(&["rural", "maritime", "auto"]);
    /// Aerosol optical depth at 550 nm above the ground, the same everywhere, 0 to 1.8. Default: retrieved. Excludes visibility-km.
    aot_550: f64, Number { low: 0.0, high: 1.8, unit: "" };
    /// Horizontal visibility, the same everywhere, 5 to 120 km. Default: retrieved, and 40 where that is not possible. Source: GIPP
    /// `Visibility`.
    visibility_km: f64, Number { low: 5.0, high: 120.0, unit: "km" };
    /// Water vapour column above the ground, the same everywhere, 0 to 7 cm. Default: retrieved; without retrieval that of the season
    /// (2.0 cm in summer, 0.4 cm in winter, at sea level).
    water_vapour_cm: f64, Number { low: 0.0, high: 7.0, unit: "cm" };
    /// Ozone column, 100 to 600 Dobson units. Default: that of the product's weather file (AUX_ECMWFT), else 331.
    ozone_du: f64, Number { low: 100.0, high: 600.0, unit: "DU" };
    /// Ground elevation of the whole tile, 0 to 5 km (model sen2cor: to 3.5). Default 0.1. Source: GIPP `Altitude`.
    elevation_km: f64 = 0.1, Number { low: 0.0, high: 5.0, unit: "km" };
    /// Surface reflectance for which the tables are taken to hold, 0 to 1; model sen2cor only. Default 0.15.
    spherical_albedo_reference: f64 = 0.15, Number { low: 0.0, high: 1.0, unit: "" };
    /// Folder of look-up tables of Sen2Cor (lib_S2A or lib_S2B, with the folders 10 and 20_60), used in place of the built-in table; model
    /// sen2cor only.
    lut_dir: String, Text("DIR");
    /// Range of the surroundings whose light is taken off a pixel, 0 (none) to 10 km. Default 1, or what a simulated product says it
    /// was made with. Source: GIPP `Adj_Km`.
    adjacency_km: f64, Number { low: 0.0, high: 10.0, unit: "km" };
}

impl RawAtmosphereOptions {
    pub(super) fn check(&self, check: &mut Checker) {
        let model = self.model.unwrap_or(Model::Sen2cor);
        check.conflict(
            self.aot_550.is_some() && self.visibility_km.is_some(),
            "aot-550 and visibility-km exclude each other",
        );
        check.conflict(
            model == Model::Physical && self.spherical_albedo_reference.is_some(),
            "spherical-albedo-reference belongs to model sen2cor; model physical uses the exact form",
        );
        check.conflict(
            model == Model::Physical && self.lut_dir.is_some(),
            "lut-dir belongs to model sen2cor; model physical has its own table",
        );
        check.conflict(
            model == Model::Sen2cor && self.elevation_km.is_some_and(|km| km > 3.5 && km <= 5.0),
            "elevation-km is above 3.5, the highest that model sen2cor allows",
        );
    }
}

impl AtmosphereOptions {
    /// Ozone columns that are possible, Dobson units.
    pub(crate) const OZONE_DU: RangeInclusive<f64> = 100.0..=600.0;

    /// From `aot_550` or, where that is not given, `visibility_km`, else the visibility that is assumed.
    pub fn aerosol_load(&self) -> AerosolLoad {
        let visibility_km = self.visibility_km.unwrap_or(ASSUMED_VISIBILITY_KM);
        self.aot_550.map_or(AerosolLoad::VisibilityKm(visibility_km), AerosolLoad::Aot550)
    }

    /// Whether the aerosol is given.
    pub fn aerosol_is_given(&self) -> bool {
        self.aot_550.is_some() || self.visibility_km.is_some()
    }
}
