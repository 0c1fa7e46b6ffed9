//! The fused classification against a slow one that follows the published order: whole planes, one step after the
//! other, all numbers written out. Source of both: Sen2Cor 2.8.

use super::*;
use crate::resample::part;
use ndarray::{Array2, ArrayView2};
use proptest::prelude::*;

const EPS: f32 = 1e-6;

fn ramp(v: f32, lo: f32, hi: f32) -> f32 {
    let clipped = if v < lo {
        lo
    } else if v > hi {
        hi
    } else {
        v
    };
    (clipped - lo) / (hi - lo)
}

fn guarded(v: f32) -> f32 {
    if v > EPS { v } else { EPS }
}

/// Classes (open is 100), cloud and snow confidence of a whole image.
struct Planes {
    cm: Array2<u16>,
    cld: Array2<f32>,
    snw: Array2<f32>,
}

impl Planes {
    /// One assignment over the whole image.
    fn each(&mut self, mut f: impl FnMut((usize, usize), &mut u16, &mut f32, &mut f32)) {
        for at in ndarray::indices(self.cm.dim()) {
            f(at, &mut self.cm[at], &mut self.cld[at], &mut self.snw[at]);
        }
    }
}

/// Reflectance planes by band name.
struct Scene {
    b: Vec<Array2<f32>>,
    missing: Array2<bool>,
}

impl Scene {
    fn new(bands: &[Array2<u16>]) -> Self {
        let b = bands
            .iter()
            .map(|band| {
                band.mapv(|dn| match dn {
                    0 => 0.0,
                    1..=1000 => 1.0f32 / 10_000.0,
                    _ => f32::from(dn - 1000) / 10_000.0,
                })
            })
            .collect();
        let missing = Array2::from_shape_fn(bands[0].dim(), |at| bands.iter().any(|band| band[at] == 0));
        Self { b, missing }
    }

    fn band(&self, name: &str, at: (usize, usize)) -> f32 {
        self.b[BANDS.iter().position(|band| band.name() == name).unwrap()][at]
    }

    fn ndi(&self, a: &str, b: &str, at: (usize, usize)) -> f32 {
        let (a, b) = (self.band(a, at), self.band(b, at));
        (a - b) / guarded(a + b)
    }

    fn ratio(&self, a: &str, b: &str, at: (usize, usize)) -> f32 {
        self.band(a, at) / guarded(self.band(b, at))
    }
}

fn reference(bands: &[Array2<u16>], snow_possible: bool) -> Planes {
    let scene = Scene::new(bands);
    let shape = bands[0].dim();
    let mut p = Planes { cm: Array2::zeros(shape), cld: Array2::zeros(shape), snw: Array2::zeros(shape) };
    p.each(|at, cm, _, _| *cm = if scene.missing[at] { 0 } else { 100 });
    clouds(&mut p, &scene);
    if snow_possible {
        snow(&mut p, &scene);
    }
    vegetation_and_soil(&mut p, &scene);
    water_and_rock(&mut p, &scene);
    thresholds(&mut p, &scene);
    p
}

fn clouds(p: &mut Planes, scene: &Scene) {
    p.each(|at, _, cld, _| {
        let r = ramp(scene.band("B04", at), 0.06, 0.25);
        *cld = r * r;
    });
    p.each(|at, cm, _, _| {
        let b8a = scene.band("B8A", at);
        if *cm == 100 && scene.band("B04", at) < 0.1 && b8a > 0.04 && b8a < 0.15 {
            *cm = 2;
        }
    });
    p.each(|_, cm, cld, _| {
        if *cm == 2 {
            *cld = 0.0;
        }
    });
    p.each(|at, cm, cld, _| {
        let r = ramp(scene.ndi("B03", "B11", at), -0.24, -0.16);
        if r == 0.0 && *cm != 0 {
            *cm = 100;
        }
        *cld *= r;
    });
}

fn snow(p: &mut Planes, scene: &Scene) {
    let lock = |cm: &mut u16, v: f32| {
        if *cm == 100 && v == 0.0 {
            *cm = 50;
        }
    };
    p.each(|at, _, _, snw| *snw = ramp(scene.ndi("B03", "B11", at), 0.35, 0.50));
    p.each(|_, cm, cld, snw| {
        if *cld == 0.0 && *cm != 0 {
            *snw = 0.0;
        }
        lock(cm, *snw);
    });
    p.each(|at, cm, _, snw| {
        if scene.ratio("B05", "B8A", at) < 0.85 {
            *snw = 0.0;
        }
        lock(cm, *snw);
    });
    for (low, high, which) in [(0.15, 0.35, 0), (0.18, 0.22, 1), (0.85, 0.95, 2)] {
        p.each(|at, cm, _, snw| {
            let value = match which {
                0 => scene.band("B8A", at),
                1 => scene.band("B02", at),
                _ => scene.ratio("B02", "B04", at),
            };
            let r = ramp(value, low, high);
            lock(cm, r);
            *snw *= r;
        });
    }
    let core = Array2::from_shape_fn(p.cm.dim(), |at| p.snw[at] > 0.12 && p.cm[at] != 0);
    p.each(|at, cm, _, _| {
        if core[at] {
            *cm = 11;
        }
    });
    let mut dilated = core.clone();
    for _ in 0..3 {
        dilated = cross(&dilated);
    }
    p.each(|at, cm, cld, _| {
        let ring = dilated[at] ^ core[at];
        if (ring && scene.band("B12", at) < 0.25) || *cm == 11 {
            *cld = 0.0;
        }
        if *cm == 50 {
            *cm = 100;
        }
    });
}

