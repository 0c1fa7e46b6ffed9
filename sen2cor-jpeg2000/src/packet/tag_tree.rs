//! Tag trees (ITU-T T.800 B.10.2): numbers of a grid, coded through the minima of ever larger squares.

use super::bits::{HeaderReader, HeaderWriter};
use crate::error::Error;

/// Most that a number in a tree may be: planes and layers are fewer.
const MAX_VALUE: u32 = 80;
/// A node that nothing is known of.
const UNKNOWN: u8 = 0xFF;

/// A tree over a grid, which keeps its memory.
#[derive(Default)]
pub(crate) struct TagTree {
    /// Per level from the leaves to the root: nodes in a row, and where the level starts.
    levels: Vec<(usize, usize)>,
    values: Vec<u8>,
    /// Whether the value of a node was written.
    written: Vec<bool>,
}

impl TagTree {
    /// Shapes the tree; nothing is known of its values. The grid is not empty.
    pub(crate) fn reset(&mut self, width: usize, height: usize) {
        self.levels.clear();
        let (mut w, mut h, mut start) = (width, height, 0);
        loop {
            self.levels.push((w, start));
            start += w * h;
            if w * h <= 1 {
                break;
            }
            (w, h) = (w.div_ceil(2), h.div_ceil(2));
        }
        self.values.clear();
        self.values.resize(start, UNKNOWN);
        self.written.clear();
        self.written.resize(start, false);
    }

    /// The node above a leaf on a level.
    fn node(&self, level: usize, x: usize, y: usize) -> usize {
        let (width, start) = self.levels[level];
        start + (y >> level) * width + (x >> level)
    }

    /// Reads whether the number of a leaf is 0.
    pub(crate) fn read_is_zero(
        &mut self,
        x: usize,
        y: usize,
        bits: &mut HeaderReader<'_>,
    ) -> Result<bool, Error> {
        for level in (0..self.levels.len()).rev() {
            let node = self.node(level, x, y);
            if self.values[node] == UNKNOWN {
                self.values[node] = u8::from(!bits.bit()?);
            }
            if self.values[node] != 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the number of a leaf.
    pub(crate) fn read(&mut self, x: usize, y: usize, bits: &mut HeaderReader<'_>) -> Result<u32, Error> {
        let mut least = 0;
        for level in (0..self.levels.len()).rev() {
            let node = self.node(level, x, y);
            if self.values[node] == UNKNOWN {
                least += bits.run_of(false, MAX_VALUE - least)?;
                self.values[node] = least as u8;
            }
            least = self.values[node].into();
        }
        Ok(least)
    }

    /// Sets the number of a leaf, at most 80, before anything is written.
    pub(crate) fn set(&mut self, x: usize, y: usize, value: u8) {
        for level in 0..self.levels.len() {
            let node = self.node(level, x, y);
            if level > 0 && self.values[node] <= value {
                break;
            }
            self.values[node] = value;
        }
    }

    /// Writes whether the number of a leaf is 0.
    pub(crate) fn write_is_zero(&mut self, x: usize, y: usize, bits: &mut HeaderWriter<'_>) {
        for level in (0..self.levels.len()).rev() {
            let node = self.node(level, x, y);
            if !self.written[node] {
                bits.put((self.values[node] == 0).into(), 1);
                self.written[node] = true;
            }
            if self.values[node] != 0 {
                break;
            }
        }
    }

    /// Writes the number of a leaf.
    pub(crate) fn write(&mut self, x: usize, y: usize, bits: &mut HeaderWriter<'_>) {
        let mut least = 0;
        for level in (0..self.levels.len()).rev() {
            let node = self.node(level, x, y);
            let value = u32::from(self.values[node]);
            if !self.written[node] {
                bits.put_run(false, value - least);
                self.written[node] = true;
            }
            least = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_coded() {
        // B.10.2: 6 x 3 numbers, of which the first two are 1 and 3.
        let numbers = [[1, 3, 2, 3, 2, 3], [2, 2, 1, 4, 3, 2], [2, 2, 2, 2, 1, 2]];
        let mut tree = TagTree::default();
        tree.reset(6, 3);
        for (y, row) in numbers.iter().enumerate() {
            row.iter().enumerate().for_each(|(x, &value)| tree.set(x, y, value));
        }
        let mut bytes = Vec::new();
        let mut writer = HeaderWriter::new(&mut bytes);
        tree.write(0, 0, &mut writer);
        tree.write(1, 0, &mut writer);
        tree.write(2, 0, &mut writer);
        writer.finish();
        // 01111, 001, 101.
        assert_eq!(bytes, [0b0111_1001, 0b1010_0000]);
    }

    #[test]
    fn numbers_come_back() {
        for (width, height) in [(1, 1), (1, 9), (7, 3), (8, 8), (13, 64)] {
            let number = |x: usize, y: usize| ((x * 7 + y * y * 3 + 5) % 23) as u8;
            let (mut tree, mut zeros) = (TagTree::default(), TagTree::default());
            tree.reset(width, height);
            zeros.reset(width, height);
            let places: Vec<_> = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).collect();
            for &(x, y) in &places {
                tree.set(x, y, number(x, y));
                zeros.set(x, y, number(x, y) % 2);
            }
            let mut bytes = Vec::new();
            let mut writer = HeaderWriter::new(&mut bytes);
            for &(x, y) in &places {
                zeros.write_is_zero(x, y, &mut writer);
                tree.write(x, y, &mut writer);
            }
            writer.finish();
            tree.reset(width, height);
            zeros.reset(width, height);
            let mut reader = HeaderReader::new(&bytes);
            for &(x, y) in &places {
                assert_eq!(zeros.read_is_zero(x, y, &mut reader).unwrap(), number(x, y) % 2 == 0);
                assert_eq!(tree.read(x, y, &mut reader).unwrap(), u32::from(number(x, y)));
            }
            assert_eq!(reader.finish().unwrap(), bytes.len());
        }
    }
}
