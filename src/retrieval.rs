//! The retrieval of aerosol and water vapour, top to bottom.
//!
//! ```text
//! water vapour, first     with the aerosol that is assumed (model physical; B12 depends on it)
//! dark pixels             vegetation that is dark in B12, three thresholds at once
//! aerosol                 load of each dark pixel; for both types if the type is not given
//! ladder                  share of negative pixels for ever clearer air
//! spread                  map of the 60 m grid
//! water vapour            with that aerosol
//! ```

mod water;

use crate::aerosol_result::{AerosolMethod, AerosolResult, choose};
use crate::air::{Air, Map, MapRange, tabulate};
use crate::error::Error;
use crate::recipe::{Bands, Job};
use crate::relief::Terrain;
use crate::stages::aerosol::{
    CountRungs, CountRungsParams, DarkFound, FindDark, FindDarkParams, InvertDark, InvertDarkParams,
    MarkDark, SpreadLoad, SpreadParams,
};
use crate::stages::relief::OfElevation;
use crate::stages::resample::BlockMean;
use crate::stages::water::Surroundings;

use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::aerosol::dark::DarkCounts;
use sen2cor_core::aerosol::invert::{DarkRatios, DarkSums};
use sen2cor_core::aerosol::ladder::{Rung, climb, rungs_km};
use sen2cor_core::aerosol::spread::Spread;
use sen2cor_core::cells::{CellAxes, WaterAxis};
use sen2cor_core::filter::odd;
use sen2cor_core::grid::{Resolution, Tiling};
use sen2cor_core::reflectance::Model;
use sen2cor_core::resample::Factor;
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, Need, PlaneHandle, PlaneSpec, Ready, Value};
use std::collections::BTreeMap;

use Resolution::R60;

/// Columns of water vapour that are tried, cm.
const WATER_NODES_CM: [f64; 11] = [0.0, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0];

/// Visibility with which dark pixels are looked for, km.
const SEARCH_KM: f64 = 23.0;

/// Radius of the surroundings on the 60 m grid per km of range.
fn surroundings_radius(km: f64) -> usize {
    odd(km * 1000.0 / 60.0)
}

/// The state of the air and how it was found.
#[derive(Clone, Copy)]
pub(crate) struct Retrieved {
    pub(crate) air: Air,
    /// Optical depth as the product has it.
    pub(crate) aot_550: Map,
    /// What is known of the aerosol at the end.
    pub(crate) aerosol: Value<AerosolResult>,
    /// Mask of the dark vegetation on the grid of the class map, if it is asked for.
    pub(crate) dark: Option<PlaneHandle>,
}

/// Everything that the stages of the retrieval share.
pub(crate) struct Retrieval<'a> {
    pub(crate) job: &'a Job<'a>,
    pub(crate) tiling: Tiling,
    /// Grid of the bands and of the class map.
    pub(crate) grid: Resolution,
    pub(crate) toa: &'a Bands,
    pub(crate) class: PlaneHandle,
    /// The bands on the 60 m grid.
    pub(crate) coarse: Bands,
    pub(crate) terrain: &'a Terrain<'a>,
}

/// A table and its axes.
type Table = (Value<CellAxes>, PlaneHandle);

/// What is found by [`InvertDark`]: numbers and sums of loads, and the sums over the tile.
#[derive(Clone, Copy)]
struct Inverted {
    planes: [PlaneHandle; 2],
    sums: Value<Vec<DarkSums>>,
}

