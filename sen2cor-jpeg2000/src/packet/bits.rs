//! Bits of packet headers (ITU-T T.800 B.10.1): most significant first; after a byte of 0xFF a zero bit is stuffed.

use crate::error::Error;

/// Reads the bits of one header.
pub(crate) struct HeaderReader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bits that were read ahead, from bit 63.
    ahead: u64,
    count: u32,
}

impl<'a> HeaderReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, ahead: 0, count: 0 }
    }

    /// New bits of the byte at a place.
    fn width(&self, at: usize) -> u32 {
        if at > 0 && self.bytes.get(at - 1) == Some(&0xFF) { 7 } else { 8 }
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let Some(&byte) = self.bytes.get(self.at) else { return };
            let width = self.width(self.at);
            let bits = u64::from(byte) & ((1 << width) - 1);
            self.ahead |= bits << (64 - width - self.count);
            self.count += width;
            self.at += 1;
        }
    }

    /// The next `count` bits, at most 32.
    #[inline]
    pub(crate) fn bits(&mut self, count: u32) -> Result<u32, Error> {
        if self.count < count {
            self.fill();
            if self.count < count {
                return Err(Error::Packet { reason: "its header reaches beyond the tile" });
            }
        }
        let value = self.ahead.checked_shr(64 - count).unwrap_or(0);
        self.ahead <<= count;
        self.count -= count;
        Ok(value as u32)
    }

    /// The next bit.
    #[inline]
    pub(crate) fn bit(&mut self) -> Result<bool, Error> {
        Ok(self.bits(1)? != 0)
    }

    /// Number of bits equal to `value` before the first other one, which is read too; at most `limit`.
    #[inline]
    pub(crate) fn run_of(&mut self, value: bool, limit: u32) -> Result<u32, Error> {
        let mut count = 0;
        while self.bit()? == value {
            count += 1;
            if count > limit {
                return Err(Error::Packet { reason: "its header has a number that is too large" });
            }
        }
        Ok(count)
    }

    /// Length of the header in whole bytes. A stuffed byte behind a last 0xFF belongs to it.
    pub(crate) fn finish(self) -> Result<usize, Error> {
        let (mut at, mut unread) = (self.at, self.count);
        while at > 0 && unread >= self.width(at - 1) {
            unread -= self.width(at - 1);
            at -= 1;
        }
        if at > 0 && self.bytes[at - 1] == 0xFF {
            at += 1;
        }
        if at > self.bytes.len() {
            return Err(Error::Packet { reason: "its header reaches beyond the tile" });
        }
        Ok(at)
    }
}

/// Appends the bits of one header to a buffer.
pub(crate) struct HeaderWriter<'a> {
    out: &'a mut Vec<u8>,
    byte: u32,
    free: u32,
}

impl<'a> HeaderWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, byte: 0, free: 8 }
    }

    /// Appends the lowest `count` bits of a value, at most 32.
    #[inline]
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        let mut left = count;
        while left > 0 {
            let taken = left.min(self.free);
            let bits = u64::from(value) >> (left - taken) & ((1 << taken) - 1);
            self.byte = self.byte << taken | bits as u32;
            self.free -= taken;
            left -= taken;
            if self.free == 0 {
                self.out.push(self.byte as u8);
                self.free = if self.byte == 0xFF { 7 } else { 8 };
                self.byte = 0;
            }
        }
    }

    /// Appends `count` bits of a value and then one of the other.
    pub(crate) fn put_run(&mut self, value: bool, count: u32) {
        for _ in 0..count {
            self.put(value.into(), 1);
        }
        self.put((!value).into(), 1);
    }

    /// Fills the last byte with zeros; one of 0xFF is followed by a byte with the stuffed bit.
    pub(crate) fn finish(mut self) {
        while self.free != 8 {
            self.put(0, self.free);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back() {
        let mut state = 3u64;
        for round in 0..500 {
            let mut values = Vec::new();
            for _ in 0..=(round % 40) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let count = (state >> 60) as u32 * 2 + 1;
                let value = if state >> 20 & 1 == 0 { u32::MAX } else { (state >> 25) as u32 };
                values.push((count, (u64::from(value) & ((1 << count) - 1)) as u32));
            }
            let mut bytes = Vec::new();
            let mut writer = HeaderWriter::new(&mut bytes);
            for &(count, value) in &values {
                writer.put(value, count);
                writer.put_run(true, count % 5);
            }
            writer.finish();
            assert!(bytes.windows(2).all(|pair| pair[0] != 0xFF || pair[1] < 0x80));
            let len = bytes.len();
            bytes.extend_from_slice(&[0xFF; 9]);
            let mut reader = HeaderReader::new(&bytes);
            for &(count, value) in &values {
                assert_eq!(reader.bits(count).unwrap(), value);
                assert_eq!(reader.run_of(true, 9).unwrap(), count % 5);
            }
            assert_eq!(reader.finish().unwrap(), len);
        }
    }
}
