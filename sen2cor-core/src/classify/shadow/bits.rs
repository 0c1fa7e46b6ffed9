//! Masks of one bit per pixel, 64 pixels in a word: what the search for shadows reasons with.
//!
//! A mask knows which pixels of the image it covers. It may reach beyond the image; everything outside a mask counts as
//! not set.

use super::area::Area;

/// Pixels in a word.
pub(super) const WORD: usize = u64::BITS as usize;

/// One bit per pixel of an area.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mask {
    area: Area,
    /// Words of a row, one that is never set before and after it included.
    stride: usize,
    words: Vec<u64>,
}

impl Mask {
    /// A mask with nothing set.
    pub(super) fn new(area: Area) -> Self {
        let stride = area.cols.div_ceil(WORD) + 2;
        Self { area, stride, words: vec![0; stride * area.rows] }
    }

    /// A mask whose rows are filled by a function: it gets the row, counted in the image, and a byte per column of which
    /// the lowest bit counts.
    pub(super) fn from_rows(area: Area, mut fill: impl FnMut(isize, &mut [u8])) -> Self {
        let mut mask = Self::new(area);
        let mut line = vec![0; (mask.stride - 2) * WORD];
        for row in 0..area.rows {
            fill(area.row + row as isize, &mut line[..area.cols]);
            for (word, bytes) in mask.row_mut(row).iter_mut().zip(line.as_chunks::<WORD>().0) {
                *word = packed(bytes);
            }
        }
        mask
    }

