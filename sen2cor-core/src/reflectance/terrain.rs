//! The correction on sloping ground: how much beam, sky light and light from opposite slopes a pixel gets.
//!
//! Sources: the ATCOR formulation as described in the Sen2Cor user manual (a Hay-type split of the sky light into a part around the
//! sun and an even part), Sirguey 2009 (doi:10.3189/002214309788816650) for the light from opposite slopes, Horn 1981 (doi:10.1109/PROC.1981.11918)
//! for the slope.

use super::Model;
use super::block::{Apparent, BlockInput, STEPS, reflectance, steps, valid_mask, which};
use super::brdf::{Brdf, brdf_factor};
use super::clouds::is_cloud;
use super::inclination::{Slope, gradients};
use crate::classify::SceneClass;
use crate::dn;
use crate::filter::{BoxMeans, Patch};
use crate::grid::{Resolution, Window};
use ndarray::ArrayView2;
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

/// Coefficients of a pixel and what the ground does to the light.
#[derive(Clone, Copy)]
struct Light {
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

/// The light on the pixels of a window. Each part is a vector of its own: these are small enough for the memory of one
/// block to be used again for the next.
#[derive(Default)]
struct Lights([Vec<f32>; 7]);

impl Lights {
    fn with_capacity(pixels: usize) -> Self {
        Self(std::array::from_fn(|_| Vec::with_capacity(pixels)))
    }

    fn push(&mut self, l: &Light) {
        let parts = [l.signal, l.flux, l.beam, l.opposite, l.share, l.grazing, l.cos_sun];
        self.0.iter_mut().zip(parts).for_each(|(part, value)| part.push(value));
    }

    fn shares(&self) -> &[f32] {
        &self.0[4]
    }

    fn iter(&self) -> impl Iterator<Item = Light> {
        let [signal, flux, beam, opposite, share, grazing, cos_sun] = &self.0;
        let first = signal.iter().zip(flux).zip(beam.iter().zip(opposite));
        let second = share.iter().zip(grazing.iter().zip(cos_sun));
        first.zip(second).map(|(((signal, flux), (beam, opposite)), (share, (grazing, cos_sun)))| Light {
            signal: *signal,
            flux: *flux,
            beam: *beam,
            opposite: *opposite,
            share: *share,
            grazing: *grazing,
            cos_sun: *cos_sun,
        })
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
    let lights = lights(input, terrain, relief, resolution.metres() as f32);
    let valid = valid_mask(&input.toa);
    let masked = |i: usize, y: f32| if valid.get(i) == Some(&0) { 0 } else { steps(y) };
    let mut values: Vec<i32> = lights
        .iter()
        .enumerate()
        .map(|(i, light)| masked(i, light.reflectance(relief.start_reflectance, 0.0, relief)))
        .collect();
    if relief.neighbourhood_radius == 0 || relief.iterations == 0 {
        return Apparent { window, values, valid };
    }
    let counted = clear_mask(&valid, terrain, input.class_pixels, window);
    let shares: Vec<i32> = lights.shares().iter().map(|&share| steps(share)).collect();
    let mean_share = means(&shares, None, window, input, relief.neighbourhood_radius);
    for _ in 0..relief.iterations {
        let clear: Vec<i32> = values.iter().zip(&counted).map(|(v, c)| v * i32::from(*c)).collect();
        let around = means(&clear, Some(&counted), window, input, relief.neighbourhood_radius);
        for (i, ((value, light), (around, share))) in
            values.iter_mut().zip(lights.iter()).zip(around.iter().zip(&mean_share)).enumerate()
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

/// The coefficients of the rows of a window, at the elevation of each pixel.
struct Rows<'a, 'b> {
    input: &'a BlockInput<'b>,
    elevation_m: ArrayView2<'a, f32>,
    highest_km: f32,
    km: Vec<f32>,
}

impl Rows<'_, '_> {
    fn coefficients<const N: usize>(&mut self, row: usize, wanted: [usize; N], out: &mut [Vec<f32>; N]) {
        for (km, metres) in self.km.iter_mut().zip(self.elevation_m.row(row)) {
            *km = (metres / 1000.0).clamp(0.0, self.highest_km);
        }
        self.input.lattice.row_at(row, &self.km, wanted, out.each_mut().map(|line| &mut line[..]));
    }
}

/// Cosines of the incidence angle, smoothed, and of the slope.
struct Inclination {
    incidence: Vec<f32>,
    slope: Vec<f32>,
}

impl Inclination {
    fn new(rows: &mut Rows<'_, '_>, relief: &Relief, pixel_m: f32) -> Self {
        let window = rows.input.lattice.window();
        let azimuth = relief.sun_azimuth_deg.to_radians();
        let sun = (libm::sinf(azimuth), libm::cosf(azimuth));
        let pixels = window.rows * window.cols;
        let (mut incidence, mut slope) = (Vec::with_capacity(pixels), Vec::with_capacity(pixels));
        let mut rise = vec![(0.0, 0.0); window.cols];
        let mut cos_sun = [vec![0.0f32; window.cols]];
        for row in 0..window.rows {
            gradients(&rows.elevation_m, pixel_m, row, &mut rise);
            rows.coefficients(row, [which::COS_SUN], &mut cos_sun);
            for (rise, cos_sun) in rise.iter().zip(&cos_sun[0]) {
                let ground = Slope::new(*rise);
                incidence.push(ground.incidence(*cos_sun, sun));
                slope.push(ground.cosine);
            }
        }
        Self { incidence: smoothed(incidence, window, rows.input, relief.smoothing_radius), slope }
    }
}

fn lights(input: &BlockInput<'_>, terrain: &Terrain<'_>, relief: &Relief, pixel_m: f32) -> Lights {
    let window = input.lattice.window();
    let (highest_km, km) = (relief.highest_km, vec![0.0f32; window.cols]);
    let mut rows = Rows { input, elevation_m: terrain.elevation_m.view(), highest_km, km };
    let inclination = Inclination::new(&mut rows, relief, pixel_m);
    let mut lines: [Vec<f32>; 5] = std::array::from_fn(|_| vec![0.0; window.cols]);
    let mut lights = Lights::with_capacity(window.rows * window.cols);
    for row in 0..window.rows {
        rows.coefficients(row, WANTED, &mut lines);
        for (col, &sample) in input.toa.row(row).iter().enumerate() {
            let (at, i) = ([row, col], row * window.cols + col);
            let of_class = [row / input.class_pixels, col / input.class_pixels];
            let ground = Ground {
                cosine: inclination.incidence[i],
                sky: f32::midpoint(1.0, inclination.slope[i]),
                shaded: terrain.lit.is_some_and(|lit| lit[at] == 0),
                level: relief.level || terrain.is_level(of_class),
                vegetation: match terrain.vegetation {
                    Some(vegetation) => vegetation[at] != 0,
                    None => terrain.classes[of_class] == SceneClass::Vegetation as u8,
                },
            };
            let coefficients: [f32; 5] = std::array::from_fn(|which| lines[which][col]);
            lights.push(&light_of(sample, &coefficients, &ground, relief));
        }
    }
    lights
}

fn smoothed(cosines: Vec<f32>, window: Window, input: &BlockInput<'_>, radius: usize) -> Vec<f32> {
    if radius == 0 {
        return cosines;
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
