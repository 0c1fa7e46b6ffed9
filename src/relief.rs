//! The ground of a run: whether it counts as flat, how high it is, and what the correction needs of its slopes.
//!
//! Without an elevation model it is level ground of one elevation. With one, the ground is measured on the grid of the
//! classification where there are data; if it is flat its mean elevation holds everywhere, else every grid gets its own
//! elevation and slopes.

use crate::auxiliary::{Auxiliary, Elevation};
use crate::error::Error;
use crate::options::TerrainOptions;
use crate::recipe::Job;
use crate::stages::atmosphere::MapSource;
use crate::stages::relief::{
    CoarsenElevation, LightGround, LightParams, MarkLargeClouds, MeasureParams, MeasureRelief, ReliefSums,
};
use sen2cor_core::angles::Direction;
use sen2cor_core::grid::{Resolution, Tiling};
use sen2cor_core::reflectance::{Brdf, Model, Relief, SlopeLight};
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, Need, PlaneHandle, PlaneSpec, Ready, Value};
use std::collections::BTreeMap;

/// Highest number of elevations at which a table is evaluated.
const MOST_NODES: usize = 16;

/// Distance of the elevations at which a table is evaluated, km: that of the tables of the original, which are linear between.
const NODE_STEP_KM: f64 = 0.5;

/// How far beyond lowest and highest ground a table reaches, km, so that slopes over elevation have two sides.
const BEYOND_KM: f64 = 0.1;

/// The ground where there are data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ground {
    /// Whether it counts as sloping.
    pub(crate) rugged: bool,
    /// Lowest, mean and highest, km.
    pub(crate) elevation_km: (f64, f64, f64),
    /// Share of steep pixels.
    pub(crate) steep_share: f64,
    /// Highest that the tables are asked for, km.
    highest_km: f64,
}

impl Ground {
    fn of(parts: &[ReliefSums], options: &TerrainOptions, highest_km: f64) -> Self {
        let sums = parts.iter().fold(ReliefSums::NONE, ReliefSums::join);
        if sums.pixels == 0 {
            return Self { rugged: false, elevation_km: (0.0, 0.0, 0.0), steep_share: 0.0, highest_km };
        }
        let (low, high) = (f64::from(sums.range_m.0), f64::from(sums.range_m.1));
        let steep_share = sums.steep as f64 / sums.pixels as f64;
        let flat = high - low < options.relief_threshold_m && steep_share < options.steep_share_threshold;
        let mean = sums.sum_m / sums.pixels as f64;
        Self { rugged: !flat, elevation_km: (low / 1e3, mean / 1e3, high / 1e3), steep_share, highest_km }
    }

    fn limited(&self, km: f64) -> f64 {
        km.clamp(0.0, self.highest_km)
    }

    /// Whether the tables do not reach all of it.
    pub(crate) fn is_beyond(&self) -> bool {
        self.elevation_km.2 > self.highest_km || self.elevation_km.0 < -0.05
    }

    /// Mean as the tables are asked for it, km.
    pub(crate) fn mean_km(&self) -> f64 {
        self.limited(self.elevation_km.1)
    }

    /// The elevations at which a table is evaluated, km.
    fn nodes_km(&self) -> Vec<f64> {
        if !self.rugged {
            return vec![self.mean_km()];
        }
        let low = self.limited(self.elevation_km.0 - BEYOND_KM);
        let high = self.limited(self.elevation_km.2 + BEYOND_KM);
        let inner =
            (0..MOST_NODES).map(|i| i as f64 * NODE_STEP_KM).filter(|km| (low + 1e-6..high).contains(km));
        let nodes: Vec<f64> = std::iter::once(low).chain(inner).chain((high > low).then_some(high)).collect();
        nodes
    }
}

/// The elevation of the ground as tables and retrievals need it.
#[derive(Clone, Copy)]
pub(crate) enum ElevationMap {
    /// The same everywhere, km.
    Level(f64),
    /// A plane of the 60 m grid, km, which counts if the ground is rugged, else its mean.
    Model(PlaneHandle, Value<Ground>),
}

impl ElevationMap {
    pub(crate) fn needs(self) -> Option<Need> {
        self.ground().map(Need::from)
    }

    pub(crate) fn ground(self) -> Option<Value<Ground>> {
        match self {
            Self::Level(_) => None,
            Self::Model(_, ground) => Some(ground),
        }
    }

    pub(crate) fn plane(self) -> Option<PlaneHandle> {
        match self {
            Self::Level(_) => None,
            Self::Model(plane, _) => Some(plane),
        }
    }

