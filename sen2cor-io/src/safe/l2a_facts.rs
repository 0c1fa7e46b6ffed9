//! What processing found out and the metadata of a Level-2A product tell: settings, sources, statistics.

use super::l2a_names::ImageKind;
use sen2cor_core::grid::Resolution;
use sen2cor_core::sensor::Band;
use serde::{Deserialize, Serialize};

/// How the aerosol optical thickness was obtained (`AOT_RETRIEVAL_METHOD`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AotRetrieval {
    /// From dark dense vegetation in the image.
    Ddv,
    /// From the CAMS forecast that comes with the product.
    Cams,
    /// A given or constant value.
    Default,
}

impl AotRetrieval {
    /// As in the metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ddv => "SEN2COR_DDV",
            Self::Cams => "CAMS",
            Self::Default => "DEFAULT",
        }
    }
}

/// Where the ozone column comes from (`OZONE_SOURCE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OzoneSource {
    /// The ECMWF forecast that comes with the product.
    Ecmwf,
    /// A given value.
    Config,
    /// Anything else.
    Other,
}

impl OzoneSource {
    /// As in the metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecmwf => "AUX_ECMWFT",
            Self::Config => "CONFIG",
            Self::Other => "OTHER",
        }
    }
}

/// Shares of the scene classes in per cent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassShares {
    /// Share of class 0 (no data) in all pixels.
    pub no_data: f64,
    /// Shares of the classes 1 to 11 in the pixels that have data; the first element is class 1.
    pub classes: [f64; 11],
    /// Share of clouds (classes 8, 9, 10) in the pixels over land.
    pub cloudy_over_land: f64,
}

impl ClassShares {
    /// Shares from the numbers of pixels of the classes 0 to 11. Where no land mask tells the share of clouds over land
    /// in per cent, that of clouds in all pixels stands for it.
    pub fn from_counts(counts: &[u64; 12], cloudy_over_land: Option<f64>) -> Self {
        let [no_data, classes @ ..] = counts;
        let valid: u64 = classes.iter().sum();
        let share = |count: u64, of: u64| if of == 0 { 0.0 } else { count as f64 / of as f64 * 100.0 };
        let mut shares = Self {
            no_data: share(*no_data, no_data + valid),
            classes: classes.map(|count| share(count, valid)),
            cloudy_over_land: 0.0,
        };
        shares.cloudy_over_land = cloudy_over_land.unwrap_or_else(|| shares.cloudy());
        shares
    }

    /// Share of the classes 8, 9 and 10 in the pixels that have data, at most 100.
    pub fn cloudy(&self) -> f64 {
        let [.., medium, high, cirrus, _] = self.classes;
        (medium + high + cirrus).min(100.0)
    }
}

/// Names of the maps that were used; `None` is written as `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuxiliaryNames {
    /// Elevation model, e.g. `CopernicusDEM30`.
    pub elevation: Option<String>,
    /// Snow climatology map.
    pub snow_climatology: Option<String>,
    /// Map of water bodies.
    pub water_bodies: Option<String>,
    /// Map of land cover.
    pub land_cover: Option<String>,
    /// Folder of the snow condition maps.
    pub snow_condition: Option<String>,
    /// Look-up tables.
    pub look_up_tables: Vec<String>,
}

/// A fallback or a warning, for the quality report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedNote {
    /// A word for scripts, in capital letters, e.g. `DEFAULT_OZONE`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Whether the product deserves a look for it.
    pub is_warning: bool,
}

/// What the processing has to say about the product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct L2aFacts {
    /// The images that were written, in any order.
    pub images: Vec<(ImageKind, Resolution)>,
    /// `BOA_ADD_OFFSET` of every band: -1000, or 0 for the encoding before baseline 04.00, which has no such list.
    pub boa_add_offset: i32,
    /// Scene classes.
    pub shares: ClassShares,
    /// How aerosol was obtained.
    pub aot_retrieval: AotRetrieval,
    /// Mean of the aerosol optical thickness at 550 nm.
    pub mean_aot_550: f64,
    /// Mean water vapour column.
    pub mean_water_vapour_cm: f64,
    /// Where the ozone column comes from.
    pub ozone_source: OzoneSource,
    /// Ozone column.
    pub ozone_du: f64,
    /// Maps and tables.
    pub auxiliary: AuxiliaryNames,
    /// Share of pixels with negative surface reflectance in per cent, by band.
    pub negative_shares: Vec<(Band, f64)>,
    /// Name of the correction model, `sen2cor` or `physical`.
    pub model: String,
    /// Version of this software.
    pub software_version: String,
    /// Further values for the quality report: name (capital letters by custom) and value.
    pub values: Vec<(String, String)>,
    /// Fallbacks and warnings.
    pub record: Vec<RecordedNote>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_of_classes_make_up_the_whole(counts in prop::array::uniform12(0u64..1 << 27)) {
            let shares = ClassShares::from_counts(&counts, None);
            let sum: f64 = shares.classes.iter().sum();
            let whole = if counts[1..].iter().all(|c| *c == 0) { 0.0 } else { 100.0 };
            prop_assert!((sum - whole).abs() < 1e-9);
            prop_assert!((0.0..=100.0).contains(&shares.no_data));
            prop_assert!((0.0..=100.0).contains(&shares.cloudy()));
            prop_assert_eq!(shares.cloudy_over_land, shares.cloudy());
        }
    }

    #[test]
    fn no_data_counts_among_all_and_classes_among_the_valid() {
        let shares = ClassShares::from_counts(&[5, 0, 0, 0, 0, 0, 3, 0, 1, 1, 0, 0], Some(7.0));
        assert_eq!((shares.no_data, shares.classes[5], shares.cloudy()), (50.0, 60.0, 40.0));
        assert_eq!(shares.cloudy_over_land, 7.0);
    }
}
