//! The whole classification of a scene that is at hand as arrays: all steps, one after the other.
//!
//! A run on blocks calls the same functions stage by stage; this is the short way, and it shows their order.

use super::error::ClassifyError;
use super::{
    CirrusSums, ClassCounts, ConditionSums, DetectInput, Detected, LAND_BANDS, LandInput, LandSums,
    RECOVERY_BANDS, RecoverInput, SHADOW_BANDS, ShadowInput, ShadowLine, Thresholds, cast_shadows,
    detect_block, finish_block, recover_block, recover_cirrus, recover_land, recover_towns,
};
use crate::angles::Direction;
use crate::classify::detect::BANDS;
use crate::grid::{Resolution, Window};
use crate::sensor::Band;
use ndarray::{Array2, ArrayView2};

/// A scene.
#[derive(Clone, Copy, Debug)]
pub struct SceneInput<'a> {
    /// The bands of [`BANDS`] as biased digital numbers on one grid.
    pub bands: [ArrayView2<'a, u16>; 12],
    /// 20 or 60 m.
    pub grid: Resolution,
    /// Mean direction of the sun.
    pub sun: Direction,
    /// Whether the climatology allows snow. Without climatology it does.
    pub snow_possible: bool,
    /// What is known of the ground.
    pub ground: Ground<'a>,
    /// Pixels that are saturated or defective are not 0.
    pub defective: Option<ArrayView2<'a, u8>>,
}

/// What maps from outside say of the ground, on the grid of the scene; each may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ground<'a> {
    /// Elevation, metres.
    pub elevation_m: Option<ArrayView2<'a, f32>>,
    /// Slope, degrees.
    pub slope_deg: Option<ArrayView2<'a, f32>>,
    /// Hillshade: 0 no data, else 1 (in the shade) to 255 (facing the sun).
    pub hillshade: Option<ArrayView2<'a, u8>>,
    /// Water body map; 2 is water.
    pub water_bodies: Option<ArrayView2<'a, u8>>,
    /// Land cover codes; 190 is built-up, 200 to 202 bare, 210 water.
    pub land_cover: Option<ArrayView2<'a, u8>>,
    /// Snow condition, percent; 254 is water, 255 unknown.
    pub snow_condition: Option<ArrayView2<'a, u8>>,
}

/// A classified scene.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneMaps {
    /// Class numbers.
    pub class: Array2<u8>,
    /// Cloud confidence, percent.
    pub cloud: Array2<u8>,
    /// Snow confidence, percent.
    pub snow: Array2<u8>,
    /// Number of pixels by class.
    pub counts: ClassCounts,
}

impl<'a> SceneInput<'a> {
    fn bands_of<const N: usize>(&self, names: [Band; N]) -> [ArrayView2<'a, u16>; N] {
        names.map(|name| self.bands[BANDS.iter().position(|band| *band == name).unwrap_or(0)])
    }

    fn land_input<'b>(&'b self, map: &'b Array2<u8>, land_cover: ArrayView2<'b, u8>) -> LandInput<'b> {
        let elevation_m = self.ground.elevation_m;
        LandInput { map: map.view(), bands: self.bands_of(LAND_BANDS), land_cover, elevation_m }
    }
}

/// Classifies a scene. Runs on blocks give the same bits.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn classify_scene(input: &SceneInput<'_>, t: &Thresholds) -> Result<SceneMaps, ClassifyError> {
    let shape = input.bands[0].dim();
    let [mut map, mut clues, mut cloud, mut snow] = [(); 4].map(|()| Array2::<u8>::zeros(shape));
    let detected = Detected {
        map: map.view_mut(),
        clues: clues.view_mut(),
        cloud: cloud.view_mut(),
        snow: snow.view_mut(),
    };
    let snow_condition =
        input.ground.snow_condition.filter(|layer| ConditionSums::of(layer.iter().copied()).is_used());
    let detection = DetectInput {
        bands: input.bands,
        inner: (0, 0),
        snow_possible: input.snow_possible,
        elevation_m: input.ground.elevation_m,
        snow_condition,
    };
    detect_block(&detection, t, detected)?;
    let map = shadows(input, t, (&map, &clues))?;
    let map = recoveries(input, t, map)?;
    let mut class = clues;
    let defective: Vec<_> = input.defective.into_iter().collect();
    let counts = finish_block(map.view(), &defective, class.view_mut())?;
    Ok(SceneMaps { class, cloud, snow, counts })
}

fn shadows(
    input: &SceneInput<'_>,
    t: &Thresholds,
    (map, clues): (&Array2<u8>, &Array2<u8>),
) -> Result<Array2<u8>, ClassifyError> {
    let (rows, cols) = map.dim();
    let whole = Window { row: 0, col: 0, rows, cols };
    let shadow_input = ShadowInput {
        map: map.view(),
        clues: clues.view(),
        bands: input.bands_of(SHADOW_BANDS),
        view: whole,
        block: whole,
        image: (rows, cols),
    };
    let mut shaded = Array2::zeros((rows, cols));
    cast_shadows(&shadow_input, &ShadowLine::new(input.sun, input.grid), t, shaded.view_mut())?;
    Ok(shaded)
}

fn recoveries(input: &SceneInput<'_>, t: &Thresholds, map: Array2<u8>) -> Result<Array2<u8>, ClassifyError> {
    let mut recovered = Array2::zeros(map.dim());
    let recover_input = RecoverInput {
        map: map.view(),
        bands: input.bands_of(RECOVERY_BANDS),
        inner: (0, 0),
        slope_deg: input.ground.slope_deg,
        hillshade: input.ground.hillshade,
        water_bodies: input.ground.water_bodies,
    };
    recover_block(&recover_input, t, recovered.view_mut())?;
    let Some(land_cover) = input.ground.land_cover else { return Ok(recovered) };
    let test = LandSums::of(&input.land_input(&recovered, land_cover))?.test(input.grid, t);
    let mut map = recover_land(&input.land_input(&recovered, land_cover), test.as_ref())?;
    let land = map.clone();
    let after = input.land_input(&land, land_cover);
    recover_cirrus(&mut map, &after, &CirrusSums::of(&after)?.test(t), t)?;
    recover_towns(map.view_mut(), land_cover, t)?;
    Ok(map)
}
