//! Rasters with a place on the ground, read in windows: GeoTIFF, SRTM `.hgt` (also zipped) and DTED.
//!
//! A [`Raster`] is a header: it can be sent to whoever reads the samples. Nothing is written to the files.

mod crs;
mod dted;
mod geokeys;
mod geotiff;
mod hgt;
mod mosaic;

pub use crs::Crs;
pub use mosaic::{Mosaic, mosaics, positions};

use crate::error::{Error, Result};
use ndarray::{Array2, ArrayViewMut2};
use sen2cor_core::grid::Window;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Most samples that are read at a time: 4 degrees of a raster with 1 arc second.
const MAX_SAMPLES: usize = 1 << 28;

/// From columns and rows to coordinates: x = x0 + dx * col + rx * row, y = y0 + ry * col + dy * row, from the upper left
/// corner of the first sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "see the formula above")]
pub struct Affine {
    pub x0: f64,
    pub dx: f64,
    pub rx: f64,
    pub y0: f64,
    pub ry: f64,
    pub dy: f64,
}

impl Affine {
    /// Column and row of a place.
    pub fn inverse(&self, x: f64, y: f64) -> (f64, f64) {
        let determinant = self.dx * self.dy - self.rx * self.ry;
        let (x, y) = (x - self.x0, y - self.y0);
        ((self.dy * x - self.rx * y) / determinant, (self.dx * y - self.ry * x) / determinant)
    }

    /// Whether rows and columns run along the axes.
    pub fn is_straight(&self) -> bool {
        self.rx == 0.0 && self.ry == 0.0
    }

    /// The same from another corner.
    #[must_use]
    pub fn shifted(&self, cols: f64, rows: f64) -> Self {
        let x0 = self.x0 + self.dx * cols + self.rx * rows;
        let y0 = self.y0 + self.ry * cols + self.dy * rows;
        Self { x0, y0, ..*self }
    }
}

/// How the samples of a raster are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RasterFormat {
    /// TIFF with keys for its place.
    GeoTiff,
    /// Big-endian 16-bit numbers, rows from north to south.
    Hgt,
    /// The same as the only member of a zip archive.
    HgtZip,
    /// Digital terrain elevation data: columns from south to north behind a header.
    Dted,
}

/// A raster that was looked at but not read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Raster {
    /// The file.
    pub path: PathBuf,
    /// Its format.
    pub format: RasterFormat,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Its place.
    pub affine: Affine,
    /// The system of its coordinates.
    pub crs: Crs,
    /// Stored value of missing samples.
    pub no_data: Option<f64>,
}

impl Raster {
    /// Reads the header of a file; the format follows from the name.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Format`] if it is damaged or of a kind that is not read.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        let ends = |ending: &str| name.ends_with(ending);
        if ends(".tif") || ends(".tiff") {
            geotiff::open(path)
        } else if ends(".hgt") || ends(".hgt.zip") {
            hgt::open(path)
        } else if ends(".dt0") || ends(".dt1") || ends(".dt2") {
            dted::open(path)
        } else {
            Err(format_error(path, "is none of .tif, .tiff, .hgt, .hgt.zip, .dt0, .dt1, .dt2"))
        }
    }

    /// Reads the header of a map of the world, whatever it says of its place.
    ///
    /// # Errors
    /// As [`Raster::open`], or if it has not twice as many columns as rows.
    pub fn open_world(path: &Path) -> Result<Self> {
        let raster = geotiff::open_at(path, |_| {
            Some(Affine { x0: -180.0, dx: 1.0, rx: 0.0, y0: 90.0, ry: 0.0, dy: -1.0 })
        })?;
        if raster.cols == 2 * raster.rows {
            let step = 360.0 / raster.cols as f64;
            let affine = Affine { x0: -180.0, dx: step, rx: 0.0, y0: 90.0, ry: 0.0, dy: -step };
            Ok(Self { affine, crs: Crs::Wgs84, ..raster })
        } else {
            let (rows, cols) = (raster.rows, raster.cols);
            Err(format_error(
                path,
                format!("has {rows} x {cols} samples, a map of the world has twice as many columns as rows"),
            ))
        }
    }

    /// Whether a file may be a raster, by its name.
    pub fn is_raster_name(name: &str) -> bool {
        let name = name.to_lowercase();
        [".tif", ".tiff", ".hgt", ".hgt.zip", ".dt0", ".dt1", ".dt2"].iter().any(|e| name.ends_with(e))
    }

    /// Reads the samples of a window as elevations; missing ones are NaN.
    ///
    /// # Errors
    /// If the window leaves the raster or is too large, or the file cannot be read.
    pub fn read_f32(&self, window: Window, out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check(window)?;
        let no_data = self.no_data;
        let convert = |value: f64| {
            if no_data.is_some_and(|no_data| value == no_data) { f32::NAN } else { value as f32 }
        };
        self.read_samples(window, out, &convert)
    }

    /// Reads the samples of a window as codes of a map; what is no byte becomes `other`.
    ///
    /// # Errors
    /// If the window leaves the raster or is too large, or the file cannot be read.
    pub fn read_codes(&self, window: Window, other: u8) -> Result<Array2<u8>> {
        self.check(window)?;
        let mut out = Array2::from_elem((window.rows, window.cols), other);
        let convert = |value: f64| if (0.0..=255.0).contains(&value) { value as u8 } else { other };
        self.read_samples(window, out.view_mut(), &convert)?;
        Ok(out)
    }

    fn read_samples<T>(
        &self,
        window: Window,
        out: ArrayViewMut2<'_, T>,
        convert: &dyn Fn(f64) -> T,
    ) -> Result<()> {
        match self.format {
            RasterFormat::GeoTiff => geotiff::read(self, window, out, convert),
            RasterFormat::Hgt | RasterFormat::HgtZip => hgt::read(self, window, out, convert),
            RasterFormat::Dted => dted::read(self, window, out, convert),
        }
    }

    fn check(&self, window: Window) -> Result<()> {
        let inside = window.row + window.rows <= self.rows && window.col + window.cols <= self.cols;
        if inside && window.rows * window.cols <= MAX_SAMPLES {
            Ok(())
        } else {
            let (rows, cols) = (self.rows, self.cols);
            Err(format_error(&self.path, format!("{window:?} of {rows} x {cols} samples cannot be read")))
        }
    }
}

fn format_error(file: &Path, reason: impl Into<String>) -> Error {
    Error::Format { file: file.to_owned(), reason: reason.into() }
}
