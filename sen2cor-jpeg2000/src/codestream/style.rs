//! Coding style (ITU-T T.800 A.6.1) and quantisation (A.6.4) of reversible coding.

use super::{Segment, marker};
use crate::error::Error;

/// Most decomposition levels (table A.15).
pub(crate) const MAX_DECOMPOSITIONS: u8 = 32;

/// How the tiles of an image are coded: LRCP, one layer, reversible 5-3 wavelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "flags of the segment")]
pub struct CodingStyle {
    /// Number of wavelet decompositions, 0 to 32.
    pub decompositions: u8,
    /// Nominal width and height of code-blocks as exponents of 2: 2 to 10 each, at most 12 together.
    pub block_exponents: [u8; 2],
    /// Width and height of precincts as exponents of 2, 0 to 15, from the lowest resolution; 0 at the lowest only.
    pub precinct_exponents: [[u8; 2]; 33],
    /// Whether the first three components are transformed to luminance and two colour differences (G.2).
    pub colour_transform: bool,
    /// Whether the arithmetic coder is bypassed in low planes (D.6).
    pub bypass: bool,
    /// Whether packets may begin with SOP segments (A.8.1). Read only.
    pub start_markers: bool,
    /// Whether packet headers end in EPH markers (A.8.2). Read only.
    pub end_markers: bool,
}

impl CodingStyle {
    /// Square code-blocks and precincts, given as exponents of 2, without transform of colours and bypass.
    pub const fn square(decompositions: u8, block_exponent: u8, precinct_exponent: u8) -> Self {
        Self {
            decompositions,
            block_exponents: [block_exponent; 2],
            precinct_exponents: [[precinct_exponent; 2]; 33],
            colour_transform: false,
            bypass: false,
            start_markers: false,
            end_markers: false,
        }
    }

    /// Reads and checks a COD segment.
    pub(super) fn read(segment: &Segment<'_>) -> Result<Self, Error> {
        let &[
            style,
            progression,
            layers_high,
            layers_low,
            transform,
            decompositions,
            width,
            height,
            block_style,
            wavelet,
            ref precincts @ ..,
        ] = segment.contents
        else {
            return Err(segment.wrong("is too short"));
        };
        if style > 7 {
            return Err(segment.wrong("has an unknown style"));
        }
        if progression != 0 {
            return Err(Error::unsupported("a progression other than LRCP", format!("code {progression}")));
        }
        match u16::from_be_bytes([layers_high, layers_low]) {
            0 => return Err(segment.wrong("has no layer")),
            1 => {}
            layers => return Err(Error::unsupported("more than one layer", format!("{layers} layers"))),
        }
        if transform > 1 {
            return Err(Error::unsupported("a component transform of part 2", format!("code {transform}")));
        }
        if block_style & !1 != 0 {
            return Err(Error::unsupported("this code-block style", format!("code {block_style:02X}")));
        }
        match wavelet {
            1 => {}
            0 => return Err(Error::unsupported("the irreversible wavelet", "9-7")),
            _ => return Err(segment.wrong("has an unknown wavelet")),
        }
        let mut found = Self {
            decompositions,
            block_exponents: [width.saturating_add(2), height.saturating_add(2)],
            precinct_exponents: [[15; 2]; 33],
            colour_transform: transform == 1,
            bypass: block_style & 1 != 0,
            start_markers: style & 2 != 0,
            end_markers: style & 4 != 0,
        };
        let announced = if style & 1 != 0 { usize::from(decompositions) + 1 } else { 0 };
        if precincts.len() != announced {
            return Err(segment.wrong("its length does not fit the number of precinct sizes"));
        }
        for (exponents, &code) in found.precinct_exponents.iter_mut().zip(precincts) {
            *exponents = [code & 15, code >> 4];
        }
        found.check().map_err(|error| match error {
            Error::Argument { field, .. } => segment.wrong(field),
            other => other,
        })?;
        Ok(found)
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Argument`] that names what is out of range.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |field, expected: &str, found: String| {
            Err(Error::Argument { field, expected: expected.to_owned(), found })
        };
        if self.decompositions > MAX_DECOMPOSITIONS {
            return wrong("number of decompositions", "at most 32", self.decompositions.to_string());
        }
        let [width, height] = self.block_exponents;
        if !(2..=10).contains(&width) || !(2..=10).contains(&height) || width + height > 12 {
            let found = format!("2^{width} x 2^{height}");
            return wrong("size of code-blocks", "4 to 1024 in each direction, at most 4096 samples", found);
        }
        let used = &self.precinct_exponents[..=usize::from(self.decompositions)];
        let too_large = used.iter().flatten().any(|&e| e > 15);
        if too_large || used.iter().skip(1).flatten().any(|&e| e == 0) {
            return wrong(
                "size of precincts",
                "2^1 to 2^15 above the lowest resolution",
                format!("{used:?}"),
            );
        }
        Ok(())
    }

    /// Appends the segment; precincts are always given.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let precincts = &self.precinct_exponents[..=usize::from(self.decompositions)];
        out.extend_from_slice(&marker::COD.to_be_bytes());
        out.extend_from_slice(&(12 + precincts.len() as u16).to_be_bytes());
        out.extend_from_slice(&[1, 0, 0, 1, self.colour_transform.into(), self.decompositions]);
        let [width, height] = self.block_exponents;
        out.extend_from_slice(&[width - 2, height - 2, self.bypass.into(), 1]);
        out.extend(precincts.iter().map(|[x, y]| y << 4 | x));
    }
}

/// Magnitude bit planes of each subband, LL first, then HL, LH, HH of each resolution: Mb = G + e - 1 (E-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planes([u8; 97]);

impl Planes {
    /// Those of a subband.
    pub(crate) fn of(&self, band: usize) -> u8 {
        self.0[band]
    }

    /// What OpenJPEG announces: two guard bits and exponents of depth + gain.
    pub(crate) fn of_depth(bits: u8, decompositions: u8) -> Self {
        let mut planes = [0; 97];
        planes[0] = bits + 1;
        for three in planes[1..].chunks_exact_mut(3).take(decompositions.into()) {
            three.copy_from_slice(&[bits + 2, bits + 2, bits + 3]);
        }
        Self(planes)
    }

    /// Reads a QCD segment without quantisation.
    pub(super) fn read(segment: &Segment<'_>, decompositions: u8) -> Result<Self, Error> {
        let [style, exponents @ ..] = segment.contents else { return Err(segment.wrong("is too short")) };
        if style & 31 != 0 {
            return Err(Error::unsupported("quantisation", format!("style {}", style & 31)));
        }
        let needed = 3 * usize::from(decompositions) + 1;
        let exponents = exponents.get(..needed).ok_or_else(|| segment.wrong("has too few exponents"))?;
        let mut planes = [0; 97];
        for (planes, exponent) in planes.iter_mut().zip(exponents) {
            *planes = ((style >> 5) + (exponent >> 3)).saturating_sub(1);
        }
        Ok(Self(planes))
    }

    /// Appends the segment with this number of guard bits, 1 or 2; the planes are those of a depth.
    pub(super) fn write(&self, decompositions: u8, guard_bits: u8, out: &mut Vec<u8>) {
        let used = &self.0[..=3 * usize::from(decompositions)];
        out.extend_from_slice(&marker::QCD.to_be_bytes());
        out.extend_from_slice(&(3 + used.len() as u16).to_be_bytes());
        out.push(guard_bits << 5);
        out.extend(used.iter().map(|planes| (planes + 1 - guard_bits) << 3));
    }
}