/// Dilation with the four neighbours.
fn cross(mask: &Array2<bool>) -> Array2<bool> {
    Array2::from_shape_fn(mask.dim(), |(r, c)| {
        let at = |r: usize, c: usize| mask.get((r, c)).copied().unwrap_or(false);
        at(r, c) || at(r.wrapping_sub(1), c) || at(r + 1, c) || at(r, c.wrapping_sub(1)) || at(r, c + 1)
    })
}

fn vegetation_and_soil(p: &mut Planes, scene: &Scene) {
    let green = |at| ramp(scene.ndi("B8A", "B04", at), 0.36, 0.42);
    p.each(|at, cm, _, _| {
        if *cm == 100 && green(at) == 1.0 && scene.band("B02", at) < 0.15 {
            *cm = 4;
        }
    });
    p.each(|at, cm, cld, _| {
        let r = green(at);
        if r > 0.0 && r < 1.0 && *cm != 4 {
            *cld *= 1.0 - r;
        }
    });
    let soil = |at| {
        let r = scene.ratio("B02", "B11", at).clamp(0.0, 100.0);
        (r, scene.band("B02", at) < (r * -0.40 + 0.46).clamp(0.15, 0.32))
    };
    p.each(|at, cm, _, _| {
        let (r, below) = soil(at);
        if *cm == 100 && below && r < 0.70 {
            *cm = 5;
        }
    });
    p.each(|_, cm, cld, _| {
        if *cm == 5 {
            *cld = 0.0;
        }
    });
    p.each(|at, cm, cld, _| {
        let (r, below) = soil(at);
        if r > 0.70 && r < 1.00 && below && *cm == 100 {
            *cld *= ramp(r, 0.70, 1.00);
        }
    });
}

fn water_and_rock(p: &mut Planes, scene: &Scene) {
    let dim = |at| scene.band("B8A", at) < scene.band("B04", at) && scene.band("B02", at) < 0.2;
    let wet = |at| {
        let r = scene.ratio("B02", "B11", at);
        (r, scene.band("B12", at) < (r * 0.1 + (-0.09)).clamp(0.07, 0.21) && dim(at))
    };
    p.each(|at, cm, _, _| {
        let (r, w) = wet(at);
        if *cm == 100 && w && r > 4.0 {
            *cm = 6;
        }
    });
    p.each(|_, cm, cld, _| {
        if *cm == 6 {
            *cld = 0.0;
        }
    });
    p.each(|at, _, cld, _| {
        let (r, w) = wet(at);
        if w && (2.0..4.0).contains(&r) {
            *cld *= -0.5 * r + 2.0;
        }
    });
    let blue = |at| scene.band("B02", at) - scene.band("B04", at) > 0.034 && dim(at);
    p.each(|at, cm, _, _| {
        if *cm == 100 && blue(at) {
            *cm = 6;
        }
    });
    p.each(|at, cm, cld, _| {
        if blue(at) && *cm == 6 {
            *cld = 0.0;
        }
    });
    let rock = |at| {
        let r = scene.ratio("B8A", "B11", at);
        (r, scene.band("B02", at) < (r * -0.25 + 0.475).clamp(0.16, 0.35))
    };
    p.each(|at, cm, _, _| {
        let (r, below) = rock(at);
        if *cm == 100 && below && r < 0.90 && scene.band("B02", at) < 0.8 * scene.band("B11", at) {
            *cm = 5;
        }
    });
    p.each(|_, cm, cld, _| {
        if *cm == 5 {
            *cld = 0.0;
        }
    });
    p.each(|at, cm, cld, _| {
        let (r, below) = rock(at);
        if r > 0.90 && r < 1.10 && below && *cm == 100 {
            *cld *= ramp(r, 0.90, 1.10);
        }
    });
}

