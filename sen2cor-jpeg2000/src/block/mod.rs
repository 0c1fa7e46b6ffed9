//! Code-blocks: coefficient bit modelling (ITU-T T.800 annex D) on bitmaps.
//!
//! A block of coefficients is coded plane by plane from the most significant bit, each plane in three passes: significance
//! propagation (samples with significant neighbours), magnitude refinement (samples that are significant already) and
//! cleanup (the rest). Which samples belong to a pass follows from bitmaps of 32 samples by a few operations; the passes
//! only walk through the bits that are set.

mod contexts;
mod decode;
mod encode;
mod pieces;
mod raw;

pub(crate) use contexts::Orientation;
pub(crate) use decode::{BlockDecoder, CodedBlock};
pub(crate) use encode::{BlockEncoder, BlockSamples, Pass};

/// Most magnitude bit planes of a block. The decoder keeps one bit below the lowest plane and one for the sign.
pub(crate) const MAX_PLANES: u8 = 30;

/// The three coding passes of a plane in their order (D.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PassKind {
    Significance,
    Refinement,
    Cleanup,
}

/// Where in the sequence of passes a block is. The first plane has a cleanup pass only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PassNumber(u32);

impl PassNumber {
    fn kind(self) -> PassKind {
        match self.0 % 3 {
            0 => PassKind::Cleanup,
            1 => PassKind::Significance,
            _ => PassKind::Refinement,
        }
    }

    /// Planes that lie above.
    fn planes_above(self) -> u32 {
        self.0.div_ceil(3)
    }
}

/// Whether a pass writes raw bits when the arithmetic coder is bypassed: significance and refinement from the fifth plane
/// on (table D.9).
fn is_raw(pass: u32, bypass: bool) -> bool {
    bypass && pass >= 10 && PassNumber(pass).kind() != PassKind::Cleanup
}

/// Passes of the segment that starts with a pass: all, unless the coder is bypassed. Then the first ten share one, and raw
/// pairs and cleanup passes take turns (table D.9).
pub(crate) fn passes_of_segment(first: u32, bypass: bool) -> u32 {
    match first {
        _ if !bypass => u32::MAX,
        0 => 10,
        _ if is_raw(first, bypass) => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::PassKind::{Cleanup, Refinement, Significance};
    use super::*;

    #[test]
    fn passes_take_turns() {
        let kinds: Vec<_> = (0..5).map(|n| (PassNumber(n).kind(), PassNumber(n).planes_above())).collect();
        assert_eq!(
            kinds,
            [(Cleanup, 0), (Significance, 1), (Refinement, 1), (Cleanup, 1), (Significance, 2)]
        );
        let mut first = 0;
        let mut segments = Vec::new();
        while first < 17 {
            segments.push((first, passes_of_segment(first, true), is_raw(first, true)));
            first += passes_of_segment(first, true);
        }
        assert_eq!(
            segments,
            [(0, 10, false), (10, 2, true), (12, 1, false), (13, 2, true), (15, 1, false), (16, 2, true)]
        );
        assert_eq!(passes_of_segment(0, false), u32::MAX);
    }
}
