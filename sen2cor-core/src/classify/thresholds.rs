//! The numbers of the decision tree. How they are named and checked is in `threshold_table`.
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

/// Reflectance of a shadow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are the names of the bands")]
pub struct ShadowReference {
    pub b02: f32,
    pub b03: f32,
    pub b04: f32,
    pub b8a: f32,
    pub b11: f32,
    pub b12: f32,
}

impl ShadowReference {
    /// The values in the order of [`SHADOW_BANDS`](super::SHADOW_BANDS).
    pub const fn bands(&self) -> [f32; 6] {
        [self.b02, self.b03, self.b04, self.b8a, self.b11, self.b12]
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
    /// Thin cirrus lies over ground below this elevation, metres. Default 1500, fixed.
    pub cirrus_elevation_max_m: f32,
    /// Cloud confidence (0 to 1) above which a pixel casts a shadow. Default 0.33, fixed.
    pub shadow_cloud_min: f32,
    /// Reflectance of a shadow in B02, B03, B04, B8A, B11 and B12. Default 0.12, 0.08, 0.06, 0.10, 0.0545, 0.0255, fixed.
    pub shadow_reference: ShadowReference,
    /// Mean distance from that reflectance up to which a pixel looks like a shadow. Default 0.018. GIPP `T_B02_B12`.
    pub shadow_distance_max: f32,
    /// B02 / B11 above which a pixel is water and no shadow. Default 6, fixed.
    pub shadow_b02_b11_max: f32,
    /// Product of the two shadow factors (0 to 1) above which a pixel is a cloud shadow. Default 0.05, fixed.
    pub shadow_factor_min: f32,
    /// B8A / B03 above which open and dark pixels are vegetation after all. Default 2.50. GIPP `T2_R_B8A_B03`.
    pub recover_vegetation_b8a_b03_min: f32,
    /// B8A below which open pixels can be water after all. Default 0.3, fixed.
    pub recover_water_b8a_max: f32,
    /// Hillshade (0 to 255) below which water on a slope is a dark feature, as is what is bright and blue. Default 128,
    /// fixed.
    pub relief_hillshade_max: f32,
    /// Slope above which water in the shade is a dark feature, degrees. Default 15, fixed.
    pub relief_slope_min_deg: f32,
    /// Hillshade (0 to 255) below which a cloud shadow is one of the terrain. Default 32, fixed.
    pub relief_shadow_hillshade_max: f32,
    /// B02 above which blue pixels in the shade are dark features. Default 0.20, fixed.
    pub relief_b02_min: f32,
    /// B02 / B11 below which dark features are soil after all. Default 0.65, fixed.
    pub recover_soil_b02_b11_max: f32,
    /// Share of land among the valid pixels from which clouds are looked at again, percent. Default 5, fixed.
    pub land_share_min_percent: f32,
    /// Area of land from which clouds are looked at again, square kilometres. Default 121, fixed.
    pub land_area_min_km2: f32,
    /// Share of clouds of high probability, percent: a clear image below, a cloudy one above. Default 2 to 20, fixed.
    pub land_cloud_share_percent: Span,
    /// B10: limit above which bright land is cloud, at most in mixed images and at least in cloudy ones. Default 0.0015,
    /// fixed.
    pub land_b10: f32,
    /// Lower limit of the B10 above which land is cirrus. Default 0.0030, fixed.
    pub cirrus_land_b10_min: f32,
    /// Lower limit of the B10 above which water is cirrus. Default 0.0020, fixed.
    pub cirrus_water_b10_min: f32,
    /// Share of clouds around a built-up or bare area above which it stays cloud, percent. Default 35, fixed.
    pub town_cloud_share_max_percent: f32,
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
            cirrus_elevation_max_m: 1500.0,
            shadow_cloud_min: 0.33,
            shadow_reference: ShadowReference {
                b02: 0.12,
                b03: 0.08,
                b04: 0.06,
                b8a: 0.10,
                b11: 0.0545,
                b12: 0.0255,
            },
            shadow_distance_max: 0.018,
            shadow_b02_b11_max: 6.0,
            shadow_factor_min: 0.05,
            recover_vegetation_b8a_b03_min: 2.50,
            recover_water_b8a_max: 0.3,
            relief_hillshade_max: 128.0,
            relief_slope_min_deg: 15.0,
            relief_shadow_hillshade_max: 32.0,
            relief_b02_min: 0.20,
            recover_soil_b02_b11_max: 0.65,
            land_share_min_percent: 5.0,
            land_area_min_km2: 121.0,
            land_cloud_share_percent: Span::new(2.0, 20.0),
            land_b10: 0.0015,
            cirrus_land_b10_min: 0.0030,
            cirrus_water_b10_min: 0.0020,
            town_cloud_share_max_percent: 35.0,
        }
    }
}
