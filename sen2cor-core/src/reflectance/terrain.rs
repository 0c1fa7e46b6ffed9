//! The correction on sloping ground: how much beam, sky light and light from opposite slopes a pixel gets.
//!
//! Sources: the ATCOR formulation as described in the Sen2Cor user manual (a Hay-type split of the sky light into a part around the
//! sun and an even part), Sirguey 2009 (doi:10.3189/002214309788816650) for the light from opposite slopes, Horn 1981 (doi:10.1109/PROC.1981.11918)
//! for the slope.

use super::Model;
use super::block::{Apparent, BlockInput, STEPS, reflectance, steps, valid_mask, which};
use super::brdf::{Brdf, brdf_factor};
use super::clouds::is_cloud;
use crate::classify::SceneClass;
use crate::dn;
use crate::filter::{BoxMeans, Patch};
use crate::grid::{Resolution, Window};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// How sloping ground is treated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relief {
    /// Azimuth of the sun, degrees.
    pub sun_azimuth_deg: f32,
    /// Radius of the box over which the illumination is smoothed, pixels.
    pub smoothing_radius: usize,
    /// Radius of the box of opposite slopes, pixels.
    pub neighbourhood_radius: usize,
    /// Reflectance of opposite slopes to begin with.
    pub start_reflectance: f32,
    /// How often that is replaced by the mean of what was found.
    pub iterations: u8,
    /// Least light from opposite slopes as a share of the beam on flat ground.
    pub least_terrain_light: f32,
    /// Least cosine of the incidence angle.
    pub least_cosine: f32,
    /// Largest reflectance before the last step.
    pub cutoff: f32,
    /// Empirical correction for grazing light.
    pub brdf: Option<Brdf>,
    /// Highest ground that the tables are asked for, km; the lowest is sea level.
    pub highest_km: f32,
    /// Whether only the elevation counts, not the slope.
    pub level: bool,
}

impl Relief {
    /// The defaults of a model, without smoothing and surroundings, whose widths depend on the grid.
    pub const fn of_model(model: Model, sun_azimuth_deg: f32) -> Self {
        let sen2cor = matches!(model, Model::Sen2cor);
        Self {
            sun_azimuth_deg,
            smoothing_radius: 0,
            neighbourhood_radius: 0,
            start_reflectance: 0.1,
            // One pass in the original, whatever its parameter says.
            iterations: if sen2cor { 1 } else { 3 },
            least_terrain_light: if sen2cor { 0.01 } else { 0.0 },
            least_cosine: 26.0 / 255.0,
            cutoff: 1.5,
            brdf: None,
            highest_km: if sen2cor { 3.5 } else { 5.0 },
            level: false,
        }
    }

    /// The same for ground of which only the elevation counts.
    #[must_use]
    pub const fn leveled(self) -> Self {
        Self {
            level: true,
            smoothing_radius: 0,
            neighbourhood_radius: 0,
            iterations: 0,
            least_terrain_light: 0.0,
            brdf: None,
            ..self
        }
    }

    /// How far around a pixel the terrain matters: every iteration looks at what the one before has found around.
    pub(super) fn halo_px(&self) -> usize {
        self.smoothing_radius + usize::from(self.iterations) * self.neighbourhood_radius + 1
    }
}

/// The ground of a window.
#[derive(Clone, Copy)]
pub struct Terrain<'a> {
    /// Elevation, metres; one number per pixel of the window.
    pub elevation_m: ArrayView2<'a, f32>,
    /// 0 where a mountain keeps the sun away; `None`: not known.
    pub lit: Option<ArrayView2<'a, u8>>,
    /// Scene class of the window on the grid of the class map.
    pub classes: ArrayView2<'a, u8>,
    /// Not 0 under clouds whose surface counts as level, on the grid of the class map; `None`: under all clouds.
    pub level: Option<ArrayView2<'a, u8>>,
    /// Not 0 where there is vegetation, for the correction of grazing light; `None`: as the scene class says.
    pub vegetation: Option<ArrayView2<'a, u8>>,
}

