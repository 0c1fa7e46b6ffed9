//! Options of the correction on sloping ground and of cirrus.

use super::define::options;
use sen2cor_core::reflectance::BrdfCode;

options! {
    /// The correction on sloping ground.
    RawTerrainOptions => TerrainOptions, "Terrain";

    /// Whether the slope of the ground is corrected for where `dem` is given; else only its elevation counts. Source: GIPP
    /// `DEM_Terrain_Correction`.
    terrain_correction: bool = true, Flag;
    /// Difference of highest and lowest ground below which the ground may count as flat, 0 to 9000 m. Default 50. Source: GIPP
    /// `AC_Dem_P2p_Val`.
    relief_threshold_m: f64 = 50.0, Number { low: 0.0, high: 9000.0, unit: "m" };
    /// Slope from which on a pixel is steep, 0 to 90 degrees. Default 6. Source: GIPP `AC_Slope_Th`.
    slope_threshold_deg: f64 = 6.0, Number { low: 0.0, high: 90.0, unit: "degrees" };
    /// Share of steep pixels below which the ground may count as flat, 0 to 1; both limits must hold. Default 0.01. Source: GIPP
    /// `AC_Topo_Corr_Th`.
    steep_share_threshold: f64 = 0.01, Number { low: 0.0, high: 1.0, unit: "" };
    /// Range of the slopes whose light falls on a pixel, 0 to 5 km. Default 0.5. Source: GIPP `AC_Rng_Nbhd_Terrain_Corr`.
    terrain_range_km: f64 = 0.5, Number { low: 0.0, high: 5.0, unit: "km" };
    /// How often the light from opposite slopes is computed from what was found before, 0 to 10; model sen2cor does it once or
    /// never. Default 3. Source: GIPP `AC_Max_Nr_Topo_Iter`.
    terrain_iterations: u32 = 3, Integer { low: 0, high: 10, unit: "" };
    /// Reflectance of opposite slopes to begin with, 0 to 1. Default 0.1. Source: GIPP `AC_Terrain_Refl_Start`.
    terrain_start_reflectance: f64 = 0.1, Number { low: 0.0, high: 1.0, unit: "" };
    /// Largest reflectance on sloping ground before the light to and fro between ground and air is taken off, 0.1 to 10. Default
    /// 1.5. Source: GIPP `AC_Topo_Corr_Cutoff`.
    terrain_cutoff: f64 = 1.5, Number { low: 0.1, high: 10.0, unit: "" };
    /// Empirical correction of reflectance under grazing light: 0 is none; 1 and 2 treat all ground alike (exponent 1, 1/2); of
    /// 11, 12, 21 and 22 the first digit is that of soil, the second of vegetation (weak, strong). Default 0. Source: GIPP
    /// `BRDF_Correction`.
    brdf_correction: BrdfCode = BrdfCode::Off, Choice(&["0", "1", "2", "11", "12", "21", "22"]);
    /// Least factor of that, 0.1 to 0.25. Default 0.22. Source: GIPP `BRDF_Lower_Bound`.
    brdf_lower_bound: f64 = 0.22, Number { low: 0.1, high: 0.25, unit: "" };
    /// Least ratio of near infrared to red of vegetation in that, 1 to 100. Default 3. Source: GIPP `AC_Vegetation_Index_Th`.
    brdf_vegetation_ratio: f64 = 3.0, Number { low: 1.0, high: 100.0, unit: "" };
}
