//! Reads GRIB edition 1 messages with simple packing on grids of latitude and longitude.
//!
//! Source: WMO Manual on Codes (WMO-No. 306), FM 92 GRIB edition 1, and the files of real products: `AUX_ECMWFT` and
//! `AUX_CAMSFO` hold messages of 270 bytes. In: bytes. Out: one [`GribMessage`] per message, values row by row from the
//! north-west, NaN where the message has none. Only edition 1 is read; the crates for GRIB read edition 2.

use super::grib_writer::{LatLonGrid, Parameter};
use crate::error::{Error, Result};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use ndarray::Array2;
use std::path::Path;

/// Most nodes of a grid. Those of products have 81.
const MAX_NODES: usize = 1 << 20;

/// A field: one quantity on a grid at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct GribMessage {
    /// The quantity. Compare it with [`GribMessage::holds`].
    pub parameter: Parameter,
    /// Where the first and the last node are.
    pub grid: LatLonGrid,
    /// When the values hold: reference time plus forecast step.
    pub valid_time: Timestamp,
    /// Values of shape (rows, columns) from the north-west; NaN where there are none.
    pub values: Array2<f64>,
}

impl GribMessage {
    /// Reads all messages of a file. `file` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Format`] if a message is damaged or of a kind that products do not have: another edition, packing or
    /// grid.
    pub fn read_all(file: &Path, bytes: &[u8]) -> Result<Vec<Self>> {
        let wrong = |reason: String| Error::Format { file: file.to_owned(), reason };
        let mut rest = bytes;
        let mut messages = Vec::new();
        while !rest.is_empty() {
            let number = messages.len() + 1;
            let (message, behind) =
                split_message(rest).map_err(|e| wrong(format!("message {number}: {e}")))?;
            messages.push(decode(message).map_err(|e| wrong(format!("message {number}: {e}")))?);
            rest = behind;
        }
        if messages.is_empty() {
            Err(wrong("is empty, GRIB messages are expected".to_owned()))
        } else {
            Ok(messages)
        }
    }

    /// Whether this is the quantity, at whatever level.
    pub fn holds(&self, parameter: Parameter) -> bool {
        (self.parameter.table, self.parameter.number) == (parameter.table, parameter.number)
    }

    /// Mean of the values that are there, `None` if none is.
    pub fn mean(&self) -> Option<f64> {
        let there = self.values.iter().filter(|value| !value.is_nan());
        let (sum, count) = there.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    }
}

type Decoded<T> = std::result::Result<T, String>;

/// Bytes of a section with checked access.
#[derive(Clone, Copy)]
struct Section<'a>(&'a [u8]);

impl Section<'_> {
    fn byte(self, at: usize) -> Decoded<u8> {
        self.0.get(at).copied().ok_or_else(|| format!("a section ends before byte {at}"))
    }

    fn unsigned(self, at: usize, count: usize) -> Decoded<u32> {
        (at..at + count).try_fold(0, |value, at| Ok(value << 8 | u32::from(self.byte(at)?)))
    }

    /// Sign and magnitude.
    fn signed(self, at: usize, count: usize) -> Decoded<i32> {
        let raw = self.unsigned(at, count)?;
        let sign = 1u32 << (8 * count - 1);
        let magnitude = (raw & (sign - 1)).cast_signed();
        Ok(if raw & sign == 0 { magnitude } else { -magnitude })
    }
}

/// The first message without its head, and what is behind it.
fn split_message(bytes: &[u8]) -> Decoded<(&[u8], &[u8])> {
    if !bytes.starts_with(b"GRIB") {
        return Err("does not begin with GRIB".to_owned());
    }
    let head = Section(bytes);
    let (length, edition) = (head.unsigned(4, 3)? as usize, head.byte(7)?);
    if edition != 1 {
        return Err(format!("is of edition {edition}, only edition 1 is read"));
    }
    let (message, behind) =
        bytes.split_at_checked(length).ok_or_else(|| format!("is cut: {} of {length} bytes", bytes.len()))?;
    let body = message.get(8..).and_then(|body| body.strip_suffix(b"7777"));
    Ok((body.ok_or("does not end with 7777")?, behind))
}

/// The next section, whose first three bytes are its length, and what is behind it.
fn split_section(bytes: &[u8]) -> Decoded<(Section<'_>, &[u8])> {
    let length = Section(bytes).unsigned(0, 3)? as usize;
    let (section, behind) = bytes
        .split_at_checked(length.max(3))
        .ok_or_else(|| format!("a section of {length} bytes in {}", bytes.len()))?;
    Ok((Section(section), behind))
}

