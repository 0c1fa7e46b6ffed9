//! Encoder of code-blocks (ITU-T T.800 annex D). All passes of all planes are coded; what to drop is decided later.

use super::contexts::{Context, Contexts, Orientation, REFINEMENT, SIGN_CODING, ZeroCoding, zero_coding};
use super::pieces::{COLUMNS, Maps, later, later_than, this_and_next_column};
use super::{PassKind, PassNumber, is_raw, passes_of_segment, raw};
use crate::isa::{Isa, Level, versions};
use crate::mq::{MqEncoder, MqRegisters, RawPosition, RawWriter};

/// Bits of a magnitude that are looked at; the next one carries the sign while bits are sorted.
const MAGNITUDE_BITS: usize = 23;
/// Planes for which there is room.
const PLANES: usize = MAGNITUDE_BITS + 1;

/// Coefficients of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockSamples<'a> {
    /// Columns.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
    /// Kind of the subband.
    pub(crate) orientation: Orientation,
    /// Whether the arithmetic coder is bypassed in low planes.
    pub(crate) bypass: bool,
    /// The coefficients, a row every `stride`; magnitudes are less than 2^23.
    pub(crate) samples: &'a [i32],
    /// Distance of rows.
    pub(crate) stride: usize,
}

/// What the code of a block has after one of its passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Bytes up to here, enough for a decoder that stops after this pass.
    pub(crate) end: u32,
    /// Whether the segment ends here.
    pub(crate) terminated: bool,
}

/// Encoder that keeps its memory from block to block.
pub(crate) struct BlockEncoder {
    isa: Isa,
    pub(super) maps: Maps,
    /// Bits of the magnitudes, plane by plane from the lowest, a word per piece.
    ones: Vec<u64>,
    /// Which samples are negative, a word per piece.
    minus: Vec<u64>,
    /// All bits that occur in a magnitude.
    occurring: u32,
    /// A dummy byte, then the code.
    out: Vec<u8>,
    passes: Vec<Pass>,
}

/// Registers and what the coder adapts to.
struct Symbols {
    registers: MqRegisters,
    contexts: Contexts,
    zero_coding: &'static ZeroCoding,
}

/// Which coder is at work.
enum Coder {
    Arithmetic,
    Raw(RawPosition),
}

impl BlockEncoder {
    pub(crate) fn new(isa: Isa) -> Self {
        Self {
            isa,
            maps: Maps::default(),
            ones: Vec::new(),
            minus: Vec::new(),
            occurring: 0,
            out: Vec::new(),
            passes: Vec::new(),
        }
    }

    /// Codes a block and returns its number of magnitude bit planes.
    pub(crate) fn encode(&mut self, block: &BlockSamples<'_>) -> u8 {
        self.maps.reset(block.width, block.height);
        let pieces = self.maps.pieces.len();
        self.ones.resize(PLANES * pieces, 0);
        self.minus.resize(pieces, 0);
        self.passes.clear();
        load(self.isa, self, block);
        let planes = 32 - self.occurring.leading_zeros();
        // A pass codes at most two decisions per sample and three per column; each shifts out less than two bytes.
        let room = 64 + 4 * 32 * pieces * (planes as usize + 1);
        if self.out.len() < room {
            self.out.resize(room, 0);
        }
        if planes > 0 {
            let mut out = std::mem::take(&mut self.out);
            out[0] = 0;
            self.passes(block, planes, &mut out);
            self.out = out;
        }
        planes as u8
    }

    /// The passes of the block that was coded last.
    pub(crate) fn coded_passes(&self) -> &[Pass] {
        &self.passes
    }

    /// Its code.
    pub(crate) fn bytes(&self) -> &[u8] {
        let end = self.passes.last().map_or(0, |pass| pass.end as usize);
        &self.out[1..=end]
    }

    /// The maps, the words of a plane, which counts from 0 for the lowest, and those of the signs.
    #[inline(always)]
    pub(super) fn plane(&mut self, plane: usize) -> (&mut Maps, &[u64], &[u64]) {
        let count = self.maps.pieces.len();
        (&mut self.maps, &self.ones[plane * count..(plane + 1) * count], &self.minus[..count])
    }

