//! Every kernel of the table gives the same bits on every executor and for every block size.

use crate::KERNELS;
use crate::decode::one_unit;
use crate::stages::aerosol::{
    CountRungs, CountRungsParams, FindDark, FindDarkParams, InvertDark, InvertDarkParams, MarkDark,
    SpreadLoad, SpreadParams,
};
use crate::stages::atmosphere::{MapSource, MapSources, Tabulate, TabulateParams};
use crate::stages::cirrus::{CountCirrus, RemoveCirrus, RemoveParams, SeeCirrus};
use crate::stages::classify::{
    CastShadows, DetectClasses, DetectParams, FilterClasses, FilterParams, FinishClasses, LandParams,
    MarkSaturated, RecoverByLandCover, RecoverClasses, RecoverParams, SaturatedParams, ShadowParams,
    SumCirrus, SumLand, SumSnowCondition,
};
use crate::stages::codec::{
    DecodeBand, DecodeParams, EncodeImage, EncodeParams, EncodePreview, Inflate, InflateParams,
    PreviewParams, file_capacity,
};
use crate::stages::correct::{CorrectBand, CorrectParams, GroundInputs};
use crate::stages::imagery::{Preview, TrueColour};
use crate::stages::masks::{DrawQualityMask, MergeFlags, PolygonParams, QualityMaskParams, ReadQualityMask};
use crate::stages::region::{CountClasses, CountNegatives, SumMap};
use crate::stages::relief::{
    CoarsenElevation, LightGround, LightParams, MapOfElevation, MarkLargeClouds, MarkVegetation,
    MeasureParams, MeasureRelief, OfElevation, OfElevationParams, ReliefSums, VegetationParams,
};
use crate::stages::resample::{
    BlockMean, FindRange, Interpolate, InterpolateParams, MeanOfMap, MeanOfMask, ReduceClassMap,
};
use crate::stages::simulate::{
    ColourParams, FillMask, SimulateBand, SimulateColour, SimulateParams, SurfaceTruth, Truth, TruthParams,
};
use crate::stages::terrain::{
    CodesParams, ReadCodes, ReadElevation, ShadeParams, ShadeTerrain, StoreElevation, WarpCodes,
    WarpCodesParams, WarpElevation, WarpParams,
};
use crate::stages::verify::{VerifyFile, VerifyParams};
use crate::stages::water::{
    FinishWater, ProductMap, ProductMapParams, RetrieveWater, RetrieveWaterParams, Surroundings,
};
use crate::stages::write::{WriteFile, WriteFileParams, WriteImage, WriteImageParams};
use crate::tables::TableSource;
use ndarray::Array2;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::aerosol::dark::DarkThresholds;
use sen2cor_core::aerosol::invert::DarkRatios;
use sen2cor_core::aerosol::ladder::{CutOff, Rung};
use sen2cor_core::aerosol::spread::Spread;
use sen2cor_core::angles::Direction;
use sen2cor_core::cells::{
    BandView, CELL_VALUES, CellAxes, Directions, GeometryGrid, LoadScale, WaterAxis, tabulate,
};
use sen2cor_core::cirrus::{CirrusRemoval, CirrusStatistics};
use sen2cor_core::classify::{CirrusSums, ConditionSums, LandSums, Thresholds};
use sen2cor_core::grid::{Extent, GeoTransform, Resolution, Tiling};
use sen2cor_core::imagery::PREVIEW_EDGE;
use sen2cor_core::masks::Polygon;
use sen2cor_core::reflectance::{BandCorrection, CorrectionParameters, Model, Relief, SlopeLight};
use sen2cor_core::resample::{ClassReduction, Factor, ValueRange};
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::simulate::{SceneParameters, StoredBand};
use sen2cor_core::water_vapour::{Finish, WaterMask};
use sen2cor_exec::{
    ExecError, Executor, Flow, FrozenPlane, HeapStore, Kernel, PlaneHandle, PlaneSpec, RunContext, Sample,
    Sequential, Threads,
};
use sen2cor_io::bytes::FileSource;
use sen2cor_io::checksum::Algorithm;
use sen2cor_io::jp2::{
    Codec, Coding, ImageIndex, ImageLayout, OpenJpeg, Samples, encode_tile, gml_document, write_image,
};
use sen2cor_io::raster::mosaics;
use sen2cor_io::safe::{Container, FileRef, ManifestEntry};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use Resolution::{R10, R20, R60};

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
        mut self,
        executor: &dyn Executor,
        params: K::Params,
        outputs: &[PlaneSpec],
    ) -> Vec<Vec<u8>> {
        let mut stage = self.flow.stage::<K>(K::NAME, self.tiling).inputs(self.inputs);
        for table in self.tables {
            stage = stage.table(table);
        }
        let planes: Vec<PlaneHandle> = outputs.iter().map(|spec| stage.output(*spec)).collect();
        stage.run(params);
        for plane in &planes {
            self.flow.keep(*plane);
        }
        let finished = self.flow.run(executor, &RunContext::default()).unwrap();
        planes.iter().map(|plane| raw(finished.plane(*plane).unwrap())).collect()
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

fn resampling() -> Vec<&'static str> {
    let sixty = band(1, R60);
    let range = ValueRange { min: 0, max: 6000 };
    vec![
        agree(BlockMean::NAME, &blocks(), |executor, tiling| {
            Stage::new(tiling).input(&band(2, R10), R10).run::<BlockMean>(
                executor,
                Factor::Six,
                &[grid::<u16>(R60)],
            )
        }),
        agree(MeanOfMap::NAME, &blocks(), |executor, tiling| {
            Stage::new(tiling).input(&band(3, R20), R20).run::<MeanOfMap>(
                executor,
                Factor::Three,
                &[grid::<u16>(R60)],
            )
        }),
        agree(MeanOfMask::NAME, &blocks(), |executor, tiling| {
            let mask = bytes_image(4, R20, 101);
            Stage::new(tiling).input(&mask, R20).run::<MeanOfMask>(
                executor,
                Factor::Three,
                &[grid::<u8>(R60)],
            )
        }),
        agree(ReduceClassMap::NAME, &blocks(), |executor, tiling| {
            let map = bytes_image(5, R20, 12);
            Stage::new(tiling).input(&map, R20).run::<ReduceClassMap>(
                executor,
                ClassReduction::Median,
                &[grid::<u8>(R60)],
            )
        }),
        agree(Interpolate::NAME, &blocks(), |executor, tiling| {
            [true, false]
                .into_iter()
                .flat_map(|cubic| {
                    let params = InterpolateParams { cubic, range };
                    Stage::new(tiling).table(&sixty).run::<Interpolate>(executor, params, &[grid::<u16>(R20)])
                })
                .collect()
        }),
        agree(FindRange::NAME, &blocks(), |executor, tiling| {
            let mut flow = Flow::<ExecError>::new();
            let plane = flow.import(FrozenPlane::from_array(&HeapStore, &sixty, R60).unwrap());
            let parts = flow.stage::<FindRange>("range", tiling).input(plane).run(());
            let finished = flow.run(executor, &RunContext::default()).unwrap();
            let all = finished.get(parts).unwrap().iter().fold(ValueRange::EMPTY, |a, b| a.merge(*b));
            vec![all.min.to_le_bytes().into_iter().chain(all.max.to_le_bytes()).collect()]
        }),
    ]
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

fn classification() -> Vec<&'static str> {
    let thresholds = Thresholds::default;
    let sun = Direction { zenith_deg: 65.0, azimuth_deg: 120.0 };
    vec![
        agree(DetectClasses::NAME, &blocks(), |executor, tiling| {
            let params = DetectParams {
                thresholds: thresholds(),
                grid: R20,
                snow_possible: true,
                elevation: true,
                snow_condition: Some(true),
            };
            let stage = with_bands(Stage::new(tiling), 12).input(&heights(13, 5000), R20);
            let stage = stage.input(&bytes_image(14, R20, 255), R20);
            stage.run::<DetectClasses>(executor, params, &[grid::<u8>(R20); 4])
        }),
        agree(CastShadows::NAME, &blocks(), |executor, tiling| {
            let clues = Array2::from_shape_fn(EXTENT.shape(R20), |(row, col)| {
                u8::from(hash(21, row / 6, col / 6).is_multiple_of(5))
                    | [2, 4, 6, 6][hash(22, row / 9, col / 5) as usize % 4]
            });
            let stage = Stage::new(tiling).input(&class_map(20), R20).input(&clues, R20);
            let params = ShadowParams { thresholds: thresholds(), grid: R20, sun };
            with_bands(stage, 6).run::<CastShadows>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(RecoverClasses::NAME, &blocks(), |executor, tiling| {
            let params = RecoverParams {
                thresholds: thresholds(),
                grid: R20,
                slope: true,
                hillshade: true,
                water_bodies: true,
            };
            let stage = with_bands(Stage::new(tiling).input(&class_map(23), R20), 5);
            let stage = stage.input(&heights(24, 60), R20).input(&bytes_image(25, R20, 255), R20);
            let stage = stage.input(&bytes_image(26, R20, 3), R20);
            stage.run::<RecoverClasses>(executor, params, &[grid::<u8>(R20)])
        }),
    ]
}

fn late_classification() -> Vec<&'static str> {
    let cover = bytes_image(31, R20, 3).mapv(|v| [190, 201, 10][usize::from(v)]);
    vec![
        agree(RecoverByLandCover::NAME, &blocks()[..1], |executor, tiling| {
            let stage = with_bands(Stage::new(tiling).input(&class_map(30), R20), 3);
            let stage = stage.input(&cover, R20).input(&heights(32, 4000), R20);
            let cirrus = CirrusSums::default().test(&Thresholds::default());
            let params =
                LandParams { thresholds: Thresholds::default(), elevation: true, land: None, cirrus };
            stage.run::<RecoverByLandCover>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(MarkSaturated::NAME, &blocks(), |executor, tiling| {
            let some = |seed, grid| band(seed, grid).mapv(|v| if v % 50 == 7 { u16::MAX } else { v });
            let params = SaturatedParams { from: vec![R10, R20, R60], to: R20 };
            let stage = Stage::new(tiling).input(&some(33, R10), R10).input(&some(34, R20), R20);
            stage.input(&some(35, R60), R60).run::<MarkSaturated>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(FinishClasses::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&class_map(36), R20).input(&bytes_image(37, R20, 2), R20);
            stage.run::<FinishClasses>(executor, (), &[grid::<u8>(R20)])
        }),
        agree(FilterClasses::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&bytes_image(38, R20, 12), R20);
            stage.run::<FilterClasses>(executor, FilterParams { grid: R20, width_px: 6 }, &[grid::<u8>(R20)])
        }),
        agree(SumSnowCondition::NAME, &blocks(), |executor, tiling| {
            let layer = bytes_image(39, R20, 255);
            let parts = partials::<SumSnowCondition>(executor, (), tiling, &[], &[&layer]);
            bytes_of(&parts.into_iter().fold(ConditionSums::default(), ConditionSums::join))
        }),
        // The statistics of land have one tiling of their own.
        agree(SumLand::NAME, &blocks()[1..2], |executor, tiling| {
            let maps = [&class_map(40), &cover];
            let parts = partials::<SumLand>(executor, (), tiling, &maps[..1], &maps[1..]);
            bytes_of(&parts.into_iter().fold(LandSums::default(), LandSums::join))
        }),
        agree(SumCirrus::NAME, &blocks()[1..2], |executor, tiling| {
            let maps = [&class_map(41), &cover];
            let parts = partials::<SumCirrus>(executor, None, tiling, &maps[..1], &maps[1..]);
            bytes_of(&parts.into_iter().fold(CirrusSums::default(), CirrusSums::join))
        }),
    ]
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

fn per_pixel() -> Vec<&'static str> {
    vec![
        agree(CorrectBand::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling)
                .input(&band(6, R10), R10)
                .input(&bytes_image(7, R20, 12), R20)
                .table(&cells())
                .table(&map60(21, 0.1))
                .table(&map60(22, 1.0));
            stage.run::<CorrectBand>(executor, correction(), &[grid::<u16>(R10)])
        }),
        agree(CorrectBand::NAME, &blocks(), |executor, tiling| {
            let relief = Relief {
                smoothing_radius: 2,
                neighbourhood_radius: 5,
                ..Relief::of_model(Model::Physical, 150.0)
            };
            let flat = correction();
            let params = CorrectParams {
                maps: MapSources { elevation_km: MapSource::Table, ..flat.maps },
                correction: CorrectionParameters { resolution: R20, relief: Some(relief), ..flat.correction },
                ground: GroundInputs { lit: true, vegetation: true },
                axes: CellAxes { elevations_km: vec![0.0, 0.5], ..axes() },
            };
            let mut values = vec![0.0; params.axes.len() * CELL_VALUES];
            let table = TableSource::BuiltIn(Model::Physical).open().unwrap();
            tabulate(table, &view(), &params.axes, &mut values).unwrap();
            let cells = Array2::from_shape_vec((1, values.len()), values).unwrap();
            let stage = Stage::new(tiling)
                .input(&band(6, R20), R20)
                .input(&bytes_image(7, R20, 12), R20)
                .input(&heights(8, 600), R20)
                .input(&bytes_image(9, R20, 2), R20)
                .input(&bytes_image(10, R20, 2), R20)
                .input(&bytes_image(11, R20, 2), R20)
                .table(&cells)
                .table(&map60(21, 0.1))
                .table(&map60(22, 1.0))
                .table(&map60(23, 0.0));
            stage.run::<CorrectBand>(executor, params, &[grid::<u16>(R20)])
        }),
        agree(Tabulate::NAME, &[one_unit()], |executor, tiling| {
            let source = TableSource::BuiltIn(Model::Physical);
            let params = TabulateParams { source, view: view(), axes: axes(), path_scale: 1.1 };
            Stage::new(tiling).run::<Tabulate>(
                executor,
                params,
                &[PlaneSpec::slots::<f32>(1, cell_values().len())],
            )
        }),
        agree(TrueColour::NAME, &blocks(), |executor, tiling| {
            let stage = (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed, R20), R20));
            stage.run::<TrueColour>(executor, (), &[PlaneSpec::grid_with_channels::<u8>(EXTENT, R20, 3)])
        }),
        agree(Preview::NAME, &[Tiling::whole(EXTENT)], |executor, tiling| {
            let stage = (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed, R20), R20));
            stage.run::<Preview>(executor, (), &[PlaneSpec::slots::<u8>(1, 3 * PREVIEW_EDGE * PREVIEW_EDGE)])
        }),
    ]
}

