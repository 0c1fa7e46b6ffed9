//! Small reads at rising positions, served from one buffer.

use super::error::Jp2Error;
use crate::bytes::ByteSource;

/// Bytes read at once where neighbours are likely to be needed too.
pub(super) const CHUNK_BYTES: u64 = 64 << 10;

/// A part of a source with the bytes read last.
pub(super) struct Chunks<'a> {
    source: &'a dyn ByteSource,
    end: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'a> Chunks<'a> {
    /// Reads nothing at or behind `end`.
    pub(super) fn new(source: &'a dyn ByteSource, end: u64) -> Self {
        Self { source, end: end.min(source.len()), start: 0, buffer: Vec::new() }
    }

    /// Where the part ends.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The bytes `offset..offset + len`, or `None` if they reach beyond the end. On a miss `ahead` bytes are read
    /// at once, or `len` if that is more.
    pub(super) fn get(&mut self, offset: u64, len: u64, ahead: u64) -> Result<Option<&[u8]>, Jp2Error> {
        if offset.checked_add(len).is_none_or(|stop| stop > self.end) {
            return Ok(None);
        }
        let buffered = self.start..self.start + self.buffer.len() as u64;
        if offset < buffered.start || offset + len > buffered.end {
            self.buffer = self.source.read_range(offset, ahead.max(len).min(self.end - offset))?;
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        Ok(self.buffer.get(from..from + len as usize))
    }
}

/// Big-endian number of 16 bits at `at`.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
}

/// Big-endian number of 32 bits at `at`.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

/// Big-endian number of 64 bits at `at`.
pub(super) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_be_bytes(*b))
}
