//! Where the tiles of an image are in its file.
//!
//! The index holds the facts of the main header and the place of every tile-part. It is small and can be sent to
//! workers, which then read only the bytes of their own tiles. Operational files carry no table of tile-part
//! lengths (TLM), so the tile-parts are walked from header to header.

use super::boxes;
use super::chunk::{CHUNK_BYTES, Chunks, be16, be32};
use super::codec::TileShape;
use super::error::Jp2Error;
use super::markers::{self, Siz};
use super::mini;
use crate::bytes::ByteSource;
use crate::limits::MAX_IMAGE_FILE_BYTES;
use sen2cor_core::grid::Window;
use sen2cor_jpeg2000::{Header, Limits};
use serde::{Deserialize, Serialize};

/// Largest main header, bytes; real ones have some hundred.
const MAX_HEADER_BYTES: u64 = 1 << 20;
/// Most tile-parts of a tile: their number has 8 bits (A.4.2).
const MAX_PARTS: usize = 255;
/// Tile-parts that are longer make it cheaper to read their headers one by one.
const SMALL_PART_BYTES: u64 = 4 << 10;
/// Length of a SOT segment with its marker.
const SOT_BYTES: u64 = 12;

/// A tile-part in the source: offset of its SOT marker, length up to its end, both in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TilePart {
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// Header and tile-parts of a JPEG 2000 image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageIndex {
    pub(super) siz: Siz,
    /// COD, COC, QCD, QCC, RGN and POC segments, as in the file.
    pub(super) header: Vec<u8>,
    /// Per tile its tile-parts in their order.
    pub(super) tiles: Vec<Vec<TilePart>>,
}

impl ImageIndex {
    /// Reads the boxes, the main header and the headers of all tile-parts, but no image data.
    ///
    /// # Errors
    /// If something is damaged, absent, not supported or beyond the limits. All sizes are checked before memory is
    /// asked for.
    pub fn read(source: &dyn ByteSource) -> Result<Self, Jp2Error> {
        Jp2Error::within("size of the file in bytes", MAX_IMAGE_FILE_BYTES, source.len())?;
        let codestream = boxes::codestream(source)?;
        let mut chunks = Chunks::new(source, codestream.end);
        let (siz, header, first) = read_main_header(&mut chunks, codestream.start)?;
        let tiles = walk_tile_parts(&mut chunks, first, &siz)?;
        Ok(Self { siz, header, tiles })
    }

    /// Columns of the image, pixels.
    pub fn width(&self) -> u32 {
        self.siz.end[0].saturating_sub(self.siz.start[0])
    }

    /// Rows of the image, pixels.
    pub fn height(&self) -> u32 {
        self.siz.end[1].saturating_sub(self.siz.start[1])
    }

    /// Number of components.
    pub fn components(&self) -> u16 {
        self.siz.components
    }

    /// Bits per sample; samples are unsigned.
    pub fn bits(&self) -> u8 {
        self.siz.bits
    }

    /// Columns of a tile that is not cut by the border, pixels.
    pub fn tile_width(&self) -> u32 {
        self.siz.tile[0]
    }

    /// Rows of a tile that is not cut by the border, pixels.
    pub fn tile_height(&self) -> u32 {
        self.siz.tile[1]
    }

    /// Number of tiles.
    pub fn tile_count(&self) -> usize {
        self.tiles.len()
    }

    /// Whether image and tiles start at the origin of the reference grid, as in all operational files. If not, the
    /// tiles of the first row and column may be cut too.
    pub fn tile_offset_is_zero(&self) -> bool {
        self.siz.start == [0, 0] && self.siz.tile_start == [0, 0]
    }

    /// The pixels of a tile, cut at the borders of the image; empty for a tile that does not exist.
    pub fn tile_window(&self, tile: usize) -> Window {
        let [x, y] = self.tile_span(tile);
        let start = self.siz.start;
        Window {
            row: (y.0 - start[1]) as usize,
            col: (x.0 - start[0]) as usize,
            rows: (y.1 - y.0) as usize,
            cols: (x.1 - x.0) as usize,
        }
    }

    /// What decoding a tile gives.
    pub fn tile_shape(&self, tile: usize) -> TileShape {
        let window = self.tile_window(tile);
        TileShape { components: self.components(), rows: window.rows, cols: window.cols, bits: self.bits() }
    }