/// A table of the test as a plane.
fn cells() -> Array2<f32> {
    Array2::from_shape_vec((1, cell_values().len()), cell_values()).unwrap()
}

fn map60(seed: u32, low: f32) -> Array2<f32> {
    let (rows, cols) = EXTENT.shape(R60);
    Array2::from_shape_fn((rows, cols), |(r, c)| low + (hash(seed, r / 3, c / 4) % 100) as f32 / 500.0)
}

/// Mostly vegetation.
fn vegetation(grid: Resolution) -> Array2<u8> {
    bytes_image(31, grid, 12).mapv(|class| if class < 9 { 4 } else { class })
}

/// Slopes that are lit from the south-east.
const SLOPES: Option<SlopeLight> = Some(SlopeLight {
    sun_azimuth_deg: 150.0,
    smoothing_radius: 1,
    start_reflectance: 0.1,
    least_cosine: 0.1,
});

fn relief() -> Vec<&'static str> {
    vec![
        agree(MeasureRelief::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&heights(61, 500), R20).input(&class_map(62), R20);
            let Stage { mut flow, inputs, .. } = stage;
            let params = MeasureParams { resolution: R20, steep_deg: 30.0 };
            let parts = flow.stage::<MeasureRelief>("relief", tiling).inputs(inputs).run(params);
            let finished = flow.run(executor, &RunContext::default()).unwrap();
            let parts = finished.get(parts).unwrap();
            bytes_of(&parts.iter().fold(ReliefSums::NONE, ReliefSums::join))
        }),
        agree(CoarsenElevation::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&heights(63, 9000), R20);
            stage.run::<CoarsenElevation>(executor, 3.5, &[grid::<f32>(R60)])
        }),
        agree(LightGround::NAME, &blocks(), |executor, tiling| {
            let params = LightParams {
                resolution: R20,
                sun: Direction { zenith_deg: 60.0, azimuth_deg: 150.0 },
                range_m: Some((0.0, 150.0)),
            };
            let stage = Stage::new(tiling).input(&heights(64, 300), R20);
            stage.run::<LightGround>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(MarkLargeClouds::NAME, &[Tiling::whole(EXTENT)], |executor, tiling| {
            let clouds = Array2::from_elem(EXTENT.shape(R20), 9u8);
            let stage = Stage::new(tiling).input(&clouds, R20);
            stage.run::<MarkLargeClouds>(executor, R20, &[grid::<u8>(R20)])
        }),
        agree(MarkVegetation::NAME, &blocks(), |executor, tiling| {
            let maps = MapSources { elevation_km: MapSource::Table, ..correction().maps };
            let params = VegetationParams { resolution: R20, axes: [axes(), axes()], maps, least_ratio: 1.5 };
            let stage =
                (0..2).fold(Stage::new(tiling), |stage, seed| stage.input(&band(65 + seed, R20), R20));
            let stage = stage.table(&cells()).table(&cells()).table(&map60(67, 0.1)).table(&map60(68, 1.0));
            stage.table(&map60(69, 0.2)).run::<MarkVegetation>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(MapOfElevation::NAME, &blocks(), |executor, tiling| {
            let what = OfElevation::Aot550 { scale: LoadScale::VisibilityIndex, load: 40.0 };
            let params = OfElevationParams { what, elevation_km: MapSource::Table };
            let stage = Stage::new(tiling).table(&map60(70, 0.1));
            stage.run::<MapOfElevation>(executor, params, &[grid::<f32>(R60)])
        }),
    ]
}

/// Figures of a region: those of its blocks add up to those of all of it.
fn region() -> Vec<&'static str> {
    fn counted<K: Kernel<Params = ()>>(executor: &dyn Executor, stage: Stage<'_>) -> Vec<K::Partial> {
        let Stage { mut flow, tiling, inputs, .. } = stage;
        let parts = flow.stage::<K>(K::NAME, tiling).inputs(inputs).run(());
        let finished = flow.run(executor, &RunContext::default()).unwrap();
        // Partial results need not be cloned one by one: they travel as bytes anyway.
        let bytes = serde_json::to_vec(finished.get(parts).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }
    vec![
        agree(CountClasses::NAME, &blocks(), |executor, tiling| {
            let parts = counted::<CountClasses>(executor, Stage::new(tiling).input(&class_map(81), R20));
            let mut total = [0u64; 12];
            for part in parts {
                total.iter_mut().zip(part.0).for_each(|(sum, count)| *sum += count);
            }
            bytes_of(&total)
        }),
        agree(CountNegatives::NAME, &blocks(), |executor, tiling| {
            let dark = band(82, R20).mapv(|v| v / 3);
            let parts = counted::<CountNegatives>(executor, Stage::new(tiling).input(&dark, R20));
            bytes_of(&parts.iter().fold((0, 0), |sum, part| (sum.0 + part.negative, sum.1 + part.valid)))
        }),
        agree(SumMap::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&band(83, R20), R20).input(&class_map(84), R20);
            let parts = counted::<SumMap>(executor, stage);
            bytes_of(&parts.iter().fold((0, 0), |sum, part| (sum.0 + part.count, sum.1 + part.sum)))
        }),
    ]
}

