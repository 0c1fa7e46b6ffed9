//! Dark reference pixels: dense vegetation whose reflectance in the red follows from that at 2.2 micrometres.
//!
//! Source: Kaufman et al. 1997 (doi:10.1109/36.628795); thresholds of Sen2Cor 2.8. See `docs/science/aerosol-and-visibility.md`.

use crate::cells::Lattice;
use crate::classify::SceneClass;
use crate::dn;
use crate::filter::{BoxMeans, Patch, odd};
use crate::grid::{Resolution, Window};
use crate::reflectance::Slopes;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use serde::{Deserialize, Serialize};

/// Thresholds of the search. Names of the original in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DarkThresholds {
    /// Least reflectance in B12, which keeps water out (`AC_Swir_Refl_Lower_Th`).
    pub swir_lower: f32,
    /// Largest reflectance in B12 at the first, second and third attempt (`AC_Ddv_Swir_Refl_Th1` to `3`).
    pub swir_upper: [f32; 3],
    /// Largest reflectance at the top of the atmosphere in B04 (`AC_Ddv_16um_Refl_Th1`).
    pub red_upper: f32,
    /// Least vegetation index of B8A and B04 at the top of the atmosphere (`AC_Swir_Refl_Ndvi_Th`).
    pub ndvi_lower: f32,
    /// Share of dark pixels that is enough, per cent (`AC_Min_Ddv_Area`).
    pub least_area_percent: f32,
    /// Looks through haze: vegetation is also what B8A and B12 alone show to be, of this ratio of B04 to B12, and unclassified pixels are no
    /// clouds. `None`: only what the class map calls vegetation, far from all that may be cloud, with `red_upper`.
    pub through_haze: Option<f32>,
    /// Bright vegetation: least reflectance in B8A (`AC_Dbv_Nir_Refl_Th`).
    pub bright_nir: f32,
    /// Bright vegetation: least vegetation index (`AC_Dbv_Ndvi_Th`).
    pub bright_ndvi: f32,
    /// Bright vegetation: reflectance assumed in the red (`AC_Red_Ref_Refl_Th`).
    pub bright_red: f32,
}

impl Default for DarkThresholds {
    fn default() -> Self {
        Self {
            swir_lower: 0.01,
            swir_upper: [0.05, 0.10, 0.12],
            red_upper: 0.10,
            ndvi_lower: 0.10,
            least_area_percent: 2.0,
            through_haze: None,
            bright_nir: 0.35,
            bright_ndvi: 0.66,
            bright_red: 0.02,
        }
    }
}

/// Largest reflectance of a reference pixel in B8A.
const NIR_UPPER: f32 = 0.38;

/// Least cosine of the sun zenith angle: 75 degrees.
const LEAST_COS_SUN: f32 = 0.258_819;

/// Width of the box in which clouds are counted, metres, and the largest mean of a mask of 0 and 255 in it.
const CLOUD_BOX_M: f64 = 1000.0;
const CLOUD_MEAN: i64 = 5;

/// Vegetation in haze: least aerosol-free vegetation index (Karnieli et al. 2001, doi:10.1016/S0034-4257(01)00190-0), and least reflectance in B8A,
/// below which there may be shadow.
const HAZE_INDEX: f32 = 0.6;
const HAZE_NIR: f32 = 0.15;

/// Largest difference of incidence and sun zenith angle of bright pixels, degrees.
const BRIGHT_TILT_DEG: f32 = 15.0;

/// Largest number of bright pixels that are kept.
pub const BRIGHTEST: usize = 10;

/// Pixels that are counted on the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DarkCounts {
    /// Pixels with data.
    pub valid: u64,
    /// Of these, water.
    pub water: u64,
    /// Reference pixels that pass the first threshold of B12, the second only, the third only.
    pub levels: [u64; 3],
    /// Up to ten bright vegetation pixels that are darkest in the red: reflectance above a black surface in B04, and row and column.
    pub bright: Vec<(f32, u32, u32)>,
}

