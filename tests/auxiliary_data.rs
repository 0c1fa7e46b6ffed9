//! Elevation, maps and weather of a run: each alone changes what it should change, and the product says what was used.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Scene, find, image};
use sen2cor::core::grid::Resolution;
use sen2cor::{
    AuxiliaryOptions, FailureKind, Options, OutputResolution, Processor, ProductOptions, RunReport,
};
use std::path::{Path, PathBuf};

/// A GeoTIFF of bytes: one strip, no compression, longitude and latitude on WGS 84.
fn geotiff(path: &Path, (rows, cols): (u16, u16), corner_deg: (f64, f64), step_deg: f64, code: u8) {
    let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
    let entries = 12u16;
    let after = 8 + 2 + usize::from(entries) * 12 + 4;
    let mut data: Vec<u8> = Vec::new();
    let mut doubles = |values: &[f64]| {
        let at = (after + data.len()) as u32;
        data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        at
    };
    let scale = doubles(&[step_deg, step_deg, 0.0]);
    let tie = doubles(&[0.0, 0.0, 0.0, corner_deg.0, corner_deg.1, 0.0]);
    let keys_at = (after + data.len()) as u32;
    let keys: [u16; 16] = [1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326];
    data.extend(keys.iter().flat_map(|v| v.to_le_bytes()));
    let pixels_at = (after + data.len()) as u32;
    let pixels = u32::from(rows) * u32::from(cols);
    file.extend(entries.to_le_bytes());
    for (tag, kind, count, value) in [
        (256u16, 3u16, 1u32, u32::from(cols)),
        (257, 3, 1, u32::from(rows)),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, pixels_at),
        (277, 3, 1, 1),
        (278, 3, 1, u32::from(rows)),
        (279, 4, 1, pixels),
        (33550, 12, 3, scale),
        (33922, 12, 6, tie),
        (34735, 3, 16, keys_at),
    ] {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file.extend(data);
    file.extend(vec![code; pixels as usize]);
    std::fs::write(path, file).unwrap();
}

/// An SRTM tile of 121 x 121 samples with one elevation.
fn elevation_tile(folder: &Path, elevation_m: i16) {
    std::fs::create_dir_all(folder).unwrap();
    let samples: Vec<u8> = std::iter::repeat_n(elevation_m.to_be_bytes(), 121 * 121).flatten().collect();
    std::fs::write(folder.join("N55E011.hgt"), samples).unwrap();
}

impl Scene {
    fn run(&self, name: &str, auxiliary: AuxiliaryOptions) -> sen2cor::Result<RunReport> {
        let product = ProductOptions { resolution: OutputResolution::R60, ..ProductOptions::default() };
        let options = Options { product, auxiliary, ..Options::default() };
        Processor::new(&self.level_1c).with_options(options).with_output_dir(self.path(name)).run()
    }

    /// Number of pixels by class.
    fn classes(&self, name: &str, auxiliary: AuxiliaryOptions) -> [usize; 12] {
        let report = self.run(name, auxiliary).unwrap();
        let suffix = format!("_SCL_{}.jp2", Resolution::R60.suffix());
        let file = find(&report.products[0], &suffix).unwrap();
        let map = image(&file);
        std::array::from_fn(|class| map.iter().filter(|c| usize::from(**c) == class).count())
    }
}

fn codes(report: &RunReport) -> Vec<&'static str> {
    report.quality.entries().iter().map(|entry| entry.note.code()).collect()
}

#[test]
fn each_map_alone_changes_what_it_should() {
    let scene = Scene::of_size(600);
    let none = AuxiliaryOptions::default;
    let plain = scene.classes("plain", none());
    assert!(plain[10] > 0 && plain[11] > 0 && plain[2] + plain[7] > 0, "{plain:?}");

    elevation_tile(&scene.path("high"), 2000);
    let dem = |name: &str| AuxiliaryOptions { dem: Some(scene.path(name)), ..none() };
    let high = scene.classes("out-high", dem("high"));
    assert_eq!(high[10], 0, "thin cirrus is looked for below 1500 m only");
    elevation_tile(&scene.path("low"), 100);
    assert_eq!(scene.classes("out-low", dem("low")), plain, "level ground below 1500 m changes nothing");

    let water = scene.path("water.tif");
    geotiff(&water, (40, 60), (11.0, 56.5), 0.05, 2);
    let wet = scene.classes("out-water", AuxiliaryOptions { water_bodies: Some(water), ..none() });
    assert!(wet[6] > plain[6] && wet[7] < plain[7].max(1) + plain[2], "{wet:?} {plain:?}");

    let never = scene.path("never.tif");
    geotiff(&never, (360, 720), (-180.0, 90.0), 0.5, 0);
    let bare = scene.classes("out-never", AuxiliaryOptions { snow_climatology: Some(never), ..none() });
    assert_eq!(bare[11], 0, "no snow where there is never any");

    let town = scene.path("town.tif");
    geotiff(&town, (40, 60), (11.0, 56.5), 0.05, 190);
    let built = scene.classes("out-town", AuxiliaryOptions { land_cover: Some(town), ..none() });
    assert!(built[5] > plain[5], "{built:?} {plain:?}");

    let weeks = scene.path("weeks");
    std::fs::create_dir(&weeks).unwrap();
    geotiff(&weeks.join("x-20000527-v2.0.tif"), (40, 60), (11.0, 56.5), 0.05, 254);
    let sea = scene.classes("out-weeks", AuxiliaryOptions { snow_condition: Some(weeks), ..none() });
    assert_eq!(sea, plain, "a condition that is water everywhere is not used");
}

