//! The snow mask: which pixels are snow, and which lie near enough to it.
//!
//! Source: Sen2Cor 2.8, step 2.5: the mask of snow is dilated with the diamond |rows| + |columns| <= 3, outside the
//! image there is none.

/// Pixels around a block that the classification reads, as far as the image reaches.
pub const HALO_PX: usize = 3;

/// The snow of a block and its halo.
pub(super) struct SnowMask {
    cols: usize,
    cores: Vec<bool>,
    /// Rows that hold any snow; most images have few.
    filled: Vec<bool>,
}

impl SnowMask {
    /// A mask without snow.
    pub(super) fn new(rows: usize, cols: usize) -> Self {
        Self { cols, cores: vec![false; rows * cols], filled: vec![false; rows] }
    }

    /// Sets the snow of a row by a function that fills a slice of the row's length.
    pub(super) fn set_row(&mut self, row: usize, fill: impl FnOnce(&mut [bool])) {
        let line = &mut self.cores[row * self.cols..(row + 1) * self.cols];
        fill(line);
        self.filled[row] = line.contains(&true);
    }

    /// Tells for every pixel of a row whether snow is within reach (snow itself is).
    pub(super) fn near_row(&self, row: usize, near: &mut [bool]) {
        near.fill(false);
        let first = row.saturating_sub(HALO_PX);
        let last = (row + HALO_PX).min(self.filled.len() - 1);
        for other in first..=last {
            if self.filled[other] {
                widen(self.line(other), HALO_PX - other.abs_diff(row), near);
            }
        }
    }

    fn line(&self, row: usize) -> &[bool] {
        &self.cores[row * self.cols..(row + 1) * self.cols]
    }
}

/// Marks what lies within `reach` of a mark in the same row.
fn widen(cores: &[bool], reach: usize, near: &mut [bool]) {
    let mut end = 0;
    for run in cores.chunk_by(|a, b| a == b) {
        let start = end;
        end += run.len();
        if run[0] {
            let to = (end + reach).min(near.len());
            near[start.saturating_sub(reach)..to].fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_a_diamond() {
        let (rows, cols) = (9, 11);
        let mut mask = SnowMask::new(rows, cols);
        for (row, col) in [(4, 4), (0, 10)] {
            mask.set_row(row, |line| line[col] = true);
        }
        let mut near = vec![false; cols];
        for row in 0..rows {
            mask.near_row(row, &mut near);
            for (col, &near) in near.iter().enumerate() {
                let distance = |r: usize, c: usize| row.abs_diff(r) + col.abs_diff(c);
                assert_eq!(near, distance(4, 4) <= 3 || distance(0, 10) <= 3, "{row} {col}");
            }
        }
    }
}
