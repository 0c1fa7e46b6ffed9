//! Compact atmospheric tables, `.s2lut` version 1.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | `S2ATMLUT` |
//! | 8..12 | version, u32 little-endian: 1 |
//! | 12..16 | length of the header, u32 little-endian |
//! | 16.. | header, UTF-8 JSON: bands, aerosols, axes, and shape and offset of every array |
//! | then | the arrays: little-endian `f32`, each on a multiple of 64 bytes from the end of the header |
//!
//! Array names are `<spacecraft>/<quantity>`, e.g. `S2A/rho`. What the arrays mean stands in
//! [`sen2cor_core::table::BandArrays`]. The file is read as a whole; nothing of it is used before it is checked.

use crate::bytes::ByteSource;
use crate::error::{Error, Result};
use ndarray::{Array, Dimension, IntoDimension};
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::table::{Aerosol, AtmosphereTable, Axes, BandArrays, TableError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest table that is read, bytes. The tables of the project have 1.6 MB.
pub const MAX_LUT_BYTES: u64 = 256 << 20;

const MAGIC: &[u8; 8] = b"S2ATMLUT";
const VERSION: u32 = 1;
const PREAMBLE_BYTES: usize = 16;
const ALIGNMENT_BYTES: usize = 64;
const QUANTITIES: [&str; 7] = ["rho", "T", "S", "TG", "TO3", "tauA", "tauR"];

/// Reads a table.
///
/// # Errors
/// If the source cannot be read, is larger than [`MAX_LUT_BYTES`], or as [`parse`].
pub fn read(source: &dyn ByteSource) -> Result<AtmosphereTable> {
    if source.len() > MAX_LUT_BYTES {
        let reason = format!("{} bytes are too many for an atmospheric table", source.len());
        return Err(Error::Format { file: source.path().to_owned(), reason });
    }
    parse(source.path(), &source.read_range(0, source.len())?)
}

/// Reads a table from its bytes; `name` is what messages call it.
///
/// # Errors
/// If the bytes are no table of version 1, end too early, or hold axes, shapes or values that no table can have. The
/// error names the field.
pub fn parse(name: &Path, bytes: &[u8]) -> Result<AtmosphereTable> {
    let file = Reader { name, bytes };
    let (header_bytes, data) = file.split()?;
    let header: Header = serde_json::from_slice(header_bytes).map_err(|e| {
        Error::field(name, "header", "the JSON header of an atmospheric table", e.to_string())
    })?;
    file.check_bands(&header.bands)?;
    file.check_array_names(&header.arrays)?;
    let axes = file.axes(&header)?;
    let mut instruments = Vec::new();
    for craft in Spacecraft::ALL {
        let prefix = format!("{craft}/");
        if header.arrays.keys().any(|array| array.starts_with(&prefix)) {
            instruments.push((craft, file.band_arrays(craft, &header.arrays, data)?));
        }
    }
    AtmosphereTable::new(axes, instruments).map_err(|error| match error {
        TableError::Invalid { field, expected, found } => Error::field(name, field, expected, found),
        other => Error::Format { file: name.to_owned(), reason: other.to_string() },
    })
}

/// The JSON header. `dims` and `source`, descriptions for people, are not used.
#[derive(Deserialize)]
struct Header {
    bands: Vec<String>,
    aerosol: Vec<String>,
    axes: HeaderAxes,
    arrays: BTreeMap<String, ArrayEntry>,
}

#[derive(Deserialize)]
struct HeaderAxes {
    aot550: Vec<f64>,
    pressure_hpa: Vec<f64>,
    elevation_km: Vec<f64>,
    sza_deg: Vec<f64>,
    /// Zenith and relative azimuth, degrees.
    view: Vec<[f64; 2]>,
    gas_airmass: Vec<f64>,
    gas_wv_gcm2: Vec<f64>,
    gas_elevation_km: Vec<f64>,
    o3_path_cmatm: Vec<f64>,
}

#[derive(Deserialize)]
struct ArrayEntry {
    shape: Vec<usize>,
    offset: usize,
    dtype: String,
}

/// The bytes and what to call them.
struct Reader<'a> {
    name: &'a Path,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Header and arrays.
    fn split(&self) -> Result<(&'a [u8], &'a [u8])> {
        let Some((preamble, rest)) = self.bytes.split_first_chunk::<PREAMBLE_BYTES>() else {
            return Err(self.field("length", "at least 16 bytes", self.bytes.len().to_string()));
        };
        if !preamble.starts_with(MAGIC) {
            return Err(self.field("magic", "S2ATMLUT", String::from_utf8_lossy(&preamble[..8])));
        }
        let [.., v0, v1, v2, v3, l0, l1, l2, l3] = *preamble;
        let version = u32::from_le_bytes([v0, v1, v2, v3]);
        if version != VERSION {
            return Err(self.field("version", VERSION.to_string(), version.to_string()));
        }
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        rest.split_at_checked(length)
            .ok_or_else(|| self.field("header length", format!("at most {}", rest.len()), length.to_string()))
    }

    fn check_bands(&self, bands: &[String]) -> Result<()> {
        if bands.iter().map(String::as_str).eq(Band::ALL.into_iter().map(Band::name)) {
            return Ok(());
        }
        Err(self.field("bands", "B01 to B12 in the order of their bandId", format!("{bands:?}")))
    }

    /// Every array must be one that is read: a misspelt name must not pass unseen.
    fn check_array_names(&self, arrays: &BTreeMap<String, ArrayEntry>) -> Result<()> {
        let known = |name: &str| {
            name.split_once('/').is_some_and(|(craft, quantity)| {
                Spacecraft::ALL.iter().any(|known| known.short_name() == craft)
                    && QUANTITIES.contains(&quantity)
            })
        };
        match arrays.keys().find(|name| !known(name)) {
            Some(name) => {
                let expected = format!("a spacecraft and one of {}", QUANTITIES.join(", "));
                Err(self.field(format!("arrays.{name}"), expected, name.as_str()))
            }
            None => Ok(()),
        }
    }

    fn axes(&self, header: &Header) -> Result<Axes> {
        let axes = &header.axes;
        let (view_zenith_deg, relative_azimuth_deg) = self.view_nodes(&axes.view)?;
        Ok(Axes {
            aerosols: self.aerosols(&header.aerosol)?,
            aot_550: axes.aot550.clone(),
            pressure_hpa: axes.pressure_hpa.clone(),
            elevation_km: axes.elevation_km.clone(),
            sun_zenith_deg: axes.sza_deg.clone(),
            view_zenith_deg,
            relative_azimuth_deg,
            gas_elevation_km: axes.gas_elevation_km.clone(),
            air_mass: axes.gas_airmass.clone(),
            water_vapour_cm: axes.gas_wv_gcm2.clone(),
            ozone_path_cm_atm: axes.o3_path_cmatm.clone(),
        })
    }

    /// Aerosols stand as text `('rural', 70)`: name and relative humidity in percent.
    fn aerosols(&self, entries: &[String]) -> Result<Vec<Aerosol>> {
        let name_of = |entry: &str| -> Option<Aerosol> {
            let inner = entry.strip_prefix('(')?.strip_suffix(')')?;
            let (name, humidity) = inner.split_once(',')?;
            let percent: f64 = humidity.trim().parse().ok()?;
            let quoted = name.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            (0.0..=100.0).contains(&percent).then_some(quoted)?.parse().ok()
        };
        let mut aerosols: Vec<Aerosol> = Vec::new();
        for entry in entries {
            match name_of(entry) {
                Some(aerosol) if !aerosols.contains(&aerosol) => aerosols.push(aerosol),
                _ => {
                    return Err(self.field("aerosol", "each of ('rural', RH), ('maritime', RH) once", entry));
                }
            }
        }
        Ok(aerosols)
    }

    /// The list of directions as a grid: the vertical, then every zenith angle with the same azimuths.
    fn view_nodes(&self, directions: &[[f64; 2]]) -> Result<(Vec<f64>, Vec<f64>)> {
        let (zenith, azimuth) = grid_of(directions);
        let grid = zenith.iter().skip(1).flat_map(|&z| azimuth.iter().map(move |&a| [z, a]));
        if directions.first() == Some(&[0.0, 0.0]) && directions.iter().skip(1).copied().eq(grid) {
            return Ok((zenith, azimuth));
        }
        let expected = "[0, 0], then every zenith angle with the same azimuths";
        Err(self.field("axes.view", expected, format!("{directions:?}")))
    }

    fn band_arrays(
        &self,
        craft: Spacecraft,
        arrays: &BTreeMap<String, ArrayEntry>,
        data: &[u8],
    ) -> Result<BandArrays> {
        let source = ArraySource { file: self, craft, arrays, data };
        Ok(BandArrays {
            path_reflectance: source.array::<6>("rho")?,
            transmittance: source.array::<5>("T")?,
            spherical_albedo: source.array::<4>("S")?,
            gas_transmittance: source.array::<4>("TG")?,
            ozone_transmittance: source.array::<2>("TO3")?,
            aerosol_optical_depth: source.array::<2>("tauA")?,
            rayleigh_optical_depth: source.array::<2>("tauR")?,
        })
    }

    fn field(
        &self,
        field: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::field(self.name, field, expected, found)
    }
}

