//! Names of products, tiles and datastrips, and the processing baseline.
//!
//! Source: Sentinel-2 Product Specification Document (naming of compact products and of products before December
//! 2016) and the names of real products.

use sen2cor_core::sensor::Spacecraft;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Version of the processing chain. Versions are compared as numbers: 15.00 is newer than 14.09.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProcessingBaseline {
    /// Number before the point.
    pub major: u32,
    /// Number behind the point.
    pub minor: u32,
}

impl ProcessingBaseline {
    /// From here on Level-1C bands carry `RADIO_ADD_OFFSET` and masks are images.
    pub const WITH_OFFSETS: Self = Self::new(4, 0);

    /// The baseline `major.minor`.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Four digits as in product names, e.g. `0510`.
    pub fn compact(self) -> String {
        format!("{:02}{:02}", self.major, self.minor)
    }

    /// Reads the four digits of product names, e.g. `0510`.
    pub fn from_compact(digits: &str) -> Option<Self> {
        let value: u32 = all_digits(digits, 4)?;
        Some(Self::new(value / 100, value % 100))
    }
}

impl fmt::Display for ProcessingBaseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}.{:02}", self.major, self.minor)
    }
}

impl From<ProcessingBaseline> for String {
    fn from(baseline: ProcessingBaseline) -> Self {
        baseline.to_string()
    }
}

impl TryFrom<String> for ProcessingBaseline {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl FromStr for ProcessingBaseline {
    type Err = InvalidName;

    /// Accepts `05.10` and, without minor number, `15`. Both parts have at most two digits, as the names have room
    /// for no more.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let part = |digits: &str| if digits.len() <= 2 { all_digits(digits, digits.len()) } else { None };
        match (part(major), part(minor)) {
            (Some(major), Some(minor)) => Ok(Self::new(major, minor)),
            _ => Err(InvalidName::new("processing baseline such as 05.10", text)),
        }
    }
}

/// A text that is not the name it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}")]
pub struct InvalidName {
    /// What was expected.
    pub what: &'static str,
    /// The text as found.
    pub text: String,
}

impl InvalidName {
    fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: text.to_owned() }
    }
}

/// How a product is named and laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProductFormat {
    /// One tile with short names, since December 2016 (`SAFE_COMPACT`).
    Compact,
    /// One or more tiles with long names (`SAFE`).
    Standard,
}

/// What the name of a product says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductName {
    /// The spacecraft.
    pub spacecraft: Spacecraft,
    /// Processing level as written, e.g. `1C` or `2A`.
    pub level: String,
    /// Compact or old name.
    pub format: ProductFormat,
    /// Start of the datatake, `YYYYMMDDThhmmss`.
    pub sensing_start: String,
    /// Baseline; old names and some early compact ones have none.
    pub baseline: Option<ProcessingBaseline>,
    /// Relative orbit, 1 to 143.
    pub relative_orbit: u32,
    /// Tile without leading T, e.g. `33UUB`; old names have none.
    pub tile: Option<String>,
    /// The time that tells products of one datatake apart, `YYYYMMDDThhmmss`; of old names the time of creation.
    pub discriminator: String,
}

impl FromStr for ProductName {
    type Err = InvalidName;

    /// Reads the name of a product folder, with or without `.SAFE`.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let stem = text.strip_suffix(".SAFE").unwrap_or(text);
        let parts: Vec<&str> = stem.split('_').filter(|part| !part.is_empty()).collect();
        let name = match parts.as_slice() {
            [craft, level, sensing, baseline, orbit, tile, time] => {
                compact(craft, level, sensing, Some(baseline), orbit, (tile, time))
            }
            [craft, level, sensing, orbit, tile, time] if orbit.starts_with('R') => {
                compact(craft, level, sensing, None, orbit, (tile, time))
            }
            [craft, "OPER", "PRD", level, _centre, time, orbit, start, _stop] => {
                old(craft, level, time, orbit, start)
            }
            _ => None,
        };
        name.ok_or_else(|| InvalidName::new("name of a Sentinel-2 product", text))
    }
}

fn compact(
    craft: &str,
    level: &str,
    sensing: &str,
    baseline: Option<&str>,
    orbit: &str,
    (tile, time): (&str, &str),
) -> Option<ProductName> {
    let baseline = match baseline {
        Some(text) => Some(ProcessingBaseline::from_compact(text.strip_prefix('N')?)?),
        None => None,
    };
    Some(ProductName {
        spacecraft: craft.parse().ok()?,
        level: level.strip_prefix("MSIL")?.to_owned(),
        format: ProductFormat::Compact,
        sensing_start: time_stamp(sensing)?,
        baseline,
        relative_orbit: all_digits(orbit.strip_prefix('R')?, 3)?,
        tile: Some(tile_name(tile.strip_prefix('T')?)?),
        discriminator: time_stamp(time)?,
    })
}

fn old(craft: &str, level: &str, time: &str, orbit: &str, start: &str) -> Option<ProductName> {
    Some(ProductName {
        spacecraft: craft.parse().ok()?,
        level: level.strip_prefix("MSIL")?.to_owned(),
        format: ProductFormat::Standard,
        sensing_start: time_stamp(start.strip_prefix('V')?)?,
        baseline: None,
        relative_orbit: all_digits(orbit.strip_prefix('R')?, 3)?,
        tile: None,
        discriminator: time_stamp(time)?,
    })
}

