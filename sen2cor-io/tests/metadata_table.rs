//! All metadata of real products against an independent reading: `independent_metadata.py` beside this file, which uses Python's
//! own XML parser, makes the expected table when the test runs. Needs `python3`; skipped without it or without real data.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "how much was compared, or why not")]

mod l1c_common;

use sen2cor_io::xml::{Element, ProductMetadata, TileMetadata};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// One row per file, or `None` without Python.
fn expected(folder: &Path) -> Option<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent_metadata.py");
    let Ok(run) = Command::new("python3").arg(script).arg(folder).output() else {
        eprintln!("skipped: python3 is not installed");
        return None;
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8(run.stdout).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn product(file: &Path, bytes: &[u8]) -> Value {
    let product = ProductMetadata::parse(file, bytes).unwrap();
    json!({
        "uri": product.product_uri,
        "baseline": product.baseline.to_string(),
        "spacecraft": product.spacecraft.long_name(),
        "orbit": f64::from(product.orbit_number),
        "start": product.product_start_time,
        "quantification": product.quantification,
        "sun_distance": product.sun_distance_correction,
        "offsets": product.radio_add_offset.map(f64::from),
        "irradiance": product.solar_irradiance_w_m2_um,
        "granules": product.granules.len(),
        "cloud": product.cloud_coverage_percent,
    })
}

fn tile(file: &Path, bytes: &[u8]) -> Value {
    let tile = TileMetadata::parse(file, bytes).unwrap();
    let grid = tile.sun_grid.unwrap();
    let mean = |angles: &ndarray::Array2<f64>| angles.mean().unwrap();
    json!({
        "id": tile.tile_id,
        "epsg": f64::from(tile.ground.epsg),
        "sensing_time": tile.sensing_time,
        "corner": [tile.ground.ulx_m, tile.ground.uly_m],
        "shape": [tile.shapes[0].0 as f64, tile.shapes[0].1 as f64],
        "mean_sun": [tile.mean_sun.zenith_deg, tile.mean_sun.azimuth_deg],
        "mean_view_zenith": tile.mean_view.map(|view| view.map(|view| view.zenith_deg)),
        "sun_grid": [
            json!(mean(&grid.zenith_deg)), json!(grid.zenith_deg.len()),
            json!(mean(&grid.azimuth_deg)), json!(grid.azimuth_deg.len()),
        ],
        "detector_grids": tile.document.find_all("Viewing_Incidence_Angles_Grids").len(),
        "masks": tile.masks.len(),
        "cloud": tile.cloudy_pixel_percent,
    })
}

/// Whether two values are the same; numbers to 12 digits, since sums are taken in another order.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

#[test]
fn all_metadata_say_what_another_parser_reads() {
    let Some(folder) = l1c_common::data().map(|data| data.join("metadata")) else { return };
    let Some(rows) = expected(&folder) else { return };
    let mut compared = [0; 2];
    for row in &rows {
        let file = Path::new(row["path"].as_str().unwrap());
        let bytes = std::fs::read(file).unwrap();
        let document = Element::parse(file, &bytes).unwrap();
        let count = 1 + descendants(&document);
        assert_eq!(row["elements"], json!(count), "{}", file.display());
        let found = match row["kind"].as_str().unwrap() {
            "Level-1C_User_Product" => product(file, &bytes),
            "Level-1C_Tile_ID" => tile(file, &bytes),
            _ => continue,
        };
        assert!(same(&found, &row["figures"]), "{}:\n{found}\n{}", file.display(), row["figures"]);
        compared[usize::from(row["kind"] == "Level-1C_Tile_ID")] += 1;
    }
    assert!(rows.len() >= 100 && compared[0] >= 24 && compared[1] >= 27, "{} {compared:?}", rows.len());
    println!(
        "{} documents, figures of {} products and {} tiles compared",
        rows.len(),
        compared[0],
        compared[1]
    );
}

fn descendants(element: &Element) -> usize {
    element.children().map(|child| 1 + descendants(child)).sum()
}
