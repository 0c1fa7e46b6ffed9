//! A slow classification that follows the published order: whole planes, one step after the other, all numbers
//! written out, nothing shared with the fast one. Source of both: Sen2Cor 2.8.

use super::reference_late as late;
use crate::classify::{BANDS, ClassCounts, SceneInput, SceneMaps};
use ndarray::Array2;

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
pub(super) struct Planes {
    pub(super) cm: Array2<u16>,
    pub(super) cld: Array2<f32>,
    pub(super) snw: Array2<f32>,
}

impl Planes {
    /// One assignment over the whole image.
    pub(super) fn each(&mut self, mut f: impl FnMut((usize, usize), &mut u16, &mut f32, &mut f32)) {
        for at in ndarray::indices(self.cm.dim()) {
            f(at, &mut self.cm[at], &mut self.cld[at], &mut self.snw[at]);
        }
    }
}

/// Reflectance planes by band name.
pub(super) struct Scene {
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

    pub(super) fn band(&self, name: &str, at: (usize, usize)) -> f32 {
        self.b[BANDS.iter().position(|band| band.name() == name).unwrap()][at]
    }

    pub(super) fn ndi(&self, a: &str, b: &str, at: (usize, usize)) -> f32 {
        let (a, b) = (self.band(a, at), self.band(b, at));
        (a - b) / guarded(a + b)
    }

    pub(super) fn ratio(&self, a: &str, b: &str, at: (usize, usize)) -> f32 {
        self.band(a, at) / guarded(self.band(b, at))
    }
}

/// Classes, confidences in percent and counts of a whole scene.
pub(super) fn reference(input: &SceneInput<'_>) -> SceneMaps {
    let bands = input.bands.map(|band| band.to_owned());
    let scene = Scene::new(&bands);
    let shape = bands[0].dim();
    let mut p = Planes { cm: Array2::zeros(shape), cld: Array2::zeros(shape), snw: Array2::zeros(shape) };
    p.each(|at, cm, _, _| *cm = if scene.missing[at] { 0 } else { 100 });
    clouds(&mut p, &scene);
    if input.snow_possible {
        snow(&mut p, &scene, condition(input).as_ref());
    }
    vegetation_and_soil(&mut p, &scene);
    water_and_rock(&mut p, &scene);
    thresholds(&mut p, &scene, input);
    late::shadows(&mut p, &scene, input);
    late::recoveries(&mut p, &scene, input);
    finish(&p, input)
}

/// Where the snow condition finds water, if it is used.
fn condition(input: &SceneInput<'_>) -> Option<Array2<bool>> {
    let layer = input.ground.snow_condition?;
    let known: Vec<f64> = layer.iter().filter(|v| **v != 254).map(|v| f64::from(*v)).collect();
    let sum: f64 = known.iter().sum();
    (sum > 0.0 && sum / (known.len() as f64) < 10.0).then(|| layer.mapv(|v| v == 254))
}

fn finish(p: &Planes, input: &SceneInput<'_>) -> SceneMaps {
    let mut counts = ClassCounts::default();
    let class = Array2::from_shape_fn(p.cm.dim(), |at| match p.cm[at] {
        0 => 0,
        _ if input.defective.is_some_and(|plane| plane[at] != 0) => 1,
        100 => 7,
        class => class as u8,
    });
    class.for_each(|&class| counts.0[usize::from(class)] += 1);
    let percent = |plane: &Array2<f32>| {
        Array2::from_shape_fn(
            class.dim(),
            |at| if class[at] == 0 { 0 } else { (100.0 * plane[at] + 0.5) as u8 },
        )
    };
    SceneMaps { class: class.clone(), cloud: percent(&p.cld), snow: percent(&p.snw), counts }
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

fn snow(p: &mut Planes, scene: &Scene, water: Option<&Array2<bool>>) {
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
    });
    p.each(|at, cm, _, snw| {
        if *cm != 0 && water.is_some_and(|water| water[at]) {
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
        if *cm == 11 && water.is_some_and(|water| water[at]) {
            *cm = 8;
        }
    });
}

/// Dilation with the four neighbours.
pub(super) fn cross(mask: &Array2<bool>) -> Array2<bool> {
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

fn thresholds(p: &mut Planes, scene: &Scene, input: &SceneInput<'_>) {
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
        let low = input.ground.elevation_m.is_none_or(|plane| (plane[at] + 0.5).floor() < 1500.0);
        if *cm != 0 && b10 > 0.012 && b10 < 0.035 && scene.band("B02", at) < 0.50 && *cld < 0.20 && low {
            *cm = 10;
        }
    });
    p.each(|at, cm, cld, _| {
        if *cm != 0 && scene.band("B10", at) >= 0.035 && *cld < 0.80 {
            *cm = 8;
        }
    });
}
