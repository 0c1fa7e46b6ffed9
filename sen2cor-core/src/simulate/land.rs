//! The ground of the scene: a coast in the south-west, fields, woods, towns and lakes, mountains with snow in the
//! north-east.
//!
//! A relief that rises across the tile decides between water, beach, lowland, rock and snow, so that every seed and
//! every size has them all. Features of the relief grow with the extent; fields, woods and texture keep their size
//! on the ground where the extent allows.

use super::noise::{Octave, bits_at, blend, layer_seed, ramp, unit};
use super::spectra::Materials;
use crate::grid::Extent;

/// Height and width of a field, cells.
const FIELD_ROWS: i64 = 18;
const FIELD_COLS: i64 = 29;

/// What covers a cell: weights of 0..1, each a blend over what the earlier ones leave.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cover {
    /// Meadow against bare soil.
    pub(super) meadow: f32,
    pub(super) forest: f32,
    pub(super) town: f32,
    pub(super) rock: f32,
    pub(super) snow: f32,
    pub(super) sand: f32,
    /// Land against water.
    pub(super) land: f32,
    /// Deep against turbid water.
    pub(super) deep: f32,
    /// Brightness, about 1.
    texture: f32,
}

impl Cover {
    /// Reflectance in the band of the materials.
    #[inline]
    pub(super) fn reflectance(&self, of: &Materials) -> f32 {
        let mut land = blend(of.soil, of.meadow, self.meadow);
        land = blend(land, of.forest, self.forest);
        land = blend(land, of.town, self.town);
        land = blend(land, of.rock, self.rock);
        land = blend(land, of.snow, self.snow);
        land = blend(land, of.sand, self.sand);
        let water = blend(of.turbid_water, of.deep_water, self.deep);
        blend(water, land, self.land) * self.texture
    }

    /// Shares of water, snow and vegetation; the rest is bare.
    #[inline]
    pub(super) fn shares(&self) -> [f32; 3] {
        let snow = self.land * (1.0 - self.sand) * self.snow;
        let lowland =
            self.land * (1.0 - self.sand) * (1.0 - self.snow) * (1.0 - self.rock) * (1.0 - self.town);
        [1.0 - self.land, snow, lowland * blend(self.meadow, 1.0, self.forest)]
    }
}

/// The ground as a function of the position.
#[derive(Clone, Debug)]
pub(super) struct Land {
    extent: Extent,
    relief: [Octave; 3],
    forest: [Octave; 2],
    town: Octave,
    lake: Octave,
    texture: [Octave; 2],
    fields: u32,
    grain: u32,
}

/// Memory for one row, so that none is asked for per row.
#[derive(Clone, Debug, Default)]
pub(super) struct LandRow {
    nodes: Vec<f32>,
    relief: Vec<f32>,
    forest: Vec<f32>,
    town: Vec<f32>,
    lake: Vec<f32>,
    texture: Vec<f32>,
    meadow: Vec<f32>,
    /// The result.
    pub(super) cover: Vec<Cover>,
}

impl Land {
    pub(super) fn new(seed: u64, extent: Extent) -> Self {
        let side = f64::from(extent.rows.min(extent.cols)).max(1.0);
        let octave = |layer: u32, apart: f64, amplitude: f32| {
            Octave::new(layer_seed(seed, layer), apart, apart, amplitude)
        };
        Self {
            extent,
            relief: [
                octave(1, side * 0.45, 0.25),
                octave(2, side * 0.15, 0.12),
                octave(3, (side * 0.06).clamp(12.0, 60.0), 0.06),
            ],
            forest: [octave(4, (side * 0.12).clamp(24.0, 150.0), 0.7), octave(5, 19.0, 0.3)],
            town: octave(6, (side * 0.2).clamp(40.0, 300.0), 1.0),
            lake: octave(7, (side * 0.15).clamp(30.0, 250.0), 1.0),
            texture: [octave(8, 15.0, 0.12), octave(9, 4.0, 0.08)],
            fields: layer_seed(seed, 10),
            grain: layer_seed(seed, 11),
        }
    }

    /// Covers of the cells `first_col`.. of a row.
    pub(super) fn row(&self, row: i64, first_col: i64, len: usize, work: &mut LandRow) {
        let LandRow { nodes, relief, forest, town, lake, texture, meadow, cover } = work;
        for (octaves, out) in [
            (self.relief.as_slice(), &mut *relief),
            (self.forest.as_slice(), &mut *forest),
            (std::slice::from_ref(&self.town), &mut *town),
            (std::slice::from_ref(&self.lake), &mut *lake),
            (self.texture.as_slice(), &mut *texture),
        ] {
            out.clear();
            out.resize(len, 0.0);
            for octave in octaves {
                octave.add_row(row, first_col, nodes, out);
            }
        }
        self.fields(row, first_col, len, meadow);
        let north = 0.45 * (1.0 - (row as f32 + 0.5) / self.extent.rows as f32);
        let per_col = 0.55 / self.extent.cols as f32;
        cover.clear();
        cover.extend((0..len).map(|i| {
            let col = first_col + i as i64;
            let slope = north + (col as f32 + 0.5) * per_col;
            // The mean of the three octaves is 0.215.
            let height = slope + relief[i] - 0.215;
            let grain = unit(bits_at(self.grain, row, col));
            cover_of(height, &[meadow[i], forest[i], town[i], lake[i], texture[i], grain])
        }));
    }

    /// Whether a cell lies in a field of meadow (1) or of bare soil (0).
    fn fields(&self, row: i64, first_col: i64, len: usize, out: &mut Vec<f32>) {
        let strip = row.div_euclid(FIELD_ROWS);
        let shift = i64::from(bits_at(self.fields, strip, -1) % 1000);
        out.clear();
        let (mut col, end) = (first_col, first_col + len as i64);
        while col < end {
            let field = (col + shift).div_euclid(FIELD_COLS);
            let field_end = ((field + 1) * FIELD_COLS - shift).min(end);
            let meadow = if bits_at(self.fields, strip, field).is_multiple_of(3) { 0.0 } else { 1.0 };
            out.resize(out.len() + (field_end - col) as usize, meadow);
            col = field_end;
        }
    }
}

#[inline]
fn cover_of(height: f32, fields: &[f32; 6]) -> Cover {
    let [meadow, forest, town, lake, texture, grain] = *fields;
    let land = ramp(0.235, 0.265, height) * (1.0 - ramp(0.88, 0.92, lake));
    // Waves have less contrast than land: 2 % against 10 %.
    let contrast = blend(0.2, 1.0, land);
    Cover {
        meadow,
        forest: ramp(0.52, 0.58, forest),
        town: ramp(0.84, 0.92, town),
        rock: ramp(0.64, 0.70, height),
        snow: ramp(0.74, 0.78, height),
        sand: 1.0 - ramp(0.275, 0.300, height),
        land,
        deep: 1.0 - ramp(0.10, 0.22, height),
        texture: 1.0 + contrast * (texture - 0.10 + 0.03 * (grain - 0.5)),
    }
}
