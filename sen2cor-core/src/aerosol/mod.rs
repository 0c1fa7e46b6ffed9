//! Aerosol models, and the two relations between visibility and aerosol optical depth at 550 nm.
//!
//! The tables of Sen2Cor 2.8 are ordered by visibility. Two relations have to be kept apart:
//!
//! * [`table_aot_550`]: the optical depth that the tables really hold, found from the direct transmittance of their band B03;
//! * [`product_aot_550`]: the formula by which the processor writes its AOT product; in turbid air the tables hold up to 25 %
//!   more (decision 24 in `COMPARE.md`).
//!
//! See `docs/science/aerosol-and-visibility.md`.

pub mod dark;
pub mod invert;
pub mod ladder;
mod lanes;
pub mod spread;

use crate::sensor::UnknownName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An aerosol model of Shettle and Fenn (1979).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aerosol {
    /// Continental air away from cities: water-soluble particles and dust.
    #[default]
    Rural,
    /// Air over the sea: sea salt and some of the rural aerosol.
    Maritime,
}

impl Aerosol {
    /// All models, in the order of the tables.
    pub const ALL: [Self; 2] = [Self::Rural, Self::Maritime];

    /// Name in options and table headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rural => "rural",
            Self::Maritime => "maritime",
        }
    }
}

impl fmt::Display for Aerosol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Aerosol {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|aerosol| aerosol.name() == text)
            .ok_or_else(|| UnknownName { what: "aerosol model (rural or maritime)", text: text.to_owned() })
    }
}

/// Visibilities of the tables of Sen2Cor, km.
pub const VISIBILITY_NODES_KM: [f64; 8] = [5.0, 7.0, 10.0, 15.0, 23.0, 40.0, 80.0, 120.0];

/// Ground elevations of the tables of Sen2Cor, km.
pub const ELEVATION_NODES_KM: [f64; 6] = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5];

/// Optical depth at 550 nm above the ground in the rural tables of Sen2Cor 2.8, by visibility and elevation.
const TABLE_AOT_550: [[f64; 6]; 8] = [
    [1.318, 1.200, 1.137, 0.908, 0.884, 0.866],
    [0.981, 0.894, 0.845, 0.684, 0.659, 0.642],
    [0.728, 0.665, 0.626, 0.515, 0.491, 0.473],
    [0.497, 0.459, 0.428, 0.367, 0.342, 0.320],
    [0.336, 0.316, 0.290, 0.264, 0.239, 0.213],
    [0.203, 0.191, 0.176, 0.161, 0.146, 0.132],
    [0.113, 0.107, 0.100, 0.092, 0.084, 0.077],
    [0.083, 0.079, 0.074, 0.069, 0.063, 0.058],
];

/// Elevation (km), intercept and slope of ln AOT over ln visibility in the product formula.
const PRODUCT_NODES: [[f64; 3]; 3] =
    [[0.0, 1.546_41, -0.854_022], [0.72, 1.405_93, -0.844_382], [2.52, 0.926_64, -0.805_663]];

/// Optical depth at 550 nm above the ground that the tables of Sen2Cor 2.8 hold for a visibility.
///
/// ln AOT is linear in ln visibility and in elevation. Beyond the first and the last visibility the slope of the end goes
/// on; below sea level and above 2.5 km the column of the end holds. `visibility_km` must be above 0.
pub fn table_aot_550(visibility_km: f64, elevation_km: f64) -> f64 {
    let curve = log_aot_curve(elevation_km);
    let x = libm::log(visibility_km);
    let nodes = VISIBILITY_NODES_KM.map(libm::log);
    libm::exp(piecewise_linear(&nodes, &curve, x))
}

/// Visibility in km for which [`table_aot_550`] gives this optical depth; its exact inverse. `aot_550` must be above 0.
pub fn table_visibility_km(aot_550: f64, elevation_km: f64) -> f64 {
    // The curve falls with visibility; both are negated so that the abscissa grows.
    let falling = log_aot_curve(elevation_km).map(|y| -y);
    let nodes = VISIBILITY_NODES_KM.map(libm::log);
    libm::exp(piecewise_linear(&falling, &nodes, -libm::log(aot_550)))
}

