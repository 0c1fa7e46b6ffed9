//! MQ encoder (ITU-T T.800 C.2).
//!
//! Choice of the sub-interval and successor are selections; the bytes leave one by one as in the standard, because a byte
//! of 0xFF and a carry into it decide the place of all bits that follow (C.2.7).

use super::states::State;
use std::hint::select_unpredictable;

/// Encoder into a buffer whose first byte is a dummy: a carry may look at it, but never change it.
pub(crate) struct MqEncoder<'a> {
    interval: u32,
    code: u32,
    /// Shifts until a byte is complete.
    count: u32,
    /// Where the last byte is, to which a carry may still be added.
    last: usize,
    out: &'a mut [u8],
}

/// The registers, kept between passes that share a segment.
#[derive(Clone, Copy)]
pub(crate) struct MqRegisters {
    interval: u32,
    code: u32,
    count: u32,
    last: usize,
}

impl MqRegisters {
    /// Starts a segment (INITENC, C.2.8) behind the bytes `..end`; the first of them is the dummy.
    pub(crate) const fn at(end: usize) -> Self {
        Self { interval: 0x8000, code: 0, count: 12, last: end - 1 }
    }

    /// Upper bound of where a segment ends that is cut here: what the decoder may need of the bytes in the registers.
    pub(crate) const fn end_if_cut(self) -> usize {
        self.last + 3
    }
}

impl<'a> MqEncoder<'a> {
    /// Starts on a fresh buffer.
    #[cfg(test)]
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self::resume(MqRegisters::at(1), out)
    }

    /// Goes on where the registers were taken.
    #[inline(always)]
    pub(crate) fn resume(registers: MqRegisters, out: &'a mut [u8]) -> Self {
        let MqRegisters { interval, code, count, last } = registers;
        Self { interval, code, count, last, out }
    }

    /// The registers, to go on later.
    #[inline(always)]
    pub(crate) fn pause(self) -> MqRegisters {
        MqRegisters { interval: self.interval, code: self.code, count: self.count, last: self.last }
    }

    /// Codes a decision, 0 or 1 (ENCODE, C.2.2 to C.2.6).
    #[inline(always)]
    pub(crate) fn encode(&mut self, state: &mut State, decision: u32) {
        let before = *state;
        let qe = before.qe16();
        let rest = self.interval.wrapping_sub(qe);
        let less_probable = (before.symbol() as u32 ^ decision) & 1 != 0;
        let lower = less_probable ^ (rest < qe);
        let interval = select_unpredictable(lower, qe, rest);
        self.code = self.code.wrapping_add(select_unpredictable(lower, 0, qe));
        let mut shift = (interval << 16).leading_zeros();
        *state = select_unpredictable(shift == 0, before, before.successor(less_probable));
        self.interval = interval << (shift & 31);
        if shift >= self.count {
            self.code <<= self.count & 31;
            shift -= self.count;
            self.byte_out();
            if shift >= self.count {
                self.code <<= self.count & 31;
                shift -= self.count;
                self.byte_out();
            }
        }
        self.code <<= shift & 31;
        self.count -= shift;
    }

    /// Takes the complete byte out of the code register (BYTEOUT, C.2.7).
    #[inline(always)]
    fn byte_out(&mut self) {
        let last = self.out[self.last];
        let carry = (self.code >> 27 & 1) as u8;
        let sum = last.wrapping_add(carry);
        if last == 0xFF || sum == 0xFF {
            // A bit is stuffed, into which the next carry goes. The carry of this byte was added above, if there was one.
            if last != 0xFF {
                self.out[self.last] = sum;
                self.code &= 0x7FF_FFFF;
            }
            self.last += 1;
            self.out[self.last] = (self.code >> 20) as u8;
            self.code &= 0xF_FFFF;
            self.count = 7;
        } else {
            self.out[self.last] = sum;
            self.last += 1;
            self.out[self.last] = (self.code >> 19) as u8;
            self.code &= 0x7_FFFF;
            self.count = 8;
        }
    }

    /// Ends the segment (FLUSH, C.2.9). Returns the position behind its last byte, which is not 0xFF.
    pub(crate) fn flush(mut self) -> usize {
        let limit = self.code + self.interval;
        self.code |= 0xFFFF;
        if self.code >= limit {
            self.code -= 0x8000;
        }
        for _ in 0..2 {
            self.code <<= self.count;
            self.byte_out();
        }
        if self.out[self.last] == 0xFF { self.last } else { self.last + 1 }
    }
}
