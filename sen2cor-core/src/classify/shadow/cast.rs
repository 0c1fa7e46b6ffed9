//! How much cloud lies on the line towards the sun: the convolution of the cloud mask with the shadow line.
//!
//! Source: Sen2Cor 2.8, which convolves by Fourier transform; here the sum itself is taken (decision 1 in `COMPARE.md`). Its
//! terms are integers, so no order of them changes a bit. A sum ends as soon as it is 1, since more is limited to 1: with
//! the heaviest terms first, most sums under a cloud end after two.

use super::area::Area;
use super::bits::{Mask, WORD};
use super::shadow_line::{ONE, ShadowLine, Tap};

/// Sums from here on are 1 when they are rounded to f32.
const FULL: u64 = ONE - (1 << 15);

/// Rows that are looked at together to find out where there is no cloud on the line at all.
const BAND: usize = 8;

/// The shade on the pixels of an area: 0 to 1, and 0 on the clouds themselves.
pub(super) struct Shade {
    area: Area,
    values: Vec<f32>,
    /// Where it is not 0.
    pub(super) some: Mask,
    /// Where it is 1.
    pub(super) full: Mask,
}

impl Shade {
    /// Sums up the shade that `clouds` throw on the pixels that are `wanted`; it stays 0 elsewhere. Where the clouds do not
    /// cover [`clouds_for`] the area of the wanted pixels, there are none.
    pub(super) fn sum(clouds: &Mask, wanted: &Mask, line: &ShadowLine) -> Self {
        let area = wanted.area();
        let values = vec![0.0; area.rows * area.cols];
        let mut shade = Self { area, values, some: Mask::new(area), full: Mask::new(area) };
        // With room for the last word of a row.
        let clouds = clouds.on(clouds_for(area, line).widen(WORD));
        let steps = steps(&clouds, area, line);
        let (words, stride) = clouds.raw();
        let bands = bands(words, stride);
        for first in (0..area.rows).step_by(BAND) {
            let rows = first..(first + BAND).min(area.rows);
            for index in 0..area.cols.div_ceil(WORD) {
                if rows.clone().all(|row| wanted.row(row)[index] == 0) {
                    continue;
                }
                let start = first * stride + index;
                let seen = steps.iter().fold(0, |seen, step| seen | step.word(&bands, start));
                for row in rows.clone() {
                    let wanted = wanted.row(row)[index] & seen;
                    if wanted != 0 {
                        shade.sum_word(words, &steps, (row, row * stride, index), wanted);
                    }
                }
            }
        }
        shade
    }

    /// The sums of the wanted pixels of one word.
    fn sum_word(&mut self, words: &[u64], steps: &[Step], place: (usize, usize, usize), wanted: u64) {
        let (row, start, index) = place;
        let mut sums = [0u64; WORD];
        let (mut open, mut some) = (wanted, 0);
        for step in steps {
            let mut hit = step.word(words, start + index) & open;
            some |= hit;
            while hit != 0 {
                let bit = hit.trailing_zeros() as usize;
                sums[bit] += step.weight;
                if sums[bit] >= FULL {
                    open &= !(1 << bit);
                }
                hit &= hit - 1;
            }
            if open == 0 {
                break;
            }
        }
        self.some.row_mut(row)[index] = some;
        self.full.row_mut(row)[index] = wanted & !open;
        let first = row * self.area.cols + index * WORD;
        let count = WORD.min(self.area.cols - index * WORD);
        for (value, &sum) in self.values[first..first + count].iter_mut().zip(&sums) {
            *value = (sum as f64 / ONE as f64) as f32;
            *value = value.min(1.0);
        }
    }

    pub(super) fn area(&self) -> Area {
        self.area
    }

    /// A row, counted in the image.
    pub(super) fn row(&self, row: usize) -> &[f32] {
        let first = (row as isize - self.area.row) as usize * self.area.cols;
        &self.values[first..first + self.area.cols]
    }
}

/// The area whose clouds can shade an area.
pub(super) fn clouds_for(area: Area, line: &ShadowLine) -> Area {
    let ((low_row, high_row), (low_col, high_col)) = line.bounds();
    let end = area.end();
    Area::between((area.row - high_row, area.col - high_col), (end.0 - low_row, end.1 - low_col))
}

/// A pixel of the line as a step through the words of the cloud mask.
struct Step {
    /// Words from a place in the area to the cloud.
    words: usize,
    /// Bits after them.
    bits: usize,
    weight: u64,
}

impl Step {
    /// Which of 64 pixels see a cloud here.
    #[inline]
    fn word(&self, words: &[u64], start: usize) -> u64 {
        let pair = &words[start + self.words..start + self.words + 2];
        pair[0] >> self.bits | pair[1] << 1 << (WORD - 1 - self.bits)
    }
}

fn steps(clouds: &Mask, area: Area, line: &ShadowLine) -> Vec<Step> {
    let (origin, stride) = (clouds.area(), clouds.raw().1);
    let step = |tap: &Tap| {
        let row = (area.row - tap.rows - origin.row) as usize;
        // The first word of a row is an empty one.
        let bit = (area.col - tap.cols - origin.col) as usize + WORD;
        Step { words: row * stride + bit / WORD, bits: bit % WORD, weight: tap.weight }
    };
    line.taps().iter().map(step).collect()
}

/// Each word with those of the rows below it in a band.
fn bands(words: &[u64], stride: usize) -> Vec<u64> {
    let mut bands = words.to_vec();
    let mut rows = 1;
    while rows < BAND {
        for index in 0..bands.len().saturating_sub(rows * stride) {
            bands[index] |= bands[index + rows * stride];
        }
        rows *= 2;
    }
    bands
}
