//! Polygons drawn on a grid of pixels, row by row.
//!
//! In: rings of map coordinates in metres (even-odd rule, so inner rings are holes). Out: ranges of columns per row. Two
//! rules: pixels whose *centre* is inside, for footprints, which then share no pixel where the polygons share a border; and
//! pixels that are *touched* (share an area with the polygon), for defects, whose polygons are often narrower than a pixel.

use crate::grid::{GeoTransform, Resolution, Window};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A polygon of one or more rings; the last point of a ring may repeat the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Polygon {
    /// Easting and northing of the corners, metres.
    pub rings: Vec<Vec<(f64, f64)>>,
}

/// Which pixels belong to a polygon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coverage {
    /// Those whose centre is inside.
    Centre,
    /// Those of which any part is inside.
    Touched,
}

/// Where the pixels of a grid are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelGrid {
    /// Easting of the left border, metres.
    pub left_m: f64,
    /// Northing of the upper border, metres.
    pub top_m: f64,
    /// Edge of a pixel, metres.
    pub pixel_m: f64,
}

impl PixelGrid {
    /// A grid of a tile.
    pub fn of(ground: &GeoTransform, resolution: Resolution) -> Self {
        Self { left_m: ground.ulx_m, top_m: ground.uly_m, pixel_m: f64::from(resolution.metres()) }
    }

    /// In columns and rows from the upper left corner.
    fn position(&self, (x, y): (f64, f64)) -> (f64, f64) {
        ((x - self.left_m) / self.pixel_m, (self.top_m - y) / self.pixel_m)
    }
}

impl Polygon {
    /// Calls `draw` with row and columns (counted from the corner of `window`) of the pixels of the polygon. Ranges of a row
    /// may overlap.
    pub fn draw(
        &self,
        grid: &PixelGrid,
        window: Window,
        coverage: Coverage,
        mut draw: impl FnMut(usize, Range<usize>),
    ) {
        let edges = self.edges(grid);
        for row in 0..window.rows {
            let top = (window.row + row) as f64;
            let mut emit = |first: f64, end: f64| {
                let range = columns(first, end, window);
                if !range.is_empty() {
                    draw(row, range);
                }
            };
            let mut crossings: Vec<f64> = edges.iter().filter_map(|e| e.crossing(top + 0.5)).collect();
            crossings.sort_unstable_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                // The first and the last centre between the crossings.
                emit((pair[0] - 0.5).ceil(), (pair[1] - 0.5).ceil());
            }
            if coverage == Coverage::Touched {
                for (left, right) in edges.iter().filter_map(|e| e.part_in(top)) {
                    emit(left.floor(), right.ceil());
                }
            }
        }
    }

    /// Whether a place is inside.
    pub fn contains(&self, (x, y): (f64, f64)) -> bool {
        // One pixel of a metre around the place.
        let grid = PixelGrid { left_m: x - 0.5, top_m: y + 0.5, pixel_m: 1.0 };
        let mut inside = false;
        let window = Window { row: 0, col: 0, rows: 1, cols: 1 };
        self.draw(&grid, window, Coverage::Centre, |_, cols| inside |= !cols.is_empty());
        inside
    }

    fn edges(&self, grid: &PixelGrid) -> Vec<Edge> {
        let mut edges = Vec::new();
        for ring in &self.rings {
            let shifted = ring.iter().cycle().skip(1);
            for (&from, &to) in ring.iter().zip(shifted) {
                let (from, to) = (grid.position(from), grid.position(to));
                if from != to && [from.0, from.1, to.0, to.1].iter().all(|v| v.is_finite()) {
                    edges.push(Edge { from, to });
                }
            }
        }
        edges
    }
}

/// Columns of a window from `first` to before `end`, counted from the window.
fn columns(first: f64, end: f64, window: Window) -> Range<usize> {
    let clamp = |at: f64| (at - window.col as f64).clamp(0.0, window.cols as f64) as usize;
    clamp(first)..clamp(end)
}

/// A side of a polygon in columns and rows.
struct Edge {
    from: (f64, f64),
    to: (f64, f64),
}

impl Edge {
    /// Where the edge crosses the height `y`; the upper end belongs to the edge, the lower does not.
    fn crossing(&self, y: f64) -> Option<f64> {
        let (above, below) =
            if self.from.1 < self.to.1 { (self.from, self.to) } else { (self.to, self.from) };
        (above.1 <= y && y < below.1).then(|| Self::at(above, below, y))
    }

    /// The columns of the part between `top` and the row below, if it has a length there.
    fn part_in(&self, top: f64) -> Option<(f64, f64)> {
        let (above, below) =
            if self.from.1 < self.to.1 { (self.from, self.to) } else { (self.to, self.from) };
        let bottom = top + 1.0;
        if above.1 == below.1 {
            // Along a border between rows it touches neither.
            return (top < above.1 && above.1 < bottom)
                .then(|| (self.from.0.min(self.to.0), self.from.0.max(self.to.0)));
        }
        if above.1 >= bottom || below.1 <= top {
            return None;
        }
        let start = if above.1 < top { Self::at(above, below, top) } else { above.0 };
        let end = if below.1 > bottom { Self::at(above, below, bottom) } else { below.0 };
        Some((start.min(end), start.max(end)))
    }

