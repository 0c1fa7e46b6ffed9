//! The metadata of a part of a tile: as if the tile were no larger.

use super::Element;
use crate::error::{Error, Result};
use sen2cor_core::grid::{Block, Resolution};
use std::path::Path;

/// Significant digits of angles, as in real metadata.
const DIGITS: i32 = 6;

/// The metadata of a Level-1C tile cut to a part of it: size and position, and the grids of angles from the new corner on, their
/// nodes interpolated. Mean angles stay those of the tile.
///
/// # Errors
/// [`Error::Field`] if position, size or the step of a grid is missing or no number.
pub fn part_of_tile(tile: &Element, part: Block) -> Result<Element> {
    let file = Path::new("MTD_TL.xml");
    let mut document = tile.clone();
    let geometric = document.find_mut("Geometric_Info").ok_or_else(|| missing(file, "Geometric_Info"))?;
    let geocoding = geometric.find_mut("Tile_Geocoding").ok_or_else(|| missing(file, "Tile_Geocoding"))?;
    let position = |element: &Element, name: &str, cells: f64| -> Result<String> {
        Ok((element.require_value::<f64>(file, name, "a number")? + cells * 10.0).to_string())
    };
    for element in geocoding.children_mut() {
        let texts = match element.local_name() {
            "Size" => {
                let metres = element.attribute("resolution").and_then(|metres| metres.parse().ok());
                let Some(resolution) = metres.and_then(Resolution::from_metres) else { continue };
                let (rows, cols) = part.extent().shape(resolution);
                [("NROWS", rows.to_string()), ("NCOLS", cols.to_string())]
            }
            "Geoposition" => [
                ("ULX", position(element, "ULX", f64::from(part.col))?),
                ("ULY", position(element, "ULY", -f64::from(part.row))?),
            ],
            _ => continue,
        };
        for (name, text) in texts {
            element.find_mut(name).ok_or_else(|| missing(file, name))?.set_text(text);
        }
    }
    if let Some(angles) = geometric.find_mut("Tile_Angles") {
        for grids in angles
            .children_mut()
            .filter(|grids| grids.local_name().ends_with("_Grid") || grids.local_name().ends_with("_Grids"))
        {
            for angle in grids.children_mut() {
                shift(file, angle, part)?;
            }
        }
    }
    Ok(document)
}

fn missing(file: &Path, name: &str) -> Error {
    Error::field(file, name, "an element", "nothing")
}

/// Moves the first node of a grid of angles to the corner of the part.
fn shift(file: &Path, angle: &mut Element, part: Block) -> Result<()> {
    let is_azimuth = angle.local_name() == "Azimuth";
    let step = |name: &str| angle.require_value::<f64>(file, name, "a number").map(|step| step.max(1.0));
    let down = f64::from(part.row) * 10.0 / step("ROW_STEP")?;
    let right = f64::from(part.col) * 10.0 / step("COL_STEP")?;
    let Some(list) = angle.find_mut("Values_List") else { return Ok(()) };
    let numbers = |row: &Element| -> Vec<f64> {
        row.text().split_ascii_whitespace().map(|word| word.parse().unwrap_or(f64::NAN)).collect()
    };
    let nodes: Vec<Vec<f64>> = list.children_named("VALUES").map(numbers).collect();
    let rows = list.children_mut().filter(|row| row.local_name() == "VALUES").enumerate();
    for (row, element) in rows {
        let cols = nodes.get(row).map_or(0, Vec::len);
        let place = |col: usize| (row as f64 + down, col as f64 + right);
        let words: Vec<String> = (0..cols).map(|col| word(between(&nodes, place(col), is_azimuth))).collect();
        element.set_text(words.join(" "));
    }
    Ok(())
}

