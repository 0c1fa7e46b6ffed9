//! Blocks: how an image is cut into units of work.

use super::Resolution;
use serde::{Deserialize, Serialize};

/// Size of a tile in cells of 10 m.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Extent {
    /// Number of rows of the 10 m grid.
    pub rows: u32,
    /// Number of columns of the 10 m grid.
    pub cols: u32,
}

impl Extent {
    /// Rows and columns on a grid, the last pixel counted where the extent covers only a part of it.
    pub const fn shape(self, resolution: Resolution) -> (usize, usize) {
        let cells = resolution.cells();
        (self.rows.div_ceil(cells) as usize, self.cols.div_ceil(cells) as usize)
    }

    /// The extent of a grid with this many pixels.
    pub const fn of_shape(rows: usize, cols: usize, resolution: Resolution) -> Self {
        Self { rows: rows as u32 * resolution.cells(), cols: cols as u32 * resolution.cells() }
    }
}

/// A rectangle of pixels of one grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First row.
    pub row: usize,
    /// First column.
    pub col: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

/// A rectangle of 10 m cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Block {
    /// First row, cells.
    pub row: u32,
    /// First column, cells.
    pub col: u32,
    /// Number of rows, cells.
    pub rows: u32,
    /// Number of columns, cells.
    pub cols: u32,
}

impl Block {
    /// The pixels of a grid that the block covers. Edges that lie inside a pixel count it, which can only happen at
    /// the lower and right border of an extent that is no multiple of the pixel size.
    pub const fn on(self, resolution: Resolution) -> Window {
        let cells = resolution.cells();
        let (row, col) = (self.row / cells, self.col / cells);
        Window {
            row: row as usize,
            col: col as usize,
            rows: ((self.row + self.rows).div_ceil(cells) - row) as usize,
            cols: ((self.col + self.cols).div_ceil(cells) - col) as usize,
        }
    }

    /// The same block of an image whose first row and column are these.
    #[must_use]
    pub const fn shifted(self, (rows, cols): (u32, u32)) -> Self {
        Self { row: self.row + rows, col: self.col + cols, ..self }
    }

    /// Extent of an image that holds the block and nothing else.
    pub const fn extent(self) -> Extent {
        Extent { rows: self.rows, cols: self.cols }
    }

    /// The block with `halo` more cells on each side, as far as the extent reaches.
    #[must_use]
    pub const fn grow(self, halo: u32, extent: Extent) -> Self {
        let row = self.row.saturating_sub(halo);
        let col = self.col.saturating_sub(halo);
        let end_row = min(self.row + self.rows + halo, extent.rows);
        let end_col = min(self.col + self.cols + halo, extent.cols);
        Self { row, col, rows: end_row - row, cols: end_col - col }
    }
}

const fn min(a: u32, b: u32) -> u32 {
    if a < b { a } else { b }
}

/// A partition of an extent into blocks of equal size; those at the lower and right border may be smaller. The only
/// source of blocks. It depends on options alone, never on the number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tiling {
    extent: Extent,
    block_rows: u32,
    block_cols: u32,
}

impl Tiling {
    /// Blocks of `block_rows` x `block_cols` cells. A size of 0 is taken as 1.
    pub const fn new(extent: Extent, block_rows: u32, block_cols: u32) -> Self {
        Self {
            extent,
            block_rows: if block_rows == 0 { 1 } else { block_rows },
            block_cols: if block_cols == 0 { 1 } else { block_cols },
        }
    }

    /// Square blocks of `edge` x `edge` cells.
    pub const fn square(extent: Extent, edge: u32) -> Self {
        Self::new(extent, edge, edge)
    }

    /// One block that covers everything.
    pub const fn whole(extent: Extent) -> Self {
        Self::new(extent, extent.rows, extent.cols)
    }

    /// The extent that is cut.
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// Blocks from top to bottom.
    pub const fn count_rows(&self) -> usize {
        self.extent.rows.div_ceil(self.block_rows) as usize
    }

    /// Blocks from left to right.
    pub const fn count_cols(&self) -> usize {
        self.extent.cols.div_ceil(self.block_cols) as usize
    }