fn cirrus() -> Vec<&'static str> {
    vec![
        agree(SeeCirrus::NAME, &blocks(), |executor, tiling| {
            Stage::new(tiling).input(&band(71, R60), R60).run::<SeeCirrus>(executor, (), &[grid::<f32>(R60)])
        }),
        agree(CountCirrus::NAME, &blocks(), |executor, tiling| {
            let stage =
                (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(72 + seed, R20), R20));
            let stage = stage.input(&vegetation(R20), R20).table(&map60(75, 0.0).mapv(|v| v / 8.0));
            let Stage { mut flow, inputs, tables, .. } = stage;
            let parts = flow.stage::<CountCirrus>("count", tiling).inputs(inputs).table(tables[0]).run(R20);
            let finished = flow.run(executor, &RunContext::default()).unwrap();
            let parts = finished.get(parts).unwrap().iter().copied();
            bytes_of(&parts.fold(CirrusStatistics::default(), CirrusStatistics::join))
        }),
        agree(RemoveCirrus::NAME, &blocks(), |executor, tiling| {
            let removal = Some(CirrusRemoval::new(0.65, Band::B02, 1.0));
            let params = RemoveParams { resolution: R10, removal };
            let stage = Stage::new(tiling).input(&band(76, R10), R10).input(&class_map(77), R20);
            stage.table(&map60(78, 0.0)).run::<RemoveCirrus>(executor, params, &[grid::<u16>(R10)])
        }),
    ]
}

