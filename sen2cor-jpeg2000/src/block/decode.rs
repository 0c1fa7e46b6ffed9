//! Decoder of code-blocks (ITU-T T.800 annex D).

use super::bitmaps::{Around, Half, Maps, Near, later};
use super::contexts::{
    Context, Contexts, FIRST_REFINEMENT, Orientation, SIGN_CODING, ZeroCoding, zero_coding,
};
use super::{PassKind, PassNumber, is_raw, passes_of_segment, raw};
use crate::isa::{Isa, Level, versions};
use crate::mq::{MqDecoder, RawReader, Run};

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
    /// Coefficients in scan order of their chunks: sign at bit 31, below it the magnitude and one bit for a half.
    pub(super) coefficients: Vec<[u32; 64]>,
}

/// The coder and what it adapts to.
struct Symbols<'a> {
    mq: MqDecoder<'a>,
    contexts: Contexts,
    zero_coding: &'static ZeroCoding,
}

impl BlockDecoder {
    pub(crate) fn new(isa: Isa) -> Self {
        Self { isa, maps: Maps::default(), coefficients: Vec::new() }
    }

    /// Decodes a block; [`Self::store`] gives the result. `planes` is at most [`super::MAX_PLANES`].
    pub(crate) fn decode(&mut self, block: &CodedBlock<'_>) {
        self.maps.reset(block.width, block.height);
        self.coefficients.clear();
        self.coefficients.resize(self.maps.chunks.len(), [0; 64]);
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
    let BlockDecoder { maps: Maps { shape, significant, negative, chunks }, coefficients, .. } = block;
    let Symbols { mq: coder, contexts, zero_coding } = symbols;
    let (mut mq, value, stride) = (*coder, 3 << (plane - 1), shape.stride());
    for (chunk, coefficients) in chunks.iter_mut().zip(coefficients.iter_mut()) {
        let at = chunk.at;
        let around = Around::load(significant, at, stride);
        let mut known = around.center();
        chunk.refined = chunk.members;
        chunk.members = known;
        let mut candidates = around.dilated() & !known & chunk.inside;
        // All candidates are visited.
        let mut visited = candidates;
        if candidates != 0 {
            let around_signs = Around::load(negative, at, stride);
            let mut minus = around_signs.center();
            while candidates != 0 {
                let half = Half::first(candidates);
                let mut near = around.near(level, half, known);
                let mut signs = around_signs.near(level, half, minus);
                let (mut own, inside) = (known >> half.0, chunk.inside >> half.0);
                let mut rest = candidates >> half.0;
                while rest as u32 != 0 {
                    let position = rest.trailing_zeros();
                    rest &= rest - 1;
                    let place = Near::place(position);
                    let window = near.at(place);
                    if mq.decode(contexts.at(zero_coding[level.nine(window)])) != 0 {
                        let index = level.cross(window) | level.cross(signs.at(place)) << 4;
                        let (context, flip) = SIGN_CODING[index];
                        let sign = mq.decode(contexts.at(context)) ^ u64::from(flip);
                        let position_in_chunk = position + half.0;
                        minus |= sign << position_in_chunk;
                        near.set(place, 1);
                        signs.set(place, sign);
                        coefficients[position_in_chunk as usize & 63] = value | (sign as u32) << 31;
                        own |= 1 << position;
                        let added = later(position) & !own & inside;
                        rest |= added;
                        visited |= added << half.0;
                    }
                }
                known |= own << half.0;
                candidates = rest << half.0;
            }
            significant[at] = known;
            negative[at] = minus;
        }
        chunk.visited = visited;
    }
    *coder = mq;
}

versions! {
    /// Magnitude refinement pass (D.3.3).
    fn refinement(block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) = refinement_pass
}

#[inline(always)]
fn refinement_pass<L: Level>(_level: L, block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) {
    let BlockDecoder { maps: Maps { shape, significant, chunks, .. }, coefficients, .. } = block;
    let Symbols { mq: coder, contexts, .. } = symbols;
    let (mut mq, half, stride) = (*coder, 1u32 << (plane - 1), shape.stride());
    // In low planes nearly all members were refined before: one context, kept at hand.
    let mut run = Run::start(*contexts.at(Context::Refine16));
    for (chunk, coefficients) in chunks.iter().zip(coefficients.iter_mut()) {
        let (mut members, refined) = (chunk.members, chunk.refined);
        let mut refine = |position: usize, bit: u64| {
            let coefficient = &mut coefficients[position & 63];
            *coefficient = coefficient.wrapping_add(((bit as u32) << plane).wrapping_sub(half));
        };
        if members & !refined == 0 {
            while members != 0 {
                let position = members.trailing_zeros() as usize;
                members &= members - 1;
                refine(position, mq.decode_run(&mut run));
            }
            continue;
        }
        let near = Around::load(significant, chunk.at, stride).dilated();
        while members != 0 {
            let position = members.trailing_zeros();
            members &= members - 1;
            // The answer does not depend on decisions, so that a wrong guess of the processor costs little.
            let bit = if refined >> position & 1 != 0 {
                mq.decode_run(&mut run)
            } else {
                mq.decode(contexts.at(FIRST_REFINEMENT[(near >> position) as usize & 1]))
            };
            refine(position as usize, bit);
        }
    }
    *contexts.at(Context::Refine16) = run.end();
    *coder = mq;
}

versions! {
    /// Cleanup pass with its run-length coding (D.3.4).
    fn cleanup(block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) = cleanup_pass
}

#[inline(always)]
fn cleanup_pass<L: Level>(level: L, block: &mut BlockDecoder, symbols: &mut Symbols<'_>, plane: u32) {
    let BlockDecoder { maps: Maps { shape, significant, negative, chunks }, coefficients, .. } = block;
    let Symbols { mq: coder, contexts, zero_coding } = symbols;
    let (mut mq, value, stride) = (*coder, 3 << (plane - 1), shape.stride());
    for (chunk, coefficients) in chunks.iter_mut().zip(coefficients.iter_mut()) {
        let mut members = chunk.inside & !(chunk.members | chunk.visited);
        if members == 0 {
            continue;
        }
        let at = chunk.at;
        let around = Around::load(significant, at, stride);
        // Runs need four rows.
        let mut quiet = around.quiet() & chunk.inside >> 3;
        let around_signs = Around::load(negative, at, stride);
        let (mut known, mut minus) = (around.center(), around_signs.center());
        while members != 0 {
            let half = Half::first(members);
            let (mut rest, mut still) = (members >> half.0, quiet >> half.0);
            // As long as nothing is found, nothing has to be known of neighbours.
            let mut found = skip_quiet(&mut mq, contexts, &mut rest, still);
            if rest as u32 == 0 {
                members = rest << half.0;
                continue;
            }
            let mut near = around.near(level, half, known);
            let mut signs = around_signs.near(level, half, minus);
            while rest as u32 != 0 {
                let mut position = rest.trailing_zeros();
                let (place, window);
                if still >> position & 1 != 0 {
                    if !std::mem::take(&mut found) && mq.decode(contexts.at(Context::Run)) == 0 {
                        rest &= !(15 << position);
                        continue;
                    }
                    let row = (mq.decode_even() << 1) as u32;
                    let row = row | mq.decode_even() as u32;
                    rest &= !(((2 << row) - 1) << position);
                    position += row;
                    place = Near::place(position);
                    window = near.at(place);
                } else {
                    rest &= rest - 1;
                    place = Near::place(position);
                    window = near.at(place);
                    if mq.decode(contexts.at(zero_coding[level.nine(window)])) == 0 {
                        continue;
                    }
                }
                still &= !(0x11 << (position & 0x3C));
                let (context, flip) = SIGN_CODING[level.cross(window) | level.cross(signs.at(place)) << 4];
                let sign = mq.decode(contexts.at(context)) ^ u64::from(flip);
                near.set(place, 1);
                signs.set(place, sign);
                let position = position + half.0;
                known |= 1 << position;
                minus |= sign << position;
                coefficients[position as usize & 63] = value | (sign as u32) << 31;
            }
            members = rest << half.0;
            quiet = still << half.0;
        }
        significant[at] = known;
        negative[at] = minus;
    }
    *coder = mq;
}

/// Leaves out columns in which nothing becomes significant, and tells whether something does in the next one.
#[inline(always)]
fn skip_quiet(mq: &mut MqDecoder<'_>, contexts: &mut Contexts, rest: &mut u64, still: u64) -> bool {
    while *rest as u32 != 0 && still >> rest.trailing_zeros() & 1 != 0 {
        if mq.decode_likely(contexts.at(Context::Run)) != 0 {
            return true;
        }
        *rest &= !(15 << rest.trailing_zeros());
    }
    false
}

versions! {
    fn store(block: &BlockDecoder, out: &mut [i32], stride: usize) = store_rows
}

#[inline(always)]
fn store_rows<L: Level>(_level: L, block: &BlockDecoder, out: &mut [i32], stride: usize) {
    let shape = block.maps.shape;
    for (n, coefficients) in block.coefficients.iter().enumerate() {
        let (left, top) = (n % shape.chunks * 16, n / shape.chunks * 4);
        let cols = (shape.width - left).min(16);
        for row in 0..(shape.height - top).min(4) {
            let start = (top + row) * stride + left;
            let target = &mut out[start..start + cols];
            if let Ok(target) = <&mut [i32; 16]>::try_from(&mut *target) {
                for (column, sample) in target.iter_mut().enumerate() {
                    *sample = signed(coefficients[4 * column + row]);
                }
            } else {
                for (column, sample) in target.iter_mut().enumerate() {
                    *sample = signed(coefficients[4 * (column & 15) + row]);
                }
            }
        }
    }
}

/// Drops the bit of the half and applies the sign.
#[inline(always)]
fn signed(coefficient: u32) -> i32 {
    let (magnitude, sign) = ((coefficient << 1 >> 2) as i32, coefficient as i32 >> 31);
    (magnitude ^ sign) - sign
}
