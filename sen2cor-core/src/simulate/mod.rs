//! A scene by formula and the forward model: Level-1C images whose surface reflectance is known.
//!
//! The scene is a pure function of its parameters and the position on the ground. It has deep and turbid water, a
//! beach, fields, woods, towns, rock, snow, clouds with shadows, and cirrus. It is defined on cells of 10 m; a coarser pixel is the
//! mean of its cells, so the truth of one grid is the block mean of the finer one.
//!
//! Over clear ground an image is the exact inverse of the correction with the same coefficients: the correction
//! returns the truth but for the rounding of the stored numbers. Clouds, shadows and cirrus are put on top by simple rules (not
//! a radiative model), so there the correction need not find the truth.

mod forward;
mod land;
mod noise;
mod spectra;
mod weather;

pub use forward::StoredBand;

use crate::angles::Direction;
use crate::dn;
use crate::grid::{Extent, Resolution, Window};
use crate::reflectance::{self, BandCorrection};
use crate::sensor::Band;
use land::{Land, LandRow};
use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use spectra::{Materials, Sky};
use weather::{Overhead, Weather, WeatherRow};

/// What a scene is made from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SceneParameters {
    /// Another seed is another scene.
    pub seed: u64,
    /// Size of the tile.
    pub extent: Extent,
    /// Where the sun stands; shadows lie on the other side of the clouds.
    pub sun: Direction,
    /// Whether there are clouds, shadows and cirrus.
    pub clouds: bool,
    /// Whether the swath ends inside the tile: a wedge in the south-east without data.
    pub no_data_edge: bool,
}

/// A scene, ready to be asked for pixels. Making one costs next to nothing.
#[derive(Clone, Debug)]
pub struct Scene {
    parameters: SceneParameters,
    land: Land,
    weather: Weather,
}

/// The mean of the cells of a pixel.
#[derive(Clone, Copy, Debug, Default)]
struct Pixel {
    reflectance: f32,
    /// Shares of water, snow and vegetation.
    shares: [f32; 3],
    overhead: Overhead,
    no_data: bool,
}

/// What is asked for besides the cover of the cells.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    materials: Option<&'a Materials>,
    overhead: bool,
}

impl Scene {
    /// The scene of these parameters.
    pub fn new(parameters: &SceneParameters) -> Self {
        let SceneParameters { seed, extent, sun, .. } = *parameters;
        Self {
            parameters: *parameters,
            land: Land::new(seed, extent),
            weather: Weather::new(seed, extent, sun),
        }
    }

    /// The truth: surface reflectance of a band for a window of a grid, (rows, cols) of the window. Defined under clouds
    /// and in the no-data wedge as well.
    ///
    /// # Panics
    /// If `out` has another shape than the window.
    pub fn surface_reflectance(
        &self,
        band: Band,
        resolution: Resolution,
        window: Window,
        out: ArrayViewMut2<'_, f32>,
    ) {
        let materials = Materials::of(band);
        let wanted = Wanted { materials: Some(&materials), overhead: false };
        self.fill(resolution, window, wanted, out, |pixel| pixel.reflectance);
    }

    /// Where the sky is free: true where no cell of the pixel is covered by cloud, shadow or cirrus and all have data.
    ///
    /// # Panics
    /// If `out` has another shape than the window.
    pub fn clear(&self, resolution: Resolution, window: Window, out: ArrayViewMut2<'_, bool>) {
        let wanted = Wanted { materials: None, overhead: true };
        self.fill(resolution, window, wanted, out, Pixel::is_clear);
    }

    /// The true class in the numbers of the scene classification: 0 no data, 3 shadow, 4 vegetation, 5 bare ground, 6
    /// water, 8 thin and 9 dense cloud, 10 cirrus, 11 snow. What covers most of a pixel decides; a sky that dims or
    /// brightens it by less than about a tenth does not count.
    ///
    /// # Panics
    /// If `out` has another shape than the window.
    pub fn classes(&self, resolution: Resolution, window: Window, out: ArrayViewMut2<'_, u8>) {
        let wanted = Wanted { materials: None, overhead: true };
        self.fill(resolution, window, wanted, out, Pixel::class);
    }

    /// The image of a band as a Level-1C product stores it, 0 being no data.
    ///
    /// # Panics
    /// If `out` has another shape than the window.
    pub fn stored_dn(
        &self,
        band: Band,
        resolution: Resolution,
        window: Window,
        stored_band: &StoredBand,
        out: ArrayViewMut2<'_, u16>,
    ) {
        let (materials, sky) = (Materials::of(band), Sky::of(band));
        let StoredBand { correction, radio_add_offset } = *stored_band;
        let wanted = Wanted { materials: Some(&materials), overhead: true };
        self.fill(resolution, window, wanted, out, |pixel| {
            if pixel.no_data {
                return dn::NO_DATA;
            }
            forward::stored(pixel.toa_reflectance(&correction, &sky), radio_add_offset)
        });
    }

