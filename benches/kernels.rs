//! Throughput of what a run is made of, in pixels per second: decoding, encoding, resampling, classification, correction.
//!
//! `cargo bench --bench kernels`. The images are a simulated scene, so the figures do not depend on a product at hand.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array2, ArrayView2};
use sen2cor::core::angles::Direction;
use sen2cor::core::classify::{
    BANDS, DetectInput, Detected, Ground, RECOVERY_BANDS, RecoverInput, SHADOW_BANDS, SceneInput,
    ShadowInput, ShadowLine, Thresholds, cast_shadows, classify_scene, detect_block, finish_block,
    recover_block,
};
use sen2cor::core::dn;
use sen2cor::core::grid::{Extent, Resolution, Window};
use sen2cor::core::reflectance::{BandCorrection, correct};
use sen2cor::core::resample::ClassReduction;
use sen2cor::core::resample::{
    Factor, Placement, bicubic, bilinear, block_mean, reduce_class_map, value_range,
};
use sen2cor::core::sensor::Band;
use sen2cor::core::simulate::{Scene, SceneParameters, StoredBand};
use sen2cor::io::bytes::MemorySource;
use sen2cor::io::jp2::{
    Codec, Coding, ImageIndex, ImageLayout, Samples, TileCodec, encode_tile, write_image,
};
use std::hint::black_box;
use std::path::Path;

const EDGE_PX: usize = 1024;

const CORRECTION: BandCorrection = BandCorrection {
    path_reflectance: 0.05,
    gain: 1.25,
    spherical_albedo: 0.12,
    reference_albedo: Some(0.15),
};

/// Samples of a band as if it were measured on `grid`, 1024 x 1024 pixels.
fn band(band: Band, grid: Resolution) -> Array2<u16> {
    let sun = Direction { zenith_deg: 40.0, azimuth_deg: 160.0 };
    let extent = Extent::of_shape(EDGE_PX, EDGE_PX, grid);
    let scene = Scene::new(&SceneParameters { seed: 1, extent, sun, clouds: true, no_data_edge: false });
    let stored = StoredBand { correction: CORRECTION, radio_add_offset: -1000 };
    let window = Window { row: 0, col: 0, rows: EDGE_PX, cols: EDGE_PX };
    let mut image = Array2::zeros((EDGE_PX, EDGE_PX));
    scene.stored_dn(band, grid, window, &stored, image.view_mut());
    // Sensor noise of about ten digital numbers, without which the coder has an easy time.
    let mut state = 1u32;
    image.mapv_inplace(|v| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if v == dn::NO_DATA { v } else { v + (state >> 28) as u16 }
    });
    image
}

fn pixels(count: usize) -> Throughput {
    Throughput::Elements(count as u64)
}

/// Decoding and encoding of a tile by both coders: ratios of these are what changing the coder brings.
fn codec(c: &mut Criterion) {
    let mut group = c.benchmark_group("jp2");
    group.sample_size(10);
    for (name, grid, source) in [
        ("10m", Resolution::R10, Band::B02),
        ("20m", Resolution::R20, Band::B05),
        ("60m", Resolution::R60, Band::B01),
    ] {
        let image = band(source, grid);
        codec_of(&mut group, name, Coding::reflectance(grid), &Samples::grey16(image.view()));
    }
    let colours = [Band::B04, Band::B03, Band::B02]
        .map(|source| band(source, Resolution::R10).mapv(|v| (v >> 5) as u8));
    let views = Samples::U8(colours.iter().map(|plane| plane.view()).collect());
    codec_of(&mut group, "true colour", Coding::true_colour(Resolution::R10), &views);
    group.finish();
}

fn codec_of(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, coding: Coding, samples: &Samples<'_>) {
    let layout = ImageLayout { width: EDGE_PX as u32, height: EDGE_PX as u32, coding };
    let w = layout.tile_window(0);
    let mut file = Vec::new();
    let written = write_image(&Codec::Auto, &layout, samples, None, &mut file);
    let source = MemorySource::new(Path::new("bench.jp2"), &file);
    let (Ok(tile), Ok(()), Ok(index)) = (samples.window(w), written, ImageIndex::read(&source)) else {
        return;
    };
    let Ok(stream) = index.mini_stream(&source, 0) else { return };
    group.throughput(pixels(w.rows * w.cols));
    for (coder, codec) in [("openjpeg", Codec::OpenJpeg), ("native", Codec::Native)] {
        group.bench_function(BenchmarkId::new(format!("encode_tile/{coder}"), name), |b| {
            let mut part = Vec::new();
            b.iter(|| {
                part.clear();
                encode_tile(&codec, &layout, 0, tile.clone(), &mut part).ok();
                black_box(part.len())
            });
        });
        group.bench_function(BenchmarkId::new(format!("decode_tile/{coder}"), name), |b| {
            let mut out = vec![Array2::zeros((w.rows, w.cols)); usize::from(coding.components)];
            b.iter(|| {
                let mut views: Vec<_> = out.iter_mut().map(|plane| plane.view_mut()).collect();
                codec.decode_into(&stream, index.tile_shape(0), &mut views).ok()
            });
        });
    }
}

