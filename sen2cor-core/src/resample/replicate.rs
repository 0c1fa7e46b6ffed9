//! Replication: from a coarser to a finer grid without new values.
//!
//! Source: Sen2Cor 2.8 enlarges the class map, AOT, water vapour and visibility from 20 to 10 m in this way.

use super::{Factor, ResampleError, check_shape, line};
use ndarray::{ArrayView2, ArrayViewMut2};

/// Repeats every pixel `factor` times in both directions.
///
/// Pixel (r, c) of `output` is pixel (r / factor, c / factor) of `input`; both begin at the same place on the ground.
/// `output` may end inside the last input pixel (an edge that is no multiple of it).
///
/// # Errors
/// [`ResampleError::Shape`] if `output` does not need exactly the pixels of `input`.
pub fn replicate<T: Copy>(
    input: ArrayView2<'_, T>,
    factor: Factor,
    mut output: ArrayViewMut2<'_, T>,
) -> Result<(), ResampleError> {
    let k = factor.get();
    let (rows, cols) = output.dim();
    if (rows.div_ceil(k), cols.div_ceil(k)) != input.dim() {
        check_shape((input.nrows() * k, input.ncols() * k), (rows, cols))?;
    }
    for (row, mut out) in output.rows_mut().into_iter().enumerate() {
        let line = line(input, row / k);
        out.iter_mut().zip(line.iter().flat_map(|&v| std::iter::repeat_n(v, k))).for_each(|(o, v)| *o = v);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::block_mean;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    #[test]
    fn pixels_are_repeated() {
        let mut out = Array2::zeros((2, 6));
        replicate(array![[1u8, 2, 3]].view(), Factor::Two, out.view_mut()).unwrap();
        assert_eq!(out, array![[1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 3, 3]]);
        let mut cut = Array2::zeros((2, 5));
        replicate(array![[1u8, 2]].view(), Factor::Three, cut.view_mut()).unwrap();
        assert_eq!(cut, array![[1, 1, 1, 2, 2], [1, 1, 1, 2, 2]]);
        assert!(replicate(array![[1u8, 2]].view(), Factor::Three, Array2::zeros((3, 7)).view_mut()).is_err());
        assert!(replicate(array![[1u8, 2]].view(), Factor::Three, Array2::zeros((3, 3)).view_mut()).is_err());
    }

    proptest! {
        #[test]
        fn the_mean_undoes_it(values in prop::collection::vec(any::<u16>(), 12)) {
            let image = Array2::from_shape_vec((3, 4), values).unwrap();
            for factor in [Factor::Two, Factor::Three, Factor::Six] {
                let mut large = Array2::zeros((3 * factor.get(), 4 * factor.get()));
                replicate(image.view(), factor, large.view_mut()).unwrap();
                let mut back = Array2::zeros((3, 4));
                block_mean(large.view(), factor, back.view_mut()).unwrap();
                prop_assert_eq!(&back, &image);
            }
        }
    }
}
