//! Files beside the product: the compact atmospheric tables.

pub mod atm_library;
pub mod grib_writer;
pub mod lut_file;
