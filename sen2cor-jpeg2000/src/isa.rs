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

/// Four of six bits, ten times.
#[cfg(target_arch = "x86_64")]
const GROUPS: u64 = 0x03CF_3CF3_CF3C_F3CF;

/// Operations that instruction sets do differently.
pub(crate) trait Level: Copy {
    /// Ten groups of four bits, moved apart to groups of six.
    fn spread(self, word: u64) -> u64;

    /// Bits 0 to 2, 6 to 8 and 12 to 14, packed: less than 512.
    fn nine(self, window: u64) -> usize;

    /// Bits 1, 6, 8 and 13, packed: less than 16.
    fn cross(self, window: u64) -> usize;

    /// Bits of 64 bytes, four in a word from its lowest: element `b` of the result has bit `b` of byte `i` at bit `i`.
    fn bit_planes(self, words: &[u32; 16]) -> [u64; 8];
}

/// What every processor can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Baseline;

impl Level for Baseline {
    #[inline(always)]
    fn spread(self, word: u64) -> u64 {
        // Groups 8 and 9, then 4 to 7, then every second pair, then every second group.
        let mut v = (word & 0xFFFF_FFFF) | (word & 0xFF_0000_0000) << 16;
        v = (v & 0x00FF_0000_0000_FFFF) | (v & 0x0000_0000_FFFF_0000) << 8;
        v = (v & 0x00FF_0000_FF00_00FF) | (v & 0x0000_00FF_0000_FF00) << 4;
        (v & 0x000F_00F0_0F00_F00F) | (v & 0x00F0_0F00_F00F_00F0) << 2
    }

    #[inline(always)]
    fn nine(self, window: u64) -> usize {
        ((window & 7) | (window >> 3 & 0x38) | (window >> 6 & 0x1C0)) as usize
    }

    #[inline(always)]
    fn cross(self, window: u64) -> usize {
        ((window >> 1 & 1) | (window >> 5 & 2) | (window >> 6 & 4) | (window >> 10 & 8)) as usize
    }

    #[inline(always)]
    fn bit_planes(self, words: &[u32; 16]) -> [u64; 8] {
        let mut planes = [0; 8];
        for (eight, pair) in words.chunks_exact(2).enumerate() {
            let bytes = u64::from(pair[0]) | u64::from(pair[1]) << 32;
            for (bit, plane) in planes.iter_mut().enumerate() {
                // The product has the lowest bits of the bytes side by side in its highest byte.
                let lowest = bytes >> bit & 0x0101_0101_0101_0101;
                *plane |= lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * eight);
            }
        }
        planes
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
    fn spread(self, word: u64) -> u64 {
        // SAFETY: a `V3` is the proof that the processor has BMI2.
        unsafe { std::arch::x86_64::_pdep_u64(word, GROUPS) }
    }

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
    fn bit_planes(self, words: &[u32; 16]) -> [u64; 8] {
        use std::arch::x86_64::{__m256i, _mm256_add_epi8, _mm256_loadu_si256, _mm256_movemask_epi8};
        let mut planes = [0; 8];
        // SAFETY: a `V3` is the proof that the processor has AVX2; both loads read 32 of the 64 bytes of `words`.
        unsafe {
            let start = words.as_ptr().cast::<__m256i>();
            let (mut low, mut high) = (_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1)));
            for plane in planes.iter_mut().rev() {
                let bits = [_mm256_movemask_epi8(low), _mm256_movemask_epi8(high)];
                *plane = u64::from(bits[0] as u32) | u64::from(bits[1] as u32) << 32;
                (low, high) = (_mm256_add_epi8(low, low), _mm256_add_epi8(high, high));
            }
        }
        planes
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
            let expected = (0..10).map(|group| (word >> (4 * group) & 15) << (6 * group)).sum();
            assert_eq!(level.spread(word), expected);
            let expected: u64 = (0..9).map(|i| (word >> (i % 3 + 6 * (i / 3)) & 1) << i).sum();
            assert_eq!(level.nine(word), expected as usize);
            let expected: u64 = [1, 6, 8, 13].iter().enumerate().map(|(i, bit)| (word >> bit & 1) << i).sum();
            assert_eq!(level.cross(word), expected as usize);
            let words: [u32; 16] =
                std::array::from_fn(|i| (word as u32).rotate_left(3 * i as u32).wrapping_mul(77));
            for (bit, plane) in level.bit_planes(&words).into_iter().enumerate() {
                let expected = (0..64).map(|i| u64::from(words[i / 4] >> (8 * (i % 4) + bit) & 1) << i).sum();
                assert_eq!(plane, expected);
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