    /// Where a kernel finds it.
    pub(crate) fn source(self, ready: &Ready<'_>) -> Result<MapSource, Error> {
        Ok(match self {
            Self::Level(km) => MapSource::Constant(km as f32),
            Self::Model(_, ground) => match ready.get(ground)? {
                Ground { rugged: true, .. } => MapSource::Table,
                flat => MapSource::Constant(flat.mean_km() as f32),
            },
        })
    }

    pub(crate) fn mean_km(self, ready: &Ready<'_>) -> Result<f64, Error> {
        Ok(match self {
            Self::Level(km) => km,
            Self::Model(_, ground) => ready.get(ground)?.mean_km(),
        })
    }

    pub(crate) fn nodes_km(self, ready: &Ready<'_>) -> Result<Vec<f64>, Error> {
        Ok(match self {
            Self::Level(km) => vec![km],
            Self::Model(_, ground) => ready.get(ground)?.nodes_km(),
        })
    }

    /// Most nodes that there can be.
    pub(crate) fn most_nodes(self) -> usize {
        if self.plane().is_some() { MOST_NODES } else { 1 }
    }
}

/// What the correction of a grid reads of the ground.
#[derive(Clone, Copy)]
pub(crate) struct GridGround {
    /// Elevation, metres.
    pub(crate) elevation_m: PlaneHandle,
    /// Large clouds on the grid of the class map.
    pub(crate) level: PlaneHandle,
    /// Where mountains let the sun through, in model `physical`.
    pub(crate) lit: Option<PlaneHandle>,
}

/// The shape of the ground in the making.
pub(crate) struct Terrain<'a> {
    job: &'a Job<'a>,
    tiling: Tiling,
    pub(crate) map: ElevationMap,
    grids: BTreeMap<Resolution, GridGround>,
    large_clouds: Option<PlaneHandle>,
}

impl<'a> Terrain<'a> {
    /// Declares the measuring of the ground from the elevation on the grid of the class map.
    pub(crate) fn declare(
        flow: &mut Flow<'_, Error>,
        (job, tiling): (&'a Job<'a>, Tiling),
        (elevation, class): (Option<Elevation>, PlaneHandle),
        grid: Resolution,
    ) -> Self {
        let level = ElevationMap::Level(job.atmosphere.elevation_km());
        let mut terrain = Self { job, tiling, map: level, grids: BTreeMap::new(), large_clouds: None };
        let Some(elevation) = elevation else { return terrain };
        let highest_km = job.atmosphere.highest_km();
        let measured = flow
            .stage::<MeasureRelief>(format!("relief: measure at {grid}"), tiling)
            .inputs([elevation.plane, class])
            .run(MeasureParams { resolution: grid, steep_deg: job.terrain.slope_threshold_deg as f32 });
        let options = job.terrain.clone();
        let ground = flow.step("relief: flat or not", &[measured.into()], move |ready| {
            Ok(Ground::of(ready.get(measured)?, &options, highest_km))
        });
        let mut stage =
            flow.stage::<CoarsenElevation>("relief: elevation in km", tiling).input(elevation.plane);
        let km = stage.output(PlaneSpec::grid::<f32>(job.extent, Resolution::R60));
        stage.run(highest_km as f32);
        terrain.map = ElevationMap::Model(km, ground);
        let mut stage =
            flow.stage::<MarkLargeClouds>("relief: large clouds", Tiling::whole(job.extent)).input(class);
        let clouds = stage.output(PlaneSpec::grid::<u8>(job.extent, grid));
        stage.run(grid);
        terrain.large_clouds = Some(clouds);
        terrain.add(flow, elevation.plane, grid);
        terrain
    }

    fn add(&mut self, flow: &mut Flow<'_, Error>, elevation_m: PlaneHandle, grid: Resolution) {
        let (Some(ground), Some(level)) = (self.map.ground(), self.large_clouds) else { return };
        let lit = self.has_shadows().then(|| {
            let mut stage = flow
                .stage::<LightGround>(format!("relief: cast shadow at {grid}"), self.tiling)
                .input(elevation_m);
            let lit = stage.output(PlaneSpec::grid::<u8>(self.job.extent, grid));
            let sun = self.sun();
            stage.run_with(&[ground.into()], move |ready| {
                let ground = ready.get(ground)?;
                let metres = |km: f64| (km * 1e3) as f32;
                let (low, _, high) = ground.elevation_km;
                let range_m = ground.rugged.then_some((metres(low), metres(high)));
                Ok(Some(LightParams { resolution: grid, sun, range_m }))
            });
            lit
        });
        self.grids.insert(grid, GridGround { elevation_m, level, lit });
    }

