//! A limit for the bytes of a tile: which coding passes to drop.
//!
//! Passes are sorted by the weight of the bits they carry: plane of the pass plus the logarithm of the norm of the subband's
//! basis functions (what an error of one in a coefficient does to the samples). Within a plane the significance pass comes
//! first and the cleanup pass last. As many passes are kept as fit, in this order, so that all blocks end at about the
//! same error.

use super::encode::BlockRecord;
use crate::block::Orientation;

/// A pass of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    block: u32,
    weight: f32,
}

/// All passes, those of most weight first; passes of a block stay in their order.
pub(super) fn order(records: &[BlockRecord]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (block, record) in records.iter().enumerate() {
        for pass in 0..record.passes.len() as u32 {
            // Each pass weighs a third of a plane less than the one before.
            let weight = record.weight + f32::from(record.planes) - (pass + 2) as f32 / 3.0;
            all.push(Candidate { block: block as u32, weight });
        }
    }
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.block.cmp(&b.block)));
    all
}

/// Passes of each block when the first `count` in this order are kept.
pub(super) fn kept(records: &[BlockRecord], order: &[Candidate], count: usize) -> Vec<usize> {
    let mut kept = vec![0; records.len()];
    order.iter().take(count).for_each(|candidate| kept[candidate.block as usize] += 1);
    kept
}

/// The largest number up to `most` that fits, or `None` if not even 0 does.
pub(super) fn fit(most: usize, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
    if fits(most) {
        return Some(most);
    }
    if !fits(0) {
        return None;
    }
    let (mut good, mut bad) = (0, most);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Some(good)
}

/// Logarithm to base 2 of the norm of the basis functions of a subband; the finest level is 1.
pub(super) fn weight(level: u32, orientation: Orientation) -> f32 {
    let norm = |high| squared_norm(level.min(10), high);
    let product = match orientation {
        Orientation::LowLow => norm(false) * norm(false),
        Orientation::HighLow | Orientation::LowHigh => norm(false) * norm(true),
        Orientation::HighHigh => norm(true) * norm(true),
    };
    product.log2() / 2.0
}

/// Sum of the squares of a one-dimensional basis function: the response of the synthesis (F-5, F-6) to a single one.
fn squared_norm(level: u32, high: bool) -> f32 {
    const LOW: [f32; 3] = [0.5, 1.0, 0.5];
    const HIGH: [f32; 5] = [-0.125, -0.25, 0.75, -0.25, -0.125];
    if level == 0 {
        return 1.0;
    }
    let mut response: Vec<f32> = if high { HIGH.to_vec() } else { LOW.to_vec() };
    for _ in 1..level {
        let mut finer = vec![0.0; 2 * response.len() + 1];
        for (i, value) in response.iter().enumerate() {
            for (k, low) in LOW.iter().enumerate() {
                finer[2 * i + k] += value * low;
            }
        }
        response = finer;
    }
    response.iter().map(|value| value * value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_are_those_of_the_filters() {
        assert!((squared_norm(1, false) - 1.5).abs() < 1e-6);
        assert!((squared_norm(1, true) - 0.71875).abs() < 1e-6);
        assert!((squared_norm(2, false) - 2.75).abs() < 1e-6);
        assert!(weight(3, Orientation::LowLow) > weight(3, Orientation::HighHigh));
    }

    #[test]
    fn the_largest_that_fits_is_found() {
        assert!((0..50).all(|limit| fit(40, |n| n <= limit) == Some(limit.min(40))));
        assert_eq!(fit(40, |_| false), None);
    }
}