/// What the identifier of a tile says: the folder name `L1C_T33UUB_A044807_20170527T102113` or the long
/// `S2A_OPER_MSI_L1C_TL_SGS__20161205T171834_A007598_T33UVB_N02.04`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TileName {
    /// Tile without leading T, e.g. `33UUB`.
    pub tile: String,
    /// Absolute orbit, if the name has one.
    pub absolute_orbit: Option<u32>,
    /// Baseline, if the name has one.
    pub baseline: Option<ProcessingBaseline>,
}

impl FromStr for TileName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let part = |letter: char| text.split('_').filter_map(move |part| part.strip_prefix(letter));
        let tile = part('T').find_map(tile_name);
        Ok(Self {
            tile: tile.ok_or_else(|| InvalidName::new("name of a tile such as ..._T33UUB_...", text))?,
            absolute_orbit: part('A').find_map(|digits| all_digits(digits, 6)),
            baseline: part('N').find_map(|baseline| baseline.parse().ok()),
        })
    }
}

/// A tile of the military grid: zone 01 to 60, latitude band, square of 100 km.
fn tile_name(text: &str) -> Option<String> {
    let letter = |c: &char| c.is_ascii_uppercase() && !matches!(c, 'I' | 'O');
    let (zone, letters) = text.split_at_checked(2)?;
    let zone = all_digits(zone, 2)?;
    let good = (1..=60).contains(&zone) && letters.len() == 3 && letters.chars().all(|c| letter(&c));
    good.then(|| text.to_owned())
}

/// `YYYYMMDDThhmmss`
fn time_stamp(text: &str) -> Option<String> {
    let (date, time) = text.split_once('T')?;
    all_digits(date, 8)?;
    all_digits(time, 6)?;
    Some(text.to_owned())
}

fn all_digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn baselines_are_compared_as_numbers(a in 0u32..100, b in 0u32..100, c in 0u32..100, d in 0u32..100) {
            let (left, right) = (ProcessingBaseline::new(a, b), ProcessingBaseline::new(c, d));
            prop_assert_eq!(left.cmp(&right), (a * 100 + b).cmp(&(c * 100 + d)));
            prop_assert_eq!(left.to_string().parse(), Ok(left));
            prop_assert_eq!(ProcessingBaseline::from_compact(&left.compact()), Some(left));
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC{0,80}") {
            let _ = text.parse::<ProductName>();
            let _ = text.parse::<TileName>();
            let _ = text.parse::<ProcessingBaseline>();
        }
    }

    #[test]
    fn fifteen_is_newer_than_fourteen_nine() {
        let of = |text: &str| text.parse::<ProcessingBaseline>().unwrap();
        assert!(of("15") > of("14.9"));
        assert!(of("05.10") > of("05.09"));
        assert!(of("5.1") < of("5.10"));
        assert_eq!(of("05.10").compact(), "0510");
        for bad in ["", "5.", ".1", "+5.1", "5.1.0", "5.100", "abc", "-1.0"] {
            assert!(bad.parse::<ProcessingBaseline>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_both_formats_are_read() {
        let name: ProductName =
            "S2A_MSIL1C_20170226T102021_N0204_R065_T32TNM_20170226T102458.SAFE".parse().unwrap();
        assert_eq!(name.tile.as_deref(), Some("32TNM"));
        assert_eq!((name.relative_orbit, name.baseline), (65, Some(ProcessingBaseline::new(2, 4))));
        let name: ProductName =
            "S2A_MSIL1C_20200717T221941_R029_T01LAC_20200717T234135.SAFE".parse().unwrap();
        assert_eq!((name.relative_orbit, name.baseline), (29, None));
        let name: ProductName =
            "S2A_OPER_PRD_MSIL1C_PDMC_20160905T104813_R002_V20160905T005712_20160905T010424.SAFE"
                .parse()
                .unwrap();
        assert_eq!((name.format, name.relative_orbit, name.tile), (ProductFormat::Standard, 2, None));
        assert_eq!(name.sensing_start, "20160905T005712");
        assert!(
            "S1A_IW_GRDH_1SDV_20200101T000000_20200101T000025_030601_038190_0B33.SAFE"
                .parse::<ProductName>()
                .is_err()
        );
    }

    #[test]
    fn tiles_are_found_in_both_kinds_of_names() {
        let tile: TileName =
            "S2A_OPER_MSI_L1C_TL_SGS__20161205T171834_A007598_T33UVB_N02.04".parse().unwrap();
        assert_eq!((tile.tile.as_str(), tile.absolute_orbit), ("33UVB", Some(7598)));
        assert_eq!(tile.baseline, Some(ProcessingBaseline::new(2, 4)));
        let tile: TileName = "L1C_T33UUB_A044807_20170527T102113".parse().unwrap();
        assert_eq!((tile.tile.as_str(), tile.absolute_orbit, tile.baseline), ("33UUB", Some(44807), None));
        assert!("L1C_T99UUB_A044807".parse::<TileName>().is_err());
    }
}
