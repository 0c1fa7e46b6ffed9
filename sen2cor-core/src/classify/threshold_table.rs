//! The names of the thresholds, and what each may be.
//!
//! Names are those of the fields, with dots between the parts, as in configuration files: `cloud_b04.low`,
//! `soil_b02_line.limits.high`, `shadow_reference.b8a`.

use super::thresholds::{Line, ShadowReference, Span, Thresholds};

/// What parameter files of the original allow.
const ANY: [f32; 2] = [-10.0, 10.0];
const FRACTION: [f32; 2] = [0.0, 1.0];
const PERCENT: [f32; 2] = [0.0, 100.0];
const GREY: [f32; 2] = [0.0, 256.0];
const SLOPE_DEG: [f32; 2] = [0.0, 90.0];
const ELEVATION_M: [f32; 2] = [-1000.0, 10_000.0];
const AREA_KM2: [f32; 2] = [0.0, 20_000.0];

/// A threshold with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedThreshold {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f32,
    /// Smallest and largest value that it may have.
    pub allowed: [f32; 2],
}

/// A threshold with which the decision tree cannot work.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidThreshold {
    /// Outside what is allowed, or no number.
    #[error("{name} is {value}, but must lie between {} and {}", .allowed[0], .allowed[1])]
    Range {
        /// Name of the threshold.
        name: String,
        /// Its value.
        value: f32,
        /// Smallest and largest allowed value.
        allowed: [f32; 2],
    },
    /// A range whose upper end is not above its lower end.
    #[error("{name} runs from {} to {}, but the upper end must be above the lower one", .span.low, .span.high)]
    Order {
        /// Name of the field.
        name: &'static str,
        /// Its value.
        span: Span,
    },
}

impl Thresholds {
    /// All thresholds by name, in the order in which they are used.
    pub fn named(&self) -> Vec<NamedThreshold> {
        let mut table = Table::default();
        table.span("cloud_b04", self.cloud_b04, ANY);
        table.number("dark_b04_max", self.dark_b04_max, ANY);
        table.span("dark_b8a", self.dark_b8a, ANY);
        table.span("cloud_ndsi", self.cloud_ndsi, ANY);
        table.span("snow_ndsi", self.snow_ndsi, ANY);
        table.number("snow_b05_b8a_min", self.snow_b05_b8a_min, ANY);
        table.span("snow_b8a", self.snow_b8a, ANY);
        table.span("snow_b02", self.snow_b02, ANY);
        table.span("snow_b02_b04", self.snow_b02_b04, ANY);
        table.number("snow_core_min", self.snow_core_min, ANY);
        table.number("snow_ring_b12_max", self.snow_ring_b12_max, ANY);
        table.span("vegetation_ndvi", self.vegetation_ndvi, ANY);
        table.number("vegetation_b02_max", self.vegetation_b02_max, ANY);
        table.line("soil_b02_line", &self.soil_b02_line);
        table.span("soil_b02_b11", self.soil_b02_b11, ANY);
        table.line("water_b12_line", &self.water_b12_line);
        table.number("water_b02_max", self.water_b02_max, ANY);
        table.span("water_b02_b11", self.water_b02_b11, ANY);
        table.number("water_b02_b04_min", self.water_b02_b04_min, ANY);
        table.line("rock_b02_line", &self.rock_b02_line);
        table.span("rock_b8a_b11", self.rock_b8a_b11, ANY);
        table.number("rock_b02_b11_max", self.rock_b02_b11_max, ANY);
        table.span("bright_b04_b11", self.bright_b04_b11, ANY);
        table.number("cloud_low", self.cloud_low, ANY);
        table.number("cloud_medium", self.cloud_medium, ANY);
        table.number("cloud_high", self.cloud_high, ANY);
        table.span("cirrus_b10", self.cirrus_b10, ANY);
        table.number("cirrus_b02_max", self.cirrus_b02_max, ANY);
        table.number("cirrus_elevation_max_m", self.cirrus_elevation_max_m, ELEVATION_M);
        table.number("shadow_cloud_min", self.shadow_cloud_min, ANY);
        table.reference("shadow_reference", &self.shadow_reference);
        table.number("shadow_distance_max", self.shadow_distance_max, ANY);
        table.number("shadow_b02_b11_max", self.shadow_b02_b11_max, ANY);
        table.number("shadow_factor_min", self.shadow_factor_min, FRACTION);
        table.number("recover_vegetation_b8a_b03_min", self.recover_vegetation_b8a_b03_min, ANY);
        table.number("recover_water_b8a_max", self.recover_water_b8a_max, ANY);
        table.number("relief_hillshade_max", self.relief_hillshade_max, GREY);
        table.number("relief_slope_min_deg", self.relief_slope_min_deg, SLOPE_DEG);
        table.number("relief_shadow_hillshade_max", self.relief_shadow_hillshade_max, GREY);
        table.number("relief_b02_min", self.relief_b02_min, ANY);
        table.number("recover_soil_b02_b11_max", self.recover_soil_b02_b11_max, ANY);
        table.number("land_share_min_percent", self.land_share_min_percent, PERCENT);
        table.number("land_area_min_km2", self.land_area_min_km2, AREA_KM2);
        table.span("land_cloud_share_percent", self.land_cloud_share_percent, PERCENT);
        table.number("land_b10", self.land_b10, ANY);
        table.number("cirrus_land_b10_min", self.cirrus_land_b10_min, ANY);
        table.number("cirrus_water_b10_min", self.cirrus_water_b10_min, ANY);
        table.number("town_cloud_share_max_percent", self.town_cloud_share_max_percent, PERCENT);
        table.0
    }

