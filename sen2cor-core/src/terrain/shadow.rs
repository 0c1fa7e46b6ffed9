//! Shadow that terrain casts: a pixel is in it if, on the way to the sun, the ground rises above the line of sight.
//!
//! The line is followed in steps of one pixel of its longer axis, and elevation is interpolated linearly across the other. It
//! ends where it is higher than all ground, or where the view ends. The curvature of the Earth (2 m over 5 km) is left out.

use crate::angles::Direction;
use crate::grid::Window;
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

/// How shadows are searched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShadowSearch {
    /// The sun.
    pub sun: Direction,
    /// Edge of a pixel, metres.
    pub pixel_m: f64,
    /// Lowest and highest ground of the image, metres.
    pub range_m: (f32, f32),
}

impl ShadowSearch {
    /// How far shadows reach at most, metres: the halo that a block needs.
    pub fn reach_m(&self) -> f64 {
        let relief = f64::from(self.range_m.1 - self.range_m.0).max(0.0);
        relief * libm::tan(self.sun.zenith_deg.clamp(0.0, 89.0).to_radians()) + 2.0 * self.pixel_m
    }

    /// Rows, columns and rise in metres of one step towards the sun.
    fn step(&self) -> (f64, f64, f64) {
        let azimuth = self.sun.azimuth_deg.to_radians();
        // Rows count towards the south.
        let whole = |component: f64| if libm::fabs(component) < 1e-12 { 0.0 } else { component };
        // Along an axis the other component is exactly 0, else the line would leave the first row or column.
        let (row, col) = (whole(-libm::cos(azimuth)), whole(libm::sin(azimuth)));
        let longest = libm::fabs(row).max(libm::fabs(col));
        let (row, col) = (row / longest, col / longest);
        let length_m = libm::sqrt(row * row + col * col) * self.pixel_m;
        let height = libm::tan((90.0 - self.sun.zenith_deg.clamp(0.0, 89.0)).to_radians());
        (row, col, length_m * height)
    }
}

/// Writes 1 where a pixel of a block lies in cast shadow, else 0. `elevation_m` shows the window `view`, which must reach
/// [`ShadowSearch::reach_m`] further than the block, as far as there is an image. Gaps cast no shadow and lie in none.
pub fn cast_shadow(
    elevation_m: &ArrayView2<'_, f32>,
    (view, block): (Window, Window),
    search: &ShadowSearch,
    mut out: ArrayViewMut2<'_, u8>,
) {
    let (row_step, col_step, rise_m) = search.step();
    let along_rows = libm::fabs(row_step) == 1.0;
    let highest = f64::from(search.range_m.1);
    for ((row, col), shaded) in out.indexed_iter_mut() {
        let (row, col) = (block.row + row - view.row, block.col + col - view.col);
        let start = elevation_m.get((row, col)).map_or(f32::NAN, |v| *v);
        *shaded = 0;
        let mut line = f64::from(start);
        let mut steps = 0.0;
        while line <= highest {
            steps += 1.0;
            line += rise_m;
            let (y, x) = (row as f64 + steps * row_step, col as f64 + steps * col_step);
            let Some(ground) = between(elevation_m, (y, x), along_rows) else { break };
            if f64::from(ground) > line {
                *shaded = 1;
                break;
            }
        }
    }
}

