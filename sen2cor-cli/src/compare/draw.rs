//! Pictures of rectangles and text, as SVG or PNG.

use ab_glyph::{Font, FontRef, ScaleFont};
use anyhow::{Context as _, bail};
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// PNG pixels per unit.
const SCALE: f64 = 2.0;

/// Fonts of programs that show an SVG are their own; a PNG needs one that is always there.
const FONT: &[u8] = epaint_default_fonts::UBUNTU_LIGHT;

/// Shapes from back to front.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    width: f64,
    height: f64,
    shapes: Vec<Shape>,
}

/// Something to draw. Colours are `#rrggbb`.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Rectangle {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        colour: String,
    },
    /// `at` is on the base line.
    Text {
        at: (f64, f64),
        size: f64,
        anchor: Anchor,
        colour: String,
        text: String,
    },
}

/// Which part of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// The forms of pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    Svg,
    Png,
}

impl Format {
    /// The form that a file name asks for.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        match extension.as_ref().and_then(|e| e.to_str()) {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => {
                let reason = format!("plot is {}, expected a name that ends in .svg or .png", path.display());
                bail!(sen2cor::Error::Options(vec![sen2cor::InvalidOption::Conflict { reason }]))
            }
        }
    }
}

impl Shape {
    pub(crate) fn rectangle(x: f64, y: f64, width: f64, height: f64, colour: &str) -> Self {
        Self::Rectangle { x, y, width, height, colour: colour.to_owned() }
    }
}

