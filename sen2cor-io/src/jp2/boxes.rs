//! The boxes around the codestream (ITU-T T.800 annex I; GMLJP2: OGC 05-047r3).

use super::chunk::{CHUNK_BYTES, Chunks, be32, be64};
use super::error::Jp2Error;
use crate::bytes::ByteSource;
use std::ops::Range;

/// Most boxes on one level; real files have five.
const MAX_BOXES: usize = 1000;
/// Largest GML document, bytes; real ones have about 2 kB.
const MAX_GML_BYTES: u64 = 1 << 20;
/// Contents of the signature box.
const SIGNATURE: [u8; 4] = [0x0D, 0x0A, 0x87, 0x0A];

/// Type of a box and where its contents are.
struct BoxAt {
    kind: [u8; 4],
    contents: Range<u64>,
}

/// The contents of the first `jp2c` box.
pub(super) fn codestream(source: &dyn ByteSource) -> Result<Range<u64>, Jp2Error> {
    let mut chunks = Chunks::new(source, source.len());
    Ok(walk_to_codestream(&mut chunks)?.1)
}

/// The GML document that describes the position of the image (GMLJP2), if there is one before the codestream.
///
/// # Errors
/// If the boxes are damaged, or the document is no UTF-8 or larger than 1 MiB.
pub fn read_gml(source: &dyn ByteSource) -> Result<Option<String>, Jp2Error> {
    let mut chunks = Chunks::new(source, source.len());
    let (association, _) = walk_to_codestream(&mut chunks)?;
    let Some(outer) = association else { return Ok(None) };
    let Some(inner) = find(&mut chunks, outer, *b"asoc")? else { return Ok(None) };
    let Some(xml) = find(&mut chunks, inner, *b"xml ")? else { return Ok(None) };
    let len = xml.end - xml.start;
    Jp2Error::within("size of the GML document in bytes", MAX_GML_BYTES, len)?;
    let bytes = source.read_range(xml.start, len)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Jp2Error::boxed(xml.start, "the GML document is no UTF-8")),
    }
}

/// The contents of the first `asoc` box before the codestream, and those of the codestream.
fn walk_to_codestream(chunks: &mut Chunks<'_>) -> Result<(Option<Range<u64>>, Range<u64>), Jp2Error> {
    let first = next_box(chunks, 0, chunks.end())?;
    let signature = first.contents.clone();
    let matches = first.kind == *b"jP  "
        && signature.end - signature.start == 4
        && chunks.get(signature.start, 4, CHUNK_BYTES)?.is_some_and(|bytes| bytes == SIGNATURE);
    if !matches {
        return Err(Jp2Error::boxed(0, "not a JP2 file: the signature is missing"));
    }
    let (mut association, mut offset) = (None, signature.end);
    for _ in 0..MAX_BOXES {
        let found = next_box(chunks, offset, chunks.end())?;
        match &found.kind {
            b"jp2c" => return Ok((association, found.contents)),
            b"asoc" if association.is_none() => association = Some(found.contents.clone()),
            _ => {}
        }
        offset = found.contents.end;
    }
    Err(Jp2Error::Limit { what: "number of boxes", limit: MAX_BOXES as u64, found: MAX_BOXES as u64 + 1 })
}

/// The contents of the first box of a kind inside another one.
fn find(chunks: &mut Chunks<'_>, outer: Range<u64>, kind: [u8; 4]) -> Result<Option<Range<u64>>, Jp2Error> {
    let mut offset = outer.start;
    for _ in 0..MAX_BOXES {
        if offset == outer.end {
            return Ok(None);
        }
        let found = next_box(chunks, offset, outer.end)?;
        if found.kind == kind {
            return Ok(Some(found.contents));
        }
        offset = found.contents.end;
    }
    Ok(None)
}

