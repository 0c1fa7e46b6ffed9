//! The sky of the scene: clouds, the shadows they throw, and cirrus.

use super::noise::{Octave, layer_seed, ramp};
use crate::angles::Direction;
use crate::grid::Extent;

/// What lies above a cell, 0..1 each; exactly 0 where there is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overhead {
    /// Opacity of a cloud.
    pub(super) cloud: f32,
    /// Depth of a shadow.
    pub(super) shadow: f32,
    /// Thickness of cirrus.
    pub(super) cirrus: f32,
}

/// A round area in which something is more likely: centre and radius as fractions of the tile.
#[derive(Clone, Copy, Debug)]
struct Patch {
    row: f32,
    col: f32,
    radius: f32,
}

const CLOUDS: [Patch; 2] =
    [Patch { row: 0.40, col: 0.58, radius: 0.28 }, Patch { row: 0.72, col: 0.22, radius: 0.18 }];
const CIRRUS: Patch = Patch { row: 0.80, col: 0.74, radius: 0.24 };

impl Patch {
    /// 1 in the centre, falling to 0 at the radius.
    #[inline]
    fn at(&self, row: f32, col: f32) -> f32 {
        let (down, right) = ((row - self.row) / self.radius, (col - self.col) / self.radius);
        let inside = (1.0 - down * down - right * right).max(0.0);
        inside * (2.0 - inside)
    }
}

/// The sky as a function of the position.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    extent: Extent,
    clouds: [Octave; 3],
    cirrus: [Octave; 2],
    /// From a cell to where the cloud stands that shades it, in rows and columns.
    to_cloud: (i64, i64),
}

/// Memory for one row.
#[derive(Clone, Debug, Default)]
pub(super) struct WeatherRow {
    nodes: Vec<f32>,
    field: Vec<f32>,
    /// The result.
    pub(super) overhead: Vec<Overhead>,
}

impl Weather {
    pub(super) fn new(seed: u64, extent: Extent, sun: Direction) -> Self {
        let side = f64::from(extent.rows.min(extent.cols)).max(1.0);
        let apart = (side * 0.16).clamp(20.0, 400.0);
        let cloud = |layer: u32, apart: f64, amplitude: f32| {
            Octave::new(layer_seed(seed, layer), apart, apart, amplitude)
        };
        Self {
            extent,
            clouds: [
                cloud(21, apart, 0.55),
                cloud(22, (apart * 0.37).max(8.0), 0.30),
                cloud(23, (apart * 0.13).max(4.0), 0.15),
            ],
            cirrus: [
                Octave::new(layer_seed(seed, 24), apart * 0.3, apart * 1.5, 0.6),
                Octave::new(layer_seed(seed, 25), apart * 0.15, apart * 0.6, 0.4),
            ],
            to_cloud: to_cloud(cloud_height_m(extent), sun),
        }
    }

    /// The sky above the cells `first_col`.. of a row.
    pub(super) fn row(&self, row: i64, first_col: i64, len: usize, work: &mut WeatherRow) {
        let WeatherRow { nodes, field, overhead } = work;
        overhead.clear();
        overhead.resize(len, Overhead::default());
        self.cloud_row(row, first_col, len, nodes, field);
        for (above, cloud) in overhead.iter_mut().zip(field.iter()) {
            above.cloud = *cloud;
        }
        self.cloud_row(row + self.to_cloud.0, first_col + self.to_cloud.1, len, nodes, field);
        for (above, shadow) in overhead.iter_mut().zip(field.iter()) {
            above.shadow = *shadow;
        }
        let down = self.down(row);
        field.clear();
        field.resize(len, 0.0);
        for octave in &self.cirrus {
            octave.add_row(row, first_col, nodes, field);
        }
        for ((above, noise), col) in overhead.iter_mut().zip(field.iter()).zip(first_col..) {
            above.cirrus = ramp(0.62, 1.10, noise * 0.6 + CIRRUS.at(down, self.right(col)));
        }
    }

    /// Opacity of the clouds above the cells of a row.
    fn cloud_row(&self, row: i64, first_col: i64, len: usize, nodes: &mut Vec<f32>, out: &mut Vec<f32>) {
        out.clear();
        out.resize(len, 0.0);
        for octave in &self.clouds {
            octave.add_row(row, first_col, nodes, out);
        }
        let down = self.down(row);
        for (value, col) in out.iter_mut().zip(first_col..) {
            let right = self.right(col);
            let likely = CLOUDS[0].at(down, right).max(CLOUDS[1].at(down, right));
            *value = ramp(0.74, 0.86, *value + 0.32 * likely);
        }
    }

    #[inline]
    fn down(&self, row: i64) -> f32 {
        (row as f32 + 0.5) / self.extent.rows as f32
    }

    #[inline]
    fn right(&self, col: i64) -> f32 {
        (col as f32 + 0.5) / self.extent.cols as f32
    }
}

/// Clouds of small scenes stand lower, so that their shadows stay inside; 700 m is about the lowest that the
/// classification looks for.
fn cloud_height_m(extent: Extent) -> f64 {
    (f64::from(extent.rows.min(extent.cols)) * 10.0 * 0.15).clamp(700.0, 1800.0)
}

/// Towards the sun, as far as a cloud of this height stands from its shadow.
fn to_cloud(height_m: f64, sun: Direction) -> (i64, i64) {
    // A lower sun would throw the shadow out of most scenes.
    let zenith = sun.zenith_deg.clamp(0.0, 80.0).to_radians();
    let azimuth = sun.azimuth_deg.to_radians();
    let away_cells = height_m / 10.0 * libm::tan(zenith);
    let rows = libm::round(-away_cells * libm::cos(azimuth));
    let cols = libm::round(away_cells * libm::sin(azimuth));
    (rows as i64, cols as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sun_in_the_south_throws_shadows_to_the_north() {
        let sun = Direction { zenith_deg: 45.0, azimuth_deg: 180.0 };
        assert_eq!(to_cloud(1000.0, sun), (100, 0));
        let sun = Direction { zenith_deg: 45.0, azimuth_deg: 90.0 };
        assert_eq!(to_cloud(1000.0, sun), (0, 100));
    }

    #[test]
    fn a_shadow_is_the_cloud_at_another_place() {
        let extent = Extent { rows: 600, cols: 600 };
        let sun = Direction { zenith_deg: 40.0, azimuth_deg: 155.0 };
        let weather = Weather::new(5, extent, sun);
        let (rows, cols) = weather.to_cloud;
        assert!(rows > 0 && cols > 0);
        let (mut here, mut there) = (WeatherRow::default(), WeatherRow::default());
        let mut shaded = 0;
        for row in 0..500 {
            weather.row(row, 0, 500, &mut here);
            weather.row(row + rows, cols, 500, &mut there);
            for (a, b) in here.overhead.iter().zip(&there.overhead) {
                assert_eq!(a.shadow, b.cloud);
                shaded += usize::from(a.shadow > 0.5);
            }
        }
        assert!(shaded > 1000, "{shaded}");
    }
}
