//! MQ decoder (ITU-T T.800 C.3) without branches that depend on the symbol.
//!
//! The standard keeps the interval A and the upper half of the code register C in 16 bits and reads a byte whenever eight
//! bits were shifted out. Here both are aligned at bit 63 of 64 bits, so that five to seven bytes are read at once, and
//! comparison, exchange of the sub-intervals (C.3.2) and renormalisation (C.3.3) become selections and one shift.
//!
//! ```text
//! bit 63        48 47                                0
//! A   aaaaaaaaaaaa 0000000000000000000000000000000000   Qe is subtracted from the top 16 bits
//! C   cccccccccccc bbbbbbbb bbbbbbbb bbbbbbbb ........   bytes that follow, already added; dots: not read yet
//!                                            ^ free_bit
//! ```
#![allow(clippy::needless_bitwise_bool, reason = "a branch would cost more than the comparison")]

use super::states::State;
use std::hint::select_unpredictable;

/// Position of the interval 0x8000 of the standard.
const HALF: u64 = 1 << 63;
/// Beyond this position of the next byte the top 16 bits would be incomplete.
const LAST_FREE_BIT: i32 = 40;
/// State of even chances (table C.2, index 46).
const EVEN: State = State::initial(46);

/// Decoder of one segment.
#[derive(Clone, Copy)]
pub(crate) struct MqDecoder<'a> {
    interval: u64,
    code: u64,
    /// Where the lowest bit of the next byte belongs.
    free_bit: i32,
    at: usize,
    /// Whether the byte read last was 0xFF, after which a byte has seven new bits.
    stuffed: bool,
    bytes: &'a [u8],
}

/// A context in a run of decisions, with its successors at hand.
pub(crate) struct Run {
    state: State,
    more: State,
    less: State,
}

impl Run {
    /// Begins a run.
    #[inline(always)]
    pub(crate) fn start(state: State) -> Self {
        Self { state, more: state.successor(false), less: state.successor(true) }
    }

    /// The state after it.
    #[inline(always)]
    pub(crate) fn end(&self) -> State {
        self.state
    }
}

/// What a step tells about the state of its context.
struct Outcome {
    bit: u64,
    /// Nothing was shifted, the state stays.
    stays: bool,
    less_probable: bool,
}

impl<'a> MqDecoder<'a> {
    /// Starts on a segment (INITDEC, C.3.5).
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { interval: HALF, code: 0, free_bit: 55, at: 0, stuffed: false, bytes };
        decoder.refill();
        decoder
    }

    /// Decodes a decision (DECODE, C.3.2).
    #[inline(always)]
    pub(crate) fn decode(&mut self, state: &mut State) -> u64 {
        let before = *state;
        let outcome = self.step(before);
        *state = select_unpredictable(outcome.stays, before, before.successor(outcome.less_probable));
        outcome.bit
    }

    /// The same with a branch for the case that nothing is shifted: for contexts in which that is likely.
    #[inline(always)]
    pub(crate) fn decode_likely(&mut self, state: &mut State) -> u64 {
        let qe = state.qe();
        let rest = self.interval.wrapping_sub(qe);
        if (self.code >= qe) & (rest >= HALF) {
            self.code -= qe;
            self.interval = rest;
            return state.symbol() & 1;
        }
        let before = *state;
        let outcome = self.step(before);
        *state = before.successor(outcome.less_probable);
        outcome.bit
    }

    /// Whether the next eight decisions in a context are certain to be 0 and shift nothing; takes them if so.
    #[inline(always)]
    pub(crate) fn skip_eight_zeros(&mut self, state: State) -> bool {
        let qe = state.qe();
        let skipped = self.code.min(self.interval - HALF) >> 3 >= qe && state.symbol() & 1 == 0;
        if skipped {
            self.code -= qe << 3;
            self.interval -= qe << 3;
        }
        skipped
    }

    /// The same for a run in one context: the look-up of the successors is not in the chain from decision to decision.
    #[inline(always)]
    pub(crate) fn decode_run(&mut self, run: &mut Run) -> u64 {
        let outcome = self.step(run.state);
        let moved = select_unpredictable(outcome.less_probable, run.less, run.more);
        *run = Run::start(select_unpredictable(outcome.stays, run.state, moved));
        outcome.bit
    }

    /// The same for the context of even chances, whose state never changes: nothing is looked up.
    #[inline(always)]
    pub(crate) fn decode_even(&mut self) -> u64 {
        self.step(EVEN).bit
    }

    #[inline(always)]
    fn step(&mut self, state: State) -> Outcome {
        let qe = state.qe();
        let rest = self.interval.wrapping_sub(qe);
        // The lower sub-interval has the size Qe; the less probable symbol lies there unless the upper one is smaller.
        let lower = self.code < qe;
        let less_probable = lower ^ (rest < qe);
        let interval = select_unpredictable(lower, qe, rest);
        let code = select_unpredictable(lower, self.code, self.code.wrapping_sub(qe));
        let shift = interval.leading_zeros();
        let stays = shift == 0;
        self.interval = interval << (shift & 63);
        self.code = code << (shift & 63);
        self.free_bit += shift as i32;
        if self.free_bit > LAST_FREE_BIT {
            self.refill();
        }
        Outcome { bit: (state.symbol() ^ u64::from(less_probable)) & 1, stays, less_probable }
    }

    /// Adds as many bytes as there is room for (BYTEIN, C.3.4).
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(next) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            let next = u64::from_be_bytes(*next);
            let inverse = !next;
            let stuffing = inverse.wrapping_sub(0x0101_0101_0101_0101) & next & 0x8080_8080_8080_8080;
            if stuffing == 0 && !self.stuffed {
                let lowest = self.free_bit & 7;
                self.code |= next >> ((56 - self.free_bit) & 63) >> lowest << lowest;
                self.at += (self.free_bit >> 3) as usize + 1;
                self.free_bit = lowest - 8;
                return;
            }
        }
        // The coder's registers stay registers if they are not borrowed here.
        let slow = Refill { code: self.code, free_bit: self.free_bit, at: self.at, stuffed: self.stuffed }
            .run(self.bytes);
        (self.code, self.free_bit, self.at, self.stuffed) = (slow.code, slow.free_bit, slow.at, slow.stuffed);
    }
}

/// Byte by byte, near 0xFF and the end of the data.
struct Refill {
    code: u64,
    free_bit: i32,
    at: usize,
    stuffed: bool,
}

impl Refill {
    #[cold]
    #[inline(never)]
    fn run(mut self, bytes: &[u8]) -> Self {
        while self.free_bit >= 0 {
            match bytes.get(self.at) {
                Some(&byte) if !(self.stuffed && byte > 0x8F) => {
                    // The byte after 0xFF lies one bit higher: its first bit takes up a carry.
                    self.free_bit += i32::from(self.stuffed);
                    self.code = self.code.wrapping_add(u64::from(byte) << self.free_bit);
                    self.free_bit -= 8;
                    self.stuffed = byte == 0xFF;
                    self.at += 1;
                }
                // At the end, or at a marker, ones follow.
                _ => {
                    self.code |= (1 << (self.free_bit + 8)) - 1;
                    self.free_bit = (self.free_bit & 7) - 8;
                    self.stuffed = false;
                    self.at = bytes.len();
                }
            }
        }
        self
    }
}