    /// What there is of the ground on a grid, made if it is not there yet; `None` without an elevation model.
    pub(crate) fn on_grid(&mut self, flow: &mut Flow<'_, Error>, grid: Resolution) -> Option<GridGround> {
        self.map.plane()?;
        if !self.grids.contains_key(&grid) {
            let elevation = self.job.auxiliary.elevation(flow, self.tiling, grid)?;
            self.add(flow, elevation.plane, grid);
        }
        self.grids.get(&grid).copied()
    }

    fn has_shadows(&self) -> bool {
        self.job.terrain.terrain_correction && self.job.atmosphere.model() == Model::Physical
    }

    fn sun(&self) -> Direction {
        self.job.auxiliary.sun.unwrap_or(self.job.tile.metadata.mean_sun)
    }

    /// How a band is corrected on sloping ground.
    pub(crate) fn relief(&self, band: Band, grid: Resolution) -> Relief {
        let (options, model) = (&self.job.terrain, self.job.atmosphere.model());
        let sun_azimuth_deg = self.sun().azimuth_deg as f32;
        let most = if model == Model::Sen2cor { 1 } else { u32::MAX };
        let relief = Relief {
            smoothing_radius: smoothing_radius(&self.job.auxiliary, grid),
            neighbourhood_radius: neighbourhood_radius(options.terrain_range_km, grid),
            start_reflectance: options.terrain_start_reflectance as f32,
            iterations: options.terrain_iterations.min(most) as u8,
            cutoff: options.terrain_cutoff as f32,
            brdf: Brdf::of_code(
                options.brdf_correction,
                options.brdf_lower_bound as f32,
                band.wavelength_um() as f32,
            ),
            highest_km: self.job.atmosphere.highest_km() as f32,
            ..Relief::of_model(model, sun_azimuth_deg)
        };
        if options.terrain_correction { relief } else { relief.leveled() }
    }

    /// How slopes are lit where aerosol is looked for; `None` if they do not count.
    pub(crate) fn slope_light(&self) -> Option<SlopeLight> {
        let relief = self.relief(Band::B04, Resolution::R60);
        (self.map.plane().is_some() && !relief.level).then_some(SlopeLight {
            sun_azimuth_deg: relief.sun_azimuth_deg,
            smoothing_radius: relief.smoothing_radius,
            start_reflectance: relief.start_reflectance,
            least_cosine: relief.least_cosine,
        })
    }
}

/// Radius of the box over which the illumination of a 30 m elevation model is smoothed, pixels.
fn smoothing_radius(auxiliary: &Auxiliary, grid: Resolution) -> usize {
    const ABOUT_30_M: std::ops::Range<f64> = 15.0..45.0;
    if !auxiliary.elevation_sample_m().is_some_and(|metres| ABOUT_30_M.contains(&metres)) {
        return 0;
    }
    match grid {
        Resolution::R10 => 4,
        Resolution::R20 => 2,
        Resolution::R60 => 1,
    }
}

/// Radius of the box of opposite slopes, pixels; at least 3 unless there is none.
fn neighbourhood_radius(km: f64, grid: Resolution) -> usize {
    if km <= 0.0 { 0 } else { ((km * 1000.0 / f64::from(grid.metres())) as usize).max(3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(range_m: (f32, f32), steep: u64) -> Ground {
        let sums = ReliefSums { pixels: 1000, steep, sum_m: 400_000.0, range_m };
        Ground::of(&[sums, ReliefSums::NONE], &TerrainOptions::default(), 3.5)
    }

    #[test]
    fn ground_is_flat_only_if_both_limits_hold() {
        assert!(!ground((390.0, 439.0), 9).rugged);
        assert!(ground((390.0, 440.0), 9).rugged);
        assert!(ground((390.0, 439.0), 10).rugged);
        assert_eq!(ground((390.0, 410.0), 0).nodes_km(), [0.4]);
    }

    #[test]
    fn tables_reach_beyond_the_ground_within_their_limits() {
        assert_eq!(ground((50.0, 1250.0), 100).nodes_km(), [0.0, 0.5, 1.0, 1.35]);
        let high = ground((3000.0, 4800.0), 100);
        assert_eq!(high.nodes_km(), [2.9, 3.0, 3.5]);
        assert!(high.is_beyond() && !ground((0.0, 3500.0), 100).is_beyond());
        assert!(ground((0.0, 8800.0), 100).nodes_km().len() <= MOST_NODES);
    }

    #[test]
    fn opposite_slopes_are_half_a_kilometre_away() {
        let radius = |grid| neighbourhood_radius(0.5, grid);
        assert_eq!([Resolution::R10, Resolution::R20, Resolution::R60].map(radius), [50, 25, 8]);
        assert_eq!(neighbourhood_radius(0.0, Resolution::R20), 0);
    }
}
