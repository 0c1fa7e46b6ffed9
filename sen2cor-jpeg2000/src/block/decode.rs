//! Decoder of code-blocks (ITU-T T.800 annex D).

use super::bitmaps::{Around, Maps, cross, later};
use super::contexts::{Context, Contexts, Orientation, REFINEMENT, SIGN_CODING, ZeroCoding, zero_coding};
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
        let (inside, mut visited) = (chunk.inside, 0);
        let mut candidates = around.dilated() & !known & inside;
        if candidates != 0 {
            let (mut windows, mut signs) =
                (around.windows(level), Around::load(negative, at, stride).windows(level));
            let mut minus = 0;
            while candidates != 0 {
                let position = candidates.trailing_zeros();
                let (column, row) = (position >> 2, position as usize & 3);
                visited |= 1 << position;
                candidates &= candidates - 1;
                let window = windows.at(row, column);
                if mq.decode(contexts.at(zero_coding[level.nine(window)])) != 0 {
                    let (context, flip) = SIGN_CODING[cross(window) | cross(signs.at(row, column)) << 4];
                    let sign = mq.decode(contexts.at(context)) ^ u64::from(flip);
                    known |= 1 << position;
                    minus |= sign << position;
                    windows.set(row, column, 1);
                    signs.set(row, column, sign);
                    coefficients[position as usize & 63] = value | (sign as u32) << 31;
                    candidates |= later(position) & !known & inside;
                }
            }
            significant[at] = known;
            negative[at] |= minus;
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
        if members & !refined == 0 {
            while members != 0 {
                let position = members.trailing_zeros() as usize & 63;
                members &= members - 1;
                let bit = mq.decode_run(&mut run) as u32;
                coefficients[position] =
                    coefficients[position].wrapping_add((bit << plane).wrapping_sub(half));
            }
            continue;
        }
        let at = chunk.at;
        let near = Around::load(significant, at, stride).dilated();
        *contexts.at(Context::Refine16) = run.end();
        while members != 0 {
            let position = members.trailing_zeros();
            members &= members - 1;
            let context = REFINEMENT[(2 * (refined >> position & 1) + (near >> position & 1)) as usize & 3];
            let bit = mq.decode(contexts.at(context)) as u32;
            let position = position as usize & 63;
            coefficients[position] = coefficients[position].wrapping_add((bit << plane).wrapping_sub(half));
        }
        run = Run::start(*contexts.at(Context::Refine16));
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
        let mut rest = chunk.inside & !(chunk.members | chunk.visited);
        if rest == 0 {
            continue;
        }
        let at = chunk.at;
        let around = Around::load(significant, at, stride);
        // Runs need four rows.
        let mut quiet = around.quiet() & chunk.inside >> 3;
        let (mut windows, mut signs) =
            (around.windows(level), Around::load(negative, at, stride).windows(level));
        let (mut known, mut minus) = (around.center(), 0);
        while rest != 0 {
            let mut position = rest.trailing_zeros();
            let (column, mut row) = (position >> 2, position as usize & 3);
            let window;
            if quiet >> position & 1 != 0 {
                if mq.decode_likely(contexts.at(Context::Run)) == 0 {
                    rest &= !(15 << position);
                    continue;
                }
                let uniform = contexts.at(Context::Uniform);
                row = (mq.decode(uniform) << 1) as usize;
                row |= mq.decode(uniform) as usize;
                rest &= !(((2 << row) - 1) << position);
                position += row as u32;
                window = windows.at(row, column);
            } else {
                rest &= rest - 1;
                window = windows.at(row, column);
                if mq.decode(contexts.at(zero_coding[level.nine(window)])) == 0 {
                    continue;
                }
            }
            quiet &= !(0x11 << (4 * column));
            let (context, flip) = SIGN_CODING[cross(window) | cross(signs.at(row, column)) << 4];
            let sign = mq.decode(contexts.at(context)) ^ u64::from(flip);
            known |= 1 << position;
            minus |= sign << position;
            windows.set(row, column, 1);
            signs.set(row, column, sign);
            coefficients[position as usize & 63] = value | (sign as u32) << 31;
        }
        significant[at] = known;
        negative[at] |= minus;
    }
    *coder = mq;
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
