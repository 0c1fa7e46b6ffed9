//! Writes the meteorological files of Level-1C products: `AUX_ECMWFT` and `AUX_CAMSFO`.
//!
//! GRIB edition 1 (WMO Manual on Codes, FM 92) with simple packing, laid out as in real products: each message holds a 9 x 9 grid
//! of latitude and longitude around the tile in 270 bytes. The local part of the product definition is that of real
//! files (ECMWF definition 1, class 14, type 9, stream 1025, version "0001").

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Nodes along each side.
pub const NODES: usize = 9;

/// Bytes of one message.
pub const MESSAGE_BYTES: usize = 270;

/// Bits of a packed value.
const BITS: u8 = 16;

/// A meteorological quantity as GRIB names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Number of the parameter table: 128 (ECMWF) or 210 (composition).
    pub table: u8,
    /// Number of the parameter.
    pub number: u8,
    /// Type of level: 1 is the surface, 100 a pressure level.
    pub level_type: u8,
}

impl Parameter {
    /// Total column water vapour, kg/m2.
    pub const WATER_VAPOUR: Self = Self::surface(128, 137);
    /// Mean sea level pressure, Pa.
    pub const SEA_LEVEL_PRESSURE: Self = Self::surface(128, 151);
    /// Total column ozone, kg/m2.
    pub const OZONE: Self = Self::surface(128, 206);
    /// Wind towards the east at 10 m, m/s.
    pub const WIND_EAST: Self = Self::surface(128, 165);
    /// Wind towards the north at 10 m, m/s.
    pub const WIND_NORTH: Self = Self::surface(128, 166);
    /// Relative humidity, per cent.
    pub const HUMIDITY: Self = Self { table: 128, number: 157, level_type: 100 };
    /// Geopotential of the ground, m2/s2.
    pub const GEOPOTENTIAL: Self = Self::surface(128, 129);
    /// Aerosol optical depth at 550 nm.
    pub const AOT_550: Self = Self::surface(210, 207);

    /// A quantity of the surface or of the whole column.
    pub const fn surface(table: u8, number: u8) -> Self {
        Self { table, number, level_type: 1 }
    }
}

/// The grid of all messages of a file, from the north-west to the south-east.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatLonGrid {
    /// Latitude of the first row, degrees.
    pub north_deg: f64,
    /// Longitude of the first column, degrees.
    pub west_deg: f64,
    /// Latitude of the last row, degrees.
    pub south_deg: f64,
    /// Longitude of the last column, degrees.
    pub east_deg: f64,
}

/// When the values hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceTime {
    /// The values are of this time, as in products until 2020.
    Analysis(Timestamp),
    /// The model ran at midnight (UTC) of the day of this time and forecast it by the minute, as in later products.
    ForecastFor(Timestamp),
}

/// One message: `values` row by row from the north-west.
pub fn message(
    parameter: Parameter,
    grid: &LatLonGrid,
    time: ReferenceTime,
    values: &[f64; NODES * NODES],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MESSAGE_BYTES);
    bytes.extend_from_slice(b"GRIB");
    push_u24(&mut bytes, MESSAGE_BYTES as u32);
    bytes.push(1);
    push_product_definition(&mut bytes, parameter, time);
    push_grid_description(&mut bytes, grid);
    push_binary_data(&mut bytes, values);
    bytes.extend_from_slice(b"7777");
    bytes
}

fn push_u16(bytes: &mut Vec<u8>, value: u16) {
    bytes.extend_from_slice(&value.to_be_bytes());
}

fn push_u24(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend_from_slice(&value.to_be_bytes()[1..]);
}

