//! Water vapour, and maps that follow from the elevation.

use super::{Retrieval, WATER_NODES_CM};
use crate::aerosol_result::AerosolResult;
use crate::air::Map;
use crate::error::Error;
use crate::stages::atmosphere::{MapSource, MapSources};
use crate::stages::relief::{MapOfElevation, OfElevation, OfElevationParams};
use crate::stages::water::{FinishWater, RetrieveWater, RetrieveWaterParams};
use sen2cor_core::filter::odd;
use sen2cor_core::grid::Resolution::R60;
use sen2cor_core::reflectance::Model;
use sen2cor_core::sensor::Band;
use sen2cor_core::water_vapour::{Finish, WaterSums};
use sen2cor_exec::{Flow, Need, PlaneHandle, PlaneSpec, Value};

impl Retrieval<'_> {
    /// Column of water vapour with which aerosol is retrieved, cm.
    pub(super) fn first_water(&self, flow: &mut Flow<'_, Error>) -> Value<f64> {
        let atmosphere = &self.job.atmosphere;
        let given = atmosphere.water_vapour_cm;
        if !atmosphere.retrieves_water() || atmosphere.model() == Model::Sen2cor {
            let (elevation, atmosphere) = (self.terrain.map, atmosphere.clone());
            let needs: Vec<Need> = elevation.needs().into_iter().collect();
            return flow.step("retrieve: water vapour to begin with", &needs, move |ready| {
                Ok(atmosphere.assumed_water_cm(elevation.mean_km(ready)?))
            });
        }
        let result = AerosolResult::given(atmosphere.first_aerosol());
        let assumed = flow.step("retrieve: aerosol to begin with", &[], move |_| Ok(result));
        let found =
            self.water(flow, Map::Constant(atmosphere.load.value), assumed, "water vapour to begin with");
        flow.step("retrieve: median water vapour", &[found.1.into()], move |ready| {
            Ok(WaterSums::total(ready.get(found.1)?).median_cm().unwrap_or(given))
        })
    }

    /// Columns of water vapour as found.
    pub(super) fn water(
        &self,
        flow: &mut Flow<'_, Error>,
        load: Map,
        aerosol: Value<AerosolResult>,
        what: &str,
    ) -> (PlaneHandle, Value<Vec<WaterSums>>) {
        let atmosphere = &self.job.atmosphere;
        // The bands hardly depend on the type of the aerosol, so that the table need not wait for it.
        let tables = [Band::B8A, Band::B09]
            .map(|band| self.table(flow, band, atmosphere.first_aerosol(), None, &WATER_NODES_CM));
        let (b8a, b09) = (self.coarse[&Band::B8A], self.coarse[&Band::B09]);
        let mut stage = flow
            .stage::<RetrieveWater>(format!("retrieve {what}"), self.tiling)
            .inputs([b8a, b09, self.class])
            .table(tables[0].1)
            .table(tables[1].1);
        let elevation = self.terrain.map;
        for plane in load.plane().into_iter().chain(elevation.plane()) {
            stage = stage.table(plane);
        }
        let output = stage.output(PlaneSpec::grid::<f32>(self.job.extent, R60));
        let by_row = atmosphere.water_by_row();
        let needs: Vec<Need> = [tables[0].0.into(), tables[1].0.into(), aerosol.into()]
            .into_iter()
            .chain(elevation.needs())
            .collect();
        let sums = stage.run_with(&needs, move |ready| {
            let maps = MapSources {
                load: load.source(),
                water_cm: MapSource::Constant(0.0),
                elevation_km: elevation.source(ready)?,
            };
            let axes = [ready.get(tables[0].0)?.clone(), ready.get(tables[1].0)?.clone()];
            Ok(Some(RetrieveWaterParams { axes, maps, by_row }))
        });
        (output, sums)
    }

    pub(super) fn finish_water(
        &self,
        flow: &mut Flow<'_, Error>,
        (found, sums): (PlaneHandle, Value<Vec<WaterSums>>),
    ) -> Map {
        let options = &self.job.atmosphere.retrieval;
        let assumed_cm = self.job.atmosphere.water_vapour_cm;
        let physical = self.job.atmosphere.model() == Model::Physical;
        let (mask, radius) = (options.water_vapour_mask, odd(options.water_vapour_smoothing_m / 60.0) / 2);
        let mut stage = flow.stage::<FinishWater>("retrieve water vapour: map", self.tiling).input(found);
        let plane = stage.output(PlaneSpec::grid::<f32>(self.job.extent, R60));
        let range = stage.run_with(&[sums.into()], move |ready| {
            let total = WaterSums::total(ready.get(sums)?);
            // The original takes the mean, which thin clouds and edges move more than the median.
            let middle_cm = if physical { total.median_cm() } else { total.mean_cm() };
            let otherwise_cm = middle_cm.unwrap_or(assumed_cm) as f32;
            let rows_cm = total.row_means_cm(otherwise_cm);
            Ok(Some(Finish { mask, otherwise_cm, rows_cm, radius, fenced: physical }))
        });
        Map::Plane(plane, range)
    }

    /// A map that follows from the elevation; on level ground without an elevation model a constant.
    pub(super) fn of_elevation(
        &self,
        flow: &mut Flow<'_, Error>,
        label: &str,
        what: OfElevation,
        on_level_ground: f64,
    ) -> Map {
        let elevation = self.terrain.map;
        let (Some(plane), Some(ground)) = (elevation.plane(), elevation.needs()) else {
            return Map::Constant(on_level_ground);
        };
        let mut stage =
            flow.stage::<MapOfElevation>(format!("retrieve: {label} by elevation"), self.tiling).table(plane);
        let map = stage.output(PlaneSpec::grid::<f32>(self.job.extent, R60));
        let range = stage.run_with(&[ground], move |ready| {
            Ok(Some(OfElevationParams { what, elevation_km: elevation.source(ready)? }))
        });
        Map::Plane(map, range)
    }
}
