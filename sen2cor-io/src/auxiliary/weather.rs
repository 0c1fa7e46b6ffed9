//! What the weather files of a product say: means over the tile of `AUX_ECMWFT` and `AUX_CAMSFO`.
//!
//! Source: Sentinel-2 Product Specification Document (auxiliary data of the tile) and real products. `OZONE_VALUE` of
//! ESA's Level-2A products is the mean of total column ozone times [`DOBSON_PER_KG_M2`].

use super::grib::GribMessage;
use super::grib_writer::Parameter;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Dobson units per kg/m2 of ozone, as ESA's products compute them (1 / 2.1427e-5).
pub const DOBSON_PER_KG_M2: f64 = 46_670.82;

/// Standard gravity, m/s2: geopotential of a metre.
const GRAVITY_M_S2: f64 = 9.806_65;

/// Means of `AUX_ECMWFT` over its grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weather {
    /// Total column of ozone, Dobson units.
    pub ozone_du: f64,
    /// Total column of water vapour, cm.
    pub water_vapour_cm: f64,
    /// Mean sea level pressure, hPa.
    pub sea_level_pressure_hpa: f64,
}

impl Weather {
    /// From the bytes of a file. `file` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Format`] if it is damaged or lacks one of the quantities.
    pub fn read(file: &Path, bytes: &[u8]) -> Result<Self> {
        let messages = GribMessage::read_all(file, bytes)?;
        let mean = |parameter, what| mean_of(file, &messages, parameter, what);
        Ok(Self {
            ozone_du: mean(Parameter::OZONE, "total column ozone")? * DOBSON_PER_KG_M2,
            // 10 kg/m2 are 1 cm of liquid water.
            water_vapour_cm: mean(Parameter::WATER_VAPOUR, "total column water vapour")? / 10.0,
            sea_level_pressure_hpa: mean(Parameter::SEA_LEVEL_PRESSURE, "mean sea level pressure")? / 100.0,
        })
    }
}

/// Means of `AUX_CAMSFO` over its grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AerosolForecast {
    /// Aerosol optical depth at 550 nm.
    pub aot_550: f64,
    /// Elevation of the ground in the model, km: its geopotential over standard gravity.
    pub ground_elevation_km: f64,
}

impl AerosolForecast {
    /// From the bytes of a file. `file` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Format`] if it is damaged or lacks one of the quantities.
    pub fn read(file: &Path, bytes: &[u8]) -> Result<Self> {
        let messages = GribMessage::read_all(file, bytes)?;
        let geopotential = mean_of(file, &messages, Parameter::GEOPOTENTIAL, "geopotential")?;
        Ok(Self {
            aot_550: mean_of(file, &messages, Parameter::AOT_550, "aerosol optical depth at 550 nm")?,
            ground_elevation_km: geopotential / GRAVITY_M_S2 / 1000.0,
        })
    }
}

fn mean_of(file: &Path, messages: &[GribMessage], parameter: Parameter, what: &str) -> Result<f64> {
    let found = messages.iter().find(|message| message.holds(parameter));
    found.and_then(GribMessage::mean).ok_or_else(|| Error::Format {
        file: file.to_owned(),
        reason: format!("has no {what} (parameter {} of table {})", parameter.number, parameter.table),
    })
}