/// Section 1, 52 bytes.
fn push_product_definition(bytes: &mut Vec<u8>, parameter: Parameter, time: ReferenceTime) {
    push_u24(bytes, 52);
    // Table, centre (98 is ECMWF), process, grid not catalogued, a grid description follows.
    bytes.extend_from_slice(&[parameter.table, 98, 128, 255, 128]);
    bytes.extend_from_slice(&[parameter.number, parameter.level_type, 0, 0]);
    let civil = |time: Timestamp| Offset::UTC.to_datetime(time);
    let (reference, unit_period_range): (DateTime, [u8; 4]) = match time {
        ReferenceTime::Analysis(time) => (civil(time), [1, 0, 0, 0]),
        ReferenceTime::ForecastFor(time) => {
            let time = civil(time);
            let minutes =
                u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
            let [high, low] = minutes.to_be_bytes();
            // Range indicator 10: the period takes two bytes.
            (time.date().at(0, 0, 0, 0), [0, high, low, 10])
        }
    };
    let year = i32::from(reference.year());
    // The year 2000 is the hundredth of the twentieth century.
    let (century, year_of_century) = ((year - 1).div_euclid(100) + 1, (year - 1).rem_euclid(100) + 1);
    let day =
        [year_of_century as i8, reference.month(), reference.day(), reference.hour(), reference.minute()];
    bytes.extend(day.map(i8::cast_unsigned));
    bytes.extend_from_slice(&unit_period_range);
    // No averages, nothing missing, no sub-centre, no decimal scale.
    bytes.extend_from_slice(&[0, 0, 0, century as u8, 0, 0, 0]);
    bytes.extend_from_slice(&[0; 12]);
    bytes.extend_from_slice(&[1, 14, 9, 4, 1]);
    bytes.extend_from_slice(b"0001");
    bytes.extend_from_slice(&[0; 3]);
}

/// Section 2, 32 bytes: latitude and longitude in thousandths of a degree.
fn push_grid_description(bytes: &mut Vec<u8>, grid: &LatLonGrid) {
    push_u24(bytes, 32);
    bytes.extend_from_slice(&[0, 255, 0]);
    push_u16(bytes, NODES as u16);
    push_u16(bytes, NODES as u16);
    push_angle(bytes, grid.north_deg);
    push_angle(bytes, grid.west_deg);
    // Increments are given.
    bytes.push(128);
    push_angle(bytes, grid.south_deg);
    push_angle(bytes, grid.east_deg);
    let step = |degrees: f64| (degrees.abs() * 1000.0 / (NODES - 1) as f64).round() as u16;
    push_u16(bytes, step(grid.east_deg - grid.west_deg));
    push_u16(bytes, step(grid.north_deg - grid.south_deg));
    bytes.extend_from_slice(&[0; 5]);
}

/// Sign and magnitude in 24 bits.
fn push_angle(bytes: &mut Vec<u8>, degrees: f64) {
    let magnitude = (degrees.abs() * 1000.0).round() as u32 & 0x007f_ffff;
    push_u24(bytes, if degrees < 0.0 { magnitude | 0x0080_0000 } else { magnitude });
}

/// Section 4, 174 bytes: value = reference + packed * 2^scale.
fn push_binary_data(bytes: &mut Vec<u8>, values: &[f64; NODES * NODES]) {
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let (reference_bytes, reference) = ibm_float(lowest);
    let range = values.iter().fold(0.0, |range: f64, value| range.max(value - reference));
    let largest = f64::from(u16::MAX);
    let mut scale = -60i32;
    while range > 2f64.powi(scale) * largest {
        scale += 1;
    }
    // All values equal to the reference but for its rounding: nothing to scale.
    push_u24(bytes, 174);
    bytes.push(8);
    let magnitude = scale.unsigned_abs() as u16;
    push_u16(bytes, if scale < 0 { magnitude | 0x8000 } else { magnitude });
    bytes.extend_from_slice(&reference_bytes);
    bytes.push(BITS);
    for value in values {
        let packed = ((value - reference) / 2f64.powi(scale)).round().clamp(0.0, largest);
        push_u16(bytes, packed as u16);
    }
    bytes.push(0);
}

