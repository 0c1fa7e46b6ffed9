//! Pictures of a finished product as PNG files, read back from its own images.

use crate::error::{Error, Result};
use ndarray::Array2;
use sen2cor_core::classify::SceneClass;
use sen2cor_io::bytes::FileSource;
use sen2cor_io::jp2::{Codec, ImageIndex, Jp2Error, decode_image};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Colours of the classes 0 to 11 as they are commonly shown.
const CLASS_COLOURS: [[u8; 3]; 12] = [
    [0, 0, 0],
    [255, 0, 0],
    [47, 47, 47],
    [100, 50, 0],
    [0, 160, 0],
    [255, 230, 90],
    [0, 0, 255],
    [128, 128, 128],
    [192, 192, 192],
    [255, 255, 255],
    [100, 200, 255],
    [255, 150, 255],
];

/// Writes a true colour image as a PNG.
///
/// # Errors
/// If the image cannot be read or the picture not be written.
pub(crate) fn true_colour(image: &Path, picture: &Path) -> Result<()> {
    let planes = read(image)?;
    let [red, green, blue] = planes.as_slice() else {
        return Err(Error::InputContent {
            path: image.to_owned(),
            reason: "three components are needed".to_owned(),
        });
    };
    let pixels: Vec<u8> =
        red.iter().zip(green).zip(blue).flat_map(|((&r, &g), &b)| [r as u8, g as u8, b as u8]).collect();
    write(picture, red.dim(), &pixels)
}

/// Writes a class map as a PNG and returns the share of each class in per cent of all pixels.
///
/// # Errors
/// If the image cannot be read or the picture not be written.
pub(crate) fn class_map(image: &Path, picture: &Path) -> Result<Vec<(SceneClass, f64)>> {
    let planes = read(image)?;
    let Some(map) = planes.first() else { return Ok(Vec::new()) };
    let colour = |&class: &u16| CLASS_COLOURS.get(usize::from(class)).copied().unwrap_or_default();
    write(picture, map.dim(), &map.iter().flat_map(colour).collect::<Vec<u8>>())?;
    let share = |class: SceneClass| {
        let count = map.iter().filter(|&&value| value == class as u16).count();
        count as f64 / map.len().max(1) as f64 * 100.0
    };
    Ok(SceneClass::ALL.into_iter().map(|class| (class, share(class))).collect())
}

fn read(image: &Path) -> Result<Vec<Array2<u16>>> {
    let problem =
        |source: Jp2Error| Error::input(sen2cor_io::Error::Image { file: image.to_owned(), source });
    let source = FileSource::open(image).map_err(Error::input)?;
    let index = ImageIndex::read(&source).map_err(problem)?;
    decode_image(&Codec::Auto, &index, &source).map_err(problem)
}

/// Writes interleaved red, green and blue as a PNG.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write(picture: &Path, (rows, cols): (usize, usize), pixels: &[u8]) -> Result<()> {
    let problem = |doing, error: std::io::Error| Error::output_io(picture, doing, error);
    let file = File::create(picture).map_err(|e| problem("creating", e))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), cols as u32, rows as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(pixels).and_then(|()| writer.finish()))
        .map_err(|e| problem("writing", std::io::Error::other(e)))
}
