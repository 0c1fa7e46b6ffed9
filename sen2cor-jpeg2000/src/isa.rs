//! Instruction sets: the inner loops are compiled twice, for the baseline of the target and for x86-64 with BMI2, LZCNT and
//! AVX2, and the better one is chosen when the program runs.
//!
//! A loop is a generic function over a [`Level`], which brings the few operations that differ. A value of [`V3`] exists only
//! where the processor was asked, so that having one is the proof that its instructions may be used.
#![allow(unsafe_code, reason = "instructions beyond the baseline")]
#![allow(clippy::cast_ptr_alignment, reason = "the loads are those for any alignment")]

/// Which versions of the loops this processor can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    V3(V3),
}

impl Isa {
    /// The best for this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = V3::detect() {
            return Self(Kind::V3(v3));
        }
        Self(Kind::Baseline)
    }

    /// The versions that every processor of the target can run.
    pub(crate) const fn baseline() -> Self {
        Self(Kind::Baseline)
    }

    /// Whether a level beyond the baseline is used.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn v3(self) -> Option<V3> {
        match self.0 {
            Kind::V3(v3) => Some(v3),
            Kind::Baseline => None,
        }
    }
}

/// Four of six bits, eight times: the places of the samples of eight columns.
#[cfg(target_arch = "x86_64")]
const GROUPS: u64 = 0x3CF3_CF3C_F3CF;

/// Operations that instruction sets do differently.
pub(crate) trait Level: Copy {
    /// Bits 0 to 2, 6 to 8 and 12 to 14, packed: less than 512.
    fn nine(self, window: u64) -> usize;

    /// Bits 1, 6, 8 and 13, packed: less than 16.
    fn cross(self, window: u64) -> usize;

    /// Bits of 32 bytes, four in a word from its lowest: element `b` of the result has bit `b` of byte `i` of word `j` at bit
    /// `6 * j + i`.
    fn bit_planes(self, words: &[u32; 8]) -> [u64; 8];

    /// Four rows of eight numbers from their bits: `6 * column + row` is the bit of a number in a word. The planes
    /// come from the highest; where `minus` has a bit the number is negative.
    fn numbers(self, planes: impl Iterator<Item = u64>, minus: u64) -> [[i32; 8]; 4];
}

/// Position of a column in half a word: five columns of six bits are in the lower 30 bits, three in what is above.
const SHIFTS: [i32; 8] = [0, 6, 12, 18, 24, 0, 6, 12];

/// What every processor can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Baseline;

impl Level for Baseline {
    #[inline(always)]
    fn nine(self, window: u64) -> usize {
        ((window & 7) | (window >> 3 & 0x38) | (window >> 6 & 0x1C0)) as usize
    }

    #[inline(always)]
    fn cross(self, window: u64) -> usize {
        ((window >> 1 & 1) | (window >> 5 & 2) | (window >> 6 & 4) | (window >> 10 & 8)) as usize
    }

    #[inline(always)]
    fn bit_planes(self, words: &[u32; 8]) -> [u64; 8] {
        let mut planes = [0; 8];
        for (two, pair) in words.chunks_exact(2).enumerate() {
            let bytes = u64::from(pair[0]) | u64::from(pair[1]) << 32;
            for (bit, plane) in planes.iter_mut().enumerate() {
                // The product has the lowest bits of the bytes side by side in its highest byte.
                let lowest = bytes >> bit & 0x0101_0101_0101_0101;
                let eight = lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56;
                *plane |= (eight & 15 | (eight & 0xF0) << 2) << (12 * two);
            }
        }
        planes
    }

    #[inline(always)]
    fn numbers(self, planes: impl Iterator<Item = u64>, minus: u64) -> [[i32; 8]; 4] {
        let bit = |word: u64, row: usize, column: usize| {
            let half = if column < 5 { word as u32 } else { (word >> 30) as u32 };
            (half >> SHIFTS[column] >> row & 1) as i32
        };
        let mut rows = [[0; 8]; 4];
        for word in planes {
            for (row, numbers) in rows.iter_mut().enumerate() {
                numbers.iter_mut().enumerate().for_each(|(c, n)| *n = *n << 1 | bit(word, row, c));
            }
        }
        for (row, numbers) in rows.iter_mut().enumerate() {
            numbers
                .iter_mut()
                .enumerate()
                .for_each(|(c, n)| *n = (*n ^ -bit(minus, row, c)) + bit(minus, row, c));
        }
        rows
    }
}

/// BMI1, BMI2, LZCNT and AVX2 are there: only [`V3::detect`] makes one.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct V3(());

#[cfg(target_arch = "x86_64")]
impl V3 {
    fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("avx2");
        (all && !cfg!(miri)).then_some(Self(()))
    }
}

#[cfg(target_arch = "x86_64")]
impl Level for V3 {
    #[inline(always)]
    fn nine(self, window: u64) -> usize {
        // SAFETY: a `V3` is the proof that the processor has BMI2.
        let packed = unsafe { std::arch::x86_64::_pext_u64(window, 0x71C7) };
        packed as usize & 511
    }

    #[inline(always)]
    fn cross(self, window: u64) -> usize {
        // SAFETY: a `V3` is the proof that the processor has BMI2.
        let packed = unsafe { std::arch::x86_64::_pext_u64(window, 0x2142) };
        packed as usize & 15
    }

