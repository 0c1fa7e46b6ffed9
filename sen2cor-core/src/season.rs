//! The season of a scene and the columns of water vapour that go with it.
//!
//! Source: Sen2Cor 2.8 (automatic choice of the mid-latitude atmosphere, default columns of its tables) and the decrease of
//! the column with elevation of its MODTRAN atmospheres. See `docs/science/atmospheric-tables.md`.

use crate::reflectance::Model;
use crate::sensor::{Band, UnknownName};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Mid-latitude summer or winter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Season {
    /// April to September in the north, October to March in the south, always within 30 degrees of the equator.
    Summer,
    /// The rest.
    Winter,
}

impl Season {
    /// The season at a place in a month (1 to 12).
    ///
    /// The latitude is cut to whole degrees first: -30 to 29 is always summer. The limits of the original, day
    /// 91 and 274 of the year, 92 and 275 in leap years, are the first of April and of October, so that
    /// neither the day nor the year is needed.
    pub fn at(latitude_deg: f64, month: u8) -> Self {
        let latitude = libm::trunc(latitude_deg);
        let northern_summer = (4..=9).contains(&month);
        let summer = if latitude >= 30.0 {
            northern_summer
        } else if latitude < -30.0 {
            !northern_summer
        } else {
            true
        };
        if summer { Self::Summer } else { Self::Winter }
    }

    /// Column of water vapour above sea level that stands for the season, cm.
    pub const fn default_water_vapour_cm(self) -> f64 {
        match self {
            Self::Summer => 2.0,
            Self::Winter => 0.4,
        }
    }

    /// Name in options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Summer => "summer",
            Self::Winter => "winter",
        }
    }
}

impl fmt::Display for Season {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Season {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Summer, Self::Winter]
            .into_iter()
            .find(|season| season.name() == text)
            .ok_or_else(|| UnknownName { what: "season (summer or winter)", text: text.to_owned() })
    }
}

/// Distance of [`COLUMN_SHARES`] in elevation, km.
const SHARE_STEP_KM: f64 = 0.5;

/// Share of the sea-level column that lies above 0, 0.5, ... 3.5 km.
const COLUMN_SHARES: [f64; 8] = [1.0, 0.783, 0.608, 0.465, 0.352, 0.264, 0.198, 0.149];

/// Scale height of the column above the last of [`COLUMN_SHARES`], km.
const SCALE_HEIGHT_KM: f64 = 2.0;

/// Share of the sea-level column of water vapour that lies above the ground.
///
/// Linear between the known shares; below sea level 1. Above 3.5 km model `sen2cor` keeps the last share, as the original
/// limits the elevation, and `physical` goes on with a scale height of 2 km.
pub fn water_vapour_share(model: Model, elevation_km: f64) -> f64 {
    let last = COLUMN_SHARES.len() - 1;
    let top_km = last as f64 * SHARE_STEP_KM;
    if elevation_km >= top_km {
        return match model {
            Model::Sen2cor => COLUMN_SHARES[last],
            Model::Physical => COLUMN_SHARES[last] * libm::exp((top_km - elevation_km) / SCALE_HEIGHT_KM),
        };
    }
    let position = (elevation_km / SHARE_STEP_KM).max(0.0);
    let i = (position as usize).min(last - 1);
    let share = position - i as f64;
    (1.0 - share) * COLUMN_SHARES[i] + share * COLUMN_SHARES[i + 1]
}

/// Whether model `sen2cor` corrects a band with the default column of water vapour of the season.
pub const fn default_column_band(band: Band) -> bool {
    matches!(band, Band::B01 | Band::B02 | Band::B03 | Band::B04 | Band::B08 | Band::B8A)
}

/// The column of water vapour above the ground (cm) with which a band is corrected.
///
/// `given_cm` is the column of the scene above the ground, retrieved or given. Model `physical` uses it in every band.
/// Model `sen2cor` corrects B01 to B04, B08 and B8A with the default column of the season, reduced to the elevation,
/// as the products of the archive show.
pub fn water_vapour_for(model: Model, band: Band, given_cm: f64, season: Season, elevation_km: f64) -> f64 {
    match model {
        Model::Sen2cor if default_column_band(band) => {
            season.default_water_vapour_cm() * water_vapour_share(model, elevation_km)
        }
        Model::Sen2cor | Model::Physical => given_cm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hemispheres_and_limits() {
        use Season::{Summer, Winter};
        let cases = [
            (48.1, 3, Winter),
            (48.1, 4, Summer),
            (48.1, 9, Summer),
            (48.1, 10, Winter),
            (-38.0, 1, Summer),
            (-38.0, 6, Winter),
            (29.9, 1, Summer),
            (30.0, 1, Winter),
            // Cut to -30, which still counts as tropics.
            (-30.9, 7, Summer),
            (-31.0, 7, Winter),
        ];
        for (latitude, month, season) in cases {
            assert_eq!(Season::at(latitude, month), season, "{latitude} {month}");
        }
    }

    /// Golden: columns of the file wv20 of Sen2Cor's tables in units of 0.001 cm.
    #[test]
    fn columns_follow_the_tables() {
        let known = [2001.0, 1567.0, 1216.0, 930.0, 705.0, 528.0, 396.0, 298.0];
        for (i, column) in known.into_iter().enumerate() {
            let share = water_vapour_share(Model::Sen2cor, i as f64 * 0.5);
            assert!((share * 2001.0 - column).abs() < 1.0, "{i}");
        }
        assert_eq!(water_vapour_share(Model::Sen2cor, 5.0), 0.149);
        assert!((water_vapour_share(Model::Physical, 5.0) - 0.149 * libm::exp(-0.75)).abs() < 1e-15);
        assert_eq!(water_vapour_share(Model::Physical, -0.4), 1.0);
    }

    #[test]
    fn only_sen2cor_takes_the_column_of_the_season() {
        for band in Band::ALL {
            let given = 3.3;
            assert_eq!(water_vapour_for(Model::Physical, band, given, Season::Winter, 0.0), given);
        }
        assert_eq!(water_vapour_for(Model::Sen2cor, Band::B8A, 3.3, Season::Winter, 0.0), 0.4);
        assert_eq!(water_vapour_for(Model::Sen2cor, Band::B08, 3.3, Season::Summer, 1.0), 2.0 * 0.608);
        assert_eq!(water_vapour_for(Model::Sen2cor, Band::B11, 3.3, Season::Summer, 1.0), 3.3);
    }

    proptest! {
        #[test]
        fn less_water_above_higher_ground(z in 0.0..5.0f64, step in 0.001..1.0f64) {
            prop_assert!(water_vapour_share(Model::Physical, z + step) < water_vapour_share(Model::Physical, z));
            prop_assert!(water_vapour_share(Model::Sen2cor, z + step) <= water_vapour_share(Model::Sen2cor, z));
        }
    }
}
