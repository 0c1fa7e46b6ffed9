//! Class maps from 20 to 60 m.
//!
//! Source: Sen2Cor 2.8 filters the map with a median of 3 x 3 class numbers (edge pixels repeated) and keeps
//! every third pixel, the centres of the blocks. A median of numbers is no statement about classes (between vegetation, 4,
//! and water, 6, it can yield bare soil, 5), but operational products are made so. The majority is the alternative (decision 9
//! in `COMPARE.md`).

use super::{ResampleError, check_shape, line, reduced};
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

/// How nine classes become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassReduction {
    /// The median of the class numbers, as in the original.
    #[default]
    Median,
    /// The most frequent class; among equally frequent ones that of the centre, else the lowest number.
    Majority,
}

/// Reduces a class map of 20 m to 60 m. No halo is needed, the 3 x 3 pixels lie inside the block.
///
/// `output` has `ceil(rows / 3)` x `ceil(cols / 3)` pixels. Where the edge cuts a block, the last row or column is
/// repeated.
///
/// # Errors
/// [`ResampleError::Shape`] if `output` has another shape.
pub fn reduce_class_map(
    input: ArrayView2<'_, u8>,
    reduction: ClassReduction,
    mut output: ArrayViewMut2<'_, u8>,
) -> Result<(), ResampleError> {
    let (rows, cols) = input.dim();
    check_shape(reduced((rows, cols), 3), output.dim())?;
    for (index, mut out) in output.rows_mut().into_iter().enumerate() {
        let lines = [0, 1, 2].map(|k| line(input, (3 * index + k).min(rows - 1)));
        for (col, out) in out.iter_mut().enumerate() {
            let at = [0, 1, 2].map(|k| (3 * col + k).min(cols - 1));
            let [a, b, c] = [&lines[0], &lines[1], &lines[2]].map(|line| at.map(|col| line[col]));
            let nine = [a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2]];
            *out = match reduction {
                ClassReduction::Median => median(nine),
                ClassReduction::Majority => majority(nine),
            };
        }
    }
    Ok(())
}

fn median(mut nine: [u8; 9]) -> u8 {
    if nine == [nine[0]; 9] {
        return nine[0];
    }
    nine.sort_unstable();
    nine[4]
}

fn majority(nine: [u8; 9]) -> u8 {
    let centre = nine[4];
    let count = |class: u8| nine.iter().map(|&v| usize::from(v == class)).sum::<usize>();
    nine.into_iter()
        .max_by_key(|&class| (count(class), class == centre, std::cmp::Reverse(class)))
        .unwrap_or(centre)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::part;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn reduce(input: ArrayView2<'_, u8>, reduction: ClassReduction) -> Array2<u8> {
        let mut out = Array2::zeros(reduced(input.dim(), 3));
        reduce_class_map(input, reduction, out.view_mut()).unwrap();
        out
    }

    /// The whole filter: for every pixel the fifth of its sorted neighbourhood, edge pixels repeated.
    fn filtered(map: &Array2<u8>) -> Array2<u8> {
        let (rows, cols) = map.dim();
        Array2::from_shape_fn((rows, cols), |(r, c)| {
            let mut seen = Vec::new();
            for dr in -1..=1isize {
                for dc in -1..=1isize {
                    let row = (r as isize + dr).clamp(0, rows as isize - 1) as usize;
                    let col = (c as isize + dc).clamp(0, cols as isize - 1) as usize;
                    seen.push(map[[row, col]]);
                }
            }
            seen.sort_unstable();
            seen[4]
        })
    }

    proptest! {
        #[test]
        fn the_median_is_every_third_pixel_of_the_filtered_map(values in prop::collection::vec(0u8..12, 144)) {
            let map = Array2::from_shape_vec((12, 12), values).unwrap();
            let all = filtered(&map);
            let expected = Array2::from_shape_fn((4, 4), |(r, c)| all[[3 * r + 1, 3 * c + 1]]);
            prop_assert_eq!(&reduce(map.view(), ClassReduction::Median), &expected);
            let block = reduce(part(&map, 3..9, 6..12), ClassReduction::Median);
            prop_assert_eq!(block.view(), part(&expected, 1..3, 2..4));
        }
    }

    #[test]
    fn median_and_majority_differ_where_they_should() {
        let shore = array![[4u8, 4, 4], [4, 5, 6], [6, 6, 6]];
        assert_eq!(reduce(shore.view(), ClassReduction::Median)[[0, 0]], 5);
        assert_eq!(reduce(shore.view(), ClassReduction::Majority)[[0, 0]], 4);
        let centred = array![[4u8, 4, 4], [4, 6, 6], [6, 6, 5]];
        assert_eq!(reduce(centred.view(), ClassReduction::Majority)[[0, 0]], 6);
        let most = array![[9u8, 9, 9], [9, 1, 2], [3, 4, 5]];
        assert_eq!(reduce(most.view(), ClassReduction::Majority)[[0, 0]], 9);
    }

    #[test]
    fn a_cut_block_repeats_its_last_pixels() {
        let map = array![[1u8, 2, 3, 7], [1, 2, 3, 8], [1, 2, 3, 9]];
        assert_eq!(reduce(map.view(), ClassReduction::Median), array![[2, 8]]);
        let mut wrong = Array2::zeros((1, 1));
        assert!(reduce_class_map(map.view(), ClassReduction::Median, wrong.view_mut()).is_err());
    }
}
