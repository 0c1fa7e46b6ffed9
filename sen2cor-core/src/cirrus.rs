//! Thin cirrus taken off by what B10 sees of it.
//!
//! B10 lies where water vapour lets nothing through from below, so what it measures comes from above: cirrus. Elsewhere the
//! same cirrus is brighter by a factor 1 / gamma, which is found from the scene: over land, visible bands with cirrus must come
//! out as bright in the mean as without.
//!
//! Source: Richter, Wang, Bachmann and Schlaepfer 2011 (doi:10.1080/01431161.2010.522198), candidates and limits of Sen2Cor.
//! See `docs/science/cirrus.md`.

#![allow(clippy::needless_pass_by_value, reason = "array views are handed over like slices")]

use crate::classify::SceneClass;
use crate::dn;
use crate::filter::{mirror, upsample_row};
use crate::grid::{Resolution, Window};
use crate::sensor::Band;
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

/// Bands whose mean decides.
pub const CIRRUS_BANDS: [Band; 3] = [Band::B01, Band::B02, Band::B03];

/// Factors that are tried: 0.6, 0.65, ... 1.
const FACTORS: [f64; 9] = [0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0];

/// Least cirrus of pixels with cirrus: the first that enough pixels pass.
const LEAST_CIRRUS: [f32; 2] = [0.02, 0.014];
/// Largest cirrus of pixels without: the first that enough pixels stay below.
const MOST_CLEAR: [f32; 3] = [0.008, 0.010, 0.011];
/// Least cirrus of pixels without; less is a gap.
const LEAST_CLEAR: f32 = 0.001;
/// Pixels that are enough.
const ENOUGH_CIRRUS: u64 = 10_000;
const ENOUGH_CLEAR: u64 = 2_000;

/// Wavelength from which on cirrus is half as bright, micrometres.
const LONG_UM: f64 = 1.5;

/// Reflectance of cirrus in B10: the median of 3 x 3 pixels, 0 where there are no data. `b10` covers `window` of an image of
/// `image` rows and columns, the target and a pixel around it as far as there is an image.
///
/// # Panics
/// If the window does not reach so far.
pub fn cirrus_reflectance(
    b10: ArrayView2<'_, u16>,
    (window, target): (Window, Window),
    image: (usize, usize),
    mut out: ArrayViewMut2<'_, f32>,
) {
    let mut around = [0u16; 9];
    for ((row, col), out) in out.indexed_iter_mut() {
        let mut count = 0;
        for i in 0..9 {
            let r = mirror((target.row + row + i / 3) as i64 - 1, image.0) - window.row;
            let c = mirror((target.col + col + i % 3) as i64 - 1, image.1) - window.col;
            let sample = b10[[r, c]];
            if sample != dn::NO_DATA {
                around[count] = sample;
                count += 1;
            }
        }
        let middle = b10[[target.row + row - window.row, target.col + col - window.col]];
        let found = &mut around[..count];
        found.sort_unstable();
        let median = found.get(count / 2).copied().unwrap_or(dn::NO_DATA);
        *out = if middle == dn::NO_DATA { 0.0 } else { dn::to_reflectance(median).max(0.0) };
    }
}

/// Pixels and sums over them: of the three bands together, and of B10, in steps of 1e-4 and 1e-6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sums {
    count: u64,
    bands: i64,
    cirrus: i64,
}

impl Sums {
    fn add(&mut self, bands: i64, cirrus: f32) {
        self.count += 1;
        self.bands += bands;
        self.cirrus += (f64::from(cirrus) * 1e6) as i64;
    }

    fn join(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            bands: self.bands + other.bands,
            cirrus: self.cirrus + other.cirrus,
        }
    }

    /// Mean of the three bands, and of the cirrus.
    fn means(&self) -> (f64, f64) {
        let count = self.count.max(1) as f64;
        (self.bands as f64 / 3.0 / count * 1e-4, self.cirrus as f64 / count * 1e-6)
    }
}

