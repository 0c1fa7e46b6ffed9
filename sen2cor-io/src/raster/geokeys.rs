//! The keys of a GeoTIFF that tell its coordinate system.
//!
//! Source: OGC 19-008r4, GeoTIFF Standard 1.1, annexes with the key and code lists.

use super::Crs;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const MODEL_TYPE: u16 = 1024;
const RASTER_TYPE: u16 = 1025;
const GEOGRAPHIC: u16 = 2048;
const PROJECTED: u16 = 3072;
const PROJECTION_METHOD: u16 = 3075;
const LINEAR_UNITS: u16 = 3076;
const USER_DEFINED: u16 = 32767;

/// Keys and their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GeoKeys {
    shorts: BTreeMap<u16, u16>,
    doubles: BTreeMap<u16, f64>,
}

impl GeoKeys {
    /// From the directory and the doubles of the file.
    pub(super) fn new(directory: &[u16], doubles: &[f64]) -> Self {
        let mut keys = Self::default();
        for entry in directory.get(4..).unwrap_or_default().chunks_exact(4) {
            let [key, location, count, value] = *entry else { continue };
            match (location, count) {
                (0, _) => {
                    keys.shorts.insert(key, value);
                }
                (34736, 1..) => {
                    if let Some(&number) = doubles.get(usize::from(value)) {
                        keys.doubles.insert(key, number);
                    }
                }
                _ => {}
            }
        }
        keys
    }

    /// Whether coordinates mean the centres of samples, not their corners.
    pub(super) fn is_point(&self) -> bool {
        self.shorts.get(&RASTER_TYPE) == Some(&2)
    }

    /// The system, or what is not known of it.
    pub(super) fn crs(&self) -> Result<Crs, String> {
        let short = |key| self.shorts.get(&key).copied();
        match (short(MODEL_TYPE), short(PROJECTED), short(GEOGRAPHIC)) {
            (Some(2), _, code) | (None, None, code @ Some(_)) => match code {
                Some(USER_DEFINED) | None => Ok(Crs::Wgs84),
                Some(code) => Ok(Crs::from_epsg(code)),
            },
            (_, Some(code), _) if code != USER_DEFINED => Ok(Crs::from_epsg(code)),
            (Some(1), ..) => self.projection().map(Crs::Proj),
            (model, ..) => Err(format!("its coordinate system is not given (model type {model:?})")),
        }
    }

    /// A projection by its parameters.
    fn projection(&self) -> Result<String, String> {
        let method = self.shorts.get(&PROJECTION_METHOD).copied();
        let (name, parameters): (&str, &[(&str, &[u16])]) = match method {
            Some(1) => ("tmerc", &[("lat_0", &[3081]), ("lon_0", &[3080]), ("k_0", &[3092])]),
            Some(7) => ("merc", &[("lat_ts", &[3078]), ("lon_0", &[3080]), ("k_0", &[3092])]),
            Some(8) => (
                "lcc",
                &[("lat_1", &[3078]), ("lat_2", &[3079]), ("lat_0", &[3085, 3081]), ("lon_0", &[3084, 3080])],
            ),
            Some(9) => {
                ("lcc", &[("lat_1", &[3081]), ("lat_0", &[3081]), ("lon_0", &[3080]), ("k_0", &[3092])])
            }
            Some(10) => ("laea", &[("lat_0", &[3089, 3081]), ("lon_0", &[3088, 3080])]),
            Some(11) => (
                "aea",
                &[("lat_1", &[3078]), ("lat_2", &[3079]), ("lat_0", &[3081, 3085]), ("lon_0", &[3080, 3084])],
            ),
            Some(15) => ("stere", &[("lat_ts", &[3081]), ("lon_0", &[3095, 3080]), ("k_0", &[3092])]),
            Some(24) => ("sinu", &[("lon_0", &[3088, 3080])]),
            other => return Err(format!("its projection (method {other:?}) is not read")),
        };
        let number = |keys: &[u16]| keys.iter().find_map(|key| self.doubles.get(key)).copied();
        let mut text = format!("+proj={name}");
        for (parameter, keys) in parameters {
            if let Some(value) = number(keys) {
                let _ = write!(text, " +{parameter}={value}");
            }
        }
        if name == "stere" {
            let pole = if number(&[3081]).unwrap_or(90.0) < 0.0 { -90 } else { 90 };
            let _ = write!(text, " +lat_0={pole}");
        }
        let (x, y) = (number(&[3082, 3086]).unwrap_or(0.0), number(&[3083, 3087]).unwrap_or(0.0));
        match self.shorts.get(&LINEAR_UNITS) {
            None | Some(9001) => {}
            Some(unit) => return Err(format!("its unit of length (code {unit}) is not read")),
        }
        match self.shorts.get(&GEOGRAPHIC) {
            None => {}
            Some(&code) if code == USER_DEFINED || Crs::from_epsg(code) == Crs::Wgs84 => {}
            Some(code) => return Err(format!("a projection of its own on datum {code} is not read")),
        }
        let _ = write!(text, " +x_0={x} +y_0={y} +datum=WGS84 +units=m +no_defs");
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_by_code_or_by_parameters() {
        let keys = |entries: &[[u16; 4]], doubles: &[f64]| {
            let directory: Vec<u16> = [1, 1, 0, entries.len() as u16]
                .into_iter()
                .chain(entries.iter().flatten().copied())
                .collect();
            GeoKeys::new(&directory, doubles)
        };
        let geographic = keys(&[[1024, 0, 1, 2], [1025, 0, 1, 2], [2048, 0, 1, 4326]], &[]);
        assert_eq!((geographic.crs(), geographic.is_point()), (Ok(Crs::Wgs84), true));
        let utm = keys(&[[1024, 0, 1, 1], [1025, 0, 1, 1], [3072, 0, 1, 32633]], &[]);
        assert_eq!((utm.crs(), utm.is_point()), (Ok(Crs::Epsg(32633)), false));
        let own = keys(
            &[
                [1024, 0, 1, 1],
                [3072, 0, 1, 32767],
                [3075, 0, 1, 10],
                [3089, 34736, 1, 0],
                [3088, 34736, 1, 1],
            ],
            &[52.0, 10.0],
        );
        let expected = "+proj=laea +lat_0=52 +lon_0=10 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs";
        assert_eq!(own.crs(), Ok(Crs::Proj(expected.to_owned())));
        assert!(keys(&[[1024, 0, 1, 1], [3075, 0, 1, 99]], &[]).crs().is_err());
        assert!(keys(&[], &[]).crs().is_err());
        assert_eq!(GeoKeys::new(&[1], &[]), GeoKeys::default());
    }
}
