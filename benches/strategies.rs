//! What the strategies cost: overhead per unit, memory-bound and compute-bound kernels, parts of a run, a whole product;
//! each one sequentially, on threads and on processes, with one worker and with all.
//!
//! `cargo bench --bench strategies`. The program is its own worker.

use criterion::{BenchmarkId, Criterion, Throughput};
use ndarray::Array2;
use sen2cor::core::angles::Direction;
use sen2cor::core::classify::{BANDS, Ground, SceneInput, Thresholds, classify_scene};
use sen2cor::core::grid::{Extent, Resolution, Tiling, Window};
use sen2cor::core::reflectance::{BandCorrection, correct};
use sen2cor::core::sensor::Band;
use sen2cor::core::simulate::{Scene, SceneParameters, StoredBand};
use sen2cor::exec::{
    ExecError, Flow, FrozenPlane, Kernel, KernelEntry, KernelError, PlaneSpec, Registry, UnitIo, run_if_asked,
};
use sen2cor::io::jp2::{Coding, ImageLayout, OpenJpeg, Samples, encode_tile};
use sen2cor::{
    Executor, KERNELS, Processes, Processor, RunContext, Sequential, Simulation, Simulator, Threads, worker,
};
use std::error::Error;
use std::sync::{Arc, OnceLock};

/// Pixels of 20 m along the edge of the test image.
const EDGE_PX: usize = 2048;
const GRID: Resolution = Resolution::R20;
const UNITS: u64 = 10_000;

/// Does nothing.
struct Empty;

impl Kernel for Empty {
    const NAME: &'static str = "bench.empty/1";
    type Params = ();
    type Partial = ();

    fn run((): &(), _: &mut UnitIo<'_>) -> Result<(), KernelError> {
        Ok(())
    }
}

/// Gain and offset: as fast as memory is.
struct Scale;

impl Kernel for Scale {
    const NAME: &'static str = "bench.scale/1";
    type Params = (u16, u16);
    type Partial = ();

    fn run(&(gain, offset): &(u16, u16), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let input = io.input::<u16>(0)?;
        io.output::<u16>(0)?.zip_mut_with(&input, |out, v| *out = v.wrapping_mul(gain).wrapping_add(offset));
        Ok(())
    }
}

/// Roots and quotients: as fast as the processor is.
struct Roots;

impl Kernel for Roots {
    const NAME: &'static str = "bench.roots/1";
    type Params = ();
    type Partial = ();

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let input = io.input::<u16>(0)?;
        io.output::<u16>(0)?.zip_mut_with(&input, |out, v| {
            let value = (0..8).fold(f32::from(*v), |x, _| (x + 3.0).sqrt() + 1.0 / (x + 1.0));
            *out = (value * 100.0) as u16;
        });
        Ok(())
    }
}

/// Surface reflectance under one state of the atmosphere.
struct Correct;

const CORRECTION: BandCorrection = BandCorrection {
    path_reflectance: 0.05,
    gain: 1.25,
    spherical_albedo: 0.12,
    reference_albedo: Some(0.15),
};

impl Kernel for Correct {
    const NAME: &'static str = "bench.correct/1";
    type Params = ();
    type Partial = ();

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let (input, output) = (io.input::<u16>(0)?, io.output::<u16>(0)?);
        correct(input, &CORRECTION, output).map(drop).map_err(failed)
    }
}

/// Classifies each block as if it were a scene of its own.
struct Classify;

impl Kernel for Classify {
    const NAME: &'static str = "bench.classify/1";
    type Params = ();
    type Partial = ();

    fn run((): &(), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
        let first = io.input::<u16>(0)?;
        let mut bands = [first; 12];
        for (slot, band) in bands.iter_mut().enumerate() {
            *band = io.input::<u16>(slot)?;
        }
        let sun = Direction { zenith_deg: 40.0, azimuth_deg: 160.0 };
        let ground = Ground::default();
        let scene = SceneInput { bands, grid: GRID, sun, snow_possible: true, ground, defective: None };
        let maps = classify_scene(&scene, &Thresholds::default()).map_err(failed)?;
        io.output::<u8>(0)?.assign(&maps.class);
        Ok(())
    }
}

