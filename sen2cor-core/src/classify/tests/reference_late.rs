//! The second half of the slow classification: cloud shadows, recoveries.

use super::reference::{Planes, Scene, cross};
use crate::classify::SceneInput;
use crate::grid::Resolution;
use ndarray::Array2;
use std::f64::consts::PI;

/// Index in a sequence of `n` whose ends are mirrored, end values repeated.
fn reflect(mut i: isize, n: usize) -> usize {
    let n = n as isize;
    while i < 0 || i >= n {
        i = if i < 0 { -1 - i } else { 2 * n - 1 - i };
    }
    i as usize
}

fn median<T: Copy + PartialOrd>(plane: &Array2<T>) -> Array2<T> {
    let (rows, cols) = plane.dim();
    Array2::from_shape_fn((rows, cols), |(r, c)| {
        let mut nine = Vec::new();
        for dr in -1..=1 {
            for dc in -1..=1 {
                nine.push(plane[(reflect(r as isize + dr, rows), reflect(c as isize + dc, cols))]);
            }
        }
        nine.sort_by(|a, b| a.partial_cmp(b).unwrap());
        nine[4]
    })
}

pub(super) fn shadows(p: &mut Planes, scene: &Scene, input: &SceneInput<'_>) {
    let shape = p.cm.dim();
    let (mut dark, mut m) = (Array2::<f64>::zeros(shape), Array2::<f32>::zeros(shape));
    for (name, reference) in
        [("B02", 0.12), ("B03", 0.08), ("B04", 0.06), ("B8A", 0.10), ("B11", 0.0545), ("B12", 0.0255f32)]
    {
        for at in ndarray::indices(shape) {
            let d = scene.band(name, at) - reference;
            dark[at] += f64::from(u8::from(d < 0.0));
            m[at] += d.abs();
        }
    }
    let (dark, m) = (median(&dark.mapv(|k| k / 6.0)), median(&m.mapv(|m| m / 6.0)));
    let s2 = geometric(p, input);
    p.each(|at, cm, _, _| {
        let mut s1 = 1.0 - m[at];
        if s1 < 1.0 - 0.018 {
            s1 = 0.0;
        }
        if dark[at] == 1.0 {
            s1 = 1.0;
        }
        if scene.band("B02", at) / scene.band("B11", at) > 6.0 || *cm == 10 {
            s1 = 0.0;
        }
        let s2 = if *cm == 0 { 0.0 } else { s2[at] };
        if s1 * s2 > 0.05 {
            *cm = 3;
        }
    });
}

fn geometric(p: &Planes, input: &SceneInput<'_>) -> Array2<f32> {
    let cloud = cross(&median(&p.cld).mapv(|v| v > 0.33));
    let (rows, cols) = cloud.dim();
    let mut sum = Array2::<f64>::zeros((rows, cols));
    for (dr, dc, weight) in line(input) {
        for ((r, c), sum) in sum.indexed_iter_mut() {
            let (r, c) = (r as isize - dr, c as isize - dc);
            if r >= 0 && c >= 0 && cloud.get((r as usize, c as usize)) == Some(&true) {
                *sum += f64::from(weight);
            }
        }
    }
    let mut s = sum.mapv(|v| (v as f32).clamp(0.0, 1.0));
    s.zip_mut_with(&cloud, |s, cloud| *s = (*s - f32::from(u8::from(*cloud))).max(0.0));
    for axis in 0..2 {
        s = Array2::from_shape_fn((rows, cols), |(r, c)| {
            let at = |k: isize| match axis {
                0 => f64::from(s[(reflect(r as isize + k, rows), c)]),
                _ => f64::from(s[(r, reflect(c as isize + k, cols))]),
            };
            let w = |k: isize| libm::exp(-((k * k) as f64) / 18.0);
            let total: f64 = (-12..=12).map(w).sum();
            (-12..=12).map(|k| at(k) * w(k) / total).sum::<f64>() as f32
        });
    }
    s
}

/// Pixels of the line with their weights, by turning the canvas.
fn line(input: &SceneInput<'_>) -> Vec<(isize, isize, f32)> {
    let az = (input.sun.azimuth_deg.abs().min(360.0) + 0.5).floor() as i64 % 360;
    let el = (90.0 - input.sun.zenith_deg.abs().min(70.0) + 0.5).floor();
    let (res, c) = if input.grid == Resolution::R20 { (20.0, 4117.0) } else { (60.0, 1372.0) };
    let mut profile: Vec<f64> =
        (0..=50).rev().map(|k| 1.0 / (1.0 + libm::pow(f64::from(k) / 30.0, 10.0))).collect();
    profile.extend((0..150).map(|k| 1.0 / (1.0 + libm::pow(f64::from(k) / 90.0, 10.0))));
    let m1 = (201.0 * 30.0 / res + 0.5f64).floor();
    let m2 = (m1 / libm::tan(el * PI / 180.0) + 0.5).floor();
    let values = zoom(&zoom(&profile, m1 as usize), m2 as usize);
    let angle = az as f64 * (PI / 180.0);
    let (sin, cos) = (libm::sin(angle), libm::cos(angle));
    let down = if (90..270).contains(&az) { -1 } else { 0 };
    let right = if az < 180 { -1 } else { 0 };
    let reach = values.len() as isize + 2;
    let mut taps = Vec::new();
    for r in -reach..=reach {
        for q in -reach..=reach {
            let x = c + sin * r as f64 + cos * q as f64;
            if (x + 0.5).floor() != c {
                continue;
            }
            let y = c + cos * r as f64 - sin * q as f64;
            let j = (y + 0.5).floor() - c;
            if j >= 0.0 && j < values.len() as f64 {
                taps.push((r + down, q + right, values[j as usize] as f32));
            }
        }
    }
    taps
}

