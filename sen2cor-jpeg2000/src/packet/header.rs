//! Headers of packets of the only layer (ITU-T T.800 B.10).

use super::bits::{HeaderReader, HeaderWriter};
use super::tag_tree::TagTree;
use crate::block::{MAX_PLANES, Pass, passes_of_segment};
use crate::error::Error;

/// Largest number of bits of a length (B.10.7.1).
const MAX_LENGTH_BITS: u32 = 32;

/// The code-blocks of a subband in a precinct.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Precinct {
    /// Blocks from left to right.
    pub(crate) across: usize,
    /// Blocks from top to bottom.
    pub(crate) down: usize,
    /// Magnitude bit planes of the subband (Mb, E.1.1).
    pub(crate) planes: u8,
}

/// A block that a packet has something of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockEntry {
    /// Which of the subbands.
    pub(crate) band: usize,
    /// Column of the block in the precinct.
    pub(crate) x: usize,
    /// Row of the block in the precinct.
    pub(crate) y: usize,
    /// Magnitude bit planes that are not all zero.
    pub(crate) planes: u8,
    /// Coding passes.
    pub(crate) passes: u32,
    /// Where its lengths start in [`HeaderCoder::lengths`].
    pub(crate) first_length: usize,
    /// Number of segments.
    pub(crate) segments: usize,
}

/// What is to be written of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodedEntry<'a> {
    /// Magnitude bit planes that are not all zero.
    pub(crate) planes: u8,
    /// The passes that are written; none leaves the block out.
    pub(crate) passes: &'a [Pass],
}

/// Reads and writes headers, and keeps its memory.
#[derive(Default)]
pub(crate) struct HeaderCoder {
    inclusion: TagTree,
    zero_planes: TagTree,
    /// The blocks of the header read last.
    pub(crate) entries: Vec<BlockEntry>,
    /// Lengths of their segments, bytes.
    pub(crate) lengths: Vec<u32>,
}

impl HeaderCoder {
    /// Reads a header and returns its length in bytes. An empty subband is left out of `precincts`' order by a size of 0.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        precincts: &[Precinct],
        bypass: bool,
    ) -> Result<usize, Error> {
        self.entries.clear();
        self.lengths.clear();
        let mut bits = HeaderReader::new(bytes);
        if !bits.bit()? {
            return bits.finish();
        }
        for (band, precinct) in precincts.iter().enumerate() {
            if precinct.across * precinct.down == 0 {
                continue;
            }
            self.inclusion.reset(precinct.across, precinct.down);
            self.zero_planes.reset(precinct.across, precinct.down);
            for y in 0..precinct.down {
                for x in 0..precinct.across {
                    if self.inclusion.read_is_zero(x, y, &mut bits)? {
                        let zero_planes = self.zero_planes.read(x, y, &mut bits)?;
                        let planes = u32::from(precinct.planes).checked_sub(zero_planes);
                        let planes = planes
                            .ok_or(Error::Packet { reason: "a block has less than no bit planes" })?
                            as u8;
                        self.read_block(
                            BlockEntry { band, x, y, planes, passes: 0, first_length: 0, segments: 0 },
                            bypass,
                            &mut bits,
                        )?;
                    }
                }
            }
        }
        bits.finish()
    }

    /// Number of passes and lengths of segments (B.10.6, B.10.7).
    fn read_block(
        &mut self,
        mut entry: BlockEntry,
        bypass: bool,
        bits: &mut HeaderReader<'_>,
    ) -> Result<(), Error> {
        if entry.planes > MAX_PLANES {
            return Err(Error::Packet { reason: "a block has more than 30 bit planes" });
        }
        entry.passes = read_passes(bits)?;
        entry.first_length = self.lengths.len();
        let length_bits = 3 + bits.run_of(true, MAX_LENGTH_BITS)?;
        let mut pass = 0;
        while pass < entry.passes {
            let count = passes_of_segment(pass, bypass).min(entry.passes - pass);
            let width = length_bits + count.ilog2();
            if width > MAX_LENGTH_BITS {
                return Err(Error::Packet { reason: "a length has more than 32 bits" });
            }
            self.lengths.push(bits.bits(width)?);
            pass += count;
        }
        entry.segments = self.lengths.len() - entry.first_length;
        self.entries.push(entry);
        Ok(())
    }

    /// Appends the header of a packet. `blocks` are those of the precincts, row by row. OpenJPEG writes headers of packets
    /// without any data in full, and so does this.
    pub(crate) fn write(&mut self, precincts: &[Precinct], blocks: &[CodedEntry<'_>], out: &mut Vec<u8>) {
        let mut bits = HeaderWriter::new(out);
        bits.put(1, 1);
        let mut rest = blocks;
        for precinct in precincts.iter().filter(|p| p.across * p.down > 0) {
            let (own, behind) = rest.split_at(precinct.across * precinct.down);
            rest = behind;
            self.inclusion.reset(precinct.across, precinct.down);
            self.zero_planes.reset(precinct.across, precinct.down);
            for (n, block) in own.iter().enumerate() {
                let (x, y) = (n % precinct.across, n / precinct.across);
                self.inclusion.set(x, y, u8::from(block.passes.is_empty()));
                self.zero_planes.set(x, y, precinct.planes - block.planes);
            }
            for (n, block) in own.iter().enumerate() {
                let (x, y) = (n % precinct.across, n / precinct.across);
                self.inclusion.write_is_zero(x, y, &mut bits);
                if !block.passes.is_empty() {
                    self.zero_planes.write(x, y, &mut bits);
                    write_block(block, &mut bits);
                }
            }
        }
        bits.finish();
    }
}

