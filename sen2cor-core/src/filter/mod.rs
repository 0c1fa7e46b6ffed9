//! Means over neighbourhoods that give the same bits however the image is cut.
//!
//! Borders are mirrored with the edge sample repeated (c b a | a b c); samples without data are left out and the weights
//! made up for them, so a uniform image stays uniform. See `docs/science/surface-reflectance.md`.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled for the narrowest vectors")]

mod box_mean;
mod gaussian;
mod upsample;

pub use box_mean::{BoxMeans, Patch};
pub use gaussian::Gaussian;
pub use upsample::upsample_row;

/// Next odd number at or above `x`; at least 1.
pub fn odd(x: f64) -> usize {
    let whole = libm::ceil(x.max(1.0)) as usize;
    if whole.is_multiple_of(2) { whole + 1 } else { whole }
}

/// Index inside `0..len` of a place that may lie outside: mirrored, the edge sample repeated.
#[inline]
pub fn mirror(index: i64, len: usize) -> usize {
    let len = len as i64;
    if (0..len).contains(&index) {
        return index as usize;
    }
    let period = 2 * len;
    let folded = index.rem_euclid(period);
    (if folded < len { folded } else { period - 1 - folded }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_numbers_and_mirrors() {
        assert_eq!([0.2, 1.0, 2.0, 16.67, 50.0, 100.0, 101.0].map(odd), [1, 1, 3, 17, 51, 101, 101]);
        let seen: Vec<usize> = (-7..7).map(|i| mirror(i, 3)).collect();
        assert_eq!(seen, [0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
    }
}
