//! The simulated scene under real atmospheres: classified mainly as what it is, and corrected back to its truth.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::Array2;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::angles::Direction;
use sen2cor_core::classify::{BANDS, Ground, SceneInput, Thresholds, classify_scene};
use sen2cor_core::dn;
use sen2cor_core::grid::{Extent, Resolution, Window};
use sen2cor_core::reflectance::{BandCorrection, Model, surface_reflectance};
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::simulate::{Scene, SceneParameters, StoredBand};
use sen2cor_core::table::{AtmosphereTable, Condition};
use sen2cor_io::auxiliary::lut_file;
use std::path::Path;

/// Aerosol, water vapour and sun of a test.
#[derive(Clone, Copy, Debug)]
struct Weather {
    aot_550: f64,
    water_vapour_cm: f64,
    sun_zenith_deg: f64,
}

const CLEAR: Weather = Weather { aot_550: 0.08, water_vapour_cm: 1.0, sun_zenith_deg: 30.0 };
const USUAL: Weather = Weather { aot_550: 0.2, water_vapour_cm: 2.0, sun_zenith_deg: 40.0 };
const HAZY: Weather = Weather { aot_550: 0.4, water_vapour_cm: 3.5, sun_zenith_deg: 50.0 };

fn table() -> AtmosphereTable {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/lut/s2_physical.s2lut");
    lut_file::parse(&path, &std::fs::read(&path).unwrap()).unwrap()
}

fn correction(table: &AtmosphereTable, band: Band, weather: Weather, model: Model) -> BandCorrection {
    let condition = Condition {
        spacecraft: Spacecraft::S2A,
        band,
        aerosol: Aerosol::Rural,
        sun_zenith_deg: weather.sun_zenith_deg,
        view_zenith_deg: 5.0,
        relative_azimuth_deg: 55.0,
        aot_550: weather.aot_550,
        elevation_km: 0.1,
        water_vapour_cm: weather.water_vapour_cm,
        ozone_du: 331.0,
    };
    let (functions, _) = table.evaluate(&condition).unwrap();
    BandCorrection::new(&functions, model.reference_albedo())
}

fn scene(seed: u64, edge: u32, sun_zenith_deg: f64) -> Scene {
    Scene::new(&SceneParameters {
        seed,
        extent: Extent { rows: edge, cols: edge },
        sun: Direction { zenith_deg: sun_zenith_deg, azimuth_deg: 160.0 },
        clouds: true,
        no_data_edge: false,
    })
}

fn window(edge: u32, resolution: Resolution) -> Window {
    let (rows, cols) = Extent { rows: edge, cols: edge }.shape(resolution);
    Window { row: 0, col: 0, rows, cols }
}

fn image(scene: &Scene, band: Band, grid: (Resolution, Window), correction: BandCorrection) -> Array2<u16> {
    let mut out = Array2::zeros((grid.1.rows, grid.1.cols));
    let stored_band = StoredBand { correction, radio_add_offset: -1000 };
    scene.stored_dn(band, grid.0, grid.1, &stored_band, out.view_mut());
    out.mapv_into(|stored| dn::from_stored(stored, -1000, dn::SATURATED))
}

/// Shares of a class that the classification must give to pixels that are mainly of it.
const LEAST: [(u8, &[u8], f64); 7] = [
    (3, &[3], 0.2),
    (4, &[4], 0.9),
    (5, &[5], 0.75),
    (6, &[6], 0.85),
    (9, &[9, 8], 0.9),
    (10, &[10], 0.8),
    (11, &[11], 0.95),
];

#[test]
fn classes_are_found_mainly_where_they_are() {
    let table = table();
    let edge = 900;
    for (seed, weather) in [(1, CLEAR), (1, USUAL), (7, USUAL), (1, HAZY)] {
        let scene = scene(seed, edge, weather.sun_zenith_deg);
        let grid = (Resolution::R20, window(edge, Resolution::R20));
        let bands =
            BANDS.map(|band| image(&scene, band, grid, correction(&table, band, weather, Model::Physical)));
        let input = SceneInput {
            bands: bands.each_ref().map(|band| band.view()),
            grid: Resolution::R20,
            sun: Direction { zenith_deg: weather.sun_zenith_deg, azimuth_deg: 160.0 },
            snow_possible: true,
            ground: Ground::default(),
            defective: None,
        };
        let class = classify_scene(&input, &Thresholds::default()).unwrap().class;
        let shape = class.dim();
        let mut truth = Array2::<u8>::zeros(shape);
        scene.classes(grid.0, grid.1, truth.view_mut());
        for (number, accepted, least) in LEAST {
            let found: Vec<u8> =
                class.iter().zip(&truth).filter(|(_, t)| **t == number).map(|(c, _)| *c).collect();
            let right = found.iter().filter(|c| accepted.contains(c)).count();
            let share = right as f64 / found.len() as f64;
            assert!(found.len() > 500, "{} pixels of class {number}", found.len());
            println!("{share:.3} of class {number}, seed {seed}, {weather:?}");
            assert!(share >= least, "{share:.3} of class {number}, seed {seed}, {weather:?}");
        }
    }
}

/// Only the rounding of the stored number is left: half a unit times the gain, and the slope of the last step, which is below 1.06.
#[test]
fn clear_ground_comes_back() {
    let table = table();
    let edge = 300;
    for (weather, model) in [(CLEAR, Model::Physical), (USUAL, Model::Sen2cor), (HAZY, Model::Physical)] {
        let scene = scene(3, edge, weather.sun_zenith_deg);
        for band in Band::ALL.into_iter().filter(|band| *band != Band::B10) {
            let resolution = band.native_resolution();
            let grid = (resolution, window(edge, resolution));
            let correction = correction(&table, band, weather, model);
            let image = image(&scene, band, grid, correction);
            let mut truth = Array2::zeros(image.dim());
            scene.surface_reflectance(band, resolution, grid.1, truth.view_mut());
            let mut clear = Array2::from_elem(image.dim(), false);
            scene.clear(resolution, grid.1, clear.view_mut());
            let errors = image.iter().zip(&truth).zip(&clear).filter(|(_, clear)| **clear);
            let largest = errors
                .map(|((dn, truth), _)| {
                    (surface_reflectance(dn::to_reflectance(*dn), &correction) - truth).abs()
                })
                .fold(0.0, f32::max);
            let limit = 0.5e-4 * correction.gain * 1.06;
            assert!(largest > 0.0 && largest <= limit, "{band} {largest} {limit} {weather:?} {model:?}");
        }
    }
}
