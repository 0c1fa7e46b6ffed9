//! Block means: from a finer to a coarser grid.
//!
//! Source: Sen2Cor 2.8, which takes in double precision the mean of each row of a block, then the mean of those means,
//! adds 0.5 and truncates. The inner means are rounded, so in blocks of 6 x 6 an exact half may fall
//! either way. In blocks of 2 x 2 and 3 x 3 the result equals the exact mean rounded half up, which needs
//! integers only (four times a mean is exact; a ninth is never half-way between two numbers).

use super::{Factor, ResampleError, check_shape, line, reduced};
use crate::dn;
use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2};
use std::borrow::Cow;

/// Reduces a band by the mean over blocks.
///
/// `input` and `output` hold biased digital numbers (see [`dn`]); the mean is that of the values without bias, and
/// no data counts as 0. A result is no data where it is not above 0 and a sample of its block is no data, so
/// the border of the data lies as in the original (decision 26 in `COMPARE.md`). `output` has
/// `ceil(rows / factor)` x `ceil(cols / factor)` pixels; a block that the edge cuts is averaged over what is there.
///
/// # Errors
/// [`ResampleError::Shape`] if `output` has another shape.
pub fn block_mean(
    input: ArrayView2<'_, u16>,
    factor: Factor,
    mut output: ArrayViewMut2<'_, u16>,
) -> Result<(), ResampleError> {
    let k = factor.get();
    check_shape(reduced(input.dim(), k), output.dim())?;
    for (index, mut out) in output.rows_mut().into_iter().enumerate() {
        let lines = lines_of_block(input, index, k);
        let done = match (factor, lines.as_slice()) {
            (Factor::Two, [a, b]) => row_by_integers([a, b], &mut out),
            (Factor::Three, [a, b, c]) => row_by_integers([a, b, c], &mut out),
            _ => 0,
        };
        for (col, out) in out.iter_mut().enumerate().skip(done) {
            *out = mean_of_means(lines.iter().map(|line| cut(line, col, k)));
        }
    }
    Ok(())
}

/// Reduces a plane without bias (AOT, water vapour, confidences) by the mean over blocks; 0 counts as 0.
///
/// `output` has `ceil(rows / factor)` x `ceil(cols / factor)` pixels; a block that the edge cuts is averaged over what
/// is there.
///
/// # Errors
/// [`ResampleError::Shape`] if `output` has another shape.
pub fn block_mean_plain<T: PlainSample>(
    input: ArrayView2<'_, T>,
    factor: Factor,
    mut output: ArrayViewMut2<'_, T>,
) -> Result<(), ResampleError> {
    let k = factor.get();
    check_shape(reduced(input.dim(), k), output.dim())?;
    for (index, mut out) in output.rows_mut().into_iter().enumerate() {
        let lines = lines_of_block(input, index, k);
        for (col, out) in out.iter_mut().enumerate() {
            let means = lines.iter().map(|line| {
                let samples = cut(line, col, k);
                mean_of_row(samples.iter().map(|&v| v.into()).sum(), samples.len())
            });
            *out = T::saturated(round_half_up(mean(means)));
        }
    }
    Ok(())
}

/// A sample without bias: `u8` or `u16`.
pub trait PlainSample: Copy + Into<i32> {
    /// The value, limited to what the type holds.
    fn saturated(value: i32) -> Self;
}

impl PlainSample for u8 {
    fn saturated(value: i32) -> Self {
        value.clamp(0, i32::from(Self::MAX)) as Self
    }
}

impl PlainSample for u16 {
    fn saturated(value: i32) -> Self {
        value.clamp(0, i32::from(Self::MAX)) as Self
    }
}

