//! GeoTIFF in windows: only the tiles or strips that a window touches are read.

use super::geokeys::GeoKeys;
use super::{Affine, Crs, Raster, RasterFormat, format_error};
use crate::error::{Error, Result};
use ndarray::ArrayViewMut2;
use sen2cor_core::grid::Window;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// Largest list in a header, bytes: strips of one row of a map of the world.
const MAX_LIST_BYTES: usize = 64 << 20;
/// Largest tile or strip, bytes.
const MAX_CHUNK_BYTES: usize = 512 << 20;

type Reader = Decoder<BufReader<File>>;

fn decoder(path: &Path) -> Result<Reader> {
    let file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
    let mut limits = Limits::default();
    limits.ifd_value_size = MAX_LIST_BYTES;
    limits.decoding_buffer_size = MAX_CHUNK_BYTES;
    limits.intermediate_buffer_size = MAX_CHUNK_BYTES;
    let decoder = Decoder::new(BufReader::new(file)).map_err(|e| damaged(path, &e))?;
    Ok(decoder.with_limits(limits))
}

fn damaged(path: &Path, error: &tiff::TiffError) -> Error {
    format_error(path, format!("is no GeoTIFF that can be read: {error}"))
}

pub(super) fn open(path: &Path) -> Result<Raster> {
    open_at(path, |found| found)
}

/// With another place than the tags tell.
pub(super) fn open_at(path: &Path, place: impl FnOnce(Option<Affine>) -> Option<Affine>) -> Result<Raster> {
    let mut tiff = decoder(path)?;
    let (cols, rows) = tiff.dimensions().map_err(|e| damaged(path, &e))?;
    let samples =
        tiff.find_tag_unsigned::<u16>(Tag::SamplesPerPixel).map_err(|e| damaged(path, &e))?.unwrap_or(1);
    if samples != 1 {
        return Err(format_error(path, format!("has {samples} bands, one is expected")));
    }
    let doubles = |tiff: &mut Reader, tag| tiff.get_tag_f64_vec(tag).unwrap_or_default();
    let directory = tiff.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap_or_default();
    let keys = GeoKeys::new(&directory, &doubles(&mut tiff, Tag::GeoDoubleParamsTag));
    let told = affine(
        &doubles(&mut tiff, Tag::ModelPixelScaleTag),
        &doubles(&mut tiff, Tag::ModelTiepointTag),
        &doubles(&mut tiff, Tag::ModelTransformationTag),
    );
    let known = told.is_some();
    let affine = place(told)
        .ok_or_else(|| format_error(path, "does not tell its place (ModelPixelScale and ModelTiepoint)"))?;
    // Coordinates of centres: the corner is half a sample before.
    let affine = if keys.is_point() { affine.shifted(-0.5, -0.5) } else { affine };
    let no_data = tiff
        .get_tag_ascii_string(Tag::GdalNodata)
        .ok()
        .and_then(|text| text.trim().trim_end_matches('\0').parse().ok());
    Ok(Raster {
        path: path.to_owned(),
        format: RasterFormat::GeoTiff,
        rows: rows as usize,
        cols: cols as usize,
        affine,
        crs: if known { keys.crs().map_err(|reason| format_error(path, reason))? } else { Crs::Wgs84 },
        no_data,
    })
}

fn affine(scale: &[f64], tie: &[f64], matrix: &[f64]) -> Option<Affine> {
    let found = match (scale, tie, matrix) {
        ([dx, dy, ..], [col, row, _, x, y, ..], _) => {
            let corner = Affine { x0: *x, dx: *dx, rx: 0.0, y0: *y, ry: 0.0, dy: -*dy };
            corner.shifted(-col, -row)
        }
        (_, _, [dx, rx, _, x0, ry, dy, _, y0, ..]) => {
            Affine { x0: *x0, dx: *dx, rx: *rx, y0: *y0, ry: *ry, dy: *dy }
        }
        _ => return None,
    };
    let determinant = found.dx * found.dy - found.rx * found.ry;
    let finite = [found.x0, found.y0, determinant].iter().all(|v| v.is_finite());
    (finite && determinant != 0.0).then_some(found)
}

pub(super) fn read<T>(
    raster: &Raster,
    window: Window,
    mut out: ArrayViewMut2<'_, T>,
    convert: &dyn Fn(f64) -> T,
) -> Result<()> {
    let path = &raster.path;
    let mut tiff = decoder(path)?;
    let (width, height) = tiff.chunk_dimensions();
    let (width, height) = (width as usize, height as usize);
    if width == 0 || height == 0 || window.rows == 0 || window.cols == 0 {
        return Ok(());
    }
    let across = raster.cols.div_ceil(width);
    for chunk_row in window.row / height..=(window.row + window.rows - 1) / height {
        for chunk_col in window.col / width..=(window.col + window.cols - 1) / width {
            let index = (chunk_row * across + chunk_col) as u32;
            let (cols, rows) = tiff.chunk_data_dimensions(index);
            let chunk = Window {
                row: chunk_row * height,
                col: chunk_col * width,
                rows: rows as usize,
                cols: cols as usize,
            };
            let samples = tiff.read_chunk(index).map_err(|e| damaged(path, &e))?;
            copy(&samples, chunk, window, &mut out, convert)
                .ok_or_else(|| format_error(path, "has samples of a kind that is not read"))?;
        }
    }
    Ok(())
}

/// Copies what a chunk and a window have in common.
fn copy<T>(
    samples: &DecodingResult,
    chunk: Window,
    window: Window,
    out: &mut ArrayViewMut2<'_, T>,
    convert: &dyn Fn(f64) -> T,
) -> Option<()> {
    macro_rules! copy_as {
        ($samples:expr) => {{
            let (top, bottom) =
                (chunk.row.max(window.row), (chunk.row + chunk.rows).min(window.row + window.rows));
            let (left, right) =
                (chunk.col.max(window.col), (chunk.col + chunk.cols).min(window.col + window.cols));
            for row in top..bottom {
                for col in left..right {
                    let value = *$samples.get((row - chunk.row) * chunk.cols + col - chunk.col)?;
                    *out.get_mut((row - window.row, col - window.col))? = convert(value as f64);
                }
            }
        }};
    }
    match samples {
        DecodingResult::U8(samples) => copy_as!(samples),
        DecodingResult::U16(samples) => copy_as!(samples),
        DecodingResult::U32(samples) => copy_as!(samples),
        DecodingResult::I8(samples) => copy_as!(samples),
        DecodingResult::I16(samples) => copy_as!(samples),
        DecodingResult::I32(samples) => copy_as!(samples),
        DecodingResult::F32(samples) => copy_as!(samples),
        DecodingResult::F64(samples) => copy_as!(samples),
        _ => return None,
    }
    Some(())
}
