//! The parameters of the original's files, and which options they are here.
//!
//! Source: the parameter files of Sen2Cor 2.8 and of products that carry them in `rep_info`.

/// How the text of a parameter becomes the value of an option.
#[derive(Clone, Copy, Debug)]
pub(super) enum Convert {
    /// A number as it is.
    Number,
    /// A number; this one means that the option is not given.
    NumberUnless(f64),
    /// TRUE or FALSE.
    Flag,
    /// TRUE or FALSE, the option says the contrary.
    NotFlag,
    /// These words; an empty one means that the option is not given.
    Words(&'static [(&'static str, &'static str)]),
    /// Numbers that stand for yes or no.
    Switch { no: &'static str, yes: &'static str },
    /// A path, or NONE.
    Path,
    /// Text as it is.
    Text,
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Name of the element.
    pub(super) name: &'static str,
    /// The option, where there is one; parts of a table have a dot before them.
    pub(super) option: Option<(&'static str, Convert)>,
    /// Values for which nothing needs to be done, since it is what happens anyway; `*` stands for all.
    pub(super) same: &'static [&'static str],
}

const fn row(
    name: &'static str,
    option: &'static str,
    convert: Convert,
    same: &'static [&'static str],
) -> Row {
    Row { name, option: Some((option, convert)), same }
}

