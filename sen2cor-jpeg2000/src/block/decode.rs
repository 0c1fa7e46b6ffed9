//! Decoder of code-blocks (ITU-T T.800 annex D).

use super::contexts::{
    Context, Contexts, FIRST_REFINEMENT, Orientation, SIGN_CODING, ZeroCoding, zero_coding,
};
use super::pieces::{COLUMNS, Maps, PIECE, ROW_0, later, later_than, this_and_next_column};
use super::{PassKind, PassNumber, is_raw, passes_of_segment, raw};
use crate::isa::{Isa, Level, versions};
use crate::mq::{MqDecoder, RawReader, Run};
use std::hint::select_unpredictable;

/// What is coded of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodedBlock<'a> {
    /// Columns.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
    /// Kind of the subband.
    pub(crate) orientation: Orientation,
    /// Magnitude bit planes that are not all zero.
    pub(crate) planes: u8,
    /// Passes that are there.
    pub(crate) passes: u32,
    /// Whether the arithmetic coder may be bypassed.
    pub(crate) bypass: bool,
    /// Length of each segment, bytes.
    pub(crate) segments: &'a [u32],
    /// The segments, one after another.
    pub(crate) bytes: &'a [u8],
}

/// Decoder that keeps its memory from block to block.
pub(crate) struct BlockDecoder {
    isa: Isa,
    pub(super) maps: Maps,
    /// Bits of the magnitudes, plane by plane from the lowest, a word per piece.
    ones: Vec<u64>,
}

/// The coder and what it adapts to.
struct Symbols<'a> {
    mq: MqDecoder<'a>,
    contexts: Contexts,
    zero_coding: &'static ZeroCoding,
}

impl BlockDecoder {
    pub(crate) fn new(isa: Isa) -> Self {
        Self { isa, maps: Maps::default(), ones: Vec::new() }
    }

    /// Decodes a block; [`Self::store`] gives the result. `planes` is at most [`super::MAX_PLANES`].
    pub(crate) fn decode(&mut self, block: &CodedBlock<'_>) {
        self.maps.reset(block.width, block.height);
        self.ones.clear();
        self.ones.resize(self.maps.pieces.len() * usize::from(block.planes), 0);
        let mut symbols = Symbols {
            mq: MqDecoder::new(&[]),
            contexts: Contexts::new(),
            zero_coding: zero_coding(block.orientation),
        };
        let (mut pass, mut rest) = (0, block.bytes);
        for &len in block.segments {
            let (segment, behind) = rest.split_at((len as usize).min(rest.len()));
            rest = behind;
            let count = passes_of_segment(pass, block.bypass).min(block.passes - pass);
            if is_raw(pass, block.bypass) {
                let mut bits = RawReader::new(segment);
                for number in pass..pass + count {
                    self.raw_pass(&mut bits, PassNumber(number), block.planes);
                }
            } else {
                symbols.mq = MqDecoder::new(segment);
                for number in pass..pass + count {
                    self.pass(&mut symbols, PassNumber(number), block.planes);
                }
            }
            pass += count;
            if pass >= block.passes {
                break;
            }
        }
        self.add_halves(pass, block.planes);
    }

    /// The maps, and the words of a plane, which counts from 1 for the lowest.
    #[inline(always)]
    pub(super) fn plane(&mut self, plane: u32) -> (&mut Maps, &mut [u64]) {
        let count = self.maps.pieces.len();
        let start = (plane as usize - 1) * count;
        (&mut self.maps, &mut self.ones[start..start + count])
    }

