//! Throughput of the correction and the retrieval, in pixels per second of processor time.
//!
//! `cargo bench --bench atmosphere`. Times are those that the processor spent on this process, so that a busy machine disturbs little. The
//! images are a simulated scene, so the figures do not depend on a product at hand. 30.1 million pixels of 20 m, 3.35 million of 60 m
//! make a tile.

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array2, ArrayView2, s};
use nix::time::{ClockId, clock_gettime};
use sen2cor::core::aerosol::dark::{DarkInput, DarkThresholds, find_dark};
use sen2cor::core::aerosol::invert::{DarkRatios, InvertInput, invert_dark};
use sen2cor::core::aerosol::ladder::{CutOff, LadderInput, count_rungs};
use sen2cor::core::angles::Direction;
use sen2cor::core::cells::{
    CELL_VALUES, CellAxes, CellTable, Directions, GeometryGrid, Lattice, LatticeMaps, LoadScale, MapView,
    WaterAxis,
};
use sen2cor::core::dn;
use sen2cor::core::grid::{Extent, Resolution, Window};
use sen2cor::core::reflectance::{
    BandCorrection, BlockInput, CorrectionParameters, adjacency_radius, correct_block,
};
use sen2cor::core::sensor::Band;
use sen2cor::core::simulate::{Scene, SceneParameters, StoredBand};
use sen2cor::core::water_vapour::{WaterInput, retrieve};
use std::time::Duration;

/// Processor time of this process.
struct CpuTime;

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        now()
    }

    fn end(&self, start: Duration) -> Duration {
        now().saturating_sub(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        // Both count nanoseconds.
        static WALL: WallTime = WallTime;
        WALL.formatter()
    }
}

/// Edge of a block, pixels of 10 m, without its surroundings.
const EDGE_PX: usize = 1104;

const LOADS: usize = 15;

/// Coefficients that grow with the load as those of a hazy sky do.
fn values(nodes: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(nodes * CELL_VALUES);
    for node in 0..nodes {
        let haze = 1.8 * node as f32 / nodes as f32;
        values.extend([0.02 + 0.09 * haze, 1.1 + 0.3 * haze, 0.1 + 0.2 * haze, 0.05 + 0.08 * haze]);
        values.extend([0.8 - 0.3 * haze, 0.05 + 0.1 * haze, 0.9 - 0.3 * haze, 0.76]);
    }
    values
}

fn axes(loads: usize, columns_cm: Vec<f64>) -> CellAxes {
    let up = Direction { zenith_deg: 0.0, azimuth_deg: 0.0 };
    CellAxes {
        geometry: GeometryGrid::constant(Directions { sun: up, view: up }),
        scale: LoadScale::Aot550,
        loads: (0..loads).map(|i| 0.02 + 1.78 * i as f64 / loads.max(2) as f64).collect(),
        elevations_km: vec![0.0],
        water: WaterAxis::AboveGround(columns_cm),
    }
}

