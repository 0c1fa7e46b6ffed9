//! From the packets of a tile to samples.

use super::coefficients::Coefficients;
use super::geometry::Band;
use super::target::{Request, Target};
use super::{Rect, Resolution, TileGeometry};
use crate::block::{BlockDecoder, CodedBlock};
use crate::codestream::{Codestream, CodingStyle, Header, be16, marker};
use crate::error::Error;
use crate::isa::{Isa, Level, versions};
use crate::packet::{HeaderCoder, Precinct};
use crate::wavelet::{Synthesis, SynthesisLevel};

/// Bytes of a SOP segment.
const SOP_BYTES: usize = 6;

impl Codestream<'_> {
    /// The samples that a request gives, on the grid of the reduced image: width and height are those of each plane, and the
    /// upper left corner is its place in the image. Empty for a tile that does not exist.
    pub fn output_area(&self, tile: usize, request: &Request) -> Rect {
        let area = self.header().size.tile_area(tile);
        request.region.map_or(area, |region| area.intersection(&region)).reduced(request.reduce.into())
    }
}

/// Decodes tiles. Keeps its memory from tile to tile.
pub struct Decoder {
    isa: Isa,
    headers: HeaderCoder,
    blocks: BlockDecoder,
    coefficients: Coefficients,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder with the best instructions of this processor.
    pub fn new() -> Self {
        Self::with(Isa::detect())
    }

    /// A decoder with the instructions that every processor of this kind has: for comparisons.
    pub fn portable() -> Self {
        Self::with(Isa::baseline())
    }

    fn with(isa: Isa) -> Self {
        Self {
            isa,
            headers: HeaderCoder::default(),
            blocks: BlockDecoder::new(isa),
            coefficients: Coefficients::default(),
        }
    }

    /// Decodes a tile, or the part of it that is asked for. The size of the output is that of [`Codestream::output_area`].
    ///
    /// # Errors
    /// [`Error::Argument`] if request or target do not fit the stream; [`Error::Tile`] and [`Error::Packet`] if data are
    /// missing or damaged. The target may have been written in part then. The data of code-blocks have no checksum: damage
    /// there gives wrong samples.
    pub fn decode_tile(
        &mut self,
        stream: &Codestream<'_>,
        tile: usize,
        request: &Request,
        target: &mut dyn Target,
    ) -> Result<(), Error> {
        let header = stream.header();
        if request.reduce > header.style.decompositions {
            let expected = format!("at most {} halvings", header.style.decompositions);
            return Err(Error::Argument { field: "resolution", expected, found: request.reduce.to_string() });
        }
        if tile >= stream.tile_count() {
            return Err(Error::Tile { tile, reason: "does not exist" });
        }
        let output = stream.output_area(tile, request);
        let count = usize::from(header.style.decompositions - request.reduce) + 1;
        let area = header.size.tile_area(tile);
        let packets = stream.packets(tile)?;
        let geometry = TileGeometry::new(header, area, count);
        // A packet has at least one byte. Nothing is allocated for a stream that cannot hold what its header announces.
        let components = usize::from(header.size.components);
        let announced: u64 = geometry.resolutions.iter().map(|r| u64::from(r.precinct_count())).sum();
        if announced * components as u64 > packets.len() as u64 {
            return Err(Error::Packet { reason: "the tile has fewer bytes than packets" });
        }
        if output.is_empty() {
            return Ok(());
        }
        let transformed = header.style.colour_transform;
        let wanted = (0..components).filter(|&n| request.needs(n, transformed)).collect();
        self.coefficients.reset(&geometry, wanted);
        self.decode_packets(header, &packets, &geometry, &needed(&geometry, output))?;
        self.write_samples(header, &geometry, output, request, target)
    }

    /// Walks over the packets (B.12.1.1) and decodes their blocks.
    fn decode_packets(
        &mut self,
        header: &Header,
        packets: &[u8],
        geometry: &TileGeometry,
        needed: &[Rect],
    ) -> Result<(), Error> {
        let mut rest = packets;
        for (resolution, needed) in geometry.resolutions.iter().zip(needed) {
            for component in 0..usize::from(header.size.components) {
                let component = self.coefficients.components.iter().position(|&n| n == component);
                for precinct in 0..resolution.precinct_count() {
                    let place = Place { resolution, needed, precinct, component };
                    rest = self.decode_packet(&header.style, rest, &place)?;
                }
            }
        }
        Ok(())
    }