    /// Where bits were cut off after so many passes, adds half of the lowest that is known of each sample (E.1.1.2 with r =
    /// 1/2).
    fn add_halves(&mut self, passes: u32, planes: u8) {
        let Some(last) = passes.checked_sub(1).map(PassNumber) else { return };
        let lowest = u32::from(planes).saturating_sub(last.planes_above()) as usize;
        if lowest == 0 || lowest == 1 && last.kind() == PassKind::Cleanup {
            return;
        }
        let count = self.maps.pieces.len();
        let (below, own) = self.ones.split_at_mut((lowest - 1) * count);
        let start = below.len().saturating_sub(count);
        let below = &mut below[start..];
        self.maps.look(|n, piece, around| {
            let decided = match last.kind() {
                PassKind::Significance => piece.visited,
                PassKind::Refinement => piece.visited | piece.refined,
                PassKind::Cleanup => PIECE,
            };
            let significant = around.own();
            own[n] |= significant & !decided;
            // Half of the lowest plane is dropped.
            if let Some(below) = below.get_mut(n) {
                *below |= significant & decided;
            }
        });
    }

    fn pass(&mut self, symbols: &mut Symbols<'_>, number: PassNumber, planes: u8) {
        let above = number.planes_above();
        if above >= u32::from(planes) {
            return;
        }
        let plane = u32::from(planes) - above;
        match number.kind() {
            PassKind::Significance => significance(self.isa, self, symbols, plane),
            PassKind::Refinement => refinement(self.isa, self, symbols, plane),
            PassKind::Cleanup => cleanup(self.isa, self, symbols, plane),
        }
    }

    fn raw_pass(&mut self, bits: &mut RawReader<'_>, number: PassNumber, planes: u8) {
        let above = number.planes_above();
        if above >= u32::from(planes) {
            return;
        }
        let plane = u32::from(planes) - above;
        if number.kind() == PassKind::Significance {
            raw::decode_significance(self, bits, plane);
        } else {
            raw::decode_refinement(self, bits, plane);
        }
    }

    /// Writes the coefficients into `out`, a row every `stride`. What was cut off rounds towards zero after half a step was
    /// added (E.1.1.2 with r = 1/2).
    pub(crate) fn store(&self, out: &mut [i32], stride: usize) {
        store(self.isa, self, out, stride);
    }
}

versions! {
    /// Significance propagation pass (D.3.1); `plane` counts from 1 for the lowest.
    fn significance(block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) = significance_pass
}

#[inline(always)]
fn significance_pass<L: Level>(level: L, block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) {
    let (maps, ones) = block.plane(plane);
    let Symbols { mq: coder, contexts, zero_coding } = symbols;
    let mut mq = *coder;
    maps.walk(|n, piece, near, signs| {
        let known = near.own();
        let free = piece.inside & !known;
        let candidates = near.dilated() & free;
        piece.visited = candidates;
        if candidates == 0 {
            return;
        }
        let mut rest = candidates;
        let mut place = rest.trailing_zeros();
        let mut context = zero_coding[level.nine(near.at(place))];
        while rest != 0 {
            // Looked up before it is known what comes next, so that a wrong guess of the processor costs less.
            let window = near.at(place);
            let (sign_context, flip) = SIGN_CODING[level.cross(window) | level.cross(signs.at(place)) << 4];
            let mut sign_state = *contexts.at(sign_context);
            rest &= rest - 1;
            let mut next = rest.trailing_zeros();
            let mut next_context = zero_coding[level.nine(near.at(next))];
            if mq.decode(contexts.at(context)) != 0 {
                near.set(place, 1);
                rest |= later_than(place) & free;
                next = rest.trailing_zeros();
                next_context = zero_coding[level.nine(near.at(next))];
                let sign = mq.decode(&mut sign_state) ^ u64::from(flip);
                *contexts.at(sign_context) = sign_state;
                signs.set(place, sign);
            }
            (place, context) = (next, next_context);
        }
        let found = near.own() & !known;
        ones[n] |= found;
        // All candidates are visited.
        piece.visited |= later(found) & free;
    });
    *coder = mq;
}

versions! {
    /// Magnitude refinement pass (D.3.3).
    fn refinement(block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) = refinement_pass
}

