//! Where the samples of a band are saturated, on another grid.
//!
//! Source: `Special_Values` of Level-1C products; decision 7 in `COMPARE.md`.

use super::error::{ClassifyError, same_shape};
use crate::dn;
use crate::grid::Resolution;
use ndarray::{ArrayView2, ArrayViewMut2};

/// Sets the pixels of `output` to 1 that cover a saturated sample of `band` or are covered by one; others stay as they
/// are. The grids are that of the band and that of the output; both views show the same ground.
///
/// # Errors
/// [`ClassifyError`] if the shapes do not fit together.
pub fn mark_saturated(
    band: ArrayView2<'_, u16>,
    (from, to): (Resolution, Resolution),
    mut output: ArrayViewMut2<'_, u8>,
) -> Result<(), ClassifyError> {
    let (fine, coarse) = (from.cells() as usize, to.cells() as usize);
    let expected = |pixels: usize| (pixels * fine).div_ceil(coarse);
    let (rows, cols) = output.dim();
    if from <= to {
        same_shape((expected(band.nrows()), expected(band.ncols())), &[(rows, cols)])?;
        for (place, _) in band.indexed_iter().filter(|(_, sample)| **sample == dn::SATURATED) {
            output[(place.0 * fine / coarse, place.1 * fine / coarse)] = 1;
        }
    } else {
        same_shape(band.dim(), &[((rows * coarse).div_ceil(fine), (cols * coarse).div_ceil(fine))])?;
        for (place, mark) in output.indexed_iter_mut() {
            if band[(place.0 * coarse / fine, place.1 * coarse / fine)] == dn::SATURATED {
                *mark = 1;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Resolution::{R10, R20, R60};
    use ndarray::{Array2, array};

    fn marks(band: &Array2<u16>, grids: (Resolution, Resolution), shape: (usize, usize)) -> Array2<u8> {
        let mut out = Array2::zeros(shape);
        mark_saturated(band.view(), grids, out.view_mut()).unwrap();
        out
    }

    #[test]
    fn every_pixel_that_shares_ground_with_a_saturated_one_is_marked() {
        let mut band = Array2::from_elem((6, 12), 65_534);
        (band[(3, 5)], band[(0, 11)]) = (65_535, 65_535);
        assert_eq!(marks(&band, (R10, R60), (1, 2)), array![[1, 1]]);
        let twenty = marks(&band, (R10, R20), (3, 6));
        assert_eq!(twenty, array![[0, 0, 0, 0, 0, 1], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]]);
        let coarse = array![[65_535u16, 2000]];
        let twenty = marks(&coarse, (R60, R20), (3, 6));
        assert_eq!(twenty, Array2::from_shape_fn((3, 6), |(_, col)| u8::from(col < 3)));
        assert_eq!(marks(&band, (R20, R20), band.dim()).iter().map(|v| u32::from(*v)).sum::<u32>(), 2);
        assert!(mark_saturated(band.view(), (R10, R20), Array2::zeros((3, 5)).view_mut()).is_err());
        assert!(mark_saturated(coarse.view(), (R60, R20), Array2::zeros((2, 2)).view_mut()).is_err());
    }
}