fn resample(c: &mut Criterion) {
    let image = band(Band::B02, Resolution::R10);
    let mut group = c.benchmark_group("resample");
    for (name, factor, edge) in
        [("2x2", Factor::Two, 512), ("3x3", Factor::Three, 342), ("6x6", Factor::Six, 171)]
    {
        group.throughput(pixels(image.len()));
        let mut out = Array2::zeros((edge, edge));
        group.bench_function(BenchmarkId::new("block_mean", name), |b| {
            b.iter(|| block_mean(image.view(), factor, out.view_mut()).ok());
        });
    }
    let sixty = image.slice(ndarray::s![..342, ..342]);
    let target = Window { row: 0, col: 0, rows: 1026, cols: 1026 };
    let placement =
        Placement { source_origin: (0, 0), source_shape: (342, 342), target, target_shape: (1026, 1026) };
    let range = value_range(sixty);
    let mut out = Array2::zeros((1026, 1026));
    group.throughput(pixels(out.len()));
    group.bench_function("bilinear", |b| b.iter(|| bilinear(sixty, &placement, range, out.view_mut()).ok()));
    group.bench_function("bicubic", |b| b.iter(|| bicubic(sixty, &placement, range, out.view_mut()).ok()));
    let map = image.mapv(|v| (v % 12) as u8);
    let mut reduced = Array2::zeros((342, 342));
    group.throughput(pixels(map.len()));
    group.bench_function("class_map", |b| {
        b.iter(|| reduce_class_map(map.view(), ClassReduction::Median, reduced.view_mut()).ok());
    });
    group.finish();
}

/// The passes of the classification one by one, and all of them, on 1024 x 1024 pixels of a grid.
fn classify(c: &mut Criterion) {
    for (name, grid) in [("classify_20m", Resolution::R20), ("classify_60m", Resolution::R60)] {
        let bands = BANDS.map(|name| band(name, grid));
        let views: [_; 12] = std::array::from_fn(|i| bands[i].view());
        let mut group = c.benchmark_group(name);
        group.sample_size(20);
        group.throughput(pixels(EDGE_PX * EDGE_PX));
        for zenith_deg in [40.0, 70.0] {
            let sun = Direction { zenith_deg, azimuth_deg: 160.0 };
            let ground = Ground::default();
            let scene = SceneInput { bands: views, grid, sun, snow_possible: true, ground, defective: None };
            group.bench_function(BenchmarkId::new("whole", zenith_deg), |b| {
                b.iter(|| classify_scene(&scene, &Thresholds::default()).ok());
            });
        }
        passes(&mut group, &views, grid);
        group.finish();
    }
}

fn passes(group: &mut BenchmarkGroup<'_, WallTime>, bands: &[ArrayView2<'_, u16>; 12], grid: Resolution) {
    let thresholds = Thresholds::default();
    let [mut map, mut clues, mut cloud, mut snow, mut shaded, mut recovered, mut class] =
        [(); 7].map(|()| Array2::<u8>::zeros((EDGE_PX, EDGE_PX)));
    let named = |name: &Band| bands[BANDS.iter().position(|band| band == name).unwrap_or(0)];
    for snow_possible in [false, true] {
        let name = if snow_possible { "detect" } else { "detect_without_snow" };
        group.bench_function(name, |b| {
            b.iter(|| {
                let input = DetectInput {
                    bands: *bands,
                    inner: (0, 0),
                    snow_possible,
                    elevation_m: None,
                    snow_condition: None,
                };
                let detected = Detected {
                    map: map.view_mut(),
                    clues: clues.view_mut(),
                    cloud: cloud.view_mut(),
                    snow: snow.view_mut(),
                };
                detect_block(&input, &thresholds, detected).ok()
            });
        });
    }
    let whole = Window { row: 0, col: 0, rows: EDGE_PX, cols: EDGE_PX };
    for zenith_deg in [40.0, 70.0] {
        let line = ShadowLine::new(Direction { zenith_deg, azimuth_deg: 160.0 }, grid);
        group.bench_function(BenchmarkId::new("cast_shadows", zenith_deg), |b| {
            b.iter(|| {
                let input = ShadowInput {
                    map: map.view(),
                    clues: clues.view(),
                    bands: SHADOW_BANDS.each_ref().map(named),
                    view: whole,
                    block: whole,
                    image: (EDGE_PX, EDGE_PX),
                };
                cast_shadows(&input, &line, &thresholds, shaded.view_mut()).ok()
            });
        });
    }
    group.bench_function("recover", |b| {
        b.iter(|| {
            let input = RecoverInput {
                map: shaded.view(),
                bands: RECOVERY_BANDS.each_ref().map(named),
                inner: (0, 0),
                slope_deg: None,
                hillshade: None,
                water_bodies: None,
            };
            recover_block(&input, &thresholds, recovered.view_mut()).ok()
        });
    });
    group.bench_function("finish", |b| b.iter(|| finish_block(recovered.view(), &[], class.view_mut()).ok()));
}

fn reflectance(c: &mut Criterion) {
    let image = band(Band::B02, Resolution::R10);
    let mut out = Array2::zeros(image.dim());
    let mut group = c.benchmark_group("reflectance");
    group.throughput(pixels(image.len()));
    for (name, reference_albedo) in [("sen2cor", Some(0.15)), ("physical", None)] {
        let correction = BandCorrection { reference_albedo, ..CORRECTION };
        group.bench_function(name, |b| b.iter(|| correct(image.view(), &correction, out.view_mut()).ok()));
    }
    group.finish();
}

criterion_group!(benches, codec, resample, classify, reflectance);
criterion_main!(benches);