impl DarkCounts {
    /// Counts of two parts of a tile; the earlier part first.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        self.valid += other.valid;
        self.water += other.water;
        for (sum, count) in self.levels.iter_mut().zip(other.levels) {
            *sum += count;
        }
        for &found in &other.bright {
            self.keep(found);
        }
        self
    }

    /// Keeps a bright pixel if it is among the darkest in the red; `bright` is sorted.
    fn keep(&mut self, found: (f32, u32, u32)) {
        let before = |kept: &(f32, u32, u32)| {
            kept.0.total_cmp(&found.0).then((kept.1, kept.2).cmp(&(found.1, found.2))).is_le()
        };
        if self.bright.len() == BRIGHTEST && self.bright.last().is_some_and(before) {
            return;
        }
        let place = self.bright.partition_point(before);
        self.bright.insert(place, found);
        self.bright.truncate(BRIGHTEST);
    }

    /// The attempt (1 to 3) whose threshold gives enough pixels; `None` if there are too few, or there is only water.
    pub fn attempt(&self, thresholds: &DarkThresholds) -> Option<u8> {
        let land = self.valid - self.water.min(self.valid);
        if self.valid == 0 || land * 100 < self.valid {
            return None;
        }
        let share = f64::from(thresholds.least_area_percent) / 100.0;
        let mut found = 0;
        for (attempt, &count) in (1..).zip(&self.levels) {
            found += count;
            let area = if attempt == 1 { land } else { self.valid };
            if found as f64 > share * area as f64 {
                return Some(attempt);
            }
        }
        None
    }
}

/// A block with its surroundings as far as clouds are counted.
#[derive(Clone, Copy)]
pub struct DarkInput<'a> {
    /// B04, B8A and B12 of the target pixels.
    pub red: ArrayView2<'a, u16>,
    /// B8A.
    pub nir: ArrayView2<'a, u16>,
    /// B12.
    pub swir: ArrayView2<'a, u16>,
    /// Scene class of the window.
    pub class: ArrayView2<'a, u8>,
    /// The window that the class map covers.
    pub window: Window,
    /// The target pixels.
    pub target: Window,
    /// Rows and columns of the image.
    pub image: (usize, usize),
    /// The atmosphere in B04, B8A and B12 over the target pixels, with the aerosol that is assumed at first.
    pub lattices: [&'a Lattice; 3],
    /// The slopes of the ground; `None`: it is level.
    pub slopes: Option<Slopes<'a>>,
}

/// How far around a block clouds are counted, pixels.
pub fn cloud_radius(resolution: Resolution) -> usize {
    odd(CLOUD_BOX_M / f64::from(resolution.metres())) / 2
}

/// Marks reference pixels: 1 to 3 is the first threshold of B12 that they pass, 0 the rest.
///
/// # Panics
/// If the shapes do not fit, or rows have gaps between their pixels.
pub fn find_dark(
    input: &DarkInput<'_>,
    thresholds: &DarkThresholds,
    resolution: Resolution,
    mut out: ArrayViewMut2<'_, u8>,
) -> DarkCounts {
    let least =
        if thresholds.through_haze.is_some() { SceneClass::CloudMedium } else { SceneClass::Unclassified };
    let far = far_from_clouds(input, least as u8, cloud_radius(resolution));
    let mut counts = DarkCounts::default();
    let cols = input.target.cols;
    let mut buffers: [Vec<f32>; 7] = std::array::from_fn(|_| vec![0.0; cols]);
    let offset = (input.target.row - input.window.row, input.target.col - input.window.col);
    for (row, mut line) in out.outer_iter_mut().enumerate() {
        line.fill(0);
        let class = &slice(&input.class, row + offset.0)[offset.1..][..cols];
        let number =
            |wanted: SceneClass| class.iter().map(|&class| u32::from(class == wanted as u8)).sum::<u32>();
        counts.valid += u64::from(cols as u32 - number(SceneClass::NoData));
        counts.water += u64::from(number(SceneClass::Water));
        if !class.iter().any(|&class| thresholds.may_be_dark(class)) {
            continue;
        }
        let [p4, g4, p8, g8, p12, g12, cos_sun] = buffers.each_mut().map(|b| &mut b[..]);
        input.lattices[0].row(row, [0, 1, 7], [p4, g4, cos_sun]);
        input.lattices[1].row(row, [0, 1], [p8, g8]);
        input.lattices[2].row(row, [0, 1], [p12, g12]);
        let bands = [slice(&input.red, row), slice(&input.nir, row), slice(&input.swir, row)];
        for (col, out) in line.iter_mut().enumerate() {
            if !thresholds.may_be_dark(class[col]) || buffers[6][col] < LEAST_COS_SUN {
                continue;
            }
            let samples = bands.map(|band| band[col]);
            if samples.contains(&dn::NO_DATA) {
                continue;
            }
            let [red, nir, swir] = samples.map(dn::to_reflectance);
            let above = |i: usize, toa: f32| (toa - buffers[i][col]) * buffers[i + 1][col];
            let ground =
                Ground { red, nir, red_y: above(0, red), nir_y: above(2, nir), swir_y: above(4, swir) };
            let vegetation = class[col] == SceneClass::Vegetation as u8;
            if vegetation
                && ground.is_bright(thresholds)
                && is_nearly_level(input, resolution, (row, col), buffers[6][col])
            {
                let place = ((input.target.row + row) as u32, (input.target.col + col) as u32);
                counts.keep((ground.red_y, place.0, place.1));
            }
            if far[row * cols + col] && (vegetation || ground.is_green(thresholds)) {
                *out = ground.level(thresholds);
                if let Some(count) = counts.levels.get_mut(usize::from(*out).wrapping_sub(1)) {
                    *count += 1;
                }
            }
        }
    }
    counts
}