/// Cubic spline interpolation with aligned ends; the coefficients solve the tridiagonal system.
fn zoom(v: &[f64], count: usize) -> Vec<f64> {
    if count < 2 {
        return vec![v[0]];
    }
    let n = v.len();
    let (mut upper, mut c) = (vec![0.0; n], vec![0.0; n]);
    for i in 0..n {
        let (a, b) = (if i == n - 1 { 2.0 } else { 1.0 } / 6.0, if i == 0 { 2.0 } else { 1.0 } / 6.0);
        let a = if i == 0 { 0.0 } else { a };
        let pivot = 4.0 / 6.0 - if i == 0 { 0.0 } else { a * upper[i - 1] };
        upper[i] = b / pivot;
        c[i] = (v[i] - if i == 0 { 0.0 } else { a * c[i - 1] }) / pivot;
    }
    for i in (0..n - 1).rev() {
        c[i] -= upper[i] * c[i + 1];
    }
    let mirror = |i: isize| {
        let last = n as isize - 1;
        (if i < 0 {
            -i
        } else if i > last {
            2 * last - i
        } else {
            i
        }) as usize
    };
    let step = (n - 1) as f64 / (count - 1) as f64;
    (0..count)
        .map(|j| {
            let x = j as f64 * step;
            if x > (n - 1) as f64 {
                return 0.0;
            }
            let k = x.floor();
            (-1..=2).map(|i| c[mirror(k as isize + i)] * b_spline(x - k - i as f64)).sum()
        })
        .collect()
}

fn b_spline(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (4.0 - 6.0 * x * x + 3.0 * x * x * x) / 6.0
    } else if x < 2.0 {
        (2.0 - x).powi(3) / 6.0
    } else {
        0.0
    }
}

pub(super) fn recoveries(p: &mut Planes, scene: &Scene, input: &SceneInput<'_>) {
    let ground = &input.ground;
    p.each(|at, cm, _, _| {
        if scene.ndi("B8A", "B04", at) > 0.42 && [2, 100].contains(cm) {
            *cm = 4;
        }
    });
    p.each(|at, cm, _, _| {
        if scene.ratio("B8A", "B03", at) > 2.5 && [2, 100].contains(cm) {
            *cm = 4;
        }
    });
    p.each(|at, cm, _, _| {
        let watery = scene.ratio("B02", "B11", at) > 4.0 && scene.band("B8A", at) < scene.band("B04", at);
        if watery && (*cm == 2 || (*cm == 100 && scene.band("B8A", at) < 0.3)) {
            *cm = 6;
        }
    });
    if let Some(wbi) = ground.water_bodies {
        p.each(|at, cm, _, _| {
            if wbi[at] == 2 && [2, 3, 100, 7].contains(cm) {
                *cm = 6;
            }
        });
    }
    if let Some(sdw) = ground.hillshade {
        relief(p, scene, input, &sdw.to_owned());
    }
    let mut near = p.cm.mapv(|cm| cm == 11);
    for _ in 0..3 {
        near = cross(&near);
    }
    p.each(|at, cm, _, _| {
        if near[at] && scene.band("B11", at) < scene.band("B03", at) && *cm == 100 {
            *cm = 11;
        }
    });
    p.each(|at, cm, _, _| {
        if scene.ratio("B02", "B11", at) < 0.65 && *cm == 2 {
            *cm = 5;
        }
    });
    if let Some(cover) = ground.land_cover {
        let cover = cover.to_owned();
        land(p, scene, input, &cover);
        cirrus(p, scene, input);
        for codes in [190..=190, 200..=202] {
            towns(p, &cover.mapv(|code| codes.contains(&code)));
        }
    }
}

