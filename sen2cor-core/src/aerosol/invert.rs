//! The aerosol load over dark reference pixels: the load at which the red is as dark as B12 says.

use super::lanes::{Here, LANES, Lanes};
use crate::cells::{CellTable, Coefficients, MapView, for_each_cell};
use crate::dn;
use crate::grid::{Resolution, Window};
use crate::reflectance::{Slopes, Tilt};
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

/// How a load is stored: whole numbers of these steps.
pub const STEPS_PER_LOAD: f32 = 10_000.0;

/// What is assumed of dark vegetation, and how its surroundings are taken off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DarkRatios {
    /// Reflectance in B04 over that in B12 (`AC_Swir_22um_Red_Refl_Ratio`).
    pub red_over_swir: f32,
    /// Reflectance in B02 over that in B04 (`AC_Red_Blue_Refl_Ratio`), to which 0.005 is added.
    pub blue_over_red: f32,
    /// Share of the ratio of diffuse to direct light with which the difference from the surroundings counts.
    pub surroundings: f32,
    /// Index of the load at which B12 is corrected; `None`: at the load that is looked for.
    pub swir_load: Option<f32>,
    /// Whether the light to and fro between ground and air is taken off.
    pub multiple_reflection: bool,
}

/// What is added to the blue reflectance.
const BLUE_OFFSET: f32 = 0.005;

/// Sums over reference pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DarkSums {
    /// Reference pixels.
    pub count: u64,
    /// Loads in steps.
    pub load: u64,
    /// Path reflectance in blue and red as the scene shows it and as the table has it, in steps of 1e-6.
    pub scene: [i64; 2],
    /// Of the table.
    pub table: [i64; 2],
}

impl DarkSums {
    /// Sums of two parts.
    #[must_use]
    pub fn merge(self, other: &Self) -> Self {
        let add = |a: [i64; 2], b: [i64; 2]| [a[0] + b[0], a[1] + b[1]];
        Self {
            count: self.count + other.count,
            load: self.load + other.load,
            scene: add(self.scene, other.scene),
            table: add(self.table, other.table),
        }
    }

    /// Mean load in the numbers of the table; `None` without pixels.
    pub fn mean_load(&self) -> Option<f64> {
        (self.count > 0).then(|| self.load as f64 / self.count as f64 / f64::from(STEPS_PER_LOAD))
    }

    /// Ratio of blue over red path reflectance in the scene to that in the table; 1 if the aerosol type is right.
    pub fn double_ratio(&self) -> f64 {
        let ratio = |pair: [i64; 2]| pair[0] as f64 / (pair[1] as f64).max(1.0);
        if self.count == 0 { f64::INFINITY } else { ratio(self.scene) / ratio(self.table).max(1e-9) }
    }

    /// Blue path reflectance of the scene over that of the table.
    pub fn blue_scale(&self) -> f64 {
        if self.table[0] > 0 { self.scene[0] as f64 / self.table[0] as f64 } else { 1.0 }
    }
}

