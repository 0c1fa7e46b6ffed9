//! From samples to the tile-part of a tile.

use super::rate;
use super::{Rect, Resolution, TileGeometry};
use crate::block::{BlockEncoder, BlockSamples, Pass};
use crate::codestream::{Header, TilePartWriter};
use crate::error::Error;
use crate::isa::{Isa, Level, versions};
use crate::packet::{CodedEntry, HeaderCoder, Precinct};
use crate::wavelet::{Analysis, AnalysisLevel};
use std::ops::Range;

/// The samples of a tile.
pub trait Source {
    /// Writes a row of a component into `out`, which has the width of the tile. Rows count from the upper border of the tile,
    /// samples are 0 to 2^bits - 1.
    fn read_row(&self, component: usize, row: usize, out: &mut [i32]);
}

/// How a tile-part is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Whether the lengths of packets are listed (PLT); default true.
    pub packet_lengths: bool,
    /// Most bytes of the tile-part with its header. Coding passes are dropped, those of least weight first, until it fits: the
    /// coding is not lossless then. Default `None`.
    pub max_bytes: Option<usize>,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { packet_lengths: true, max_bytes: None }
    }
}

/// A code-block that was coded.
#[derive(Clone, Debug)]
pub(super) struct BlockRecord {
    pub(super) planes: u8,
    /// Its passes in [`Encoder::passes`].
    pub(super) passes: Range<usize>,
    /// Where its code starts in [`Encoder::code`].
    pub(super) start: usize,
    /// How much its lowest plane weighs, as an exponent of 2.
    pub(super) weight: f32,
}

/// Encodes tiles. Keeps its memory from tile to tile.
pub struct Encoder {
    isa: Isa,
    headers: HeaderCoder,
    blocks: BlockEncoder,
    coefficients: Vec<i32>,
    /// Blocks in the order of packets, their passes and their code.
    pub(super) records: Vec<BlockRecord>,
    pub(super) passes: Vec<Pass>,
    code: Vec<u8>,
    /// Packets and the length of each.
    packets: Vec<u8>,
    lengths: Vec<u32>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder with the best instructions of this processor.
    pub fn new() -> Self {
        Self::with(Isa::detect())
    }

    /// An encoder with the instructions that every processor of this kind has: for comparisons.
    pub fn portable() -> Self {
        Self::with(Isa::baseline())
    }

    fn with(isa: Isa) -> Self {
        Self {
            isa,
            headers: HeaderCoder::default(),
            blocks: BlockEncoder::new(isa),
            coefficients: Vec::new(),
            records: Vec::new(),
            passes: Vec::new(),
            code: Vec::new(),
            packets: Vec::new(),
            lengths: Vec::new(),
        }
    }

    /// Encodes a tile and appends its tile-part, from SOT to the last packet, to `out`.
    ///
    /// # Errors
    /// [`Error::Tile`] if there is no such tile or it cannot be made as small as asked for, [`Error::Sample`] if a sample is out of
    /// range, [`Error::Planes`] if colour differences are so extreme that the header's bit planes do not hold their coefficients;
    /// `out` is left as it was then.
    pub fn encode_tile(
        &mut self,
        header: &Header,
        tile: usize,
        options: &EncodeOptions,
        source: &dyn Source,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let area = header.size.tile_area(tile);
        let number = u16::try_from(tile).ok().filter(|_| !area.is_empty());
        let number = number.ok_or(Error::Tile { tile, reason: "does not exist" })?;
        let geometry = TileGeometry::new(header, area, usize::from(header.style.decompositions) + 1);
        let components = usize::from(header.size.components);
        self.coefficients.resize(geometry.coefficients * components, 0);
        self.transform(header, &geometry, area, source)?;
        self.code_blocks(header, &geometry)?;
        let part = TilePartWriter { tile: number, packet_lengths: options.packet_lengths };
        let kept = match options.max_bytes {
            Some(limit) => {
                let order = rate::order(&self.records);
                rate::fit(order.len(), |count| {
                    let kept = rate::kept(&self.records, &order, count);
                    self.write_packets(&geometry, components, &kept);
                    self.packets.len() + part.header_bytes(&self.lengths) <= limit
                })
                .map(|count| rate::kept(&self.records, &order, count))
                .ok_or(Error::Tile { tile, reason: "does not fit the bytes that are allowed" })?
            }
            None => self.records.iter().map(|record| record.passes.len()).collect(),
        };
        self.write_packets(&geometry, components, &kept);
        let start = out.len();
        part.write(&self.packets, &self.lengths, out).inspect_err(|_| out.truncate(start))
    }