/// Zenith angles, the vertical first, and the azimuths of the second zenith angle.
fn grid_of(directions: &[[f64; 2]]) -> (Vec<f64>, Vec<f64>) {
    let mut zenith: Vec<f64> = Vec::new();
    for &[angle, _] in directions {
        if zenith.last() != Some(&angle) {
            zenith.push(angle);
        }
    }
    let second = zenith.get(1).copied();
    let azimuth = directions.iter().filter(|[z, _]| Some(*z) == second).map(|[_, a]| *a).collect();
    (zenith, azimuth)
}

/// Where the arrays of one spacecraft are.
struct ArraySource<'a> {
    file: &'a Reader<'a>,
    craft: Spacecraft,
    arrays: &'a BTreeMap<String, ArrayEntry>,
    data: &'a [u8],
}

impl ArraySource<'_> {
    fn array<const N: usize>(&self, quantity: &str) -> Result<Array<f32, <[usize; N] as IntoDimension>::Dim>>
    where
        [usize; N]: IntoDimension,
        <[usize; N] as IntoDimension>::Dim: Dimension,
    {
        let name = format!("{}/{quantity}", self.craft);
        let field = |part: &str| format!("arrays.{name}{part}");
        let Some(entry) = self.arrays.get(&name) else {
            return Err(self.file.field(field(""), "an array", "none"));
        };
        if entry.dtype != "<f4" {
            return Err(self.file.field(field(".dtype"), "<f4", entry.dtype.as_str()));
        }
        let Ok(shape) = <[usize; N]>::try_from(entry.shape.as_slice()) else {
            let found = format!("{:?}", entry.shape);
            return Err(self.file.field(field(".shape"), format!("{N} numbers"), found));
        };
        if entry.offset % ALIGNMENT_BYTES != 0 {
            return Err(self.file.field(field(".offset"), "a multiple of 64", entry.offset.to_string()));
        }
        let part = shape
            .iter()
            .try_fold(size_of::<f32>(), |bytes, &edge| bytes.checked_mul(edge))
            .and_then(|length| self.data.get(entry.offset..entry.offset.checked_add(length)?));
        let Some(part) = part else {
            let expected = format!("an array within {} bytes", self.data.len());
            let found = format!("offset {}, shape {shape:?}", entry.offset);
            return Err(self.file.field(field(""), expected, found));
        };
        let values = part.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
        Array::from_shape_vec(shape, values)
            .map_err(|e| self.file.field(field(".shape"), "a shape of the array's length", e.to_string()))
    }
}