impl Terrain<'_> {
    fn is_level(&self, at: [usize; 2]) -> bool {
        self.level.map_or_else(|| is_cloud(self.classes[at]), |level| level[at] != 0)
    }
}

/// Gradient by Horn's formula, metres per metre to the east and to the north. At the border of the window the ground goes on as it is.
pub fn gradient(elevation_m: &ArrayView2<'_, f32>, pixel_m: f32, row: usize, col: usize) -> (f32, f32) {
    let (rows, cols) = elevation_m.dim();
    let at = |down: i64, right: i64| {
        let (r, c) = (row as i64 + down, col as i64 + right);
        let (r_in, c_in) = (r.clamp(0, rows as i64 - 1), c.clamp(0, cols as i64 - 1));
        let inside = elevation_m[[r_in as usize, c_in as usize]];
        if (r, c) == (r_in, c_in) {
            return inside;
        }
        // One more step in the same direction.
        let beyond = [2 * r_in - r, 2 * c_in - c];
        let mirrored =
            [beyond[0].clamp(0, rows as i64 - 1) as usize, beyond[1].clamp(0, cols as i64 - 1) as usize];
        2.0 * inside - elevation_m[mirrored]
    };
    let east = (at(-1, 1) + 2.0 * at(0, 1) + at(1, 1)) - (at(-1, -1) + 2.0 * at(0, -1) + at(1, -1));
    let south = (at(1, -1) + 2.0 * at(1, 0) + at(1, 1)) - (at(-1, -1) + 2.0 * at(-1, 0) + at(-1, 1));
    (east / (8.0 * pixel_m), -south / (8.0 * pixel_m))
}

/// Slope of the ground at a pixel.
#[derive(Clone, Copy)]
pub struct Slope {
    /// Gradient to the east and to the north.
    gradient: (f32, f32),
    /// Cosine of the slope angle.
    pub cosine: f32,
}

impl Slope {
    /// From the gradient to the east and to the north.
    pub fn new(gradient: (f32, f32)) -> Self {
        let cosine = 1.0 / (1.0 + gradient.0 * gradient.0 + gradient.1 * gradient.1).sqrt();
        Self { gradient, cosine }
    }

    /// Cosine of the angle between the sun and the normal of the ground; negative where the ground turns its back.
    pub fn incidence(&self, cos_sun: f32, (east, north): (f32, f32)) -> f32 {
        let sin_sun = (1.0 - cos_sun * cos_sun).max(0.0).sqrt();
        self.cosine * (cos_sun - sin_sun * (self.gradient.0 * east + self.gradient.1 * north))
    }

    /// Share of the sky that is seen, if the horizon is that of the slope alone: (1 + cos(slope)) / 2.
    pub fn sky_view(&self) -> f32 {
        f32::midpoint(1.0, self.cosine)
    }
}

/// Coefficients of a pixel and what the ground does to the light.
#[derive(Clone, Copy)]
pub(super) struct Light {
    signal: f32,
    /// Light on the pixel but for that from opposite slopes.
    flux: f32,
    /// Beam on flat ground.
    beam: f32,
    /// Light on flat ground times the share of the view that opposite slopes fill.
    opposite: f32,
    /// That share.
    share: f32,
    grazing: f32,
    cos_sun: f32,
}

impl Light {
    /// Reflectance above a black surface, for a reflectance of opposite slopes; `mean_share` is their share around the pixel.
    #[inline]
    fn reflectance(&self, opposite: f32, mean_share: f32, relief: &Relief) -> f32 {
        let from_slopes = self.opposite * opposite / (1.0 - mean_share * opposite).max(0.1);
        let flux = self.flux + from_slopes.max(relief.least_terrain_light * self.beam);
        (self.signal * self.cos_sun / flux.max(1e-4)).min(relief.cutoff) * self.grazing
    }
}