/// A block of reference pixels.
pub struct InvertInput<'a> {
    /// B02, B04 and B12 of the target pixels.
    pub bands: [ArrayView2<'a, u16>; 3],
    /// Marks of [`super::dark::find_dark`].
    pub marks: ArrayView2<'a, u8>,
    /// Means of B04 and B12 around each pixel of 60 m, if the surroundings are taken off.
    pub around: Option<[ArrayView2<'a, u16>; 2]>,
    /// The target pixels.
    pub target: Window,
    /// Their grid.
    pub resolution: Resolution,
    /// Tables of B02, B04 and B12 over all loads, with one column of water.
    pub tables: [&'a CellTable<'a>; 3],
    /// Elevation, km.
    pub elevation_km: MapView<'a>,
    /// The slopes of the ground; `None`: it is level.
    pub slopes: Option<Slopes<'a>>,
}

/// Finds the load of each reference pixel whose mark is 1 to `attempt`, and writes per pixel of 60 m how many there are and the sum of their
/// loads, in steps.
///
/// # Panics
/// If the shapes do not fit.
pub fn invert_dark(
    input: &InvertInput<'_>,
    attempt: u8,
    ratios: &DarkRatios,
    mut count_out: ArrayViewMut2<'_, u8>,
    mut load_out: ArrayViewMut2<'_, f32>,
) -> DarkSums {
    count_out.fill(0);
    load_out.fill(0.0);
    let mut sums = DarkSums::default();
    let per_60 = 60 / input.resolution.metres() as usize;
    let loads = &input.tables[1].axes().loads;
    let mut air = Air::default();
    let mut excess = vec![0.0; loads.len().next_multiple_of(LANES)];
    for_each_cell(input.target, input.resolution, |cell, rows, cols| {
        let mut known = false;
        for row in rows {
            for col in cols.clone() {
                let mark = input.marks[[row, col]];
                if mark == 0 || mark > attempt {
                    continue;
                }
                if !known {
                    air.set(input, cell, ratios);
                    known = true;
                }
                let pixel = Pixel::new(input, (row, col), per_60, air.loads[0][1].cos_sun);
                pixel.excess(&air, ratios, &mut excess);
                let position = position(&excess[..loads.len()]);
                let steps = (interpolate(loads, position) * STEPS_PER_LOAD + 0.5).max(0.0) as u32;
                count_out[[row / per_60, col / per_60]] += 1;
                load_out[[row / per_60, col / per_60]] += steps as f32;
                pixel.add_to(&mut sums, steps, &air.loads[(position + 0.5) as usize], ratios);
            }
        }
    });
    sums
}

/// A band at some loads.
#[derive(Clone, Copy, Default)]
struct Side {
    path: Lanes,
    gain: Lanes,
    ratio: Lanes,
    albedo: Lanes,
}

/// The atmosphere of a lattice cell.
#[derive(Default)]
struct Air {
    here: Here,
    /// B02, B04 and B12 load by load.
    loads: Vec<[Coefficients; 3]>,
    /// B04 and B12 side by side; behind the last load zeros.
    sides: Vec<[Side; 2]>,
    /// Path and gain of B12 at the load at which it is corrected, if there is one.
    fixed: Option<(f32, f32)>,
}

impl Air {
    fn set(&mut self, input: &InvertInput<'_>, cell: (usize, usize), ratios: &DarkRatios) {
        let Some(places) = self.here.enter(cell, &input.tables, &input.elevation_km) else { return };
        let at = |band: usize, load: usize| input.tables[band].at_node(&places[band], load, 0);
        self.loads.clear();
        let count = input.tables[1].axes().loads.len();
        self.loads.extend((0..count).map(|load| [at(0, load), at(1, load), at(2, load)]));
        self.sides.clear();
        for some in self.loads.chunks(LANES) {
            let mut sides = [Side::default(); 2];
            for (lane, [_, red, swir]) in some.iter().enumerate() {
                for (side, c) in sides.iter_mut().zip([red, swir]) {
                    (side.path[lane], side.gain[lane]) = (c.path, c.gain);
                    (side.ratio[lane], side.albedo[lane]) = (c.ratio, c.albedo);
                }
            }
            self.sides.push(sides);
        }
        self.fixed = ratios.swir_load.map(|position| {
            let (low, share) = (position as usize, position - (position as usize) as f32);
            let mix = |a: f32, b: f32| a + (b - a) * share;
            let (a, b) = (&self.loads[low][2], &self.loads[(low + 1).min(count - 1)][2]);
            (mix(a.path, b.path), mix(a.gain, b.gain))
        });
    }
}

fn interpolate(nodes: &[f64], position: f32) -> f32 {
    let last = nodes.len().saturating_sub(1);
    let low = (position.max(0.0) as usize).min(last);
    let high = (low + 1).min(last);
    let share = position - low as f32;
    nodes[low] as f32 + (nodes[high] - nodes[low]) as f32 * share
}

/// The load at which a pixel has this reflectance above a black surface, among the nodes of a table with one column of water.
pub fn load_for_reflectance(
    table: &CellTable<'_>,
    place_m: (f64, f64),
    elevation_km: f32,
    toa: f32,
    reflectance: f32,
) -> f32 {
    let loads = &table.axes().loads;
    let place = table.place(place_m, elevation_km);
    let excess = |k: usize| {
        let c = table.at_node(&place, k, 0);
        (toa - c.path) * c.gain - reflectance
    };
    let (mut low, mut at_low) = (0, excess(0));
    if at_low <= 0.0 {
        return loads[0] as f32;
    }
    for k in 1..loads.len() {
        let at_k = excess(k);
        if at_k <= 0.0 {
            return interpolate(loads, low as f32 + at_low / (at_low - at_k));
        }
        (low, at_low) = (k, at_k);
    }
    loads[low] as f32
}

/// The load at which the excess vanishes as a position among the nodes: bisection, then a straight line.
fn position(excess: &[f32]) -> f32 {
    let last = excess.len() - 1;
    if excess[0] <= 0.0 {
        return 0.0;
    }
    if excess[last] >= 0.0 {
        return last as f32;
    }
    let (mut low, mut high) = (0, last);
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if excess[middle] > 0.0 { low = middle } else { high = middle }
    }
    low as f32 + excess[low] / (excess[low] - excess[high])
}