/// Elevation at a place of which one coordinate is whole; `None` outside, NaN in gaps.
fn between(elevation_m: &ArrayView2<'_, f32>, (y, x): (f64, f64), along_rows: bool) -> Option<f32> {
    let (whole, part) = if along_rows { (y, x) } else { (x, y) };
    // Where the sun stands in a cardinal direction, sines and cosines are not quite 0.
    let part = if libm::fabs(part - part.round()) < 1e-9 { part.round() } else { part };
    let (whole, below) = (whole.round(), part.floor());
    if whole < 0.0 || below < 0.0 {
        return None;
    }
    let get = |part: usize| {
        let at = if along_rows { (whole as usize, part) } else { (part, whole as usize) };
        elevation_m.get(at).copied()
    };
    let weight = (part - below) as f32;
    let first = get(below as usize)?;
    if weight == 0.0 {
        return Some(first);
    }
    Some(first + (get(below as usize + 1)? - first) * weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, ArrayView2, Axis, Slice};
    use proptest::prelude::*;

    fn search(azimuth_deg: f64, zenith_deg: f64, range_m: (f32, f32)) -> ShadowSearch {
        ShadowSearch { sun: Direction { zenith_deg, azimuth_deg }, pixel_m: 10.0, range_m }
    }

    fn whole(edge: usize) -> Window {
        Window { row: 0, col: 0, rows: edge, cols: edge }
    }

    fn part_of<T>(image: &Array2<T>, window: Window) -> ArrayView2<'_, T> {
        let mut part = image.view();
        part.slice_axis_inplace(Axis(0), Slice::from(window.row..window.row + window.rows));
        part.slice_axis_inplace(Axis(1), Slice::from(window.col..window.col + window.cols));
        part
    }

    #[test]
    fn a_wall_casts_a_shadow_of_its_height_at_45_degrees() {
        let mut ground = Array2::from_elem((41, 41), 0f32);
        ground.column_mut(20).fill(100.0);
        let mut out = Array2::zeros((41, 41));
        // From the east: shadow in nine columns to the west; the light just reaches the tenth.
        cast_shadow(
            &ground.view(),
            (whole(41), whole(41)),
            &search(90.0, 44.9, (0.0, 100.0)),
            out.view_mut(),
        );
        for ((_, col), &shaded) in out.indexed_iter() {
            assert_eq!(shaded == 1, (11..20).contains(&col), "{col}");
        }
        // From the north, along the wall, nothing.
        cast_shadow(&ground.view(), (whole(41), whole(41)), &search(0.0, 45.0, (0.0, 100.0)), out.view_mut());
        assert!(out.iter().all(|s| *s == 0));
    }

    #[test]
    fn the_sun_in_the_south_east_shades_towards_the_north_west() {
        let mut ground = Array2::from_elem((41, 41), 0f32);
        ground[[20, 20]] = 100.0;
        let mut out = Array2::zeros((41, 41));
        cast_shadow(
            &ground.view(),
            (whole(41), whole(41)),
            &search(135.0, 45.0, (0.0, 100.0)),
            out.view_mut(),
        );
        for k in 1..=7 {
            assert_eq!(out[[20 - k, 20 - k]], 1, "{k}");
        }
        assert_eq!((out[[12, 12]], out[[21, 21]], out[[20, 20]]), (0, 0, 0));
    }

    proptest! {
        #[test]
        fn blocks_with_the_reach_as_halo_give_the_whole(
            seed in any::<u64>(), azimuth in 0f64..360.0, zenith in 10f64..75.0, row in 0usize..30, col in 0usize..30
        ) {
            let edge = 40;
            let ground = Array2::from_shape_fn((edge, edge), |(r, c)| {
                (seed.wrapping_mul((r * edge + c + 1) as u64) >> 40) as f32 / 16_777_216.0 * 60.0
            });
            let search = search(azimuth, zenith, (0.0, 60.0));
            let mut all = Array2::zeros((edge, edge));
            cast_shadow(&ground.view(), (whole(edge), whole(edge)), &search, all.view_mut());
            let halo = (search.reach_m() / 10.0).ceil() as usize;
            let (top, left) = (row.saturating_sub(halo), col.saturating_sub(halo));
            let (bottom, right) = ((row + 10 + halo).min(edge), (col + 10 + halo).min(edge));
            let view = Window { row: top, col: left, rows: bottom - top, cols: right - left };
            let block = Window { row, col, rows: 10, cols: 10 };
            let mut part = Array2::zeros((10, 10));
            cast_shadow(&part_of(&ground, view), (view, block), &search, part.view_mut());
            prop_assert_eq!(part, part_of(&all, block));
        }
    }
}
