//! SRTM tiles of one degree: `N45E006.hgt`, also zipped. Big-endian 16-bit metres, rows from north to south; the samples of the
//! edges are shared with the neighbours; -32768 is no data.

use super::{Affine, Crs, Raster, RasterFormat, format_error};
use crate::error::{Error, Result};
use ndarray::ArrayViewMut2;
use sen2cor_core::grid::Window;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Samples along an edge: 30, 3 and 1 arc seconds.
const EDGES: [usize; 3] = [121, 1201, 3601];

/// South-west corner of a tile by its name: `N45E006` anywhere in it, also `N45_00_E006` of the Copernicus model.
pub(super) fn corner(name: &str) -> Option<(f64, f64)> {
    let bytes = name.to_ascii_uppercase().into_bytes();
    (0..bytes.len()).find_map(|at| {
        let rest = std::str::from_utf8(bytes.get(at..)?).ok()?;
        let (south, rest) = match rest.split_at_checked(1)? {
            ("N", rest) => (1.0, rest),
            ("S", rest) => (-1.0, rest),
            _ => return None,
        };
        let (latitude, rest) = rest.split_at_checked(2)?;
        let rest = rest.strip_prefix("_00_").unwrap_or(rest);
        let (west, rest) = match rest.split_at_checked(1)? {
            ("E", rest) => (1.0, rest),
            ("W", rest) => (-1.0, rest),
            _ => return None,
        };
        let longitude = rest.get(..3)?;
        let number = |digits: &str| digits.parse::<u16>().ok().map(f64::from);
        Some((west * number(longitude)?, south * number(latitude)?))
    })
}

pub(super) fn open(path: &Path) -> Result<Raster> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let (west, south) = corner(&name)
        .ok_or_else(|| format_error(path, "is not named like N45E006.hgt, which tells its place"))?;
    let zipped = name.to_lowercase().ends_with(".zip");
    let bytes = if zipped {
        let mut archive = open_zip(path)?;
        let member = archive.by_index(0).map_err(|e| format_error(path, e.to_string()))?;
        member.size()
    } else {
        std::fs::metadata(path).map_err(|e| Error::io(path, "reading the size", e))?.len()
    };
    let edge = EDGES.into_iter().find(|edge| (edge * edge * 2) as u64 == bytes).ok_or_else(|| {
        format_error(path, format!("has {bytes} bytes, not those of 121, 1201 or 3601 squared samples"))
    })?;
    let step = 1.0 / (edge - 1) as f64;
    let affine =
        Affine { x0: west - step / 2.0, dx: step, rx: 0.0, y0: south + 1.0 + step / 2.0, ry: 0.0, dy: -step };
    let format = if zipped { RasterFormat::HgtZip } else { RasterFormat::Hgt };
    let no_data = Some(-32_768.0);
    Ok(Raster { path: path.to_owned(), format, rows: edge, cols: edge, affine, crs: Crs::Wgs84, no_data })
}

fn open_zip(path: &Path) -> Result<zip::ZipArchive<BufReader<File>>> {
    let file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
    zip::ZipArchive::new(BufReader::new(file)).map_err(|e| format_error(path, e.to_string()))
}

pub(super) fn read<T>(
    raster: &Raster,
    window: Window,
    out: ArrayViewMut2<'_, T>,
    convert: &dyn Fn(f64) -> T,
) -> Result<()> {
    let path = &raster.path;
    let expected = raster.rows * raster.cols * 2;
    let mut bytes = Vec::with_capacity(expected);
    let limit = expected as u64 + 1;
    if raster.format == RasterFormat::HgtZip {
        let mut archive = open_zip(path)?;
        let member = archive.by_index(0).map_err(|e| format_error(path, e.to_string()))?;
        member.take(limit).read_to_end(&mut bytes).map_err(|e| Error::io(path, "inflating", e))?;
    } else {
        let file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
        file.take(limit).read_to_end(&mut bytes).map_err(|e| Error::io(path, "reading", e))?;
    }
    if bytes.len() != expected {
        return Err(format_error(path, format!("has another size than the {expected} bytes it had")));
    }
    copy(&bytes, raster.cols, window, out, convert);
    Ok(())
}

/// Copies a window of big-endian numbers.
fn copy<T>(
    bytes: &[u8],
    cols: usize,
    window: Window,
    mut out: ArrayViewMut2<'_, T>,
    convert: &dyn Fn(f64) -> T,
) {
    for ((row, col), value) in out.indexed_iter_mut() {
        let at = ((window.row + row) * cols + window.col + col) * 2;
        if let Some(&[high, low]) = bytes.get(at..at + 2) {
            *value = convert(f64::from(i16::from_be_bytes([high, low])));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_corner() {
        for (name, expected) in [
            ("N45E006.hgt", Some((6.0, 45.0))),
            ("s07w080.SRTMGL1.hgt.zip", Some((-80.0, -7.0))),
            ("Copernicus_DSM_COG_10_N00_00_E006_00_DEM.tif", Some((6.0, 0.0))),
            ("Copernicus_DSM_COG_30_S90_00_W164_00_DEM.tif", Some((-164.0, -90.0))),
            ("dem.tif", None),
            ("N4", None),
            ("Ñ45E006é", None),
        ] {
            assert_eq!(corner(name), expected, "{name}");
        }
    }
}