/// Reflectance above a black surface of the pixels of a window on sloping ground.
pub(super) fn apparent(
    input: &BlockInput<'_>,
    terrain: &Terrain<'_>,
    relief: &Relief,
    resolution: Resolution,
) -> Apparent {
    let window = input.lattice.window();
    let light = light(input, terrain, relief, resolution.metres() as f32);
    let valid = valid_mask(&input.toa);
    let masked = |i: usize, y: f32| if valid.get(i) == Some(&0) { 0 } else { steps(y) };
    let mut values: Vec<i32> = light
        .iter()
        .enumerate()
        .map(|(i, light)| masked(i, light.reflectance(relief.start_reflectance, 0.0, relief)))
        .collect();
    if relief.neighbourhood_radius == 0 || relief.iterations == 0 {
        return Apparent { window, values, valid };
    }
    let counted = clear_mask(&valid, terrain, input.class_pixels, window);
    let shares: Vec<i32> = light.iter().map(|light| steps(light.share)).collect();
    let mean_share = means(&shares, None, window, input, relief.neighbourhood_radius);
    for _ in 0..relief.iterations {
        let clear: Vec<i32> = values.iter().zip(&counted).map(|(v, c)| v * i32::from(*c)).collect();
        let around = means(&clear, Some(&counted), window, input, relief.neighbourhood_radius);
        for (i, ((value, light), (around, share))) in
            values.iter_mut().zip(&light).zip(around.iter().zip(&mean_share)).enumerate()
        {
            *value = masked(i, light.reflectance(around.max(0.0), *share, relief));
        }
    }
    Apparent { window, values, valid }
}

/// 1 for pixels that have data and no cloud over them.
fn clear_mask(valid: &[u8], terrain: &Terrain<'_>, class_pixels: usize, window: Window) -> Vec<u8> {
    (0..window.rows * window.cols)
        .map(|i| {
            let class = terrain.classes[[i / window.cols / class_pixels, i % window.cols / class_pixels]];
            u8::from(valid.get(i) != Some(&0) && !is_cloud(class))
        })
        .collect()
}

/// Means over boxes within the window; nearer to its edge than the radius, over what there is.
fn means(
    values: &[i32],
    valid: Option<&[u8]>,
    window: Window,
    input: &BlockInput<'_>,
    radius: usize,
) -> Vec<f32> {
    let patch = Patch { values, valid, window, image: input.image };
    let boxes = BoxMeans::new(patch, radius);
    let mut out = vec![0.0f32; values.len()];
    // Boxes must lie in the window; what is nearer to an inner edge is not needed.
    let keep = |start: usize, len: usize, image: usize| {
        let low = if start == 0 { 0 } else { radius };
        let high = if start + len == image { len } else { len.saturating_sub(radius) };
        (low, high.max(low))
    };
    let (r0, r1) = keep(window.row, window.rows, input.image.0);
    let (c0, c1) = keep(window.col, window.cols, input.image.1);
    if r0 == r1 || c0 == c1 {
        return out;
    }
    let target = Window { row: window.row + r0, col: window.col + c0, rows: r1 - r0, cols: c1 - c0 };
    boxes.rows(target, |row, sums, counts| {
        let line = &mut out[(r0 + row) * window.cols + c0..][..c1 - c0];
        for (i, (out, &sum)) in line.iter_mut().zip(sums).enumerate() {
            let count = counts.map_or(boxes.area(), |c| c[i]);
            *out = if count == 0 { 0.0 } else { (sum as f64 / (f64::from(count) * f64::from(STEPS))) as f32 };
        }
    });
    out
}

const WANTED: [usize; 5] = [which::PATH, which::DIRECT, which::DIFFUSE, which::SUN, which::COS_SUN];

