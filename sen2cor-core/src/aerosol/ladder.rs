//! The plausibility of an aerosol load: if too many pixels come out negative, the air must be clearer.
//!
//! All visibilities above that of the retrieval are tried in one pass over the 60 m grid; the first that satisfies the rule is
//! taken. Source: Sen2Cor 2.8 (description of its correction). See `docs/science/aerosol-and-visibility.md`.

use crate::cells::{CellTable, Coefficients, LATTICE_STEP_M, MapView};
use crate::dn;
use crate::grid::Window;
use crate::reflectance::{Slopes, Tilt};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

/// Clearest air of the ladder, km.
const CLEAREST_KM: f64 = 120.0;

/// Share of negative pixels that is let pass.
const NEGATIVE_SHARE: f64 = 0.01;

/// Least ratio of green to red over dark pixels.
const GREEN_OVER_RED: f64 = 1.08;

/// Reflectance below which a pixel counts as negative.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutOff {
    /// In the red (`AC_Cut_Off_Aot_Iter_Vegetation`).
    pub red: f32,
    /// In the near infrared (`AC_Cut_Off_Aot_Iter_Water`).
    pub nir: f32,
}

impl Default for CutOff {
    fn default() -> Self {
        Self { red: 0.01, nir: -0.005 }
    }
}

/// The visibilities that are tried, km: the first, then ever clearer air.
pub fn rungs_km(first_km: f64) -> Vec<f64> {
    let mut rungs = vec![first_km];
    let mut last = first_km;
    while last < CLEAREST_KM {
        last = match last {
            v if v < 23.0 => 23.0,
            v if v < 26.0 => v + 3.0,
            v if v < 30.0 => v + 4.0,
            v if v < 40.0 => v + 5.0,
            v if v < 100.0 => v + 10.0,
            _ => CLEAREST_KM,
        }
        .min(CLEAREST_KM);
        rungs.push(last);
    }
    rungs
}

/// What was counted on a rung.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Pixels with vegetation or bare ground.
    pub pixels: u64,
    /// Of these, below the cut-off in the red and in the near infrared.
    pub negative: [u64; 2],
    /// Sums over cells with dark pixels of green and red reflectance, in steps of 1e-5.
    pub dark: [i64; 2],
}

impl Rung {
    /// Counts of two parts.
    #[must_use]
    pub fn merge(self, other: &Self) -> Self {
        Self {
            pixels: self.pixels + other.pixels,
            negative: [self.negative[0] + other.negative[0], self.negative[1] + other.negative[1]],
            dark: [self.dark[0] + other.dark[0], self.dark[1] + other.dark[1]],
        }
    }

    fn too_dark(&self, band: usize) -> bool {
        self.pixels > 0 && self.negative[band] as f64 > NEGATIVE_SHARE * self.pixels as f64
    }

    fn too_red(&self) -> bool {
        self.dark[1] > 0 && (self.dark[0] as f64) < GREEN_OVER_RED * self.dark[1] as f64
    }
}

/// Number of the first rung that satisfies the rules.
pub fn climb(rungs: &[Rung]) -> usize {
    let last = rungs.len().saturating_sub(1);
    let mut at = 0;
    let up = |at: &mut usize, most: usize, wrong: &dyn Fn(&Rung) -> bool| {
        for _ in 0..most {
            if *at < last && wrong(&rungs[*at]) {
                *at += 1;
            }
        }
    };
    up(&mut at, 12, &|rung| rung.too_dark(0));
    up(&mut at, 6, &|rung| rung.too_red());
    up(&mut at, 12, &|rung| rung.too_dark(1));
    at
}

