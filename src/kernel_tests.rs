//! Every kernel of the table gives the same bits on every executor and for every block size.

mod atmosphere;
mod classification;
mod files;
mod imagery;

use crate::KERNELS;
use crate::stages::atmosphere::{MapSource, MapSources};
use crate::stages::correct::{CorrectParams, GroundInputs};
use crate::tables::TableSource;
use Resolution::{R10, R20, R60};
use ndarray::Array2;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::angles::Direction;
use sen2cor_core::cells::{
    BandView, CELL_VALUES, CellAxes, Directions, GeometryGrid, LoadScale, WaterAxis, tabulate,
};
use sen2cor_core::grid::{Extent, Resolution, Tiling};
use sen2cor_core::reflectance::{BandCorrection, CorrectionParameters, Model};
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_exec::{
    ExecError, Executor, Flow, FrozenPlane, HeapStore, Kernel, PlaneHandle, PlaneSpec, RunContext, Sample,
    Sequential, Threads,
};
use std::collections::BTreeSet;

const EXTENT: Extent = Extent { rows: 240, cols: 360 };

const CORRECTION: BandCorrection = BandCorrection {
    path_reflectance: 0.05,
    gain: 1.25,
    spherical_albedo: 0.12,
    reference_albedo: Some(0.15),
};

fn view() -> BandView {
    BandView { spacecraft: Spacecraft::S2B, band: Band::B04, aerosol: Aerosol::Rural, ozone_du: 331.0 }
}

/// Angles that change over the tile, two loads and two columns of water.
fn axes() -> CellAxes {
    let node = |i: usize| Directions {
        sun: Direction { zenith_deg: 40.0 + i as f64, azimuth_deg: 150.0 },
        view: Direction { zenith_deg: 4.0 + i as f64, azimuth_deg: 100.0 },
    };
    let nodes = (0..4).map(node).collect();
    let geometry = GeometryGrid {
        rows: 2,
        cols: 2,
        first_m: (0.0, 0.0),
        step_m: (5000.0, 5000.0),
        nearest: false,
        nodes,
    };
    let water = WaterAxis::AboveGround(vec![1.0, 1.3]);
    CellAxes { geometry, scale: LoadScale::Aot550, loads: vec![0.1, 0.4], elevations_km: vec![0.3], water }
}

fn cell_values() -> Vec<f32> {
    let table = TableSource::BuiltIn(Model::Physical).open().unwrap();
    let mut values = vec![0.0; axes().len() * CELL_VALUES];
    tabulate(table, &view(), &axes(), &mut values).unwrap();
    values
}

fn correction() -> CorrectParams {
    let maps = MapSources {
        load: MapSource::Table,
        water_cm: MapSource::Table,
        elevation_km: MapSource::Constant(0.3),
    };
    let correction = CorrectionParameters {
        resolution: R10,
        reference_albedo: None,
        adjacency_radius: 11,
        extra_near_no_data: true,
        relief: None,
    };
    CorrectParams { axes: axes(), maps, correction, ground: GroundInputs::default() }
}

/// A number that looks random and depends on its arguments alone.
fn hash(seed: u32, row: usize, col: usize) -> u32 {
    let mut x = seed ^ (row as u32).wrapping_mul(0x9E37_79B1) ^ (col as u32).wrapping_mul(0x85EB_CA77);
    x = (x ^ (x >> 15)).wrapping_mul(0x2C1B_3C6D);
    x = (x ^ (x >> 12)).wrapping_mul(0x297A_2D39);
    x ^ (x >> 15)
}

/// Reflectance between 0 and 0.6, with some missing samples.
fn band(seed: u32, grid: Resolution) -> Array2<u16> {
    Array2::from_shape_fn(EXTENT.shape(grid), |(row, col)| match hash(seed, row, col) {
        h if h.is_multiple_of(97) => 0,
        h => (1000 + h % 6000) as u16,
    })
}