/// The angle at a place between nodes, from those of the four around that have a value, if these weigh at least half.
fn between(nodes: &[Vec<f64>], (row, col): (f64, f64), is_azimuth: bool) -> f64 {
    let (mut sum, mut weights, mut first) = (0.0, 0.0, None);
    for (r, by_row) in around(row, nodes.len()) {
        for (c, by_col) in around(col, nodes[r].len()) {
            let (value, weight) = (nodes[r][c], by_row * by_col);
            if value.is_nan() || weight == 0.0 {
                continue;
            }
            // Azimuths are taken relative to the first, so that they do not jump at north.
            let base = *first.get_or_insert(if is_azimuth { value } else { 0.0 });
            let off = if is_azimuth { (value - base + 540.0).rem_euclid(360.0) - 180.0 } else { value };
            sum += weight * off;
            weights += weight;
        }
    }
    let base = first.unwrap_or_default();
    let angle = base + sum / weights;
    if weights < 0.5 {
        f64::NAN
    } else if is_azimuth {
        angle.rem_euclid(360.0)
    } else {
        angle
    }
}

/// The two nodes around a place and their weights; beyond the last node that alone counts.
fn around(place: f64, count: usize) -> [(usize, f64); 2] {
    let last = count.saturating_sub(1);
    let low = (place.floor() as usize).min(last);
    let part = if low == last { 0.0 } else { place - place.floor() };
    [(low, 1.0 - part), ((low + 1).min(last), part)]
}

/// A number as in real metadata.
fn word(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let before = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let text = format!("{value:.*}", (DIGITS - 1 - before).clamp(0, 9) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile() -> Element {
        let text = |name: &str, value: &str| Element::text_element(name, value);
        let mut geocoding = Element::new("Tile_Geocoding");
        for (resolution, pixels) in [("10", "600"), ("60", "100")] {
            geocoding.push(
                Element::new("Size")
                    .with_attribute("resolution", resolution)
                    .with(text("NROWS", pixels))
                    .with(text("NCOLS", pixels)),
            );
            geocoding.push(
                Element::new("Geoposition")
                    .with_attribute("resolution", resolution)
                    .with(text("ULX", "300000"))
                    .with(text("ULY", "6200040")),
            );
        }
        let angle = |name: &str, rows: [&str; 2]| {
            let list =
                rows.iter().fold(Element::new("Values_List"), |list, row| list.with(text("VALUES", row)));
            let step = |name: &str| text(name, "5000");
            Element::new(name).with(step("COL_STEP")).with(step("ROW_STEP")).with(list)
        };
        let grid = Element::new("Sun_Angles_Grid")
            .with(angle("Zenith", ["10 20 NaN", "30 40 NaN"]))
            .with(angle("Azimuth", ["350 10 20", "350 10 20"]));
        let mean = Element::new("Mean_Sun_Angle").with(text("ZENITH_ANGLE", "35.5"));
        let angles = Element::new("Tile_Angles").with(grid).with(mean);
        Element::new("T").with(Element::new("Geometric_Info").with(geocoding).with(angles))
    }

    #[test]
    fn size_position_and_angles_are_those_of_the_part() {
        let part = part_of_tile(&tile(), Block { row: 120, col: 250, rows: 60, cols: 126 }).unwrap();
        let text = |path: &str| part.find(path).unwrap().text();
        let sizes: Vec<_> = part.find_all("NCOLS").iter().map(|e| e.text()).collect();
        assert_eq!(sizes, ["126", "21"]);
        assert_eq!(text("Geometric_Info/Tile_Geocoding/Geoposition/ULX"), "302500");
        assert_eq!(text("Geometric_Info/Tile_Geocoding/Geoposition/ULY"), "6198840");
        let grid = part.find("Geometric_Info/Tile_Angles/Sun_Angles_Grid").unwrap();
        let values = |name: &str| grid.find(name).unwrap().find_all("VALUES")[0].text();
        // 0.24 of a step down, half a step to the right; then a node without value.
        assert_eq!(values("Zenith"), "19.8 24.8 NaN");
        assert_eq!(values("Azimuth"), "0 15 20");
        assert_eq!(part.find_anywhere("ZENITH_ANGLE").unwrap().text(), "35.5");
    }

    #[test]
    fn the_whole_is_a_part() {
        let whole = Block { row: 0, col: 0, rows: 600, cols: 600 };
        assert_eq!(part_of_tile(&tile(), whole).unwrap(), tile());
    }

    #[test]
    fn numbers_have_six_digits() {
        let words = [35.913_6, 2.164_823_4, 183.286_04, 0.0, 0.000_123_456_7, f64::NAN].map(word);
        assert_eq!(words, ["35.9136", "2.16482", "183.286", "0", "0.000123457", "NaN"]);
    }
}
