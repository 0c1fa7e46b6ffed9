//! The numbers of the decision tree.
//!
//! Source: `L2A_CAL_SC_GIPP.xml` of Sen2Cor 2.8, whose names are given where there is one; "fixed" marks what its code
//! has as a constant (decision 17 in `COMPARE.md`). Reflectances are at top of atmosphere, 0 to 1. All are f32, because
//! the comparisons are.

use serde::{Deserialize, Serialize};

/// Two ends of a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Lower end.
    pub low: f32,
    /// Upper end, above the lower one.
    pub high: f32,
}

impl Span {
    const fn new(low: f32, high: f32) -> Self {
        Self { low, high }
    }
}

/// A threshold that depends on a band ratio R: slope R + intercept, limited on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Factor of the ratio.
    pub slope: f32,
    /// Value at a ratio of 0.
    pub intercept: f32,
    /// What the value is limited to.
    pub limits: Span,
}

impl Line {
    const fn new(slope: f32, intercept: f32, limits: Span) -> Self {
        Self { slope, intercept, limits }
    }
}

/// All thresholds of the decision tree, in the order in which they are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// B04: no cloud below, surely bright above. Default 0.06 to 0.25. GIPP `T1_B04`, `T2_B04`.
    pub cloud_b04: Span,
    /// Dark features have B04 below. Default 0.1, fixed.
    pub dark_b04_max: f32,
    /// Dark features have B8A between. Default 0.04 to 0.15, fixed.
    pub dark_b8a: Span,
    /// Normalised difference of B03 and B11: no cloud below, cloud undiminished above. Default -0.24 to -0.16. GIPP
    /// `T1_NDSI_CLD`, `T2_NDSI_CLD`.
    pub cloud_ndsi: Span,
    /// The same index: no snow below, snow undiminished above. Default 0.35 to 0.50. GIPP `T1_NDSI_SNW`, `T2_NDSI_SNW`.
    pub snow_ndsi: Span,
    /// B05 / B8A: no snow below. Default 0.85, fixed.
    pub snow_b05_b8a_min: f32,
    /// B8A: no snow below, snow undiminished above. Default 0.15 to 0.35. GIPP `T1_B8A`, `T2_B8A`.
    pub snow_b8a: Span,
    /// B02: no snow below, snow undiminished above. Default 0.18 to 0.22. GIPP `T1_B02`, `T2_B02`.
    pub snow_b02: Span,
    /// B02 / B04: no snow below, snow undiminished above. Default 0.85 to 0.95. GIPP `T1_R_B02_B04`, `T2_R_B02_B04`.
    pub snow_b02_b04: Span,
    /// Snow confidence (0 to 1) above which a pixel is snow. Default 0.12. GIPP `T1_SNOW`.
    pub snow_core_min: f32,
    /// B12 below which the surroundings of snow are taken as free of cloud. Default 0.25. GIPP `T2_SNOW`.
    pub snow_ring_b12_max: f32,
    /// Normalised difference of B8A and B04: not vegetation below, surely vegetation above. Default 0.36 to 0.42. GIPP
    /// `T1_NDVI`, `T2_NDVI`.
    pub vegetation_ndvi: Span,
    /// Vegetation has B02 below. Default 0.15, fixed.
    pub vegetation_b02_max: f32,
    /// Soil has B02 below this line over B02 / B11. Default -0.40 R + 0.46 (GIPP `T11_B02`, `T12_B02`), limited to 0.15 to
    /// 0.32 (fixed).
    pub soil_b02_line: Line,
    /// B02 / B11: soil below, cloud undiminished above. Default 0.70 to 1.00. GIPP `T11_R_B02_B11`, `T12_R_B02_B11`.
    pub soil_b02_b11: Span,
    /// Water has B12 below this line over B02 / B11. Default 0.1 R - 0.09 (GIPP `T21_B12`, `T22_B12`), limited to 0.07 to
    /// 0.21 (fixed).
    pub water_b12_line: Line,
    /// Water has B02 below. Default 0.2, fixed.
    pub water_b02_max: f32,
    /// B02 / B11: cloud undiminished below, water above. Default 2.00 to 4.00. GIPP `T21_R_B02_B11`, `T22_R_B02_B11`.
    pub water_b02_b11: Span,
    /// Clear water has B02 - B04 above. Default 0.034, fixed.
    pub water_b02_b04_min: f32,
    /// Rock and sand have B02 below this line over B8A / B11. Default -0.25 R + 0.475, limited to 0.16 to 0.35, fixed.
    pub rock_b02_line: Line,
    /// B8A / B11: rock and sand below, cloud undiminished above. Default 0.90 to 1.10. GIPP `T1_R_B8A_B11`,
    /// `T2_R_B8A_B11`.
    pub rock_b8a_b11: Span,
    /// Rock and sand have B02 below this part of B11. Default 0.8, fixed.
    pub rock_b02_b11_max: f32,
    /// B04 / B11: cloud undiminished below, no cloud above. Default 3 to 6, fixed.
    pub bright_b04_b11: Span,
    /// Cloud confidence (0 to 1) above which an open pixel is unclassified (low probability). Default 0. GIPP
    /// `T_CLOUD_LP`.
    pub cloud_low: f32,
    /// Cloud confidence from which an open pixel is a cloud of medium probability. Default 0.20. GIPP `T_CLOUD_MP`.
    pub cloud_medium: f32,
    /// Cloud confidence from which an open pixel is a cloud of high probability. Default 0.80. GIPP `T_CLOUD_HP`.
    pub cloud_high: f32,
    /// B10: thin cirrus between, thick cirrus above. Default 0.012 to 0.035. GIPP `T1_B10`, `T2_B10`.
    pub cirrus_b10: Span,
    /// Thin cirrus has B02 below. Default 0.50, fixed.
    pub cirrus_b02_max: f32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            cloud_b04: Span::new(0.06, 0.25),
            dark_b04_max: 0.1,
            dark_b8a: Span::new(0.04, 0.15),
            cloud_ndsi: Span::new(-0.24, -0.16),
            snow_ndsi: Span::new(0.35, 0.50),
            snow_b05_b8a_min: 0.85,
            snow_b8a: Span::new(0.15, 0.35),
            snow_b02: Span::new(0.18, 0.22),
            snow_b02_b04: Span::new(0.85, 0.95),
            snow_core_min: 0.12,
            snow_ring_b12_max: 0.25,
            vegetation_ndvi: Span::new(0.36, 0.42),
            vegetation_b02_max: 0.15,
            soil_b02_line: Line::new(-0.40, 0.46, Span::new(0.15, 0.32)),
            soil_b02_b11: Span::new(0.70, 1.00),
            water_b12_line: Line::new(0.1, -0.09, Span::new(0.07, 0.21)),
            water_b02_max: 0.2,
            water_b02_b11: Span::new(2.00, 4.00),
            water_b02_b04_min: 0.034,
            rock_b02_line: Line::new(-0.25, 0.475, Span::new(0.16, 0.35)),
            rock_b8a_b11: Span::new(0.90, 1.10),
            rock_b02_b11_max: 0.8,
            bright_b04_b11: Span::new(3.0, 6.0),
            cloud_low: 0.0,
            cloud_medium: 0.20,
            cloud_high: 0.80,
            cirrus_b10: Span::new(0.012, 0.035),
            cirrus_b02_max: 0.50,
        }
    }
}