fn bytes_image(seed: u32, grid: Resolution, most: u32) -> Array2<u8> {
    Array2::from_shape_fn(EXTENT.shape(grid), |(row, col)| (hash(seed, row, col) % most) as u8)
}

/// One stage, its planes and its outputs as bytes.
struct Stage<'a> {
    flow: Flow<'a>,
    tiling: Tiling,
    inputs: Vec<PlaneHandle>,
    tables: Vec<PlaneHandle>,
}

impl Stage<'_> {
    fn new(tiling: Tiling) -> Self {
        Self { flow: Flow::new(), tiling, inputs: Vec::new(), tables: Vec::new() }
    }

    fn input<T: Sample>(mut self, image: &Array2<T>, grid: Resolution) -> Self {
        let plane = FrozenPlane::from_array(&HeapStore, image, grid).unwrap();
        self.inputs.push(self.flow.import(plane));
        self
    }

    fn table<T: Sample>(mut self, image: &Array2<T>) -> Self {
        let plane = FrozenPlane::from_array(&HeapStore, image, R10).unwrap();
        self.tables.push(self.flow.import(plane));
        self
    }

    fn run<K: Kernel>(
        self,
        executor: &dyn Executor,
        params: K::Params,
        outputs: &[PlaneSpec],
    ) -> Vec<Vec<u8>> {
        self.run_to::<K, _>(executor, params, outputs, |_| ()).0
    }

    /// What a kernel has put into its slots, the lengths of which are its partial results; behind that stands anything.
    fn run_slots<K: Kernel<Partial = u64>>(
        self,
        executor: &dyn Executor,
        params: K::Params,
        slots: PlaneSpec,
    ) -> Vec<Vec<u8>> {
        let (planes, lengths) = self.run_to::<K, _>(executor, params, &[slots], <[u64]>::to_vec);
        let rows = planes[0].chunks(slots.shape.1).zip(lengths);
        rows.map(|(row, length)| row[..length as usize].to_vec()).collect()
    }

    fn run_to<K: Kernel, R>(
        mut self,
        executor: &dyn Executor,
        params: K::Params,
        outputs: &[PlaneSpec],
        see: impl FnOnce(&[K::Partial]) -> R,
    ) -> (Vec<Vec<u8>>, R) {
        let mut stage = self.flow.stage::<K>(K::NAME, self.tiling).inputs(self.inputs);
        for table in self.tables {
            stage = stage.table(table);
        }
        let planes: Vec<PlaneHandle> = outputs.iter().map(|spec| stage.output(*spec)).collect();
        let partials = stage.run(params);
        for plane in &planes {
            self.flow.keep(*plane);
        }
        let finished = self.flow.run(executor, &RunContext::default()).unwrap();
        let planes = planes.iter().map(|plane| raw(finished.plane(*plane).unwrap()));
        (planes.collect(), see(finished.get(partials).unwrap()))
    }
}

fn raw(plane: &FrozenPlane) -> Vec<u8> {
    fn bytes<T: Sample, const N: usize>(
        plane: &FrozenPlane,
        to: fn(T) -> [u8; N],
    ) -> Result<Vec<u8>, ExecError> {
        Ok(plane.view::<T>()?.iter().flat_map(|v| to(*v)).collect())
    }
    bytes(plane, u16::to_le_bytes)
        .or_else(|_| bytes(plane, u8::to_le_bytes))
        .or_else(|_| bytes(plane, f32::to_le_bytes))
        .unwrap()
}

fn grid<T: Sample>(resolution: Resolution) -> PlaneSpec {
    PlaneSpec::grid::<T>(EXTENT, resolution)
}

