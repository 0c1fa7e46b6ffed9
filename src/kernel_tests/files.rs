//! What reads and writes files: masks, elevation, images, the simulation.

use super::{CORRECTION, EXTENT, Stage, agree, band, blocks, bytes_image, grid, hash};
use crate::decode::one_unit;
use crate::stages::codec::{
    DecodeBand, DecodeParams, EncodeImage, EncodeParams, EncodePreview, Inflate, InflateParams,
    PreviewParams, file_capacity,
};
use crate::stages::masks::{DrawQualityMask, MergeFlags, PolygonParams, QualityMaskParams, ReadQualityMask};
use crate::stages::simulate::{
    ColourParams, FillMask, SimulateBand, SimulateColour, SimulateParams, SurfaceTruth, Truth, TruthParams,
};
use crate::stages::terrain::{
    CodesParams, ReadCodes, ReadElevation, ShadeParams, ShadeTerrain, StoreElevation, WarpCodes,
    WarpCodesParams, WarpElevation, WarpParams,
};
use crate::stages::verify::{VerifyFile, VerifyParams};
use crate::stages::write::{WriteFile, WriteFileParams, WriteImage, WriteImageParams};
use ndarray::Array2;
use sen2cor_core::angles::Direction;
use sen2cor_core::grid::Resolution::{R10, R20, R60};
use sen2cor_core::grid::{GeoTransform, Tiling};
use sen2cor_core::imagery::PREVIEW_EDGE;
use sen2cor_core::masks::Polygon;
use sen2cor_core::sensor::Band;
use sen2cor_core::simulate::{SceneParameters, StoredBand};
use sen2cor_exec::{Kernel, PlaneSpec};
use sen2cor_io::bytes::FileSource;
use sen2cor_io::checksum::Algorithm;
use sen2cor_io::jp2::{
    Codec, Coding, ImageIndex, ImageLayout, OpenJpeg, Samples, encode_tile, gml_document, write_image,
};
use sen2cor_io::raster::mosaics;
use sen2cor_io::safe::{Container, FileRef, ManifestEntry};
use std::io::Write as _;
use std::path::Path;

pub(super) fn masks(folder: &Path) -> Vec<&'static str> {
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

pub(super) fn terrain(folder: &Path) -> Vec<&'static str> {
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

pub(super) fn simulation() -> Vec<&'static str> {
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
pub(super) fn codec(folder: &Path) -> Vec<&'static str> {
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
            Stage::new(tiling).input(&image, R10).run_slots::<EncodeImage>(executor, params, spec)
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
            Stage::new(tiling).table(&pixels).run_slots::<EncodePreview>(executor, params, spec)
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
pub(super) fn writing(folder: &Path) -> Vec<&'static str> {
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