    /// Everything that is wrong with these thresholds; empty if nothing is.
    pub fn problems(&self) -> Vec<InvalidThreshold> {
        let ranges = self
            .named()
            .into_iter()
            .filter(|t| !(t.allowed[0]..=t.allowed[1]).contains(&t.value))
            .map(|t| InvalidThreshold::Range { name: t.name, value: t.value, allowed: t.allowed });
        let orders = self
            .spans()
            .into_iter()
            .filter(|(_, span)| span.low >= span.high)
            .map(|(name, span)| InvalidThreshold::Order { name, span });
        ranges.chain(orders).collect()
    }

    fn spans(&self) -> [(&'static str, Span); 17] {
        [
            ("cloud_b04", self.cloud_b04),
            ("dark_b8a", self.dark_b8a),
            ("cloud_ndsi", self.cloud_ndsi),
            ("snow_ndsi", self.snow_ndsi),
            ("snow_b8a", self.snow_b8a),
            ("snow_b02", self.snow_b02),
            ("snow_b02_b04", self.snow_b02_b04),
            ("vegetation_ndvi", self.vegetation_ndvi),
            ("soil_b02_line.limits", self.soil_b02_line.limits),
            ("soil_b02_b11", self.soil_b02_b11),
            ("water_b12_line.limits", self.water_b12_line.limits),
            ("water_b02_b11", self.water_b02_b11),
            ("rock_b02_line.limits", self.rock_b02_line.limits),
            ("rock_b8a_b11", self.rock_b8a_b11),
            ("bright_b04_b11", self.bright_b04_b11),
            ("cirrus_b10", self.cirrus_b10),
            ("land_cloud_share_percent", self.land_cloud_share_percent),
        ]
    }
}

#[derive(Default)]
struct Table(Vec<NamedThreshold>);

impl Table {
    fn number(&mut self, name: &str, value: f32, allowed: [f32; 2]) {
        self.0.push(NamedThreshold { name: name.to_owned(), value, allowed });
    }

    fn span(&mut self, name: &str, span: Span, allowed: [f32; 2]) {
        self.number(&format!("{name}.low"), span.low, allowed);
        self.number(&format!("{name}.high"), span.high, allowed);
    }

    fn line(&mut self, name: &str, line: &Line) {
        self.number(&format!("{name}.slope"), line.slope, ANY);
        self.number(&format!("{name}.intercept"), line.intercept, ANY);
        self.span(&format!("{name}.limits"), line.limits, ANY);
    }

    fn reference(&mut self, name: &str, reference: &ShadowReference) {
        let bands = ["b02", "b03", "b04", "b8a", "b11", "b12"];
        for (band, value) in bands.into_iter().zip(reference.bands()) {
            self.number(&format!("{name}.{band}"), value, ANY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_defaults_are_usable() {
        assert_eq!(Thresholds::default().problems(), []);
    }

    #[test]
    fn every_number_has_a_name_of_its_own() {
        let named = Thresholds::default().named();
        assert_eq!(named.len(), size_of::<Thresholds>() / size_of::<f32>());
        let names: BTreeSet<_> = named.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names.len(), named.len());
        assert!(names.contains("soil_b02_line.limits.high") && names.contains("shadow_reference.b8a"));
    }

    #[test]
    fn all_problems_are_named() {
        let mut bad = Thresholds::default();
        bad.cloud_b04.low = 0.25;
        bad.cloud_high = f32::NAN;
        bad.water_b12_line.slope = 11.0;
        bad.shadow_factor_min = -0.1;
        let problems: Vec<_> = bad.problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "water_b12_line.slope is 11, but must lie between -10 and 10",
                "cloud_high is NaN, but must lie between -10 and 10",
                "shadow_factor_min is -0.1, but must lie between 0 and 1",
                "cloud_b04 runs from 0.25 to 0.25, but the upper end must be above the lower one",
            ]
        );
    }
}
