//! Mean and standard deviation of the pixels of a class, by parts of an image.
//!
//! The recoveries that use land cover compare pixels with statistics of the whole image. These are taken over strips
//! of a fixed height and joined in their order, so no choice of blocks changes a bit. Equal values have exactly their
//! value as mean and a standard deviation of exactly 0.

use serde::{Deserialize, Serialize};

/// Number, mean and sum of squared deviations of some values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// The moments of some values.
    pub fn of(values: impl Iterator<Item = f32> + Clone) -> Self {
        let (count, sum) =
            values.clone().fold((0u64, 0.0), |(n, sum), value| (n + 1, sum + f64::from(value)));
        let mean = if count == 0 { 0.0 } else { sum / count as f64 };
        let squares = values.fold(0.0, |squares, value| {
            let deviation = f64::from(value) - mean;
            squares + deviation * deviation
        });
        Self { count, mean, squares }
    }

    /// The moments of these values and others.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let count = self.count + other.count;
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other } else { self };
        }
        let (n, share) = (self.count as f64, other.count as f64 / count as f64);
        let step = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + step * share,
            squares: self.squares + other.squares + step * step * n * share,
        }
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Mean; not a number where there are no values.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.mean }
    }

    /// Standard deviation of the population; not a number where there are no values.
    pub fn deviation(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { libm::sqrt(self.squares / self.count as f64) }
    }
}

/// How much snow there is at all where it is known, by the snow condition layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionSums {
    sum: u64,
    count: u64,
}

impl ConditionSums {
    /// The sums over a part of the layer; 254 is water and does not count.
    pub fn of(values: impl Iterator<Item = u8>) -> Self {
        values.filter(|&value| value != 254).fold(Self::default(), |sums, value| Self {
            sum: sums.sum + u64::from(value),
            count: sums.count + 1,
        })
    }

    /// The sums over two parts.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { sum: self.sum + other.sum, count: self.count + other.count }
    }

    /// Whether the layer is used: where there is some snow, but less than 10 in the mean.
    pub fn is_used(&self) -> bool {
        self.sum > 0 && (self.sum as f64 / self.count as f64) < 10.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_no_deviation_however_they_are_split() {
        for value in [0.0015f32, 0.1, 1.0 / 3.0, 54_321.0] {
            let part = |count: usize| Moments::of(std::iter::repeat_n(value, count));
            let all = part(3).join(part(7)).join(part(0)).join(part(1_000));
            assert_eq!((all.count(), all.mean(), all.deviation()), (1010, f64::from(value), 0.0));
        }
    }

    #[test]
    fn parts_joined_are_the_whole() {
        let values: Vec<f32> = (0..1000u32).map(|i| ((i * 7919) % 1009) as f32 / 10_000.0).collect();
        let whole = Moments::of(values.iter().copied());
        let parts = values.chunks(77).map(|part| Moments::of(part.iter().copied()));
        let joined = parts.fold(Moments::default(), Moments::join);
        assert!((joined.mean() - whole.mean()).abs() < 1e-15);
        assert!((joined.deviation() - whole.deviation()).abs() < 1e-15);
        assert!(Moments::default().mean().is_nan() && Moments::default().deviation().is_nan());
    }

    #[test]
    fn the_snow_condition_counts_where_there_is_a_little_snow() {
        let used = |values: &[u8]| ConditionSums::of(values.iter().copied()).is_used();
        assert!(used(&[0, 0, 1]) && used(&[29, 0, 0, 254, 254]));
        assert!(!used(&[0, 0]) && !used(&[254]) && !used(&[10, 10]) && !used(&[255, 0]) && !used(&[]));
    }
}