fn retrieval() -> Vec<&'static str> {
    let (elevation_km, slopes) = (MapSource::Table, SLOPES);
    let three = || [axes(), axes(), axes()];
    let vegetation =
        |grid: Resolution| bytes_image(31, grid, 12).mapv(|class| if class < 9 { 4 } else { class });
    vec![
        agree(FindDark::NAME, &blocks(), |executor, tiling| {
            let thresholds = DarkThresholds {
                ndvi_lower: -1.0,
                red_upper: 1.0,
                swir_upper: [0.2, 0.4, 0.6],
                ..DarkThresholds::default()
            };
            let axes = three();
            let params =
                FindDarkParams { thresholds, resolution: R20, axes, elevation_km, slopes, load: 0.2 };
            let stage =
                (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed + 40, R20), R20));
            let class = vegetation(R20).mapv(|class| if class == 4 { 4u8 } else { 5 });
            let stage = stage.input(&class, R20).table(&cells()).table(&cells()).table(&cells());
            let stage = stage.table(&map60(58, 0.1));
            stage.run::<FindDark>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(InvertDark::NAME, &blocks(), |executor, tiling| {
            let ratios = DarkRatios {
                red_over_swir: 0.5,
                blue_over_red: 0.5,
                surroundings: 1.0,
                swir_load: None,
                multiple_reflection: true,
            };
            let axes = three();
            let params = InvertDarkParams { resolution: R20, axes, elevation_km, slopes, ratios, attempt: 2 };
            let stage =
                (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed + 44, R20), R20));
            let stage = stage
                .input(&bytes_image(33, R20, 4), R20)
                .input(&band(47, R60), R60)
                .input(&band(48, R60), R60);
            let stage = stage.table(&cells()).table(&cells()).table(&cells()).table(&map60(59, 0.1));
            stage.run::<InvertDark>(executor, params, &[grid::<u8>(R60), grid::<f32>(R60)])
        }),
        agree(CountRungs::NAME, &blocks(), |executor, tiling| {
            let params = CountRungsParams {
                axes: three(),
                elevation_km,
                slopes,
                loads: vec![0.4, 0.1],
                cut_off: CutOff::default(),
            };
            let mut flow = Flow::<ExecError>::new();
            let mut import =
                |image: &Array2<u16>| flow.import(FrozenPlane::from_array(&HeapStore, image, R60).unwrap());
            let bands = [50, 51, 52].map(|seed| import(&band(seed, R60)));
            let dark =
                flow.import(FrozenPlane::from_array(&HeapStore, &bytes_image(34, R60, 3), R60).unwrap());
            let class = flow.import(FrozenPlane::from_array(&HeapStore, &vegetation(R20), R20).unwrap());
            let table = flow.import(FrozenPlane::from_array(&HeapStore, &cells(), R10).unwrap());
            let heights = flow.import(FrozenPlane::from_array(&HeapStore, &map60(60, 0.1), R60).unwrap());
            let stage = flow.stage::<CountRungs>("rungs", tiling).inputs(bands).input(dark).input(class);
            let parts = stage.table(table).table(table).table(table).table(heights).run(params);
            let finished = flow.run(executor, &RunContext::default()).unwrap();
            let mut all = vec![Rung::default(); 2];
            for part in finished.get(parts).unwrap() {
                for (sum, rung) in all.iter_mut().zip(part) {
                    *sum = sum.merge(rung);
                }
            }
            vec![format!("{all:?}").into_bytes()]
        }),
    ]
}

