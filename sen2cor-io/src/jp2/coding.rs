//! Coding parameters of Sentinel-2 images, as read from the headers of operational files.
//!
//! All are reversible 5-3 with one layer in LRCP order. Level-2A reflectance, aerosol and water vapour images share
//! the parameters of the Level-1C bands.

use super::codec::TileToEncode;
use super::error::Jp2Error;
use super::markers;
use crate::limits::MAX_TILE_SAMPLES;
use sen2cor_core::grid::Resolution;
use sen2cor_jpeg2000::{CodingStyle, Header, ImageSize};
use serde::{Deserialize, Serialize};

/// How the tiles of an image are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Coding {
    /// Edge of a tile, pixels.
    pub tile: u32,
    /// Edge of a code-block, samples; a power of two from 4 to 64.
    pub code_block: u32,
    /// Edge of a precinct at all resolutions, samples; a power of two.
    pub precinct: u32,
    /// Number of wavelet decompositions.
    pub decompositions: u8,
    /// Bits per sample, unsigned.
    pub bits: u8,
    /// Number of components.
    pub components: u16,
    /// Whether three components are coded as luminance and two colour differences.
    pub colour_transform: bool,
}

impl Coding {
    /// Reflectance, aerosol optical thickness and water vapour: 15 bits.
    pub const fn reflectance(resolution: Resolution) -> Self {
        let (tile, code_block, precinct) = match resolution {
            Resolution::R10 => (1024, 64, 256),
            Resolution::R20 => (640, 8, 128),
            Resolution::R60 => (192, 4, 64),
        };
        Self {
            tile,
            code_block,
            precinct,
            decompositions: 4,
            bits: 15,
            components: 1,
            colour_transform: false,
        }
    }

    /// Scene classification and probability masks: as reflectance, with 8 bits.
    pub const fn byte_image(resolution: Resolution) -> Self {
        Self { bits: 8, ..Self::reflectance(resolution) }
    }

    /// True colour image: three components of 8 bits.
    pub const fn true_colour(resolution: Resolution) -> Self {
        Self { components: 3, colour_transform: true, ..Self::byte_mask(resolution, 1) }
    }

    /// Raster masks of a Level-1C product: detector footprints (1 component), classification (3) and quality (8).
    /// Three components are colour transformed as in operational files. Those transform the first three of eight as
    /// well, which this coding does not.
    pub const fn byte_mask(resolution: Resolution, components: u16) -> Self {
        let (tile, code_block, precinct, decompositions) = match resolution {
            Resolution::R10 => (1024, 64, 256, 4),
            Resolution::R20 => (2048, 64, 256, 5),
            Resolution::R60 => (256, 16, 128, 4),
        };
        let colour_transform = components == 3;
        Self { tile, code_block, precinct, decompositions, bits: 8, components, colour_transform }
    }

    /// Preview image of 343 x 343 pixels of 320 m: three components of 8 bits in tiles of 8 x 8.
    pub const fn preview() -> Self {
        Self {
            tile: 8,
            code_block: 16,
            precinct: 128,
            decompositions: 4,
            bits: 8,
            components: 3,
            colour_transform: true,
        }
    }

    /// Upper bound of the length of a tile-part, bytes. Uniform noise, the worst case, was measured to need up to
    /// one and a half bits per sample more than its depth, and each code-block some bytes of its own.
    pub const fn tile_capacity(&self) -> usize {
        let samples = self.tile as usize * self.tile as usize * self.components as usize;
        let blocks = samples / (self.code_block as usize * self.code_block as usize);
        samples * (self.bits as usize + 2) / 8 + 4 * blocks + 4096
    }

    /// Refuses parameters that JPEG 2000 or this crate cannot do.
    pub(super) fn check(&self) -> Result<(), Jp2Error> {
        let wrong = |field, expected: &str, found: String| {
            Err(Jp2Error::Contradiction { field, expected: expected.to_owned(), found })
        };
        if !self.code_block.is_power_of_two() || !(4..=64).contains(&self.code_block) {
            return wrong("edge of a code-block", "a power of two from 4 to 64", self.code_block.to_string());
        }
        if !self.precinct.is_power_of_two() || !(2..=1 << 15).contains(&self.precinct) {
            return wrong("edge of a precinct", "a power of two from 2 to 32768", self.precinct.to_string());
        }
        if self.decompositions > 15 {
            return wrong("number of decompositions", "at most 15", self.decompositions.to_string());
        }
        if !(1..=16).contains(&self.bits) {
            return wrong("bits per sample", "1 to 16", self.bits.to_string());
        }
        if !(1..=16).contains(&self.components) || self.colour_transform && self.components != 3 {
            return wrong(
                "number of components",
                "1 to 16, 3 with a colour transform",
                self.components.to_string(),
            );
        }
        let samples = u64::from(self.tile) * u64::from(self.tile) * u64::from(self.components);
        if self.tile == 0 || samples > MAX_TILE_SAMPLES {
            return wrong("edge of a tile", "1 to 2^28 samples in a tile", self.tile.to_string());
        }
        Ok(())
    }

