//! Every kernel of the table gives the same bits on every executor and for every block size.

use crate::KERNELS;
use crate::decode::one_unit;
use crate::stages::classify::{ClassifyParams, ClassifyScene};
use crate::stages::codec::{
    DecodeBand, DecodeParams, EncodeImage, EncodeParams, EncodePreview, Inflate, InflateParams,
    PreviewParams, file_capacity,
};
use crate::stages::correct::{CorrectBand, CorrectParams, FillMap, FillParams};
use crate::stages::imagery::{Preview, TrueColour};
use crate::stages::resample::{
    BlockMean, FindRange, Interpolate, InterpolateParams, MeanOfMap, MeanOfMask, ReduceClassMap,
};
use crate::stages::simulate::{
    ColourParams, FillMask, SimulateBand, SimulateColour, SimulateParams, SurfaceTruth, Truth, TruthParams,
};
use crate::stages::verify::{VerifyFile, VerifyParams};
use ndarray::Array2;
use sen2cor_core::angles::Direction;
use sen2cor_core::classify::Thresholds;
use sen2cor_core::grid::{Extent, GeoTransform, Resolution, Tiling};
use sen2cor_core::imagery::PREVIEW_EDGE;
use sen2cor_core::reflectance::BandCorrection;
use sen2cor_core::resample::{ClassReduction, Factor, ValueRange};
use sen2cor_core::sensor::Band;
use sen2cor_core::simulate::{SceneParameters, StoredBand};
use sen2cor_exec::{
    ExecError, Executor, Flow, FrozenPlane, HeapStore, Kernel, PlaneHandle, PlaneSpec, RunContext, Sample,
    Sequential, Threads,
};
use sen2cor_io::bytes::FileSource;
use sen2cor_io::checksum::Algorithm;
use sen2cor_io::jp2::{Coding, ImageIndex, ImageLayout, OpenJpeg, Samples, gml_document, write_image};
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

fn per_pixel() -> Vec<&'static str> {
    vec![
        agree(ClassifyScene::NAME, &blocks(), |executor, tiling| {
            let params =
                ClassifyParams { thresholds: Thresholds::default(), resolution: R20, snow_possible: true };
            let stage = (0..12).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed, R20), R20));
            stage.run::<ClassifyScene>(executor, params, &[grid::<u8>(R20), grid::<u8>(R20), grid::<u8>(R20)])
        }),
        agree(CorrectBand::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&band(6, R10), R10).input(&bytes_image(7, R20, 12), R20);
            stage.run::<CorrectBand>(executor, CorrectParams { correction: CORRECTION }, &[grid::<u16>(R10)])
        }),
        agree(FillMap::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&bytes_image(8, R20, 12), R20);
            stage.run::<FillMap>(executor, FillParams { value: 200 }, &[grid::<u16>(R10)])
        }),
        agree(TrueColour::NAME, &blocks(), |executor, tiling| {
            let stage = (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed, R20), R20));
            stage.run::<TrueColour>(executor, (), &[PlaneSpec::grid_with_channels::<u8>(EXTENT, R20, 3)])
        }),
        agree(Preview::NAME, &[one_unit()], |executor, tiling| {
            let stage = (0..3).fold(Stage::new(tiling), |stage, seed| stage.table(&band(seed, R20)));
            stage.run::<Preview>(executor, (), &[PlaneSpec::slots::<u8>(1, 3 * PREVIEW_EDGE * PREVIEW_EDGE)])
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
            };
            let decoded = Stage::new(tiling).run::<DecodeBand>(executor, params, &[grid::<u16>(R10)]);
            let original: Vec<u8> = image.iter().flat_map(|v| v.to_le_bytes()).collect();
            assert!(decoded[0] == original, "the coder is lossless");
            decoded
        }),
        agree(EncodeImage::NAME, &[tiles], |executor, tiling| {
            let spec = PlaneSpec::slots::<u8>(layout.tile_count(), coding.tile_capacity());
            let params = EncodeParams { layout, subtract: 0 };
            Stage::new(tiling).input(&image, R10).run::<EncodeImage>(executor, params, &[spec])
        }),
        agree(EncodePreview::NAME, &[one_unit()], |executor, tiling| {
            let pixels =
                Array2::from_shape_fn((1, 3 * PREVIEW_EDGE * PREVIEW_EDGE), |(_, i)| (i / 700) as u8);
            let edge = PREVIEW_EDGE as u32;
            let params =
                PreviewParams { layout: preview_layout, gml: gml_document(&ground, 320.0, edge, edge) };
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
    let tested: BTreeSet<&str> =
        [resampling(), per_pixel(), simulation(), codec(folder.path())].into_iter().flatten().collect();
    let all: BTreeSet<&str> = KERNELS.names().collect();
    assert_eq!(tested, all, "a kernel without a case");
}