/// Encodes a tile of 640 x 640 pixels into its slot.
struct Encode;

impl Kernel for Encode {
    const NAME: &'static str = "bench.encode/1";
    type Params = ImageLayout;
    type Partial = u64;

    fn run(layout: &ImageLayout, io: &mut UnitIo<'_>) -> Result<u64, KernelError> {
        let mut part = Vec::new();
        let samples = Samples::grey16(io.input::<u16>(0)?);
        encode_tile(&OpenJpeg, layout, io.unit(), samples, &mut part).map_err(failed)?;
        io.output::<u8>(0)?.iter_mut().zip(&part).for_each(|(slot, byte)| *slot = *byte);
        Ok(part.len() as u64)
    }
}

fn failed(error: impl Error) -> KernelError {
    KernelError::internal(error.to_string())
}

/// The kernels above and those of products.
fn registry() -> Registry {
    static ALL: OnceLock<Vec<KernelEntry>> = OnceLock::new();
    Registry(ALL.get_or_init(|| {
        let mut all = KERNELS.0.to_vec();
        all.extend([
            KernelEntry::of::<Empty>(),
            KernelEntry::of::<Scale>(),
            KernelEntry::of::<Roots>(),
            KernelEntry::of::<Correct>(),
            KernelEntry::of::<Classify>(),
            KernelEntry::of::<Encode>(),
        ]);
        all
    }))
}

/// An executor and what it is called.
type Named = (String, Arc<dyn Executor>);

/// Every strategy with one worker and with all.
fn executors() -> Result<Vec<Named>, ExecError> {
    let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut executors: Vec<Named> =
        vec![("sequential x 1".to_owned(), Arc::new(Sequential::new(registry())))];
    let mut counts = vec![1, all];
    counts.dedup();
    for workers in counts {
        let threads = Arc::new(Threads::new(registry(), workers)?);
        let processes = Processes::builder(registry(), worker::BUILD).workers(workers).start()?;
        executors.push((format!("threads x {workers}"), threads));
        executors.push((format!("processes x {workers}"), Arc::new(processes)));
    }
    Ok(executors)
}

/// Samples of a band, 2048 x 2048 pixels of 20 m.
fn band(band: Band) -> Array2<u16> {
    let sun = Direction { zenith_deg: 40.0, azimuth_deg: 160.0 };
    let extent = Extent::of_shape(EDGE_PX, EDGE_PX, GRID);
    let scene = Scene::new(&SceneParameters { seed: 1, extent, sun, clouds: true, no_data_edge: false });
    let stored = StoredBand { correction: CORRECTION, radio_add_offset: -1000 };
    let window = Window { row: 0, col: 0, rows: EDGE_PX, cols: EDGE_PX };
    let mut image = Array2::zeros((EDGE_PX, EDGE_PX));
    scene.stored_dn(band, GRID, window, &stored, image.view_mut());
    image
}

/// A flow of one stage over the whole image.
fn one_stage<K: Kernel>(
    executor: &dyn Executor,
    inputs: &[FrozenPlane],
    output: PlaneSpec,
    edge_px: u32,
    params: K::Params,
) -> Result<(), ExecError> {
    let extent = Extent::of_shape(EDGE_PX, EDGE_PX, GRID);
    let mut flow = Flow::<ExecError>::new();
    let inputs: Vec<_> = inputs.iter().map(|plane| flow.import(plane.clone())).collect();
    let tiling = Tiling::square(extent, edge_px * GRID.cells());
    let mut stage = flow.stage::<K>("bench", tiling).inputs(inputs);
    stage.output(output);
    stage.run(params);
    flow.run(executor, &RunContext::default()).map(drop)
}

