//! The recoveries that look at one pixel and its next neighbours: second looks at pixels that stayed open or dark, and at
//! what terrain and water body maps contradict.
//!
//! Source: Sen2Cor 2.8, its recoveries in their order: vegetation, water, known water bodies, relief, snow, soil. Each
//! touches the named classes only.

use super::SceneClass::{
    CloudMedium, CloudShadow, DarkFeature, NotVegetated, SnowIce, Unclassified, Vegetation, Water,
};
use super::Thresholds;
use super::error::{ClassifyError, inside, same_shape};
use super::pixel::{OPEN, ndi, ratio, reflectance};
use super::snow::SnowMask;
use crate::resample::line;
use crate::sensor::Band;
use ndarray::{ArrayView2, ArrayViewMut2};

/// The bands that the recoveries look at, in the order in which they are handed over.
pub const RECOVERY_BANDS: [Band; 5] = [Band::B02, Band::B03, Band::B04, Band::B8A, Band::B11];

/// Code of water in the water body map.
const WATER_BODY: u8 = 2;

/// What a block is looked at again with. All views have one shape: the block with [`HALO_PX`](super::HALO_PX) more pixels
/// on each side, as far as the image reaches.
#[derive(Clone, Copy, Debug)]
pub struct RecoverInput<'a> {
    /// Classes and [`OPEN`], cloud shadows included.
    pub map: ArrayView2<'a, u8>,
    /// The bands of [`RECOVERY_BANDS`] as biased digital numbers.
    pub bands: [ArrayView2<'a, u16>; 5],
    /// Row and column at which the block begins in these views.
    pub inner: (usize, usize),
    /// Slope of the ground, degrees.
    pub slope_deg: Option<ArrayView2<'a, f32>>,
    /// Hillshade: 0 no data, else 1 (in the shade) to 255 (facing the sun).
    pub hillshade: Option<ArrayView2<'a, u8>>,
    /// Water body map; 2 is water.
    pub water_bodies: Option<ArrayView2<'a, u8>>,
}

/// Writes the map of a block after these recoveries; pixels may still be open. Same bits for every way of cutting the
/// image into blocks.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn recover_block(
    input: &RecoverInput<'_>,
    thresholds: &Thresholds,
    mut output: ArrayViewMut2<'_, u8>,
) -> Result<(), ClassifyError> {
    input.check(output.dim())?;
    let snow = input.snow();
    let mut near = vec![false; input.map.ncols()];
    for (row, mut out) in output.rows_mut().into_iter().enumerate() {
        let row = input.inner.0 + row;
        snow.near_row(row, &mut near);
        let map = line(input.map, row);
        let map = &map[input.inner.1..];
        out.iter_mut().zip(map).for_each(|(out, class)| *out = *class);
        for (index, &class) in
            map[..out.len()].iter().enumerate().filter(|(_, class)| input.may_change(**class))
        {
            let at = (row, input.inner.1 + index);
            out[index] = recovered(class, &input.spectrum(at), &input.site(at, near[at.1]), thresholds);
        }
    }
    Ok(())
}

impl RecoverInput<'_> {
    fn check(&self, block: (usize, usize)) -> Result<(), ClassifyError> {
        let shape = self.map.dim();
        same_shape(shape, &self.bands.map(|band| band.dim()))?;
        let layers = [
            self.slope_deg.map(|plane| plane.dim()),
            self.hillshade.map(|plane| plane.dim()),
            self.water_bodies.map(|plane| plane.dim()),
        ];
        same_shape(shape, &layers.into_iter().flatten().collect::<Vec<_>>())?;
        inside(block, self.inner, shape)
    }

    /// Where there is snow. No recovery before that of snow makes or takes any.
    fn snow(&self) -> SnowMask {
        let mut snow = SnowMask::new(self.map.nrows(), self.map.ncols());
        for row in 0..self.map.nrows() {
            let map = line(self.map, row);
            snow.set_row(row, |cores| {
                cores.iter_mut().zip(map.iter()).for_each(|(core, class)| *core = *class == SnowIce.number());
            });
        }
        snow
    }

    /// Whether any recovery looks at pixels of this class.
    #[inline]
    fn may_change(&self, class: u8) -> bool {
        let by_maps = self.hillshade.is_some() || self.water_bodies.is_some();
        (class == OPEN)
            | (class == DarkFeature.number())
            | (by_maps && (CloudShadow.number()..=CloudMedium.number()).contains(&class))
    }

    #[inline]
    fn spectrum(&self, at: (usize, usize)) -> Spectrum {
        let [b02, b03, b04, b8a, b11] = self.bands.map(|band| reflectance(band[at]));
        Spectrum { b02, b03, b04, b8a, b11 }
    }

    #[inline]
    fn site(&self, at: (usize, usize), near_snow: bool) -> Site {
        Site {
            near_snow,
            slope_deg: self.slope_deg.map(|plane| plane[at]),
            hillshade: self.hillshade.map(|plane| f32::from(plane[at])),
            water_body: self.water_bodies.map(|plane| plane[at] == WATER_BODY),
        }
    }
}