fn maps() -> Vec<&'static str> {
    let elevation_km = MapSource::Constant(0.3);
    vec![
        agree(MarkDark::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&bytes_image(36, R20, 4), R20);
            stage.run::<MarkDark>(executor, 2, &[grid::<u8>(R20)])
        }),
        agree(SpreadLoad::NAME, &blocks(), |executor, tiling| {
            let spread = Spread { mean: 0.2, limit: 0.3, shift: -0.1, sigma_px: 2.5 };
            let scale = LoadScale::Aot550;
            let params = SpreadParams { spread, scale, which: 0, most: 9, elevation_km };
            let counts = bytes_image(35, R60, 10);
            let loads = counts.mapv(|count| f32::from(count) * 3000.0);
            let stage = Stage::new(tiling).input(&counts, R60).input(&loads, R60);
            stage.run::<SpreadLoad>(executor, params, &[grid::<f32>(R60), grid::<f32>(R60)])
        }),
        agree(RetrieveWater::NAME, &blocks(), |executor, tiling| {
            let maps =
                MapSources { load: MapSource::Table, water_cm: MapSource::Constant(0.0), elevation_km };
            let params = RetrieveWaterParams { axes: [axes(), axes()], maps, by_row: true };
            let stage = Stage::new(tiling).input(&band(53, R60), R60).input(&band(54, R60), R60);
            let stage =
                stage.input(&vegetation(R20), R20).table(&cells()).table(&cells()).table(&map60(55, 0.1));
            stage.run::<RetrieveWater>(executor, params, &[grid::<f32>(R60)])
        }),
        agree(FinishWater::NAME, &blocks(), |executor, tiling| {
            let rule = Finish { mask: WaterMask::LandMean, mean_cm: 1.5, rows_cm: Vec::new(), radius: 2 };
            let found = map60(56, 1.0).mapv(|cm| if cm > 1.15 { -1.0 - cm } else { cm });
            Stage::new(tiling).input(&found, R60).run::<FinishWater>(executor, rule, &[grid::<f32>(R60)])
        }),
        agree(Surroundings::NAME, &blocks(), |executor, tiling| {
            Stage::new(tiling).input(&band(57, R60), R60).run::<Surroundings>(
                executor,
                5,
                &[grid::<u16>(R60)],
            )
        }),
        agree(ProductMap::NAME, &blocks(), |executor, tiling| {
            let params = ProductMapParams { source: MapSource::Table, resolution: R10 };
            let stage = Stage::new(tiling).input(&bytes_image(8, R20, 12), R20).table(&map60(58, 0.1));
            stage.run::<ProductMap>(executor, params, &[grid::<u16>(R10)])
        }),
    ]
}

