//! Scenes for tests: mixed surfaces with noise, clouds that throw shadows, and maps of the ground.

use crate::angles::Direction;
use crate::classify::Ground;
use ndarray::Array2;

/// Numbers that look random and are the same everywhere (SplitMix64).
pub(super) struct Noise(pub(super) u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Typical digital numbers without bias of B01 B02 B03 B04 B05 B06 B07 B8A B09 B10 B11 B12.
const SURFACES: [[u16; 12]; 14] = [
    [1400, 1100, 1000, 600, 1100, 2500, 3000, 3300, 900, 12, 1700, 800], // forest
    [1700, 1500, 1600, 2000, 2300, 2500, 2700, 2900, 800, 15, 3600, 3000], // soil
    [1400, 1000, 700, 400, 350, 300, 280, 260, 90, 11, 60, 40],          // clear water
    [1700, 1500, 1500, 1300, 1250, 700, 600, 500, 150, 11, 400, 300],    // turbid water
    [7500, 8000, 7900, 7700, 7600, 7500, 7400, 7200, 2500, 40, 900, 700], // snow
    [3000, 2500, 2400, 2500, 2500, 2600, 2500, 2400, 900, 30, 800, 600], // dim snow
    [5000, 5000, 5100, 5200, 5300, 5400, 5500, 5600, 2500, 120, 4300, 3200], // cloud
    [2500, 2300, 2200, 2100, 2200, 2500, 2600, 2700, 900, 200, 2300, 1700], // cirrus
    [2200, 2100, 2000, 1900, 2000, 2300, 2400, 2600, 900, 420, 2100, 1600], // thick cirrus
    [1300, 950, 800, 700, 750, 900, 1000, 1000, 300, 10, 900, 600],      // dark land
    [2000, 1900, 2100, 2600, 2800, 2900, 3000, 3100, 900, 20, 3300, 3000], // rock
    [2600, 2600, 2700, 2900, 2900, 2900, 2900, 2800, 900, 60, 700, 500], // red against infrared
    [1300, 1190, 780, 560, 700, 900, 950, 980, 300, 10, 540, 250],       // as dark as a shadow
    [1300, 1150, 860, 690, 800, 1000, 1100, 1150, 300, 10, 650, 330],    // nearly
];

/// Patches of mixed surfaces with noise of different strength, some pixels without data in some bands.
pub(super) fn scene(seed: u64, rows: usize, cols: usize) -> Vec<Array2<u16>> {
    let mut noise = Noise(seed);
    let mut bands = vec![Array2::zeros((rows, cols)); 12];
    let patch = 1 + noise.below(12) as usize;
    let kinds: Vec<_> =
        (0..rows.div_ceil(patch) * cols.div_ceil(patch)).map(|_| noise.below(1 << 40)).collect();
    for (row, col) in ndarray::indices((rows, cols)) {
        let kind = kinds[row / patch * cols.div_ceil(patch) + col / patch];
        let (a, b) = (SURFACES[kind as usize % 14], SURFACES[(kind >> 8) as usize % 14]);
        let share = if (kind >> 16) % 3 == 0 { noise.below(101) } else { (kind >> 20) % 101 };
        let spread = [1, 20, 300][(kind >> 32) as usize % 3];
        let gap = noise.below(200) == 0;
        for (index, band) in bands.iter_mut().enumerate() {
            let mixed = (u64::from(a[index]) * share + u64::from(b[index]) * (100 - share)) / 100;
            let factor = 1000 + noise.below(2 * spread + 1) - spread;
            let value = (mixed * factor / 1000) as u16 + noise.below(4) as u16;
            band[(row, col)] = if gap && noise.below(6) == 0 { 0 } else { value + 1000 };
        }
    }
    bands
}

/// Every band anywhere, mostly where thresholds are.
pub(super) fn random(seed: u64, rows: usize, cols: usize) -> Vec<Array2<u16>> {
    let mut noise = Noise(seed);
    let tops = [400, 1500, 3000, 5000, 64_000];
    (0..12)
        .map(|band| {
            Array2::from_shape_fn((rows, cols), |_| {
                let top = if band == 9 { 500 } else { tops[noise.below(40).min(4) as usize] };
                if noise.below(500) == 0 { 0 } else { (900 + noise.below(top)) as u16 }
            })
        })
        .collect()
}

/// A flat shadow-like ground with clouds of some pixels' size above it, and noise.
pub(super) fn shaded(seed: u64, rows: usize, cols: usize) -> Vec<Array2<u16>> {
    let mut noise = Noise(seed);
    let clouds: Vec<_> = (0..=noise.below(6))
        .map(|_| (noise.below(rows as u64), noise.below(cols as u64), 1 + noise.below(14)))
        .map(|(row, col, radius)| (row as isize, col as isize, radius as isize))
        .collect();
    let ground = SURFACES[12 + noise.below(2) as usize];
    let spread = [1, 30, 120][noise.below(3) as usize];
    let mut bands = vec![Array2::zeros((rows, cols)); 12];
    for (row, col) in ndarray::indices((rows, cols)) {
        let distance = |&(r, c, radius): &(isize, isize, isize)| {
            ((row as isize - r).pow(2) + (col as isize - c).pow(2)) as f64 - (radius * radius) as f64
        };
        let is_cloud = clouds.iter().map(distance).any(|d| d <= 0.0);
        let gap = noise.below(400) == 0;
        let surface = if is_cloud { SURFACES[6] } else { ground };
        for (band, value) in bands.iter_mut().zip(surface) {
            let factor = 1000 + noise.below(2 * spread + 1) - spread;
            band[(row, col)] = if gap { 0 } else { (u64::from(value) * factor / 1000) as u16 + 1000 };
        }
    }
    bands
}

/// A sun in any direction, often where the line of shadows has ties.
pub(super) fn sun(seed: u64) -> Direction {
    let mut noise = Noise(seed ^ 0x5555);
    let any = noise.below(36_100) as f64 / 100.0;
    let azimuth_deg = if noise.below(2) == 0 { any } else { (any / 15.0).round() * 15.0 };
    Direction { zenith_deg: 1.0 + noise.below(7900) as f64 / 100.0, azimuth_deg }
}

/// Maps of the ground by patches.
pub(super) struct Layers {
    elevation_m: Array2<f32>,
    slope_deg: Array2<f32>,
    hillshade: Array2<u8>,
    water_bodies: Array2<u8>,
    land_cover: Array2<u8>,
    snow_condition: Array2<u8>,
    used: u64,
}

impl Layers {
    pub(super) fn new(seed: u64, shape: (usize, usize)) -> Self {
        let mut noise = Noise(seed ^ 0xaaaa);
        let used = noise.below(64) | if noise.below(3) == 0 { 63 } else { 0 };
        let mut patches = |most: u64| {
            let patch = 2 + noise.below(9) as usize;
            let values: Vec<u64> =
                (0..shape.0.div_ceil(patch) * shape.1.div_ceil(patch)).map(|_| noise.below(most)).collect();
            Array2::from_shape_fn(shape, |(r, c)| values[r / patch * shape.1.div_ceil(patch) + c / patch])
        };
        let elevation_m = patches(6000).mapv(|v| v as f32 / 2.0);
        let slope_deg = patches(60).mapv(|v| v as f32 / 2.0);
        let hillshade = patches(256).mapv(|v| if v % 3 == 0 { (v / 4) as u8 } else { v as u8 });
        let water_bodies = patches(3).mapv(|v| v as u8);
        let land_cover = patches(5).mapv(|v| [190, 200, 202, 210, 10][v as usize]);
        let mut dry = patches(8).mapv(|v| [0, 3, 9, 30, 254, 254, 2, 1][v as usize]);
        if seed.is_multiple_of(4) {
            dry.mapv_inplace(|v: u8| if v == 254 { v } else { v / 40 });
        }
        Self { elevation_m, slope_deg, hillshade, water_bodies, land_cover, snow_condition: dry, used }
    }

    pub(super) fn ground(&self) -> Ground<'_> {
        let used = |bit: u32| self.used >> bit & 1 == 1;
        Ground {
            elevation_m: used(0).then(|| self.elevation_m.view()),
            slope_deg: used(1).then(|| self.slope_deg.view()),
            hillshade: used(2).then(|| self.hillshade.view()),
            water_bodies: used(3).then(|| self.water_bodies.view()),
            land_cover: used(4).then(|| self.land_cover.view()),
            snow_condition: used(5).then(|| self.snow_condition.view()),
        }
    }
}