/// The `k` rows (fewer at the lower edge) under row `index` of the output.
fn lines_of_block<T: Copy>(input: ArrayView2<'_, T>, index: usize, k: usize) -> Vec<Cow<'_, [T]>> {
    (index * k..((index + 1) * k).min(input.nrows())).map(|row| line(input, row)).collect()
}

/// The `k` samples (fewer at the right edge) of a row under column `col` of the output.
fn cut<T>(line: &[T], col: usize, k: usize) -> &[T] {
    &line[col * k..((col + 1) * k).min(line.len())]
}

/// Reduces the whole blocks of a row of blocks and returns their number.
fn row_by_integers<const K: usize>(lines: [&[u16]; K], out: &mut ArrayViewMut1<'_, u16>) -> usize {
    let whole = lines[0].len() / K;
    let lines = lines.map(|line| &line.as_chunks::<K>().0[..whole]);
    for (col, out) in out.iter_mut().enumerate().take(whole) {
        *out = mean_by_integers(lines.map(|line| line[col]));
    }
    whole
}

/// Mean of a K x K block, K = 2 or 3.
#[inline]
fn mean_by_integers<const K: usize>(block: [[u16; K]; K]) -> u16 {
    let count = (K * K) as i32;
    let (mut stored, mut valid) = (0, 0);
    for sample in block.into_iter().flatten() {
        stored += i32::from(sample);
        valid += i32::from(sample != dn::NO_DATA);
    }
    // The bias of each of the valid samples goes; `count` of them come back, so that the division sees no sign.
    let biased = stored + (count - valid) * dn::BIAS;
    encode((2 * biased + count) / (2 * count) - dn::BIAS, valid == count)
}

/// Mean of a block given by its rows, in the original's order of operations.
fn mean_of_means<'a>(rows: impl Iterator<Item = &'a [u16]>) -> u16 {
    let mut all_valid = true;
    let means = rows.map(|row| {
        let sum = row.iter().map(|&sample| dn::to_signed(sample)).sum();
        all_valid &= !row.contains(&dn::NO_DATA);
        mean_of_row(sum, row.len())
    });
    let value = round_half_up(mean(means));
    encode(value, all_valid)
}

#[inline]
fn encode(value: i32, all_valid: bool) -> u16 {
    if all_valid || value > 0 { dn::from_signed(value) } else { dn::NO_DATA }
}

/// The sum of a few integers is exact, so only the division rounds.
fn mean_of_row(sum: i32, count: usize) -> f64 {
    f64::from(sum) / count as f64
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    sum / count
}

