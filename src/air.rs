//! The atmosphere over a tile as planes, and the correction of bands with it.

use crate::error::Error;
use crate::recipe::{Bands, Job, NegativeCounts};
use crate::relief::{ElevationMap, GridGround, Terrain};
use crate::retrieval::Retrieved;
use crate::stages::atmosphere::{MapSource, MapSources, Tabulate, TabulateParams};
use crate::stages::correct::{CorrectBand, CorrectParams, GroundInputs};
use crate::stages::relief::{MarkVegetation, VegetationParams};
use crate::tables::TableSource;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::cells::{BandView, CELL_VALUES, CellAxes};
use sen2cor_core::grid::{Resolution, Tiling};
use sen2cor_core::reflectance::{CorrectionParameters, Model, adjacency_radius};
use sen2cor_core::sensor::Band;
use sen2cor_core::table::Notes;
use sen2cor_exec::{Flow, Need, PlaneHandle, PlaneSpec, Ready, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Nodes of a table along an axis that a map fills.
const LOAD_NODES: usize = 10;
const WATER_NODES: usize = 6;

/// Smallest and largest value of a map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MapRange {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl MapRange {
    /// The range of nothing.
    pub(crate) const EMPTY: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY };

    pub(crate) fn with(self, value: f32) -> Self {
        Self { low: self.low.min(value), high: self.high.max(value) }
    }

    pub(crate) fn merge(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Nodes in equal steps of `scale`, from the smallest to the largest value.
    fn nodes(self, count: usize, scale: fn(f64) -> f64, back: fn(f64) -> f64) -> Vec<f64> {
        if self.low > self.high {
            return vec![0.0; count];
        }
        let (low, high) = (scale(f64::from(self.low)), scale(f64::from(self.high)));
        (0..count).map(|i| back(low + (high - low) * i as f64 / (count - 1) as f64)).collect()
    }
}

/// A quantity over the tile.
#[derive(Clone, Copy)]
pub(crate) enum Map {
    /// The same everywhere.
    Constant(f64),
    /// A plane of the 60 m grid and its range, by blocks.
    Plane(PlaneHandle, Value<Vec<MapRange>>),
}

impl Map {
    pub(crate) fn source(self) -> MapSource {
        match self {
            Self::Constant(value) => MapSource::Constant(value as f32),
            Self::Plane(..) => MapSource::Table,
        }
    }

    fn needs(self) -> Option<Need> {
        match self {
            Self::Constant(_) => None,
            Self::Plane(_, range) => Some(range.into()),
        }
    }

    pub(crate) fn plane(self) -> Option<PlaneHandle> {
        match self {
            Self::Constant(_) => None,
            Self::Plane(plane, _) => Some(plane),
        }
    }

    /// The range, once it is known.
    fn range(self, ready: &Ready<'_>) -> Result<MapRange, Error> {
        match self {
            Self::Constant(value) => Ok(MapRange::EMPTY.with(value as f32)),
            Self::Plane(_, parts) => {
                Ok(ready.get(parts)?.iter().fold(MapRange::EMPTY, |all, part| all.merge(*part)))
            }
        }
    }
}

/// The state of the air over the tile.
#[derive(Clone, Copy)]
pub(crate) struct Air {
    /// Aerosol in the numbers of [`crate::state::Atmosphere::load`].
    pub(crate) load: Map,
    /// Column of water vapour above the ground, cm.
    pub(crate) water_cm: Map,
    /// Elevation of the ground.
    pub(crate) elevation: ElevationMap,
}

impl Air {
    /// Planes of the maps, in the order in which kernels expect them.
    fn planes(&self) -> impl Iterator<Item = PlaneHandle> + use<> {
        [self.load.plane(), self.water_cm.plane(), self.elevation.plane()].into_iter().flatten()
    }

    fn sources(&self, ready: &Ready<'_>) -> Result<MapSources, Error> {
        Ok(MapSources {
            load: self.load.source(),
            water_cm: self.water_cm.source(),
            elevation_km: self.elevation.source(ready)?,
        })
    }
}

