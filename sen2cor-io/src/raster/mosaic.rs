//! Files that together cover a tile, put together to one raster per grid, and where the tile's pixels are in it.

use super::hgt::corner;
use super::{Affine, Crs, MAX_SAMPLES, Raster, format_error};
use crate::error::{Error, Result};
use ndarray::{Array2, ArrayViewMut2, Axis, Slice};
use sen2cor_core::grid::{Extent, GeoTransform, Geographic, Resolution, Window};
use sen2cor_core::terrain::PositionGrid;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Distance of the nodes at which pixels are projected, pixels.
const NODE_STEP: usize = 48;
/// Samples around the tile that its border needs: the spline reaches two, stretched for large pixels.
const MARGIN: f64 = 4.0;
/// Most files in a folder of elevation files.
const MAX_FILES: usize = 100_000;
/// Deepest folder that is searched.
const MAX_DEPTH: usize = 4;

/// Files of one grid, and the part of it that a tile needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mosaic {
    /// Rows of the part.
    pub rows: usize,
    /// Columns of the part.
    pub cols: usize,
    /// Where the tile's pixels are in the part.
    pub positions: PositionGrid,
    parts: Vec<Part>,
}

/// The window of a file and where it belongs in the mosaic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    raster: Raster,
    window: Window,
    row: usize,
    col: usize,
}

impl Mosaic {
    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().map(|part| part.raster.path.as_path())
    }

    /// A file to name in messages.
    pub fn first_file(&self) -> &Path {
        self.parts.first().map_or(Path::new(""), |part| part.raster.path.as_path())
    }

    /// Reads the elevations, NaN where no file has one. A sample that several files have is that of the last one.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(&self, mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
        out.fill(f32::NAN);
        for part in &self.parts {
            let mut samples = Array2::from_elem((part.window.rows, part.window.cols), f32::NAN);
            part.raster.read_f32(part.window, samples.view_mut())?;
            let mut place = out.view_mut();
            place.slice_axis_inplace(Axis(0), Slice::from(part.row..part.row + part.window.rows));
            place.slice_axis_inplace(Axis(1), Slice::from(part.col..part.col + part.window.cols));
            place.zip_mut_with(&samples, |out, &sample| {
                if !sample.is_nan() {
                    *out = sample;
                }
            });
        }
        Ok(())
    }

    /// Reads codes of a map; `other` where no file has one.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read_codes(&self, other: u8, mut out: ArrayViewMut2<'_, u8>) -> Result<()> {
        out.fill(other);
        for part in &self.parts {
            let codes = part.raster.read_codes(part.window, other)?;
            for ((row, col), &code) in codes.indexed_iter() {
                if let Some(out) = out.get_mut((part.row + row, part.col + col)) {
                    *out = code;
                }
            }
        }
        Ok(())
    }
}

/// The grid of a tile.
#[derive(Clone, Copy)]
struct Target<'a> {
    ground: &'a GeoTransform,
    extent: Extent,
    resolution: Resolution,
}

impl Target<'_> {
    fn place(&self, row: f64, col: f64) -> Geographic {
        let pixel_m = f64::from(self.resolution.metres());
        let x = self.ground.ulx_m + (col + 0.5) * pixel_m;
        self.ground.geographic(x, self.ground.uly_m - (row + 0.5) * pixel_m)
    }

    fn centre(&self) -> Geographic {
        let (rows, cols) = self.extent.shape(self.resolution);
        self.place(rows as f64 / 2.0, cols as f64 / 2.0)
    }
}

/// The mosaics of a file or of the files in a folder that cover a part of a tile, the finest grid first. Empty if none does.
///
/// # Errors
/// If there is nothing at `path`, or a file that concerns the tile cannot be read.
pub fn mosaics(
    path: &Path,
    ground: &GeoTransform,
    extent: Extent,
    resolution: Resolution,
) -> Result<Vec<Mosaic>> {
    let target = Target { ground, extent, resolution };
    let mut groups: Vec<Group> = Vec::new();
    for file in candidates(path, target.centre())? {
        let raster = Raster::open(&file)?;
        let raster = turned(raster, target.centre());
        match groups.iter_mut().find(|group| group.takes(&raster)) {
            Some(group) => group.rasters.push(raster),
            None => groups.push(Group { rasters: vec![raster] }),
        }
    }
    groups.sort_by(|a, b| a.sample_size().total_cmp(&b.sample_size()));
    let mut found = Vec::new();
    for group in &groups {
        found.extend(group.mosaic(&target)?);
    }
    Ok(found)
}

/// Where the pixels of a tile's grid are in a raster, columns and rows counted from its corner.
///
/// # Errors
/// If the system of the raster is not known, or it has no coordinates for the tile.
pub fn positions(
    raster: &Raster,
    ground: &GeoTransform,
    extent: Extent,
    resolution: Resolution,
) -> Result<PositionGrid> {
    node_positions(raster, &Target { ground, extent, resolution })
}

fn node_positions(raster: &Raster, target: &Target<'_>) -> Result<PositionGrid> {
    let transformer = raster.crs.transformer(&raster.path)?;
    let geographic = raster.crs.is_geographic(&raster.path);
    let centre_deg = target.centre().longitude_deg;
    let (rows, cols) = target.extent.shape(target.resolution);
    let nodes = |count: usize| count.saturating_sub(1).div_ceil(NODE_STEP) + 1;
    let mut grid = PositionGrid {
        step: NODE_STEP,
        cols: Array2::zeros((nodes(rows).max(2), nodes(cols).max(2))),
        rows: Array2::zeros((nodes(rows).max(2), nodes(cols).max(2))),
    };
    for ((row, col), at) in grid.cols.indexed_iter_mut() {
        let place = target.place((row * NODE_STEP) as f64, (col * NODE_STEP) as f64);
        let (mut x, y) = transformer
            .forward(place)
            .ok_or_else(|| format_error(&raster.path, "its projection has no coordinates for the tile"))?;
        if geographic {
            // As near to the centre of the tile as turns of 360 degrees bring it, which is where the raster was brought.
            x += 360.0 * ((centre_deg - x) / 360.0).round();
        }
        let (x, y) = raster.affine.inverse(x, y);
        *at = x;
        grid.rows[[row, col]] = y;
    }
    Ok(grid)
}