/// Lengths of the segments of a block with the number of their passes.
fn segments<'a>(block: &'a CodedEntry<'_>) -> impl Iterator<Item = (u32, u32)> + 'a {
    let (mut start, mut first) = (0, 0);
    let ends = block.passes.iter().enumerate();
    ends.filter(|(n, pass)| pass.terminated || n + 1 == block.passes.len()).map(move |(n, pass)| {
        let segment = (pass.end - start, (n + 1 - first) as u32);
        (start, first) = (pass.end, n + 1);
        segment
    })
}

fn write_block(block: &CodedEntry<'_>, bits: &mut HeaderWriter<'_>) {
    write_passes(block.passes.len() as u32, bits);
    let needed = |(len, passes): (u32, u32)| (32 - len.leading_zeros()).saturating_sub(passes.ilog2());
    let length_bits = segments(block).map(needed).max().unwrap_or(0).max(3);
    bits.put_run(true, length_bits - 3);
    for (len, passes) in segments(block) {
        bits.put(len, length_bits + passes.ilog2());
    }
}

/// Number of passes (table B.4).
fn read_passes(bits: &mut HeaderReader<'_>) -> Result<u32, Error> {
    for (width, first) in [(1, 1), (1, 2), (2, 3), (5, 6)] {
        let value = bits.bits(width)?;
        if value + 1 < 1 << width {
            return Ok(first + value);
        }
    }
    Ok(37 + bits.bits(7)?)
}

fn write_passes(count: u32, bits: &mut HeaderWriter<'_>) {
    match count {
        0..=1 => bits.put(0, 1),
        2 => bits.put(0b10, 2),
        3..=5 => bits.put(0b1100 | (count - 3), 4),
        6..=36 => bits.put(0b1111 << 5 | (count - 6), 9),
        _ => bits.put(0b1_1111_1111 << 7 | (count - 37), 16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_passes_come_back() {
        for count in 1..=164 {
            let mut bytes = Vec::new();
            let mut writer = HeaderWriter::new(&mut bytes);
            write_passes(count, &mut writer);
            writer.finish();
            assert_eq!(read_passes(&mut HeaderReader::new(&bytes)).unwrap(), count);
        }
    }

    #[test]
    fn headers_come_back() {
        let precincts = [
            Precinct { across: 3, down: 2, planes: 17 },
            Precinct { across: 0, down: 2, planes: 17 },
            Precinct { across: 1, down: 1, planes: 9 },
        ];
        for bypass in [false, true] {
            let passes: Vec<Vec<Pass>> = (0..7)
                .map(|n| {
                    let count = [40, 0, 1, 13, 5, 2, 22][n];
                    let ends = |p: u32| Pass {
                        end: 3 * p * p + 1,
                        terminated: p + 1 == count || bypass && p >= 9 && p % 3 != 1,
                    };
                    (0..count).map(ends).collect()
                })
                .collect();
            let entry =
                |n: usize| CodedEntry { planes: if n == 1 { 0 } else { n as u8 + 1 }, passes: &passes[n] };
            let blocks: Vec<_> = (0..7).map(entry).collect();
            let mut bytes = Vec::new();
            let mut coder = HeaderCoder::default();
            coder.write(&precincts, &blocks, &mut bytes);
            assert_eq!(coder.read(&bytes, &precincts, bypass).unwrap(), bytes.len());
            assert_eq!(coder.entries.len(), 6);
            for found in &coder.entries {
                let expected = &blocks[if found.band == 2 { 6 } else { 3 * found.y + found.x }];
                assert_eq!((found.planes, found.passes), (expected.planes, expected.passes.len() as u32));
                let lengths = &coder.lengths[found.first_length..][..found.segments];
                assert!(segments(expected).map(|s| s.0).eq(lengths.iter().copied()));
            }
            for len in 0..bytes.len() {
                assert!(coder.read(&bytes[..len], &precincts, bypass).is_err());
            }
        }
    }
}