    fn passes(&mut self, block: &BlockSamples<'_>, planes: u32, out: &mut [u8]) {
        let mut symbols = Symbols {
            registers: MqRegisters::at(1),
            contexts: Contexts::new(),
            zero_coding: zero_coding(block.orientation),
        };
        let (mut coder, total) = (Coder::Arithmetic, 3 * planes - 2);
        let mut segment_end = passes_of_segment(0, block.bypass).min(total);
        for pass in 0..total {
            let number = PassNumber(pass);
            let plane = (planes - 1 - number.planes_above()) as usize;
            match &mut coder {
                Coder::Arithmetic => self.pass(&mut symbols, number, plane, out),
                Coder::Raw(position) => self.raw_pass(position, number, plane, out),
            }
            let terminated = pass + 1 == segment_end;
            let end;
            if terminated {
                end = match coder {
                    Coder::Arithmetic => MqEncoder::resume(symbols.registers, out).flush(),
                    Coder::Raw(position) => RawWriter::resume(position, out).flush(),
                };
                segment_end = passes_of_segment(pass + 1, block.bypass).saturating_add(pass + 1).min(total);
                coder = if is_raw(pass + 1, block.bypass) {
                    Coder::Raw(RawPosition::at(end))
                } else {
                    symbols.registers = MqRegisters::at(end);
                    Coder::Arithmetic
                };
            } else {
                end = match coder {
                    Coder::Arithmetic => symbols.registers.end_if_cut(),
                    Coder::Raw(position) => position.end_if_cut(),
                };
            }
            self.passes.push(Pass { end: end as u32, terminated });
        }
        self.settle_ends(out);
    }

    fn pass(&mut self, symbols: &mut Symbols, number: PassNumber, plane: usize, out: &mut [u8]) {
        let task = Task { plane, out };
        match number.kind() {
            PassKind::Significance => significance(self.isa, self, symbols, task),
            PassKind::Refinement => refinement(self.isa, self, symbols, task),
            PassKind::Cleanup => cleanup(self.isa, self, symbols, task),
        }
    }

    fn raw_pass(&mut self, position: &mut RawPosition, number: PassNumber, plane: usize, out: &mut [u8]) {
        let mut bits = RawWriter::resume(*position, out);
        if number.kind() == PassKind::Significance {
            raw::encode_significance(self, &mut bits, plane);
        } else {
            raw::encode_refinement(self, &mut bits, plane);
        }
        *position = bits.pause();
    }

    /// Turns positions in the buffer into lengths that rise and do not end in 0xFF.
    fn settle_ends(&mut self, out: &[u8]) {
        let mut limit = u32::MAX;
        for pass in self.passes.iter_mut().rev() {
            pass.end = pass.end.min(limit);
            limit = pass.end;
        }
        for pass in &mut self.passes {
            if out[pass.end as usize - 1] == 0xFF {
                pass.end -= 1;
            }
            pass.end -= 1;
        }
    }
}

/// Plane and buffer of a pass.
struct Task<'a> {
    plane: usize,
    out: &'a mut [u8],
}

