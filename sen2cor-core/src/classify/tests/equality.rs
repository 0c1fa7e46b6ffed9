//! The fast classification against the slow one.

use super::reference::reference;
use super::scenes::{Layers, random, scene, shaded, sun};
use super::thresholds;
use crate::classify::*;
use crate::grid::Resolution::{R20, R60};
use ndarray::{Array2, ArrayView2};

pub(super) fn input<'a>(bands: &'a [Array2<u16>], seed: u64, ground: Ground<'a>) -> SceneInput<'a> {
    SceneInput {
        bands: std::array::from_fn(|band| bands[band].view()),
        grid: if seed.is_multiple_of(2) { R20 } else { R60 },
        sun: sun(seed),
        snow_possible: !seed.is_multiple_of(5),
        ground,
        defective: None,
    }
}

/// Compares a scene with and without maps of the ground; the counts of both.
fn compare(bands: &[Array2<u16>], seed: u64) -> ClassCounts {
    let layers = Layers::new(seed, bands[0].dim());
    let defective = bands[3].mapv(|sample| u8::from(sample % 251 == 0));
    let mut counts = ClassCounts::default();
    for (ground, defective) in [(Ground::default(), None), (layers.ground(), Some(defective.view()))] {
        let input = SceneInput { defective, ..input(bands, seed, ground) };
        let found = classify_scene(&input, &thresholds()).unwrap();
        let expected = reference(&input);
        for (at, class) in found.class.indexed_iter() {
            assert_eq!(
                *class,
                expected.class[at],
                "{at:?} of {:?}, seed {seed}, {:?}",
                bands[0].dim(),
                input.sun
            );
        }
        assert!(found == expected, "confidences or counts, seed {seed}");
        counts += found.counts;
    }
    counts
}

#[test]
fn equals_the_reference_in_every_pixel() {
    let mut counts = ClassCounts::default();
    for seed in 0..24 {
        for bands in [scene(seed, 67, 95), random(seed, 40, 45), shaded(seed, 110, 83)] {
            counts += compare(&bands, seed);
        }
    }
    assert!(counts.total() > 800_000);
    for class in 0..12 {
        assert!(counts.0[class] > 1000, "the scenes lack class {class}: {counts:?}");
    }
}

#[test]
fn shapes_of_all_kinds_equal_the_reference() {
    let shapes = [(1, 1), (1, 60), (50, 1), (2, 3), (7, 11), (12, 13), (25, 9), (9, 200), (150, 20)];
    for (seed, (rows, cols)) in (100..).zip(shapes) {
        compare(&shaded(seed, rows, cols), seed);
        compare(&scene(seed, rows, cols), seed + 1);
    }
}

#[test]
fn nothing_but_no_data_is_nothing() {
    let bands = vec![Array2::<u16>::zeros((9, 14)); 12];
    let maps = classify_scene(&input(&bands, 3, Ground::default()), &Thresholds::default()).unwrap();
    assert_eq!(
        (maps.class, maps.cloud, maps.snow),
        (Array2::zeros((9, 14)), Array2::zeros((9, 14)), Array2::zeros((9, 14)))
    );
    assert_eq!(maps.counts.of(SceneClass::NoData), 126);
}

#[test]
fn views_without_contiguous_rows_give_the_same() {
    let bands = shaded(5, 60, 70);
    let turned: Vec<Array2<u16>> =
        bands.iter().map(|band| band.t().as_standard_layout().to_owned()).collect();
    let straight = input(&bands, 5, Ground::default());
    let input = SceneInput { bands: std::array::from_fn(|band| turned[band].t()), ..straight };
    let found = classify_scene(&input, &Thresholds::default()).unwrap();
    assert!(found == classify_scene(&straight, &Thresholds::default()).unwrap());
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let (band, narrow) = (Array2::<u16>::zeros((8, 8)), Array2::<u16>::zeros((8, 7)));
    let run = |bands: [ArrayView2<'_, u16>; 12], inner, map: (usize, usize), cloud: (usize, usize)| {
        let input =
            DetectInput { bands, inner, snow_possible: true, elevation_m: None, snow_condition: None };
        let [mut map, mut clues, mut snow] = [(); 3].map(|()| Array2::zeros(map));
        let mut cloud = Array2::zeros(cloud);
        let detected = Detected {
            map: map.view_mut(),
            clues: clues.view_mut(),
            cloud: cloud.view_mut(),
            snow: snow.view_mut(),
        };
        detect_block(&input, &Thresholds::default(), detected)
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