/// Optical depth at 550 nm as Sen2Cor writes it into its AOT product: exp(a(z) + b(z) ln V).
///
/// a and b are linear in elevation between 0, 0.72 and 2.52 km and go on linearly above; below sea level the values of sea
/// level hold. `visibility_km` must be above 0.
pub fn product_aot_550(visibility_km: f64, elevation_km: f64) -> f64 {
    let z = elevation_km.max(0.0);
    let elevations = PRODUCT_NODES.map(|node| node[0]);
    let a = piecewise_linear(&elevations, &PRODUCT_NODES.map(|node| node[1]), z);
    let b = piecewise_linear(&elevations, &PRODUCT_NODES.map(|node| node[2]), z);
    libm::exp(a + b * libm::log(visibility_km))
}

/// Largest visibility index, that of 5 km.
pub const LAST_INDEX: f64 = 182.0;

/// Total optical depth at index 0 and its step per index; the last index is the node of 5 km.
const INDEX_DEPTH: (f64, f64) = (0.182, 0.006);
const LAST_DEPTH: f64 = 1.315_89;

/// What a total optical depth holds besides the aerosol: molecules and ozone.
const DEPTH_WITHOUT_AEROSOL: f64 = 0.1283;

/// Total optical depth (aerosol, molecules, ozone) that Sen2Cor gives to the visibility nodes of its tables, 5 km first.
const NODE_DEPTHS: [f64; 8] =
    [1.315_89, 1.019_29, 0.785_337, 0.593_042, 0.450_916, 0.329_422, 0.239_582, 0.207_02];

/// Total optical depth of one of [`VISIBILITY_NODES_KM`]; that of the clearest for any other number.
pub fn total_depth_of_node(visibility_km: f64) -> f64 {
    let node = VISIBILITY_NODES_KM.iter().position(|&km| km == visibility_km);
    NODE_DEPTHS[node.unwrap_or(NODE_DEPTHS.len() - 1)]
}

/// Total optical depth at a visibility index.
pub fn total_depth_of_index(index: f64) -> f64 {
    let index = index.clamp(0.0, LAST_INDEX);
    let (first, step) = INDEX_DEPTH;
    let before = LAST_INDEX - 1.0;
    if index <= before {
        return first + step * index;
    }
    let end = first + step * before;
    end + (LAST_DEPTH - end) * (index - before)
}

/// Visibility in km at a visibility index of Sen2Cor, 0 (187.8 km) to 182 (5 km).
///
/// The index counts steps of 0.006 in total optical depth from 0.182 on; index 182 is the node of 5 km. The relation between optical
/// depth and visibility is that of [`product_aot_550`] at sea level with a constant added; it agrees with the published
/// list of visibilities within 0.05 %.
pub fn visibility_of_index(index: f64) -> f64 {
    let depth = total_depth_of_index(index);
    let [_, a, b] = PRODUCT_NODES[0];
    libm::exp((libm::log(depth - DEPTH_WITHOUT_AEROSOL) - a) / b)
}

/// Visibility index of a visibility in km, not rounded; the inverse of [`visibility_of_index`].
pub fn index_of_visibility(visibility_km: f64) -> f64 {
    let [_, a, b] = PRODUCT_NODES[0];
    let depth = DEPTH_WITHOUT_AEROSOL + libm::exp(a + b * libm::log(visibility_km.max(1.0)));
    let (first, step) = INDEX_DEPTH;
    let (before, end) = (LAST_INDEX - 1.0, first + step * (LAST_INDEX - 1.0));
    let index =
        if depth <= end { (depth - first) / step } else { before + (depth - end) / (LAST_DEPTH - end) };
    index.clamp(0.0, LAST_INDEX)
}

/// ln AOT at the visibility nodes for one elevation.
fn log_aot_curve(elevation_km: f64) -> [f64; 8] {
    let z = elevation_km.clamp(ELEVATION_NODES_KM[0], ELEVATION_NODES_KM[5]);
    TABLE_AOT_550.map(|row| piecewise_linear(&ELEVATION_NODES_KM, &row.map(libm::log), z))
}

