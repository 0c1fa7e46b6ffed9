//! Options of the retrieval of aerosol and water vapour.

use super::check::Checker;
use super::define::options;
use sen2cor_core::aerosol::dark::DarkThresholds;
use sen2cor_core::aerosol::ladder::CutOff;
use sen2cor_core::water_vapour::WaterMask;

options! {
    /// The retrieval of aerosol and water vapour.
    RawRetrievalOptions => RetrievalOptions, "Retrieval";

    /// Whether the aerosol is retrieved where neither aot-550 nor visibility-km is given. Source: GIPP `VIS_Update_Mode`.
    aerosol_retrieval: bool = true, Flag;
    /// Write a mask of the dark vegetation that showed the aerosol, `MSK_DDVPXL`. Default no. Source: GIPP `Generate_DDV_Output`.
    ddv_output: bool = false, Flag;
    /// Whether water vapour is retrieved where water-vapour-cm is not given. Source: GIPP `WV_Correction`.
    water_vapour_retrieval: bool = true, Flag;
    /// Water vapour where there is no land: what is found there, the mean of the land, or that of the land in the row. Default
    /// land-mean. Source: GIPP `WV_Watermask`.
    water_vapour_mask: WaterMask = WaterMask::LandMean, Choice(&["keep", "land-mean", "row-mean"]);
    /// Width over which water vapour is smoothed, 0 to 300 m. Default 100. Source: GIPP `Smooth_WV_Map`.
    water_vapour_smoothing_m: f64 = 100.0, Number { low: 0.0, high: 300.0, unit: "m" };
    /// Standard deviation with which the aerosol map is smoothed, 0.1 to 10 km. Default 1. Source: GIPP `AC_Ddv_Smooting_Window`.
    aerosol_smoothing_km: f64 = 1.0, Number { low: 0.1, high: 10.0, unit: "km" };
    /// Share of dark reference pixels that is enough, per cent. Default 2. Source: GIPP `AC_Min_Ddv_Area`.
    dark_area_percent: f64 = 2.0, Number { low: 0.0, high: 100.0, unit: "per cent" };
    /// Least reflectance of a dark pixel in B12. Default 0.01. Source: GIPP `AC_Swir_Refl_Lower_Th`.
    dark_swir_lower: f64 = 0.01, Number { low: 0.0, high: 1.0, unit: "" };
    /// Largest reflectance of a dark pixel in B12, first attempt. Default 0.05. Source: GIPP `AC_Ddv_Swir_Refl_Th1`.
    dark_swir_upper_1: f64 = 0.05, Number { low: 0.0, high: 1.0, unit: "" };
    /// The same, second attempt. Default 0.10. Source: GIPP `AC_Ddv_Swir_Refl_Th2`.
    dark_swir_upper_2: f64 = 0.10, Number { low: 0.0, high: 1.0, unit: "" };
    /// The same, third attempt. Default 0.12. Source: GIPP `AC_Ddv_Swir_Refl_Th3`.
    dark_swir_upper_3: f64 = 0.12, Number { low: 0.0, high: 1.0, unit: "" };
    /// Largest reflectance of a dark pixel at the top of the atmosphere in B04; model sen2cor only. Default 0.10. Source: GIPP `AC_Ddv_16um_Refl_Th1`.
    dark_red_upper: f64 = 0.10, Number { low: 0.0, high: 1.0, unit: "" };
    /// Least vegetation index of a dark pixel. Default 0.10. Source: GIPP `AC_Swir_Refl_Ndvi_Th`.
    dark_ndvi_lower: f64 = 0.10, Number { low: -1.0, high: 1.0, unit: "" };
    /// Reflectance of dark vegetation in B04 over that in B12. Default 0.5. Source: GIPP `AC_Swir_22um_Red_Refl_Ratio`.
    red_over_swir: f64 = 0.5, Number { low: 0.05, high: 2.0, unit: "" };
    /// Reflectance of dark vegetation in B02 over that in B04. Default 0.5. Source: GIPP `AC_Red_Blue_Refl_Ratio`.
    blue_over_red: f64 = 0.5, Number { low: 0.05, high: 2.0, unit: "" };
    /// Least reflectance of bright vegetation in B8A. Default 0.35. Source: GIPP `AC_Dbv_Nir_Refl_Th`.
    bright_nir_lower: f64 = 0.35, Number { low: 0.0, high: 1.0, unit: "" };
    /// Least vegetation index of bright vegetation. Default 0.66. Source: GIPP `AC_Dbv_Ndvi_Th`.
    bright_ndvi_lower: f64 = 0.66, Number { low: -1.0, high: 1.0, unit: "" };
    /// Reflectance of bright vegetation in B04. Default 0.02. Source: GIPP `AC_Red_Ref_Refl_Th`.
    bright_red: f64 = 0.02, Number { low: 0.0, high: 1.0, unit: "" };
    /// Reflectance in B04 below which vegetation shows that the air is clearer. Default 0.01. Source: GIPP `AC_Cut_Off_Aot_Iter_Vegetation`.
    negative_red: f64 = 0.01, Number { low: -0.1, high: 0.1, unit: "" };
    /// The same in B8A. Default -0.005. Source: GIPP `AC_Cut_Off_Aot_Iter_Water`.
    negative_nir: f64 = -0.005, Number { low: -0.1, high: 0.1, unit: "" };
    /// Whether the path reflectance of the table is scaled in the blue to that of the scene. Default no. Source: GIPP `Scaling_Disabler`.
    path_scaling: bool = false, Flag;
    /// Whether the factor of that is limited. Default yes. Source: GIPP `Scaling_Limiter`.
    path_scale_limited: bool = true, Flag;
    /// Least factor of that. Default 0.9. Source: GIPP `min_sc_blu`.
    path_scale_lower: f64 = 0.9, Number { low: 0.1, high: 1.0, unit: "" };
    /// Largest factor of that. Default 1.1. Source: GIPP `max_sc_blu`.
    path_scale_upper: f64 = 1.1, Number { low: 1.0, high: 10.0, unit: "" };
    /// Share of the dark pixels of all three attempts that must be used for it, 0 to 1. Default 0.25. Source: GIPP
    /// `AC_Spr_Refl_Percentage`.
    path_scale_least_share: f64 = 0.25, Number { low: 0.0, high: 1.0, unit: "" };
    /// Dark pixels that must be used for it, per thousand of the pixels with data. Default 0.3. Source: GIPP `AC_Spr_Refl_Promille`.
    path_scale_least_promille: f64 = 0.3, Number { low: 0.0, high: 1000.0, unit: "per thousand" };
    /// Deviation from 1 from which on it is applied. Default 0.05. Source: GIPP `AC_Aerosol_Type_Ratio_Th`.
    path_scale_threshold: f64 = 0.05, Number { low: 0.0, high: 1.0, unit: "" };
}

