//! Digital terrain elevation data (MIL-PRF-89020B): a header of 3428 bytes, then a record per column from west to east, each with
//! its samples from south to north in sign and magnitude.

use super::{Affine, Crs, Raster, RasterFormat, format_error};
use crate::error::{Error, Result};
use ndarray::ArrayViewMut2;
use sen2cor_core::grid::Window;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes before the data records.
const HEADER_BYTES: u64 = 80 + 648 + 2700;
/// Bytes of a record besides its samples.
const RECORD_HEAD: usize = 8;
const RECORD_TAIL: usize = 4;

pub(super) fn open(path: &Path) -> Result<Raster> {
    let mut file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
    let mut header = [0u8; 80];
    file.read_exact(&mut header).map_err(|e| Error::io(path, "reading the header", e))?;
    let length = file.metadata().map_err(|e| Error::io(path, "reading the size", e))?.len();
    let raster = parse(path, &header).ok_or_else(|| format_error(path, "has no DTED header (UHL1)"))?;
    let record = (RECORD_HEAD + RECORD_TAIL + 2 * raster.rows) as u64;
    let expected = HEADER_BYTES + record * raster.cols as u64;
    if length < expected {
        return Err(format_error(path, format!("has {length} bytes, {expected} are expected")));
    }
    Ok(raster)
}

fn parse(path: &Path, header: &[u8; 80]) -> Option<Raster> {
    let text = std::str::from_utf8(header).ok().filter(|text| text.starts_with("UHL1"))?;
    let angle = |from: usize| -> Option<f64> {
        let part = text.get(from..from + 8)?;
        let number = |range: std::ops::Range<usize>| part.get(range)?.trim().parse::<f64>().ok();
        let degrees = number(0..3)? + number(3..5)? / 60.0 + number(5..7)? / 3600.0;
        match part.get(7..)? {
            "E" | "N" => Some(degrees),
            "W" | "S" => Some(-degrees),
            _ => None,
        }
    };
    let number = |from: usize| text.get(from..from + 4)?.trim().parse::<usize>().ok();
    let (west, south) = (angle(4)?, angle(12)?);
    // Tenths of an arc second.
    let (dx, dy) = (number(20)? as f64 / 36_000.0, number(24)? as f64 / 36_000.0);
    let (cols, rows) = (number(47)?, number(51)?);
    if dx <= 0.0 || dy <= 0.0 || cols == 0 || rows < 2 {
        return None;
    }
    let affine = Affine {
        x0: west - dx / 2.0,
        dx,
        rx: 0.0,
        y0: south + (rows - 1) as f64 * dy + dy / 2.0,
        ry: 0.0,
        dy: -dy,
    };
    let no_data = Some(-32_767.0);
    let format = RasterFormat::Dted;
    Some(Raster { path: path.to_owned(), format, rows, cols, affine, crs: Crs::Wgs84, no_data })
}

pub(super) fn read<T>(
    raster: &Raster,
    window: Window,
    mut out: ArrayViewMut2<'_, T>,
    convert: &dyn Fn(f64) -> T,
) -> Result<()> {
    let path = &raster.path;
    let io = |e| Error::io(path, "reading", e);
    let mut file = File::open(path).map_err(io)?;
    let mut record = vec![0u8; RECORD_HEAD + 2 * raster.rows + RECORD_TAIL];
    file.seek(SeekFrom::Start(HEADER_BYTES + (window.col * record.len()) as u64)).map_err(io)?;
    for mut column in out.columns_mut() {
        file.read_exact(&mut record).map_err(io)?;
        if record.first() != Some(&0xAA) {
            return Err(format_error(path, "has a record that does not begin as one"));
        }
        for (row, value) in column.iter_mut().enumerate() {
            // The first row is the northernmost, the last sample of the record.
            let at = RECORD_HEAD + 2 * (raster.rows - 1 - (window.row + row));
            if let Some(&[high, low]) = record.get(at..at + 2) {
                let raw = u16::from_be_bytes([high, low]);
                let magnitude = f64::from(raw & 0x7fff);
                *value = convert(if raw & 0x8000 == 0 { magnitude } else { -magnitude });
            }
        }
    }
    Ok(())
}
