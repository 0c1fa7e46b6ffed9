//! Contexts of the coding passes (ITU-T T.800 D.3, tables D.1 to D.4) as tables over packed neighbourhoods.

use crate::mq::State;

/// Number of contexts (table D.7).
const COUNT: usize = 19;

/// A context. Nine for the significance of a sample, five for its sign, three for refinement, one each for runs and for
/// positions in them.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Context {
    Zero0,
    Zero1,
    Zero2,
    Zero3,
    Zero4,
    Zero5,
    Zero6,
    Zero7,
    Zero8,
    Sign9,
    Sign10,
    Sign11,
    Sign12,
    Sign13,
    Refine14,
    Refine15,
    Refine16,
    Run,
    Uniform,
}

use Context::{
    Refine14, Refine15, Refine16, Run, Sign9, Sign10, Sign11, Sign12, Sign13, Uniform, Zero0, Zero1, Zero2,
    Zero3, Zero4, Zero5, Zero6, Zero7, Zero8,
};

/// The states of all contexts of a block.
#[derive(Clone, Copy)]
pub(super) struct Contexts([State; COUNT]);

impl Contexts {
    /// States at the start of a block (table D.7).
    pub(super) const fn new() -> Self {
        let mut states = [State::initial(0); COUNT];
        states[Zero0 as usize] = State::initial(4);
        states[Run as usize] = State::initial(3);
        states[Uniform as usize] = State::initial(46);
        Self(states)
    }

    /// The state of a context.
    #[inline(always)]
    pub(super) fn at(&mut self, context: Context) -> &mut State {
        // In range for every context; the compiler knows it from the enum.
        &mut self.0[context as usize]
    }
}

/// Kind of a subband: which direction was high-pass filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Orientation {
    /// Low-pass in both directions.
    LowLow,
    /// High-pass from left to right: vertical edges.
    HighLow,
    /// High-pass from top to bottom: horizontal edges.
    LowHigh,
    /// High-pass in both directions.
    HighHigh,
}

/// Contexts of zero coding of a subband. The index is the 3 x 3 neighbourhood, nine bits: column to the left (above, beside, below
/// at bits 0 to 2), own column (3 to 5), column to the right (6 to 8); set where a sample is significant.
pub(super) type ZeroCoding = [Context; 512];

/// The table of a kind of subband.
pub(super) fn zero_coding(orientation: Orientation) -> &'static ZeroCoding {
    static TABLES: [ZeroCoding; 3] =
        [zero_table(false, false), zero_table(true, false), zero_table(false, true)];
    match orientation {
        Orientation::LowLow | Orientation::LowHigh => &TABLES[0],
        Orientation::HighLow => &TABLES[1],
        Orientation::HighHigh => &TABLES[2],
    }
}

/// Table D.1. `swapped` exchanges horizontal and vertical neighbours, `diagonal` is the column of HH.
const fn zero_table(swapped: bool, diagonal: bool) -> ZeroCoding {
    let mut table = [Zero0; 512];
    let mut i = 0;
    while i < 512 {
        let (mut h, mut v) = ((i >> 1 & 1) + (i >> 7 & 1), (i >> 3 & 1) + (i >> 5 & 1));
        let d = (i & 1) + (i >> 2 & 1) + (i >> 6 & 1) + (i >> 8 & 1);
        if swapped {
            (h, v) = (v, h);
        }
        table[i] = if diagonal { zero_diagonal(h + v, d) } else { zero_straight(h, v, d) };
        i += 1;
    }
    table
}

const fn zero_straight(h: usize, v: usize, d: usize) -> Context {
    match (h, v, d) {
        (2, _, _) => Zero8,
        (1, 1.., _) => Zero7,
        (1, 0, 1..) => Zero6,
        (1, 0, 0) => Zero5,
        (0, 2, _) => Zero4,
        (0, 1, _) => Zero3,
        (_, _, 2..) => Zero2,
        (_, _, 1) => Zero1,
        _ => Zero0,
    }
}