impl RawRetrievalOptions {
    pub(super) fn check(&self, check: &mut Checker) {
        let upper = [self.dark_swir_upper_1, self.dark_swir_upper_2, self.dark_swir_upper_3];
        let defaults = DarkThresholds::default().swir_upper;
        let filled: Vec<f64> =
            upper.iter().zip(defaults).map(|(given, default)| given.unwrap_or(f64::from(default))).collect();
        check.conflict(
            filled.windows(2).any(|pair| pair[0] > pair[1]),
            "dark-swir-upper-1, -2 and -3 must not fall",
        );
    }
}

impl RetrievalOptions {
    /// The thresholds of the search for dark pixels.
    pub fn dark_thresholds(&self) -> DarkThresholds {
        DarkThresholds {
            swir_lower: self.dark_swir_lower as f32,
            swir_upper: [self.dark_swir_upper_1, self.dark_swir_upper_2, self.dark_swir_upper_3]
                .map(|v| v as f32),
            red_upper: self.dark_red_upper as f32,
            ndvi_lower: self.dark_ndvi_lower as f32,
            least_area_percent: self.dark_area_percent as f32,
            bright_nir: self.bright_nir_lower as f32,
            bright_ndvi: self.bright_ndvi_lower as f32,
            bright_red: self.bright_red as f32,
            ..DarkThresholds::default()
        }
    }

    /// What counts as negative.
    pub fn cut_off(&self) -> CutOff {
        CutOff { red: self.negative_red as f32, nir: self.negative_nir as f32 }
    }
}