struct Spectrum {
    b02: f32,
    b03: f32,
    b04: f32,
    b8a: f32,
    b11: f32,
}

struct Site {
    near_snow: bool,
    slope_deg: Option<f32>,
    hillshade: Option<f32>,
    water_body: Option<bool>,
}

/// The class of a pixel after all of these recoveries.
fn recovered(class: u8, s: &Spectrum, site: &Site, t: &Thresholds) -> u8 {
    let class = vegetation(class, s, t);
    let class = water(class, s, t);
    let class = water_body(class, site);
    let class = relief(class, s, site, t);
    let class = snow(class, s, site);
    soil(class, s, t)
}

fn is_dark_or_open(class: u8) -> bool {
    class == DarkFeature.number() || class == OPEN
}

fn vegetation(class: u8, s: &Spectrum, t: &Thresholds) -> u8 {
    let green =
        ndi(s.b8a, s.b04) > t.vegetation_ndvi.high || ratio(s.b8a, s.b03) > t.recover_vegetation_b8a_b03_min;
    if green && is_dark_or_open(class) { Vegetation.number() } else { class }
}

fn water(class: u8, s: &Spectrum, t: &Thresholds) -> u8 {
    let watery = ratio(s.b02, s.b11) > t.water_b02_b11.high && s.b8a < s.b04;
    let fits = class == DarkFeature.number() || (class == OPEN && s.b8a < t.recover_water_b8a_max);
    if watery && fits { Water.number() } else { class }
}

fn water_body(class: u8, site: &Site) -> u8 {
    let fits = is_dark_or_open(class) || class == CloudShadow.number() || class == Unclassified.number();
    if site.water_body == Some(true) && fits { Water.number() } else { class }
}

/// What slopes that face away from the sun look like.
fn relief(class: u8, s: &Spectrum, site: &Site, t: &Thresholds) -> u8 {
    let Some(hillshade) = site.hillshade else { return class };
    let in_shade = hillshade < t.relief_hillshade_max;
    let steep = site.slope_deg.is_some_and(|slope| slope > t.relief_slope_min_deg);
    let no_water = in_shade && steep && class == Water.number();
    let own_shadow =
        hillshade > 0.0 && hillshade < t.relief_shadow_hillshade_max && class == CloudShadow.number();
    let class = if no_water || own_shadow { DarkFeature.number() } else { class };
    let blue = s.b02 - s.b04 > t.water_b02_b04_min && s.b8a < s.b04 && s.b02 > t.relief_b02_min;
    let fits = class == OPEN || class == Unclassified.number() || class == CloudMedium.number();
    if in_shade && site.water_body == Some(false) && blue && fits { DarkFeature.number() } else { class }
}

fn snow(class: u8, s: &Spectrum, site: &Site) -> u8 {
    if site.near_snow && s.b11 < s.b03 && class == OPEN { SnowIce.number() } else { class }
}

fn soil(class: u8, s: &Spectrum, t: &Thresholds) -> u8 {
    let soil = ratio(s.b02, s.b11) < t.recover_soil_b02_b11_max && class == DarkFeature.number();
    if soil { NotVegetated.number() } else { class }
}
