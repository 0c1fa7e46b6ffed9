//! Compares an atmospheric table with reference cases of an independent radiative transfer code (6SV1.1).
//!
//! ```text
//! cargo run --release --example validate_6s -- FILE.csv [TABLE.s2lut]
//! ```
//!
//! Prints one line per band and a verdict over all, and ends with 0 only if all limits are kept. Without a second argument the
//! physical table of the project is taken. The columns of the file are found by name: `satellite`, `band`, `sza_deg`,
//! `vza_deg`, `raz_deg` (0 = backscatter), `aerosol`, `aot550`, `wv_gcm2`, `ozone_du` (columns above the ground),
//! `elevation_km`, `surface_reflectance`, `toa_reflectance`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that reports to the terminal")]

use sen2cor_core::reflectance::{BandCorrection, Model, surface_reflectance};
use sen2cor_core::sensor::Band;
use sen2cor_core::table::{AtmosphereTable, Condition};
use sen2cor_io::auxiliary::lut_file::read;
use sen2cor_io::bytes::FileSource;
use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Limits over all bands: median, 95th percentile and maximum of the relative difference at the top of the atmosphere, and the
/// 95th percentile of the difference in surface reflectance (without B09 and B10, which see little or no ground).
const TOA_MEDIAN: f64 = 0.003;
const TOA_P95: f64 = 0.013;
const TOA_MAX: f64 = 0.025;
const SURFACE_P95: f64 = 0.003;

/// A reference case.
struct Case {
    condition: Condition,
    surface: f64,
    toa: f64,
}

/// What was found for a case.
struct Difference {
    band: Band,
    /// Relative difference of the simulated reflectance at the top of the atmosphere.
    toa: f64,
    /// Difference of the retrieved surface reflectance.
    surface: f64,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let csv = arguments.next().ok_or("usage: validate_6s FILE.csv [TABLE.s2lut]")?;
    let table = arguments
        .next()
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("data/lut/s2_physical.s2lut"));
    let table = read(&FileSource::open(&table)?)?;
    let cases = read_cases(&std::fs::read_to_string(&csv)?)?;
    let differences = cases.iter().map(|case| compare(&table, case)).collect::<Result<Vec<_>, _>>()?;
    if differences.is_empty() {
        return Err(format!("{}: no cases", csv.display()).into());
    }
    println!("{:4} {:>5}  top of atmosphere, %        surface, 1e-3", "band", "cases");
    println!(
        "{:4} {:>5} {:>7} {:>7} {:>7}  {:>7} {:>7} {:>7}",
        "", "", "median", "p95", "max", "median", "p95", "max"
    );
    for band in Band::ALL {
        let of_band: Vec<&Difference> = differences.iter().filter(|d| d.band == band).collect();
        if !of_band.is_empty() {
            print_line(band.name(), &of_band, &of_band);
        }
    }
    Ok(verdict(&differences))
}

fn read_cases(text: &str) -> Result<Vec<Case>, Box<dyn Error>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    lines.map(|line| read_case(&names.iter().copied().zip(line.split(',')).collect())).collect()
}

fn read_case(row: &HashMap<&str, &str>) -> Result<Case, Box<dyn Error>> {
    let text = |name: &str| row.get(name).copied().ok_or_else(|| format!("column {name} is missing"));
    let number = |name: &str| -> Result<f64, Box<dyn Error>> { Ok(text(name)?.parse()?) };
    let condition = Condition {
        spacecraft: text("satellite")?.parse()?,
        band: text("band")?.parse()?,
        aerosol: text("aerosol")?.parse()?,
        sun_zenith_deg: number("sza_deg")?,
        view_zenith_deg: number("vza_deg")?,
        relative_azimuth_deg: number("raz_deg")?,
        aot_550: number("aot550")?,
        elevation_km: number("elevation_km")?,
        water_vapour_cm: number("wv_gcm2")?,
        ozone_du: number("ozone_du")?,
    };
    Ok(Case { condition, surface: number("surface_reflectance")?, toa: number("toa_reflectance")? })
}

fn compare(table: &AtmosphereTable, case: &Case) -> Result<Difference, Box<dyn Error>> {
    let (functions, _) = table.evaluate(&case.condition)?;
    let correction = BandCorrection::new(&functions, Model::Physical.reference_albedo());
    Ok(Difference {
        band: case.condition.band,
        toa: functions.toa_reflectance(case.surface) / case.toa - 1.0,
        surface: f64::from(surface_reflectance(case.toa as f32, &correction)) - case.surface,
    })
}

/// Median of the values, 95th percentile and maximum of their magnitudes.
fn statistics(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let median = quantile(&values, 0.5);
    for value in &mut values {
        *value = value.abs();
    }
    values.sort_by(f64::total_cmp);
    [median, quantile(&values, 0.95), quantile(&values, 1.0)]
}

/// Quantile of sorted values, linear between them.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * sorted.len().saturating_sub(1) as f64;
    let at = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or(f64::NAN);
    let below = position as usize;
    at(below) + (position - below as f64) * (at(below + 1) - at(below))
}

fn print_line(name: &str, toa: &[&Difference], surface: &[&Difference]) -> ([f64; 3], [f64; 3]) {
    let above = statistics(toa.iter().map(|d| d.toa));
    let below = statistics(surface.iter().map(|d| d.surface));
    let [m, p, x] = above.map(|v| v * 100.0);
    let [n, q, y] = below.map(|v| v * 1000.0);
    println!("{name:4} {:5} {m:7.2} {p:7.2} {x:7.2}  {n:7.2} {q:7.2} {y:7.2}", toa.len());
    (above, below)
}

fn verdict(differences: &[Difference]) -> bool {
    let all: Vec<&Difference> = differences.iter().collect();
    let sees_ground = |d: &&Difference| !matches!(d.band, Band::B09 | Band::B10);
    let ground: Vec<&Difference> = differences.iter().filter(sees_ground).collect();
    let ([median, p95, max], [_, surface_p95, _]) = print_line("all", &all, &ground);
    println!("(surface over all: {} cases, without B09 and B10)", ground.len());
    let within = median.abs() <= TOA_MEDIAN && p95 <= TOA_P95 && max <= TOA_MAX && surface_p95 <= SURFACE_P95;
    println!("{}", if within { "within the limits" } else { "NOT within the limits" });
    within
}