    #[inline(always)]
    fn bit_planes(self, words: &[u32; 8]) -> [u64; 8] {
        use std::arch::x86_64::{_mm256_add_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _pdep_u64};
        let mut planes = [0; 8];
        // SAFETY: a `V3` is the proof that the processor has AVX2 and BMI2; the load reads the 32 bytes of `words`.
        unsafe {
            let mut bytes = _mm256_loadu_si256(words.as_ptr().cast());
            for plane in planes.iter_mut().rev() {
                let bits = _mm256_movemask_epi8(bytes) as u32;
                *plane = _pdep_u64(bits.into(), GROUPS);
                bytes = _mm256_add_epi8(bytes, bytes);
            }
        }
        planes
    }

    #[inline(always)]
    fn numbers(self, planes: impl Iterator<Item = u64>, minus: u64) -> [[i32; 8]; 4] {
        use std::arch::x86_64::{
            __m256i, _mm256_add_epi32, _mm256_and_si256, _mm256_blend_epi32, _mm256_loadu_si256,
            _mm256_or_si256, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_srli_epi32, _mm256_srlv_epi32,
            _mm256_storeu_si256, _mm256_sub_epi32, _mm256_xor_si256,
        };
        let mut rows = [[0; 8]; 4];
        // SAFETY: a `V3` is the proof that the processor has AVX2; the load reads the 32 bytes of `SHIFTS`, each store writes the 32 of
        // a row.
        unsafe {
            let shifts = _mm256_loadu_si256(SHIFTS.as_ptr().cast());
            let one = _mm256_set1_epi32(1);
            let columns = |word: u64| {
                let halves = [word as i32, (word >> 30) as i32].map(|half| _mm256_set1_epi32(half));
                _mm256_srlv_epi32(_mm256_blend_epi32::<0b1110_0000>(halves[0], halves[1]), shifts)
            };
            let bits = |c: __m256i| {
                let down =
                    [c, _mm256_srli_epi32::<1>(c), _mm256_srli_epi32::<2>(c), _mm256_srli_epi32::<3>(c)];
                down.map(|bits| _mm256_and_si256(bits, one))
            };
            let mut sums = [_mm256_setzero_si256(); 4];
            for word in planes {
                let bits = bits(columns(word));
                for (sum, bit) in sums.iter_mut().zip(bits) {
                    *sum = _mm256_or_si256(_mm256_add_epi32(*sum, *sum), bit);
                }
            }
            for ((row, sum), bit) in rows.iter_mut().zip(sums).zip(bits(columns(minus))) {
                let mask = _mm256_sub_epi32(_mm256_setzero_si256(), bit);
                let signed = _mm256_add_epi32(_mm256_xor_si256(sum, mask), bit);
                _mm256_storeu_si256(row.as_mut_ptr().cast(), signed);
            }
        }
        rows
    }
}

/// Makes `fn name(isa, arguments)` that calls the best version of `fn body(level, arguments)`.
macro_rules! versions {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) = $body:ident) => {
        $(#[$doc])*
        $vis fn $name(isa: $crate::isa::Isa, $($arg: $type),*) {
            #[inline(never)]
            fn baseline($($arg: $type),*) {
                $body($crate::isa::Baseline, $($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "bmi1,bmi2,lzcnt,avx2")]
            #[inline(never)]
            fn v3(level: $crate::isa::V3, $($arg: $type),*) {
                $body(level, $($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            if let Some(level) = isa.v3() {
                // SAFETY: a `V3` is the proof that the processor has the features.
                #[allow(unsafe_code, reason = "the version needs instructions that were detected")]
                return unsafe { v3(level, $($arg),*) };
            }
            let _ = isa;
            baseline($($arg),*)
        }
    };
}

pub(crate) use versions;

#[cfg(test)]
mod tests {
    use super::*;

    fn packs<L: Level>(level: L) {
        let mut word = 0x0123_4567_89AB_CDEFu64;
        for _ in 0..1000 {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let expected: u64 = (0..9).map(|i| (word >> (i % 3 + 6 * (i / 3)) & 1) << i).sum();
            assert_eq!(level.nine(word), expected as usize);
            let expected: u64 = [1, 6, 8, 13].iter().enumerate().map(|(i, bit)| (word >> bit & 1) << i).sum();
            assert_eq!(level.cross(word), expected as usize);
            let words: [u32; 8] =
                std::array::from_fn(|i| (word as u32).rotate_left(3 * i as u32).wrapping_mul(77));
            let place = |i: usize| 6 * (i / 4) + i % 4;
            for (bit, plane) in level.bit_planes(&words).into_iter().enumerate() {
                let expected =
                    (0..32).map(|i| u64::from(words[i / 4] >> (8 * (i % 4) + bit) & 1) << place(i)).sum();
                assert_eq!(plane, expected);
            }
            // The samples are the bytes; the highest plane is that of the sign.
            let [planes @ .., minus] = level.bit_planes(&words);
            let rows = level.numbers(planes.into_iter().rev(), minus);
            for (i, number) in (0..32).map(|i| (i, rows[i % 4][i / 4])) {
                let byte = (words[i / 4] >> (8 * (i % 4)) & 0xFF) as i32;
                assert_eq!(number, if byte < 128 { byte } else { 128 - byte });
            }
        }
    }

    #[test]
    fn levels_pack_bits_alike() {
        packs(Baseline);
        #[cfg(target_arch = "x86_64")]
        if let Some(level) = Isa::detect().v3() {
            packs(level);
        }
    }
}
