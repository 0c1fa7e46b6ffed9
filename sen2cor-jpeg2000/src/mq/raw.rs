//! Raw bits that bypass the arithmetic coder (ITU-T T.800 D.6): most significant bit first, and a zero bit before each
//! byte that follows 0xFF.

/// Reader of one segment; behind its end are ones.
#[derive(Clone, Copy)]
pub(crate) struct RawReader<'a> {
    bytes: &'a [u8],
    at: usize,
    byte: u8,
    /// Bits of `byte` that are left.
    left: u32,
}

impl<'a> RawReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, byte: 0, left: 0 }
    }

    /// The next bit.
    #[inline]
    pub(crate) fn bit(&mut self) -> u64 {
        if self.left == 0 {
            let stuffed = self.byte == 0xFF;
            match self.bytes.get(self.at) {
                Some(&byte) if !(stuffed && byte > 0x8F) => {
                    (self.byte, self.left) = (byte, if stuffed { 7 } else { 8 });
                    self.at += 1;
                }
                _ => (self.byte, self.left, self.at) = (0xFF, 8, self.bytes.len()),
            }
        }
        self.left -= 1;
        u64::from(self.byte >> self.left & 1)
    }
}

/// Writer behind the bytes of earlier segments.
pub(crate) struct RawWriter<'a> {
    out: &'a mut [u8],
    at: usize,
    byte: u8,
    /// Bits of `byte` that are free.
    free: u32,
    begun: bool,
}

/// Where a writer is, kept between passes that share a segment.
#[derive(Clone, Copy)]
pub(crate) struct RawPosition {
    at: usize,
    byte: u8,
    free: u32,
    begun: bool,
}

impl RawPosition {
    /// Starts a segment behind the bytes `..end`, the last of which is not 0xFF.
    pub(crate) const fn at(end: usize) -> Self {
        Self { at: end, byte: 0, free: 8, begun: false }
    }

    /// Where the segment ends if it is cut here.
    pub(crate) const fn end_if_cut(self) -> usize {
        self.at + (self.free < 8) as usize
    }
}

impl<'a> RawWriter<'a> {
    #[cfg(test)]
    pub(crate) fn new(out: &'a mut [u8], at: usize) -> Self {
        Self::resume(RawPosition::at(at), out)
    }

    pub(crate) fn resume(position: RawPosition, out: &'a mut [u8]) -> Self {
        let RawPosition { at, byte, free, begun } = position;
        Self { out, at, byte, free, begun }
    }

    pub(crate) fn pause(self) -> RawPosition {
        RawPosition { at: self.at, byte: self.byte, free: self.free, begun: self.begun }
    }

    /// Appends a bit.
    #[inline]
    pub(crate) fn put(&mut self, bit: u32) {
        self.begun = true;
        self.free -= 1;
        self.byte |= ((bit & 1) as u8) << self.free;
        if self.free == 0 {
            self.out[self.at] = self.byte;
            self.at += 1;
            self.free = if self.byte == 0xFF { 7 } else { 8 };
            self.byte = 0;
        }
    }

    /// Ends the segment and returns the position behind its last byte, which is not 0xFF. What is left of a byte is filled
    /// with 0 1 0 1 ...; bytes that a decoder would supply by itself (0xFF, or 0xFF 0x7F) are dropped.
    pub(crate) fn flush(self) -> usize {
        let ends_in = |bytes: &[u8]| self.out[..self.at].ends_with(bytes);
        if self.free < 7 || self.free == 7 && !ends_in(&[0xFF]) {
            let fill = if self.free.is_multiple_of(2) { 0x55 } else { 0xAA };
            self.out[self.at] = self.byte | (fill & ((1 << self.free) - 1));
            self.at + 1
        } else if self.free == 7 {
            self.at - 1
        } else if self.begun && ends_in(&[0xFF, 0x7F]) {
            self.at - 2
        } else {
            self.at
        }
    }
}