/// The box at `offset`, which must end at `end` or before.
fn next_box(chunks: &mut Chunks<'_>, offset: u64, end: u64) -> Result<BoxAt, Jp2Error> {
    let damaged = |reason: &str| Jp2Error::boxed(offset, reason);
    let missing = || damaged("the file ends before the codestream");
    if end.saturating_sub(offset) < 8 {
        return Err(missing());
    }
    let head = chunks.get(offset, 8, CHUNK_BYTES)?.ok_or_else(missing)?;
    let kind = head.get(4..).and_then(<[u8]>::first_chunk).copied().ok_or_else(missing)?;
    let (header, len) = match be32(head, 0).ok_or_else(missing)? {
        0 => (8, end - offset),
        1 => {
            let long = chunks.get(offset, 16, CHUNK_BYTES)?.ok_or_else(missing)?;
            (16, be64(long, 8).ok_or_else(missing)?)
        }
        len => (8, u64::from(len)),
    };
    if len < header {
        return Err(damaged("is shorter than its own header"));
    }
    match offset.checked_add(len) {
        Some(stop) if stop <= end => Ok(BoxAt { kind, contents: offset + header..stop }),
        _ => Err(Jp2Error::boxed(offset, format!("claims {len} bytes, {} are left", end - offset))),
    }
}

/// Appends a box with the usual 8 bytes of header.
pub(super) fn append_box(out: &mut Vec<u8>, kind: [u8; 4], contents: &[u8]) {
    out.extend_from_slice(&(contents.len() as u32 + 8).to_be_bytes());
    out.extend_from_slice(&kind);
    out.extend_from_slice(contents);
}

/// Appends a box with an extended length of 64 bits.
pub(super) fn append_long_box(out: &mut Vec<u8>, kind: [u8; 4], contents: &[u8]) {
    out.extend_from_slice(&1u32.to_be_bytes());
    out.extend_from_slice(&kind);
    out.extend_from_slice(&(contents.len() as u64 + 16).to_be_bytes());
    out.extend_from_slice(contents);
}

/// The signature box and the file type box of a plain JP2 file.
pub(super) fn append_signature(out: &mut Vec<u8>) {
    append_box(out, *b"jP  ", &SIGNATURE);
    append_box(out, *b"ftyp", b"jp2 \0\0\0\0jp2 ");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::MemorySource;
    use std::path::Path;

    fn source(bytes: &[u8]) -> MemorySource<'_> {
        MemorySource::new(Path::new("test.jp2"), bytes)
    }

    fn front() -> Vec<u8> {
        let mut out = Vec::new();
        append_signature(&mut out);
        out
    }

    #[test]
    fn a_length_of_zero_reaches_to_the_end() {
        let mut file = front();
        let start = file.len() as u64 + 8;
        file.extend_from_slice(b"\0\0\0\0jp2cabcdef");
        assert_eq!(codestream(&source(&file)).unwrap(), start..start + 6);
    }

    #[test]
    fn an_extended_length_is_read() {
        let mut file = front();
        append_long_box(&mut file, *b"free", &[7; 100]);
        let start = file.len() as u64 + 16;
        append_long_box(&mut file, *b"jp2c", b"abc");
        assert_eq!(codestream(&source(&file)).unwrap(), start..start + 3);
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for bad in [
            &b"\0\0\0\x07jp2cabc"[..],
            &b"\0\0\0\x20jp2cabc"[..],
            &b"\0\0\0\x01jp2c\0\0\0\0\0\0\0\x0Fabc"[..],
            &b"\0\0\0\x01jp2c\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFabc"[..],
            &b"\0\0\0\x01jp2c\0\0"[..],
            &b"\0\0\0\x0Bfreeabc"[..],
            &b"\0\0\0"[..],
        ] {
            let mut file = front();
            file.extend_from_slice(bad);
            assert!(matches!(codestream(&source(&file)), Err(Jp2Error::Box { .. })), "{bad:?}");
        }
        assert!(codestream(&source(b"")).is_err());
        assert!(codestream(&source(b"\xFF\x4F\xFF\x51 raw codestream")).is_err());
    }

    #[test]
    fn too_many_boxes_are_refused() {
        let mut file = front();
        for _ in 0..1100 {
            append_box(&mut file, *b"free", b"");
        }
        append_box(&mut file, *b"jp2c", b"abc");
        assert!(matches!(codestream(&source(&file)), Err(Jp2Error::Limit { .. })));
    }
}
