//! Snow: the weekly maps of the ESA CCI snow condition, and the map of the world where snow is possible.
//!
//! Source: Sen2Cor 2.8 (choice of the week, window of the climatology); ESA CCI land cover user guide, snow condition product.

use crate::error::{Error, Result};
use crate::raster::Raster;
use sen2cor_core::grid::{Geographic, Window};
use std::path::{Path, PathBuf};

/// Day of the year of the first day of each month, in a leap year as the maps count.
const FIRST_DAYS: [u16; 12] = [1, 32, 61, 92, 122, 153, 183, 214, 245, 275, 306, 336];

/// The weekly map of a folder for a day of the year, 1 to 366; a file stands for itself.
///
/// Maps are named by their first day, `...-2000MMDD-v2.0.tif`. The one whose day is nearest is meant, of two equally near ones
/// the earlier.
///
/// # Errors
/// [`Error::Missing`] if there is no such map.
pub fn snow_condition_file(path: &Path, day_of_year: u16) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let entries = std::fs::read_dir(path).map_err(|e| Error::io(path, "listing", e))?;
    let mut files: Vec<(u16, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((day_in_name(&entry.file_name().to_string_lossy())?, entry.path())))
        .collect();
    files.sort();
    let nearest = files.into_iter().min_by_key(|(day, _)| day.abs_diff(day_of_year));
    nearest.map(|(_, file)| file).ok_or_else(|| Error::Missing {
        path: path.to_owned(),
        what: "a snow condition map (...-2000MMDD-v2.0.tif)".to_owned(),
    })
}

/// `2000MMDD` as a part of the name of a GeoTIFF.
fn day_in_name(name: &str) -> Option<u16> {
    let stem = name.to_lowercase();
    let stem = stem.strip_suffix(".tif").or_else(|| stem.strip_suffix(".tiff"))?.to_owned();
    stem.split(['-', '_', '.']).find_map(|part| {
        let month_and_day = part.strip_prefix("2000").filter(|rest| rest.len() == 4)?;
        let month: usize = month_and_day.get(..2)?.parse().ok()?;
        let day: u16 = month_and_day.get(2..)?.parse().ok()?;
        let first = FIRST_DAYS.get(month.checked_sub(1)?)?;
        (1..=31).contains(&day).then(|| first + day - 1)
    })
}

/// Whether snow is possible between two corners of a tile (south-west, north-east), by a map of the world with 180 W and 90 N in its
/// upper left corner: 0 says that it is not. Tiles across the date line are looked up on both sides.
///
/// # Errors
/// If the map cannot be read or is none of the world.
pub fn snow_is_possible(path: &Path, south_west: Geographic, north_east: Geographic) -> Result<bool> {
    let map = Raster::open_world(path)?;
    let per_degree = map.cols as f64 / 360.0;
    let column = |place: Geographic| ((place.longitude_deg + 180.0) * per_degree + 0.5) as usize;
    let row = |place: Geographic| {
        map.rows.saturating_sub(((place.latitude_deg + 90.0) * per_degree + 0.5) as usize)
    };
    let (top, bottom) = (row(north_east), row(south_west));
    let (left, right) = (column(south_west), column(north_east));
    let parts = if left <= right { vec![(left, right)] } else { vec![(left, map.cols), (0, right)] };
    let limit = |first: usize, end: usize, count: usize| {
        let first = first.min(count - 1);
        (first, end.clamp(first + 1, count) - first)
    };
    for (left, right) in parts {
        let ((row, rows), (col, cols)) = (limit(top, bottom, map.rows), limit(left, right, map.cols));
        let codes = map.read_codes(Window { row, col, rows, cols }, 1)?;
        if codes.iter().any(|code| *code > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_of_a_day_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for week in 0..52u16 {
            let day = 1 + 7 * week;
            let month = FIRST_DAYS.iter().rposition(|first| *first <= day).unwrap();
            let name = format!(
                "ESACCI-LC-L4-Snow-Cond-AggOcc-500m-P13Y7D-2000-2012-2000{:02}{:02}-v2.0.tif",
                month + 1,
                day - FIRST_DAYS[month] + 1
            );
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let day_of = |day| {
            let file = snow_condition_file(folder.path(), day).unwrap();
            day_in_name(&file.file_name().unwrap().to_string_lossy()).unwrap()
        };
        assert_eq!((day_of(1), day_of(4), day_of(5), day_of(61), day_of(366)), (1, 1, 8, 64, 358));
        assert!(snow_condition_file(&folder.path().join("none"), 1).is_err());
    }
}