/// A row as a slice.
fn slice<'a, T>(image: &ArrayView2<'a, T>, row: usize) -> &'a [T] {
    (*image).index_axis_move(Axis(0), row).to_slice().unwrap_or_default()
}

impl DarkThresholds {
    /// Whether dark vegetation is looked for in pixels of this class. Haze makes the vegetation index small, so that vegetation is taken
    /// for bare ground or remains unclassified.
    fn may_be_dark(&self, class: u8) -> bool {
        class == SceneClass::Vegetation as u8
            || self.through_haze.is_some()
                && (class == SceneClass::NotVegetated as u8 || class == SceneClass::Unclassified as u8)
    }
}

/// Reflectances of a pixel: at the top of the atmosphere, and above a black surface (`_y`).
struct Ground {
    red: f32,
    nir: f32,
    red_y: f32,
    nir_y: f32,
    swir_y: f32,
}

impl Ground {
    fn ndvi(&self) -> f32 {
        (self.nir - self.red) / (self.nir + self.red).max(1e-6)
    }

    fn level(&self, t: &DarkThresholds) -> u8 {
        let candidate = (t.through_haze.is_some() || self.red <= t.red_upper)
            && self.ndvi() > t.ndvi_lower
            && self.nir_y < NIR_UPPER
            && self.swir_y > t.swir_lower;
        if !candidate {
            return 0;
        }
        t.swir_upper.iter().position(|upper| self.swir_y < *upper).map_or(0, |i| i as u8 + 1)
    }

    /// Whether B8A and B12, through which haze is hardly seen, show vegetation: with the red that B12 stands for in place of the red.
    fn is_green(&self, t: &DarkThresholds) -> bool {
        let Some(red_over_swir) = t.through_haze else { return false };
        let red = red_over_swir * self.swir_y.max(0.0);
        self.nir_y > HAZE_NIR && self.nir_y - red > HAZE_INDEX * (self.nir_y + red)
    }

    fn is_bright(&self, t: &DarkThresholds) -> bool {
        self.nir_y > t.bright_nir && self.ndvi() > t.bright_ndvi && self.red_y > 0.01
    }
}

/// Whether the sun falls on a pixel at nearly the angle at which it falls on level ground.
fn is_nearly_level(
    input: &DarkInput<'_>,
    resolution: Resolution,
    (row, col): (usize, usize),
    cos_sun: f32,
) -> bool {
    let Some(slopes) = &input.slopes else { return true };
    let per_60 = 60 / resolution.metres() as usize;
    let tilt = slopes.at((input.target.row + row) / per_60, (input.target.col + col) / per_60, cos_sun);
    (libm::acosf(tilt.cosine.min(1.0)) - libm::acosf(cos_sun)).abs() < BRIGHT_TILT_DEG.to_radians()
}

