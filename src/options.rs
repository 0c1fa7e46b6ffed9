//! Options of a run: what was asked for, and what that means when it is checked and complete.

use jiff::Timestamp;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::classify::Thresholds;
use sen2cor_core::reflectance::Model;
use sen2cor_core::resample::ClassReduction;

use sen2cor_io::safe::names::ProcessingBaseline;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;

/// Which images a run writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputResolution {
    /// All: 20 m, 60 m as averages of the 20 m results, 10 m.
    #[default]
    #[serde(rename = "all")]
    All,
    /// As `All`: the 10 m images need the 20 m results, which are written too.
    #[serde(rename = "10")]
    R10,
    /// 20 m, and 60 m as averages of the 20 m results.
    #[serde(rename = "20")]
    R20,
    /// 60 m only, processed natively at 60 m.
    #[serde(rename = "60")]
    R60,
}

/// Options as a user gives them: everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawOptions {
    /// Which images are written. Default all.
    pub resolution: Option<OutputResolution>,
    /// Model of the correction. Default `sen2cor`.
    pub model: Option<Model>,
    /// Aerosol type. Default rural. Source: GIPP `Aerosol_Type`.
    pub aerosol: Option<Aerosol>,
    /// Aerosol optical depth at 550 nm above the ground, 0 to 1.8. Excludes `visibility_km`.
    pub aot_550: Option<f64>,
    /// Horizontal visibility, 5 to 120 km. Default 40. Source: GIPP `Visibility`.
    pub visibility_km: Option<f64>,
    /// Water vapour column above the ground, 0 to 7 cm. Default: that of the season (2.0 cm in summer, 0.4 cm in
    /// winter, at sea level).
    pub water_vapour_cm: Option<f64>,
    /// Ozone column, 100 to 600 Dobson units. Default 331.
    pub ozone_du: Option<f64>,
    /// Ground elevation of the whole tile, 0 to 5 km (`sen2cor`: to 3.5). Default 0.1. Source: GIPP `Altitude`.
    pub elevation_km: Option<f64>,
    /// Surface reflectance for which the tables are taken to hold, 0 to 1; model `sen2cor` only. Default 0.15.
    pub spherical_albedo_reference: Option<f64>,
    /// Offset of the stored surface reflectance, -1000 or 0. Default -1000.
    pub boa_offset: Option<i32>,
    /// Baseline that goes into names and metadata. Default 99.99.
    pub processing_baseline: Option<ProcessingBaseline>,
    /// Thresholds of the scene classification.
    pub thresholds: Option<Thresholds>,
    /// How the class map goes from 20 m to 60 m. Default median.
    pub class_map_60m: Option<ClassReduction>,
    /// Edge of the processing blocks in cells of 10 m, a multiple of 6, at least 60. Default 1098. The result does
    /// not depend on it.
    pub block_cells: Option<u32>,
    /// Whether the files that are read are checked against the manifest. Default yes.
    pub verify: Option<bool>,
    /// Whether a product of the same name is replaced. Default no.
    pub overwrite: Option<bool>,
    /// Time that goes into names and metadata. Default: now.
    pub generation_time: Option<Timestamp>,
}

/// Where the aerosol optical depth comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum AerosolLoad {
    /// Aerosol optical depth at 550 nm.
    Aot550(f64),
    /// Visibility in kilometres.
    VisibilityKm(f64),
}

/// Options that are checked and complete.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "described at the field of the same name of RawOptions")]
pub struct Options {
    pub resolution: OutputResolution,
    pub model: Model,
    pub aerosol: Aerosol,
    /// From `aot_550` or `visibility_km`.
    pub aerosol_load: AerosolLoad,
    pub water_vapour_cm: Option<f64>,
    pub ozone_du: f64,
    pub elevation_km: f64,
    pub spherical_albedo_reference: f64,
    pub boa_offset: i32,
    pub processing_baseline: ProcessingBaseline,
    pub thresholds: Thresholds,
    pub class_map_60m: ClassReduction,
    pub block_cells: u32,
    pub verify: bool,
    pub overwrite: bool,
    pub generation_time: Option<Timestamp>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            resolution: OutputResolution::All,
            model: Model::Sen2cor,
            aerosol: Aerosol::Rural,
            aerosol_load: AerosolLoad::VisibilityKm(40.0),
            water_vapour_cm: None,
            ozone_du: 331.0,
            elevation_km: 0.1,
            spherical_albedo_reference: 0.15,
            boa_offset: -1000,
            processing_baseline: ProcessingBaseline { major: 99, minor: 99 },
            thresholds: Thresholds::default(),
            class_map_60m: ClassReduction::default(),
            block_cells: 1098,
            verify: true,
            overwrite: false,
            generation_time: None,
        }
    }
}