/// Declares the evaluation of a table at the nodes of its axes, of which there are `nodes`. `view` tells what is asked for, and by what the path
/// reflectance is multiplied.
pub(crate) fn tabulate<'r>(
    flow: &mut Flow<'r, Error>,
    label: &str,
    source: &TableSource,
    (axes, nodes): (Value<CellAxes>, usize),
    needs: &[Need],
    view: impl FnOnce(&Ready<'_>) -> Result<(BandView, f64), Error> + 'r,
) -> (PlaneHandle, Value<Vec<Notes>>) {
    let mut stage = flow.stage::<Tabulate>(label, crate::decode::one_unit());
    let plane = stage.output(PlaneSpec::slots::<f32>(1, nodes * CELL_VALUES));
    let source = source.clone();
    let needs: Vec<Need> = needs.iter().copied().chain([axes.into()]).collect();
    let notes = stage.run_with(&needs, move |ready| {
        let (view, path_scale) = view(ready)?;
        let axes = ready.get(axes)?.clone();
        Ok(Some(TabulateParams { source, view, axes, path_scale: path_scale as f32 }))
    });
    (plane, notes)
}

/// The tables of bands, made when they are first asked for, and the correction with them.
pub(crate) struct Corrector<'a> {
    job: &'a Job<'a>,
    tiling: Tiling,
    pub(crate) retrieved: Retrieved,
    terrain: Terrain<'a>,
    tables: BTreeMap<Band, (Value<CellAxes>, PlaneHandle)>,
    /// What the tables had to say.
    pub(crate) table_notes: Vec<Value<Vec<Notes>>>,
    /// Per band, counted on the finest grid that was corrected.
    pub(crate) negatives: NegativeCounts,
}

impl<'a> Corrector<'a> {
    pub(crate) fn new(job: &'a Job<'a>, tiling: Tiling, retrieved: Retrieved, terrain: Terrain<'a>) -> Self {
        Self {
            job,
            tiling,
            retrieved,
            terrain,
            tables: BTreeMap::new(),
            table_notes: Vec::new(),
            negatives: NegativeCounts::new(),
        }
    }

