//! Elevation, cirrus, aerosol fallbacks and masks of whole runs: what the options ask for happens, and the product says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Scene, files, find};
use ndarray::Array2;
use sen2cor::core::reflectance::BrdfCode;
use sen2cor::{Execution, Model, Options, OutputResolution, Processor, RawOptions, RunReport, Strategy};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

impl Scene {
    fn run(&self, name: &str, execution: &Execution, set: impl FnOnce(&mut RawOptions)) -> RunReport {
        let mut raw = RawOptions::default();
        raw.product.resolution = Some(OutputResolution::R20);
        raw.product.generation_time = Some("2026-01-02T03:04:05Z".parse().unwrap());
        set(&mut raw);
        Processor::new(&self.level_1c)
            .with_options(Options::try_from(raw).unwrap())
            .with_output_dir(self.path(name))
            .with_executor(execution.start().unwrap())
            .run()
            .unwrap()
    }

    fn simple(&self, name: &str, set: impl FnOnce(&mut RawOptions)) -> RunReport {
        self.run(name, &Execution::default(), set)
    }

    /// An SRTM tile of 3 arc seconds under the scene.
    fn elevation(&self, name: &str, metres: impl Fn(usize, usize) -> i16) -> PathBuf {
        let folder = self.path(name);
        std::fs::create_dir_all(&folder).unwrap();
        let samples = (0..1201 * 1201).flat_map(|i| metres(i / 1201, i % 1201).to_be_bytes());
        std::fs::write(folder.join("N55E011.hgt"), samples.collect::<Vec<u8>>()).unwrap();
        folder
    }
}

fn image(report: &RunReport, suffix: &str) -> Array2<u16> {
    common::image(&find(&report.products[0], suffix).unwrap_or_else(|| panic!("no {suffix}")))
}

/// All images by name.
fn images(report: &RunReport) -> BTreeMap<String, Vec<u8>> {
    let images = files(&report.products[0]).into_iter();
    let images = images.filter(|path| path.extension().is_some_and(|extension| extension == "jp2"));
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    images.map(|path| (name(&path), std::fs::read(&path).unwrap())).collect()
}

fn assert_same_images(a: &RunReport, b: &RunReport) {
    let (a, b) = (images(a), images(b));
    assert!(a.len() > 20 && a.len() == b.len());
    let differing: Vec<_> =
        a.iter().filter(|(name, bytes)| b[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differing.is_empty(), "{differing:?}");
}

fn value<'a>(report: &'a RunReport, name: &str) -> Option<&'a str> {
    report.values.iter().find(|value| value.name.starts_with(name)).map(|value| value.value.as_str())
}

fn has_note(report: &RunReport, code: &str) -> bool {
    report.quality.entries().iter().any(|entry| entry.note.code() == code)
}

/// Hills of 400 m, about 2 km apart.
fn hills(row: usize, col: usize) -> i16 {
    let (down, right) = (row as f64 / 4.0, col as f64 / 6.0);
    (300.0 + 200.0 * down.sin() * right.cos()) as i16
}

#[test]
fn flat_ground_is_ground_of_its_elevation() {
    let scene = Scene::of_size(240);
    let dem = scene.elevation("dem", |_, _| 321);
    for model in Model::ALL {
        let by_model = scene.simple(&format!("dem-{model}"), |raw| {
            raw.atmosphere.model = Some(model);
            raw.auxiliary.dem = Some(dem.clone());
        });
        let by_option = scene.simple(&format!("option-{model}"), |raw| {
            raw.atmosphere.model = Some(model);
            raw.atmosphere.elevation_km = Some(0.321);
        });
        assert_eq!(value(&by_model, "ground used"), Some("flat, of the mean elevation"));
        assert_same_images(&by_model, &by_option);
    }
}