    fn at(above: (f64, f64), below: (f64, f64), y: f64) -> f64 {
        above.0 + (below.0 - above.0) * ((y - above.1) / (below.1 - above.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    const GRID: PixelGrid = PixelGrid { left_m: 1000.0, top_m: 5000.0, pixel_m: 10.0 };

    fn drawn(polygon: &Polygon, window: Window, coverage: Coverage) -> Array2<bool> {
        let mut image = Array2::from_elem((window.rows, window.cols), false);
        polygon.draw(&GRID, window, coverage, |row, cols| {
            for col in cols {
                image[[row, col]] = true;
            }
        });
        image
    }

    /// Corners given in columns and rows.
    fn polygon(rings: &[&[(f64, f64)]]) -> Polygon {
        let place = |&(col, row): &(f64, f64)| (1000.0 + 10.0 * col, 5000.0 - 10.0 * row);
        Polygon { rings: rings.iter().map(|ring| ring.iter().map(place).collect()).collect() }
    }

    const WINDOW: Window = Window { row: 0, col: 0, rows: 20, cols: 20 };

    /// Whether a point is inside, by the sum of the angles under which it sees the edges.
    fn is_inside(corners: &[(f64, f64)], (x, y): (f64, f64)) -> bool {
        let mut turn = 0.0;
        for (i, &(ax, ay)) in corners.iter().enumerate() {
            let (bx, by) = corners[(i + 1) % corners.len()];
            let (ax, ay, bx, by) = (ax - x, ay - y, bx - x, by - y);
            turn += (ax * by - ay * bx).atan2(ax * bx + ay * by);
        }
        (turn / std::f64::consts::TAU).round() as i64 % 2 != 0
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn centres_are_those_that_another_rule_finds_inside(
            corners in prop::collection::vec((-5.0f64..25.0, -5.0f64..25.0), 3..4)
        ) {
            let image = drawn(&polygon(&[&corners]), WINDOW, Coverage::Centre);
            for ((row, col), &inside) in image.indexed_iter() {
                prop_assert_eq!(inside, is_inside(&corners, (col as f64 + 0.5, row as f64 + 0.5)));
            }
        }

        #[test]
        fn touched_pixels_are_those_with_any_inner_point(
            corners in prop::collection::vec((0.0f64..20.0, 0.0f64..20.0), 3..4)
        ) {
            let image = drawn(&polygon(&[&corners]), WINDOW, Coverage::Touched);
            let fine = 12;
            for ((row, col), &touched) in image.indexed_iter() {
                let inner = (0..fine * fine).any(|i| {
                    let at = |k: usize, n: usize| n as f64 + (k as f64 + 0.5) / fine as f64;
                    is_inside(&corners, (at(i % fine, col), at(i / fine, row)))
                });
                // Points find an inner area unless it is small, never one that is not there.
                prop_assert!(touched || !inner, "{} {}", row, col);
            }
            let count = image.iter().filter(|t| **t).count() as f64;
            let area = ((corners[1].0 - corners[0].0) * (corners[2].1 - corners[0].1)
                - (corners[2].0 - corners[0].0) * (corners[1].1 - corners[0].1)).abs() / 2.0;
            let length: f64 = (0..3).map(|i| {
                let (a, b) = (corners[i], corners[(i + 1) % 3]);
                (a.0 - b.0).abs() + (a.1 - b.1).abs()
            }).sum();
            prop_assert!(count >= area && count <= area + length + 3.0);
        }

        #[test]
        fn windows_show_parts_of_the_whole(row in 0usize..15, col in 0usize..15, shift in 0.0f64..1.0) {
            let shape = polygon(&[&[(1.0 + shift, 0.5), (18.0, 7.3), (4.2, 19.0)], &[(7.0, 7.0), (9.0, 7.0), (8.0, 9.5)]]);
            let window = Window { row, col, rows: 5, cols: 5 };
            for coverage in [Coverage::Centre, Coverage::Touched] {
                let (part, whole) = (drawn(&shape, window, coverage), drawn(&shape, WINDOW, coverage));
                for ((r, c), &value) in part.indexed_iter() {
                    prop_assert_eq!(value, whole[[row + r, col + c]]);
                }
            }
        }
    }

    #[test]
    fn a_polygon_along_pixel_borders_covers_those_pixels_under_both_rules() {
        let square = polygon(&[&[(3.0, 4.0), (7.0, 4.0), (7.0, 6.0), (3.0, 6.0), (3.0, 4.0)]]);
        for coverage in [Coverage::Centre, Coverage::Touched] {
            let image = drawn(&square, WINDOW, coverage);
            for ((row, col), &inside) in image.indexed_iter() {
                assert_eq!(
                    inside,
                    (3..7).contains(&col) && (4..6).contains(&row),
                    "{coverage:?} {row} {col}"
                );
            }
        }
    }

    #[test]
    fn a_sliver_touches_pixels_whose_centres_it_misses() {
        let sliver = polygon(&[&[(3.1, 0.0), (3.3, 0.0), (3.3, 20.0), (3.1, 20.0)]]);
        assert!(drawn(&sliver, WINDOW, Coverage::Centre).iter().all(|inside| !inside));
        let touched = drawn(&sliver, WINDOW, Coverage::Touched);
        assert!(touched.indexed_iter().all(|((_, col), &inside)| inside == (col == 3)));
    }

    #[test]
    fn inner_rings_are_holes() {
        let ring = polygon(&[
            &[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)],
            &[(4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0)],
        ]);
        assert_eq!(drawn(&ring, WINDOW, Coverage::Centre).iter().filter(|i| **i).count(), 96);
    }
}
