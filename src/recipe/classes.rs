//! The stages of the scene classification.
//!
//! ```text
//! detect                  clouds, snow, land, water, cirrus; clues for what follows
//! shadow                  cloud shadows
//! recover                 second looks at open and dark pixels
//! with a land cover map:
//!   land, cirrus: sums    statistics of the whole image, over strips of a fixed height
//!   land                  bright land, missed cirrus, clear towns; one unit, as blobs reach over the whole image
//! finish                  classes and their counts
//! filter                  only on request: the median of the written map
//! ```

use super::{Bands, Job, Scene};
use crate::error::Error;
use crate::stages::classify::{
    CastShadows, DetectClasses, DetectParams, FilterClasses, FilterParams, FinishClasses, LandParams,
    MarkSaturated, RecoverByLandCover, RecoverClasses, RecoverParams, SaturatedParams, ShadowParams,
    SumCirrus, SumLand, SumSnowCondition,
};
use sen2cor_core::classify::{CirrusSums, ConditionSums, LAND_BANDS, LandSums, RECOVERY_BANDS, SHADOW_BANDS};
use sen2cor_core::grid::{Resolution, Tiling};
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, Kernel, PlaneHandle, PlaneSpec, Value};

/// Height of the strips over which statistics are taken, cells. Their sums are joined in order, so that they, and with
/// them the map, do not depend on the size of blocks.
const STRIP_CELLS: u32 = 600;

/// What is known of the ground and of the image, on the grid of the classification. All of it may be missing; each layer
/// works alone (decision 5 in `COMPARE.md`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SceneLayers {
    /// Elevation, metres, `f32`.
    pub(crate) elevation_m: Option<PlaneHandle>,
    /// Slope, degrees, `f32`.
    pub(crate) slope_deg: Option<PlaneHandle>,
    /// Hillshade, `u8`: 0 no data, else 1 (in the shade) to 255 (facing the sun).
    pub(crate) hillshade: Option<PlaneHandle>,
    /// Water body map, `u8`; 2 is water.
    pub(crate) water_bodies: Option<PlaneHandle>,
    /// Land cover codes, `u8`; 190 is built-up, 200 to 202 bare, 210 water.
    pub(crate) land_cover: Option<PlaneHandle>,
    /// Snow condition of the week, `u8`, percent; 254 is water, 255 unknown.
    pub(crate) snow_condition: Option<PlaneHandle>,
    /// Not 0 where the quality masks of the input find a band saturated or defective, `u8`.
    pub(crate) defective: Option<PlaneHandle>,
    /// Whether the snow climatology allows snow in this place. Without one it does (decision 27).
    pub(crate) snow_possible: bool,
}

impl Default for SceneLayers {
    /// Nothing is known.
    fn default() -> Self {
        Self {
            elevation_m: None,
            slope_deg: None,
            hillshade: None,
            water_bodies: None,
            land_cover: None,
            snow_condition: None,
            defective: None,
            snow_possible: true,
        }
    }
}

/// The classification of one grid in the making.
pub(super) struct Classes<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) tiling: Tiling,
    /// The twelve bands on the grid.
    pub(super) bands: &'a Bands,
    /// The bands, on their own grids, whose images can hold the value that says "saturated".
    pub(super) saturable: Bands,
    pub(super) layers: SceneLayers,
    pub(super) grid: Resolution,
}