/// The largest IBM single precision number that is not above `value`, and its value.
fn ibm_float(value: f64) -> ([u8; 4], f64) {
    if value == 0.0 || !value.is_finite() {
        return ([0; 4], 0.0);
    }
    let mut exponent = 0i32;
    while 16f64.powi(exponent) <= value.abs() {
        exponent += 1;
    }
    while 16f64.powi(exponent - 1) > value.abs() {
        exponent -= 1;
    }
    let unit = 16f64.powi(exponent) / f64::from(1u32 << 24);
    let mantissa = if value > 0.0 { (value / unit).floor() } else { (-value / unit).ceil() };
    let mantissa = mantissa.min(f64::from((1u32 << 24) - 1));
    let sign = if value < 0.0 { 0x8000_0000 } else { 0 };
    let bits = sign | (((exponent + 64) as u32 & 0x7f) << 24) | mantissa as u32;
    (bits.to_be_bytes(), mantissa * unit * value.signum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GRID: LatLonGrid =
        LatLonGrid { north_deg: 44.226, west_deg: 0.496, south_deg: 43.259, east_deg: 1.889 };

    fn ibm_value(bytes: [u8; 4]) -> f64 {
        let bits = u32::from_be_bytes(bytes);
        let sign = if bits >> 31 == 1 { -1.0 } else { 1.0 };
        sign * f64::from(bits & 0x00ff_ffff) / f64::from(1u32 << 24)
            * 16f64.powi((bits >> 24 & 0x7f) as i32 - 64)
    }

    proptest! {
        #[test]
        fn an_ibm_number_is_just_below_the_value(value in -1e6f64..1e6) {
            let (bytes, rounded) = ibm_float(value);
            prop_assert_eq!(ibm_value(bytes), rounded);
            prop_assert!(rounded <= value && value - rounded <= value.abs() * 1e-6);
        }

        #[test]
        fn values_come_back(base in -1e5f64..1e5, range in 0.0f64..1e4, seed in any::<u64>()) {
            let values: [f64; NODES * NODES] = std::array::from_fn(|i| {
                base + range * ((seed.wrapping_mul(i as u64 + 1) >> 40) as f64 / 16_777_216.0)
            });
            let bytes = message(Parameter::OZONE, &GRID, ReferenceTime::Analysis(Timestamp::UNIX_EPOCH), &values);
            prop_assert_eq!(bytes.len(), MESSAGE_BYTES);
            let data = &bytes[92..];
            let scale = i32::from(u16::from_be_bytes([data[4] & 0x7f, data[5]]));
            let scale = if data[4] & 0x80 != 0 { -scale } else { scale };
            let reference = ibm_value([data[6], data[7], data[8], data[9]]);
            for (value, packed) in values.iter().zip(data[11..].chunks(2)) {
                let packed = f64::from(u16::from_be_bytes([packed[0], packed[1]]));
                let found = reference + packed * 2f64.powi(scale);
                prop_assert!((found - value).abs() <= range / 65_535.0 + value.abs() * 1e-7 + 1e-12);
            }
        }
    }

    #[test]
    fn times_are_coded_as_in_real_files() {
        // AUX_ECMWFT of S2B_MSIL1C_20240305T104819_N0510_R051_T31TCJ_20240305T125347: 5 March 2024, step 655 minutes.
        let time = "2024-03-05T10:55:00Z".parse().unwrap();
        let bytes = message(Parameter::WATER_VAPOUR, &GRID, ReferenceTime::ForecastFor(time), &[1.0; 81]);
        assert_eq!(bytes[20..29], [24, 3, 5, 0, 0, 0, 2, 143, 10]);
        // AUX_ECMWFT of S2A_MSIL1C_20180629T000241_N0206_R030_T56JMM_20180629T012042.
        let time = "2018-06-29T00:02:41Z".parse().unwrap();
        let bytes = message(Parameter::WATER_VAPOUR, &GRID, ReferenceTime::Analysis(time), &[1.0; 81]);
        assert_eq!(bytes[20..33], [18, 6, 29, 0, 2, 1, 0, 0, 0, 0, 0, 0, 21]);
    }
}