    /// Number of blocks.
    pub const fn len(&self) -> usize {
        self.count_rows() * self.count_cols()
    }

    /// Whether there is nothing to cut.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all inner edges fall between two pixels of this grid.
    pub const fn fits(&self, resolution: Resolution) -> bool {
        let cells = resolution.cells();
        (self.count_rows() <= 1 || self.block_rows.is_multiple_of(cells))
            && (self.count_cols() <= 1 || self.block_cols.is_multiple_of(cells))
    }

    /// Numbers of the blocks that share cells with an area.
    pub fn touching(&self, area: Block) -> impl Iterator<Item = usize> + use<> {
        // The last block may be cut off by the extent, so the area is cut off first.
        let blocks = |first: u32, cells: u32, edge: u32, size: u32| {
            let end = min(first + cells, size);
            if first < end { (first / edge) as usize..end.div_ceil(edge) as usize } else { 0..0 }
        };
        let cols = self.count_cols();
        let across = blocks(area.col, area.cols, self.block_cols, self.extent.cols);
        blocks(area.row, area.rows, self.block_rows, self.extent.rows)
            .flat_map(move |row| across.clone().map(move |col| row * cols + col))
    }

    /// Block number `index`, counted row by row.
    ///
    /// # Panics
    /// If `index` is not below [`Tiling::len`].
    pub fn block(&self, index: usize) -> Block {
        assert!(index < self.len(), "block {index} of {}", self.len());
        let row = (index / self.count_cols()) as u32 * self.block_rows;
        let col = (index % self.count_cols()) as u32 * self.block_cols;
        Block {
            row,
            col,
            rows: min(self.block_rows, self.extent.rows - row),
            cols: min(self.block_cols, self.extent.cols - col),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_cover_every_pixel_once(rows in 1u32..80, cols in 1u32..80, edge in 1u32..20, r in 0usize..3) {
            let resolution = Resolution::ALL[r];
            let cells = resolution.cells();
            let extent = Extent { rows: rows * cells, cols: cols * cells };
            let tiling = Tiling::square(extent, edge * cells);
            prop_assert!(tiling.fits(resolution));
            let mut seen = vec![0u8; (rows * cols) as usize];
            for index in 0..tiling.len() {
                let w = tiling.block(index).on(resolution);
                for row in w.row..w.row + w.rows {
                    for col in w.col..w.col + w.cols {
                        seen[row * cols as usize + col] += 1;
                    }
                }
            }
            prop_assert!(seen.iter().all(|&n| n == 1));
        }

        #[test]
        fn a_grown_block_stays_inside(row in 0u32..50, col in 0u32..50, halo in 0u32..80) {
            let extent = Extent { rows: 60, cols: 60 };
            let grown = Block { row, col, rows: 10, cols: 10 }.grow(halo, extent);
            prop_assert!(grown.row <= row && grown.row + grown.rows <= 60);
            prop_assert!(grown.rows >= 10 && grown.cols >= 10);
        }
    }

    proptest! {
        #[test]
        fn blocks_touch_an_area_if_they_share_cells(
            row in 0u32..70, col in 0u32..70, rows in 0u32..30, cols in 0u32..30, edge in 1u32..25,
        ) {
            let tiling = Tiling::square(Extent { rows: 60, cols: 47 }, edge);
            let area = Block { row, col, rows, cols };
            let meet = |a: u32, n: u32, b: u32, m: u32| a.max(b) < (a + n).min(b + m);
            let shares = |index: &usize| {
                let block = tiling.block(*index);
                meet(block.row, block.rows, row, rows) && meet(block.col, block.cols, col, cols)
            };
            let expected: Vec<usize> = (0..tiling.len()).filter(shares).collect();
            prop_assert_eq!(tiling.touching(area).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn edges_inside_a_pixel_do_not_fit() {
        assert!(!Tiling::square(Extent { rows: 60, cols: 60 }, 10).fits(Resolution::R60));
        assert!(Tiling::whole(Extent { rows: 61, cols: 61 }).fits(Resolution::R60));
    }
}