    /// Decodes a packet and returns what follows it.
    fn decode_packet<'a>(
        &mut self,
        style: &CodingStyle,
        bytes: &'a [u8],
        place: &Place<'_>,
    ) -> Result<&'a [u8], Error> {
        let damaged = || Error::Packet { reason: "it reaches beyond the tile" };
        let mut rest = bytes;
        if style.start_markers && be16(rest, 0) == Some(marker::SOP) {
            rest = rest.get(SOP_BYTES..).ok_or_else(damaged)?;
        }
        let Place { resolution, precinct, .. } = *place;
        let mut counts = [Precinct { across: 0, down: 0, planes: 0 }; 3];
        for (counts, band) in counts.iter_mut().zip(&resolution.bands) {
            *counts = resolution.blocks(band, precinct).counts;
        }
        let len = self.headers.read(rest, &counts[..resolution.bands.len()], style.bypass)?;
        rest = rest.get(len..).ok_or_else(damaged)?;
        if style.end_markers {
            if be16(rest, 0) != Some(marker::EPH) {
                return Err(Error::Packet { reason: "its header does not end in EPH" });
            }
            rest = &rest[2..];
        }
        for entry in &self.headers.entries {
            let lengths = &self.headers.lengths[entry.first_length..entry.first_length + entry.segments];
            let len = lengths.iter().map(|&len| u64::from(len)).sum::<u64>();
            let len = usize::try_from(len).ok().filter(|len| *len <= rest.len()).ok_or_else(damaged)?;
            let (bytes, behind) = rest.split_at(len);
            rest = behind;
            let band = &resolution.bands[entry.band];
            let area = resolution.blocks(band, precinct).block(entry.x, entry.y);
            let Some(component) = place.component.filter(|_| !area.intersection(place.needed).is_empty())
            else {
                continue;
            };
            self.blocks.decode(&CodedBlock {
                width: area.width() as usize,
                height: area.height() as usize,
                orientation: band.orientation,
                planes: entry.planes,
                passes: entry.passes,
                bypass: style.bypass,
                segments: lengths,
                bytes,
            });
            let stride = band.area.width() as usize;
            let corner = (area.y0 - band.area.y0) as usize * stride + (area.x0 - band.area.x0) as usize;
            self.blocks.store(&mut self.coefficients.band_mut(component, band)[corner..], stride);
        }
        Ok(rest)
    }

    /// Transforms the coefficients back and writes the rows of the output.
    fn write_samples(
        &mut self,
        header: &Header,
        geometry: &TileGeometry,
        output: Rect,
        request: &Request,
        target: &mut dyn Target,
    ) -> Result<(), Error> {
        let Some(top) = geometry.resolutions.last() else { return Ok(()) };
        let count = self.coefficients.components.len();
        let mut uniform: Vec<_> =
            (0..count).map(|place| self.coefficients.uniform(place, geometry)).collect();
        // The first three components are there if any of them is wanted.
        let wanted = |place: &usize| request.wants(self.coefficients.components[*place]);
        let colours = header.style.colour_transform && self.coefficients.components.starts_with(&[0, 1, 2]);
        let (left, width) = ((output.x0 - top.area.x0) as usize, output.width() as usize);
        let bits = header.size.bits;
        if colours {
            uniform_colours(&mut uniform);
        }
        for place in (0..count).filter(wanted) {
            if let Some(value) = uniform[place] {
                let component = self.coefficients.components[place];
                fill(self.isa, value, bits, &output, component, target)?;
            }
        }
        let mut components: Vec<Option<Synthesis<'_>>> = Vec::with_capacity(count);
        for (place, uniform) in uniform.iter().enumerate() {
            let levels = || synthesis(self.isa, geometry, |band| self.coefficients.band(place, band));
            components.push(uniform.is_none().then(levels));
        }
        for component in components.iter_mut().flatten() {
            (top.area.y0..output.y0).for_each(|_| component.skip_row());
        }
        let colours = colours && uniform[0].is_none();
        for row in 0..output.height() as usize {
            let rows: Vec<Option<&[i32]>> =
                components.iter_mut().map(|c| c.as_mut().map(|c| &c.row()[left..left + width])).collect();
            for place in (0..count).filter(wanted) {
                let Some(line) = rows[place] else { continue };
                let out = target.row(self.coefficients.components[place], row);
                Error::same("width of a row of the target", width, out.len())?;
                match rows[..] {
                    [Some(a), Some(b), Some(c), ..] if colours && place < 3 => {
                        colour_samples(self.isa, [a, b, c], place, out, bits);
                    }
                    _ => to_samples(self.isa, line, out, bits),
                }
            }
        }
        Ok(())
    }
}

