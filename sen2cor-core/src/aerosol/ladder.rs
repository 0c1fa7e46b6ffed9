//! The plausibility of an aerosol load: if too many pixels come out negative, the air must be clearer.
//!
//! All visibilities above that of the retrieval are tried in one pass over the 60 m grid; the first that satisfies the rule is
//! taken. Source: Sen2Cor 2.8 (description of its correction). See `docs/science/aerosol-and-visibility.md`.

use super::lanes::{Here, LANES, Lanes};
use crate::cells::{CellTable, Coefficients, MapView, for_each_cell};
use crate::dn;
use crate::grid::{Resolution, Window};
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
    let mut counts = vec![Counts::default(); loads.len().div_ceil(LANES)];
    let mut air = Air::default();
    for_each_cell(input.target, Resolution::R60, |cell, rows, cols| {
        air.set(input, cell, loads);
        for row in rows {
            for col in cols.clone() {
                if let Some(seen) = input.seen(row, col, air.cos_sun) {
                    seen.count(&air, cut_off, &mut counts);
                }
            }
        }
    });
    let mut rungs: Vec<Rung> = counts.iter().flat_map(Counts::rungs).collect();
    rungs.truncate(loads.len());
    rungs
}

/// A band on some rungs.
#[derive(Clone, Copy, Default)]
struct Side {
    path: Lanes,
    gain: Lanes,
    ratio: Lanes,
}

/// The atmosphere of a lattice cell in three bands.
#[derive(Default)]
struct Air {
    here: Here,
    cos_sun: f32,
    /// Rung by rung.
    coefficients: Vec<[Coefficients; 3]>,
    /// The same side by side; behind the last rung zeros.
    sides: Vec<[Side; 3]>,
}

impl Air {
    fn set(&mut self, input: &LadderInput<'_>, cell: (usize, usize), loads: &[f32]) {
        let Some(places) = self.here.enter(cell, &input.tables, &input.elevation_km) else { return };
        let at = |band: usize, load: f32| input.tables[band].at_load(&places[band], load, 0.0);
        self.coefficients.clear();
        self.coefficients.extend(loads.iter().map(|&load| [at(0, load), at(1, load), at(2, load)]));
        self.cos_sun = self.coefficients.first().map_or(1.0, |bands| bands[1].cos_sun);
        self.sides.clear();
        for some in self.coefficients.chunks(LANES) {
            let mut sides = [Side::default(); 3];
            for (lane, bands) in some.iter().enumerate() {
                for (side, c) in sides.iter_mut().zip(bands) {
                    (side.path[lane], side.gain[lane], side.ratio[lane]) = (c.path, c.gain, c.ratio);
                }
            }
            self.sides.push(sides);
        }
    }
}

/// What was counted on some rungs.
#[derive(Clone, Copy, Default)]
struct Counts {
    pixels: u64,
    negative: [[u32; LANES]; 2],
    dark: [[i64; LANES]; 2],
}

impl Counts {
    fn rungs(&self) -> impl Iterator<Item = Rung> {
        let Self { pixels, negative, dark } = *self;
        (0..LANES).map(move |lane| Rung {
            pixels,
            negative: negative.map(|counts| u64::from(counts[lane])),
            dark: dark.map(|sums| sums[lane]),
        })
    }
}

impl LadderInput<'_> {
    /// A pixel that counts: vegetation or bare ground.
    #[inline]
    fn seen(&self, row: usize, col: usize, cos_sun: f32) -> Option<Seen> {
        let (class, edge) = self.class;
        if !matches!(class[[row * edge + edge / 2, col * edge + edge / 2]], 4 | 5) {
            return None;
        }
        let samples = self.bands.map(|band| band[[row, col]]);
        if samples.contains(&dn::NO_DATA) {
            return None;
        }
        let (at, target) = ((row, col), self.target);
        Some(Seen {
            toa: samples.map(dn::to_reflectance),
            around: self.around.map(|planes| planes.map(|plane| dn::to_reflectance(plane[at]))),
            tilt: self.slopes.as_ref().map(|slopes| slopes.at(target.row + row, target.col + col, cos_sun)),
            dark: self.dark[at] > 0,
        })
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
    fn count(&self, air: &Air, cut_off: CutOff, counts: &mut [Counts]) {
        for (part, (counts, sides)) in counts.iter_mut().zip(&air.sides).enumerate() {
            let first = part * LANES;
            let (red, nir) = (self.surface(air, first, sides, 1), self.surface(air, first, sides, 2));
            counts.pixels += 1;
            for (negative, (found, limit)) in
                counts.negative.iter_mut().zip([(&red, cut_off.red), (&nir, cut_off.nir)])
            {
                for (negative, &y) in negative.iter_mut().zip(found) {
                    *negative += u32::from(y < limit);
                }
            }
            if self.dark {
                let green = self.surface(air, first, sides, 0);
                for (sums, found) in counts.dark.iter_mut().zip([green, red]) {
                    for (sum, y) in sums.iter_mut().zip(found) {
                        *sum += (y.clamp(-1.0, 2.0) * 1e5) as i64;
                    }
                }
            }
        }
    }

    /// Reflectance in a band on some rungs.
    #[inline]
    fn surface(&self, air: &Air, first: usize, sides: &[Side; 3], band: usize) -> Lanes {
        let (toa, side) = (self.toa[band], &sides[band]);
        let mut found = [0.0; LANES];
        for (lane, found) in found.iter_mut().enumerate() {
            let (path, gain) = (side.path[lane], side.gain[lane]);
            let y = (toa - path) * gain;
            let mean = self.around.map_or(y, |around| ((around[band] - path) * gain).min(0.4));
            *found = y + side.ratio[lane] * (y - mean);
        }
        if let Some(tilt) = &self.tilt {
            for (found, bands) in found.iter_mut().zip(air.coefficients.iter().skip(first)) {
                *found *= tilt.factor(&bands[band]);
            }
        }
        found
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