#[test]
fn the_record_says_what_was_used_and_what_was_not() {
    let scene = Scene::of_size(600);
    let report = scene.run("none", AuxiliaryOptions::default()).unwrap();
    assert!(
        codes(&report).contains(&"NO_ELEVATION_MODEL") && codes(&report).contains(&"NO_SNOW_CLIMATOLOGY")
    );
    let ozone = report.values.iter().find(|value| value.name == "ozone_du").unwrap();
    assert_eq!(ozone.source, "AUX_ECMWFT of the product");
    assert!((ozone.value.parse::<f64>().unwrap() - 331.0).abs() < 0.01, "{ozone:?}");

    elevation_tile(&scene.path("dem"), 321);
    let auxiliary = AuxiliaryOptions { dem: Some(scene.path("dem")), ..AuxiliaryOptions::default() };
    let report = scene.run("dem-out", auxiliary).unwrap();
    assert!(!codes(&report).contains(&"NO_ELEVATION_MODEL"), "{:?}", codes(&report));
    let elevation = report.values.iter().find(|value| value.name.starts_with("elevation_m")).unwrap();
    assert_eq!(elevation.value, "321.0 321.0 321.0");

    let elsewhere = scene.path("elsewhere.tif");
    geotiff(&elsewhere, (10, 10), (100.0, 10.0), 0.1, 2);
    let auxiliary = AuxiliaryOptions { water_bodies: Some(elsewhere), ..AuxiliaryOptions::default() };
    assert!(codes(&scene.run("elsewhere", auxiliary).unwrap()).contains(&"MAP_ELSEWHERE"));

    std::fs::write(scene.path("bad.tif"), b"not a TIFF").unwrap();
    for bad in ["bad.tif", "missing.tif"] {
        let auxiliary = AuxiliaryOptions { land_cover: Some(scene.path(bad)), ..AuxiliaryOptions::default() };
        let error = scene.run("bad", auxiliary).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Auxiliary, "{error}");
    }
}

#[test]
fn products_without_their_side_folders_are_processed() {
    let scene = Scene::of_size(600);
    let granule = std::fs::read_dir(scene.level_1c.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
    for folder in ["AUX_DATA", "HTML", "rep_info", "DATASTRIP"].map(|name| scene.level_1c.join(name)) {
        let _ = std::fs::remove_dir_all(folder);
    }
    std::fs::remove_dir_all(granule.join("AUX_DATA")).unwrap();
    std::fs::remove_dir_all(granule.join("QI_DATA")).unwrap();
    for file in ["INSPIRE.xml", "manifest.safe"] {
        std::fs::remove_file(scene.level_1c.join(file)).unwrap();
    }
    let report = scene.run("bare", AuxiliaryOptions::default()).unwrap();
    let told = codes(&report);
    for code in ["NO_MANIFEST", "DEFAULT_OZONE", "NO_QUALITY_MASKS"] {
        assert!(told.contains(&code), "{code} is not among {told:?}");
    }
    let text = sen2cor::inspect(&scene.level_1c).unwrap().to_string();
    for missing in ["manifest", "datastrip metadata", "weather (AUX_ECMWFT)", "mask MSK_QUALIT B05"] {
        let line = text.lines().find(|line| line.contains("missing") && line.contains(missing));
        assert!(line.is_some(), "{missing} is not named:\n{text}");
    }
}

#[test]
fn images_on_request_are_written_or_left_out() {
    let scene = Scene::of_size(600);
    elevation_tile(&scene.path("dem"), 321);
    let run = |name: &str, dem: Option<PathBuf>, averages: bool| {
        let product = ProductOptions {
            resolution: OutputResolution::R20,
            dem_output: true,
            tci_output: false,
            downsample_20_to_60: averages,
            ..ProductOptions::default()
        };
        let auxiliary = AuxiliaryOptions { dem, ..AuxiliaryOptions::default() };
        let options = Options { product, auxiliary, ..Options::default() };
        let run = Processor::new(&scene.level_1c).with_options(options).with_output_dir(scene.path(name));
        run.run().unwrap()
    };
    let report = run("with", Some(scene.path("dem")), true);
    let product = &report.products[0];
    for (name, pixels) in [("_DEM_20m.jp2", 300 * 300), ("_DEM_60m.jp2", 100 * 100)] {
        let file = find(product, name).unwrap();
        assert!(file.parent().unwrap().ends_with("AUX_DATA"), "{}", file.display());
        let image = image(&file);
        assert_eq!((image.len(), image.iter().all(|metres| *metres == 321)), (pixels, true), "{name}");
        let manifest = std::fs::read_to_string(product.join("manifest.safe")).unwrap();
        assert!(manifest.contains(name), "{name} is not in the manifest");
    }
    assert_eq!(find(product, "_TCI_20m.jp2"), None);
    assert!(find(product, "_B09_60m.jp2").is_some());

    let report = run("without", None, false);
    assert!(codes(&report).contains(&"NO_ELEVATION_TO_WRITE"), "{:?}", codes(&report));
    let product = &report.products[0];
    assert!(find(product, "_B04_20m.jp2").is_some() && find(product, "_CLDPRB_20m.jp2").is_some());
    for absent in ["_60m.jp2", "_DEM_20m.jp2"] {
        assert_eq!(find(product, absent), None, "{absent}");
    }
}