fn round_half_up(value: f64) -> i32 {
    libm::floor(value + 0.5) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::part;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn reduce(input: &Array2<u16>, factor: Factor) -> Array2<u16> {
        let mut out = Array2::zeros(reduced(input.dim(), factor.get()));
        block_mean(input.view(), factor, out.view_mut()).unwrap();
        out
    }

    /// Digital numbers in which no data, negative and huge values are frequent.
    fn samples(rows: usize, cols: usize) -> impl Strategy<Value = Array2<u16>> {
        let sample = prop_oneof![
            2 => Just(0u16), 3 => 1u16..1100, 5 => 900u16..4000, 1 => Just(u16::MAX), 1 => any::<u16>()
        ];
        prop::collection::vec(sample, rows * cols)
            .prop_map(move |v| Array2::from_shape_vec((rows, cols), v).unwrap())
    }

    /// Exact rational arithmetic: floor(sum / n + 1/2) = floor((2 sum + n) / 2n).
    fn exact(block: &Array2<u16>) -> u16 {
        let n = block.len() as i64;
        let sum: i64 = block.iter().map(|&v| if v == 0 { 0 } else { i64::from(v) - 1000 }).sum();
        let value = (2 * sum + n).div_euclid(2 * n);
        if value <= 0 && block.iter().any(|&v| v == 0) { 0 } else { (value + 1000).clamp(1, 65535) as u16 }
    }

    fn by_doubles(block: &Array2<u16>) -> u16 {
        mean_of_means(block.rows().into_iter().map(|row| row.to_slice().unwrap()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn integers_doubles_and_fractions_agree_for_2_and_3(a in samples(2, 2), b in samples(3, 3)) {
            prop_assert_eq!(by_doubles(&a), exact(&a));
            prop_assert_eq!(by_doubles(&b), exact(&b));
            prop_assert_eq!(reduce(&a, Factor::Two)[[0, 0]], exact(&a));
            prop_assert_eq!(reduce(&b, Factor::Three)[[0, 0]], exact(&b));
        }

        #[test]
        fn six_differs_from_the_exact_mean_only_at_halves(block in samples(6, 6)) {
            let sum: i64 = block.iter().map(|&v| i64::from(dn::to_signed(v))).sum();
            if (2 * sum + 36).rem_euclid(72) != 0 {
                prop_assert_eq!(reduce(&block, Factor::Six)[[0, 0]], exact(&block));
            }
        }

        #[test]
        fn plain_means_equal_the_exact_ones(v in prop::collection::vec(any::<u16>(), 9), w in prop::collection::vec(any::<u8>(), 9)) {
            let round = |sum: u32| (2 * sum + 9) / 18;
            let wide: u32 = v.iter().map(|&v| u32::from(v)).sum();
            let narrow: u32 = w.iter().map(|&v| u32::from(v)).sum();
            let (mut a, mut b) = (array![[0u16]], array![[0u8]]);
            block_mean_plain(Array2::from_shape_vec((3, 3), v).unwrap().view(), Factor::Three, a.view_mut()).unwrap();
            block_mean_plain(Array2::from_shape_vec((3, 3), w).unwrap().view(), Factor::Three, b.view_mut()).unwrap();
            prop_assert_eq!(u32::from(a[[0, 0]]), round(wide));
            prop_assert_eq!(u32::from(b[[0, 0]]), round(narrow));
        }

        #[test]
        fn any_cut_gives_the_same(image in samples(24, 36), row in 0usize..4, col in 0usize..6) {
            for factor in [Factor::Two, Factor::Three, Factor::Six] {
                let k = factor.get();
                let whole = reduce(&image, factor);
                let view = part(&image, row * 6..24, col * 6..36);
                let mut out = Array2::zeros(reduced(view.dim(), k));
                block_mean(view, factor, out.view_mut()).unwrap();
                prop_assert_eq!(out.view(), part(&whole, row * 6 / k..24 / k, col * 6 / k..36 / k));
                // A transposed view has no contiguous rows.
                let turned = Array2::from_shape_fn((36, 24), |(r, c)| image[[c, r]]);
                let mut out = Array2::zeros((36 / k, 24 / k));
                block_mean(image.t(), factor, out.view_mut()).unwrap();
                prop_assert_eq!(&out, &reduce(&turned, factor));
            }
        }
    }

    #[test]
    fn no_data_counts_as_zero_and_wins_only_where_nothing_is_left() {
        let block = |v: [u16; 4]| reduce(&array![[v[0], v[1]], [v[2], v[3]]], Factor::Two)[[0, 0]];
        assert_eq!(block([0, 0, 0, 0]), 0);
        // 2 of 4 is 0.5, rounded up to 1; 1 of 4 is 0.25.
        assert_eq!(block([0, 0, 0, 1002]), 1001);
        assert_eq!(block([0, 0, 0, 1001]), 0);
        assert_eq!(block([1400, 0, 0, 0]), 1100);
        // Valid samples stay valid at zero and below; halves go up, also below zero.
        assert_eq!(block([1000, 1000, 1000, 1001]), 1000);
        assert_eq!(block([999, 999, 1000, 1000]), 1000);
        assert_eq!(block([999, 999, 999, 1000]), 999);
        assert_eq!(block([1, 1, 1, 1]), 1);
        assert_eq!(block([65535; 4]), 65535);
    }

    /// Exact halves that the rounded inner means pull to either side, found by random search with NumPy 2.4.6:
    /// `np.floor(block.mean(axis=1).mean() + 0.5)` against the exact mean.
    #[test]
    fn halves_of_six_by_six_follow_double_precision() {
        let down = [
            [6, 7, 3, 7, 0, 2],
            [3, 6, 3, 6, 1, 7],
            [7, 5, 3, 1, 1, 5],
            [1, 2, 6, 3, 0, 0],
            [0, 0, 6, 7, 2, 3],
            [7, 3, 2, 5, 6, 0],
        ];
        let up = [
            [5, 5, 6, 2, 7, 0],
            [0, 7, 7, 2, 1, 2],
            [0, 7, 5, 4, 1, 3],
            [1, 6, 3, 0, 2, 5],
            [4, 2, 2, 0, 4, 5],
            [4, 7, 7, 1, 4, 5],
        ];
        for (block, exact_mean, expected) in [(down, 3.5, 3), (up, 3.5, 4)] {
            let block = Array2::from(block.to_vec()).mapv(|v: u16| v + 1000);
            assert_eq!(block.iter().map(|&v| f64::from(v) - 1000.0).sum::<f64>() / 36.0, exact_mean);
            assert_eq!(reduce(&block, Factor::Six)[[0, 0]], 1000 + expected);
        }
    }

    #[test]
    fn cut_blocks_are_averaged_over_what_is_there() {
        let out = reduce(&array![[1100, 1200, 1500], [1300, 1400, 1700], [1010, 1020, 1033]], Factor::Two);
        assert_eq!(out, array![[1250, 1600], [1015, 1033]]);
    }

    #[test]
    fn a_wrong_shape_is_an_error() {
        let input = Array2::<u16>::zeros((6, 6));
        let mut output = Array2::<u16>::zeros((3, 2));
        let error = block_mean(input.view(), Factor::Two, output.view_mut());
        assert_eq!(error, Err(ResampleError::Shape { expected: (3, 3), found: (3, 2) }));
        assert!(block_mean_plain(input.view(), Factor::Two, output.view_mut()).is_err());
    }
}