/// Linear between nodes of growing abscissa; the first and the last slope go on outside.
fn piecewise_linear(abscissa: &[f64], ordinate: &[f64], x: f64) -> f64 {
    let inner = abscissa.len().saturating_sub(2);
    let i = abscissa.iter().skip(1).take(inner).filter(|&&node| node <= x).count();
    let share = (x - abscissa[i]) / (abscissa[i + 1] - abscissa[i]);
    // This form, unlike y0 + share * (y1 - y0), gives both end values exactly.
    (1.0 - share) * ordinate[i] + share * ordinate[i + 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nodes_are_met() {
        for (row, visibility) in VISIBILITY_NODES_KM.into_iter().enumerate() {
            for (col, elevation) in ELEVATION_NODES_KM.into_iter().enumerate() {
                let aot = table_aot_550(visibility, elevation);
                assert!((aot - TABLE_AOT_550[row][col]).abs() < 1e-12, "{visibility} {elevation}");
            }
        }
    }

    /// Golden: the formula at sea level and at 2.5 km, worked out apart from this code, three decimals.
    #[test]
    fn the_product_formula_gives_the_known_values() {
        let sea_level = [1.188, 0.891, 0.657, 0.465, 0.323, 0.201, 0.111, 0.079];
        let mountain = [0.694, 0.529, 0.397, 0.286, 0.203, 0.130, 0.074, 0.054];
        for (i, visibility) in VISIBILITY_NODES_KM.into_iter().enumerate() {
            assert!((product_aot_550(visibility, 0.0) - sea_level[i]).abs() < 6e-4, "{visibility}");
            assert!((product_aot_550(visibility, 2.5) - mountain[i]).abs() < 6e-4, "{visibility}");
        }
    }

    #[test]
    fn ends_go_on_as_documented() {
        assert_eq!(table_aot_550(23.0, 4.0), table_aot_550(23.0, 2.5));
        assert_eq!(table_aot_550(23.0, -0.4), table_aot_550(23.0, 0.0));
        let slope =
            |a: f64, b: f64| libm::log(table_aot_550(b, 0.0) / table_aot_550(a, 0.0)) / libm::log(b / a);
        assert!((slope(80.0, 120.0) - slope(120.0, 190.0)).abs() < 1e-12);
        assert!((slope(5.0, 7.0) - slope(3.0, 5.0)).abs() < 1e-12);
    }

    /// Golden: visibilities of the published list of Sen2Cor.
    #[test]
    fn visibility_indices_agree_with_the_published_list() {
        for (index, visibility) in [(0.0, 187.81), (182.0, 5.0), (181.0, 5.25)] {
            assert!((visibility_of_index(index) / visibility - 1.0).abs() < 1.1e-3, "{index}");
        }
        for index in [0.0, 1.0, 20.5, 43.0, 181.0, 181.5, 182.0] {
            assert!((index_of_visibility(visibility_of_index(index)) - index).abs() < 1e-9, "{index}");
        }
        assert_eq!(index_of_visibility(500.0), 0.0);
        assert_eq!(index_of_visibility(2.0), 182.0);
    }

    #[test]
    fn names_are_read_back() {
        for aerosol in Aerosol::ALL {
            assert_eq!(aerosol.to_string().parse(), Ok(aerosol));
        }
        assert!("urban".parse::<Aerosol>().is_err());
    }

    proptest! {
        #[test]
        fn visibility_is_the_inverse(visibility in 2.0..190.0f64, elevation in -0.5..5.0f64) {
            let back = table_visibility_km(table_aot_550(visibility, elevation), elevation);
            prop_assert!((back / visibility - 1.0).abs() < 1e-12);
        }

        #[test]
        fn clearer_air_has_less_aerosol(visibility in 2.0..180.0f64, step in 0.01..10.0f64, elevation in 0.0..3.5f64) {
            prop_assert!(table_aot_550(visibility + step, elevation) < table_aot_550(visibility, elevation));
            prop_assert!(product_aot_550(visibility + step, elevation) < product_aot_550(visibility, elevation));
        }
    }
}
