//! From the reflectance of the ground to the stored number of a Level-1C image.

use crate::reflectance::BandCorrection;
use serde::{Deserialize, Serialize};

/// How an image is made and stored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredBand {
    /// The correction that shall find the ground again; the image is made by running it backwards.
    pub correction: BandCorrection,
    /// `RADIO_ADD_OFFSET` of the product: -1000 from baseline 04.00 on, 0 before.
    pub radio_add_offset: i32,
}

/// Largest number of a 15-bit image.
const MAX_STORED: i32 = 32_767;

/// The stored number of a valid pixel: 10000 times the reflectance, less the offset, rounded to the nearest, at least 1 as
/// 0 means no data.
#[inline]
pub(super) fn stored(toa_reflectance: f32, radio_add_offset: i32) -> u16 {
    let value = f64::from(toa_reflectance) * 10_000.0 - f64::from(radio_add_offset) + 0.5;
    (value.max(1.0) as i32).clamp(1, MAX_STORED) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stored_numbers_are_the_nearest(toa in 0.0f32..1.5) {
            for offset in [0, -1000] {
                let back = (f64::from(stored(toa, offset)) + f64::from(offset)) / 1e4;
                prop_assert!((back - f64::from(toa)).abs() <= 0.500_01e-4 || stored(toa, offset) == 1);
            }
        }
    }

    #[test]
    fn no_reflectance_is_stored_as_no_data() {
        assert_eq!(stored(-0.5, -1000), 1);
        assert_eq!(stored(0.0, 0), 1);
        assert_eq!(stored(0.0, -1000), 1000);
        assert_eq!(stored(9.0, 0), 32_767);
    }
}