/// Where the mean of the mask (0, 255) of the classes from `least` to thin cirrus over the box is small.
fn far_from_clouds(input: &DarkInput<'_>, least: u8, radius: usize) -> Vec<bool> {
    let cloudy = least..=SceneClass::ThinCirrus as u8;
    if !input.class.iter().any(|class| cloudy.contains(class)) {
        return vec![true; input.target.rows * input.target.cols];
    }
    let clouds: Vec<i32> =
        input.class.iter().map(|class| if cloudy.contains(class) { 255 } else { 0 }).collect();
    let patch = Patch { values: &clouds, valid: None, window: input.window, image: input.image };
    let boxes = BoxMeans::new(patch, radius);
    let limit = CLOUD_MEAN * i64::from(boxes.area());
    let mut far = Vec::with_capacity(input.target.rows * input.target.cols);
    boxes.rows(input.target, |_, sums, _| far.extend(sums.iter().map(|&sum| sum <= limit)));
    far
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(valid: u64, water: u64, levels: [u64; 3]) -> DarkCounts {
        DarkCounts { valid, water, levels, bright: Vec::new() }
    }

    #[test]
    fn the_first_threshold_with_enough_pixels_is_taken() {
        let t = DarkThresholds::default();
        assert_eq!(counts(10_000, 0, [201, 0, 0]).attempt(&t), Some(1));
        assert_eq!(counts(10_000, 0, [200, 0, 0]).attempt(&t), None);
        // The first test is of the land alone.
        assert_eq!(counts(10_000, 5000, [101, 0, 0]).attempt(&t), Some(1));
        assert_eq!(counts(10_000, 0, [100, 101, 0]).attempt(&t), Some(2));
        assert_eq!(counts(10_000, 0, [100, 50, 51]).attempt(&t), Some(3));
        assert_eq!(counts(10_000, 9950, [50, 0, 0]).attempt(&t), None);
        assert_eq!(counts(0, 0, [0, 0, 0]).attempt(&t), None);
    }

    #[test]
    fn thresholds_make_the_level() {
        let t = DarkThresholds::default();
        let ground =
            |red: f32, nir: f32, swir: f32| Ground { red, nir, red_y: red, nir_y: nir, swir_y: swir };
        assert_eq!(ground(0.05, 0.3, 0.04).level(&t), 1);
        assert_eq!(ground(0.05, 0.3, 0.05).level(&t), 2);
        assert_eq!(ground(0.05, 0.3, 0.11).level(&t), 3);
        assert_eq!(ground(0.05, 0.3, 0.12).level(&t), 0);
        assert_eq!(ground(0.05, 0.3, 0.01).level(&t), 0);
        assert_eq!(ground(0.101, 0.3, 0.04).level(&t), 0);
        assert_eq!(ground(0.05, 0.39, 0.04).level(&t), 0);
        assert_eq!(ground(0.05, 0.06, 0.04).level(&t), 0);
        assert!(ground(0.03, 0.4, 0.1).is_bright(&t) && !ground(0.03, 0.3, 0.1).is_bright(&t));
    }

    #[test]
    fn haze_hides_no_vegetation() {
        let open = DarkThresholds::default();
        let through_haze = DarkThresholds { through_haze: Some(0.5), ..open };
        for (class, dark, dark_in_haze) in
            [(4, true, true), (5, false, true), (7, false, true), (2, false, false), (8, false, false)]
        {
            assert_eq!((open.may_be_dark(class), through_haze.may_be_dark(class)), (dark, dark_in_haze));
        }
        // Forest, bare ground, shadow; the red is that of the haze.
        let ground = |nir_y: f32, swir_y: f32| Ground { red: 0.13, nir: 0.3, red_y: 0.1, nir_y, swir_y };
        assert!(ground(0.3, 0.05).is_green(&through_haze) && !ground(0.3, 0.05).is_green(&open));
        assert!(!ground(0.28, 0.2).is_green(&through_haze) && !ground(0.06, 0.02).is_green(&through_haze));
        assert_eq!((ground(0.3, 0.05).level(&open), ground(0.3, 0.04).level(&through_haze)), (0, 1));
    }

    #[test]
    fn only_the_darkest_bright_pixels_are_kept() {
        let mut a = counts(1, 0, [0; 3]);
        a.bright = (0..9).map(|i| (0.02 + i as f32 * 0.01, 0, i)).collect();
        let merged = a.clone().merge(&a);
        assert_eq!(merged.bright.len(), BRIGHTEST);
        assert_eq!(merged.bright[0], merged.bright[1]);
    }
}