fn thresholds(p: &mut Planes, scene: &Scene) {
    let very_bright = |at| {
        let r = ramp(scene.ratio("B04", "B11", at), 3.0, 6.0);
        (r, if r > 0.0 && r < 1.0 { 1.0 - r } else { r })
    };
    p.each(|at, cm, cld, _| {
        if very_bright(at).1 == 1.0 && *cm == 100 {
            *cld = 0.0;
        }
    });
    p.each(|at, _, cld, _| {
        let (r, q) = very_bright(at);
        if r > 0.0 && r < 1.0 {
            *cld *= q;
        }
    });
    p.each(|_, cm, cld, _| {
        if *cm == 100 && *cld > 0.0 {
            *cm = match *cld {
                v if v < 0.20 => 7,
                v if v < 0.80 => 8,
                _ => 9,
            };
        }
    });
    p.each(|at, cm, cld, _| {
        let b10 = scene.band("B10", at);
        if *cm != 0 && b10 > 0.012 && b10 < 0.035 && scene.band("B02", at) < 0.50 && *cld < 0.20 {
            *cm = 10;
        }
    });
    p.each(|at, cm, cld, _| {
        if *cm != 0 && scene.band("B10", at) >= 0.035 && *cld < 0.80 {
            *cm = 8;
        }
    });
}

/// Output and counts of a whole image by the reference.
fn expected(bands: &[Array2<u16>], snow_possible: bool) -> ([Array2<u8>; 3], ClassCounts) {
    let p = reference(bands, snow_possible);
    let mut counts = ClassCounts::default();
    let class = p.cm.mapv(|cm| if cm == 100 { 7 } else { cm as u8 });
    class.for_each(|&class| counts.0[usize::from(class)] += 1);
    let percent = |plane: &Array2<f32>| {
        Array2::from_shape_fn(
            class.dim(),
            |at| if class[at] == 0 { 0 } else { (100.0 * plane[at] + 0.5) as u8 },
        )
    };
    ([class.clone(), percent(&p.cld), percent(&p.snw)], counts)
}

/// The window `rows` x `cols` of an image, classified with its halo.
fn classify(
    bands: &[Array2<u16>],
    rows: std::ops::Range<usize>,
    cols: std::ops::Range<usize>,
    snow_possible: bool,
) -> ([Array2<u8>; 3], ClassCounts) {
    let (height, width) = bands[0].dim();
    let origin = (rows.start.saturating_sub(HALO_PX), cols.start.saturating_sub(HALO_PX));
    let end = ((rows.end + HALO_PX).min(height), (cols.end + HALO_PX).min(width));
    let input = BlockInput {
        bands: std::array::from_fn(|band| part(&bands[band], origin.0..end.0, origin.1..end.1)),
        inner: (rows.start - origin.0, cols.start - origin.1),
        snow_possible,
    };
    let shape = (rows.len(), cols.len());
    let [mut class, mut cloud, mut snow] = [(); 3].map(|()| Array2::zeros(shape));
    let outputs = Outputs { class: class.view_mut(), cloud: cloud.view_mut(), snow: snow.view_mut() };
    let counts = classify_block(&input, &Thresholds::default(), outputs).unwrap();
    ([class, cloud, snow], counts)
}

/// Numbers that look random and are the same everywhere (SplitMix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Typical digital numbers without bias of B01 B02 B03 B04 B05 B06 B07 B8A B09 B10 B11 B12.
const SURFACES: [[u16; 12]; 12] = [
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
];

