//! The twelve scene classes.
//!
//! Source: `Scene_Classification_List` of Level-2A products (PSD 14 and 15).

use serde::{Deserialize, Serialize};
use std::fmt;

/// A class of the scene classification; the number is the pixel value of the SCL image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum SceneClass {
    /// No data.
    NoData = 0,
    /// Saturated or defective pixels.
    SaturatedDefective = 1,
    /// Dark features; called cast shadows from PSD 15 on.
    DarkFeature = 2,
    /// Shadows of clouds.
    CloudShadow = 3,
    /// Vegetation.
    Vegetation = 4,
    /// Soil, rock, sand, built-up areas.
    NotVegetated = 5,
    /// Water.
    Water = 6,
    /// Unclassified, low cloud probability included.
    Unclassified = 7,
    /// Medium cloud probability.
    CloudMedium = 8,
    /// High cloud probability.
    CloudHigh = 9,
    /// Thin cirrus.
    ThinCirrus = 10,
    /// Snow or ice.
    SnowIce = 11,
}

impl SceneClass {
    /// All classes by number.
    pub const ALL: [Self; 12] = [
        Self::NoData,
        Self::SaturatedDefective,
        Self::DarkFeature,
        Self::CloudShadow,
        Self::Vegetation,
        Self::NotVegetated,
        Self::Water,
        Self::Unclassified,
        Self::CloudMedium,
        Self::CloudHigh,
        Self::ThinCirrus,
        Self::SnowIce,
    ];

    /// The pixel value, 0 to 11.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The class with this pixel value; `None` above 11.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// `SCENE_CLASSIFICATION_TEXT` of products up to PSD 14. Class 2 changed its name with PSD 15.
    pub const fn psd14_name(self) -> &'static str {
        match self {
            Self::DarkFeature => "SC_DARK_FEATURE_SHADOW",
            _ => self.psd15_name(),
        }
    }

    /// `SCENE_CLASSIFICATION_TEXT` of products from PSD 15 on.
    pub const fn psd15_name(self) -> &'static str {
        [
            "SC_NODATA",
            "SC_SATURATED_DEFECTIVE",
            "SC_CAST_SHADOW",
            "SC_CLOUD_SHADOW",
            "SC_VEGETATION",
            "SC_NOT_VEGETATED",
            "SC_WATER",
            "SC_UNCLASSIFIED",
            "SC_CLOUD_MEDIUM_PROBA",
            "SC_CLOUD_HIGH_PROBA",
            "SC_THIN_CIRRUS",
            "SC_SNOW_ICE",
        ][self as usize]
    }
}

impl fmt::Display for SceneClass {
    /// A plain name such as `thin cirrus`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            [
                "no data",
                "saturated or defective",
                "dark feature",
                "cloud shadow",
                "vegetation",
                "not vegetated",
                "water",
                "unclassified",
                "cloud, medium probability",
                "cloud, high probability",
                "thin cirrus",
                "snow or ice",
            ][*self as usize],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        for (number, class) in SceneClass::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(class.number()), number);
            assert_eq!(SceneClass::from_number(number as u8), Some(class));
            assert_eq!(class.psd14_name() == class.psd15_name(), class != SceneClass::DarkFeature);
        }
        assert_eq!(SceneClass::from_number(12), None);
        assert_eq!(SceneClass::SnowIce.psd14_name(), "SC_SNOW_ICE");
        assert_eq!(SceneClass::ThinCirrus.to_string(), "thin cirrus");
    }
}
