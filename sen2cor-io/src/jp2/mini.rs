//! One-tile codestreams.
//!
//! A tile of an image can be decoded on its own if the stream says that the image is this tile and that the tile
//! grid starts at the tile's corner. The reference grid does not move, so the parity of the wavelet, the precincts
//! and the code-blocks stay where they are and the samples are those of the whole image, bit by bit.

use super::chunk::{be16, be32};
use super::coding::Coding;
use super::error::Jp2Error;
use super::index::ImageIndex;
use super::markers::{self, Siz};
use crate::bytes::ByteSource;
use sen2cor_jpeg2000::{Header, Limits};

/// Main header with the geometry of one tile, its tile-parts renumbered to tile 0, end marker.
pub(super) fn assemble(
    index: &ImageIndex,
    source: &dyn ByteSource,
    tile: usize,
) -> Result<Vec<u8>, Jp2Error> {
    let parts = index.tiles.get(tile).ok_or_else(|| Jp2Error::tile(tile, "does not exist"))?;
    let [x, y] = index.tile_span(tile);
    let siz =
        Siz { end: [x.1, y.1], start: [x.0, y.0], tile_start: index.tile_origin(tile), ..index.siz.clone() };
    let mut out = markers::SOC.to_be_bytes().to_vec();
    out.extend_from_slice(&siz.segment());
    out.extend_from_slice(&index.header);
    for part in parts {
        let mut bytes = source.read_range(part.offset, part.len)?;
        let len = u32::try_from(part.len).map_err(|_| Jp2Error::tile(tile, "is larger than 4 GiB"))?;
        set_tile_part(&mut bytes, 0, len);
        out.append(&mut bytes);
    }
    out.extend_from_slice(&markers::EOC.to_be_bytes());
    Ok(out)
}

/// Writes tile number and length into the SOT segment at the start of a tile-part (A.4.2: Isot, Psot).
pub(super) fn set_tile_part(bytes: &mut [u8], tile: u16, len: u32) {
    if let Some(fields) = bytes.get_mut(4..10) {
        let (number, length) = fields.split_at_mut(2);
        number.copy_from_slice(&tile.to_be_bytes());
        length.copy_from_slice(&len.to_be_bytes());
    }
}

/// Takes the tile-part out of a stream of one tile, numbers it and appends it to `out`. The coder's main header is
/// compared with the one that was asked for.
pub(super) fn append_tile_part(
    stream: &[u8],
    header: &Header,
    tile: u16,
    out: &mut Vec<u8>,
) -> Result<(), Jp2Error> {
    let wrong = |reason: &str| Jp2Error::tile(tile.into(), format!("the coder's stream {reason}"));
    let cut_off = || wrong("is cut off");
    let (found, at) = Header::read(stream, &Limits::default())?;
    if !found.codes_like(header) {
        return Err(wrong("has another header"));
    }
    let end = stream.len().saturating_sub(2);
    let part = stream.get(at..end).ok_or_else(cut_off)?;
    let len = u32::try_from(part.len()).map_err(|_| wrong("is larger than 4 GiB"))?;
    if be16(stream, end) != Some(markers::EOC) || be32(part, 6) != Some(len) {
        return Err(wrong("is not one tile-part"));
    }
    let start = out.len();
    out.extend_from_slice(part);
    if let Some(own) = out.get_mut(start..) {
        set_tile_part(own, tile, len);
    }
    Ok(())
}

/// Refuses a tile-part that is longer than foreseen.
pub(super) fn check_capacity(len: usize, coding: &Coding, tile: u16) -> Result<(), Jp2Error> {
    if len > coding.tile_capacity() {
        let reason = format!("has {len} bytes, {} are foreseen", coding.tile_capacity());
        return Err(Jp2Error::tile(tile.into(), reason));
    }
    Ok(())
}
