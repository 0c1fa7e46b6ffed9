//! Splices tile-parts into a JP2 file.
//!
//! Tile-parts come from anywhere: the bytes of the file do not depend on who encoded which tile. Boxes and their
//! order are those of operational files: signature, file type, header, position (GMLJP2), codestream.

use super::boxes;
use super::chunk::{be16, be32};
use super::coding::Coding;
use super::error::Jp2Error;
use super::markers::{self, Siz};
use crate::limits::MAX_IMAGE_EDGE;
use sen2cor_core::grid::Window;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// Comment in the main header: text (registration value 1, A.9.2) that names the writer.
const COMMENT: &[u8] = b"sen2cor";
/// Enumerated colour spaces (I.5.3.3).
const SRGB: u32 = 16;
const GREYSCALE: u32 = 17;

/// Size and coding of an image to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageLayout {
    /// Columns, pixels.
    pub width: u32,
    /// Rows, pixels.
    pub height: u32,
    /// How its tiles are coded.
    pub coding: Coding,
}

impl ImageLayout {
    /// Tiles from left to right.
    const fn tiles_across(&self) -> usize {
        self.width.div_ceil(if self.coding.tile == 0 { 1 } else { self.coding.tile }) as usize
    }

    /// Number of tiles.
    pub const fn tile_count(&self) -> usize {
        self.tiles_across()
            * self.height.div_ceil(if self.coding.tile == 0 { 1 } else { self.coding.tile }) as usize
    }

    /// The pixels of a tile, cut at the borders of the image; empty for a tile that does not exist.
    pub fn tile_window(&self, tile: usize) -> Window {
        let (edge, across) = (self.coding.tile as usize, self.tiles_across().max(1));
        let (row, col) = (tile / across * edge, tile % across * edge);
        Window {
            row,
            col,
            rows: edge.min((self.height as usize).saturating_sub(row)),
            cols: edge.min((self.width as usize).saturating_sub(col)),
        }
    }

    /// Refuses images that could not be read back.
    pub(super) fn check(&self) -> Result<(), Jp2Error> {
        self.coding.check()?;
        let longest = self.width.max(self.height);
        Jp2Error::within("edge of the image in pixels", MAX_IMAGE_EDGE.into(), longest.into())?;
        Jp2Error::within("number of tiles", markers::MAX_TILES, self.tile_count() as u64)?;
        if self.width == 0 || self.height == 0 {
            return Err(Jp2Error::Contradiction {
                field: "size of the image",
                expected: "at least one pixel".to_owned(),
                found: format!("{} x {}", self.width, self.height),
            });
        }
        Ok(())
    }
}

/// Writes a whole JP2 file: boxes, main header, the tile-parts in the order of their tiles, end marker.
///
/// `header_segments` come from [`super::TileCodec::main_header_segments`], `gml` from [`super::gml_document`].
///
/// # Errors
/// If a tile-part is missing, surplus, out of order or of another length than it says; or writing fails.
pub fn write_jp2<'a>(
    out: &mut dyn Write,
    layout: &ImageLayout,
    header_segments: &[u8],
    gml: Option<&str>,
    tile_parts: impl Iterator<Item = &'a [u8]>,
) -> Result<(), Jp2Error> {
    layout.check()?;
    let parts: Vec<&[u8]> = tile_parts.take(layout.tile_count() + 1).collect();
    Jp2Error::same("number of tile-parts", layout.tile_count(), parts.len())?;
    for (tile, part) in parts.iter().enumerate() {
        check_tile_part(tile, part)?;
    }
    let header = main_header(layout, header_segments);
    let len = 8 + header.len() + parts.iter().map(|part| part.len()).sum::<usize>() + 2;
    let mut front = Vec::new();
    append_front(&mut front, layout, gml);
    // Without a length the box reaches to the end of the file.
    front.extend_from_slice(&u32::try_from(len).unwrap_or(0).to_be_bytes());
    front.extend_from_slice(b"jp2c");
    front.extend_from_slice(&header);
    out.write_all(&front).map_err(Jp2Error::Write)?;
    for part in parts {
        out.write_all(part).map_err(Jp2Error::Write)?;
    }
    out.write_all(&markers::EOC.to_be_bytes()).map_err(Jp2Error::Write)
}

fn check_tile_part(tile: usize, part: &[u8]) -> Result<(), Jp2Error> {
    let wrong = |reason: &str| Err(Jp2Error::tile(tile, reason));
    if part.len() < 14 || be16(part, 0) != Some(markers::SOT) {
        return wrong("does not start with a tile-part header");
    }
    if be16(part, 4).map(usize::from) != Some(tile) {
        return wrong("its tile-part belongs to another tile");
    }
    if be32(part, 6).map(|len| len as usize) != Some(part.len()) {
        return wrong("its tile-part has another length than its header says");
    }
    Ok(())
}

/// All boxes before the codestream.
fn append_front(out: &mut Vec<u8>, layout: &ImageLayout, gml: Option<&str>) {
    boxes::append_signature(out);
    let mut image = Vec::new();
    image.extend_from_slice(&layout.height.to_be_bytes());
    image.extend_from_slice(&layout.width.to_be_bytes());
    image.extend_from_slice(&layout.coding.components.to_be_bytes());
    // Bits less one; compression type 7; colour space unknown, as operational files say; no rights.
    image.extend_from_slice(&[layout.coding.bits.saturating_sub(1), 7, 1, 0]);
    let colour_space = if layout.coding.components >= 3 { SRGB } else { GREYSCALE };
    let mut colour = vec![1, 0, 0];
    colour.extend_from_slice(&colour_space.to_be_bytes());
    let mut header = Vec::new();
    boxes::append_box(&mut header, *b"ihdr", &image);
    boxes::append_box(&mut header, *b"colr", &colour);
    boxes::append_box(out, *b"jp2h", &header);
    if let Some(gml) = gml {
        let mut inner = Vec::new();
        boxes::append_box(&mut inner, *b"lbl ", b"gml.root-instance");
        boxes::append_box(&mut inner, *b"xml ", gml.as_bytes());
        let mut outer = Vec::new();
        boxes::append_box(&mut outer, *b"lbl ", b"gml.data");
        boxes::append_box(&mut outer, *b"asoc", &inner);
        boxes::append_long_box(out, *b"asoc", &outer);
    }
}

/// SOC, SIZ, coding style, quantisation and comment.
fn main_header(layout: &ImageLayout, segments: &[u8]) -> Vec<u8> {
    let coding = &layout.coding;
    let siz = Siz {
        capabilities: 0,
        end: [layout.width, layout.height],
        start: [0, 0],
        tile: [coding.tile, coding.tile],
        tile_start: [0, 0],
        components: coding.components,
        bits: coding.bits,
    };
    let mut out = markers::SOC.to_be_bytes().to_vec();
    out.extend_from_slice(&siz.segment());
    out.extend_from_slice(segments);
    out.extend_from_slice(&markers::COM.to_be_bytes());
    out.extend_from_slice(&(COMMENT.len() as u16 + 4).to_be_bytes());
    out.extend_from_slice(&1u16.to_be_bytes());
    out.extend_from_slice(COMMENT);
    out
}