    /// Compares the image with what the product's metadata announce.
    ///
    /// # Errors
    /// [`Jp2Error::Contradiction`] that names the first field which differs.
    pub fn expect(&self, width: u32, height: u32, components: u16, max_bits: u8) -> Result<(), Jp2Error> {
        Jp2Error::same("image width in pixels", width, self.width())?;
        Jp2Error::same("image height in pixels", height, self.height())?;
        Jp2Error::same("number of components", components, self.components())?;
        if self.bits() > max_bits {
            return Err(Jp2Error::Contradiction {
                field: "bits per sample",
                expected: format!("at most {max_bits}"),
                found: self.bits().to_string(),
            });
        }
        Ok(())
    }

    /// What the main header says, for coding tiles of the same kind again.
    ///
    /// # Errors
    /// [`Jp2Error::Unsupported`] if the coding is one that the native coder does not know.
    pub fn coding_header(&self) -> Result<Header, Jp2Error> {
        let mut bytes = markers::SOC.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.siz.segment());
        bytes.extend_from_slice(&self.header);
        bytes.extend_from_slice(&markers::SOT.to_be_bytes());
        Ok(Header::read(&bytes, &Limits::default())?.0)
    }

    /// A codestream that holds one tile only, where it lies in the image: what a [`super::TileCodec`] decodes.
    ///
    /// # Errors
    /// If there is no such tile or its bytes cannot be read.
    pub fn mini_stream(&self, source: &dyn ByteSource, tile: usize) -> Result<Vec<u8>, Jp2Error> {
        mini::assemble(self, source, tile)
    }

    /// Start and end of a tile on the reference grid, cut at the borders of the image: x, then y.
    pub(super) fn tile_span(&self, tile: usize) -> [(u32, u32); 2] {
        let origin = self.tile_origin(tile);
        [0, 1].map(|i| {
            let end = origin[i].saturating_add(self.siz.tile[i]).min(self.siz.end[i]);
            let start = origin[i].max(self.siz.start[i]);
            if tile < self.tiles.len() && start < end {
                (start, end)
            } else {
                (self.siz.start[i], self.siz.start[i])
            }
        })
    }

    /// Upper left corner of a tile on the reference grid, not cut.
    pub(super) fn tile_origin(&self, tile: usize) -> [u32; 2] {
        let across = self.siz.tile_counts()[0].max(1) as usize;
        let steps = [tile % across, tile / across];
        [0, 1].map(|i| {
            let step = u32::try_from(steps[i]).unwrap_or(u32::MAX);
            self.siz.tile_start[i].saturating_add(step.saturating_mul(self.siz.tile[i]))
        })
    }
}

/// SIZ, the segments a decoder needs, and where the first tile-part starts.
fn read_main_header(chunks: &mut Chunks<'_>, start: u64) -> Result<(Siz, Vec<u8>, u64), Jp2Error> {
    let marker = read_marker(chunks, start)?;
    if marker != markers::SOC {
        return Err(Jp2Error::marker(marker, start, "the codestream does not start here"));
    }
    let mut at = start + 2;
    let (found, segment) = read_segment(chunks, at)?;
    if found != markers::SIZ {
        return Err(Jp2Error::marker(found, at, "SIZ does not come first"));
    }
    let siz = Siz::parse(&segment, at)?;
    at += 2 + segment.len() as u64;
    let (mut header, mut styles, mut quantisations) = (Vec::new(), 0, 0);
    loop {
        if read_marker(chunks, at)? == markers::SOT {
            break;
        }
        let (marker, segment) = read_segment(chunks, at)?;
        let keep = match marker {
            markers::COD => {
                styles += 1;
                markers::check_cod(&segment, at).map(|()| true)?
            }
            markers::QCD => {
                quantisations += 1;
                true
            }
            markers::COC => markers::check_coc(&segment, at).map(|()| true)?,
            markers::QCC | markers::RGN | markers::POC => true,
            markers::TLM | markers::PLM | markers::CRG | markers::COM => false,
            _ => return Err(Jp2Error::marker(marker, at, "is not supported in the main header")),
        };
        if keep {
            header.extend_from_slice(&marker.to_be_bytes());
            header.extend_from_slice(&segment);
        }
        at += 2 + segment.len() as u64;
        Jp2Error::within("size of the main header in bytes", MAX_HEADER_BYTES, at - start)?;
    }
    if styles != 1 || quantisations != 1 {
        let reason =
            format!("{styles} COD and {quantisations} QCD segments precede it, expected one of each");
        return Err(Jp2Error::marker(markers::SOT, at, reason));
    }
    Ok((siz, header, at))
}