/// Patches of mixed surfaces with noise of different strength, some pixels without data in some bands.
fn scene(seed: u64, rows: usize, cols: usize) -> Vec<Array2<u16>> {
    let mut noise = Noise(seed);
    let mut bands = vec![Array2::zeros((rows, cols)); 12];
    let patch = 1 + noise.below(12) as usize;
    let kinds: Vec<_> =
        (0..rows.div_ceil(patch) * cols.div_ceil(patch)).map(|_| noise.below(1 << 40)).collect();
    for (row, col) in ndarray::indices((rows, cols)) {
        let kind = kinds[row / patch * cols.div_ceil(patch) + col / patch];
        let (a, b) = (SURFACES[kind as usize % 12], SURFACES[(kind >> 8) as usize % 12]);
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
fn random(seed: u64, rows: usize, cols: usize) -> Vec<Array2<u16>> {
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

#[test]
fn equals_the_reference_in_every_pixel() {
    let mut counts = ClassCounts::default();
    for seed in 0..60 {
        for bands in [scene(seed, 67, 95), random(seed, 40, 45)] {
            let (rows, cols) = bands[0].dim();
            for snow_possible in [true, false] {
                let (planes, found) = expected(&bands, snow_possible);
                assert_eq!(classify(&bands, 0..rows, 0..cols, snow_possible), (planes, found));
                counts += found;
            }
        }
    }
    assert!(counts.total() > 900_000);
    for class in [0, 2, 4, 5, 6, 7, 8, 9, 10, 11] {
        assert!(counts.0[class] > 2000, "the scenes lack class {class}: {counts:?}");
    }
}

fn state_of(input: &BlockInput<'_>, shape: (usize, usize)) -> (Array2<u8>, Array2<f32>, Array2<f32>) {
    let (mut map, mut cloud, mut snow) = (Array2::zeros(shape), Array2::zeros(shape), Array2::zeros(shape));
    let state = StateMut { map: map.view_mut(), cloud: cloud.view_mut(), snow: snow.view_mut() };
    detect_block(input, &Thresholds::default(), state).unwrap();
    (map, cloud, snow)
}

#[test]
fn the_state_equals_the_reference_and_finishing_it_gives_the_same() {
    let bands = scene(77, 70, 50);
    let p = reference(&bands, true);
    let input = BlockInput {
        bands: std::array::from_fn(|band| bands[band].view()),
        inner: (0, 0),
        snow_possible: true,
    };
    let (map, cloud, snow) = state_of(&input, (70, 50));
    assert_eq!(map.mapv(u16::from), p.cm);
    assert_eq!(cloud, p.cld);
    // The original leaves a snow confidence where there are no data; nothing reads it.
    assert_eq!(snow, p.snw);
    let [mut class, mut cloud_out, mut snow_out] = [(); 3].map(|()| Array2::zeros((70, 50)));
    let state = State { map: map.view(), cloud: cloud.view(), snow: snow.view() };
    let outputs = Outputs { class: class.view_mut(), cloud: cloud_out.view_mut(), snow: snow_out.view_mut() };
    let counts = finish_block(state, outputs).unwrap();
    assert_eq!(([class, cloud_out, snow_out], counts), expected(&bands, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_cut_gives_the_same(
        seed in any::<u64>(), rows in 1usize..50, cols in 1usize..80, edge_rows in 1usize..30, edge_cols in 1usize..50
    ) {
        let bands = scene(seed, rows, cols);
        let (planes, expected_counts) = expected(&bands, true);
        let mut counts = ClassCounts::default();
        for row in (0..rows).step_by(edge_rows) {
            for col in (0..cols).step_by(edge_cols) {
                let (r, c) = (row..(row + edge_rows).min(rows), col..(col + edge_cols).min(cols));
                let (block, found) = classify(&bands, r.clone(), c.clone(), true);
                counts += found;
                for (ours, whole) in block.iter().zip(&planes) {
                    prop_assert_eq!(ours.view(), part(whole, r.clone(), c.clone()));
                }
            }
        }
        prop_assert_eq!(counts, expected_counts);
    }
}

#[test]
fn views_without_contiguous_rows_give_the_same() {
    let bands = scene(5, 30, 40);
    let turned: Vec<Array2<u16>> =
        bands.iter().map(|band| band.t().as_standard_layout().to_owned()).collect();
    let input = BlockInput {
        bands: std::array::from_fn(|band| turned[band].t()),
        inner: (0, 0),
        snow_possible: true,
    };
    let [mut class, mut cloud, mut snow] = [(); 3].map(|()| Array2::zeros((30, 40)));
    let outputs = Outputs { class: class.view_mut(), cloud: cloud.view_mut(), snow: snow.view_mut() };
    let counts = classify_block(&input, &Thresholds::default(), outputs).unwrap();
    assert_eq!(([class, cloud, snow], counts), expected(&bands, true));
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let band = Array2::<u16>::zeros((8, 8));
    let narrow = Array2::<u16>::zeros((8, 7));
    let run = |bands: [ArrayView2<'_, u16>; 12], inner, class: (usize, usize), cloud: (usize, usize)| {
        let input = BlockInput { bands, inner, snow_possible: true };
        let (mut class, mut cloud) = (Array2::zeros(class), Array2::zeros(cloud));
        let mut snow = Array2::zeros(class.dim());
        let outputs = Outputs { class: class.view_mut(), cloud: cloud.view_mut(), snow: snow.view_mut() };
        classify_block(&input, &Thresholds::default(), outputs)
    };
    let all = [(); 12].map(|()| band.view());
    assert!(run(all, (3, 3), (5, 5), (5, 5)).is_ok());
    assert!(run(all, (8, 8), (0, 0), (0, 0)).is_ok());
    let outside = ClassifyError::Outside { block: (5, 5), inner: (4, 3), view: (8, 8) };
    assert_eq!(run(all, (4, 3), (5, 5), (5, 5)), Err(outside));
    assert!(run(all, (usize::MAX, 0), (5, 5), (5, 5)).is_err());
    let shape = ClassifyError::Shape { expected: (5, 5), found: (5, 4) };
    assert_eq!(run(all, (3, 3), (5, 5), (5, 4)), Err(shape));
    let mut mixed = all;
    mixed[11] = narrow.view();
    assert!(run(mixed, (0, 0), (5, 5), (5, 5)).is_err());
}
