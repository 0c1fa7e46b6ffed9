//! The one encoding of reflectance that planes carry between stages: "biased digital numbers".
//!
//! A sample is a `u16`: 0 is no data, anything else is `round(10000 * reflectance) + 1000`, limited to 1..=65535.
//! It is what Level-1C products store from baseline 04.00 on, and what Level-2A products store; older
//! products, without offset, are brought to it when they are decoded. So a product means the same to every
//! kernel, whatever its baseline (decisions 26 and 29 in `COMPARE.md`).

/// What is added to 10000 x reflectance, so that slightly negative values survive.
pub const BIAS: i32 = 1000;

/// Digital numbers per unit of reflectance.
pub const QUANTIFICATION: f32 = 10_000.0;

/// Stored value of a missing sample.
pub const NO_DATA: u16 = 0;

/// A saturated sample of a Level-1C product; measurements are below.
pub const SATURATED: u16 = u16::MAX;

/// Brings a stored value of a product with this `RADIO_ADD_OFFSET` (0 or -1000 so far) to the common encoding. `saturated`
/// is what the product stores for saturated samples. Values that do not fit are limited; no data stays no data.
#[inline]
pub fn from_stored(stored: u16, radio_add_offset: i32, saturated: u16) -> u16 {
    match stored {
        NO_DATA => NO_DATA,
        _ if stored == saturated => SATURATED,
        _ => from_signed(i32::from(stored) + radio_add_offset).min(SATURATED - 1),
    }
}

/// Encodes a valid value, in units of 1/10000 and without bias.
#[inline]
pub fn from_signed(value: i32) -> u16 {
    (value + BIAS).clamp(1, i32::from(u16::MAX)) as u16
}

/// The value without bias, in units of 1/10000; no data counts as 0, as in the block means of the original
/// processor.
#[inline]
pub fn to_signed(sample: u16) -> i32 {
    if sample == NO_DATA { 0 } else { i32::from(sample) - BIAS }
}

/// Reflectance of a valid sample (0 for no data).
#[inline]
pub fn to_reflectance(sample: u16) -> f32 {
    to_signed(sample) as f32 / QUANTIFICATION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_of_a_product_give_the_same_sample() {
        for dn in 1..=5000u16 {
            assert_eq!(from_stored(dn, 0, 65_535), from_stored(dn + 1000, -1000, 65_535));
            assert_eq!(to_signed(from_stored(dn, 0, 65_535)), i32::from(dn));
        }
        assert_eq!(from_stored(0, 0, 65_535), 0);
        assert_eq!(from_stored(0, -1000, 65_535), 0);
        assert_eq!(to_signed(from_stored(1, -1000, 65_535)), -999);
    }

    #[test]
    fn saturated_samples_are_told_from_bright_ones() {
        for offset in [0, -1000] {
            assert_eq!(from_stored(65_535, offset, 65_535), SATURATED);
            assert_ne!(from_stored(65_534, offset, 65_535), SATURATED);
            assert_eq!(from_stored(32_767, offset, 32_767), SATURATED);
            assert_eq!(from_stored(0, offset, 0), NO_DATA);
        }
    }
}