fn relief(p: &mut Planes, scene: &Scene, input: &SceneInput<'_>, sdw: &Array2<u8>) {
    p.each(|at, cm, _, _| {
        if sdw[at] < 128 && input.ground.slope_deg.is_some_and(|slope| slope[at] > 15.0) && *cm == 6 {
            *cm = 2;
        }
    });
    p.each(|at, cm, _, _| {
        if sdw[at] > 0 && sdw[at] < 32 && *cm == 3 {
            *cm = 2;
        }
    });
    let Some(wbi) = input.ground.water_bodies else { return };
    p.each(|at, cm, _, _| {
        let (b02, b04) = (scene.band("B02", at), scene.band("B04", at));
        let blue = b02 - b04 > 0.034 && scene.band("B8A", at) < b04 && b02 > 0.20;
        if sdw[at] < 128 && wbi[at] != 2 && blue && [100, 7, 8].contains(cm) {
            *cm = 2;
        }
    });
}

fn mean_and_deviation(values: &[f32]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let squares = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
    (mean, squares.sqrt())
}

fn values(p: &Planes, classes: &[u16], value: impl Fn((usize, usize)) -> f32) -> Vec<f32> {
    p.cm.indexed_iter().filter(|(_, cm)| classes.contains(cm)).map(|(at, _)| value(at)).collect()
}

fn land(p: &mut Planes, scene: &Scene, input: &SceneInput<'_>, cover: &Array2<u8>) {
    let valid = p.cm.iter().filter(|cm| **cm != 0).count() as f64;
    let b10 = |at| scene.band("B10", at);
    let quotient = |at| scene.band("B09", at) / scene.band("B8A", at);
    let on_land = values(p, &[4, 5], b10);
    let count = on_land.len() as f64;
    let res = f64::from(input.grid.metres());
    // The tests' scenes are small, so their land is counted as if it were 10000 times as large.
    if count / valid < 0.05 || count < 121e6 / (res * res) / super::LAND_SCALE {
        return;
    }
    let high = values(p, &[9], b10);
    let share = high.len() as f64 / valid * 100.0;
    let m_land = mean_and_deviation(&on_land).0;
    let t = if share > 20.0 {
        let (m, s) = mean_and_deviation(&high);
        0.0015f64.max(m_land.min(m - 2.0 * s)).min(m_land)
    } else if share < 2.0 {
        m_land
    } else {
        0.0015f64.min(m_land)
    };
    let (m, s) = mean_and_deviation(&values(p, &[4, 5], quotient));
    let tq = (m + s) as f32;
    p.each(|at, cm, _, _| {
        if cover[at] != 210 && [8, 9].contains(cm) && b10(at) < t as f32 && quotient(at) < tq {
            *cm = 5;
        }
    });
}

fn cirrus(p: &mut Planes, scene: &Scene, input: &SceneInput<'_>) {
    let b10 = |at| scene.band("B10", at);
    let limit = |classes: &[u16], times: f64, least: f64| {
        let found = values(p, classes, b10);
        let (m, s) = mean_and_deviation(&found);
        if found.is_empty() { f32::NAN } else { (m + times * s).max(least) as f32 }
    };
    let (land, water) = (limit(&[5], 3.0, 0.0030), limit(&[6], 1.0, 0.0020));
    p.each(|at, cm, _, _| {
        let low = input.ground.elevation_m.is_none_or(|plane| (plane[at] + 0.5).floor() < 1500.0);
        let above = ([4, 5].contains(cm) && b10(at) > land) || (*cm == 6 && b10(at) > water);
        if low && above {
            *cm = 10;
        }
    });
}

fn towns(p: &mut Planes, town: &Array2<bool>) {
    p.each(|at, cm, _, _| {
        if town[at] && *cm == 100 {
            *cm = 5;
        }
    });
    let (rows, cols) = p.cm.dim();
    let mut labels = Array2::<i64>::zeros((rows, cols));
    let mut blobs = 0;
    for start in ndarray::indices((rows, cols)) {
        let mut open = vec![start];
        let mut fresh = true;
        while let Some((r, c)) = open.pop() {
            if labels[(r, c)] == 0 && town[(r, c)] && [7, 8].contains(&p.cm[(r, c)]) {
                blobs += i64::from(fresh);
                fresh = false;
                labels[(r, c)] = blobs;
                let near = [(r + 1, c), (r.wrapping_sub(1), c), (r, c + 1), (r, c.wrapping_sub(1))];
                open.extend(near.into_iter().filter(|&(r, c)| r < rows && c < cols));
            }
        }
    }
    let (mut all, mut cloudy) = (vec![0u32; blobs as usize + 1], vec![0u32; blobs as usize + 1]);
    for (r, c) in ndarray::indices((rows, cols)) {
        let mut most = 0;
        for dr in -1..=1 {
            for dc in -1..=1 {
                most = most.max(labels[(reflect(r as isize + dr, rows), reflect(c as isize + dc, cols))]);
            }
        }
        let ring = (most - labels[(r, c)]) as usize;
        all[ring] += 1;
        cloudy[ring] += u32::from([7, 8, 9, 10, 3].contains(&p.cm[(r, c)]));
    }
    p.each(|at, cm, _, _| {
        let k = labels[at] as usize;
        let stays = cloudy[k] as f32 / all[k] as f32 * 100.0 > 35.0;
        if k > 0 && !stays {
            *cm = 5;
        }
    });
}
