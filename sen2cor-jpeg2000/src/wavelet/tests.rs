//! The transform against its definition on single rows and columns, and there and back.

use super::{Analysis, AnalysisLevel, Synthesis, SynthesisLevel};
use crate::isa::Isa;
use crate::tile::Rect;

/// The areas of LL and of the levels, lowest first.
fn areas(top: Rect, levels: u32) -> Vec<Rect> {
    (0..=levels).rev().map(|down| top.reduced(down)).collect()
}

fn noise(seed: u64, count: usize) -> Vec<i32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 48) as i32 - 30_000
    };
    (0..count).map(|_| next()).collect()
}

/// One-dimensional transform by the formulae F-9 and F-10 with mirrored ends, in place.
fn forward_line(line: &mut [i32], start: u32) {
    let (n, odd) = (line.len() as isize, start as isize % 2);
    if n == 1 {
        line[0] *= if odd == 1 { 2 } else { 1 };
        return;
    }
    let mirror = |i: isize| if i < 0 { -i } else if i >= n { 2 * (n - 1) - i } else { i } as usize;
    for parity in [1, 0] {
        for i in (0..n).filter(|i| (i + odd) % 2 == parity) {
            let sum = line[mirror(i - 1)] + line[mirror(i + 1)];
            line[i as usize] += if parity == 1 { -(sum >> 1) } else { (sum + 2) >> 2 };
        }
    }
}

/// Subbands of one level by definition: LL, HL, LH, HH.
fn forward_level(samples: &[i32], area: Rect) -> [Vec<i32>; 4] {
    let (w, h) = (area.width() as usize, area.height() as usize);
    let mut all = samples.to_vec();
    for x in 0..w {
        let mut column: Vec<i32> = (0..h).map(|y| all[y * w + x]).collect();
        forward_line(&mut column, area.y0);
        (0..h).for_each(|y| all[y * w + x] = column[y]);
    }
    all.chunks_exact_mut(w).for_each(|row| forward_line(row, area.x0));
    let mut bands: [Vec<i32>; 4] = Default::default();
    for (n, &value) in all.iter().enumerate() {
        let (x, y) = (n % w + area.x0 as usize, n / w + area.y0 as usize);
        bands[x % 2 + 2 * (y % 2)].push(value);
    }
    bands
}

fn check(isa: Isa, top: Rect, levels: u32) {
    let samples = noise(u64::from(top.x0 * 31 + top.y1 * 7 + levels), (top.width() * top.height()) as usize);
    let areas = areas(top, levels);
    let (mut current, mut expected) = (samples.clone(), Vec::new());
    for area in areas[1..].iter().rev() {
        let [ll, hl, lh, hh] = forward_level(&current, *area);
        expected.push([hl, lh, hh]);
        current = ll;
    }
    expected.reverse();
    let (mut lowest, mut bands) = (vec![0; current.len()], expected.clone());
    bands.iter_mut().flatten().flatten().for_each(|sample| *sample = 0);
    let targets = bands.iter_mut().zip(&areas[1..]);
    let targets = targets.map(|([hl, lh, hh], &area)| AnalysisLevel {
        area,
        high_low: hl,
        low_high: lh,
        high_high: hh,
    });
    let mut analysis = Analysis::new(isa, areas[0], &mut lowest, targets.collect());
    samples.chunks_exact(top.width() as usize).for_each(|row| analysis.push(row));
    drop(analysis);
    assert_eq!((&lowest, &bands), (&current, &expected), "{top:?} {levels}");
    let sources = bands.iter().zip(&areas[1..]);
    let sources: Vec<_> = sources
        .map(|([hl, lh, hh], &area)| SynthesisLevel {
            area,
            high_low: Some(hl),
            low_high: Some(lh),
            high_high: Some(hh),
        })
        .collect();
    let mut synthesis = Synthesis::new(isa, areas[0], Some(&lowest), &sources);
    for row in samples.chunks_exact(top.width() as usize) {
        assert_eq!(synthesis.row(), row, "{top:?} {levels}");
    }
    assert!(synthesis.row().is_empty());
}

#[test]
fn there_and_back_at_every_place_and_size() {
    for isa in [Isa::baseline(), Isa::detect()] {
        for (x0, y0) in [(0, 0), (1, 0), (0, 1), (3, 5), (6, 7)] {
            for (width, height) in
                [(1, 1), (1, 2), (2, 1), (1, 7), (5, 1), (2, 2), (3, 3), (4, 5), (17, 16), (40, 33)]
            {
                let top = Rect { x0, y0, x1: x0 + width, y1: y0 + height };
                // The lowest resolution may be empty.
                let deepest = (1..6).take_while(|&l| !top.reduced(l - 1).is_empty()).last().unwrap();
                for levels in 0..=deepest {
                    check(isa, top, levels);
                }
            }
        }
    }
}