    /// Reads the rows, shifts their level (G.1.1), transforms colours (G.2.1) and samples.
    fn transform(
        &mut self,
        header: &Header,
        geometry: &TileGeometry,
        area: Rect,
        source: &dyn Source,
    ) -> Result<(), Error> {
        let components = self.coefficients.chunks_exact_mut(geometry.coefficients);
        let mut components: Vec<_> = components.map(|own| analysis(self.isa, geometry, own)).collect();
        let mut lines = vec![vec![0; area.width() as usize]; components.len()];
        for row in 0..area.height() as usize {
            for (component, line) in lines.iter_mut().enumerate() {
                source.read_row(component, row, line);
                let mut bits_used = 0;
                shift_level(self.isa, line, header.size.bits, &mut bits_used);
                if bits_used >> header.size.bits != 0 {
                    let shift = 1 << (header.size.bits - 1);
                    let outside = |&&sample: &&i32| sample < -shift || sample >= shift;
                    let value = line.iter().find(outside).map_or(0, |sample| sample.wrapping_add(shift));
                    return Err(Error::Sample { value, bits: header.size.bits });
                }
            }
            if let (true, [first, second, third, ..]) = (header.style.colour_transform, &mut lines[..]) {
                forward_colours(self.isa, first, second, third);
            }
            components.iter_mut().zip(&lines).for_each(|(component, line)| component.push(line));
        }
        Ok(())
    }