/// A threshold with which the decision tree cannot work.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidThreshold {
    /// Outside what the parameter file of the original allows, or no number.
    #[error("{name} is {value}, but must lie between -10 and 10")]
    Range {
        /// Name of the field.
        name: &'static str,
        /// Its value.
        value: f32,
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
    /// Everything that is wrong with these thresholds; empty if nothing is.
    pub fn problems(&self) -> Vec<InvalidThreshold> {
        let spans = self.spans();
        let orders = spans
            .into_iter()
            .filter(|(_, span)| span.low >= span.high)
            .map(|(name, span)| InvalidThreshold::Order { name, span });
        let ends = spans.into_iter().flat_map(|(name, span)| [(name, span.low), (name, span.high)]);
        ends.chain(self.numbers())
            .filter(|(_, value)| !(-10.0..=10.0).contains(value))
            .map(|(name, value)| InvalidThreshold::Range { name, value })
            .chain(orders)
            .collect()
    }

    fn spans(&self) -> [(&'static str, Span); 16] {
        [
            ("cloud_b04", self.cloud_b04),
            ("dark_b8a", self.dark_b8a),
            ("cloud_ndsi", self.cloud_ndsi),
            ("snow_ndsi", self.snow_ndsi),
            ("snow_b8a", self.snow_b8a),
            ("snow_b02", self.snow_b02),
            ("snow_b02_b04", self.snow_b02_b04),
            ("vegetation_ndvi", self.vegetation_ndvi),
            ("soil_b02_line", self.soil_b02_line.limits),
            ("soil_b02_b11", self.soil_b02_b11),
            ("water_b12_line", self.water_b12_line.limits),
            ("water_b02_b11", self.water_b02_b11),
            ("rock_b02_line", self.rock_b02_line.limits),
            ("rock_b8a_b11", self.rock_b8a_b11),
            ("bright_b04_b11", self.bright_b04_b11),
            ("cirrus_b10", self.cirrus_b10),
        ]
    }

    fn numbers(&self) -> [(&'static str, f32); 18] {
        [
            ("dark_b04_max", self.dark_b04_max),
            ("snow_b05_b8a_min", self.snow_b05_b8a_min),
            ("snow_core_min", self.snow_core_min),
            ("snow_ring_b12_max", self.snow_ring_b12_max),
            ("vegetation_b02_max", self.vegetation_b02_max),
            ("soil_b02_line", self.soil_b02_line.slope),
            ("soil_b02_line", self.soil_b02_line.intercept),
            ("water_b12_line", self.water_b12_line.slope),
            ("water_b12_line", self.water_b12_line.intercept),
            ("water_b02_max", self.water_b02_max),
            ("water_b02_b04_min", self.water_b02_b04_min),
            ("rock_b02_line", self.rock_b02_line.slope),
            ("rock_b02_line", self.rock_b02_line.intercept),
            ("rock_b02_b11_max", self.rock_b02_b11_max),
            ("cloud_low", self.cloud_low),
            ("cloud_medium", self.cloud_medium),
            ("cloud_high", self.cloud_high),
            ("cirrus_b02_max", self.cirrus_b02_max),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_usable() {
        assert_eq!(Thresholds::default().problems(), []);
    }

    #[test]
    fn all_problems_are_named() {
        let bad = Thresholds {
            cloud_b04: Span::new(0.25, 0.25),
            cloud_high: f32::NAN,
            water_b12_line: Line::new(11.0, 0.0, Span::new(0.07, 0.21)),
            ..Thresholds::default()
        };
        let names: Vec<_> = bad.problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "water_b12_line is 11, but must lie between -10 and 10",
                "cloud_high is NaN, but must lie between -10 and 10",
                "cloud_b04 runs from 0.25 to 0.25, but the upper end must be above the lower one",
            ]
        );
    }
}
