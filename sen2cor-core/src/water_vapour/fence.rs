//! What columns of water vapour are likely, from those around: water vapour changes little over a kilometre, while a cloud that the class map does
//! not show, as over snow, hides a part of the column at once.

use crate::grid::Window;
use ndarray::ArrayView2;

/// Edge of a cell, pixels of 60 m. Cells lie at the same places however the tile is cut.
const CELL_PX: usize = 20;

/// Fewest columns of a cell that tell something.
const FEWEST: usize = 20;

/// How many times the distance of the quartiles a column may lie beyond them: far out in the sense of Tukey (1977, Exploratory Data Analysis).
const FAR_OUT: f32 = 3.0;

/// Least distance of the quartiles as a share of the median.
const LEAST_SPREAD: f32 = 0.005;

/// Quartiles of some columns, cm.
type Quartiles = [f32; 3];

/// The likely columns around the pixels of a window.
pub(super) struct Fences {
    first: (usize, usize),
    cols: usize,
    /// The quartiles of each cell's surroundings, row by row.
    cells: Vec<Option<Quartiles>>,
}

impl Fences {
    /// How far around a pixel columns count: the rest of its cell, and the next cell.
    pub(super) const HALO_PX: usize = 2 * CELL_PX;

    /// For the target and `margin` pixels around. `found` covers `window`; values below 0 are not of land.
    pub(super) fn new(
        found: &ArrayView2<'_, f32>,
        window: Window,
        image: (usize, usize),
        target: Window,
        margin: usize,
    ) -> Self {
        let cell = |first: usize, count: usize, len: usize| {
            (first.saturating_sub(margin) / CELL_PX, ((first + count + margin).min(len)).div_ceil(CELL_PX))
        };
        let (row, end_row) = cell(target.row, target.rows, image.0);
        let (col, end_col) = cell(target.col, target.cols, image.1);
        // One more cell all around.
        let (top, left) = (row.saturating_sub(1), col.saturating_sub(1));
        let (bottom, right) = (end_row + 1, end_col + 1);
        let mut own = Vec::with_capacity((bottom - top) * (right - left));
        for r in top..bottom {
            for c in left..right {
                own.push(quartiles(found, window, (r * CELL_PX, c * CELL_PX)));
            }
        }
        let mut cells = Vec::with_capacity((end_row - row) * (end_col - col));
        for r in row..end_row {
            for c in col..end_col {
                let around = (r.saturating_sub(1)..r + 2)
                    .flat_map(|r| (c.saturating_sub(1)..c + 2).map(move |c| (r, c)))
                    .filter(|&(r, c)| r >= top && c >= left)
                    .filter_map(|(r, c)| own[(r - top) * (right - left) + c - left]);
                cells.push(middle(&around.collect::<Vec<_>>()));
            }
        }
        Self { first: (row, col), cols: end_col - col, cells }
    }

    /// The column itself, or the median of those around where it is not likely.
    pub(super) fn limited(&self, column_cm: f32, row: usize, col: usize) -> f32 {
        let (row, col) = (row / CELL_PX - self.first.0, col / CELL_PX - self.first.1);
        match self.cells[row * self.cols + col] {
            Some([low, median, high]) => {
                let reach = FAR_OUT * (high - low).max(LEAST_SPREAD * median);
                if (low - reach..=high + reach).contains(&column_cm) { column_cm } else { median }
            }
            None => column_cm,
        }
    }
}

/// Quartiles of the columns over land of a cell; `None` if there are few.
fn quartiles(found: &ArrayView2<'_, f32>, window: Window, first: (usize, usize)) -> Option<Quartiles> {
    let span = |first: usize, start: usize, count: usize| {
        first.max(start) - start..(first + CELL_PX).min(start + count).max(start) - start
    };
    let (rows, cols) = (span(first.0, window.row, window.rows), span(first.1, window.col, window.cols));
    let mut columns = Vec::with_capacity(CELL_PX * CELL_PX);
    for row in rows {
        columns.extend(cols.clone().map(|col| found[[row, col]]).filter(|&column| column >= 0.0));
    }
    if columns.len() < FEWEST {
        return None;
    }
    columns.sort_unstable_by(f32::total_cmp);
    Some([1, 2, 3].map(|quarter| columns[(columns.len() - 1) * quarter / 4]))
}

/// The median of each quartile, so that a cell under clouds is outvoted.
fn middle(cells: &[Quartiles]) -> Option<Quartiles> {
    let most = cells.len().checked_sub(1)?;
    Some([0, 1, 2].map(|quarter| {
        let mut values: Vec<f32> = cells.iter().map(|cell| cell[quarter]).collect();
        values.sort_unstable_by(f32::total_cmp);
        values[most / 2]
    }))
}