/// A block of the 60 m grid.
pub struct LadderInput<'a> {
    /// B03, B04 and B8A.
    pub bands: [ArrayView2<'a, u16>; 3],
    /// Their means around each pixel, if the surroundings are taken off.
    pub around: Option<[ArrayView2<'a, u16>; 3]>,
    /// Scene class at the middle of each pixel, edge of a 60 m pixel in class pixels.
    pub class: (ArrayView2<'a, u8>, usize),
    /// Number of dark pixels in each pixel.
    pub dark: ArrayView2<'a, u8>,
    /// The block.
    pub target: Window,
    /// Tables of B03, B04 and B8A over all loads, with one column of water.
    pub tables: [&'a CellTable<'a>; 3],
    /// Elevation, km.
    pub elevation_km: MapView<'a>,
    /// The slopes of the ground; `None`: it is level.
    pub slopes: Option<Slopes<'a>>,
}

/// Counts the pixels of a block on all rungs; a rung is an aerosol load in the numbers of the tables.
///
/// # Panics
/// If the shapes do not fit.
pub fn count_rungs(input: &LadderInput<'_>, loads: &[f32], cut_off: CutOff) -> Vec<Rung> {
    let mut rungs = vec![Rung::default(); loads.len()];
    let per_cell = LATTICE_STEP_M / 60;
    let (class, edge) = input.class;
    let target = input.target;
    for row in 0..target.rows {
        let mut at = None;
        let mut coefficients = Vec::new();
        for col in 0..target.cols {
            let class = class[[row * edge + edge / 2, col * edge + edge / 2]];
            let samples = input.bands.map(|band| band[[row, col]]);
            if !matches!(class, 4 | 5) || samples.contains(&dn::NO_DATA) {
                continue;
            }
            let cell = ((target.row + row) / per_cell, (target.col + col) / per_cell);
            if at != Some(cell) {
                at = Some(cell);
                coefficients = input.coefficients(cell, loads);
            }
            let toa = samples.map(dn::to_reflectance);
            let around = input.around.map(|planes| planes.map(|plane| dn::to_reflectance(plane[[row, col]])));
            let dark = input.dark[[row, col]] > 0;
            let tilt = input.slopes.as_ref().zip(coefficients.first()).map(|(slopes, bands): (_, &Bands)| {
                slopes.at(target.row + row, target.col + col, bands[1].cos_sun)
            });
            let seen = Seen { toa, around, tilt, dark };
            for (rung, bands) in rungs.iter_mut().zip(&coefficients) {
                seen.count(rung, bands, cut_off);
            }
        }
    }
    rungs
}

/// The atmosphere in three bands.
type Bands = [Coefficients; 3];

impl LadderInput<'_> {
    fn coefficients(&self, cell: (usize, usize), loads: &[f32]) -> Vec<Bands> {
        let middle = |cell: usize| (cell * LATTICE_STEP_M + LATTICE_STEP_M / 2) as f64;
        let (place, km) = ((middle(cell.0), middle(cell.1)), self.elevation_km.at_middle(cell));
        loads.iter().map(|&load| self.tables.map(|table| table.at(place, load, km, 0.0))).collect()
    }
}

/// A pixel and what is known of it.
struct Seen {
    toa: [f32; 3],
    around: Option<[f32; 3]>,
    tilt: Option<Tilt>,
    dark: bool,
}

impl Seen {
    #[inline]
    fn count(&self, rung: &mut Rung, bands: &Bands, cut_off: CutOff) {
        let surface = |i: usize| {
            let c = &bands[i];
            let y = (self.toa[i] - c.path) * c.gain;
            let mean = self.around.map_or(y, |around| ((around[i] - c.path) * c.gain).min(0.4));
            (y + c.ratio * (y - mean)) * self.tilt.map_or(1.0, |tilt| tilt.factor(c))
        };
        let (red, nir) = (surface(1), surface(2));
        rung.pixels += 1;
        rung.negative[0] += u64::from(red < cut_off.red);
        rung.negative[1] += u64::from(nir < cut_off.nir);
        if self.dark {
            let steps = |y: f32| (y.clamp(-1.0, 2.0) * 1e5) as i64;
            rung.dark[0] += steps(surface(0));
            rung.dark[1] += steps(red);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_ends_in_the_clearest_air() {
        assert_eq!(
            rungs_km(15.0),
            [15.0, 23.0, 26.0, 30.0, 35.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 120.0]
        );
        assert_eq!(rungs_km(120.0), [120.0]);
        assert_eq!(rungs_km(115.0), [115.0, 120.0]);
    }

    #[test]
    fn the_first_plausible_rung_is_taken() {
        let rung =
            |red: u64, nir: u64, green: i64| Rung { pixels: 1000, negative: [red, nir], dark: [green, 1000] };
        assert_eq!(climb(&[rung(10, 10, 1080)]), 0);
        assert_eq!(climb(&[rung(11, 0, 1200), rung(5, 0, 1200), rung(0, 0, 1200)]), 1);
        assert_eq!(climb(&[rung(0, 11, 1200), rung(0, 11, 1200), rung(0, 0, 1200)]), 2);
        assert_eq!(climb(&[rung(0, 0, 1000), rung(0, 0, 1100)]), 1);
        assert_eq!(climb(&[rung(500, 0, 1200), rung(500, 0, 1200)]), 1);
        assert_eq!(climb(&[Rung::default(), Rung::default()]), 0);
    }
}