const fn zero_diagonal(hv: usize, d: usize) -> Context {
    match (hv, d) {
        (_, 3..) => Zero8,
        (1.., 2) => Zero7,
        (0, 2) => Zero6,
        (2.., 1) => Zero5,
        (1, 1) => Zero4,
        (0, 1) => Zero3,
        (2.., 0) => Zero2,
        (1, 0) => Zero1,
        (0, 0) => Zero0,
    }
}

/// Context of a sign and whether the decision is inverted (tables D.2 and D.3). The index has the significance of the
/// neighbours left, above, below, right at bits 0 to 3 and whether they are negative at bits 4 to 7.
pub(super) static SIGN_CODING: [(Context, u8); 256] = sign_table();

const fn sign_table() -> [(Context, u8); 256] {
    let mut table = [(Sign9, 0); 256];
    let mut i = 0;
    while i < 256 {
        let (vertical, horizontal) = (contribution(i, 1, 2), contribution(i, 0, 3));
        table[i] = match (horizontal, vertical) {
            (1, 1) => (Sign13, 0),
            (1, 0) => (Sign12, 0),
            (1, _) => (Sign11, 0),
            (0, 1) => (Sign10, 0),
            (0, 0) => (Sign9, 0),
            (0, _) => (Sign10, 1),
            (_, 1) => (Sign11, 1),
            (_, 0) => (Sign12, 1),
            _ => (Sign13, 1),
        };
        i += 1;
    }
    table
}

/// Sum of the signs of two neighbours, limited to -1, 0, 1.
const fn contribution(index: usize, a: usize, b: usize) -> i32 {
    let mut sum = 0;
    let (mut k, both) = (0, [a, b]);
    while k < 2 {
        if index >> both[k] & 1 == 1 {
            sum += if index >> (both[k] + 4) & 1 == 1 { -1 } else { 1 };
        }
        k += 1;
    }
    if sum > 1 {
        1
    } else if sum < -1 {
        -1
    } else {
        sum
    }
}

/// Context of the first refinement of a sample (table D.4): 0 = without significant neighbours, 1 = with.
pub(super) static FIRST_REFINEMENT: [Context; 2] = [Refine14, Refine15];

/// Context of a refinement (table D.4): 0 = first refinement without significant neighbours, 1 = with, 2 and 3 = later.
pub(super) static REFINEMENT: [Context; 4] = [Refine14, Refine15, Refine16, Refine16];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_tables() {
        let ll = zero_coding(Orientation::LowLow);
        let (hl, hh) = (zero_coding(Orientation::HighLow), zero_coding(Orientation::HighHigh));
        assert_eq!((ll[0], hl[0], hh[0]), (Zero0, Zero0, Zero0));
        // Left and right; above and below; one corner; all corners.
        assert_eq!((ll[0o202], hl[0o202], hh[0o202]), (Zero8, Zero4, Zero2));
        assert_eq!((ll[0o050], hl[0o050], hh[0o050]), (Zero4, Zero8, Zero2));
        assert_eq!((ll[0o001], hl[0o001], hh[0o001]), (Zero1, Zero1, Zero3));
        assert_eq!((ll[0o505], hl[0o505], hh[0o505]), (Zero2, Zero2, Zero8));
        // The sample itself has no influence.
        assert!((0..512).all(|i| ll[i] == ll[i ^ 0o020] && hl[i] == hl[i ^ 0o020] && hh[i] == hh[i ^ 0o020]));
        assert_eq!(SIGN_CODING[0b0000_1001], (Sign12, 0));
        assert_eq!(SIGN_CODING[0b1001_1001], (Sign12, 1));
        assert_eq!(SIGN_CODING[0b0001_1001], (Sign9, 0));
        assert_eq!(SIGN_CODING[0b0010_1111], (Sign12, 0));
        assert_eq!(SIGN_CODING[0b0110_1111], (Sign11, 0));
    }
}
