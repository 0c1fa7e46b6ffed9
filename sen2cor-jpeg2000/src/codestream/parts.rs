//! Tile-parts (ITU-T T.800 A.4).

use super::{Header, Limits, Segment, be16, be32, marker};
use crate::error::Error;
use std::borrow::Cow;
use std::ops::Range;

/// Length of a SOT segment with its marker.
const SOT_BYTES: usize = 12;
/// Most bytes of a PLT segment without its marker.
const MAX_SEGMENT_BYTES: usize = 65_535;

/// A codestream in memory whose headers were checked.
#[derive(Clone, Debug)]
pub struct Codestream<'a> {
    header: Header,
    bytes: &'a [u8],
    /// Tile number and packets of each tile-part, sorted by tile, then as in the stream.
    parts: Vec<(u16, Range<usize>)>,
}

impl<'a> Codestream<'a> {
    /// Reads the main header and walks over the tile-parts.
    ///
    /// # Errors
    /// If a header is damaged, not supported or beyond the limits, or a tile-part is out of order or reaches beyond
    /// `bytes`. A stream without EOC is accepted if it ends with a whole tile-part; tiles may be missing.
    pub fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let (header, mut at) = Header::read(bytes, limits)?;
        let [across, down] = header.size.tile_counts();
        let mut parts: Vec<(u16, Range<usize>)> = Vec::new();
        let mut numbers = std::collections::BTreeMap::<u16, u8>::new();
        while at < bytes.len() && be16(bytes, at) != Some(marker::EOC) {
            let part = TilePart::read(bytes, at)?;
            let wrong = |reason| Error::Marker { marker: marker::SOT, offset: at, reason };
            if u32::from(part.tile) >= across * down {
                return Err(wrong("belongs to a tile that does not exist"));
            }
            let expected = numbers.entry(part.tile).or_insert(0);
            if part.number != *expected {
                return Err(wrong("the tile-parts of its tile are not in order"));
            }
            *expected = expected.saturating_add(1);
            parts.push((part.tile, part.packets));
            at = part.end;
        }
        parts.sort_by_key(|part| part.0);
        Ok(Self { header, bytes, parts })
    }

    /// What the main header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Number of tiles.
    pub fn tile_count(&self) -> usize {
        let [across, down] = self.header.size.tile_counts();
        across as usize * down as usize
    }

    /// The packets of a tile, one after another; those of several tile-parts are put together.
    pub(crate) fn packets(&self, tile: usize) -> Result<Cow<'a, [u8]>, Error> {
        let first = self.parts.partition_point(|part| usize::from(part.0) < tile);
        let own = self.parts[first..].iter().take_while(|part| usize::from(part.0) == tile);
        let mut ranges = own.map(|part| &self.bytes[part.1.clone()]);
        let first = ranges.next().ok_or(Error::Tile { tile, reason: "is missing" })?;
        let mut all = Cow::Borrowed(first);
        for more in ranges {
            all.to_mut().extend_from_slice(more);
        }
        Ok(all)
    }
}

struct TilePart {
    tile: u16,
    number: u8,
    packets: Range<usize>,
    end: usize,
}

impl TilePart {
    fn read(bytes: &[u8], offset: usize) -> Result<Self, Error> {
        let segment = Segment::read(bytes, offset)?;
        if segment.marker != marker::SOT {
            return Err(segment.wrong("a tile-part or the end of the codestream is expected"));
        }
        let &[tile_high, tile_low, _, _, _, _, number, _] = segment.contents else {
            return Err(segment.wrong("its length is not 10"));
        };
        let len = be32(segment.contents, 2).unwrap_or(0) as usize;
        let end = match len {
            // The last tile-part may leave its length open: it ends before EOC.
            0 if bytes.ends_with(&marker::EOC.to_be_bytes()) => bytes.len() - 2,
            0 => bytes.len(),
            _ => offset.saturating_add(len),
        };
        if end > bytes.len() || end < offset + SOT_BYTES + 2 {
            return Err(segment.wrong("its tile-part does not fit the codestream"));
        }
        let mut at = segment.end;
        while be16(&bytes[..end], at) != Some(marker::SOD) {
            let segment = Segment::read(&bytes[..end], at)?;
            at = segment.end;
            match segment.marker {
                marker::PLT | marker::COM => {}
                marker::COD
                | marker::COC
                | marker::QCD
                | marker::QCC
                | marker::RGN
                | marker::POC
                | marker::PPT => {
                    return Err(Error::unsupported(
                        "a segment of a tile-part header",
                        format!("{:04X}", segment.marker),
                    ));
                }
                _ => return Err(segment.wrong("does not belong into the header of a tile-part")),
            }
        }
        Ok(Self { tile: u16::from_be_bytes([tile_high, tile_low]), number, packets: at + 2..end, end })
    }
}

/// Puts a tile-part together: SOT, optional lengths of packets, SOD, packets.
pub(crate) struct TilePartWriter {
    /// Number of the tile.
    pub(crate) tile: u16,
    /// Whether PLT segments (A.7.3) are written.
    pub(crate) packet_lengths: bool,
}

impl TilePartWriter {
    /// Bytes that come before packets of these lengths.
    pub(crate) fn header_bytes(&self, lengths: &[u32]) -> usize {
        let mut header = Vec::new();
        // What cannot be listed fails when the tile-part is written.
        if self.packet_lengths && self.write_lengths(lengths, &mut header).is_err() {
            return usize::MAX / 2;
        }
        SOT_BYTES + header.len() + 2
    }

    /// Appends the tile-part whose packets have these lengths.
    pub(crate) fn write(&self, packets: &[u8], lengths: &[u32], out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        out.extend_from_slice(&marker::SOT.to_be_bytes());
        out.extend_from_slice(&10u16.to_be_bytes());
        out.extend_from_slice(&self.tile.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, 0, 0, 1]);
        if self.packet_lengths {
            self.write_lengths(lengths, out)?;
        }
        out.extend_from_slice(&marker::SOD.to_be_bytes());
        out.extend_from_slice(packets);
        let len = u32::try_from(out.len() - start);
        let len = len.map_err(|_| Error::Tile { tile: self.tile.into(), reason: "has more than 4 GiB" })?;
        out[start + 6..start + 10].copy_from_slice(&len.to_be_bytes());
        Ok(())
    }

    /// As few segments as possible; a length does not cross from one to the next.
    fn write_lengths(&self, lengths: &[u32], out: &mut Vec<u8>) -> Result<(), Error> {
        let (mut segment, mut start) = (0u8, out.len());
        begin_lengths(segment, out);
        for &len in lengths {
            let groups = (32 - len.leading_zeros()).div_ceil(7).max(1);
            if out.len() - start - 2 + groups as usize > MAX_SEGMENT_BYTES {
                end_lengths(start, out);
                let reason = "has more packets than PLT segments can list";
                segment = segment.checked_add(1).ok_or(Error::Tile { tile: self.tile.into(), reason })?;
                start = out.len();
                begin_lengths(segment, out);
            }
            for group in (0..groups).rev() {
                let more = if group > 0 { 0x80 } else { 0 };
                out.push((len >> (7 * group)) as u8 & 0x7F | more);
            }
        }
        end_lengths(start, out);
        Ok(())
    }
}

fn begin_lengths(segment: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&marker::PLT.to_be_bytes());
    out.extend_from_slice(&[0, 0, segment]);
}

fn end_lengths(start: usize, out: &mut [u8]) {
    let len = (out.len() - start - 2) as u16;
    out[start + 2..start + 4].copy_from_slice(&len.to_be_bytes());
}