fn overhead(c: &mut Criterion, executors: &[Named]) {
    let mut group = c.benchmark_group("empty_unit");
    group.throughput(Throughput::Elements(UNITS));
    for (name, executor) in executors {
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                let mut flow = Flow::<ExecError>::new();
                let extent = Extent { rows: UNITS as u32, cols: 1 };
                flow.stage::<Empty>("empty", Tiling::square(extent, 1)).run(());
                flow.run(executor.as_ref(), &RunContext::default()).map(drop)
            });
        });
    }
    group.finish();
}

fn kernels(c: &mut Criterion, executors: &[Named]) -> Result<(), ExecError> {
    let extent = Extent::of_shape(EDGE_PX, EDGE_PX, GRID);
    let (u16s, u8s) = (PlaneSpec::grid::<u16>(extent, GRID), PlaneSpec::grid::<u8>(extent, GRID));
    let bands: Vec<Array2<u16>> = BANDS.iter().map(|&name| band(name)).collect();
    let layout =
        ImageLayout { width: EDGE_PX as u32, height: EDGE_PX as u32, coding: Coding::reflectance(GRID) };
    let slots = PlaneSpec::slots::<u8>(layout.tile_count(), layout.coding.tile_capacity());
    let tile = layout.coding.tile;
    for (name, executor) in executors {
        // The inputs lie where the workers reach them, so that no copy is measured.
        let store = executor.store();
        let planes = |count: usize| -> Result<Vec<FrozenPlane>, ExecError> {
            bands.iter().take(count).map(|image| FrozenPlane::from_array(store, image, GRID)).collect()
        };
        let (one, all) = (planes(1)?, planes(12)?);
        let run = executor.as_ref();
        let mut bench = |group: &str, stage: &dyn Fn() -> Result<(), ExecError>| {
            let mut group = c.benchmark_group(group);
            group.sample_size(10).throughput(Throughput::Elements((EDGE_PX * EDGE_PX) as u64));
            group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter(stage));
            group.finish();
        };
        bench("memory_bound", &|| one_stage::<Scale>(run, &one, u16s, 256, (3, 7)));
        bench("compute_bound", &|| one_stage::<Roots>(run, &one, u16s, 256, ()));
        bench("reflectance", &|| one_stage::<Correct>(run, &one, u16s, 256, ()));
        bench("classification", &|| one_stage::<Classify>(run, &all, u8s, 512, ()));
        bench("codec", &|| one_stage::<Encode>(run, &one, slots, tile, layout));
    }
    Ok(())
}

fn product(c: &mut Criterion, executors: &[Named]) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let simulation = Simulation { size_px: 600, ..Simulation::default() };
    let input = Simulator::new(simulation, folder.path()).run()?.products.swap_remove(0);
    let mut options = sen2cor::Options::default();
    options.product.overwrite = true;
    options.execution.block_cells = 240;
    let mut group = c.benchmark_group("small_product");
    group.sample_size(10);
    for (name, executor) in executors {
        let processor = Processor::new(&input)
            .with_options(options.clone())
            .with_output_dir(folder.path().join("2A"))
            .with_executor(Arc::clone(executor));
        group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter(|| processor.run().map(drop)));
    }
    group.finish();
    Ok(())
}

/// Time until all workers of a pool are up, have said hello, and have ended again.
fn start(c: &mut Criterion) {
    let mut group = c.benchmark_group("start_and_end");
    let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    group.bench_function(BenchmarkId::from_parameter(format!("processes x {all}")), |b| {
        b.iter(|| Processes::builder(registry(), worker::BUILD).workers(all).start().map(drop));
    });
    group.finish();
}

fn main() -> Result<(), Box<dyn Error>> {
    run_if_asked(registry(), worker::BUILD);
    let mut criterion = Criterion::default().configure_from_args();
    let executors = executors()?;
    overhead(&mut criterion, &executors);
    start(&mut criterion);
    kernels(&mut criterion, &executors)?;
    product(&mut criterion, &executors)?;
    criterion.final_summary();
    Ok(())
}