fn maps(load: MapView<'_>) -> LatticeMaps<'_> {
    LatticeMaps { load, water_cm: MapView::Constant(2.0), elevation_km: MapView::Constant(0.0) }
}

/// Samples of a band on a grid.
fn band(band: Band, grid: Resolution, edge: usize) -> Array2<u16> {
    let sun = Direction { zenith_deg: 40.0, azimuth_deg: 160.0 };
    let extent = Extent::of_shape(edge, edge, grid);
    let scene = Scene::new(&SceneParameters { seed: 1, extent, sun, clouds: false, no_data_edge: false });
    let correction = BandCorrection {
        path_reflectance: 0.05,
        gain: 1.25,
        spherical_albedo: 0.12,
        reference_albedo: Some(0.15),
    };
    let mut image = Array2::zeros((edge, edge));
    let window = Window { row: 0, col: 0, rows: edge, cols: edge };
    scene.stored_dn(
        band,
        grid,
        window,
        &StoredBand { correction, radio_add_offset: -1000 },
        image.view_mut(),
    );
    image
}

fn count(pixels: usize) -> Throughput {
    Throughput::Elements(pixels as u64)
}

/// The equation alone and with the surroundings of 1 km, on the 10 m grid, under aerosol that changes from place to place.
fn correction(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("correct");
    let grid = Resolution::R10;
    let (axes, values) = (axes(10, vec![2.0]), values(10));
    let Some(table) = CellTable::new(&axes, &values) else { return };
    for (name, km) in [("equation", 0.0), ("adjacency", 1.0)] {
        let radius = adjacency_radius(km, grid);
        let edge = EDGE_PX + 2 * radius;
        let toa = band(Band::B02, grid, edge);
        let load =
            Array2::from_shape_fn((edge / 6 + 1, edge / 6 + 1), |(r, c)| 0.1 + 1e-3 * ((r + c) % 200) as f32);
        let class = Array2::from_elem((EDGE_PX / 2, EDGE_PX / 2), 4u8);
        let mut out = Array2::zeros((EDGE_PX, EDGE_PX));
        group.throughput(count(out.len()));
        for (model, reference_albedo) in [("sen2cor", Some(0.15)), ("physical", None)] {
            let parameters = CorrectionParameters {
                resolution: grid,
                reference_albedo,
                adjacency_radius: radius,
                extra_near_no_data: reference_albedo.is_some(),
                relief: None,
            };
            group.bench_function(format!("{name}/{model}"), |b| {
                b.iter(|| {
                    let window = Window { row: 0, col: 0, rows: edge, cols: edge };
                    let maps = maps(MapView::Grid60(load.view()));
                    let lattice = Lattice::new(&table, &maps, grid, window, false);
                    let input = BlockInput {
                        toa: toa.view(),
                        scene_class: class.view(),
                        class_pixels: 2,
                        lattice: &lattice,
                        target: Window { row: radius, col: radius, rows: EDGE_PX, cols: EDGE_PX },
                        image: (edge, edge),
                        terrain: None,
                    };
                    correct_block(&input, &parameters, out.view_mut()).ok()
                });
            });
        }
    }
    group.finish();
}

/// Classes of a scene of which half is vegetation.
fn classes(edge: usize) -> Array2<u8> {
    Array2::from_shape_fn((edge, edge), |(row, col)| if (row / 50 + col / 50) % 2 == 0 { 4 } else { 5 })
}

/// Dark pixels and their loads on the 20 m grid.
fn dark(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("aerosol");
    let (grid, edge) = (Resolution::R20, EDGE_PX);
    let window = Window { row: 0, col: 0, rows: edge, cols: edge };
    let [blue, red, nir, swir] =
        [Band::B02, Band::B04, Band::B8A, Band::B12].map(|name| band(name, grid, edge));
    let (class, axes, values) = (classes(edge), axes(LOADS, vec![2.0]), values(LOADS));
    let Some(table) = CellTable::new(&axes, &values) else { return };
    let lattice = Lattice::new(&table, &maps(MapView::Constant(0.3)), grid, window, false);
    let mut marks = Array2::<u8>::zeros((edge, edge));
    group.throughput(count(edge * edge));
    group.bench_function("find_dark", |b| {
        b.iter(|| {
            let input = DarkInput {
                red: red.view(),
                nir: nir.view(),
                swir: swir.view(),
                class: class.view(),
                window,
                target: window,
                image: (edge, edge),
                lattices: [&lattice; 3],
                slopes: None,
            };
            find_dark(&input, &DarkThresholds::default(), grid, marks.view_mut())
        });
    });
    // One pixel in three is dark.
    let marks = Array2::from_shape_fn((edge, edge), |(row, col)| u8::from((row + col) % 3 == 0));
    let around = band(Band::B04, Resolution::R60, edge / 3);
    let (mut numbers, mut loads) = (Array2::zeros((edge / 3, edge / 3)), Array2::zeros((edge / 3, edge / 3)));
    for (name, swir_load) in [("sen2cor", Some(4.0)), ("physical", None)] {
        let ratios = DarkRatios {
            red_over_swir: 0.5,
            blue_over_red: 0.5,
            surroundings: 0.5,
            swir_load,
            multiple_reflection: swir_load.is_none(),
        };
        group.bench_function(format!("invert_dark/{name}"), |b| {
            b.iter(|| {
                let input = InvertInput {
                    bands: [blue.view(), red.view(), swir.view()],
                    marks: marks.view(),
                    around: Some([around.view(); 2]),
                    target: window,
                    resolution: grid,
                    tables: [&table; 3],
                    elevation_km: MapView::Constant(0.0),
                    slopes: None,
                };
                invert_dark(&input, 1, &ratios, numbers.view_mut(), loads.view_mut())
            });
        });
    }
    group.finish();
}

/// Negative pixels on all rungs, and water vapour, on the 60 m grid.
fn coarse(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("coarse");
    let edge = EDGE_PX / 2;
    let window = Window { row: 0, col: 0, rows: edge, cols: edge };
    let [green, red, nir, wet] =
        [Band::B03, Band::B04, Band::B8A, Band::B09].map(|name| band(name, Resolution::R60, edge));
    let class = classes(3 * edge);
    let (axes_of_loads, values_of_loads) = (axes(LOADS, vec![2.0]), values(LOADS));
    let Some(table) = CellTable::new(&axes_of_loads, &values_of_loads) else { return };
    let dark = Array2::from_elem((edge, edge), 3u8);
    group.throughput(count(edge * edge));
    let views: [ArrayView2<'_, u16>; 3] = [green.view(), red.view(), nir.view()];
    let loads: Vec<f32> = (0..12).map(|i| 0.4 - 0.03 * i as f32).collect();
    group.bench_function("count_rungs", |b| {
        b.iter(|| {
            let input = LadderInput {
                bands: views,
                around: Some(views),
                class: (class.view(), 3),
                dark: dark.view(),
                target: window,
                tables: [&table; 3],
                elevation_km: MapView::Constant(0.0),
                slopes: None,
            };
            count_rungs(&input, &loads, CutOff::default())
        });
    });
    let columns = vec![0.0, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0];
    let axes_of_water = axes(1, columns.clone());
    let mut values_of_water = values(1).repeat(columns.len());
    for (node, column) in columns.iter().enumerate() {
        values_of_water[node * CELL_VALUES + 1] = (1.1 * column.sqrt()).exp() as f32;
    }
    let values_of_window = values(1).repeat(columns.len());
    let (Some(clear), Some(moist)) =
        (CellTable::new(&axes_of_water, &values_of_window), CellTable::new(&axes_of_water, &values_of_water))
    else {
        return;
    };
    let mut found = Array2::zeros((edge, edge));
    let wet =
        wet.mapv(
            |sample| if sample == dn::NO_DATA { sample } else { dn::from_signed(dn::to_signed(sample) / 3) },
        );
    group.bench_function("water_vapour", |b| {
        b.iter(|| {
            let input = WaterInput {
                window_band: nir.view(),
                absorbing_band: wet.view(),
                class: (class.slice(s![.., ..]), 3),
                target: window,
                tables: [&clear, &moist],
                maps: maps(MapView::Constant(0.2)),
            };
            retrieve(&input, false, found.view_mut())
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime).sample_size(20);
    targets = correction, dark, coarse
}
criterion_main!(benches);