#[inline(always)]
fn refinement_pass<L: Level>(_level: L, block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) {
    let (maps, ones) = block.plane(plane);
    let Symbols { mq: coder, contexts, .. } = symbols;
    let mut mq = *coder;
    // In low planes nearly all members were refined before: one context, kept at hand.
    let mut run = Run::start(*contexts.at(Context::Refine16));
    maps.look(|n, piece, around| {
        let mut members = around.own() & !piece.visited;
        let refined = std::mem::replace(&mut piece.refined, members);
        let mut bits = 0;
        if members & !refined == 0 {
            while members != 0 {
                let place = members.trailing_zeros();
                members &= members - 1;
                bits |= mq.decode_run(&mut run) << place;
            }
        } else {
            let near = around.near().dilated();
            let mut later = run.end();
            while members != 0 {
                let place = members.trailing_zeros();
                members &= members - 1;
                // First and later refinements follow each other at random, so that both states are taken, and both kept.
                let again = refined >> place & 1 != 0;
                let context = FIRST_REFINEMENT[(near >> place) as usize & 1];
                let first = *contexts.at(context);
                let mut state = select_unpredictable(again, later, first);
                bits |= mq.decode(&mut state) << place;
                later = select_unpredictable(again, state, later);
                *contexts.at(context) = select_unpredictable(again, first, state);
            }
            run = Run::start(later);
        }
        ones[n] |= bits;
    });
    *contexts.at(Context::Refine16) = run.end();
    *coder = mq;
}

versions! {
    /// Cleanup pass with its run-length coding (D.3.4).
    fn cleanup(block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) = cleanup_pass
}

#[inline(always)]
fn cleanup_pass<L: Level>(level: L, block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) {
    let (maps, ones) = block.plane(plane);
    let Symbols { mq: coder, contexts, zero_coding } = symbols;
    let mut mq = *coder;
    maps.walk(|n, piece, near, signs| {
        let known = near.own();
        let mut rest = piece.inside & !(known | piece.visited);
        if rest == 0 {
            return;
        }
        // Runs need four rows.
        let mut still = near.quiet() & piece.inside >> 3;
        if still == ROW_0 && mq.skip_eight_zeros(*contexts.at(Context::Run)) {
            return;
        }
        while rest != 0 {
            let mut place = rest.trailing_zeros();
            if still >> place & 1 != 0 {
                if mq.decode_likely(contexts.at(Context::Run)) == 0 {
                    rest &= !(15 << place);
                    continue;
                }
                let row = (mq.decode_even() << 1) as u32;
                let row = row | mq.decode_even() as u32;
                rest &= !(((2 << row) - 1) << place);
                place += row;
            } else {
                rest &= rest - 1;
                if mq.decode(contexts.at(zero_coding[level.nine(near.at(place))])) == 0 {
                    continue;
                }
            }
            // Its column and the next are quiet no more.
            still &= !this_and_next_column(place);
            let window = near.at(place);
            let (context, flip) = SIGN_CODING[level.cross(window) | level.cross(signs.at(place)) << 4];
            let sign = mq.decode(contexts.at(context)) ^ u64::from(flip);
            near.set(place, 1);
            signs.set(place, sign);
        }
        ones[n] |= near.own() & !known;
    });
    *coder = mq;
}

versions! {
    fn store(block: &BlockDecoder, out: &mut [i32], stride: usize) = store_rows
}

#[inline(always)]
fn store_rows<L: Level>(level: L, block: &BlockDecoder, out: &mut [i32], stride: usize) {
    let shape = block.maps.shape;
    let count = block.maps.pieces.len();
    let planes = block.ones.len() / count;
    for stripe in 0..shape.stripes {
        let rows = (shape.height - 4 * stripe).min(4);
        for piece in 0..shape.pieces {
            let first = stripe * shape.pieces + piece;
            let planes = (0..planes).rev().map(|plane| block.ones[plane * count + first]);
            let samples = level.numbers(planes, block.maps.negative(stripe, piece));
            let cols = (shape.width - COLUMNS * piece).min(COLUMNS);
            for (row, samples) in samples.iter().enumerate().take(rows) {
                let start = (4 * stripe + row) * stride + COLUMNS * piece;
                if let Ok(target) = <&mut [i32; COLUMNS]>::try_from(&mut out[start..start + cols]) {
                    *target = *samples;
                } else {
                    out[start..start + cols].copy_from_slice(&samples[..cols]);
                }
            }
        }
    }
}