/// A problem with an option.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidOption {
    /// A number outside its range.
    Range {
        /// Name of the option.
        name: &'static str,
        /// What was given.
        value: f64,
        /// Smallest allowed value.
        low: f64,
        /// Largest allowed value.
        high: f64,
        /// Unit of the numbers.
        unit: &'static str,
    },
    /// Options that exclude each other or need each other.
    Conflict {
        /// Which ones and why.
        reason: String,
    },
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { name, value, low, high, unit } => {
                write!(f, "{name} is {value}, allowed are {low} to {high}")?;
                if unit.is_empty() { Ok(()) } else { write!(f, " {unit}") }
            }
            Self::Conflict { reason } => f.write_str(reason),
        }
    }
}

/// Collects problems while options are read.
#[derive(Default)]
struct Checker {
    problems: Vec<InvalidOption>,
}

impl Checker {
    fn range(
        &mut self,
        name: &'static str,
        value: f64,
        range: RangeInclusive<f64>,
        unit: &'static str,
    ) -> f64 {
        if !range.contains(&value) {
            let (low, high) = (*range.start(), *range.end());
            self.problems.push(InvalidOption::Range { name, value, low, high, unit });
        }
        value
    }

    fn conflict(&mut self, when: bool, reason: &str) {
        if when {
            self.problems.push(InvalidOption::Conflict { reason: reason.to_owned() });
        }
    }
}

impl RawOptions {
    /// These options where they are given, `lower` elsewhere: flags over a file over defaults.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        // A load given here replaces both ways of giving it below.
        let load_given = self.aot_550.is_some() || self.visibility_km.is_some();
        Self {
            resolution: self.resolution.or(lower.resolution),
            model: self.model.or(lower.model),
            aerosol: self.aerosol.or(lower.aerosol),
            aot_550: if load_given { self.aot_550 } else { lower.aot_550 },
            visibility_km: if load_given { self.visibility_km } else { lower.visibility_km },
            water_vapour_cm: self.water_vapour_cm.or(lower.water_vapour_cm),
            ozone_du: self.ozone_du.or(lower.ozone_du),
            elevation_km: self.elevation_km.or(lower.elevation_km),
            spherical_albedo_reference: self.spherical_albedo_reference.or(lower.spherical_albedo_reference),
            boa_offset: self.boa_offset.or(lower.boa_offset),
            processing_baseline: self.processing_baseline.or(lower.processing_baseline),
            thresholds: self.thresholds.or(lower.thresholds),
            class_map_60m: self.class_map_60m.or(lower.class_map_60m),
            block_cells: self.block_cells.or(lower.block_cells),
            verify: self.verify.or(lower.verify),
            overwrite: self.overwrite.or(lower.overwrite),
            generation_time: self.generation_time.or(lower.generation_time),
        }
    }
}

impl TryFrom<RawOptions> for Options {
    type Error = Vec<InvalidOption>;