fn masks(folder: &Path) -> Vec<&'static str> {
    let ground = GeoTransform { epsg: 32633, ulx_m: 300_000.0, uly_m: 6_200_040.0 };
    let corners = vec![(300_013.0, 6_199_950.0), (302_900.0, 6_199_000.0), (301_111.0, 6_197_777.0)];
    let polygons = vec![(Polygon { rings: vec![corners] }, 2)];
    let (rows, cols) = EXTENT.shape(R20);
    let layout = ImageLayout { width: cols as u32, height: rows as u32, coding: Coding::byte_mask(R20, 8) };
    let planes: Vec<Array2<u8>> = (0..8).map(|seed| bytes_image(seed, R20, 2)).collect();
    let samples = Samples::U8(planes.iter().map(|plane| plane.view()).collect());
    let path = folder.join("MSK_QUALIT_B05.jp2");
    let mut bytes = Vec::new();
    write_image(&OpenJpeg, &layout, &samples, None, &mut bytes).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let index = ImageIndex::read(&FileSource::open(&path).unwrap()).unwrap();
    vec![
        agree(ReadQualityMask::NAME, &[Tiling::whole(EXTENT)], |executor, tiling| {
            let params = QualityMaskParams {
                file: FileRef::of_file(&path).unwrap(),
                display: path.clone(),
                index: index.clone(),
                from: R20,
                to: R60,
                codec: Codec::Auto,
            };
            Stage::new(tiling).run::<ReadQualityMask>(executor, params, &[grid::<u8>(R60)])
        }),
        agree(DrawQualityMask::NAME, &blocks(), |executor, tiling| {
            let params = PolygonParams { ground, from: R10, to: R20, polygons: polygons.clone() };
            Stage::new(tiling).run::<DrawQualityMask>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(MergeFlags::NAME, &blocks(), |executor, tiling| {
            let stage =
                (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&bytes_image(seed, R20, 8), R20));
            stage.run::<MergeFlags>(executor, (), &[grid::<u8>(R20)])
        }),
    ]
}