impl Retrieval<'_> {
    /// Declares the retrieval of what is not given.
    pub(crate) fn declare(mut self, flow: &mut Flow<'_, Error>) -> Retrieved {
        let atmosphere = &self.job.atmosphere;
        for band in [Band::B03, Band::B04, Band::B8A, Band::B12] {
            self.coarsen(flow, band);
        }
        let (load, aot_550, aerosol, dark) = if atmosphere.retrieves_aerosol() {
            self.aerosol(flow)
        } else {
            let result = AerosolResult::given(atmosphere.first_aerosol());
            let value = flow.step("aerosol: given", &[], move |_| Ok(result));
            let (scale, load) = (atmosphere.load.scale, atmosphere.load.value as f32);
            let what = OfElevation::Aot550 { scale, load };
            let aot_550 = self.of_elevation(flow, "optical depth", what, atmosphere.aot_550);
            (Map::Constant(atmosphere.load.value), aot_550, value, None)
        };
        let water_cm = if self.job.atmosphere.retrieves_water() {
            let found = self.water(flow, load, aerosol, "water vapour");
            self.finish_water(flow, found)
        } else {
            let atmosphere = &self.job.atmosphere;
            let given = atmosphere.water_vapour_cm;
            match atmosphere.sea_level_water_cm() {
                None => Map::Constant(given),
                Some(at_sea_level_cm) => {
                    let what = OfElevation::WaterCm { at_sea_level_cm, model: atmosphere.model() };
                    self.of_elevation(flow, "water vapour", what, given)
                }
            }
        };
        Retrieved { air: Air { load, water_cm, elevation: self.terrain.map }, aot_550, aerosol, dark }
    }

    /// A band on the 60 m grid, made if it is not there.
    fn coarsen(&mut self, flow: &mut Flow<'_, Error>, band: Band) {
        let Some(&plane) = self.toa.get(&band).filter(|_| !self.coarse.contains_key(&band)) else { return };
        let plane = if self.grid == R60 {
            plane
        } else {
            let mut stage =
                flow.stage::<BlockMean>(format!("retrieve: {band} at 60 m"), self.tiling).input(plane);
            let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, R60));
            stage.run(Factor::Three);
            output
        };
        self.coarse.insert(band, plane);
    }

    /// A table of a band over all loads. `water` are the columns, or the mean of what was found.
    fn table(
        &self,
        flow: &mut Flow<'_, Error>,
        band: Band,
        aerosol: Aerosol,
        water: Option<Value<f64>>,
        columns: &[f64],
    ) -> Table {
        let atmosphere = &self.job.atmosphere;
        let geometry = atmosphere.geometry(band).clone();
        let (scale, loads) = (atmosphere.load.scale, atmosphere.load_nodes());
        let elevation = self.terrain.map;
        let columns = columns.to_vec();
        let nodes = geometry.nodes.len() * loads.len() * columns.len() * elevation.most_nodes();
        let needs: Vec<Need> = water.iter().map(|&w| w.into()).chain(elevation.needs()).collect();
        let axes = flow.step(format!("retrieve: axes of {band}"), &needs, move |ready| {
            let columns = match water {
                Some(mean) => vec![*ready.get(mean)?],
                None => columns,
            };
            let elevations_km = elevation.nodes_km(ready)?;
            Ok(CellAxes { geometry, scale, loads, elevations_km, water: WaterAxis::AboveGround(columns) })
        });
        let view = atmosphere.view(band, aerosol);
        let label = format!("retrieve: table of {band}");
        let of_view = move |_: &Ready<'_>| Ok((view, 1.0));
        let (plane, _) = tabulate(flow, &label, &atmosphere.source, (axes, nodes), &[], of_view);
        (axes, plane)
    }

    fn aerosol(&self, flow: &mut Flow<'_, Error>) -> (Map, Map, Value<AerosolResult>, Option<PlaneHandle>) {
        let water = self.first_water(flow);
        let first = self.job.atmosphere.first_aerosol();
        let mut tables = BTreeMap::new();
        for band in [Band::B02, Band::B03, Band::B04, Band::B8A, Band::B12] {
            tables.insert(band, self.table(flow, band, first, Some(water), &[0.0]));
        }
        let around = self.surroundings(flow);
        let (marks, found) = self.find_dark(flow, &tables);
        let attempt = self.attempt(flow, found);
        let mut inverted = vec![self.invert(flow, &tables, marks, attempt, &around)];
        if self.job.atmosphere.chooses_aerosol() {
            let mut others = tables.clone();
            for band in [Band::B02, Band::B04, Band::B12] {
                others.insert(band, self.table(flow, band, Aerosol::Maritime, Some(water), &[0.0]));
            }
            inverted.push(self.invert(flow, &others, marks, attempt, &around));
        }
        let start = self.start(flow, found, &inverted);
        let rungs = self.count_rungs(flow, &tables, &inverted, start, &around);
        let result = self.result(flow, start, rungs);
        let (load, aot_550) = self.spread(flow, &inverted, result);
        let dark =
            self.job.atmosphere.retrieval.ddv_output.then(|| self.dark_vegetation(flow, marks, attempt));
        (load, aot_550, result, dark)
    }

    /// The mask of the product.
    fn dark_vegetation(
        &self,
        flow: &mut Flow<'_, Error>,
        marks: PlaneHandle,
        attempt: Value<u8>,
    ) -> PlaneHandle {
        let mut stage =
            flow.stage::<MarkDark>("retrieve aerosol: mask of dark vegetation", self.tiling).input(marks);
        let mask = stage.output(PlaneSpec::grid::<u8>(self.job.extent, self.grid));
        stage.reach_m(0).run_with(&[attempt.into()], move |ready| Ok(Some(*ready.get(attempt)?)));
        mask
    }

    /// Means of the surroundings of the bands, if they are taken off.
    fn surroundings(&self, flow: &mut Flow<'_, Error>) -> Bands {
        let mut around = Bands::new();
        let km = self.job.atmosphere.adjacency_km;
        if km > 0.0 {
            for band in [Band::B03, Band::B04, Band::B8A, Band::B12] {
                let mut stage = flow
                    .stage::<Surroundings>(format!("retrieve: surroundings in {band}"), self.tiling)
                    .input(self.coarse[&band]);
                around.insert(band, stage.output(PlaneSpec::grid::<u16>(self.job.extent, R60)));
                stage.run(surroundings_radius(km));
            }
        }
        around
    }

    fn find_dark(
        &self,
        flow: &mut Flow<'_, Error>,
        tables: &BTreeMap<Band, Table>,
    ) -> (PlaneHandle, Value<Vec<DarkFound>>) {
        let bands = [Band::B04, Band::B8A, Band::B12];
        let chosen = bands.map(|band| tables[&band]);
        let mut stage = flow
            .stage::<FindDark>("retrieve aerosol: dark pixels", self.tiling)
            .inputs(bands.map(|band| self.toa[&band]))
            .input(self.class);
        for plane in chosen.into_iter().map(|table| table.1).chain(self.terrain.map.plane()) {
            stage = stage.table(plane);
        }
        let marks = stage.output(PlaneSpec::grid::<u8>(self.job.extent, self.grid));
        let mut thresholds = self.job.atmosphere.retrieval.dark_thresholds();
        if self.job.atmosphere.model() == Model::Physical {
            // What is seen at the top of the atmosphere shows no dark pixel in dense haze or under a low sun; B8A and B12 show them all the same.
            thresholds.through_haze = Some(self.ratios().red_over_swir);
        }
        let load = self.job.atmosphere.load_of_visibility(SEARCH_KM) as f32;
        let (resolution, elevation, slopes) = (self.grid, self.terrain.map, self.terrain.slope_light());
        let needs = self.needs(&chosen);
        let found = stage.run_with(&needs, move |ready| {
            let axes = all_axes(ready, &chosen)?;
            let elevation_km = elevation.source(ready)?;
            Ok(Some(FindDarkParams { thresholds, resolution, axes, elevation_km, slopes, load }))
        });
        (marks, found)
    }

    /// Threshold of B12 that gives enough dark pixels; 0: none.
    fn attempt(&self, flow: &mut Flow<'_, Error>, found: Value<Vec<DarkFound>>) -> Value<u8> {
        let thresholds = self.job.atmosphere.retrieval.dark_thresholds();
        flow.step("retrieve aerosol: threshold", &[found.into()], move |ready| {
            Ok(dark_counts(ready.get(found)?).attempt(&thresholds).unwrap_or(0))
        })
    }

    fn invert(
        &self,
        flow: &mut Flow<'_, Error>,
        tables: &BTreeMap<Band, Table>,
        marks: PlaneHandle,
        attempt: Value<u8>,
        around: &Bands,
    ) -> Inverted {
        let bands = [Band::B02, Band::B04, Band::B12];
        let chosen = bands.map(|band| tables[&band]);
        let mut stage = flow
            .stage::<InvertDark>("retrieve aerosol: loads", self.tiling)
            .inputs(bands.map(|band| self.toa[&band]))
            .input(marks)
            .inputs([Band::B04, Band::B12].into_iter().filter_map(|band| around.get(&band).copied()));
        for plane in chosen.into_iter().map(|table| table.1).chain(self.terrain.map.plane()) {
            stage = stage.table(plane);
        }
        let count = stage.output(PlaneSpec::grid::<u8>(self.job.extent, R60));
        let load = stage.output(PlaneSpec::grid::<f32>(self.job.extent, R60));
        let (ratios, resolution) = (self.ratios(), self.grid);
        let (elevation, slopes) = (self.terrain.map, self.terrain.slope_light());
        let mut needs = self.needs(&chosen);
        needs.push(attempt.into());
        let sums = stage.run_with(&needs, move |ready| {
            let axes = all_axes(ready, &chosen)?;
            let attempt = *ready.get(attempt)?;
            let elevation_km = elevation.source(ready)?;
            Ok(Some(InvertDarkParams { resolution, axes, elevation_km, slopes, ratios, attempt }))
        });
        Inverted { planes: [count, load], sums }
    }

    /// The axes of tables, and what is known of the ground.
    fn needs(&self, tables: &[Table]) -> Vec<Need> {
        tables.iter().map(|table| table.0.into()).chain(self.terrain.map.needs()).collect()
    }

    fn ratios(&self) -> DarkRatios {
        let atmosphere = &self.job.atmosphere;
        let physical = atmosphere.model() == Model::Physical;
        DarkRatios {
            red_over_swir: atmosphere.retrieval.red_over_swir as f32,
            blue_over_red: atmosphere.retrieval.blue_over_red as f32,
            surroundings: if physical { 1.0 } else { 0.5 },
            swir_load: (!physical).then(|| atmosphere.node_of_visibility(SEARCH_KM)),
            multiple_reflection: physical,
        }
    }

    /// The aerosol before negative pixels are looked at.
    fn start(
        &self,
        flow: &mut Flow<'_, Error>,
        found: Value<Vec<DarkFound>>,
        inverted: &[Inverted],
    ) -> Value<AerosolResult> {
        let atmosphere = self.job.atmosphere.clone();
        let sums: Vec<Value<Vec<DarkSums>>> = inverted.iter().map(|i| i.sums).collect();
        let elevation = self.terrain.map;
        let mut needs: Vec<Need> = sums.iter().map(|&s| s.into()).chain(elevation.needs()).collect();
        needs.push(found.into());
        flow.step("retrieve aerosol: method", &needs, move |ready| {
            let mut totals = Vec::new();
            for sums in sums {
                totals.push(ready.get(sums)?.iter().fold(DarkSums::default(), DarkSums::merge));
            }
            Ok(choose(&atmosphere, &totals, ready.get(found)?, elevation.mean_km(ready)?))
        })
    }

    fn count_rungs(
        &self,
        flow: &mut Flow<'_, Error>,
        tables: &BTreeMap<Band, Table>,
        inverted: &[Inverted],
        start: Value<AerosolResult>,
        around: &Bands,
    ) -> Value<Vec<Vec<Rung>>> {
        let bands = [Band::B03, Band::B04, Band::B8A];
        let chosen = bands.map(|band| tables[&band]);
        let mut stage = flow
            .stage::<CountRungs>("retrieve aerosol: negative pixels", self.tiling)
            .inputs(bands.map(|band| self.coarse[&band]))
            .input(inverted[0].planes[0])
            .input(self.class)
            .inputs(bands.into_iter().filter_map(|band| around.get(&band).copied()));
        for plane in chosen.into_iter().map(|table| table.1).chain(self.terrain.map.plane()) {
            stage = stage.table(plane);
        }
        let cut_off = self.job.atmosphere.retrieval.cut_off();
        let (elevation, slopes) = (self.terrain.map, self.terrain.slope_light());
        let atmosphere = self.job.atmosphere.clone();
        let mut needs = self.needs(&chosen);
        needs.push(start.into());
        stage.run_with(&needs, move |ready| {
            let loads = atmosphere.rungs(ready.get(start)?.mean).iter().map(|&load| load as f32).collect();
            let (axes, elevation_km) = (all_axes(ready, &chosen)?, elevation.source(ready)?);
            Ok(Some(CountRungsParams { axes, elevation_km, slopes, loads, cut_off }))
        })
    }

    /// The aerosol after negative pixels were looked at.
    fn result(
        &self,
        flow: &mut Flow<'_, Error>,
        start: Value<AerosolResult>,
        rungs: Value<Vec<Vec<Rung>>>,
    ) -> Value<AerosolResult> {
        let atmosphere = self.job.atmosphere.clone();
        flow.step("retrieve aerosol: result", &[start.into(), rungs.into()], move |ready| {
            let start = ready.get(start)?;
            let loads = atmosphere.rungs(start.mean);
            let mut total = vec![Rung::default(); loads.len()];
            for part in ready.get(rungs)? {
                for (sum, rung) in total.iter_mut().zip(part) {
                    *sum = sum.merge(rung);
                }
            }
            let checked = loads.get(climb(&total)).copied().unwrap_or(start.mean);
            Ok(AerosolResult { checked: checked.min(start.mean), ..start.clone() })
        })
    }

    /// The map of the load and that of the optical depth in the product.
    fn spread(
        &self,
        flow: &mut Flow<'_, Error>,
        inverted: &[Inverted],
        result: Value<AerosolResult>,
    ) -> (Map, Map) {
        let mut stage = flow
            .stage::<SpreadLoad>("retrieve aerosol: map", self.tiling)
            .inputs(inverted.iter().flat_map(|i| i.planes));
        let elevation = self.terrain.map;
        if let Some(plane) = elevation.plane() {
            stage = stage.table(plane);
        }
        let load = stage.output(PlaneSpec::grid::<f32>(self.job.extent, R60));
        let aot_550 = stage.output(PlaneSpec::grid::<f32>(self.job.extent, R60));
        let atmosphere = &self.job.atmosphere;
        let scale = atmosphere.load.scale;
        let sigma_px = atmosphere.retrieval.aerosol_smoothing_km * 1000.0 / 60.0;
        let most = (60 / self.grid.metres()).pow(2) as u8;
        let needs: Vec<Need> = [result.into()].into_iter().chain(elevation.needs()).collect();
        let range: Value<Vec<MapRange>> = stage.run_with(&needs, move |ready| {
            let result = ready.get(result)?;
            let elevation_km = elevation.source(ready)?;
            let shift = result.checked - result.mean;
            let spread = if result.method == AerosolMethod::DarkVegetation {
                // Loads above the checked one move down with the mean.
                Spread {
                    mean: result.checked as f32,
                    limit: if shift < 0.0 { result.checked as f32 } else { f32::INFINITY },
                    shift: shift as f32,
                    sigma_px,
                }
            } else {
                Spread::constant(result.checked as f32)
            };
            Ok(Some(SpreadParams { spread, scale, which: result.which, most, elevation_km }))
        });
        (Map::Plane(load, range), Map::Plane(aot_550, range))
    }
}

fn all_axes<const N: usize>(ready: &Ready<'_>, tables: &[Table; N]) -> Result<[CellAxes; N], Error> {
    let mut axes = Vec::with_capacity(N);
    for (value, _) in tables {
        axes.push(ready.get(*value)?.clone());
    }
    axes.try_into().map_err(|_| {
        Error::Execution(sen2cor_exec::ExecError::NotReady { what: "the axes of all tables".to_owned() })
    })
}

fn dark_counts(parts: &[DarkFound]) -> DarkCounts {
    parts.iter().fold(DarkCounts::default(), |all, part| all.merge(&part.counts))
}

/// The visibilities of the ladder as loads.
pub(crate) fn ladder_loads(first_km: f64, load: impl Fn(f64) -> f64) -> Vec<f64> {
    rungs_km(first_km).into_iter().map(load).collect()
}