    pub(super) fn area(&self) -> Area {
        self.area
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The words of a row, counted from the first of the mask. Bits beyond the last column are not set.
    pub(super) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.stride + 1..(row + 1) * self.stride - 1]
    }

    pub(super) fn row_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.words[row * self.stride + 1..(row + 1) * self.stride - 1]
    }

    /// All words with the unset ones between the rows, and how many belong to a row.
    pub(super) fn raw(&self) -> (&[u64], usize) {
        (&self.words, self.stride)
    }

    /// Whether a pixel, counted in the image, is set.
    pub(super) fn contains(&self, row: isize, col: isize) -> bool {
        let (row, col) = (row - self.area.row, col - self.area.col);
        let inside =
            (0..self.area.rows as isize).contains(&row) && (0..self.area.cols as isize).contains(&col);
        inside && self.row(row as usize)[col as usize / WORD] >> (col as usize % WORD) & 1 == 1
    }

    /// Pixels that are set here and in a mask of the same area.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
        self
    }

    /// Pixels that are set here but not in a mask of the same area.
    pub(super) fn and_not(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
        self
    }

    /// Pixels that are set here or in a mask of the same area.
    pub(super) fn or(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
        self
    }

    /// The same pixels in another area; what lies outside this one is not set.
    pub(super) fn on(&self, area: Area) -> Self {
        let mut result = Self::new(area);
        let shift = (area.col - self.area.col) + WORD as isize;
        let width = ((self.stride - 1) * WORD) as isize;
        for row in 0..area.rows {
            let from = area.row + row as isize - self.area.row;
            if !(0..self.area.rows as isize).contains(&from) {
                continue;
            }
            let source = &self.words[from as usize * self.stride..][..self.stride];
            for (index, word) in result.row_mut(row).iter_mut().enumerate() {
                let bit = shift + (index * WORD) as isize;
                let in_reach = (0..width).contains(&bit);
                *word = if in_reach { word_at(source, bit as usize) } else { edge_word(source, bit) };
            }
        }
        result.trim()
    }

    /// Pixels that have five or more of their nine neighbours (themselves included) set: the median of a mask. The result
    /// is smaller by one pixel on each side.
    pub(super) fn majority(&self) -> Self {
        let inner = self.area.shrink(1);
        let mut result = Self::new(inner);
        for row in 0..inner.rows {
            let sums: [_; 3] = std::array::from_fn(|k| {
                let at = (row + k) * self.stride;
                &self.words[at..at + self.stride]
            });
            for (index, word) in result.row_mut(row).iter_mut().enumerate() {
                let [a, b, c] = sums.map(|line| three(line, index));
                *word = five_of_nine(a, b, c);
            }
        }
        result.trim()
    }

    /// Pixels from which a set pixel lies within `reach` rows and columns.
    pub(super) fn spread(&self, reach: usize) -> Self {
        let wide = self
            .by_rows(|words, index| (1..=reach).fold(words[index], |all, k| all | beside(words, index, k)));
        wide.by_columns(reach, |all, other| all | other).trim()
    }

    /// Pixels around which all pixels within `reach` rows and columns are set; what lies outside the mask is not.
    pub(super) fn core(&self, reach: usize) -> Self {
        let narrow = self.by_rows(|words, index| {
            (1..=reach).fold(words[index], |all, k| all & left(words, index, k) & right(words, index, k))
        });
        narrow.by_columns(reach, |all, other| all & other)
    }

    /// Pixels that are set or have one of their four neighbours set.
    pub(super) fn cross(&self) -> Self {
        let wide = self.by_rows(|words, index| words[index] | beside(words, index, 1));
        let tall = self.by_columns(1, |all, other| all | other);
        wide.or(&tall).trim()
    }

    fn by_rows(&self, f: impl Fn(&[u64], usize) -> u64) -> Self {
        let mut result = Self::new(self.area);
        for row in 0..self.area.rows {
            let words = &self.words[row * self.stride..(row + 1) * self.stride];
            for (index, word) in result.row_mut(row).iter_mut().enumerate() {
                *word = f(words, index + 1);
            }
        }
        result
    }

    /// Joins each row with those up to `reach` above and below; rows outside the mask are empty.
    fn by_columns(&self, reach: usize, join: impl Fn(u64, u64) -> u64) -> Self {
        let mut result = self.clone();
        let none = vec![0; self.stride];
        for row in 0..self.area.rows {
            let target = &mut result.words[row * self.stride..(row + 1) * self.stride];
            for k in 1..=reach {
                for other in [row.checked_sub(k), Some(row + k).filter(|&below| below < self.area.rows)] {
                    let line =
                        other.map_or(&none[..], |other| &self.words[other * self.stride..][..self.stride]);
                    target.iter_mut().zip(line).for_each(|(word, &other)| *word = join(*word, other));
                }
            }
        }
        result
    }

    /// Clears the bits beyond the last column.
    fn trim(mut self) -> Self {
        let rest = self.area.cols % WORD;
        if rest > 0 {
            for row in 0..self.area.rows {
                if let Some(last) = self.row_mut(row).last_mut() {
                    *last &= (1 << rest) - 1;
                }
            }
        }
        self
    }

    /// Runs of set pixels of a row (counted from the first of the mask) as ranges of columns. Runs with less than `gap`
    /// unset pixels between them are one.
    pub(super) fn runs(&self, row: usize, gap: usize) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (index, &word) in self.row(row).iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                let start = rest.trailing_zeros() as usize;
                let length = (!(rest >> start)).trailing_zeros() as usize;
                rest &= if start + length == WORD { 0 } else { u64::MAX << (start + length) };
                let (from, to) = (index * WORD + start, index * WORD + start + length);
                match runs.last_mut() {
                    Some(last) if from < last.1 + gap.max(1) => last.1 = to,
                    _ => runs.push((from, to)),
                }
            }
        }
        runs
    }
}

/// The lowest bits of 64 bytes.
fn packed(bytes: &[u8; WORD]) -> u64 {
    let mut word = 0;
    for (index, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let lowest = u64::from_le_bytes(*eight) & 0x0101_0101_0101_0101;
        word |= (lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * index);
    }
    word
}

/// 64 bits from bit `bit` of a row of words on; the word after them must be there.
#[inline]
pub(super) fn word_at(words: &[u64], bit: usize) -> u64 {
    let (index, shift) = (bit / WORD, bit % WORD);
    let pair = &words[index..index + 2];
    pair[0] >> shift | pair[1] << 1 << (WORD - 1 - shift)
}

/// As [`word_at`], where a part or all of the bits lie outside the row.
fn edge_word(words: &[u64], bit: isize) -> u64 {
    let at = |index: isize| usize::try_from(index).ok().and_then(|i| words.get(i)).copied().unwrap_or(0);
    let (index, shift) = (bit.div_euclid(WORD as isize), bit.rem_euclid(WORD as isize) as usize);
    at(index) >> shift | at(index + 1) << 1 << (WORD - 1 - shift)
}

/// The pixels `k` columns to the left (west) of those of a word.
fn left(words: &[u64], index: usize, k: usize) -> u64 {
    words[index] << k | words[index - 1] >> (WORD - k)
}