impl Picture {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, shapes: vec![Shape::rectangle(0.0, 0.0, width, height, "#ffffff")] }
    }

    pub(crate) fn add(&mut self, shape: Shape) {
        self.shapes.push(shape);
    }

    pub(crate) fn text(&mut self, at: (f64, f64), size: f64, anchor: Anchor, colour: &str, text: &str) {
        let (colour, text) = (colour.to_owned(), text.to_owned());
        self.add(Shape::Text { at, size, anchor, colour, text });
    }

    /// Heights of the rectangles of a colour.
    #[cfg(test)]
    pub(crate) fn heights_of(&self, wanted: &str) -> Vec<f64> {
        let height = |shape: &Shape| match shape {
            Shape::Rectangle { height, colour, .. } if colour == wanted => Some(*height),
            _ => None,
        };
        self.shapes.iter().filter_map(height).collect()
    }

    /// The picture as an SVG document.
    pub(crate) fn svg(&self) -> String {
        let (width, height) = (self.width, self.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Ubuntu, Helvetica, Arial, sans-serif\">\n"
        );
        for shape in &self.shapes {
            let _ = match shape {
                Shape::Rectangle { x, y, width, height, colour } => writeln!(
                    svg,
                    "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{colour}\"/>"
                ),
                Shape::Text { at: (x, y), size, anchor, colour, text } => writeln!(
                    svg,
                    "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" text-anchor=\"{}\" fill=\"{colour}\">{}</text>",
                    anchor.name(),
                    escaped(text)
                ),
            };
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// The picture as pixels: width, height, RGB.
    fn pixels(&self) -> anyhow::Result<Canvas> {
        let font = FontRef::try_from_slice(FONT).context("the built-in font")?;
        let mut canvas = Canvas::new((self.width * SCALE) as usize, (self.height * SCALE) as usize);
        for shape in &self.shapes {
            match shape {
                Shape::Rectangle { x, y, width, height, colour } => {
                    let (left, top) = (x * SCALE, y * SCALE);
                    let (right, bottom) = ((x + width) * SCALE, (y + height) * SCALE);
                    canvas.rectangle((left, top), (right, bottom), rgb(colour));
                }
                Shape::Text { at, size, anchor, colour, text } => {
                    let at = (at.0 * SCALE, at.1 * SCALE);
                    canvas.text(&font, at, size * SCALE, *anchor, (rgb(colour), text));
                }
            }
        }
        Ok(canvas)
    }
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// Writes a picture in the form that the name of the file asks for.
pub(crate) fn write(picture: &Picture, path: &Path) -> anyhow::Result<()> {
    let failed = |error| sen2cor::Error::output_io(path, "writing", error);
    match Format::of(path)? {
        Format::Svg => std::fs::write(path, picture.svg()).map_err(failed)?,
        Format::Png => {
            let canvas = picture.pixels()?;
            let file = BufWriter::new(File::create(path).map_err(failed)?);
            let mut encoder = png::Encoder::new(file, canvas.width as u32, canvas.height as u32);
            encoder.set_color(png::ColorType::Rgb);
            encoder.set_depth(png::BitDepth::Eight);
            let written = encoder.write_header().and_then(|mut writer| {
                writer.write_image_data(&canvas.rgb)?;
                writer.finish()
            });
            written.map_err(|e| failed(std::io::Error::other(e)))?;
        }
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn rgb(colour: &str) -> [f64; 3] {
    let value = u32::from_str_radix(colour.trim_start_matches('#'), 16).unwrap_or(0);
    [16, 8, 0].map(|shift| f64::from((value >> shift) & 255))
}

struct Canvas {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![255; width * height * 3] }
    }

    /// Mixes a colour into a pixel.
    fn blend(&mut self, x: i64, y: i64, colour: [f64; 3], cover: f64) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y * self.width + x) * 3;
        for (sample, value) in self.rgb.iter_mut().skip(at).take(3).zip(colour) {
            let mixed = f64::from(*sample) * (1.0 - cover) + value * cover;
            *sample = mixed.round().clamp(0.0, 255.0) as u8;
        }
    }

    /// Fills a rectangle; pixels at its edges by the share of them that it covers.
    fn rectangle(&mut self, (left, top): (f64, f64), (right, bottom): (f64, f64), colour: [f64; 3]) {
        let cover = |at: i64, from: f64, to: f64| ((at + 1) as f64).min(to) - (at as f64).max(from);
        for y in top.floor() as i64..bottom.ceil() as i64 {
            for x in left.floor() as i64..right.ceil() as i64 {
                let covered = cover(x, left, right) * cover(y, top, bottom);
                self.blend(x, y, colour, covered.clamp(0.0, 1.0));
            }
        }
    }

    fn text(
        &mut self,
        font: &FontRef<'_>,
        (x, y): (f64, f64),
        size: f64,
        anchor: Anchor,
        (colour, text): ([f64; 3], &str),
    ) {
        // SVG counts the em square, this library the height of the font.
        let units = font.units_per_em().unwrap_or(1000.0);
        let scaled = font.as_scaled(size as f32 * font.height_unscaled() / units);
        let mut glyphs = Vec::new();
        let (mut pen, mut last) = (0.0f32, None);
        for letter in text.chars() {
            let glyph = scaled.glyph_id(letter);
            pen += last.map_or(0.0, |last| scaled.kern(last, glyph));
            glyphs.push((glyph, pen));
            pen += scaled.h_advance(glyph);
            last = Some(glyph);
        }
        let start = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - f64::from(pen) / 2.0,
            Anchor::End => x - f64::from(pen),
        };
        for (glyph, pen) in glyphs {
            let position = ab_glyph::point(start as f32 + pen, y as f32);
            let Some(outline) = font.outline_glyph(glyph.with_scale_and_position(scaled.scale(), position))
            else {
                continue;
            };
            let bounds = outline.px_bounds();
            let (left, top) = (bounds.min.x as i64, bounds.min.y as i64);
            outline.draw(|dx, dy, cover| {
                self.blend(left + i64::from(dx), top + i64::from(dy), colour, f64::from(cover));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn picture() -> Picture {
        let mut picture = Picture::new(60.0, 30.0);
        picture.add(Shape::rectangle(10.0, 10.0, 5.25, 4.0, "#ff0000"));
        picture.text((30.0, 20.0), 12.0, Anchor::Start, "#000000", "a < b & c");
        picture
    }

    #[test]
    fn both_forms_show_the_same_rectangle() {
        let canvas = picture().pixels().unwrap();
        let pixel = |x: usize, y: usize| {
            let at = (y * canvas.width + x) * 3;
            [canvas.rgb[at], canvas.rgb[at + 1], canvas.rgb[at + 2]]
        };
        assert_eq!((canvas.width, canvas.height), (120, 60));
        assert_eq!((pixel(20, 20), pixel(19, 20), pixel(29, 27)), ([255, 0, 0], [255; 3], [255, 0, 0]));
        assert_eq!(pixel(30, 20), [255, 128, 128], "half of the last column");
        assert!(picture().svg().contains("<rect x=\"10.00\" y=\"10.00\" width=\"5.25\" height=\"4.00\""));
    }

    #[test]
    fn text_is_drawn_and_escaped() {
        let canvas = picture().pixels().unwrap();
        let dark = canvas.rgb.chunks(3).filter(|p| p.iter().all(|&v| v < 100)).count();
        assert!((20..800).contains(&dark), "{dark} dark pixels");
        assert!(picture().svg().contains("a &lt; b &amp; c"));
    }

    #[test]
    fn another_ending_is_refused() {
        assert_eq!(Format::of(Path::new("a.SVG")).unwrap(), Format::Svg);
        assert!(Format::of(Path::new("a.jpg")).unwrap_err().to_string().contains(".png"));
    }
}