/// Reflectance of a reference pixel and of its surroundings at the top of the atmosphere.
struct Pixel {
    blue: f32,
    red: f32,
    swir: f32,
    around: Option<(f32, f32)>,
    tilt: Option<Tilt>,
}

impl Pixel {
    #[inline]
    fn new(input: &InvertInput<'_>, at: (usize, usize), per_60: usize, cos_sun: f32) -> Self {
        let [blue, red, swir] = input.bands.map(|band| dn::to_reflectance(band[at]));
        let coarse = (at.0 / per_60, at.1 / per_60);
        let around = input
            .around
            .map(|[red, swir]| (dn::to_reflectance(red[coarse]), dn::to_reflectance(swir[coarse])));
        let (first_row, first_col) = (input.target.row / per_60, input.target.col / per_60);
        let tilt = input.slopes.as_ref().map(|s| s.at(first_row + coarse.0, first_col + coarse.1, cos_sun));
        Self { blue, red, swir, around, tilt }
    }

    /// Red above what B12 says, which falls with the load, at every load.
    #[inline]
    fn excess(&self, air: &Air, ratios: &DarkRatios, out: &mut [f32]) {
        let fixed = air.fixed.map(|(path, gain)| [(self.swir - path) * gain; LANES]);
        for (part, (out, [red, swir])) in out.chunks_exact_mut(LANES).zip(&air.sides).enumerate() {
            let mut red = surface(self.red, self.around.map(|a| a.0), red, ratios);
            let mut swir = match fixed {
                Some(fixed) => fixed,
                None => surface(self.swir, self.around.map(|a| a.1), swir, ratios),
            };
            if let Some(tilt) = &self.tilt {
                let loads = air.loads.iter().skip(part * LANES);
                for ((red, swir), [_, of_red, of_swir]) in red.iter_mut().zip(&mut swir).zip(loads) {
                    *red *= tilt.factor(of_red);
                    if fixed.is_none() {
                        *swir *= tilt.factor(of_swir);
                    }
                }
            }
            for ((out, red), swir) in out.iter_mut().zip(red).zip(swir) {
                *out = red - ratios.red_over_swir * swir;
            }
        }
    }

    #[inline]
    fn add_to(&self, sums: &mut DarkSums, steps: u32, nearest: &[Coefficients; 3], ratios: &DarkRatios) {
        let [blue, red, swir] = nearest;
        let dark_red = ratios.red_over_swir * (self.swir - swir.path) * swir.gain;
        let dark_blue = ratios.blue_over_red * dark_red + BLUE_OFFSET;
        sums.count += 1;
        sums.load += u64::from(steps);
        sums.scene[0] += micro(self.blue - dark_blue / blue.gain);
        sums.scene[1] += micro(self.red - dark_red / red.gain);
        sums.table[0] += micro(blue.path);
        sums.table[1] += micro(red.path);
    }
}

/// Reflectance of a pixel among others at some loads: that of level ground, or above a black surface.
#[inline]
fn surface(toa: f32, around: Option<f32>, side: &Side, ratios: &DarkRatios) -> Lanes {
    let mut found = [0.0; LANES];
    for (lane, found) in found.iter_mut().enumerate() {
        let (path, gain) = (side.path[lane], side.gain[lane]);
        let y = (toa - path) * gain;
        let mean = around.map_or(y, |around| ((around - path) * gain).max(0.0));
        let y = y + ratios.surroundings * side.ratio[lane] * (y - mean);
        *found = if ratios.multiple_reflection { y / (1.0 + mean * side.albedo[lane]) } else { y };
    }
    found
}

/// A reflectance in steps of 1e-6, halves away from 0.
#[inline]
fn micro(reflectance: f32) -> i64 {
    let steps = f64::from(reflectance.clamp(-1.0, 1.0) * 1e6);
    (steps + 0.5f64.copysign(steps)) as i64
}