/// A parameter without an option, for which only these values are what happens here.
const fn fixed(name: &'static str, same: &'static [&'static str]) -> Row {
    Row { name, option: None, same }
}

/// A parameter that says nothing about results: how the original works inside.
const fn inner(name: &'static str) -> Row {
    fixed(name, &["*"])
}

use Convert::{Flag, NotFlag, Number, NumberUnless, Path, Switch, Text, Words};

/// `L2A_GIPP.xml`, of release 2.8 and later ones.
pub(super) const USER: &[Row] = &[
    inner("Log_Level"),
    inner("Nr_Threads"),
    inner("Nr_Processes"),
    inner("Product_DOI"),
    inner("Database_Compression_Level"),
    inner("UP_Scheme_1C"),
    inner("UP_Scheme_2A"),
    inner("Tile_Scheme_1C"),
    inner("Tile_Scheme_2A"),
    inner("DS_Scheme_1C"),
    inner("DS_Scheme_2A"),
    inner("GIPP_Scheme"),
    inner("SC_Scheme"),
    inner("AC_Scheme"),
    inner("PB_Scheme"),
    inner("QI_Scheme"),
    // The window counts only if row0 is something else than OFF.
    inner("nrow_win"),
    inner("ncol_win"),
    fixed("row0", &["OFF"]),
    fixed("col0", &["OFF"]),
    fixed("Product_Generator", &["NONE"]),
    fixed("PSD_Version", &["DEFAULT"]),
    row("DEM_Directory", "dem", Path, &["NONE"]),
    // Nothing is downloaded, and the product names the elevation model that was used.
    fixed("DEM_Reference", &["NONE"]),
    row("Generate_DEM_Output", "dem_output", Flag, &["FALSE"]),
    fixed("Force_Exit_On_DEM_Error", &["FALSE"]),
    row("Generate_TCI_Output", "tci_output", Flag, &["TRUE"]),
    row("Generate_DDV_Output", "ddv_output", Flag, &["FALSE"]),
    row("Handle_L1C_QLT_Mask", "l1c_quality_masks", Words(&[("TRUE", "on"), ("FALSE", "off")]), &["TRUE"]),
    row("Downsample_20_to_60", "downsample_20_to_60", Flag, &["TRUE"]),
    row("Median_Filter", "median_filter", Number, &["0"]),
    row(
        "Aerosol_Type",
        "aerosol",
        Words(&[("RURAL", "rural"), ("MARITIME", "maritime"), ("AUTO", "auto")]),
        &[],
    ),
    row(
        "Mid_Latitude",
        "season",
        Words(&[("SUMMER", "summer"), ("WINTER", "winter"), ("AUTO", "")]),
        &["AUTO"],
    ),
    row("Ozone_Content", "ozone_du", NumberUnless(0.0), &[]),
    row("WV_Correction", "water_vapour_retrieval", Switch { no: "0", yes: "1" }, &[]),
    row("VIS_Update_Mode", "aerosol_retrieval", Switch { no: "0", yes: "1" }, &[]),
    row(
        "WV_Watermask",
        "water_vapour_mask",
        Words(&[("0", "keep"), ("1", "land-mean"), ("2", "row-mean")]),
        &[],
    ),
    row("Cirrus_Correction", "cirrus_correction", Flag, &["FALSE"]),
    row("DEM_Terrain_Correction", "terrain_correction", Flag, &["TRUE"]),
    row(
        "BRDF_Correction",
        "brdf_correction",
        Words(&[("0", "0"), ("1", "1"), ("2", "2"), ("11", "11"), ("12", "12"), ("21", "21"), ("22", "22")]),
        &["0"],
    ),
    row("BRDF_Lower_Bound", "brdf_lower_bound", Number, &["0.22"]),
    row("Adj_Km", "adjacency_km", Number, &[]),
    row("Visibility", "visibility_km", Number, &[]),
    row("Altitude", "elevation_km", Number, &[]),
    row("Smooth_WV_Map", "water_vapour_smoothing_m", Number, &["100"]),
    row("WV_Threshold_Cirrus", "cirrus_water_vapour_min_cm", Number, &["0.25"]),
];

/// `L2A_CAL_SC_GIPP.xml`: references, and thresholds. Class numbers are fixed by its schema.
pub(super) const CLASSIFICATION: &[Row] = &[
    inner("NO_DATA"),
    inner("SATURATED_DEFECTIVE"),
    inner("DARK_FEATURES"),
    inner("CLOUD_SHADOWS"),
    inner("VEGETATION"),
    inner("NOT_VEGETATED"),
    inner("BARE_SOILS"),
    inner("WATER"),
    inner("UNCLASSIFIED"),
    inner("LOW_PROBA_CLOUDS"),
    inner("MEDIUM_PROBA_CLOUDS"),
    inner("HIGH_PROBA_CLOUDS"),
    inner("THIN_CIRRUS"),
    inner("SNOW_ICE"),
    // Names of maps in the original's installation, which are given here by options of their own.
    inner("Snow_Map"),
    inner("ESACCI_WaterBodies_Map"),
    inner("ESACCI_LandCover_Map"),
    inner("ESACCI_SnowCondition_Map_Dir"),
    // Read by the original, used nowhere.
    fixed("T1_B12", &["0.25"]),
    fixed("T2_B12", &["0.12"]),
    fixed("T1_R_B8A_B03", &["1.5"]),
    fixed("RV_B2", &["6.96"]),
    fixed("RV_B3", &["5.26667"]),
    fixed("RV_B4", &["5.37708"]),
    fixed("RV_B8", &["7.52"]),
    fixed("RV_B11", &["5.45"]),
    fixed("RV_B12", &["2.55"]),
    fixed("T_SDW", &["0.75"]),
    row("T2_R_B8A_B03", "thresholds.recover_vegetation_b8a_b03_min", Number, &["2.5"]),
    row("T_B02_B12", "thresholds.shadow_distance_max", Number, &["0.018"]),
    row("T1_B02", "thresholds.snow_b02.low", Number, &[]),
    row("T2_B02", "thresholds.snow_b02.high", Number, &[]),
    row("T1_B04", "thresholds.cloud_b04.low", Number, &[]),
    row("T2_B04", "thresholds.cloud_b04.high", Number, &[]),
    row("T1_B8A", "thresholds.snow_b8a.low", Number, &[]),
    row("T2_B8A", "thresholds.snow_b8a.high", Number, &[]),
    row("T1_B10", "thresholds.cirrus_b10.low", Number, &[]),
    row("T2_B10", "thresholds.cirrus_b10.high", Number, &[]),
    row("T_CLOUD_LP", "thresholds.cloud_low", Number, &[]),
    row("T_CLOUD_MP", "thresholds.cloud_medium", Number, &[]),
    row("T_CLOUD_HP", "thresholds.cloud_high", Number, &[]),
    row("T1_NDSI_CLD", "thresholds.cloud_ndsi.low", Number, &[]),
    row("T2_NDSI_CLD", "thresholds.cloud_ndsi.high", Number, &[]),
    row("T1_NDSI_SNW", "thresholds.snow_ndsi.low", Number, &[]),
    row("T2_NDSI_SNW", "thresholds.snow_ndsi.high", Number, &[]),
    row("T1_NDVI", "thresholds.vegetation_ndvi.low", Number, &[]),
    row("T2_NDVI", "thresholds.vegetation_ndvi.high", Number, &[]),
    row("T1_SNOW", "thresholds.snow_core_min", Number, &[]),
    row("T2_SNOW", "thresholds.snow_ring_b12_max", Number, &[]),
    row("T1_R_B02_B04", "thresholds.snow_b02_b04.low", Number, &[]),
    row("T2_R_B02_B04", "thresholds.snow_b02_b04.high", Number, &[]),
    row("T1_R_B8A_B11", "thresholds.rock_b8a_b11.low", Number, &[]),
    row("T2_R_B8A_B11", "thresholds.rock_b8a_b11.high", Number, &[]),
    row("T11_B02", "thresholds.soil_b02_line.slope", Number, &[]),
    row("T12_B02", "thresholds.soil_b02_line.intercept", Number, &[]),
    row("T11_R_B02_B11", "thresholds.soil_b02_b11.low", Number, &[]),
    row("T12_R_B02_B11", "thresholds.soil_b02_b11.high", Number, &[]),
    row("T21_R_B02_B11", "thresholds.water_b02_b11.low", Number, &[]),
    row("T22_R_B02_B11", "thresholds.water_b02_b11.high", Number, &[]),
    row("T21_B12", "thresholds.water_b12_line.slope", Number, &[]),
    row("T22_B12", "thresholds.water_b12_line.intercept", Number, &[]),
];

/// `L2A_CAL_AC_GIPP.xml`.
pub(super) const CORRECTION: &[Row] = &[
    // Facts of the instrument, which the tables of this program bring along.
    fixed("fwhm", &["0.015", "0.02", "0.03", "0.035", "0.065", "0.09", "0.115", "0.18"]),
    fixed(
        "wavelength",
        &[
            "0.443", "0.49", "0.56", "0.665", "0.705", "0.74", "0.783", "0.842", "0.865", "0.945", "1.375",
            "1.61", "2.19",
        ],
    ),
    // The folder of tables in the installation; --lut-dir gives another.
    inner("Lib_Dir"),
    row("Scaling_Limiter", "path_scale_limited", Flag, &["TRUE"]),
    row("Scaling_Disabler", "path_scaling", NotFlag, &["TRUE"]),
    fixed("Rho_Retrieval_Step2", &["TRUE"]),
    row("min_sc_blu", "path_scale_lower", Number, &["0.9"]),
    row("max_sc_blu", "path_scale_upper", Number, &["1.1"]),
    row("AC_Min_Ddv_Area", "dark_area_percent", Number, &["2"]),
    row("AC_Swir_Refl_Lower_Th", "dark_swir_lower", Number, &["0.01"]),
    row("AC_Swir_22um_Red_Refl_Ratio", "red_over_swir", Number, &["0.5"]),
    row("AC_Red_Blue_Refl_Ratio", "blue_over_red", Number, &["0.5"]),
    row("AC_Cut_Off_Aot_Iter_Vegetation", "negative_red", Number, &["0.01"]),
    row("AC_Cut_Off_Aot_Iter_Water", "negative_nir", Number, &["-0.005"]),
    row("AC_Aerosol_Type_Ratio_Th", "path_scale_threshold", Number, &["0.05"]),
    row("AC_Topo_Corr_Th", "steep_share_threshold", Number, &["0.01"]),
    row("AC_Slope_Th", "slope_threshold_deg", Number, &["6"]),
    row("AC_Dem_P2p_Val", "relief_threshold_m", Number, &["50"]),
    row("AC_Swir_Refl_Ndvi_Th", "dark_ndvi_lower", Number, &["0.1"]),
    row("AC_Ddv_Swir_Refl_Th1", "dark_swir_upper_1", Number, &["0.05"]),
    row("AC_Ddv_Swir_Refl_Th2", "dark_swir_upper_2", Number, &["0.1"]),
    row("AC_Ddv_Swir_Refl_Th3", "dark_swir_upper_3", Number, &["0.12"]),
    row("AC_Ddv_16um_Refl_Th1", "dark_red_upper", Number, &["0.1"]),
    fixed("AC_Ddv_16um_Refl_Th2", &["0.15"]),
    fixed("AC_Ddv_16um_Refl_Th3", &["0.18"]),
    row("AC_Dbv_Nir_Refl_Th", "bright_nir_lower", Number, &["0.35"]),
    row("AC_Dbv_Ndvi_Th", "bright_ndvi_lower", Number, &["0.66"]),
    row("AC_Red_Ref_Refl_Th", "bright_red", Number, &["0.02"]),
    fixed("AC_Dbv_Red_Veget_Tst_Ndvi_Th", &["0.4"]),
    fixed("AC_Dbv_Red_Veget_Refl_Th", &["0.15"]),
    row("AC_Wv_Iter_Start_Summer", "water_vapour_start_summer_cm", Number, &["1"]),
    row("AC_Wv_Iter_Start_Winter", "water_vapour_start_winter_cm", Number, &["0.4"]),
    row("AC_Rng_Nbhd_Terrain_Corr", "terrain_range_km", Number, &["0.5"]),
    row("AC_Max_Nr_Topo_Iter", "terrain_iterations", Number, &["3"]),
    row("AC_Topo_Corr_Cutoff", "terrain_cutoff", Number, &["1.5"]),
    row("AC_Vegetation_Index_Th", "brdf_vegetation_ratio", Number, &["3"]),
    fixed("AC_Limit_Area_Path_Rad_Scale", &["0"]),
    row("AC_Ddv_Smooting_Window", "aerosol_smoothing_km", Number, &["1"]),
    row("AC_Terrain_Refl_Start", "terrain_start_reflectance", Number, &["0.1"]),
    row("AC_Spr_Refl_Percentage", "path_scale_least_share", Number, &["0.25"]),
    row("AC_Spr_Refl_Promille", "path_scale_least_promille", Number, &["0.3"]),
];

/// `L2A_PB_GIPP.xml`.
pub(super) const BASELINE: &[Row] = &[
    inner("Processor_Name"),
    inner("Processor_Version"),
    inner("Processor_Date"),
    inner("Version"),
    inner("Date"),
    row("Baseline_Version", "processing_baseline", Text, &[]),
];