    /// Codes all blocks in the order of packets.
    fn code_blocks(&mut self, header: &Header, geometry: &TileGeometry) -> Result<(), Error> {
        self.records.clear();
        self.passes.clear();
        self.code.clear();
        for (number, resolution) in geometry.resolutions.iter().enumerate() {
            let level = (geometry.resolutions.len() - number.max(1)) as u32;
            for component in 0..usize::from(header.size.components) {
                for precinct in 0..resolution.precinct_count() {
                    for n in 0..resolution.bands.len() {
                        let first = component * geometry.coefficients;
                        self.code_precinct(header.style.bypass, resolution, precinct, (n, first, level))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Codes the blocks of a band in a precinct: number of the band, start of the component's coefficients, level.
    fn code_precinct(
        &mut self,
        bypass: bool,
        resolution: &Resolution,
        precinct: u32,
        (n, first, level): (usize, usize, u32),
    ) -> Result<(), Error> {
        let band = &resolution.bands[n];
        let blocks = resolution.blocks(band, precinct);
        let weight = rate::weight(level, band.orientation);
        let stride = band.area.width() as usize;
        for i in 0..blocks.counts.across * blocks.counts.down {
            let area = blocks.block(i % blocks.counts.across, i / blocks.counts.across);
            let corner = (area.y0 - band.area.y0) as usize * stride + (area.x0 - band.area.x0) as usize;
            let planes = self.blocks.encode(&BlockSamples {
                width: area.width() as usize,
                height: area.height() as usize,
                orientation: band.orientation,
                bypass,
                samples: &self.coefficients[first + band.start + corner..],
                stride,
            });
            if planes > band.planes {
                return Err(Error::Planes { announced: band.planes, found: planes });
            }
            let start = self.passes.len();
            self.passes.extend_from_slice(self.blocks.coded_passes());
            self.records.push(BlockRecord {
                planes,
                passes: start..self.passes.len(),
                start: self.code.len(),
                weight,
            });
            self.code.extend_from_slice(self.blocks.bytes());
        }
        Ok(())
    }

    /// Writes all packets with so many passes of each block.
    fn write_packets(&mut self, geometry: &TileGeometry, components: usize, kept: &[usize]) {
        self.packets.clear();
        self.lengths.clear();
        let (mut next, mut entries) = (0, Vec::new());
        for resolution in &geometry.resolutions {
            for precinct in (0..components).flat_map(|_| 0..resolution.precinct_count()) {
                let mut counts = [Precinct { across: 0, down: 0, planes: 0 }; 3];
                for (counts, band) in counts.iter_mut().zip(&resolution.bands) {
                    *counts = resolution.blocks(band, precinct).counts;
                }
                let count: usize = counts.iter().map(|c| c.across * c.down).sum();
                let own = next..next + count;
                next += count;
                entries.clear();
                entries.extend(self.records[own.clone()].iter().zip(&kept[own.clone()]).map(
                    |(record, &kept)| CodedEntry {
                        planes: record.planes,
                        passes: &self.passes[record.passes.clone()][..kept],
                    },
                ));
                let start = self.packets.len();
                self.headers.write(&counts[..resolution.bands.len()], &entries, &mut self.packets);
                for (record, entry) in self.records[own].iter().zip(&entries) {
                    let end = entry.passes.last().map_or(0, |pass| pass.end as usize);
                    self.packets.extend_from_slice(&self.code[record.start..record.start + end]);
                }
                self.lengths.push((self.packets.len() - start) as u32);
            }
        }
    }
}

/// The levels of a component over its lowest resolution that is not empty, or the one below.
fn analysis<'a>(isa: Isa, geometry: &TileGeometry, coefficients: &'a mut [i32]) -> Analysis<'a> {
    let resolutions = &geometry.resolutions;
    let first = resolutions.iter().position(|r| !r.area.is_empty()).unwrap_or(0).max(1);
    let mut rest = coefficients;
    let mut take = |resolution: &Resolution, n: usize| {
        let (band, behind) = std::mem::take(&mut rest).split_at_mut(resolution.bands[n].area.area());
        rest = behind;
        band
    };
    let mut lowest: &mut [i32] = &mut [];
    // Bands lie one after another from the lowest; those of empty resolutions have no coefficients.
    for resolution in &resolutions[..first] {
        for n in 0..resolution.bands.len() {
            let band = take(resolution, n);
            if n == 0 {
                lowest = band;
            }
        }
    }
    let mut levels = Vec::new();
    for resolution in &resolutions[first.min(resolutions.len())..] {
        let (high_low, low_high) = (take(resolution, 0), take(resolution, 1));
        levels.push(AnalysisLevel {
            area: resolution.area,
            high_low,
            low_high,
            high_high: take(resolution, 2),
        });
    }
    Analysis::new(isa, resolutions[first - 1].area, lowest, levels)
}

versions! {
    /// Subtracts the level shift and collects all bits that the samples had.
    fn shift_level(line: &mut [i32], bits: u8, used: &mut u32) = shift_level_body
}

#[inline(always)]
fn shift_level_body<L: Level>(_: L, line: &mut [i32], bits: u8, used: &mut u32) {
    let shift = 1 << (bits - 1);
    let mut all = 0;
    for sample in line {
        all |= *sample as u32;
        *sample = sample.wrapping_sub(shift);
    }
    *used = all;
}

versions! {
    /// Reversible component transform (G.2.1).
    fn forward_colours(first: &mut [i32], second: &mut [i32], third: &mut [i32]) = forward_colours_body
}

#[inline(always)]
fn forward_colours_body<L: Level>(_: L, first: &mut [i32], second: &mut [i32], third: &mut [i32]) {
    for ((first, second), third) in first.iter_mut().zip(second).zip(third) {
        let (red, green, blue) = (*first, *second, *third);
        (*first, *second, *third) = ((red + 2 * green + blue) >> 2, blue - green, red - green);
    }
}