    /// The header of a stream that holds only this tile, at its place in the image.
    pub(super) fn header_of(&self, tile: &TileToEncode<'_>) -> Result<Header, Jp2Error> {
        let fits = |value: usize| {
            u32::try_from(value).map_err(|_| Jp2Error::tile(tile.tile.into(), "is too far out"))
        };
        let window = tile.window;
        let start = [fits(window.col)?, fits(window.row)?];
        let end = [fits(window.col + window.cols)?, fits(window.row + window.rows)?];
        let (block, precinct) = (self.code_block.ilog2() as u8, self.precinct.ilog2() as u8);
        let style = CodingStyle {
            colour_transform: self.colour_transform,
            ..CodingStyle::square(self.decompositions, block, precinct)
        };
        let (components, bits) = (self.components, self.bits);
        let size = ImageSize { end, start, tile: [self.tile; 2], tile_start: start, components, bits };
        Header::new(size, style).map_err(Jp2Error::from)
    }

    /// Contents of COD without marker and length (A.6.1): precincts given, LRCP, one layer, no block style flags.
    pub(super) fn cod(&self) -> Vec<u8> {
        let block = (self.code_block.max(4).ilog2() - 2) as u8;
        let precinct = self.precinct.max(1).ilog2() as u8;
        let mut out =
            vec![1, 0, 0, 1, u8::from(self.colour_transform), self.decompositions, block, block, 0, 1];
        out.extend((0..=self.decompositions).map(|_| precinct << 4 | precinct));
        out
    }

    /// Contents of QCD without marker and length (A.6.4) for reversible coding: guard bits and one exponent per
    /// subband, lowest resolution first. A decoder only uses guard bits + exponent - 1, the number of bit planes
    /// (E.1.1), so a guard bit less and exponents one higher mean the same. OpenJPEG's planes: 1 + bits + gain.
    pub(super) fn qcd(&self, guard_bits: u8) -> Vec<u8> {
        let exponent = |gain: u8| (self.bits + 2 + gain - guard_bits) << 3;
        let mut out = vec![guard_bits << 5, exponent(0)];
        for _ in 0..self.decompositions {
            out.extend([exponent(1), exponent(1), exponent(2)]);
        }
        out
    }

    /// COD and QCD segments of the main header, with one guard bit as in operational files.
    pub(super) fn header_segments(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (marker, contents) in [(markers::COD, self.cod()), (markers::QCD, self.qcd(1))] {
            out.extend_from_slice(&marker.to_be_bytes());
            out.extend_from_slice(&(contents.len() as u16 + 2).to_be_bytes());
            out.extend_from_slice(&contents);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_operational_files() {
        // COD and the start of QCD of real 60 m, 20 m mask and preview files. Exponents of the two finest levels
        // differ: Kakadu needs fewer planes there.
        assert_eq!(Coding::reflectance(Resolution::R60).cod()[..10], [1, 0, 0, 1, 0, 4, 0, 0, 0, 1]);
        assert_eq!(Coding::reflectance(Resolution::R60).cod()[10..], [0x66; 5]);
        assert_eq!(Coding::byte_mask(Resolution::R20, 1).cod()[..10], [1, 0, 0, 1, 0, 5, 4, 4, 0, 1]);
        assert_eq!(Coding::byte_mask(Resolution::R20, 1).cod()[10..], [0x88; 6]);
        for colour in [Coding::byte_mask(Resolution::R60, 3), Coding::preview()] {
            assert_eq!(colour.cod()[..10], [1, 0, 0, 1, 1, 4, 2, 2, 0, 1]);
            assert_eq!(colour.cod()[10..], [0x77; 5]);
        }
        let qcd = Coding::reflectance(Resolution::R60).qcd(1);
        assert_eq!(qcd[..8], [0x20, 0x80, 0x88, 0x88, 0x90, 0x88, 0x88, 0x90]);
        assert_eq!(qcd.len(), 14);
    }
}
