//! Every threshold decides about some pixel of the test scenes, on both sides: no branch is out of their reach.
//!
//! Together with the reference, whose numbers are written out, this says that no default can be moved unseen.

use super::equality::input;
use super::reference::reference;
use super::scenes::{Layers, Noise, random, scene, shaded};
use super::{LAND_SCALE, thresholds};
use crate::classify::*;
use ndarray::Array2;

type Bands = Vec<Array2<u16>>;

/// How far a threshold is moved, as a share of its value.
///
/// B10, shades and slopes are whole numbers near their thresholds; shares and areas act through sums of the scene.
fn step(name: &str) -> f32 {
    match name {
        "land_b10" | "cirrus_land_b10_min" | "cirrus_water_b10_min" => 0.1,
        "relief_slope_min_deg" | "relief_shadow_hillshade_max" => 0.05,
        "land_share_min_percent"
        | "land_area_min_km2"
        | "land_cloud_share_percent.low"
        | "land_cloud_share_percent.high"
        | "town_cloud_share_max_percent" => 0.5,
        name if is_far(name) => 0.9,
        _ => 0.02,
    }
}

/// Whether a limit lies where its line decides nothing: water is asked for quotients from 2 on, rock for those below
/// 1.1. It matters only when it is raised a lot.
fn is_far(name: &str) -> bool {
    matches!(name, "water_b12_line.limits.low" | "rock_b02_line.limits.low")
}

/// The thresholds with one of them a step away from its default.
fn moved(threshold: &NamedThreshold, direction: f32) -> Thresholds {
    let scale = if threshold.name == "land_area_min_km2" { LAND_SCALE as f32 } else { 1.0 };
    let step = if threshold.value == 0.0 { 0.02 } else { threshold.value.abs() * step(&threshold.name) };
    let value = (threshold.value + direction * step) / scale;
    let mut json = serde_json::to_value(thresholds()).unwrap();
    let field = threshold.name.split('.').fold(&mut json, |table, part| table.get_mut(part).unwrap());
    *field = value.into();
    serde_json::from_value(json).unwrap()
}

/// An image of pixels that are made one by one.
fn image(seed: u64, shape: (usize, usize), pixel: impl Fn(&mut Noise) -> [u64; 12]) -> Bands {
    let mut noise = Noise(seed);
    let mut bands = vec![Array2::zeros(shape); 12];
    for at in ndarray::indices(shape) {
        for (band, value) in bands.iter_mut().zip(pixel(&mut noise)) {
            band[at] = value as u16 + 1000;
        }
    }
    bands
}

/// Water of all colours, also below cirrus: B02 above B11, B8A below B04.
fn waters(noise: &mut Noise) -> [u64; 12] {
    let b02 = 900 + noise.below(1300);
    let b04 = 300 + noise.below(b02 - 300);
    let (b8a, b11) = (200 + noise.below(b04 - 250), b02 * 10 / (18 + noise.below(25)));
    [1500, b02, b02 + 100, b04, b04, b8a, b8a, b8a, 90, 300 + noise.below(200), b11, 1000 + noise.below(1200)]
}

/// A dark sea with shares of land and of clouds, in per mille. The fewer there are, the calmer is B10 over land.
fn land(noise: &mut Noise, land: u64, cloud: u64) -> [u64; 12] {
    let wet = noise.below(400);
    let b10 = match noise.below(40) {
        0 => 26 + noise.below(11),
        dice if cloud >= 100 => 18 + dice % 6,
        dice if land >= 100 => 10 + dice % 14,
        dice => 12 + dice % 4,
    };
    let b10_of_cloud =
        if cloud < 100 { 10 + noise.below(6) } else { 17 - 2 * u64::from(noise.below(20) == 0) };
    match noise.below(1000) {
        kind if kind < land => [1700, 1500, 1600, 2000, 2300, 2500, 2700, 2900, 700 + wet, b10, 3600, 3000],
        kind if kind < land + cloud => {
            [5000, 5000, 5100, 5200, 5300, 5400, 5500, 5600, 1200 + 3 * wet, b10_of_cloud, 4300, 3200]
        }
        _ => [1400, 1000, 700, 400, 350, 300, 280, 260, 90, 11, 60, 40],
    }
}

/// The scenes of the comparison with the reference, and some whose statistics lie on either side of what recoveries ask for.
fn scenes() -> Vec<(Bands, u64)> {
    let mixed = (0..24).flat_map(|seed| {
        [scene(seed, 67, 95), random(seed, 40, 45), shaded(seed, 110, 83)].map(|b| (b, seed))
    });
    let wet = (24..30).map(|seed| (image(seed, (110, 120), waters), seed));
    let shares = [(38, 20), (62, 30), (300, 12), (300, 27), (300, 150), (300, 260), (62, 30), (62, 30)];
    let dry = (30..78).zip(shares.iter().cycle()).flat_map(|(seed, &(ground, cloud))| {
        [(80, 90), (24, 25), (18, 18)]
            .map(|shape| (image(seed, shape, |noise| land(noise, ground, cloud)), seed))
    });
    mixed.chain(wet).chain(dry).collect()
}

#[test]
fn every_threshold_decides() {
    let scenes: Vec<_> =
        scenes().into_iter().map(|(bands, seed)| (Layers::new(seed, bands[0].dim()), bands, seed)).collect();
    let run = |(layers, bands, seed): &(Layers, Bands, u64), thresholds: &Thresholds| {
        classify_scene(&input(bands, *seed, layers.ground()), thresholds).unwrap()
    };
    let usual: Vec<_> = scenes.iter().map(|scene| run(scene, &thresholds())).collect();
    for ((layers, bands, seed), maps) in scenes.iter().zip(&usual).skip(72) {
        let expected = reference(&input(bands, *seed, layers.ground()));
        assert!(expected == *maps, "seed {seed} differs from the reference");
    }
    let decides = |thresholds: &Thresholds| {
        scenes.iter().zip(&usual).any(|(scene, usual)| run(scene, thresholds) != *usual)
    };
    let idle: Vec<_> = Thresholds::default()
        .named()
        .iter()
        .flat_map(|threshold| [(threshold.clone(), -1.0), (threshold.clone(), 1.0)])
        .filter(|(threshold, direction)| !(is_far(&threshold.name) && *direction < 0.0))
        .filter(|(threshold, direction)| !decides(&moved(threshold, *direction)))
        .map(|(threshold, direction)| format!("{} {direction:+}", threshold.name))
        .collect();
    assert!(idle.is_empty(), "no pixel depends on {idle:#?}");
}
