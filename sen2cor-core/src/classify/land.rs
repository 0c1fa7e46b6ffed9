//! The recoveries that compare pixels with the land of the whole image: clouds that are bright land, and cirrus that
//! passed for land or water.
//!
//! Source: Sen2Cor 2.8; both run only with a land cover map. Of its first test, statistics of large clouds cannot
//! influence the result and are left out (decision 11 in `COMPARE.md`).

use super::SceneClass::{CloudHigh, CloudMedium, NoData, NotVegetated, ThinCirrus, Vegetation, Water};
use super::Thresholds;
use super::error::{ClassifyError, same_shape};
use super::pixel::reflectance;
use super::statistics::Moments;
use crate::grid::Resolution;
use crate::sensor::Band;
use ndarray::{ArrayView2, Zip};
use serde::{Deserialize, Serialize};

/// The bands that these recoveries look at, in the order in which they are handed over.
pub const LAND_BANDS: [Band; 3] = [Band::B8A, Band::B09, Band::B10];

/// Land cover code of water.
const COVER_WATER: u8 = 210;

/// What a part of the image is looked at with; all views have one shape.
#[derive(Clone, Copy, Debug)]
pub struct LandInput<'a> {
    /// Classes and open pixels.
    pub map: ArrayView2<'a, u8>,
    /// The bands of [`LAND_BANDS`] as biased digital numbers.
    pub bands: [ArrayView2<'a, u16>; 3],
    /// Codes of land cover.
    pub land_cover: ArrayView2<'a, u8>,
    /// Elevation of the ground, metres.
    pub elevation_m: Option<ArrayView2<'a, f32>>,
}

/// Statistics of land and clouds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LandSums {
    valid: u64,
    /// B10 over vegetation and bare ground.
    land_b10: Moments,
    /// B09 / B8A over the same.
    land_quotient: Moments,
    /// B10 over clouds of high probability.
    cloud_b10: Moments,
}

/// Below which B10 and B09 / B8A a cloud is bright land.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LandTest {
    b10_max: f32,
    quotient_max: f32,
}

/// Statistics of B10 over bare ground and water.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CirrusSums {
    bare: Moments,
    water: Moments,
}

/// Above which B10 land and water are cirrus; not a number where nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CirrusTest {
    land_b10: f32,
    water_b10: f32,
}

impl LandInput<'_> {
    pub(super) fn check(&self) -> Result<(), ClassifyError> {
        let shape = self.map.dim();
        same_shape(shape, &self.bands.map(|band| band.dim()))?;
        same_shape(shape, &[self.land_cover.dim()])?;
        same_shape(shape, &self.elevation_m.map(|plane| plane.dim()).into_iter().collect::<Vec<_>>())
    }

    /// Values of B10 where the class fits.
    fn b10_where(&self, fits: impl Fn(u8) -> bool + Clone) -> impl Iterator<Item = f32> + Clone {
        let pixels = self.map.iter().zip(&self.bands[2]);
        pixels.filter(move |(class, _)| fits(**class)).map(|(_, b10)| reflectance(*b10))
    }

    fn quotients_of_land(&self) -> impl Iterator<Item = f32> + Clone {
        let pixels = self.map.iter().zip(self.bands[0].iter().zip(&self.bands[1]));
        pixels
            .filter(|(class, _)| is_land(**class))
            .map(|(_, (b8a, b09))| reflectance(*b09) / reflectance(*b8a))
    }
}

fn is_land(class: u8) -> bool {
    class == Vegetation.number() || class == NotVegetated.number()
}

impl LandSums {
    /// The sums over a part of the image.
    ///
    /// # Errors
    /// [`ClassifyError`] if the shapes do not fit together.
    pub fn of(input: &LandInput<'_>) -> Result<Self, ClassifyError> {
        input.check()?;
        Ok(Self {
            valid: input.map.iter().filter(|class| **class != NoData.number()).count() as u64,
            land_b10: Moments::of(input.b10_where(is_land)),
            land_quotient: Moments::of(input.quotients_of_land()),
            cloud_b10: Moments::of(input.b10_where(|class| class == CloudHigh.number())),
        })
    }