fn decode(body: &[u8]) -> Decoded<GribMessage> {
    let (product, rest) = split_section(body)?;
    let flags = product.byte(7)?;
    if flags & 0x80 == 0 {
        return Err("has no grid description".to_owned());
    }
    let (description, mut rest) = split_section(rest)?;
    let grid = Grid::read(description)?;
    let bitmap = if flags & 0x40 == 0 {
        None
    } else {
        let (section, behind) = split_section(rest)?;
        rest = behind;
        Some(read_bitmap(section, grid.nodes())?)
    };
    let (data, _) = split_section(rest)?;
    let values = unpack(data, product.signed(26, 2)?, grid.nodes(), bitmap.as_deref())?;
    let parameter =
        Parameter { table: product.byte(3)?, number: product.byte(8)?, level_type: product.byte(9)? };
    Ok(GribMessage {
        parameter,
        grid: grid.corners,
        valid_time: valid_time(product)?,
        values: grid.oriented(values)?,
    })
}

/// The grid of a message and the order of its values.
struct Grid {
    rows: usize,
    cols: usize,
    corners: LatLonGrid,
    from_east: bool,
    from_south: bool,
}

impl Grid {
    fn read(section: Section<'_>) -> Decoded<Self> {
        let kind = section.byte(5)?;
        if kind != 0 {
            return Err(format!("is on a grid of type {kind}, only latitude and longitude (0) are read"));
        }
        let (cols, rows) = (section.unsigned(6, 2)? as usize, section.unsigned(8, 2)? as usize);
        if rows == 0 || cols == 0 || rows * cols > MAX_NODES {
            return Err(format!("has a grid of {rows} x {cols} nodes"));
        }
        let degrees = |at| Ok::<_, String>(f64::from(section.signed(at, 3)?) / 1000.0);
        let (first, last) = ((degrees(10)?, degrees(13)?), (degrees(17)?, degrees(20)?));
        let mode = section.byte(27)?;
        if mode & 0x20 != 0 {
            return Err("has its values column by column, which is not read".to_owned());
        }
        let (from_east, from_south) = (mode & 0x80 != 0, mode & 0x40 != 0);
        let (north_deg, south_deg) = if from_south { (last.0, first.0) } else { (first.0, last.0) };
        let (west_deg, east_deg) = if from_east { (last.1, first.1) } else { (first.1, last.1) };
        let corners = LatLonGrid { north_deg, west_deg, south_deg, east_deg };
        Ok(Self { rows, cols, corners, from_east, from_south })
    }

    fn nodes(&self) -> usize {
        self.rows * self.cols
    }

    fn oriented(&self, values: Vec<f64>) -> Decoded<Array2<f64>> {
        let mut values = Array2::from_shape_vec((self.rows, self.cols), values).map_err(|e| e.to_string())?;
        if self.from_south {
            values.invert_axis(ndarray::Axis(0));
        }
        if self.from_east {
            values.invert_axis(ndarray::Axis(1));
        }
        Ok(values)
    }
}

/// Which nodes have values.
fn read_bitmap(section: Section<'_>, nodes: usize) -> Decoded<Vec<bool>> {
    let predefined = section.unsigned(4, 2)?;
    if predefined != 0 {
        return Err(format!("refers to the predefined bit map {predefined}, which is not read"));
    }
    (0..nodes).map(|node| Ok(section.byte(6 + node / 8)? << (node % 8) & 0x80 != 0)).collect()
}

/// value = (reference + packed * 2^binary) / 10^decimal
fn unpack(data: Section<'_>, decimal: i32, nodes: usize, there: Option<&[bool]>) -> Decoded<Vec<f64>> {
    let flags = data.byte(3)?;
    if flags & 0xf0 != 0 {
        return Err(format!("is packed in another way than simply (flags {flags:#04x})"));
    }
    let (binary, reference, bits) = (data.signed(4, 2)?, ibm_float(data.unsigned(6, 4)?), data.byte(10)?);
    if bits > 32 {
        return Err(format!("has values of {bits} bits"));
    }
    let (unit, scale) = (2f64.powi(binary), 10f64.powi(-decimal));
    let mut at_bit = 11 * 8;
    let mut values = Vec::with_capacity(nodes);
    for node in 0..nodes {
        if there.is_some_and(|there| there.get(node) != Some(&true)) {
            values.push(f64::NAN);
            continue;
        }
        let packed = read_bits(data, at_bit, bits)?;
        at_bit += usize::from(bits);
        values.push((reference + f64::from(packed) * unit) * scale);
    }
    Ok(values)
}

fn read_bits(data: Section<'_>, at_bit: usize, count: u8) -> Decoded<u32> {
    (at_bit..at_bit + usize::from(count)).try_fold(0u32, |value, bit| {
        let byte = data.byte(bit / 8)?;
        Ok(value << 1 | u32::from(byte >> (7 - bit % 8) & 1))
    })
}