/// The pixels `k` columns to the right (east) of those of a word.
fn right(words: &[u64], index: usize, k: usize) -> u64 {
    words[index] >> k | words[index + 1] << (WORD - k)
}

fn beside(words: &[u64], index: usize, k: usize) -> u64 {
    left(words, index, k) | right(words, index, k)
}

/// Numbers of two bits, 64 of them side by side: the ones and the twos.
type Pair = (u64, u64);

/// How many of the pixels from `index` on and the two after each are set.
fn three(line: &[u64], index: usize) -> Pair {
    let first = line[index + 1];
    let [second, third] = [1, 2].map(|k| right(line, index + 1, k));
    (first ^ second ^ third, first & second | third & (first | second))
}

/// Whether three such numbers add up to five or more.
fn five_of_nine(a: Pair, b: Pair, c: Pair) -> u64 {
    let odd = a.0 ^ b.0 ^ c.0;
    let carry = a.0 & b.0 | c.0 & (a.0 | b.0);
    // Four bits that count two each: three of them are enough, two with the odd one.
    let (both_ab, any_ab) = (a.1 & b.1, a.1 | b.1);
    let (both_cd, any_cd) = (c.1 & carry, c.1 | carry);
    let two = both_ab | both_cd | any_ab & any_cd;
    let three = both_ab & any_cd | both_cd & any_ab;
    three | two & odd
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(row: isize, col: isize, rows: usize, cols: usize) -> Area {
        Area { row, col, rows, cols }
    }

    fn random(seed: u64, area: Area) -> Mask {
        let mut state = seed | 1;
        Mask::from_rows(area, |_, line| {
            for byte in line {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = u8::from(state >> 33 & 7 < seed % 8);
            }
        })
    }

    /// Every pixel of an area with what a predicate says of it.
    fn of(area: Area, f: impl Fn(isize, isize) -> bool) -> Mask {
        Mask::from_rows(area, |row, line| {
            for (col, byte) in (area.col..).zip(line) {
                *byte = u8::from(f(row, col));
            }
        })
    }

    /// How many pixels within a distance are set.
    fn around(mask: &Mask, row: isize, col: isize, reach: isize) -> usize {
        let near = -reach..=reach;
        near.clone()
            .flat_map(|r| near.clone().map(move |c| (r, c)))
            .filter(|&(r, c)| mask.contains(row + r, col + c))
            .count()
    }

    proptest! {
        #[test]
        fn operations_do_what_they_say(seed: u64, rows in 3usize..12, cols in 3usize..150, reach in 0usize..13) {
            let a = area(-3, 5, rows, cols);
            let mask = random(seed, a);
            let r = reach as isize;
            let all = (2 * reach + 1).pow(2);
            prop_assert_eq!(mask.spread(reach), of(a, |row, col| around(&mask, row, col, r) > 0));
            prop_assert_eq!(mask.core(reach), of(a, |row, col| around(&mask, row, col, r) == all));
            prop_assert_eq!(mask.majority(), of(a.shrink(1), |row, col| around(&mask, row, col, 1) >= 5));
            let cross = |row, col| {
                [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)].iter().any(|(r, c)| mask.contains(row + r, col + c))
            };
            prop_assert_eq!(mask.cross(), of(a, cross));
        }

        #[test]
        fn another_area_holds_the_same_pixels(seed: u64, row in -9isize..9, col in -200isize..200, cols in 1usize..300) {
            let mask = random(seed, area(0, 0, 6, 100));
            let other = area(row, col, 8, cols);
            prop_assert_eq!(mask.on(other), of(other, |r, c| mask.contains(r, c)));
        }

        #[test]
        fn runs_hold_all_set_pixels(seed: u64, cols in 1usize..200, gap in 0usize..30) {
            let mask = random(seed, area(0, 0, 1, cols));
            let single = mask.runs(0, 1);
            let inside = |runs: &[(usize, usize)], col| runs.iter().any(|&(from, to)| (from..to).contains(&col));
            for col in 0..cols {
                prop_assert_eq!(inside(&single, col), mask.contains(0, col as isize));
            }
            let joined = mask.runs(0, gap);
            prop_assert!(joined.windows(2).all(|pair| pair[1].0 - pair[0].1 >= gap.max(1)));
            prop_assert!(single.iter().all(|&(from, to)| joined.iter().any(|run| run.0 <= from && to <= run.1)));
        }
    }
}