/// Follows the tile-parts to the end of the codestream.
fn walk_tile_parts(chunks: &mut Chunks<'_>, first: u64, siz: &Siz) -> Result<Vec<Vec<TilePart>>, Jp2Error> {
    let [across, down] = siz.tile_counts();
    let mut tiles: Vec<Vec<TilePart>> = vec![Vec::new(); across as usize * down as usize];
    let (mut at, mut ahead) = (first, CHUNK_BYTES);
    loop {
        let marker = chunks.get(at, 2, ahead)?.and_then(|b| be16(b, 0)).ok_or_else(|| ends_early(at))?;
        if marker == markers::EOC {
            break;
        }
        if marker != markers::SOT {
            return Err(Jp2Error::marker(marker, at, "a tile-part or the end of the codestream is expected"));
        }
        let sot = chunks.get(at, SOT_BYTES, ahead)?.ok_or_else(|| ends_early(at))?.to_vec();
        let (tile, part) = read_sot(chunks, &sot, at)?;
        let count = tiles.len();
        let wrong = |reason: String| Jp2Error::marker(markers::SOT, at, reason);
        let Some(parts) = tiles.get_mut(tile) else {
            return Err(wrong(format!("belongs to tile {tile} of {count}")));
        };
        if parts.len() >= MAX_PARTS || sot.get(10).copied().map(usize::from) != Some(parts.len()) {
            return Err(wrong(format!("the tile-parts of tile {tile} are not in order")));
        }
        parts.push(part);
        at += part.len;
        ahead = if part.len > SMALL_PART_BYTES { SOT_BYTES } else { CHUNK_BYTES };
    }
    match tiles.iter().position(Vec::is_empty) {
        Some(tile) => Err(Jp2Error::tile(tile, "is missing")),
        None => Ok(tiles),
    }
}

/// Tile number and extent of the tile-part whose SOT segment (A.4.2) is given.
fn read_sot(chunks: &mut Chunks<'_>, sot: &[u8], at: u64) -> Result<(usize, TilePart), Jp2Error> {
    let wrong = |reason: String| Jp2Error::marker(markers::SOT, at, reason);
    let (Some(10), Some(tile), Some(announced)) = (be16(sot, 2), be16(sot, 4), be32(sot, 6)) else {
        return Err(wrong("its length is not 10".to_owned()));
    };
    let left = chunks.end() - at;
    let len = match u64::from(announced) {
        // The last tile-part may leave its length open: it ends at the EOC marker.
        0 => {
            let end = chunks.end().saturating_sub(2).max(at);
            if read_marker(chunks, end)? != markers::EOC {
                return Err(ends_early(end));
            }
            left.saturating_sub(2)
        }
        len => len,
    };
    if len < SOT_BYTES + 2 || len > left {
        return Err(wrong(format!("tile {tile} claims {len} bytes, {left} are left")));
    }
    Ok((usize::from(tile), TilePart { offset: at, len }))
}

fn read_marker(chunks: &mut Chunks<'_>, at: u64) -> Result<u16, Jp2Error> {
    chunks.get(at, 2, CHUNK_BYTES)?.and_then(|b| be16(b, 0)).ok_or_else(|| ends_early(at))
}

/// A marker and its segment, the latter from the length field on.
fn read_segment(chunks: &mut Chunks<'_>, at: u64) -> Result<(u16, Vec<u8>), Jp2Error> {
    let head = chunks.get(at, 4, CHUNK_BYTES)?.ok_or_else(|| ends_early(at))?;
    let (Some(marker), Some(len)) = (be16(head, 0), be16(head, 2)) else { return Err(ends_early(at)) };
    if marker < 0xFF00 {
        return Err(Jp2Error::marker(marker, at, "is no marker"));
    }
    if len < 2 {
        return Err(Jp2Error::marker(marker, at, "is shorter than its own length field"));
    }
    match chunks.get(at + 2, len.into(), CHUNK_BYTES)? {
        Some(segment) => Ok((marker, segment.to_vec())),
        None => Err(Jp2Error::marker(marker, at, "reaches beyond the end of the codestream")),
    }
}

fn ends_early(at: u64) -> Jp2Error {
    Jp2Error::boxed(at, "the codestream ends early")
}