/// A raster with degrees of longitude counted so that it lies nearest to the tile.
fn turned(mut raster: Raster, centre: Geographic) -> Raster {
    if raster.crs == Crs::Wgs84 && raster.affine.is_straight() {
        let width = raster.affine.dx * raster.cols as f64;
        let middle = raster.affine.x0 + width / 2.0;
        raster.affine.x0 += 360.0 * ((centre.longitude_deg - middle) / 360.0).round();
    }
    raster
}

/// Files to look at: those whose name tells a place far away are left out.
fn candidates(path: &Path, centre: Geographic) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !path.is_dir() {
        return Err(Error::Missing { path: path.to_owned(), what: "the file or folder".to_owned() });
    }
    let mut files = Vec::new();
    list(path, MAX_DEPTH, &mut files)?;
    files.sort();
    let near = |file: &PathBuf| {
        let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        corner(&name).is_none_or(|(west, south)| {
            let east_deg = (west + 0.5 - centre.longitude_deg).rem_euclid(360.0);
            let east_deg = east_deg.min(360.0 - east_deg);
            // Tiles reach half a degree beyond their centre, more in longitude towards the poles.
            let wide = 1.5 / libm_cos(centre.latitude_deg).max(0.05);
            (south + 0.5 - centre.latitude_deg).abs() <= 2.0 && east_deg <= wide + 1.0
        })
    };
    Ok(files.into_iter().filter(near).collect())
}

fn libm_cos(degrees: f64) -> f64 {
    degrees.to_radians().cos()
}

fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, "listing", e))?;
    for entry in entries {
        let path = entry.map_err(|e| Error::io(folder, "listing", e))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && depth > 0 {
            list(&path, depth - 1, files)?;
        } else if path.is_file() && Raster::is_raster_name(&name) {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(format_error(folder, format!("holds more than {MAX_FILES} elevation files")));
        }
    }
    Ok(())
}

/// Rasters of one grid.
struct Group {
    rasters: Vec<Raster>,
}

impl Group {
    /// Whether a raster has the same system and its samples lie where those of the group lie.
    fn takes(&self, raster: &Raster) -> bool {
        let Some(first) = self.rasters.first() else { return false };
        let (a, b) = (&first.affine, &raster.affine);
        let alike = |x: f64, y: f64| (x - y).abs() <= x.abs() * 1e-9;
        let whole = |x: f64| (x - x.round()).abs() < 1e-2;
        first.crs == raster.crs
            && a.is_straight()
            && b.is_straight()
            && alike(a.dx, b.dx)
            && alike(a.dy, b.dy)
            && whole((b.x0 - a.x0) / a.dx)
            && whole((b.y0 - a.y0) / a.dy)
    }

    fn sample_size(&self) -> f64 {
        self.rasters.first().map_or(0.0, |r| (r.affine.dx * r.affine.dy).abs())
    }

    fn mosaic(&self, target: &Target<'_>) -> Result<Option<Mosaic>> {
        let Some(first) = self.rasters.first() else { return Ok(None) };
        let mut positions = node_positions(first, target)?;
        let (wide, high) = positions.scale();
        let bounds = |a: &Array2<f64>, scale: f64| {
            let low = a.iter().copied().fold(f64::INFINITY, f64::min);
            let high = a.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let margin = MARGIN * scale.max(1.0);
            ((low - margin).floor(), (high + margin).ceil())
        };
        let ((left, right), (top, bottom)) = (bounds(&positions.cols, wide), bounds(&positions.rows, high));
        if !(right - left <= 1e6 && bottom - top <= 1e6) {
            return Err(format_error(&first.path, "the tile has no reasonable place in it"));
        }
        // Columns and rows from the corner of the first raster, as far as there are files.
        let offsets: Vec<(f64, f64)> = self.rasters.iter().map(|r| offset(&first.affine, r)).collect();
        let mut parts = Vec::new();
        for (raster, (col, row)) in self.rasters.iter().zip(offsets) {
            let (l, r) = (left.max(col), right.min(col + raster.cols as f64));
            let (t, b) = (top.max(row), bottom.min(row + raster.rows as f64));
            if l < r && t < b {
                let window = Window {
                    row: (t - row) as usize,
                    col: (l - col) as usize,
                    rows: (b - t) as usize,
                    cols: (r - l) as usize,
                };
                let (row, col) = ((t - top) as usize, (l - left) as usize);
                parts.push(Part { raster: raster.clone(), window, row, col });
            }
        }
        let (rows, cols) = ((bottom - top) as usize, (right - left) as usize);
        if parts.is_empty() {
            return Ok(None);
        }
        if rows * cols > MAX_SAMPLES {
            return Err(format_error(&first.path, format!("the tile needs {rows} x {cols} samples of it")));
        }
        positions.cols -= left;
        positions.rows -= top;
        Ok(Some(Mosaic { rows, cols, positions, parts }))
    }
}

/// Column and row of the corner of a raster on the grid of another.
fn offset(first: &Affine, raster: &Raster) -> (f64, f64) {
    let (col, row) = first.inverse(raster.affine.x0, raster.affine.y0);
    (col.round(), row.round())
}