    /// Surface reflectance of bands on a grid.
    pub(crate) fn correct(
        &mut self,
        flow: &mut Flow<'_, Error>,
        toa: &Bands,
        class: PlaneHandle,
        bands: impl Iterator<Item = Band>,
        grid: Resolution,
    ) -> Bands {
        let mut surface = Bands::new();
        let ground = self.terrain.on_grid(flow, grid);
        let vegetation = ground.and_then(|_| self.vegetation(flow, toa, grid));
        for band in bands {
            let Some(&plane) = toa.get(&band) else { continue };
            let (axes, cells) = self.table(flow, band);
            let mut stage = flow
                .stage::<CorrectBand>(format!("correct {band} at {grid}"), self.tiling)
                .input(plane)
                .input(class)
                .inputs(ground.iter().flat_map(|&GridGround { elevation_m, level, .. }| [elevation_m, level]))
                .inputs(ground.and_then(|ground| ground.lit))
                .inputs(vegetation)
                .table(cells);
            let air = self.retrieved.air;
            for plane in air.planes() {
                stage = stage.table(plane);
            }
            let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, grid));
            let (flat, relief) = (self.parameters(grid), self.terrain.relief(band, grid));
            let sloping_possible = ground.is_some();
            let ground = GroundInputs {
                lit: ground.is_some_and(|ground| ground.lit.is_some()),
                vegetation: vegetation.is_some(),
            };
            let needs: Vec<Need> = [axes.into()].into_iter().chain(air.elevation.needs()).collect();
            let reached = CorrectionParameters { relief: sloping_possible.then_some(relief), ..flat };
            let stage = stage.reach_m(reached.halo_px() as u32 * grid.metres());
            let counts = stage.run_with(&needs, move |ready| {
                let maps = air.sources(ready)?;
                let sloping = maps.elevation_km == MapSource::Table;
                let correction = CorrectionParameters { relief: sloping.then_some(relief), ..flat };
                Ok(Some(CorrectParams { axes: ready.get(axes)?.clone(), maps, correction, ground }))
            });
            self.negatives.insert(band, counts);
            surface.insert(band, output);
        }
        self.job.negatives(flow, &surface, &mut self.negatives);
        surface
    }

    /// Where there is vegetation, if the correction of grazing light asks for it.
    fn vegetation(
        &mut self,
        flow: &mut Flow<'_, Error>,
        toa: &Bands,
        grid: Resolution,
    ) -> Option<PlaneHandle> {
        let options = &self.job.terrain;
        if !(options.brdf_correction.tells_vegetation() && options.terrain_correction) {
            return None;
        }
        let least_ratio = options.brdf_vegetation_ratio as f32;
        let infrared = if toa.contains_key(&Band::B8A) { Band::B8A } else { Band::B08 };
        let bands = [Band::B04, infrared];
        let tables = bands.map(|band| self.table(flow, band));
        let planes = [*toa.get(&bands[0])?, *toa.get(&bands[1])?];
        let air = self.retrieved.air;
        let mut stage =
            flow.stage::<MarkVegetation>(format!("relief: vegetation at {grid}"), self.tiling).inputs(planes);
        for plane in tables.map(|table| table.1).into_iter().chain(air.planes()) {
            stage = stage.table(plane);
        }
        let output = stage.output(PlaneSpec::grid::<u8>(self.job.extent, grid));
        let needs: Vec<Need> =
            tables.iter().map(|table| table.0.into()).chain(air.elevation.needs()).collect();
        stage.reach_m(0).run_with(&needs, move |ready| {
            let axes = [ready.get(tables[0].0)?.clone(), ready.get(tables[1].0)?.clone()];
            Ok(Some(VegetationParams { resolution: grid, axes, maps: air.sources(ready)?, least_ratio }))
        });
        Some(output)
    }

    fn parameters(&self, grid: Resolution) -> CorrectionParameters {
        let atmosphere = &self.job.atmosphere;
        CorrectionParameters {
            resolution: grid,
            reference_albedo: atmosphere.reference_albedo(),
            adjacency_radius: adjacency_radius(atmosphere.adjacency_km, grid),
            extra_near_no_data: atmosphere.model() == Model::Sen2cor,
            relief: None,
        }
    }

    /// The table of a band and its axes.
    fn table(&mut self, flow: &mut Flow<'_, Error>, band: Band) -> (Value<CellAxes>, PlaneHandle) {
        if let Some(found) = self.tables.get(&band) {
            return *found;
        }
        let (air, atmosphere) = (self.retrieved.air, &self.job.atmosphere);
        let maps = [air.load, air.water_cm];
        let needs: Vec<Need> = maps.into_iter().filter_map(Map::needs).chain(air.elevation.needs()).collect();
        let geometry = atmosphere.geometry(band).clone();
        let scale = atmosphere.load.scale;
        let water_of = atmosphere.water_axis_of(band);
        let nodes = |map: Map, count| if map.plane().is_some() { count } else { 1 };
        let (load_count, water_count) = (nodes(air.load, LOAD_NODES), nodes(air.water_cm, WATER_NODES));
        let nodes_in_all = geometry.nodes.len() * load_count * water_count * air.elevation.most_nodes();
        let axes = flow.step(format!("axes of {band}"), &needs, move |ready| {
            let same: fn(f64) -> f64 = |x| x;
            let loads = match air.load {
                Map::Constant(value) => vec![value],
                map @ Map::Plane(..) => map.range(ready)?.nodes(load_count, same, same),
            };
            let water = match air.water_cm {
                Map::Constant(value) => vec![value],
                map @ Map::Plane(..) => map.range(ready)?.nodes(water_count, f64::sqrt, |x| x * x),
            };
            let elevations_km = air.elevation.nodes_km(ready)?;
            Ok(CellAxes { geometry, scale, loads, elevations_km, water: water_of(water) })
        });
        let (aerosol, views) =
            (self.retrieved.aerosol, Aerosol::ALL.map(|aerosol| (aerosol, atmosphere.view(band, aerosol))));
        let wavelength_um = band.wavelength_um();
        let label = format!("tabulate {band}");
        let (plane, notes) = tabulate(
            flow,
            &label,
            &atmosphere.source,
            (axes, nodes_in_all),
            &[aerosol.into()],
            move |ready| {
                let found = ready.get(aerosol)?;
                let view = views.iter().find(|(aerosol, _)| *aerosol == found.aerosol).unwrap_or(&views[0]).1;
                Ok((view, found.path_scale(wavelength_um)))
            },
        );
        self.table_notes.push(notes);
        self.tables.insert(band, (axes, plane));
        (axes, plane)
    }
}
