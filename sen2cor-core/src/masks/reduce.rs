//! Flags of source pixels on the grid of the classification.

use super::flag;
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How many pixels carry each flag, in the order of [`flag::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagCounts(pub [u64; 3]);

impl FlagCounts {
    /// Counts the flags of an image.
    pub fn of(flags: &ArrayView2<'_, u8>) -> Self {
        let mut counts = Self::default();
        for &flags in flags.iter().filter(|flags| **flags != 0) {
            for (count, (bit, _)) in counts.0.iter_mut().zip(flag::ALL) {
                *count += u64::from(flags & bit != 0);
            }
        }
        counts
    }

    /// The counts of two parts of an image.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

/// Sets flags in every pixel of `out` that source columns of a row cover.
///
/// `row` and `cols` count source pixels of `source_cells` cells from the corner of `out`, whose pixels have `out_cells`
/// cells. Where a pixel of `out` covers several source pixels any of them sets the flag; where a source pixel covers several
/// pixels of `out`, all of them get it.
pub fn set_flag(
    out: &mut ArrayViewMut2<'_, u8>,
    (row, cols): (usize, Range<usize>),
    (source_cells, out_cells): (usize, usize),
    flags: u8,
) {
    let on_out = |first: usize, end: usize, limit: usize| {
        let (first, end) = (first * source_cells / out_cells, (end * source_cells).div_ceil(out_cells));
        first.min(limit)..end.min(limit)
    };
    let (height, width) = out.dim();
    for row in on_out(row, row + 1, height) {
        for col in on_out(cols.start, cols.end, width) {
            out[[row, col]] |= flags;
        }
    }
}

/// The flags of several images of one shape together.
pub fn merge_flags<'a>(parts: impl IntoIterator<Item = ArrayView2<'a, u8>>, mut out: ArrayViewMut2<'_, u8>) {
    out.fill(0);
    for part in parts {
        out.zip_mut_with(&part, |out, flags| *out |= flags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_flag_is_set_where_any_covered_source_pixel_has_it(
            row in 0usize..12, col in 0usize..12, width in 1usize..5, s in 0usize..3, o in 0usize..3
        ) {
            let (source, target) = ([1, 2, 6][s], [1, 2, 6][o]);
            let cells = 12 * 6;
            let cols = col..(col + width).min(cells / source);
            prop_assume!(row < cells / source && !cols.is_empty());
            let mut out = Array2::zeros((cells / target, cells / target));
            set_flag(&mut out.view_mut(), (row, cols.clone()), (source, target), 2);
            // The same, cell by cell.
            let mut expected = Array2::zeros(out.dim());
            for r in row * source..(row + 1) * source {
                for c in cols.start * source..cols.end * source {
                    expected[[r / target, c / target]] = 2u8;
                }
            }
            prop_assert_eq!(out, expected);
        }
    }

    #[test]
    fn flags_are_counted_and_merged() {
        let flags = array![[flag::SATURATED, flag::NO_DATA, flag::DEFECTIVE, flag::SATURATED | 1, 0]];
        assert_eq!(FlagCounts::of(&flags.view()), FlagCounts([2, 1, 2]));
        let other = array![[flag::DEFECTIVE, 0, 0, 0, 0]];
        let mut out = Array2::from_elem((1, 5), 9);
        merge_flags([flags.view(), other.view()], out.view_mut());
        assert_eq!(out, array![[6, 1, 2, 5, 0]]);
    }
}