/// A GeoTIFF-free raster: an SRTM tile of 121 x 121 samples around the scene.
fn elevation_tile(folder: &Path) -> std::path::PathBuf {
    let bytes: Vec<u8> =
        (0..121 * 121).flat_map(|i| ((hash(5, i / 121, i % 121) % 900) as i16).to_be_bytes()).collect();
    let path = folder.join("N55E011.hgt");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn terrain(folder: &Path) -> Vec<&'static str> {
    let ground = GeoTransform { epsg: 32633, ulx_m: 300_000.0, uly_m: 6_200_040.0 };
    let mosaic = mosaics(&elevation_tile(folder), &ground, EXTENT, R20).unwrap().remove(0);
    let samples = mosaic.rows * mosaic.cols;
    let heights = Array2::from_shape_fn((1, samples), |(_, i)| (hash(6, 0, i) % 3000) as f32);
    let codes = Array2::from_shape_fn((1, samples), |(_, i)| (hash(7, 0, i) % 220) as u8);
    let shape = (mosaic.rows, mosaic.cols);
    let positions = mosaic.positions.clone();
    vec![
        agree(ReadElevation::NAME, &[one_unit()], |executor, tiling| {
            let spec = PlaneSpec::slots::<f32>(1, samples);
            Stage::new(tiling).run::<ReadElevation>(executor, mosaic.clone(), &[spec])
        }),
        agree(ReadCodes::NAME, &[one_unit()], |executor, tiling| {
            let params = CodesParams { mosaic: mosaic.clone(), unknown: 3 };
            Stage::new(tiling).run::<ReadCodes>(executor, params, &[PlaneSpec::slots::<u8>(1, samples)])
        }),
        agree(WarpElevation::NAME, &blocks(), |executor, tiling| {
            let params = WarpParams { resolution: R20, mosaics: vec![(shape, positions.clone())] };
            Stage::new(tiling).table(&heights).run::<WarpElevation>(executor, params, &[grid::<f32>(R20)])
        }),
        agree(WarpCodes::NAME, &blocks(), |executor, tiling| {
            let params = WarpCodesParams { resolution: R20, shape, positions: positions.clone(), unknown: 0 };
            Stage::new(tiling).table(&codes).run::<WarpCodes>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(ShadeTerrain::NAME, &blocks(), |executor, tiling| {
            let elevation = band(21, R20).mapv(f32::from);
            let sun = Direction { zenith_deg: 50.0, azimuth_deg: 150.0 };
            let params = ShadeParams { resolution: R20, sun };
            let outputs = [grid::<f32>(R20), grid::<u8>(R20)];
            Stage::new(tiling).input(&elevation, R20).run::<ShadeTerrain>(executor, params, &outputs)
        }),
        agree(StoreElevation::NAME, &blocks(), |executor, tiling| {
            let elevation = band(85, R20).mapv(|v| f32::from(v) - 500.4);
            Stage::new(tiling).input(&elevation, R20).run::<StoreElevation>(executor, (), &[grid::<u16>(R20)])
        }),
    ]
}

fn simulation() -> Vec<&'static str> {
    let sun = Direction { zenith_deg: 40.0, azimuth_deg: 150.0 };
    let scene = SceneParameters { seed: 3, extent: EXTENT, sun, clouds: true, no_data_edge: true };
    let stored = StoredBand { correction: CORRECTION, radio_add_offset: -1000 };
    let truth = |what| TruthParams { scene, resolution: R60, what };
    vec![
        agree(SimulateBand::NAME, &blocks(), |executor, tiling| {
            let params = SimulateParams { scene, band: Band::B02, stored };
            Stage::new(tiling).run::<SimulateBand>(executor, params, &[grid::<u16>(R10)])
        }),
        agree(SimulateColour::NAME, &blocks(), |executor, tiling| {
            let stage = (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed, R10), R10));
            let params = ColourParams { radio_add_offset: -1000, preview: false };
            stage.run::<SimulateColour>(
                executor,
                params,
                &[PlaneSpec::grid_with_channels::<u8>(EXTENT, R10, 3)],
            )
        }),
        agree(SurfaceTruth::NAME, &blocks(), |executor, tiling| {
            let reflectance = truth(Truth::SurfaceReflectance(Band::B09));
            let mut all = Stage::new(tiling).run::<SurfaceTruth>(executor, reflectance, &[grid::<f32>(R60)]);
            for what in [Truth::Class, Truth::Clear] {
                all.extend(Stage::new(tiling).run::<SurfaceTruth>(executor, truth(what), &[grid::<u8>(R60)]));
            }
            all
        }),
        agree(FillMask::NAME, &blocks(), |executor, tiling| {
            let spec = PlaneSpec::grid_with_channels::<u8>(EXTENT, R20, 8);
            Stage::new(tiling).run::<FillMask>(executor, vec![1, 2, 3, 4, 5, 6, 7, 8], &[spec])
        }),
    ]
}

