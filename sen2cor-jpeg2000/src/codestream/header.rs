//! The main header (ITU-T T.800 A.2).

use super::style::Planes;
use super::{CodingStyle, ImageSize, Limits, Segment, be16, marker};
use crate::error::Error;

/// What the main header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Size of image and tiles.
    pub size: ImageSize,
    /// How tiles are coded.
    pub style: CodingStyle,
    pub(crate) planes: Planes,
}

impl Header {
    /// A header for encoding.
    ///
    /// # Errors
    /// [`Error::Argument`] or [`Error::Limit`] if size or style are out of range or do not fit.
    pub fn new(size: ImageSize, style: CodingStyle) -> Result<Self, Error> {
        size.check(&Limits::default())?;
        style.check()?;
        if style.start_markers || style.end_markers {
            return Err(Error::unsupported("writing SOP and EPH markers", "asked for"));
        }
        let mut header = Self { size, style, planes: Planes::of_depth(size.bits, style.decompositions) };
        // What is not used is the same in all headers.
        header.style.precinct_exponents[usize::from(style.decompositions) + 1..].fill([15; 2]);
        header.check_components()?;
        Ok(header)
    }

    /// The header of a stream that holds one tile only, where it lies in the image. The tile has the number 0 there; its
    /// samples and packets are the same.
    #[must_use]
    pub fn of_tile(&self, tile: usize) -> Self {
        let (area, [across, _]) = (self.size.tile_area(tile), self.size.tile_counts());
        let steps = [tile % across.max(1) as usize, tile / across.max(1) as usize];
        let origin = |i: usize| {
            self.size.tile_start[i].saturating_add((steps[i] as u32).saturating_mul(self.size.tile[i]))
        };
        let size = ImageSize {
            end: [area.x1, area.y1],
            start: [area.x0, area.y0],
            tile_start: [origin(0), origin(1)],
            ..self.size
        };
        Self { size, ..*self }
    }

    /// Whether both make the same packets of the same tile.
    pub fn codes_like(&self, other: &Self) -> bool {
        (&self.style, &self.planes) == (&other.style, &other.planes)
            && (self.size.components, self.size.bits) == (other.size.components, other.size.bits)
    }

    /// Reads the main header at the start of `bytes`; also returns where the first tile-part is.
    ///
    /// # Errors
    /// If something is damaged, absent, not supported or beyond the limits.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<(Self, usize), Error> {
        if be16(bytes, 0) != Some(marker::SOC) {
            return Err(Error::Marker {
                marker: marker::SOC,
                offset: 0,
                reason: "the codestream does not start here",
            });
        }
        let segment = Segment::read(bytes, 2)?;
        if segment.marker != marker::SIZ {
            return Err(segment.wrong("SIZ does not come first"));
        }
        let size = ImageSize::read(&segment, limits)?;
        let (mut style, mut quantisation, mut at) = (None, None, segment.end);
        while be16(bytes, at) != Some(marker::SOT) {
            let segment = Segment::read(bytes, at)?;
            at = segment.end;
            match segment.marker {
                marker::COD if style.is_none() => style = Some(CodingStyle::read(&segment)?),
                marker::QCD if quantisation.is_none() => quantisation = Some(segment),
                marker::TLM | marker::PLM | marker::CRG | marker::COM => {}
                marker::CAP | marker::COC | marker::QCC | marker::RGN | marker::POC | marker::PPM => {
                    return Err(Error::unsupported(
                        "a segment of the main header",
                        format!("{:04X}", segment.marker),
                    ));
                }
                _ => return Err(segment.wrong("does not belong into the main header")),
            }
        }
        let absent = |marker| Error::Marker { marker, offset: at, reason: "is missing in the main header" };
        let style = style.ok_or_else(|| absent(marker::COD))?;
        let quantisation = quantisation.ok_or_else(|| absent(marker::QCD))?;
        let planes = Planes::read(&quantisation, style.decompositions)?;
        let header = Self { size, style, planes };
        header.check_components()?;
        Ok((header, at))
    }

    /// SOC, SIZ, COD and QCD. With one guard bit the exponents are one higher, as in operational files, with two they are
    /// as OpenJPEG writes them; the number of bit planes is the same.
    pub fn write(&self, guard_bits: GuardBits) -> Vec<u8> {
        let mut out = marker::SOC.to_be_bytes().to_vec();
        self.size.write(&mut out);
        self.style.write(&mut out);
        self.planes.write(self.style.decompositions, guard_bits as u8, &mut out);
        out
    }

    fn check_components(&self) -> Result<(), Error> {
        if self.style.colour_transform && self.size.components < 3 {
            return Err(Error::Argument {
                field: "the transform of colours needs three components",
                expected: "3 or more".to_owned(),
                found: self.size.components.to_string(),
            });
        }
        Ok(())
    }
}

/// How many guard bits a written header announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardBits {
    /// As in operational files of Sentinel-2.
    One = 1,
    /// As OpenJPEG.
    Two = 2,
}
