//! The instrument: thirteen bands and the spacecraft that carry it.
//!
//! Source: `MTD_MSIL1C.xml` of Level-1C products (`Spectral_Information_List`), whose `bandId` 0 to 12 is the
//! order used everywhere here: B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B10 B11 B12.

use crate::grid::Resolution;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A band of the Multi-Spectral Instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the variants are the names of the bands")]
pub enum Band {
    B01,
    B02,
    B03,
    B04,
    B05,
    B06,
    B07,
    B08,
    B8A,
    B09,
    B10,
    B11,
    B12,
}

impl Band {
    /// All bands in the order of their `bandId`.
    pub const ALL: [Self; 13] = [
        Self::B01,
        Self::B02,
        Self::B03,
        Self::B04,
        Self::B05,
        Self::B06,
        Self::B07,
        Self::B08,
        Self::B8A,
        Self::B09,
        Self::B10,
        Self::B11,
        Self::B12,
    ];

    /// The `bandId` of the product metadata, 0 to 12.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The band with this `bandId`; `None` above 12.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// Name in file names, e.g. `B8A`.
    pub const fn name(self) -> &'static str {
        ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
            [self as usize]
    }

    /// Name in the attribute `physicalBand` of the metadata, e.g. `B1`.
    pub const fn physical_name(self) -> &'static str {
        ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"][self as usize]
    }

    /// Wavelength, micrometres.
    pub const fn wavelength_um(self) -> f64 {
        [0.443, 0.490, 0.560, 0.665, 0.705, 0.740, 0.783, 0.842, 0.865, 0.945, 1.375, 1.610, 2.190]
            [self as usize]
    }

    /// The grid on which the band is measured.
    pub const fn native_resolution(self) -> Resolution {
        match self {
            Self::B02 | Self::B03 | Self::B04 | Self::B08 => Resolution::R10,
            Self::B05 | Self::B06 | Self::B07 | Self::B8A | Self::B11 | Self::B12 => Resolution::R20,
            Self::B01 | Self::B09 | Self::B10 => Resolution::R60,
        }
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no band or no spacecraft.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}")]
pub struct UnknownName {
    /// What was expected.
    pub what: &'static str,
    /// The text as found.
    pub text: String,
}

impl FromStr for Band {
    type Err = UnknownName;

    /// Accepts both spellings, `B04` and `B4`.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|band| band.name() == text || band.physical_name() == text)
            .ok_or_else(|| UnknownName { what: "band of Sentinel-2", text: text.to_owned() })
    }
}

/// A Sentinel-2 spacecraft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the variants are the names of the spacecraft")]
pub enum Spacecraft {
    S2A,
    S2B,
    S2C,
    S2D,
}

impl Spacecraft {
    /// All spacecraft that are known.
    pub const ALL: [Self; 4] = [Self::S2A, Self::S2B, Self::S2C, Self::S2D];

    /// Name in product names, e.g. `S2A`.
    pub const fn short_name(self) -> &'static str {
        ["S2A", "S2B", "S2C", "S2D"][self as usize]
    }

    /// Name in the metadata (`SPACECRAFT_NAME`), e.g. `Sentinel-2A`.
    pub const fn long_name(self) -> &'static str {
        ["Sentinel-2A", "Sentinel-2B", "Sentinel-2C", "Sentinel-2D"][self as usize]
    }
}

impl fmt::Display for Spacecraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short_name())
    }
}

impl FromStr for Spacecraft {
    type Err = UnknownName;

    /// Accepts both spellings, `S2A` and `Sentinel-2A`.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|craft| craft.short_name() == text || craft.long_name() == text)
            .ok_or_else(|| UnknownName { what: "spacecraft (S2A, S2B, S2C or S2D)", text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices_agree() {
        for (index, band) in Band::ALL.into_iter().enumerate() {
            assert_eq!(band.index(), index);
            assert_eq!(Band::from_index(index), Some(band));
            assert_eq!(band.name().parse(), Ok(band));
            assert_eq!(band.physical_name().parse(), Ok(band));
        }
        assert_eq!(Band::from_index(13), None);
        assert!("B13".parse::<Band>().is_err());
    }

    #[test]
    fn spacecraft_are_known_by_both_names() {
        for craft in Spacecraft::ALL {
            assert_eq!(craft.short_name().parse(), Ok(craft));
            assert_eq!(craft.long_name().parse(), Ok(craft));
        }
        assert!("Sentinel-3A".parse::<Spacecraft>().is_err());
    }
}