    /// The sums over two parts.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            valid: self.valid + other.valid,
            land_b10: self.land_b10.join(other.land_b10),
            land_quotient: self.land_quotient.join(other.land_quotient),
            cloud_b10: self.cloud_b10.join(other.cloud_b10),
        }
    }

    /// The test that follows; `None` where there is too little land.
    pub fn test(&self, grid: Resolution, t: &Thresholds) -> Option<LandTest> {
        let percent = |count: u64| 100.0 * count as f64 / self.valid as f64;
        let land = self.land_b10.count();
        let area_km2 = land as f64 * f64::from(grid.metres()).powi(2) / 1e6;
        if self.valid == 0
            || percent(land) < t.land_share_min_percent.into()
            || area_km2 < t.land_area_min_km2.into()
        {
            return None;
        }
        let (mean, limit) = (self.land_b10.mean(), f64::from(t.land_b10));
        let clouds = percent(self.cloud_b10.count());
        let b10_max = if clouds > t.land_cloud_share_percent.high.into() {
            let cloud = self.cloud_b10.mean() - 2.0 * self.cloud_b10.deviation();
            limit.max(mean.min(cloud)).min(mean)
        } else if clouds < t.land_cloud_share_percent.low.into() {
            mean
        } else {
            limit.min(mean)
        };
        let quotient_max = self.land_quotient.mean() + self.land_quotient.deviation();
        Some(LandTest { b10_max: b10_max as f32, quotient_max: quotient_max as f32 })
    }
}

impl LandTest {
    /// The class of a pixel: bright land that passed for cloud becomes bare ground.
    fn class(self, class: u8, cover: u8, b10: f32, quotient: f32) -> u8 {
        let cloud = class == CloudMedium.number() || class == CloudHigh.number();
        let land = cover != COVER_WATER && b10 < self.b10_max && quotient < self.quotient_max;
        if cloud && land { NotVegetated.number() } else { class }
    }
}

impl CirrusSums {
    /// The sums over a part of the image, whose clouds have been looked at again.
    ///
    /// # Errors
    /// [`ClassifyError`] if the shapes do not fit together.
    pub fn of(input: &LandInput<'_>) -> Result<Self, ClassifyError> {
        input.check()?;
        Ok(Self {
            bare: Moments::of(input.b10_where(|class| class == NotVegetated.number())),
            water: Moments::of(input.b10_where(|class| class == Water.number())),
        })
    }

    /// The sums over two parts.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { bare: self.bare.join(other.bare), water: self.water.join(other.water) }
    }

    /// The test that follows.
    pub fn test(&self, t: &Thresholds) -> CirrusTest {
        let above = |moments: &Moments, times: f64, least: f32| {
            let value = moments.mean() + times * moments.deviation();
            // Not a number stays so.
            let raised = if f64::from(least) > value { least.into() } else { value };
            raised as f32
        };
        CirrusTest {
            land_b10: above(&self.bare, 3.0, t.cirrus_land_b10_min),
            water_b10: above(&self.water, 1.0, t.cirrus_water_b10_min),
        }
    }
}

impl CirrusTest {
    fn class(self, class: u8, b10: f32) -> u8 {
        let land = is_land(class) && b10 > self.land_b10;
        let water = class == Water.number() && b10 > self.water_b10;
        if land || water { ThinCirrus.number() } else { class }
    }
}

/// The map after clouds have been looked at again.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn recover_land(
    input: &LandInput<'_>,
    test: Option<&LandTest>,
) -> Result<ndarray::Array2<u8>, ClassifyError> {
    input.check()?;
    let mut map = input.map.to_owned();
    if let Some(test) = test {
        let [b8a, b09, b10] = &input.bands;
        Zip::from(&mut map).and(input.land_cover).and(b8a).and(b09).and(b10).for_each(
            |class, &cover, b8a, b09, b10| {
                *class = test.class(*class, cover, reflectance(*b10), reflectance(*b09) / reflectance(*b8a));
            },
        );
    }
    Ok(map)
}

/// Finds cirrus that passed for land or water, over low ground.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn recover_cirrus(
    map: &mut ndarray::Array2<u8>,
    input: &LandInput<'_>,
    test: &CirrusTest,
    t: &Thresholds,
) -> Result<(), ClassifyError> {
    input.check()?;
    same_shape(input.map.dim(), &[map.dim()])?;
    let pixels = Zip::from(map).and(input.bands[2]);
    match input.elevation_m {
        None => pixels.for_each(|class, b10| *class = test.class(*class, reflectance(*b10))),
        Some(elevation_m) => pixels.and(elevation_m).for_each(|class, b10, &elevation| {
            let found = test.class(*class, reflectance(*b10));
            *class = if is_low(elevation, t) { found } else { *class };
        }),
    }
    Ok(())
}

/// Whether thin cirrus can be told from the ground at this elevation. The original has it in whole metres. Without an
/// elevation it can.
#[inline(always)]
pub(super) fn is_low(elevation_m: f32, t: &Thresholds) -> bool {
    (elevation_m + 0.5 < t.cirrus_elevation_max_m.ceil()) | elevation_m.is_nan()
}
