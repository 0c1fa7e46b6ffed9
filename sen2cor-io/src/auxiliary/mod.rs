//! Files beside the product: the compact atmospheric tables.

pub mod lut_file;