    /// Fills in the defaults and checks everything.
    ///
    /// # Errors
    /// All problems at once.
    fn try_from(raw: RawOptions) -> Result<Self, Vec<InvalidOption>> {
        let mut check = Checker::default();
        let default = Self::default();
        let model = raw.model.unwrap_or(default.model);
        let highest_km = if model == Model::Sen2cor { 3.5 } else { 5.0 };
        let baseline = raw.processing_baseline.unwrap_or(default.processing_baseline);
        let boa_offset = raw.boa_offset.unwrap_or(default.boa_offset);
        let block_cells = raw.block_cells.unwrap_or(default.block_cells);
        check.conflict(
            raw.aot_550.is_some() && raw.visibility_km.is_some(),
            "aot-550 and visibility-km exclude each other",
        );
        check.conflict(
            model == Model::Physical && raw.spherical_albedo_reference.is_some(),
            "spherical-albedo-reference belongs to model sen2cor; model physical uses the exact form",
        );
        check.conflict(boa_offset != 0 && boa_offset != -1000, "boa-offset is -1000 or 0");
        check.conflict(
            boa_offset == 0 && baseline >= ProcessingBaseline { major: 4, minor: 0 },
            "boa-offset 0 needs a processing-baseline below 04.00, so that readers which go by the baseline agree",
        );
        check.conflict(
            block_cells < 60 || !block_cells.is_multiple_of(6),
            "block-cells must be a multiple of 6 and at least 60",
        );
        let aerosol_load = match (raw.aot_550, raw.visibility_km) {
            (Some(aot), _) => AerosolLoad::Aot550(check.range("aot-550", aot, 0.0..=1.8, "")),
            (None, Some(km)) => {
                AerosolLoad::VisibilityKm(check.range("visibility-km", km, 5.0..=120.0, "km"))
            }
            (None, None) => default.aerosol_load,
        };
        let options = Self {
            resolution: raw.resolution.unwrap_or(default.resolution),
            model,
            aerosol: raw.aerosol.unwrap_or(default.aerosol),
            aerosol_load,
            water_vapour_cm: raw
                .water_vapour_cm
                .map(|cm| check.range("water-vapour-cm", cm, 0.0..=7.0, "cm")),
            ozone_du: check.range("ozone-du", raw.ozone_du.unwrap_or(default.ozone_du), 100.0..=600.0, "DU"),
            elevation_km: check.range(
                "elevation-km",
                raw.elevation_km.unwrap_or(default.elevation_km),
                0.0..=highest_km,
                "km",
            ),
            spherical_albedo_reference: check.range(
                "spherical-albedo-reference",
                raw.spherical_albedo_reference.unwrap_or(default.spherical_albedo_reference),
                0.0..=1.0,
                "",
            ),
            boa_offset,
            processing_baseline: baseline,
            thresholds: raw.thresholds.unwrap_or(default.thresholds),
            class_map_60m: raw.class_map_60m.unwrap_or(default.class_map_60m),
            block_cells,
            verify: raw.verify.unwrap_or(default.verify),
            overwrite: raw.overwrite.unwrap_or(default.overwrite),
            generation_time: raw.generation_time,
        };
        if check.problems.is_empty() { Ok(options) } else { Err(check.problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_given_means_the_defaults() {
        assert_eq!(Options::try_from(RawOptions::default()), Ok(Options::default()));
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let raw = RawOptions {
            aot_550: Some(3.0),
            visibility_km: Some(10.0),
            boa_offset: Some(0),
            block_cells: Some(100),
            elevation_km: Some(4.0),
            ..RawOptions::default()
        };
        let problems = Options::try_from(raw).unwrap_err();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(problems.iter().any(|p| p.to_string() == "aot-550 is 3, allowed are 0 to 1.8"));
    }

    #[test]
    fn not_a_number_is_out_of_range() {
        assert!(Options::try_from(RawOptions { ozone_du: Some(f64::NAN), ..RawOptions::default() }).is_err());
    }

    #[test]
    fn an_old_encoding_needs_an_old_baseline() {
        let baseline = Some(ProcessingBaseline { major: 3, minor: 1 });
        let raw = RawOptions { boa_offset: Some(0), processing_baseline: baseline, ..RawOptions::default() };
        assert!(Options::try_from(raw).is_ok());
    }

    #[test]
    fn a_visibility_replaces_an_optical_depth_below_it() {
        let flags = RawOptions { visibility_km: Some(23.0), ..RawOptions::default() };
        let file = RawOptions { aot_550: Some(0.2), ozone_du: Some(300.0), ..RawOptions::default() };
        let both = flags.over(file);
        assert_eq!((both.aot_550, both.visibility_km, both.ozone_du), (None, Some(23.0), Some(300.0)));
    }
}
