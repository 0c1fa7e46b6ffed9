//! Where the directions of sun and sensor are known, for the cell tables.

use sen2cor_core::angles::{AngleGrid, Direction};
use sen2cor_core::cells::{Directions, GeometryGrid};
use sen2cor_core::grid::Extent;
use sen2cor_core::reflectance::Model;

/// Size of the cells whose mean angles model `sen2cor` uses, metres down and right: 1830 x 915 pixels of 20 m.
const CELL_M: (f64, f64) = (36_600.0, 18_300.0);

/// Angles of a tile for one band.
pub(crate) struct Angles<'a> {
    pub(crate) sun: Direction,
    pub(crate) view: Direction,
    pub(crate) sun_grid: Option<&'a AngleGrid>,
    pub(crate) view_grid: Option<&'a AngleGrid>,
}

impl Angles<'_> {
    /// The directions as a model uses them: `physical` at the nodes of the metadata, `sen2cor` as means of large cells.
    pub(crate) fn on_cells(&self, model: Model, extent: Extent) -> GeometryGrid {
        let Some(sun_grid) = self.sun_grid else {
            return GeometryGrid::constant(Directions { sun: self.sun, view: self.view });
        };
        let nodes = self.nodes(sun_grid, extent);
        match model {
            Model::Physical => nodes,
            Model::Sen2cor => means(&nodes, extent),
        }
        .simplified()
    }

    /// The nodes of the metadata that lie in the tile or are the first beyond it.
    fn nodes(&self, sun_grid: &AngleGrid, extent: Extent) -> GeometryGrid {
        let (rows, cols) = sun_grid.zenith_deg.dim();
        let needed = |cells: u32, step: f64, have: usize| {
            ((f64::from(cells) * 10.0 / step).ceil() as usize + 1).clamp(1, have.max(1))
        };
        let rows = needed(extent.rows, sun_grid.row_step_m, rows);
        let cols = needed(extent.cols, sun_grid.col_step_m, cols);
        let sun = filled(sun_grid, rows, cols, self.sun);
        let alike = |grid: &&AngleGrid| {
            grid.zenith_deg.nrows() >= rows
                && grid.zenith_deg.ncols() >= cols
                && (grid.row_step_m, grid.col_step_m) == (sun_grid.row_step_m, sun_grid.col_step_m)
        };
        let view = match self.view_grid.filter(alike) {
            Some(grid) => filled(grid, rows, cols, self.view),
            None => vec![self.view; rows * cols],
        };
        let nodes = sun.into_iter().zip(view).map(|(sun, view)| Directions { sun, view }).collect();
        let step_m = (sun_grid.row_step_m, sun_grid.col_step_m);
        GeometryGrid { rows, cols, first_m: (0.0, 0.0), step_m, nearest: false, nodes }
    }
}

/// The directions of a grid row by row; nodes without values take the mean of their neighbours, and so on outwards.
fn filled(grid: &AngleGrid, rows: usize, cols: usize, mean: Direction) -> Vec<Direction> {
    let at = |i: usize| {
        let (row, col) = (i / cols, i % cols);
        let (zenith_deg, azimuth_deg) = (grid.zenith_deg[[row, col]], grid.azimuth_deg[[row, col]]);
        (zenith_deg.is_finite() && azimuth_deg.is_finite()).then_some(Direction { zenith_deg, azimuth_deg })
    };
    let mut nodes: Vec<Option<Direction>> = (0..rows * cols).map(at).collect();
    for _ in 0..rows + cols {
        if nodes.iter().all(Option::is_some) {
            break;
        }
        let before = nodes.clone();
        for (i, node) in nodes.iter_mut().enumerate().filter(|(_, node)| node.is_none()) {
            let (row, col) = (i / cols, i % cols);
            let mut around = Vec::new();
            let mut look =
                |inside: bool, index: usize| around.extend(inside.then(|| before[index]).flatten());
            look(row > 0, i.wrapping_sub(cols));
            look(row + 1 < rows, i + cols);
            look(col > 0, i.wrapping_sub(1));
            look(col + 1 < cols, i + 1);
            *node = mean_direction(&around);
        }
    }
    nodes.into_iter().map(|node| node.unwrap_or(mean)).collect()
}

