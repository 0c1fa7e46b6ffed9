//! Files beside the images: weather and aerosol forecasts of a product, the compact atmospheric tables.

pub mod atm_library;
pub mod grib;
pub mod grib_writer;
pub mod lut_file;
mod snow;
mod weather;

pub use snow::{snow_condition_file, snow_is_possible};
pub use weather::{AerosolForecast, DOBSON_PER_KG_M2, Weather};