#[test]
fn hills_give_the_same_bits_everywhere() {
    let scene = Scene::of_size(300);
    let dem = scene.elevation("dem", hills);
    let run = |name: &str, strategy, workers, block_cells| {
        let execution = Execution { strategy, workers, ..Execution::default() };
        scene.run(name, &execution, |raw| {
            raw.product.resolution = Some(OutputResolution::All);
            raw.atmosphere.model = Some(Model::Physical);
            raw.auxiliary.dem = Some(dem.clone());
            raw.terrain.brdf_correction = Some(BrdfCode::Code22);
            raw.terrain.terrain_range_km = Some(0.2);
            raw.cirrus.cirrus_correction = Some(true);
            raw.execution.block_cells = Some(block_cells);
        })
    };
    let reference = run("one", Strategy::Sequential, 1, 300);
    assert_eq!(value(&reference, "ground used"), Some("sloping"));
    assert!(value(&reference, "steep ground").unwrap().parse::<f64>().unwrap() > 20.0);
    assert_same_images(&reference, &run("many", Strategy::Threads, 3, 60));
}

#[test]
fn slopes_and_their_options_change_what_they_should() {
    let scene = Scene::of_size(240);
    let dem = scene.elevation("dem", hills);
    let run = |name: &str, set: &dyn Fn(&mut RawOptions)| {
        scene.simple(name, |raw| {
            raw.auxiliary.dem = Some(dem.clone());
            raw.atmosphere.visibility_km = Some(40.0);
            set(raw);
        })
    };
    let slopes = run("slopes", &|_| {});
    let level = run("level", &|raw| raw.terrain.terrain_correction = Some(false));
    let (a, b) = (image(&slopes, "_B04_20m.jp2"), image(&level, "_B04_20m.jp2"));
    let changed = a.iter().zip(&b).filter(|(a, b)| a.abs_diff(**b) > 20).count();
    assert!(changed * 3 > a.len(), "{changed} of {}", a.len());
    let saturated = a.iter().filter(|v| **v > 15_000).count();
    assert!(saturated * 100 < a.len(), "{saturated} of {} are cut off", a.len());
    // A large threshold makes the same ground flat.
    let flat = run("flat", &|raw| {
        raw.terrain.relief_threshold_m = Some(9000.0);
        raw.terrain.steep_share_threshold = Some(1.0);
    });
    assert_eq!(value(&flat, "ground used"), Some("flat, of the mean elevation"));
    let spread = |report: &RunReport| {
        let map = image(report, "_AOT_20m.jp2");
        map.iter().filter(|v| **v > 0).max().unwrap() - map.iter().filter(|v| **v > 0).min().unwrap()
    };
    assert_eq!(spread(&flat), 0);
    assert!(spread(&slopes) > 5, "the optical depth follows the elevation");
    let grazing = run("grazing", &|raw| raw.terrain.brdf_correction = Some(BrdfCode::Code1));
    let c = image(&grazing, "_B04_20m.jp2");
    let sum = |image: &Array2<u16>| image.iter().map(|v| u64::from(*v)).sum::<u64>();
    assert!(sum(&c) < sum(&a), "{} {}", sum(&c), sum(&a));
}