/// Units of codec stages are the tiles of the image, so only the executors vary.
fn codec(folder: &Path) -> Vec<&'static str> {
    let coding = Coding { tile: 64, ..Coding::reflectance(R60) };
    let (rows, cols) = EXTENT.shape(R10);
    let layout = ImageLayout { width: cols as u32, height: rows as u32, coding };
    let image = band(9, R10);
    let mut bytes = Vec::new();
    write_image(&OpenJpeg, &layout, &Samples::grey16(image.view()), None, &mut bytes).unwrap();
    let path = folder.join("B02.jp2");
    std::fs::write(&path, &bytes).unwrap();
    let file = FileRef::of_file(&path).unwrap();
    let index = ImageIndex::read(&FileSource::open(&path).unwrap()).unwrap();
    let tiles = Tiling::square(EXTENT, 64);
    let preview_layout =
        ImageLayout { width: PREVIEW_EDGE as u32, height: PREVIEW_EDGE as u32, coding: Coding::preview() };
    let ground = GeoTransform { epsg: 32633, ulx_m: 300_000.0, uly_m: 6_200_040.0 };
    vec![
        agree(DecodeBand::NAME, &[tiles], |executor, tiling| {
            let params = DecodeParams {
                file: file.clone(),
                display: path.clone(),
                index: index.clone(),
                radio_add_offset: -1000,
                saturated: u16::MAX,
                codec: Codec::Auto,
            };
            let decoded = Stage::new(tiling).run::<DecodeBand>(executor, params, &[grid::<u16>(R10)]);
            let original: Vec<u8> = image.iter().flat_map(|v| v.to_le_bytes()).collect();
            assert!(decoded[0] == original, "the coder is lossless");
            decoded
        }),
        agree(EncodeImage::NAME, &[tiles], |executor, tiling| {
            let spec = PlaneSpec::slots::<u8>(layout.tile_count(), coding.tile_capacity());
            let params = EncodeParams { layout, subtract: 0, codec: Codec::Auto };
            Stage::new(tiling).input(&image, R10).run::<EncodeImage>(executor, params, &[spec])
        }),
        agree(EncodePreview::NAME, &[one_unit()], |executor, tiling| {
            let pixels =
                Array2::from_shape_fn((1, 3 * PREVIEW_EDGE * PREVIEW_EDGE), |(_, i)| (i / 700) as u8);
            let edge = PREVIEW_EDGE as u32;
            let params = PreviewParams {
                layout: preview_layout,
                gml: gml_document(&ground, 320.0, edge, edge),
                codec: Codec::Auto,
            };
            let spec = PlaneSpec::slots::<u8>(1, file_capacity(&preview_layout));
            Stage::new(tiling).table(&pixels).run::<EncodePreview>(executor, params, &[spec])
        }),
        agree(VerifyFile::NAME, &[one_unit()], |executor, tiling| {
            let entry = ManifestEntry {
                size: bytes.len() as u64,
                algorithm: Some(Algorithm::Sha3_256),
                algorithm_name: Algorithm::Sha3_256.name().to_owned(),
                checksum: Algorithm::Sha3_256.digest(&bytes),
            };
            let params = VerifyParams { file: file.clone(), entry, display: path.clone() };
            Stage::new(tiling).run::<VerifyFile>(executor, params, &[])
        }),
        inflate(folder, &bytes),
    ]
}

/// What matters is the file, not a plane.
fn writing(folder: &Path) -> Vec<&'static str> {
    let coding = Coding { tile: 64, ..Coding::reflectance(R60) };
    let layout = ImageLayout { width: 64, height: 128, coding };
    let tile = Array2::from_shape_fn((64, 64), |(row, col)| (hash(31, row, col) % 9000) as u16);
    let mut slots = Array2::zeros((2, coding.tile_capacity()));
    let lengths: Vec<u64> = (0..2)
        .map(|number| {
            let mut part = Vec::new();
            encode_tile(&OpenJpeg, &layout, number, Samples::grey16(tile.view()), &mut part).unwrap();
            slots.row_mut(number).iter_mut().zip(&part).for_each(|(slot, byte)| *slot = *byte);
            part.len() as u64
        })
        .collect();
    let path = folder.join("written");
    vec![
        agree(WriteImage::NAME, &[one_unit()], |executor, tiling| {
            let params = WriteImageParams {
                path: path.clone(),
                layout,
                gml: "<gml/>".to_owned(),
                lengths: lengths.clone(),
            };
            Stage::new(tiling).table(&slots).run::<WriteImage>(executor, params, &[]);
            vec![std::fs::read(&path).unwrap()]
        }),
        agree(WriteFile::NAME, &[one_unit()], |executor, tiling| {
            let params = WriteFileParams { path: path.clone(), length: 100 };
            Stage::new(tiling).table(&slots).run::<WriteFile>(executor, params, &[]);
            vec![std::fs::read(&path).unwrap()]
        }),
    ]
}

fn inflate(folder: &Path, bytes: &[u8]) -> &'static str {
    let archive = folder.join("product.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
    let deflated =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    // What makes it a product.
    zip.start_file("S2A.SAFE/manifest.safe", deflated).unwrap();
    zip.start_file("S2A.SAFE/B02.jp2", deflated).unwrap();
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap();
    let container = Container::open(&archive).unwrap();
    let file = container.stored("B02.jp2").unwrap();
    agree(Inflate::NAME, &[one_unit()], |executor, tiling| {
        let params = InflateParams { file: file.clone(), display: archive.clone() };
        let inflated =
            Stage::new(tiling).run::<Inflate>(executor, params, &[PlaneSpec::slots::<u8>(1, bytes.len())]);
        assert!(inflated[0] == bytes);
        inflated
    })
}

#[test]
fn every_kernel_gives_the_same_bits_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let tested: BTreeSet<&str> = [
        resampling(),
        classification(),
        late_classification(),
        per_pixel(),
        region(),
        relief(),
        cirrus(),
        retrieval(),
        maps(),
        simulation(),
        masks(folder.path()),
        terrain(folder.path()),
        codec(folder.path()),
        writing(folder.path()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let all: BTreeSet<&str> = KERNELS.names().collect();
    assert_eq!(tested, all, "a kernel without a case");
}
