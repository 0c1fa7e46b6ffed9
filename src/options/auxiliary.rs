//! Options of data from outside the product.

use super::define::options;
use std::path::PathBuf;

options! {
    /// Data from outside the product.
    RawAuxiliaryOptions => AuxiliaryOptions, "Auxiliary data";

    /// Elevation: a folder of Copernicus (GLO-30, GLO-90), SRTM (.hgt, .hgt.zip) or DTED tiles, or one GeoTIFF in any coordinate
    /// system. Default: flat ground.
    dem: PathBuf, Text("PATH");
    /// ESA CCI map of water bodies (GeoTIFF; 2 is water).
    water_bodies: PathBuf, Text("FILE");
    /// ESA CCI land cover map (GeoTIFF; 190 is built-up, 200 to 202 bare, 210 water).
    land_cover: PathBuf, Text("FILE");
    /// Folder of the weekly ESA CCI snow condition maps (...-2000MMDD-v2.0.tif), or one of them.
    snow_condition: PathBuf, Text("PATH");
    /// Map of the world where snow is possible (GeoTIFF; 0 is never). Default: snow is possible everywhere.
    snow_climatology: PathBuf, Text("FILE");
}