/// Mean zenith angle and mean azimuth; `None` of nothing.
fn mean_direction(directions: &[Direction]) -> Option<Direction> {
    if directions.is_empty() {
        return None;
    }
    let first = directions[0];
    if directions.iter().all(|direction| *direction == first) {
        return Some(first);
    }
    let (mut zenith, mut east, mut north) = (0.0, 0.0, 0.0);
    for direction in directions {
        let (sin, cos) = direction.azimuth_deg.to_radians().sin_cos();
        zenith += direction.zenith_deg;
        east += sin;
        north += cos;
    }
    let azimuth_deg = east.atan2(north).to_degrees().rem_euclid(360.0);
    Some(Direction { zenith_deg: zenith / directions.len() as f64, azimuth_deg })
}

/// The means of the nodes in large cells. A tile that is smaller than a cell is one cell.
fn means(nodes: &GeometryGrid, extent: Extent) -> GeometryGrid {
    let size_m = (f64::from(extent.rows) * 10.0, f64::from(extent.cols) * 10.0);
    let count = |size: f64, cell: f64| ((size / cell) as usize).max(1);
    let (rows, cols) = (count(size_m.0, CELL_M.0), count(size_m.1, CELL_M.1));
    let step_m = (size_m.0 / rows as f64, size_m.1 / cols as f64);
    let mean_of = |index: usize| {
        let (row, col) = ((index / cols) as f64, (index % cols) as f64);
        let inside = |place: f64, cell: f64, step: f64| place >= cell * step && place <= (cell + 1.0) * step;
        let (mut sun, mut view) = (Vec::new(), Vec::new());
        for (i, node) in nodes.nodes.iter().enumerate() {
            let down = (i / nodes.cols) as f64 * nodes.step_m.0;
            let right = (i % nodes.cols) as f64 * nodes.step_m.1;
            if inside(down, row, step_m.0) && inside(right, col, step_m.1) {
                sun.push(node.sun);
                view.push(node.view);
            }
        }
        let first = nodes.nodes[0];
        Directions {
            sun: mean_direction(&sun).unwrap_or(first.sun),
            view: mean_direction(&view).unwrap_or(first.view),
        }
    };
    let first_m = (step_m.0 / 2.0, step_m.1 / 2.0);
    GeometryGrid {
        rows,
        cols,
        first_m,
        step_m,
        nearest: true,
        nodes: (0..rows * cols).map(mean_of).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn grid(value: impl Fn(usize, usize) -> f64) -> AngleGrid {
        AngleGrid {
            row_step_m: 5000.0,
            col_step_m: 5000.0,
            zenith_deg: Array2::from_shape_fn((23, 23), |(r, c)| value(r, c)),
            azimuth_deg: Array2::from_elem((23, 23), 150.0),
        }
    }

    const TILE: Extent = Extent { rows: 10_980, cols: 10_980 };

    fn angles<'a>(sun: &'a AngleGrid, view: &'a AngleGrid) -> Angles<'a> {
        let mean = Direction { zenith_deg: 4.0, azimuth_deg: 150.0 };
        Angles { sun: mean, view: mean, sun_grid: Some(sun), view_grid: Some(view) }
    }

    #[test]
    fn even_angles_need_one_node() {
        let even = grid(|_, _| 4.0);
        for model in Model::ALL {
            assert_eq!(angles(&even, &even).on_cells(model, TILE).nodes.len(), 1);
        }
    }

    #[test]
    fn gaps_take_their_neighbours() {
        let sun = grid(|r, _| 30.0 + r as f64 * 0.1);
        let view = grid(|_, c| if c < 20 { c as f64 * 0.2 } else { f64::NAN });
        let cells = angles(&sun, &view).on_cells(Model::Physical, TILE);
        assert_eq!((cells.rows, cells.cols), (23, 23));
        assert!((cells.nodes[22].view.zenith_deg - 3.8).abs() < 1e-12);
    }

    #[test]
    fn large_cells_have_the_means() {
        let sun = grid(|r, c| 30.0 + r as f64 * 0.1 + c as f64 * 0.01);
        let cells = angles(&sun, &sun).on_cells(Model::Sen2cor, TILE);
        assert_eq!((cells.rows, cells.cols, cells.nearest), (3, 6, true));
        // Rows 0 to 7 and columns 0 to 3 of the nodes.
        assert!((cells.nodes[0].sun.zenith_deg - (30.0 + 0.35 + 0.015)).abs() < 1e-9);
        let small = angles(&sun, &sun).on_cells(Model::Sen2cor, Extent { rows: 240, cols: 240 });
        assert_eq!((small.rows, small.cols), (1, 1));
    }
}