fn light(input: &BlockInput<'_>, terrain: &Terrain<'_>, relief: &Relief, pixel_m: f32) -> Vec<Light> {
    let window = input.lattice.window();
    let slopes = Array2::from_shape_fn((window.rows, window.cols), |(row, col)| {
        Slope::new(gradient(&terrain.elevation_m, pixel_m, row, col))
    });
    let azimuth = relief.sun_azimuth_deg.to_radians();
    let sun = (libm::sinf(azimuth), libm::cosf(azimuth));
    let mut km = vec![0.0f32; window.cols];
    let mut buffers: [Vec<f32>; 5] = std::array::from_fn(|_| vec![0.0; window.cols]);
    let mut cosines = Array2::<f32>::zeros((window.rows, window.cols));
    let mut coefficients = Vec::with_capacity(window.rows * window.cols);
    for row in 0..window.rows {
        for (km, metres) in km.iter_mut().zip(terrain.elevation_m.row(row)) {
            *km = (metres / 1000.0).clamp(0.0, relief.highest_km);
        }
        input.lattice.row_at(row, &km, WANTED, buffers.each_mut().map(|b| &mut b[..]));
        for col in 0..window.cols {
            let values: [f32; 5] = std::array::from_fn(|i| buffers[i][col]);
            cosines[[row, col]] = slopes[[row, col]].incidence(values[4], sun);
            coefficients.push(values);
        }
    }
    let smooth = smoothed(&cosines, window, input, relief.smoothing_radius);
    (0..coefficients.len())
        .map(|i| {
            let at = [i / window.cols, i % window.cols];
            let of_class = [at[0] / input.class_pixels, at[1] / input.class_pixels];
            let ground = Ground {
                cosine: smooth[i],
                sky: slopes[at].sky_view(),
                shaded: terrain.lit.is_some_and(|lit| lit[at] == 0),
                level: relief.level || terrain.is_level(of_class),
                vegetation: match terrain.vegetation {
                    Some(vegetation) => vegetation[at] != 0,
                    None => terrain.classes[of_class] == SceneClass::Vegetation as u8,
                },
            };
            light_of(input.toa[at], &coefficients[i], &ground, relief)
        })
        .collect()
}

fn smoothed(cosines: &Array2<f32>, window: Window, input: &BlockInput<'_>, radius: usize) -> Vec<f32> {
    if radius == 0 {
        return cosines.iter().copied().collect();
    }
    let counted: Vec<i32> = cosines.iter().map(|&c| steps(c)).collect();
    means(&counted, None, window, input, radius)
}

/// What the terrain says of a pixel.
struct Ground {
    cosine: f32,
    sky: f32,
    shaded: bool,
    level: bool,
    vegetation: bool,
}

fn light_of(sample: u16, coefficients: &[f32; 5], ground: &Ground, relief: &Relief) -> Light {
    let [path, direct, diffuse, sun, cos_sun] = *coefficients;
    let (cosine, sky) = if ground.level { (cos_sun, 1.0) } else { (ground.cosine, ground.sky) };
    let shaded = ground.shaded && !ground.level;
    let sees_sun = if cosine > 0.0 && !shaded { 1.0 } else { 0.0 };
    let cosine = if ground.level { cosine } else { cosine.max(relief.least_cosine) };
    let around_sun = sees_sun * sun;
    let beam = if shaded { 0.0 } else { direct * cosine };
    let flux = beam + diffuse * (around_sun * cosine / cos_sun + (1.0 - around_sun) * sky);
    let share = 1.0 - sky;
    let signal = if sample == dn::NO_DATA { 0.0 } else { reflectance(sample) - path };
    Light {
        signal,
        flux,
        beam: direct * cos_sun,
        opposite: (direct * cos_sun + diffuse) * share,
        share,
        grazing: relief.brdf.map_or(1.0, |brdf| brdf_factor(&brdf, cosine, cos_sun, ground.vegetation)),
        cos_sun,
    }
}