/// IBM single precision: sign, exponent of 16 with bias 64, mantissa of 24 bits below the point.
fn ibm_float(bits: u32) -> f64 {
    let sign = if bits >> 31 == 0 { 1.0 } else { -1.0 };
    let exponent = (bits >> 24 & 0x7f).cast_signed() - 64 - 6;
    sign * f64::from(bits & 0x00ff_ffff) * 16f64.powi(exponent)
}

/// Reference time plus forecast step.
fn valid_time(product: Section<'_>) -> Decoded<Timestamp> {
    let part = |at| product.byte(at).map(u8::cast_signed);
    let year = (i16::from(product.byte(24)?) - 1) * 100 + i16::from(product.byte(12)?);
    let reference = DateTime::new(year, part(13)?, part(14)?, part(15)?, part(16)?, 0, 0)
        .map_err(|e| format!("has no valid time: {e}"))?;
    let (p1, p2, range) = (product.byte(18)?, product.byte(19)?, product.byte(20)?);
    // Range indicator 10: the period takes two bytes; 1: an analysis, whatever the period says.
    let period = match range {
        0 => u32::from(p1),
        1 => 0,
        10 => u32::from(p1) << 8 | u32::from(p2),
        _ => return Err(format!("has the time range indicator {range}, known are 0, 1 and 10")),
    };
    let unit = match product.byte(17)? {
        0 => SignedDuration::from_mins(1),
        1 => SignedDuration::from_hours(1),
        2 => SignedDuration::from_hours(24),
        254 => SignedDuration::from_secs(1),
        unit => return Err(format!("has the unit of time {unit}, known are 0, 1, 2 and 254")),
    };
    let step = unit.checked_mul(period.cast_signed()).ok_or("has a forecast step that is too long")?;
    let start = jiff::tz::Offset::UTC.to_timestamp(reference).map_err(|e| e.to_string())?;
    start.checked_add(step).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::grib_writer::{MESSAGE_BYTES, NODES, ReferenceTime, message};
    use super::*;
    use proptest::prelude::*;

    const GRID: LatLonGrid =
        LatLonGrid { north_deg: 44.226, west_deg: -0.496, south_deg: 43.259, east_deg: 1.889 };

    fn sample(base: f64, range: f64) -> Vec<u8> {
        let time = ReferenceTime::ForecastFor("2024-03-05T10:55:30Z".parse().unwrap());
        let values = std::array::from_fn(|i| base + range * (i as f64 / 80.0));
        message(Parameter::OZONE, &GRID, time, &values)
    }

    proptest! {
        #[test]
        fn what_was_written_comes_back(base in -1e5f64..1e5, range in 0.0f64..1e4) {
            let read = GribMessage::read_all(Path::new("x"), &sample(base, range)).unwrap();
            prop_assert_eq!(read[0].values.dim(), (NODES, NODES));
            for (i, value) in read[0].values.iter().enumerate() {
                let expected = base + range * (i as f64 / 80.0);
                prop_assert!((value - expected).abs() <= range / 65_535.0 + base.abs() * 1e-6 + 1e-9);
            }
        }

        #[test]
        fn damage_is_an_error_or_other_numbers_but_no_panic(at in 0usize..MESSAGE_BYTES, to in any::<u8>(), cut in 0usize..MESSAGE_BYTES) {
            let mut bytes = sample(0.007, 0.001);
            bytes[at] = to;
            let _ = GribMessage::read_all(Path::new("x"), &bytes);
            prop_assert!(GribMessage::read_all(Path::new("x"), &bytes[..cut]).is_err());
        }
    }

    #[test]
    fn place_and_time_come_back() {
        let read =
            GribMessage::read_all(Path::new("x"), &[sample(1.0, 1.0), sample(2.0, 0.0)].concat()).unwrap();
        assert_eq!((read.len(), read[0].grid), (2, GRID));
        assert_eq!(read[0].valid_time, "2024-03-05T10:55:00Z".parse().unwrap());
        assert!(read[0].holds(Parameter::OZONE) && !read[0].holds(Parameter::WATER_VAPOUR));
        assert!((read[0].mean().unwrap() - 1.5).abs() < 1e-5);
    }

    #[test]
    fn rows_from_the_south_are_turned() {
        let mut bytes = sample(0.0, 80.0);
        // Section 2 begins at byte 60; byte 27 of it is the scanning mode.
        bytes[60 + 27] = 0x40;
        let read = GribMessage::read_all(Path::new("x"), &bytes).unwrap();
        assert!((read[0].values[[8, 0]]).abs() < 1e-3 && (read[0].values[[0, 0]] - 72.0).abs() < 1e-2);
        assert_eq!(read[0].grid.north_deg, GRID.south_deg);
    }
}
