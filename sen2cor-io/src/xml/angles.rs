//! Sun and view angles of the tile metadata.
//!
//! Source: Sentinel-2 Product Specification Document (`Tile_Angles`) and the files of real products: grids of 23 x 23
//! nodes, 5 km apart; view grids per band and detector, NaN outside the detector's footprint.

use super::Element;
use super::fields::{Field, quoted, required};
use crate::error::{Error, Result};
use ndarray::Array2;
use sen2cor_core::angles::{AngleGrid, Direction, ViewGrids};
use sen2cor_core::sensor::Band;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

const ANGLES: &str = "Geometric_Info/Tile_Angles";
const ZENITH_DEG: RangeInclusive<f64> = -180.0..=180.0;
const AZIMUTH_DEG: RangeInclusive<f64> = -360.0..=360.0;
const STEP_M: RangeInclusive<f64> = 1.0..=1e6;

/// The mean direction of the sun, which must stand above the horizon.
pub(super) fn mean_sun(file: &Path, root: &Element) -> Result<Direction> {
    let angle =
        |name: &str, range| required(file, root, format!("{ANGLES}/Mean_Sun_Angle/{name}"))?.number(range);
    Ok(Direction {
        zenith_deg: angle("ZENITH_ANGLE", 0.0..=90.0)?,
        azimuth_deg: angle("AZIMUTH_ANGLE", AZIMUTH_DEG)?,
    })
}

/// The mean view directions by `bandId`. NaN counts as absent.
pub(super) fn mean_view(file: &Path, root: &Element) -> Result<[Option<Direction>; 13]> {
    let path = format!("{ANGLES}/Mean_Viewing_Incidence_Angle_List");
    let mut directions = [None; 13];
    let Some(list) = root.find(&path) else { return Ok(directions) };
    for element in list.children_named("Mean_Viewing_Incidence_Angle") {
        let path = format!("{path}/Mean_Viewing_Incidence_Angle");
        let band = Field::new(file, path.as_str(), element).band("bandId")?;
        let angle = |name: &str, range: RangeInclusive<f64>| -> Result<Option<f64>> {
            let path = format!("{path}[bandId={}]/{name}", band.index());
            angle_or_nan(file, &path, &element.require(file, name)?.text(), &range)
        };
        let (zenith, azimuth) = (angle("ZENITH_ANGLE", ZENITH_DEG)?, angle("AZIMUTH_ANGLE", AZIMUTH_DEG)?);
        directions[band.index()] =
            zenith.zip(azimuth).map(|(zenith_deg, azimuth_deg)| Direction { zenith_deg, azimuth_deg });
    }
    Ok(directions)
}

/// The sun angles on their grid.
pub(super) fn sun_grid(file: &Path, root: &Element) -> Result<Option<AngleGrid>> {
    let path = format!("{ANGLES}/Sun_Angles_Grid");
    root.find(&path).map(|element| grid(file, &path, element)).transpose()
}

/// The view angles per band and detector. Without a number a grid is that of detector 0.
pub(super) fn view_grids(file: &Path, root: &Element) -> Result<BTreeMap<Band, ViewGrids>> {
    let mut found: BTreeMap<Band, ViewGrids> = BTreeMap::new();
    let Some(angles) = root.find(ANGLES) else { return Ok(found) };
    for element in angles.children_named("Viewing_Incidence_Angles_Grids") {
        let path = format!("{ANGLES}/Viewing_Incidence_Angles_Grids");
        let band = Field::new(file, path.as_str(), element).band("bandId")?;
        let detector = element.attribute("detectorId").unwrap_or("0");
        let path = format!("{path}[bandId={} detectorId={detector}]", band.index());
        let number = detector
            .parse::<u8>()
            .map_err(|_| Error::field(file, path.as_str(), "the number of a detector", quoted(detector)))?;
        let grid = grid(file, &path, element)?;
        let of = |grid: &AngleGrid| (grid.zenith_deg.dim(), grid.row_step_m, grid.col_step_m);
        let grids = &mut found.entry(band).or_default().0;
        if let Some(before) = grids.values().next().filter(|before| of(before) != of(&grid)) {
            let expected = format!("the grid {:?} of the other detectors", of(before));
            return Err(Error::field(file, path, expected, format!("{:?}", of(&grid))));
        }
        match grids.get_mut(&number) {
            Some(before) => before.fill_from(&grid),
            None => {
                grids.insert(number, grid);
            }
        }
    }
    Ok(found)
}

fn grid(file: &Path, path: &str, element: &Element) -> Result<AngleGrid> {
    let (zenith_deg, steps) = values(file, path, element, ("Zenith", ZENITH_DEG))?;
    let (azimuth_deg, others) = values(file, path, element, ("Azimuth", AZIMUTH_DEG))?;
    if (azimuth_deg.dim(), others) != (zenith_deg.dim(), steps) {
        let expected = format!("{:?} values and steps {steps:?} as in Zenith", zenith_deg.dim());
        let found = format!("{:?} and {others:?}", azimuth_deg.dim());
        return Err(Error::field(file, format!("{path}/Azimuth"), expected, found));
    }
    Ok(AngleGrid { row_step_m: steps.0, col_step_m: steps.1, zenith_deg, azimuth_deg })
}

/// The numbers of one angle and the steps of their rows and columns, metres.
fn values(
    file: &Path,
    path: &str,
    element: &Element,
    (name, range): (&str, RangeInclusive<f64>),
) -> Result<(Array2<f64>, (f64, f64))> {
    let path = format!("{path}/{name}");
    let angle = element.require(file, name)?;
    let step = |name: &str| -> Result<f64> {
        Field::new(file, format!("{path}/{name}"), angle.require(file, name)?).number(STEP_M)
    };
    let steps = (step("ROW_STEP")?, step("COL_STEP")?);
    let path = format!("{path}/Values_List/VALUES");
    let mut numbers: Vec<f64> = Vec::new();
    let (mut rows, mut cols) = (0, 0);
    for row in angle.require(file, "Values_List")?.children_named("VALUES") {
        let before = numbers.len();
        for word in row.text().split_ascii_whitespace() {
            numbers.push(angle_or_nan(file, &path, word, &range)?.unwrap_or(f64::NAN));
        }
        let count = numbers.len() - before;
        if count == 0 || (rows > 0 && count != cols) {
            let expected = if rows > 0 { format!("{cols} angles") } else { "angles".to_owned() };
            return Err(Error::field(file, path, expected, format!("{count} in row {}", rows + 1)));
        }
        (rows, cols) = (rows + 1, count);
    }
    let grid = Array2::from_shape_vec((rows, cols), numbers).ok().filter(|grid| !grid.is_empty());
    grid.map(|grid| (grid, steps)).ok_or_else(|| Error::field(file, path, "rows of angles", "none"))
}

/// An angle within its range, degrees; `None` for NaN.
fn angle_or_nan(file: &Path, path: &str, text: &str, range: &RangeInclusive<f64>) -> Result<Option<f64>> {
    match text.parse::<f64>() {
        Ok(value) if value.is_nan() => Ok(None),
        Ok(value) if range.contains(&value) => Ok(Some(value)),
        _ => {
            let expected = format!("an angle from {} to {} degrees or NaN", range.start(), range.end());
            Err(Error::field(file, path, expected, quoted(text)))
        }
    }
}