/// Runs a case on all executors and block sizes; the first result is that of one block on one thread.
fn agree(
    name: &'static str,
    tilings: &[Tiling],
    case: impl Fn(&dyn Executor, Tiling) -> Vec<Vec<u8>>,
) -> &'static str {
    let executors: [Box<dyn Executor>; 3] = [
        Box::new(Sequential::new(KERNELS)),
        Box::new(Threads::new(KERNELS, 1).unwrap()),
        Box::new(Threads::new(KERNELS, 3).unwrap()),
    ];
    let reference = case(executors[0].as_ref(), tilings[0]);
    let something = reference.iter().all(|plane| plane.iter().any(|&byte| byte != 0));
    assert!(something, "{name} writes nothing, so the comparison proves nothing");
    for executor in &executors {
        for tiling in tilings {
            let result = case(executor.as_ref(), *tiling);
            assert_eq!(result.len(), reference.len());
            assert!(result == reference, "{name} differs on {} with {tiling:?}", executor.name());
        }
    }
    name
}

/// One block, and three sizes of several.
fn blocks() -> Vec<Tiling> {
    let sizes = [60, 66, 126].map(|edge| Tiling::square(EXTENT, edge));
    std::iter::once(Tiling::whole(EXTENT)).chain(sizes).collect()
}

/// An image of f32 values below a limit.
fn heights(seed: u32, most: u32) -> Array2<f32> {
    Array2::from_shape_fn(EXTENT.shape(R20), |(row, col)| (hash(seed, row / 9, col / 9) % most) as f32 / 2.0)
}

/// Classes and open pixels in patches.
fn class_map(seed: u32) -> Array2<u8> {
    let classes = [0, 2, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 11, 100, 100, 100];
    Array2::from_shape_fn(EXTENT.shape(R20), |(row, col)| classes[hash(seed, row / 3, col / 4) as usize % 16])
}

fn with_bands(stage: Stage<'_>, count: u32) -> Stage<'_> {
    (0..count).fold(stage, |stage, seed| stage.input(&band(seed, R20), R20))
}

/// What the units of a stage return whose inputs are maps and, if there are maps before, three bands between them.
fn partials<K: Kernel>(
    executor: &dyn Executor,
    params: K::Params,
    tiling: Tiling,
    before: &[&Array2<u8>],
    after: &[&Array2<u8>],
) -> Vec<K::Partial>
where
    K::Partial: Clone,
{
    let bands = if before.is_empty() { 0 } else { 3 };
    let stage = before.iter().fold(Stage::new(tiling), |stage, map| stage.input(*map, R20));
    let stage = after.iter().fold(with_bands(stage, bands), |stage, map| stage.input(*map, R20));
    let Stage { mut flow, inputs, .. } = stage;
    let parts = flow.stage::<K>(K::NAME, tiling).inputs(inputs).run(params);
    flow.run(executor, &RunContext::default()).unwrap().get(parts).unwrap().clone()
}

fn bytes_of(value: &impl serde::Serialize) -> Vec<Vec<u8>> {
    vec![serde_json::to_vec(value).unwrap()]
}

/// A table of the test as a plane.
fn cells() -> Array2<f32> {
    Array2::from_shape_vec((1, cell_values().len()), cell_values()).unwrap()
}

fn map60(seed: u32, low: f32) -> Array2<f32> {
    let (rows, cols) = EXTENT.shape(R60);
    Array2::from_shape_fn((rows, cols), |(r, c)| low + (hash(seed, r / 3, c / 4) % 100) as f32 / 500.0)
}

#[test]
fn every_kernel_gives_the_same_bits_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let tested: BTreeSet<&str> = [
        imagery::resampling(),
        classification::classification(),
        classification::late_classification(),
        imagery::per_pixel(),
        imagery::region(),
        atmosphere::relief(),
        atmosphere::cirrus(),
        atmosphere::retrieval(),
        atmosphere::maps(),
        files::simulation(),
        files::masks(folder.path()),
        files::terrain(folder.path()),
        files::codec(folder.path()),
        files::writing(folder.path()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let all: BTreeSet<&str> = KERNELS.names().collect();
    assert_eq!(tested, all, "a kernel without a case");
}
