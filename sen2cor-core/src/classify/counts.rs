//! How many pixels each class has, and the percentages that products state.
//!
//! Source: `Image_Content_QI` of Level-2A products as Sen2Cor 2.8 fills it: counts and quotients in f32, shares of the
//! valid pixels, only the no-data share is one of all pixels.

use super::SceneClass;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// Number of pixels by class. The counts of an image are those of its blocks, added in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts(pub [u64; 12]);

impl ClassCounts {
    /// Number of pixels of a class.
    pub const fn of(&self, class: SceneClass) -> u64 {
        self.0[class as usize]
    }

    /// Counts the pixels of a class map; values above 11 are none.
    pub fn of_map(map: ArrayView2<'_, u8>) -> Self {
        // Four tables, so that equal neighbours do not wait for each other.
        let mut tables = [[0u64; 256]; 4];
        for row in map.rows() {
            for (index, &class) in row.iter().enumerate() {
                tables[index % 4][usize::from(class)] += 1;
            }
        }
        Self(std::array::from_fn(|class| tables.iter().map(|table| table[class]).sum()))
    }

    /// Number of pixels, those without data included.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Number of pixels with data.
    pub fn valid(&self) -> u64 {
        self.total() - self.of(SceneClass::NoData)
    }

    /// The percentages that products state.
    pub fn percentages(&self) -> ClassPercentages {
        let percent = |count: u64, all: u64| if all == 0 { 0.0 } else { count as f32 / all as f32 * 100.0 };
        let mut shares = self.0.map(|count| percent(count, self.valid()));
        shares[0] = percent(self.of(SceneClass::NoData), self.total());
        ClassPercentages(shares)
    }
}

impl AddAssign for ClassCounts {
    fn add_assign(&mut self, other: Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }
}

/// Percentages by class number: class 0 of all pixels, the others of the valid pixels. All 0 where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassPercentages(pub [f32; 12]);

impl ClassPercentages {
    /// Percentage of a class.
    pub const fn of(&self, class: SceneClass) -> f32 {
        self.0[class as usize]
    }

    /// `CLOUDY_PIXEL_PERCENTAGE` and `Cloud_Coverage_Assessment`: medium and high probability and cirrus, at most 100.
    pub fn cloudy(&self) -> f32 {
        let sum = self.of(SceneClass::CloudMedium)
            + self.of(SceneClass::CloudHigh)
            + self.of(SceneClass::ThinCirrus);
        sum.min(100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn maps_are_counted_by_class() {
        let map = Array2::from_shape_fn((5, 24), |(row, col)| ((row + col) % 13) as u8);
        let counts = ClassCounts::of_map(map.view());
        for class in SceneClass::ALL {
            let expected = map.iter().filter(|&&value| value == class.number()).count();
            assert_eq!(counts.of(class), expected as u64);
        }
    }

    #[test]
    fn shares_are_of_the_valid_pixels() {
        let mut counts = ClassCounts([20, 0, 1, 0, 9, 0, 30, 0, 20, 10, 10, 0]);
        let percentages = counts.percentages();
        assert_eq!(percentages.of(SceneClass::NoData), 20.0);
        assert_eq!(percentages.of(SceneClass::DarkFeature), 1.25);
        assert_eq!(percentages.of(SceneClass::Water), 37.5);
        assert_eq!(percentages.cloudy(), 50.0);
        counts += counts;
        assert_eq!(counts.percentages(), percentages);
        assert_eq!((counts.total(), counts.valid()), (200, 160));
    }

    #[test]
    fn no_pixels_are_no_percent() {
        assert_eq!(ClassCounts::default().percentages(), ClassPercentages::default());
        let counts = ClassCounts::of_map(Array2::zeros((1, 1)).view());
        assert_eq!(counts.percentages().0, [100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(counts.percentages().cloudy(), 0.0);
        let thirds = ClassCounts([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0]).percentages();
        assert!(thirds.cloudy() <= 100.0);
    }
}