    /// Runs over the window row by row, each row being built from its rows of 10 m cells.
    fn fill<T>(
        &self,
        resolution: Resolution,
        window: Window,
        wanted: Wanted<'_>,
        mut out: ArrayViewMut2<'_, T>,
        value: impl Fn(&Pixel) -> T,
    ) {
        assert_eq!(out.dim(), (window.rows, window.cols), "shape of the output");
        let mut work = (LandRow::default(), WeatherRow::default());
        let mut pixels = vec![Pixel::default(); window.cols];
        for (row, mut line) in (window.row..).zip(out.outer_iter_mut()) {
            self.pixels(resolution, (row, window.col), wanted, &mut work, &mut pixels);
            for (target, pixel) in line.iter_mut().zip(&pixels) {
                *target = value(pixel);
            }
        }
    }

    fn pixels(
        &self,
        resolution: Resolution,
        (row, col): (usize, usize),
        wanted: Wanted<'_>,
        (land, weather): &mut (LandRow, WeatherRow),
        pixels: &mut [Pixel],
    ) {
        let cells = resolution.cells() as usize;
        let first_col = (col * cells) as i64;
        let len = pixels.len() * cells;
        pixels.fill(Pixel::default());
        for cell_row in row * cells..(row + 1) * cells {
            let cell_row = cell_row as i64;
            self.land.row(cell_row, first_col, len, land);
            for (pixel, covers) in pixels.iter_mut().zip(land.cover.chunks_exact(cells)) {
                for cover in covers {
                    match wanted.materials {
                        Some(materials) => pixel.reflectance += cover.reflectance(materials),
                        None => add(&mut pixel.shares, cover.shares()),
                    }
                }
            }
            if wanted.overhead && self.parameters.clouds {
                self.weather.row(cell_row, first_col, len, weather);
                for (pixel, above) in pixels.iter_mut().zip(weather.overhead.chunks_exact(cells)) {
                    for cell in above {
                        pixel.overhead.add(*cell);
                    }
                }
            }
            if wanted.overhead && self.parameters.no_data_edge {
                for (pixel, last_col) in
                    pixels.iter_mut().zip((first_col + cells as i64 - 1..).step_by(cells))
                {
                    pixel.no_data |= self.is_beyond_swath(cell_row, last_col);
                }
            }
        }
        if cells > 1 {
            let weight = 1.0 / (cells * cells) as f32;
            for pixel in pixels {
                pixel.scale(weight);
            }
        }
    }

    /// The swath of a descending orbit ends on a line that runs from the upper right to the lower left.
    #[inline]
    fn is_beyond_swath(&self, row: i64, col: i64) -> bool {
        50 * col + 10 * row > 54 * i64::from(self.parameters.extent.cols)
    }
}

impl Overhead {
    #[inline]
    fn add(&mut self, cell: Self) {
        self.cloud += cell.cloud;
        self.shadow += cell.shadow;
        self.cirrus += cell.cirrus;
    }
}

#[inline]
fn add(sum: &mut [f32; 3], shares: [f32; 3]) {
    for (sum, share) in sum.iter_mut().zip(shares) {
        *sum += share;
    }
}

impl Pixel {
    #[inline]
    fn scale(&mut self, weight: f32) {
        self.reflectance *= weight;
        self.shares = self.shares.map(|share| share * weight);
        self.overhead.cloud *= weight;
        self.overhead.shadow *= weight;
        self.overhead.cirrus *= weight;
    }

    #[inline]
    fn is_clear(&self) -> bool {
        let Overhead { cloud, shadow, cirrus } = self.overhead;
        !self.no_data && cloud == 0.0 && shadow == 0.0 && cirrus == 0.0
    }

    #[inline]
    fn class(&self) -> u8 {
        let Overhead { cloud, shadow, cirrus } = self.overhead;
        let [water, snow, vegetation] = self.shares;
        let bare = 1.0 - water - snow - vegetation;
        if self.no_data {
            0
        } else if cloud > 0.5 {
            9
        } else if cloud > 0.1 {
            8
        } else if cirrus > 0.36 {
            10
        } else if shadow > 0.5 {
            3
        } else if water >= snow && water >= vegetation && water >= bare {
            6
        } else if snow >= vegetation && snow >= bare {
            11
        } else if vegetation >= bare {
            4
        } else {
            5
        }
    }

    /// The signal at the top of the atmosphere: shade on the ground, then cirrus, then clouds in front of it.
    #[inline]
    fn toa_reflectance(&self, correction: &BandCorrection, sky: &Sky) -> f32 {
        let clear = reflectance::toa_reflectance(self.reflectance, correction);
        if self.is_clear() {
            return clear;
        }
        let Overhead { cloud, shadow, cirrus } = self.overhead;
        let path = correction.path_reflectance;
        let shaded = path + (clear - path) * (1.0 - shadow * (1.0 - sky.shade));
        let veiled = shaded * (1.0 - 0.08 * cirrus) + sky.cirrus * cirrus;
        noise::blend(veiled, sky.cloud, cloud)
    }
}

#[cfg(test)]
mod tests;