/// Mountains as they are, from a file of the Alps that is laid under the scene.
#[test]
fn real_mountains_are_corrected_for() {
    let data = std::env::var_os("SEN2COR_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let file = data.join("dem/N45E006.hgt");
    if !file.is_file() {
        eprintln!("skipped: {} is not there", file.display());
        return;
    }
    let scene = Scene::of_size(600);
    let dem = scene.path("alps");
    std::fs::create_dir_all(&dem).unwrap();
    std::fs::copy(&file, dem.join("N55E011.hgt")).unwrap();
    for model in Model::ALL {
        let report = scene.simple(&format!("alps-{model}"), |raw| {
            raw.atmosphere.model = Some(model);
            raw.auxiliary.dem = Some(dem.clone());
        });
        assert_eq!(value(&report, "ground used"), Some("sloping"));
        let (b04, scl) = (image(&report, "_B04_20m.jp2"), image(&report, "_SCL_20m.jp2"));
        let holes = b04.iter().zip(&scl).filter(|(b04, scl)| (**b04 == 0) != (**scl == 0)).count();
        let dazzling = b04.iter().filter(|v| **v > 15_000).count();
        assert!(holes == 0 && dazzling * 50 < b04.len(), "{model}: {holes} holes, {dazzling} dazzling");
    }
}

#[test]
fn cirrus_is_taken_off_on_request() {
    let scene = Scene::of_size(600);
    let plain = scene.simple("plain", |_| {});
    assert!(value(&plain, "cirrus_factor").is_none() && !has_note(&plain, "CIRRUS_NOT_CORRECTED"));
    let clear = scene.simple("clear", |raw| raw.cirrus.cirrus_correction = Some(true));
    let found = value(&clear, "cirrus_factor").is_some();
    assert_ne!(found, has_note(&clear, "CIRRUS_NOT_CORRECTED"));
    let (a, b) = (image(&plain, "_SCL_20m.jp2"), image(&clear, "_SCL_20m.jp2"));
    assert_eq!(a, b, "the classification sees the cirrus");
    if found {
        let (a, b) = (image(&plain, "_B02_20m.jp2"), image(&clear, "_B02_20m.jp2"));
        assert!(a != b);
    }
    let dry = scene.simple("dry", |raw| {
        raw.cirrus.cirrus_correction = Some(true);
        raw.atmosphere.water_vapour_cm = Some(0.2);
    });
    assert!(has_note(&dry, "CIRRUS_NOT_CORRECTED"));
}

#[test]
fn the_mask_of_dark_vegetation_holds_the_pixels_that_were_used() {
    let scene = Scene::of_size(600);
    let report = scene.simple("mask", |raw| raw.retrieval.ddv_output = Some(true));
    assert_eq!(value(&report, "aerosol_method"), Some("dark dense vegetation"));
    let mask = image(&report, "MSK_DDVPXL_20m.jp2");
    let marked: u64 = mask.iter().map(|v| u64::from(*v)).sum();
    assert_eq!(value(&report, "dark_pixels").unwrap().parse::<u64>().unwrap(), marked);
    assert!(marked > 0 && mask.iter().all(|v| *v <= 1));
    let tile = find(&report.products[0], "MTD_TL.xml").unwrap();
    assert!(std::fs::read_to_string(tile).unwrap().contains("MSK_DDVPXL_20m"));
    let plain = scene.simple("plain", |_| {});
    assert!(find(&plain.products[0], "MSK_DDVPXL_20m.jp2").is_none());
    let mut raw = RawOptions::default();
    raw.retrieval.ddv_output = Some(true);
    raw.atmosphere.aot_550 = Some(0.1);
    assert!(Options::try_from(raw).is_err());
}

/// Without enough dark vegetation the forecast of the product is taken, and without that what is assumed.
#[test]
fn the_forecast_takes_the_place_of_dark_vegetation() {
    let scene = Scene::of_size(300);
    let run = |name: &str| scene.simple(name, |raw| raw.retrieval.dark_area_percent = Some(100.0));
    let report = run("forecast");
    assert_eq!(value(&report, "aerosol_method"), Some("forecast in the product"));
    assert!(has_note(&report, "AEROSOL_FALLBACK"));
    let metadata = |report: &RunReport| {
        let file = find(&report.products[0], "MTD_MSIL2A.xml").unwrap();
        std::fs::read_to_string(file).unwrap()
    };
    assert!(metadata(&report).contains(">CAMS<"));
    let granule = std::fs::read_dir(scene.level_1c.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(granule.join("AUX_DATA/AUX_CAMSFO")).unwrap();
    let manifest = scene.level_1c.join("manifest.safe");
    std::fs::remove_file(manifest).unwrap();
    let without = run("without");
    assert_ne!(value(&without, "aerosol_method"), Some("forecast in the product"));
    assert!(metadata(&without).contains(">DEFAULT<"));
}