impl Classes<'_> {
    /// Declares all stages.
    pub(super) fn declare(&self, flow: &mut Flow<'_, Error>) -> Scene {
        let detected = self.detect(flow);
        let map = self.cast_shadows(flow, &detected);
        let map = self.recover(flow, map);
        let map = match self.layers.land_cover {
            Some(land_cover) => self.recover_by_land_cover(flow, map, land_cover),
            None => map,
        };
        let saturated = self.saturated(flow);
        let (class, counts) = self.finish(flow, map, saturated);
        let written = self.filter(flow, class);
        Scene { class, written, cloud: detected.cloud, snow: detected.snow, counts }
    }

    fn plane(&self) -> PlaneSpec {
        PlaneSpec::grid::<u8>(self.job.extent, self.grid)
    }

    fn label(&self, what: &str) -> String {
        format!("classify at {}: {what}", self.grid)
    }

    /// Tiling of the statistics.
    fn strips(&self) -> Tiling {
        Tiling::new(self.job.extent, STRIP_CELLS, self.job.extent.cols)
    }

    fn bands_of(&self, names: &[Band]) -> Vec<PlaneHandle> {
        names.iter().filter_map(|name| self.bands.get(name).copied()).collect()
    }

    fn detect(&self, flow: &mut Flow<'_, Error>) -> DetectedPlanes {
        let condition = self.layers.snow_condition.map(|layer| {
            flow.stage::<SumSnowCondition>(self.label("snow condition"), self.strips()).input(layer).run(())
        });
        let mut stage = flow
            .stage::<DetectClasses>(self.label("detect"), self.tiling)
            .inputs(self.bands.values().copied())
            .inputs(self.layers.elevation_m)
            .inputs(self.layers.snow_condition);
        let mut output = || stage.output(self.plane());
        let planes = DetectedPlanes { map: output(), clues: output(), cloud: output(), snow: output() };
        let params = DetectParams {
            thresholds: self.job.thresholds.clone(),
            grid: self.grid,
            snow_possible: self.layers.snow_possible,
            elevation: self.layers.elevation_m.is_some(),
            snow_condition: condition.map(|_| false),
        };
        let stage = stage.reach_m(DetectClasses::halo_m(&params));
        let needs: Vec<_> = condition.iter().map(|sums| (*sums).into()).collect();
        stage.run_with(&needs, move |ready| {
            let mut params = params;
            if let Some(sums) = condition {
                let parts = ready.get(sums)?.iter().copied();
                let sums = parts.fold(ConditionSums::default(), ConditionSums::join);
                params.snow_condition = Some(sums.is_used());
            }
            Ok(Some(params))
        });
        planes
    }

    fn cast_shadows(&self, flow: &mut Flow<'_, Error>, detected: &DetectedPlanes) -> PlaneHandle {
        let mut stage = flow
            .stage::<CastShadows>(self.label("shadow"), self.tiling)
            .inputs([detected.map, detected.clues])
            .inputs(self.bands_of(&SHADOW_BANDS));
        let output = stage.output(self.plane());
        let sun = self.job.tile.metadata.mean_sun;
        stage.run(ShadowParams { thresholds: self.job.thresholds.clone(), grid: self.grid, sun });
        output
    }

    fn recover(&self, flow: &mut Flow<'_, Error>, map: PlaneHandle) -> PlaneHandle {
        let layers = &self.layers;
        let mut stage = flow
            .stage::<RecoverClasses>(self.label("recover"), self.tiling)
            .input(map)
            .inputs(self.bands_of(&RECOVERY_BANDS))
            .inputs(layers.slope_deg)
            .inputs(layers.hillshade)
            .inputs(layers.water_bodies);
        let output = stage.output(self.plane());
        stage.run(RecoverParams {
            thresholds: self.job.thresholds.clone(),
            grid: self.grid,
            slope: layers.slope_deg.is_some(),
            hillshade: layers.hillshade.is_some(),
            water_bodies: layers.water_bodies.is_some(),
        });
        output
    }

    fn recover_by_land_cover(
        &self,
        flow: &mut Flow<'_, Error>,
        map: PlaneHandle,
        land_cover: PlaneHandle,
    ) -> PlaneHandle {
        let inputs: Vec<_> =
            [map].into_iter().chain(self.bands_of(&LAND_BANDS)).chain([land_cover]).collect();
        let (grid, thresholds) = (self.grid, self.job.thresholds.clone());
        let sums = flow
            .stage::<SumLand>(self.label("land: sums"), self.strips())
            .inputs(inputs.iter().copied())
            .run(());
        let limits = thresholds.clone();
        let land = flow.step(self.label("land: test"), &[sums.into()], move |ready| {
            let sums = ready.get(sums)?.iter().copied().fold(LandSums::default(), LandSums::join);
            Ok(sums.test(grid, &limits))
        });
        let sums = flow
            .stage::<SumCirrus>(self.label("cirrus: sums"), self.strips())
            .inputs(inputs.iter().copied())
            .run_with(&[land.into()], move |ready| Ok(Some(*ready.get(land)?)));
        let mut stage = flow
            .stage::<RecoverByLandCover>(self.label("land"), Tiling::whole(self.job.extent))
            .inputs(inputs)
            .inputs(self.layers.elevation_m);
        let output = stage.output(self.plane());
        let elevation = self.layers.elevation_m.is_some();
        stage.run_with(&[land.into(), sums.into()], move |ready| {
            let sums = ready.get(sums)?.iter().copied().fold(CirrusSums::default(), CirrusSums::join);
            let cirrus = sums.test(&thresholds);
            Ok(Some(LandParams { land: *ready.get(land)?, cirrus, elevation, thresholds }))
        });
        output
    }

    /// Where stored values say "saturated"; nothing if no image can hold that value.
    fn saturated(&self, flow: &mut Flow<'_, Error>) -> Option<PlaneHandle> {
        if self.saturable.is_empty() || !self.job.quality_masks {
            return None;
        }
        let mut stage = flow
            .stage::<MarkSaturated>(self.label("saturated"), self.tiling)
            .inputs(self.saturable.values().copied());
        let output = stage.output(self.plane());
        let from = self.saturable.keys().map(|band| band.native_resolution()).collect();
        stage.run(SaturatedParams { from, to: self.grid });
        Some(output)
    }

    fn finish(
        &self,
        flow: &mut Flow<'_, Error>,
        map: PlaneHandle,
        saturated: Option<PlaneHandle>,
    ) -> (PlaneHandle, Value<Vec<sen2cor_core::classify::ClassCounts>>) {
        let masks = [self.layers.defective, saturated].into_iter().flatten();
        let masks = masks.filter(|_| self.job.quality_masks);
        let mut stage =
            flow.stage::<FinishClasses>(self.label("finish"), self.tiling).input(map).inputs(masks);
        let class = stage.output(self.plane());
        let counts = stage.run(());
        (class, self.job.class_counts(flow, class, counts))
    }

    /// The map that is written: filtered on request. Counts and later steps use the unfiltered one.
    fn filter(&self, flow: &mut Flow<'_, Error>, class: PlaneHandle) -> PlaneHandle {
        let width_px = self.job.median_filter_px;
        if width_px < 2 {
            return class;
        }
        let mut stage = flow.stage::<FilterClasses>(self.label("filter"), self.tiling).input(class);
        let output = stage.output(self.plane());
        stage.run(FilterParams { grid: self.grid, width_px });
        output
    }
}

struct DetectedPlanes {
    map: PlaneHandle,
    clues: PlaneHandle,
    cloud: PlaneHandle,
    snow: PlaneHandle,
}