/// Statistics of land with and without cirrus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CirrusStatistics {
    with: [Sums; 2],
    without: [Sums; 3],
}

/// The bands, the class map and the cirrus of a block.
pub struct CirrusInput<'a> {
    /// B01, B02 and B03 on the grid of the class map.
    pub bands: [ArrayView2<'a, u16>; 3],
    /// Scene class.
    pub class: ArrayView2<'a, u8>,
    /// What [`cirrus_reflectance`] found, on the 60 m grid of the whole tile.
    pub cirrus: ArrayView2<'a, f32>,
    /// The block.
    pub target: Window,
    /// Its grid.
    pub resolution: Resolution,
}

/// Counts a block: land that is neither cloud nor shadow nor snow, but for thin cirrus where there is cirrus.
///
/// # Panics
/// If the shapes do not fit.
pub fn count_cirrus(input: &CirrusInput<'_>) -> CirrusStatistics {
    let mut found = CirrusStatistics::default();
    let mut line = vec![0.0f32; input.target.cols];
    for row in 0..input.target.rows {
        upsample_row(&input.cirrus, input.resolution, (input.target.row + row, input.target.col), &mut line);
        for (col, &cirrus) in line.iter().enumerate() {
            let class = input.class[[row, col]];
            let is_ground = [SceneClass::Vegetation, SceneClass::NotVegetated, SceneClass::Unclassified]
                .iter()
                .any(|ground| *ground as u8 == class);
            let samples = input.bands.map(|band| band[[row, col]]);
            let with = is_ground || class == SceneClass::ThinCirrus as u8;
            if !with || samples.contains(&dn::NO_DATA) {
                continue;
            }
            let bands = samples.iter().map(|&sample| i64::from(dn::to_signed(sample))).sum();
            for (sums, _) in found.with.iter_mut().zip(LEAST_CIRRUS).filter(|(_, least)| cirrus > *least) {
                sums.add(bands, cirrus);
            }
            if is_ground && cirrus > LEAST_CLEAR {
                for (sums, _) in found.without.iter_mut().zip(MOST_CLEAR).filter(|(_, most)| cirrus < *most) {
                    sums.add(bands, cirrus);
                }
            }
        }
    }
    found
}

impl CirrusStatistics {
    /// Those of two parts.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            with: [0, 1].map(|i| self.with[i].join(other.with[i])),
            without: [0, 1, 2].map(|i| self.without[i].join(other.without[i])),
        }
    }

    /// The factor with which land under cirrus comes out as bright as land without; `None` if there is too little of one.
    pub fn factor(&self) -> Option<f64> {
        let with = self.with.iter().find(|sums| sums.count >= ENOUGH_CIRRUS)?;
        let without = self.without.iter().find(|sums| sums.count >= ENOUGH_CLEAR)?;
        let ((bright, cirrus), (clear, clear_cirrus)) = (with.means(), without.means());
        let error = |gamma: f64| ((bright - cirrus / gamma) - (clear - clear_cirrus / gamma)).abs();
        FACTORS.into_iter().min_by(|a, b| error(*a).total_cmp(&error(*b)))
    }
}

/// How cirrus is taken off a band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CirrusRemoval {
    /// What the cirrus in B10 is multiplied by over land.
    over_land: f32,
    /// The same over water.
    over_water: f32,
}

impl CirrusRemoval {
    /// For a band. `transmittance` is that of the water vapour for B09, else 1.
    pub fn new(factor: f64, band: Band, transmittance: f64) -> Self {
        let long = if band.wavelength_um() >= LONG_UM { 2.0 } else { 1.0 };
        let over_water = match factor {
            f if f < 0.5 => 2.0 * f,
            f if f < 0.7 => 1.2 * f,
            f => f,
        };
        let scale = |gamma: f64| (transmittance / (gamma * long)) as f32;
        Self { over_land: scale(factor), over_water: scale(over_water) }
    }