/// Transforms the only values of three components if all have but one.
fn uniform_colours(uniform: &mut [Option<i32>]) {
    let [a, b, c, ..] = uniform else { return };
    let all = a.zip(*b).zip(*c).map(|((a, b), c)| inverse_colours([a, b, c]));
    [*a, *b, *c] = [0, 1, 2].map(|component| all.map(|values| values[component]));
}

/// Writes a component of one value.
fn fill(
    isa: Isa,
    value: i32,
    bits: u8,
    output: &Rect,
    component: usize,
    target: &mut dyn Target,
) -> Result<(), Error> {
    let mut sample = [0];
    to_samples(isa, &[value], &mut sample, bits);
    if target.uniform(component, sample[0]) {
        return Ok(());
    }
    for row in 0..output.height() as usize {
        let out = target.row(component, row);
        Error::same("width of a row of the target", output.width() as usize, out.len())?;
        out.fill(sample[0]);
    }
    Ok(())
}

/// A packet: its resolution, the part that is needed of it, its precinct, and the place of its component among those that are
/// decoded.
struct Place<'a> {
    resolution: &'a Resolution,
    needed: &'a Rect,
    precinct: u32,
    component: Option<usize>,
}

/// Per resolution the coefficients that the output is made of, on the grid of its subbands.
fn needed(geometry: &TileGeometry, output: Rect) -> Vec<Rect> {
    let mut needed = vec![output; geometry.resolutions.len()];
    let mut area = output;
    for (number, needed) in needed.iter_mut().enumerate().rev() {
        if number > 0 {
            area = area.sources();
        }
        *needed = area;
    }
    needed
}

/// The levels of a component over its lowest resolution that is not empty, or the one below.
fn synthesis<'a>(
    isa: Isa,
    geometry: &TileGeometry,
    coefficients: impl Fn(&Band) -> Option<&'a [i32]>,
) -> Synthesis<'a> {
    let resolutions = &geometry.resolutions;
    let first = resolutions.iter().position(|r| !r.area.is_empty()).unwrap_or(0).max(1);
    let band = |resolution: &Resolution, n: usize| coefficients(&resolution.bands[n]);
    let levels: Vec<_> = resolutions[first.min(resolutions.len())..]
        .iter()
        .map(|r| SynthesisLevel {
            area: r.area,
            high_low: band(r, 0),
            low_high: band(r, 1),
            high_high: band(r, 2),
        })
        .collect();
    let lowest = &resolutions[first - 1];
    Synthesis::new(isa, lowest.area, if lowest.area.is_empty() { None } else { band(lowest, 0) }, &levels)
}

versions! {
    /// Coefficients as samples.
    fn to_samples(row: &[i32], out: &mut [u16], bits: u8) = to_samples_body
}

#[inline(always)]
fn to_samples_body<L: Level>(_: L, row: &[i32], out: &mut [u16], bits: u8) {
    for (out, &value) in out.iter_mut().zip(row) {
        *out = sample(value, bits);
    }
}

versions! {
    /// A component of three as samples, with the colour transform undone.
    fn colour_samples(rows: [&[i32]; 3], component: usize, out: &mut [u16], bits: u8) = colour_samples_body
}

#[inline(always)]
fn colour_samples_body<L: Level>(_: L, rows: [&[i32]; 3], component: usize, out: &mut [u16], bits: u8) {
    let [first, second, third] = rows;
    let values = first.iter().zip(second).zip(third).map(|((a, b), c)| inverse_colours([*a, *b, *c]));
    let out = out.iter_mut().zip(values);
    match component {
        0 => out.for_each(|(out, values)| *out = sample(values[0], bits)),
        1 => out.for_each(|(out, values)| *out = sample(values[1], bits)),
        _ => out.for_each(|(out, values)| *out = sample(values[2], bits)),
    }
}

/// The inverse reversible component transform (G.2.2).
#[inline(always)]
fn inverse_colours([first, second, third]: [i32; 3]) -> [i32; 3] {
    let green = first.wrapping_sub(second.wrapping_add(third) >> 2);
    [third.wrapping_add(green), green, second.wrapping_add(green)]
}

/// Adds the level shift (G.1.2) and limits a sample to its range.
#[inline(always)]
fn sample(value: i32, bits: u8) -> u16 {
    let (shift, highest) = (1 << (bits - 1), (1 << bits) - 1);
    value.saturating_add(shift).clamp(0, highest) as u16
}
