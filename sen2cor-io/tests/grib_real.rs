//! Weather files of real products against means that ecCodes decoded (`aux/means.csv` of the test data).

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "how much was compared")]

use sen2cor_io::auxiliary::grib::GribMessage;
use sen2cor_io::auxiliary::{AerosolForecast, DOBSON_PER_KG_M2, Weather};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

mod l1c_common;

/// Column of the table, parameter table, number.
const FIELDS: [(&str, u8, u8); 17] = [
    ("z", 128, 129),
    ("aod469", 210, 213),
    ("aod550", 210, 207),
    ("aod670", 210, 214),
    ("aod865", 210, 215),
    ("aod1240", 210, 216),
    ("bcaod550", 210, 211),
    ("duaod550", 210, 209),
    ("omaod550", 210, 210),
    ("ssaod550", 210, 208),
    ("suaod550", 210, 212),
    ("tcwv", 128, 137),
    ("msl", 128, 151),
    ("tco3", 128, 206),
    ("10u", 128, 165),
    ("10v", 128, 166),
    ("r", 128, 157),
];

struct Row {
    product: String,
    kind: String,
    values: HashMap<String, String>,
}

/// Rows of a table whose cells may be quoted.
fn rows(text: &str) -> Vec<Row> {
    let split = |line: &str| {
        let mut cells = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                c => cells.last_mut().unwrap().push(c),
            }
        }
        cells
    };
    let mut lines = text.lines();
    let names = split(lines.next().unwrap());
    lines
        .map(|line| {
            let values: HashMap<_, _> = names.iter().cloned().zip(split(line)).collect();
            Row { product: values["product"].clone(), kind: format!("AUX_{}", values["kind"]), values }
        })
        .collect()
}

fn folder() -> Option<PathBuf> {
    l1c_common::data().map(|folder| folder.join("aux"))
}

#[test]
fn means_are_those_of_another_decoder() {
    let Some(folder) = folder() else { return };
    let table = std::fs::read_to_string(folder.join("means.csv")).unwrap();
    let (mut files, mut means) = (0, 0);
    // Some products have several granules but only the file of one is there.
    for rows_of_file in by_file(rows(&table)).values() {
        let path = folder.join(&rows_of_file[0].product).join(&rows_of_file[0].kind);
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let messages = GribMessage::read_all(&path, &bytes).unwrap();
        let matching = rows_of_file.iter().filter(|row| agrees(row, &messages)).count();
        assert!(matching >= 1, "{}: no row of the table agrees", path.display());
        files += 1;
        means += messages.len();
    }
    assert!(files >= 36 && means >= 200, "{files} files, {means} means");
    println!("{files} files, {means} fields compared");
}

fn by_file(rows: Vec<Row>) -> HashMap<(String, String), Vec<Row>> {
    let mut files: HashMap<_, Vec<Row>> = HashMap::new();
    for row in rows {
        files.entry((row.product.clone(), row.kind.clone())).or_default().push(row);
    }
    files
}

/// Whether number of messages, time, grid and all means agree: means to a relative 1e-9.
fn agrees(row: &Row, messages: &[GribMessage]) -> bool {
    let text = |name: &str| row.values[name].as_str();
    let number = |name: &str| text(name).parse::<f64>().unwrap();
    if text("msgs") != messages.len().to_string() {
        return false;
    }
    let corners = |name| -> Vec<f64> {
        text(name).trim_matches(['(', ')']).split(", ").map(|word| word.parse().unwrap()).collect()
    };
    let (lat, lon) = (corners("lat"), corners("lon"));
    let time = {
        let (date, hhmm) = (number("date") as i64, number("time") as i64);
        let minutes = match (text("tri"), text("unit")) {
            ("10", "0") => number("fc"),
            _ => number("fc") * 60.0,
        } as i64;
        let day = format!("{:04}-{:02}-{:02}", date / 10_000, date / 100 % 100, date % 100);
        let start: jiff::Timestamp =
            format!("{day}T{:02}:{:02}:00Z", hhmm / 100, hhmm % 100).parse().unwrap();
        start + jiff::SignedDuration::from_mins(minutes)
    };
    messages.iter().all(|message| {
        let field = FIELDS.iter().find(|f| (f.1, f.2) == (message.parameter.table, message.parameter.number));
        let Some((name, ..)) = field else { return false };
        let (found, expected) = (message.mean().unwrap(), number(name));
        let grid = &message.grid;
        // The table holds eastern longitudes beyond 180 as such.
        let turned = |a: f64, b: f64| (a - b).rem_euclid(360.0).min((b - a).rem_euclid(360.0)) < 1e-6;
        (found - expected).abs() <= expected.abs() * 1e-9
            && (grid.north_deg, grid.south_deg) == (lat[0], lat[1])
            && turned(grid.west_deg, lon[0])
            && turned(grid.east_deg, lon[1])
            && message.valid_time == time
    })
}

#[test]
fn the_models_of_the_files_are_filled() {
    let Some(folder) = folder() else { return };
    let product = folder.join("S2B_MSIL1C_20240305T104819_N0510_R051_T31TCJ_20240305T125347");
    let read = |kind: &str| std::fs::read(product.join(kind)).unwrap();
    let weather = Weather::read(Path::new("w"), &read("AUX_ECMWFT")).unwrap();
    assert!((weather.ozone_du - 0.009_855_014_306_527_597 * DOBSON_PER_KG_M2).abs() < 1e-6, "{weather:?}");
    assert!((weather.water_vapour_cm - 1.100_668_424_441_290_6).abs() < 1e-9);
    assert!((weather.sea_level_pressure_hpa - 1_023.065_530_960_648_2).abs() < 1e-6);
    let aerosol = AerosolForecast::read(Path::new("a"), &read("AUX_CAMSFO")).unwrap();
    assert!((aerosol.aot_550 - 0.097_168_801_421_368_56).abs() < 1e-9);
    assert!((aerosol.ground_elevation_km - 0.231).abs() < 1e-3);
    let error = AerosolForecast::read(Path::new("w"), &read("AUX_ECMWFT")).unwrap_err().to_string();
    assert!(error.contains("geopotential (parameter 129"), "{error}");
}