versions! {
    fn load(block: &mut BlockEncoder, samples: &BlockSamples<'_>) = load_pieces
}

/// Sorts the bits of the coefficients into planes.
#[inline(always)]
fn load_pieces<L: Level>(level: L, block: &mut BlockEncoder, samples: &BlockSamples<'_>) {
    let (shape, count) = (block.maps.shape, block.maps.pieces.len());
    let mut occurring = 0;
    for n in 0..count {
        let (left, top) = (n % shape.pieces * COLUMNS, n / shape.pieces * 4);
        let cols = (shape.width - left).min(COLUMNS);
        // Four samples of a column become four bytes of a word, so that bytes are in scan order.
        let mut words = [[0u32; COLUMNS]; 3];
        for row in 0..(shape.height - top).min(4) {
            let start = (top + row) * samples.stride + left;
            let mut line = [0; COLUMNS];
            line[..cols].copy_from_slice(&samples.samples[start..start + cols]);
            for (column, &sample) in line.iter().enumerate() {
                let magnitude = sample.unsigned_abs();
                let bits = magnitude | (sample as u32 >> 31) << MAGNITUDE_BITS;
                occurring |= magnitude;
                for (k, word) in words.iter_mut().enumerate() {
                    word[column] |= (bits >> (8 * k) & 0xFF) << (8 * row);
                }
            }
        }
        let mut put = |first: usize, bits: [u64; 8]| {
            for (plane, bits) in bits.into_iter().enumerate() {
                block.ones[(first + plane) * count + n] = bits;
            }
        };
        put(0, level.bit_planes(&words[0]));
        put(8, level.bit_planes(&words[1]));
        let high = level.bit_planes(&words[2]);
        put(16, high);
        block.minus[n] = high[7];
    }
    block.occurring = occurring;
}

versions! {
    /// Significance propagation pass (D.3.1); planes count from 0 for the lowest.
    fn significance(block: &mut BlockEncoder, symbols: &mut Symbols, task: Task<'_>) = significance_pass
}

#[inline(always)]
fn significance_pass<L: Level>(level: L, block: &mut BlockEncoder, symbols: &mut Symbols, task: Task<'_>) {
    let Task { plane, out } = task;
    let (maps, ones, minus) = block.plane(plane);
    let Symbols { registers, contexts, zero_coding } = symbols;
    let mut mq = MqEncoder::resume(*registers, out);
    maps.walk(|n, piece, near, signs| {
        let known = near.own();
        let free = piece.inside & !known;
        let mut rest = near.dilated() & free;
        piece.visited = rest;
        if rest == 0 {
            return;
        }
        let (ones, minus) = (ones[n], minus[n]);
        while rest != 0 {
            let place = rest.trailing_zeros();
            rest &= rest - 1;
            let window = near.at(place);
            let one = ones >> place & 1;
            mq.encode(contexts.at(zero_coding[level.nine(window)]), one as u32);
            if one != 0 {
                let (context, flip) = SIGN_CODING[level.cross(window) | level.cross(signs.at(place)) << 4];
                let sign = minus >> place & 1;
                mq.encode(contexts.at(context), sign as u32 ^ u32::from(flip));
                near.set(place, 1);
                signs.set(place, sign);
                rest |= later_than(place) & free;
            }
        }
        // All candidates are visited.
        piece.visited |= later(near.own() & !known) & free;
    });
    symbols.registers = mq.pause();
}

versions! {
    /// Magnitude refinement pass (D.3.3).
    fn refinement(block: &mut BlockEncoder, symbols: &mut Symbols, task: Task<'_>) = refinement_pass
}

#[inline(always)]
fn refinement_pass<L: Level>(_level: L, block: &mut BlockEncoder, symbols: &mut Symbols, task: Task<'_>) {
    let Task { plane, out } = task;
    let (maps, ones, _) = block.plane(plane);
    let Symbols { registers, contexts, .. } = symbols;
    let mut mq = MqEncoder::resume(*registers, out);
    // In low planes nearly all members were refined before: one context, kept at hand.
    let mut later = *contexts.at(Context::Refine16);
    maps.look(|n, piece, around| {
        let (mut members, ones) = (around.own() & !piece.visited, ones[n]);
        let refined = std::mem::replace(&mut piece.refined, members);
        if members & !refined == 0 {
            while members != 0 {
                let place = members.trailing_zeros();
                members &= members - 1;
                mq.encode(&mut later, (ones >> place) as u32 & 1);
            }
            return;
        }
        let near = around.near().dilated();
        *contexts.at(Context::Refine16) = later;
        while members != 0 {
            let place = members.trailing_zeros();
            members &= members - 1;
            let context = REFINEMENT[(2 * (refined >> place & 1) + (near >> place & 1)) as usize & 3];
            mq.encode(contexts.at(context), (ones >> place) as u32 & 1);
        }
        later = *contexts.at(Context::Refine16);
    });
    *contexts.at(Context::Refine16) = later;
    symbols.registers = mq.pause();
}

versions! {
    /// Cleanup pass with its run-length coding (D.3.4).
    fn cleanup(block: &mut BlockEncoder, symbols: &mut Symbols, task: Task<'_>) = cleanup_pass
}

#[inline(always)]
fn cleanup_pass<L: Level>(level: L, block: &mut BlockEncoder, symbols: &mut Symbols, task: Task<'_>) {
    let Task { plane, out } = task;
    let (maps, ones, minus) = block.plane(plane);
    let Symbols { registers, contexts, zero_coding } = symbols;
    let mut mq = MqEncoder::resume(*registers, out);
    maps.walk(|n, piece, near, signs| {
        let mut rest = piece.inside & !(near.own() | piece.visited);
        if rest == 0 {
            return;
        }
        // Runs need four rows.
        let mut still = near.quiet() & piece.inside >> 3;
        let (ones, minus) = (ones[n], minus[n]);
        while rest != 0 {
            let mut place = rest.trailing_zeros();
            if still >> place & 1 != 0 {
                let four = ones >> place & 15;
                mq.encode(contexts.at(Context::Run), u32::from(four != 0));
                if four == 0 {
                    rest &= !(15 << place);
                    continue;
                }
                let first = four.trailing_zeros();
                mq.encode(contexts.at(Context::Uniform), first >> 1);
                mq.encode(contexts.at(Context::Uniform), first & 1);
                rest &= !(((2 << first) - 1) << place);
                place += first;
            } else {
                rest &= rest - 1;
                let one = (ones >> place) as u32 & 1;
                mq.encode(contexts.at(zero_coding[level.nine(near.at(place))]), one);
                if one == 0 {
                    continue;
                }
            }
            still &= !this_and_next_column(place);
            let (context, flip) =
                SIGN_CODING[level.cross(near.at(place)) | level.cross(signs.at(place)) << 4];
            let sign = minus >> place & 1;
            mq.encode(contexts.at(context), sign as u32 ^ u32::from(flip));
            near.set(place, 1);
            signs.set(place, sign);
        }
    });
    symbols.registers = mq.pause();
}
