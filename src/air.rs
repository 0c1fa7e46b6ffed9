//! The atmosphere over a tile as planes, and the correction of bands with it.

use crate::error::Error;
use crate::recipe::{Bands, Job, NegativeCounts};
use crate::retrieval::Retrieved;
use crate::stages::atmosphere::{MapSource, MapSources, Tabulate, TabulateParams};
use crate::stages::correct::{CorrectBand, CorrectParams};
use crate::tables::TableSource;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::cells::{BandView, CELL_VALUES, CellAxes};
use sen2cor_core::grid::{Resolution, Tiling};
use sen2cor_core::reflectance::{CorrectionParameters, Model, adjacency_radius};
use sen2cor_core::sensor::Band;
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
) -> PlaneHandle {
    let mut stage = flow.stage::<Tabulate>(label, crate::decode::one_unit());
    let plane = stage.output(PlaneSpec::slots::<f32>(1, nodes * CELL_VALUES));
    let source = source.clone();
    let needs: Vec<Need> = needs.iter().copied().chain([axes.into()]).collect();
    stage.run_with(&needs, move |ready| {
        let (view, path_scale) = view(ready)?;
        let axes = ready.get(axes)?.clone();
        Ok(Some(TabulateParams { source, view, axes, path_scale: path_scale as f32 }))
    });
    plane
}

/// The tables of bands, made when they are first asked for, and the correction with them.
pub(crate) struct Corrector<'a> {
    job: &'a Job<'a>,
    tiling: Tiling,
    pub(crate) retrieved: Retrieved,
    tables: BTreeMap<Band, (Value<CellAxes>, PlaneHandle)>,
    /// Per band, counted on the finest grid that was corrected.
    pub(crate) negatives: NegativeCounts,
}

impl<'a> Corrector<'a> {
    pub(crate) fn new(job: &'a Job<'a>, tiling: Tiling, retrieved: Retrieved) -> Self {
        Self { job, tiling, retrieved, tables: BTreeMap::new(), negatives: NegativeCounts::new() }
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
        for band in bands {
            let Some(&plane) = toa.get(&band) else { continue };
            let (axes, cells) = self.table(flow, band);
            let mut stage = flow
                .stage::<CorrectBand>(format!("correct {band} at {grid}"), self.tiling)
                .input(plane)
                .input(class)
                .table(cells);
            for map in [self.retrieved.air.load, self.retrieved.air.water_cm] {
                if let Some(plane) = map.plane() {
                    stage = stage.table(plane);
                }
            }
            let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, grid));
            let (maps, correction) = (self.sources(), self.parameters(grid));
            let stage = stage.reach_m(correction.halo_px() as u32 * grid.metres());
            let counts = stage.run_with(&[axes.into()], move |ready| {
                Ok(Some(CorrectParams { axes: ready.get(axes)?.clone(), maps, correction }))
            });
            self.negatives.insert(band, counts);
            surface.insert(band, output);
        }
        self.job.negatives(flow, &surface, &mut self.negatives);
        surface
    }

    fn sources(&self) -> MapSources {
        MapSources {
            load: self.retrieved.air.load.source(),
            water_cm: self.retrieved.air.water_cm.source(),
            elevation_km: MapSource::Constant(self.job.atmosphere.elevation_km() as f32),
        }
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
        let needs: Vec<Need> = [air.load, air.water_cm].into_iter().filter_map(Map::needs).collect();
        let geometry = atmosphere.geometry(band).clone();
        let (scale, elevation_km) = (atmosphere.load.scale, atmosphere.elevation_km());
        let water_of = atmosphere.water_axis_of(band);
        let nodes = |map: Map, count| if map.plane().is_some() { count } else { 1 };
        let (load_count, water_count) = (nodes(air.load, LOAD_NODES), nodes(air.water_cm, WATER_NODES));
        let nodes_in_all = geometry.nodes.len() * load_count * water_count;
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
            let elevations_km = vec![elevation_km];
            Ok(CellAxes { geometry, scale, loads, elevations_km, water: water_of(water) })
        });
        let (aerosol, views) =
            (self.retrieved.aerosol, Aerosol::ALL.map(|aerosol| (aerosol, atmosphere.view(band, aerosol))));
        let wavelength_um = band.wavelength_um();
        let label = format!("tabulate {band}");
        let plane = tabulate(
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
        self.tables.insert(band, (axes, plane));
        (axes, plane)
    }
}
