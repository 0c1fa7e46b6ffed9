//! The physical table against 6SV1.1, an independent radiative transfer code with the same aerosols and gas tables.
//!
//! The reference cases are no part of the repository; without them the test is skipped.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that reports its figures"
)]

use sen2cor_core::reflectance::{BandCorrection, Model, surface_reflectance};
use sen2cor_core::sensor::Band;
use sen2cor_core::table::Condition;
use sen2cor_io::auxiliary::lut_file::read;
use sen2cor_io::bytes::FileSource;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One line of the reference, by the names of the columns.
struct Case {
    condition: Condition,
    surface: f64,
    toa: f64,
}

fn case(row: &HashMap<&str, &str>) -> Case {
    let number = |name: &str| row[name].parse::<f64>().unwrap();
    let condition = Condition {
        spacecraft: row["satellite"].parse().unwrap(),
        band: row["band"].parse().unwrap(),
        aerosol: row["aerosol"].parse().unwrap(),
        sun_zenith_deg: number("sza_deg"),
        view_zenith_deg: number("vza_deg"),
        relative_azimuth_deg: number("raz_deg"),
        aot_550: number("aot550"),
        elevation_km: number("elevation_km"),
        water_vapour_cm: number("wv_gcm2"),
        ozone_du: number("ozone_du"),
    };
    Case { condition, surface: number("surface_reflectance"), toa: number("toa_reflectance") }
}

fn cases() -> Option<Vec<Case>> {
    let data = std::env::var_os("SEN2COR_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let path = data.join("reference/6s_reference_dev.csv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    };
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    Some(lines.map(|line| case(&names.iter().copied().zip(line.split(',')).collect())).collect())
}

/// Quantile of sorted values, linear between them.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = position as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn the_physical_table_agrees_with_6s() {
    let Some(cases) = cases() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/lut/s2_physical.s2lut");
    let table = read(&FileSource::open(&path).unwrap()).unwrap();
    let (mut toa, mut surface) = (Vec::new(), Vec::new());
    for case in &cases {
        let (functions, notes) = table.evaluate(&case.condition).unwrap();
        assert!(notes.is_empty());
        let correction = BandCorrection::new(&functions, Model::Physical.reference_albedo());
        toa.push(functions.toa_reflectance(case.surface) / case.toa - 1.0);
        if !matches!(case.condition.band, Band::B09 | Band::B10) {
            surface.push(f64::from(surface_reflectance(case.toa as f32, &correction)) - case.surface);
        }
    }
    let magnitude = sorted(toa.iter().map(|e| e.abs()));
    let median = quantile(&sorted(toa.iter().copied()), 0.5);
    let (p95, max) = (quantile(&magnitude, 0.95), quantile(&magnitude, 1.0));
    let surface_p95 = quantile(&sorted(surface.iter().map(|e| e.abs())), 0.95);
    println!(
        "{} cases: median {median:.5}, p95 {p95:.5}, max {max:.5}; surface p95 {surface_p95:.5}",
        cases.len()
    );
    assert!(cases.len() > 100);
    assert!(median.abs() <= 0.003, "median {median}");
    assert!(p95 <= 0.013, "p95 {p95}");
    assert!(max <= 0.025, "max {max}");
    assert!(surface_p95 <= 0.003, "surface p95 {surface_p95}");
}