    /// A sample without the cirrus of this reflectance in B10; no data stays no data.
    pub fn sample(&self, sample: u16, cirrus: f32, class: u8) -> u16 {
        let scale = if class == SceneClass::Water as u8 { self.over_water } else { self.over_land };
        let less = libm::floorf(cirrus * scale * dn::QUANTIFICATION + 0.5) as i32;
        if sample == dn::NO_DATA { dn::NO_DATA } else { dn::from_signed(dn::to_signed(sample) - less) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    const EDGE: usize = 60;

    fn whole() -> Window {
        Window { row: 0, col: 0, rows: EDGE, cols: EDGE }
    }

    /// Land of changing brightness with a cloud of cirrus over the right half that is 1 / gamma as bright in the visible.
    fn scene(gamma: f32) -> (Array2<f32>, Array2<u16>, Array2<u16>) {
        let cirrus =
            Array2::from_shape_fn((EDGE, EDGE), |(_, col)| if col < EDGE / 2 { 0.002 } else { 0.03 });
        let clear = Array2::from_shape_fn((EDGE, EDGE), |(row, _)| 1500 + 10 * row as u16);
        let seen = Array2::from_shape_fn((EDGE, EDGE), |at| {
            clear[at] + (cirrus[at] / gamma * dn::QUANTIFICATION + 0.5) as u16
        });
        (cirrus, clear, seen)
    }

    #[test]
    fn the_factor_that_made_the_scene_is_found_and_taken_off() {
        for gamma in [0.6f32, 0.75, 1.0] {
            let (cirrus, clear, seen) = scene(gamma);
            let class = Array2::from_shape_fn((EDGE, EDGE), |(_, col)| if col < EDGE / 2 { 4 } else { 10 });
            let band = seen.view();
            let input = CirrusInput {
                bands: [band, band, band],
                class: class.view(),
                cirrus: cirrus.view(),
                target: whole(),
                resolution: Resolution::R60,
            };
            let mut statistics = CirrusStatistics::default();
            assert_eq!(count_cirrus(&input).factor(), None, "too few pixels");
            for _ in 0..6 {
                statistics = statistics.join(count_cirrus(&input));
            }
            let factor = statistics.factor().unwrap();
            assert!((factor - f64::from(gamma)).abs() < 1e-6, "{factor} {gamma}");
            let removal = CirrusRemoval::new(factor, Band::B02, 1.0);
            for (at, &sample) in seen.indexed_iter() {
                let expected = clear[at];
                assert!(removal.sample(sample, cirrus[at], class[at]).abs_diff(expected) <= 1);
            }
        }
    }

    #[test]
    fn long_waves_and_water_see_less_of_it() {
        let taken = |band, class, gamma| {
            1000 - i32::from(CirrusRemoval::new(gamma, band, 1.0).sample(2000, 0.03, class)) + 1000
        };
        assert_eq!(taken(Band::B02, 4, 0.6), 500);
        assert_eq!(taken(Band::B12, 4, 0.6), 250);
        assert_eq!(taken(Band::B02, 6, 0.6), 417);
        assert_eq!(taken(Band::B02, 6, 0.75), 400);
        let removal = CirrusRemoval::new(0.6, Band::B09, 0.5);
        assert_eq!((removal.sample(2000, 0.03, 4), removal.sample(0, 0.03, 4)), (1750, 0));
    }

    #[test]
    fn gaps_and_single_bright_pixels_do_not_count() {
        let mut b10 = Array2::from_elem((5, 5), 1020u16);
        b10[[2, 2]] = 3000;
        b10[[0, 0]] = 0;
        let window = Window { row: 0, col: 0, rows: 5, cols: 5 };
        let mut out = Array2::from_elem((5, 5), 9.0);
        cirrus_reflectance(b10.view(), (window, window), (5, 5), out.view_mut());
        for (at, &value) in out.indexed_iter() {
            assert_eq!(value, if at == (0, 0) { 0.0 } else { dn::to_reflectance(1020) }, "{at:?}");
        }
    }
}
