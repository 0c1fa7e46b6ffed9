//! Resampling: from one grid of a tile to another.
//!
//! Source of the rules: Sen2Cor 2.8, whose band images are resampled with scikit-image. All grids of a tile share the
//! upper left corner, so a coarse pixel covers exactly 2 x 2, 3 x 3 or 6 x 6 finer ones.
//!
//! | function | from, to | used for |
//! |---|---|---|
//! | [`block_mean`] | 10 to 20 m, 20 to 60 m, 10 to 60 m | bands |
//! | [`block_mean_plain`] | 20 to 60 m | AOT, water vapour, confidences |
//! | [`replicate`] | any, upwards | classes, AOT, water vapour |
//! | [`bilinear`] | 60 to 20 m | B09, B10 |
//! | [`bicubic`] | 60 to 20 m | B01 |
//! | [`reduce_class_map`] | 20 to 60 m | scene classes |
//!
//! Every function works on a block and yields the bits that it would yield as a part of the whole image. Block edges
//! must lie between two pixels of the coarser grid (`Tiling::fits`); only the interpolations need a halo.
#![allow(clippy::needless_pass_by_value, reason = "array views are handed over like slices")]

mod block_mean;
mod class_map;
mod interpolate;
mod replicate;

pub use block_mean::{block_mean, block_mean_plain};
pub use class_map::{ClassReduction, reduce_class_map};
pub use interpolate::{
    BICUBIC_HALO_PX, BILINEAR_HALO_PX, Placement, ValueRange, bicubic, bilinear, value_range,
};
pub use replicate::replicate;

use crate::grid::Resolution;
use ndarray::{ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How many pixels of the finer grid lie side by side in one of the coarser grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Factor {
    /// 10 and 20 m
    Two,
    /// 20 and 60 m
    Three,
    /// 10 and 60 m
    Six,
}

impl Factor {
    /// The factor as a number.
    pub const fn get(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Three => 3,
            Self::Six => 6,
        }
    }

    /// The factor between two grids, in either order; `None` if they are the same.
    pub const fn between(a: Resolution, b: Resolution) -> Option<Self> {
        let (low, high) = if a.cells() < b.cells() { (a, b) } else { (b, a) };
        match high.cells() / low.cells() {
            2 => Some(Self::Two),
            3 => Some(Self::Three),
            6 => Some(Self::Six),
            _ => None,
        }
    }
}

/// Arrays that do not belong together. Shapes are (rows, columns).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// The output has not the shape that follows from the input.
    #[error("an output of {expected:?} pixels is needed, not {found:?}")]
    Shape {
        /// What follows from the input.
        expected: (usize, usize),
        /// What was handed over.
        found: (usize, usize),
    },
    /// Source samples that the target pixels need are not in the view.
    #[error(
        "the source from {from} to {to} (counted from the image's edge) is not all there: {first} and {count} on are"
    )]
    Halo {
        /// First row or column that is needed.
        from: usize,
        /// Last row or column that is needed.
        to: usize,
        /// First row or column at hand.
        first: usize,
        /// Number of rows or columns at hand.
        count: usize,
    },
}

fn check_shape(expected: (usize, usize), found: (usize, usize)) -> Result<(), ResampleError> {
    if expected == found { Ok(()) } else { Err(ResampleError::Shape { expected, found }) }
}

/// Shape after reduction, a cut last block counted.
fn reduced((rows, cols): (usize, usize), factor: usize) -> (usize, usize) {
    (rows.div_ceil(factor), cols.div_ceil(factor))
}

/// A row of the view as a slice; copied only where its samples do not lie side by side in memory.
pub(crate) fn line<T: Copy>(view: ArrayView2<'_, T>, row: usize) -> Cow<'_, [T]> {
    let row = view.index_axis_move(Axis(0), row);
    row.to_slice().map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed)
}

/// A window of an image, for tests. (The macro `s!` of ndarray cannot be used where unsafe code is forbidden.)
#[cfg(test)]
pub(crate) fn part<T>(
    image: &ndarray::Array2<T>,
    rows: std::ops::Range<usize>,
    cols: std::ops::Range<usize>,
) -> ArrayView2<'_, T> {
    let mut view = image.view();
    view.slice_axis_inplace(Axis(0), rows.into());
    view.slice_axis_inplace(Axis(1), cols.into());
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_between_grids() {
        use Resolution::{R10, R20, R60};
        assert_eq!(Factor::between(R10, R20).map(Factor::get), Some(2));
        assert_eq!(Factor::between(R60, R20).map(Factor::get), Some(3));
        assert_eq!(Factor::between(R10, R60).map(Factor::get), Some(6));
        assert_eq!(Factor::between(R20, R20), None);
    }
}
