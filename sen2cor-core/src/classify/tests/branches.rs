//! Every branch of the detection by a pixel that takes it and one beside the threshold that does not.
//!
//! The classes follow by hand from the published thresholds (Sen2Cor 2.8); where a threshold is a ratio, the two pixels lie on
//! both sides of it by one or two digital numbers. Confidences are in percent.

use crate::classify::*;
use ndarray::Array2;

/// Values without bias of B02 B03 B04 B05 B8A B10 B11 B12, in units of 1/10000.
type Values = [u16; 8];

/// Class, cloud confidence, snow confidence.
type Outcome = (u8, u8, u8);

const B02: usize = 0;
const B03: usize = 1;
const B04: usize = 2;
const B05: usize = 3;
const B8A: usize = 4;
const B10: usize = 5;
const B11: usize = 6;
const B12: usize = 7;

/// Digital numbers of all bands; those that decide nothing are 1000 above the bias.
fn samples(values: Values) -> [u16; 12] {
    let mut all = [2000; 12];
    for (place, value) in [1, 2, 3, 4, 7, 9, 10, 11].into_iter().zip(values) {
        all[place] = value + 1000;
    }
    all
}

/// The detection alone; open pixels are unclassified.
fn classify_image(image: &Array2<[u16; 12]>, snow_possible: bool) -> Array2<Outcome> {
    let bands: Vec<_> = (0..12).map(|band| image.mapv(|pixel| pixel[band])).collect();
    let input = DetectInput {
        bands: std::array::from_fn(|band| bands[band].view()),
        inner: (0, 0),
        snow_possible,
        elevation_m: None,
        snow_condition: None,
    };
    let [mut map, mut clues, mut cloud, mut snow] = [(); 4].map(|()| Array2::zeros(image.dim()));
    let detected = Detected {
        map: map.view_mut(),
        clues: clues.view_mut(),
        cloud: cloud.view_mut(),
        snow: snow.view_mut(),
    };
    detect_block(&input, &Thresholds::default(), detected).unwrap();
    let mut class = Array2::zeros(image.dim());
    finish_block(map.view(), &[], class.view_mut()).unwrap();
    Array2::from_shape_fn(image.dim(), |at| (class[at], cloud[at], snow[at]))
}

fn one(samples: [u16; 12]) -> Outcome {
    classify_image(&Array2::from_elem((1, 1), samples), true)[[0, 0]]
}

/// `base` with some bands changed.
fn with(base: Values, changes: &[(usize, u16)]) -> Values {
    let mut values = base;
    for &(band, value) in changes {
        values[band] = value;
    }
    values
}

/// Checks pixels that differ from `base` in some bands.
fn check(base: Values, cases: &[(&[(usize, u16)], Outcome)]) {
    for (changes, outcome) in cases {
        assert_eq!(one(samples(with(base, changes))), *outcome, "{changes:?} of {base:?}");
    }
}

//                   B02   B03   B04   B05   B8A  B10  B11  B12
const DARK: Values = [950, 800, 700, 750, 1000, 10, 900, 600];
const GREEN: Values = [500, 800, 400, 1100, 3000, 10, 1700, 800];
const SOIL: Values = [1500, 1600, 2000, 2300, 2900, 10, 3600, 3000];
const WATER: Values = [1000, 900, 800, 350, 300, 10, 240, 100];
const BLUE: Values = [1500, 1400, 1150, 1100, 1000, 10, 1500, 2500];
const ROCK: Values = [2400, 2500, 2600, 2700, 2900, 10, 3400, 3300];
const CLOUD: Values = [2500, 2100, 2600, 2600, 2600, 10, 2000, 2600];
const RED: Values = [3000, 3000, 3000, 2000, 3200, 10, 1000, 900];
const SNOW: Values = [8000, 7900, 7700, 7600, 7200, 10, 2600, 2400];

#[test]
fn dark_features() {
    check(
        DARK,
        &[
            (&[], (2, 0, 0)),
            (&[(B04, 999)], (2, 0, 0)),
            (&[(B04, 1000)], (7, 4, 0)),
            (&[(B8A, 401)], (2, 0, 0)),
            (&[(B8A, 400)], (7, 0, 0)),
            (&[(B8A, 1499)], (2, 0, 0)),
            (&[(B8A, 1500)], (7, 0, 0)),
        ],
    );
}

#[test]
fn a_low_cloud_index_opens_dark_features_and_takes_the_cloud_away() {
    // Index -0.230: still dark. -0.273: open again, and then soil, since B02 / B11 = 0.68.
    check(DARK, &[(&[(B11, 1278)], (2, 0, 0)), (&[(B11, 1400)], (5, 0, 0))]);
    // Index -0.2 is half-way: confidence 1 becomes 0.5. Beyond the ends 1 and 0.
    check(
        CLOUD,
        &[
            (&[(B03, 1600), (B11, 2400)], (8, 50, 0)),
            (&[(B03, 1600), (B11, 2200)], (9, 100, 0)),
            (&[(B03, 1600), (B11, 2620)], (7, 0, 0)),
        ],
    );
}

#[test]
fn snow_needs_every_one_of_its_conditions() {
    check(
        SNOW,
        &[
            (&[], (11, 0, 100)),
            // Index of B03 and B11, 0.12 of the way from 0.35 to 0.50.
            (&[(B11, 3649)], (11, 0, 12)),
            (&[(B11, 3652)], (9, 100, 12)),
            // B05 / B8A at 0.85.
            (&[(B05, 6121)], (11, 0, 100)),
            (&[(B05, 6119)], (9, 100, 0)),
            (&[(B8A, 1741)], (11, 0, 12)),
            (&[(B8A, 1739)], (9, 100, 12)),
            (&[(B02, 1849), (B04, 1800)], (11, 0, 12)),
            (&[(B02, 1847), (B04, 1800)], (8, 40, 12)),
            // B02 / B04, 0.12 of the way from 0.85 to 0.95.
            (&[(B02, 6638)], (11, 0, 12)),
            (&[(B02, 6636)], (9, 100, 12)),
            // What is certainly no cloud is no snow.
            (&[(B04, 601)], (11, 0, 100)),
            (&[(B04, 600)], (7, 0, 0)),
        ],
    );
    let image = Array2::from_elem((1, 1), samples(SNOW));
    assert_eq!(classify_image(&image, false)[[0, 0]], (9, 100, 0));
}

#[test]
fn snow_clears_the_clouds_around_it_where_b12_is_low() {
    for (b12, cleared) in [(2499, true), (2500, false)] {
        let cloud = with(CLOUD, &[(B12, b12)]);
        let image = Array2::from_shape_fn((9, 9), |at| samples(if at == (4, 4) { SNOW } else { cloud }));
        for ((row, col), outcome) in classify_image(&image, true).indexed_iter() {
            let distance = usize::abs_diff(row, 4) + usize::abs_diff(col, 4);
            let expected = match distance {
                0 => (11, 0, 100),
                1..=3 if cleared => (7, 0, 0),
                _ => (9, 100, 0),
            };
            assert_eq!(*outcome, expected, "{row} {col} {b12}");
        }
        assert_eq!(classify_image(&image, false)[[4, 3]], (9, 100, 0));
    }
}

#[test]
fn vegetation() {
    check(
        GREEN,
        &[
            (&[], (4, 0, 0)),
            (&[(B02, 1499)], (4, 0, 0)),
            (&[(B02, 1500)], (7, 0, 0)),
            // Index 0.4203 and 0.4199; the latter is soil by B02 / B11.
            (&[(B8A, 980)], (4, 0, 0)),
            (&[(B8A, 979)], (5, 0, 0)),
            // It keeps its cloud confidence, (0.04 / 0.19) squared, ...
            (&[(B02, 1400), (B03, 1100), (B04, 1000), (B11, 1200)], (4, 4, 0)),
            // ... half-green pixels keep half of theirs, 0.2244.
            (&[(B02, 1600), (B03, 1500), (B04, 1500), (B8A, 3418), (B11, 1900)], (7, 11, 0)),
        ],
    );
}

#[test]
fn soil() {
    check(
        SOIL,
        &[
            (&[], (5, 0, 0)),
            // B02 / B11 = 0.6999 and 0.7002.
            (&[(B02, 1600), (B11, 2286)], (5, 0, 0)),
            (&[(B02, 1600), (B11, 2285)], (7, 0, 0)),
            // B02 = 0.2 against a line at 0.20001 and 0.19984.
            (&[(B02, 2000), (B11, 3077)], (5, 0, 0)),
            (&[(B02, 2000), (B11, 3075)], (7, 0, 0)),
            // The line ends at 0.32.
            (&[(B02, 3199), (B04, 8000), (B8A, 9000), (B11, 9500)], (5, 0, 0)),
            (&[(B02, 3200), (B04, 8000), (B8A, 9000), (B11, 9500)], (7, 0, 0)),
            // Ratio 0.85: half of 0.2244. The line ends at 0.15.
            (&[(B02, 1020), (B03, 1100), (B04, 1500), (B8A, 1600), (B11, 1200)], (7, 11, 0)),
            (&[(B02, 1499), (B03, 1500), (B04, 1500), (B8A, 2100), (B11, 1764)], (7, 11, 0)),
            (&[(B02, 1500), (B03, 1500), (B04, 1500), (B8A, 2100), (B11, 1764)], (8, 22, 0)),
        ],
    );
}

#[test]
fn water_in_the_infrared() {
    check(
        WATER,
        &[
            (&[], (6, 0, 0)),
            // B02 / B11 = 4.17 and 3.98.
            (&[(B11, 251)], (7, 0, 0)),
            (&[(B12, 2099)], (6, 0, 0)),
            (&[(B12, 2100)], (7, 1, 0)),
            (&[(B02, 1999), (B03, 1900), (B04, 1800), (B11, 400)], (6, 0, 0)),
            (&[(B02, 2000), (B03, 1900), (B04, 1800), (B11, 400)], (7, 20, 0)),
            (&[(B04, 301), (B02, 640), (B11, 150)], (6, 0, 0)),
            (&[(B04, 300), (B02, 640), (B11, 150)], (7, 0, 0)),
            // Ratio 2.5: 0.75 of 0.2244, and 0.75 again because B04 / B11 = 3.75.
            (&[(B04, 1500), (B11, 400), (B12, 1599)], (7, 13, 0)),
            (&[(B04, 1500), (B11, 400), (B12, 1600)], (7, 17, 0)),
        ],
    );
}

#[test]
fn water_by_its_colour() {
    check(
        BLUE,
        &[
            (&[], (6, 0, 0)),
            (&[(B04, 1161)], (7, 9, 0)),
            (&[(B04, 1159)], (6, 0, 0)),
            (&[(B8A, 1149)], (6, 0, 0)),
            (&[(B8A, 1150)], (7, 8, 0)),
            (&[(B02, 1999)], (6, 0, 0)),
            (&[(B02, 2000)], (7, 8, 0)),
        ],
    );
}

#[test]
fn rock_and_sand() {
    check(
        ROCK,
        &[
            (&[], (5, 0, 0)),
            // B8A / B11 = 0.8997 and 0.9003.
            (&[(B8A, 3059)], (5, 0, 0)),
            (&[(B8A, 3061)], (7, 0, 0)),
            // 0.8 of B11 is 0.2592.
            (&[(B02, 2591), (B8A, 2700), (B11, 3240)], (5, 0, 0)),
            (&[(B02, 2593), (B8A, 2700), (B11, 3240)], (9, 100, 0)),
            // The line is at 0.275, and it ends at 0.35.
            (&[(B02, 2749), (B03, 2600), (B8A, 2800), (B11, 3500)], (5, 0, 0)),
            (&[(B02, 2751), (B03, 2600), (B8A, 2800), (B11, 3500)], (9, 100, 0)),
            (&[(B02, 3499), (B03, 4000), (B8A, 1000), (B11, 4900)], (5, 0, 0)),
            (&[(B02, 3501), (B03, 4000), (B8A, 1000), (B11, 4900)], (9, 100, 0)),
            // Ratio 1.0: half.
            (&[(B02, 2000), (B03, 2600), (B8A, 2800), (B11, 2800)], (8, 50, 0)),
        ],
    );
}

#[test]
fn far_brighter_in_red_than_in_the_infrared() {
    // B04 / B11 of 3, 4.5 and above 6.
    check(RED, &[(&[], (9, 100, 0)), (&[(B11, 667)], (8, 50, 0)), (&[(B11, 490)], (7, 0, 0))]);
}

#[test]
fn clouds_by_confidence() {
    check(
        CLOUD,
        &[
            (&[(B04, 600)], (7, 0, 0)),
            (&[(B04, 1449)], (7, 20, 0)),
            (&[(B04, 1450)], (8, 20, 0)),
            (&[(B04, 2299)], (8, 80, 0)),
            (&[(B04, 2300)], (9, 80, 0)),
            (&[(B04, 2500)], (9, 100, 0)),
        ],
    );
}

#[test]
fn cirrus_over_any_class() {
    check(
        CLOUD,
        &[
            (&[(B04, 600), (B10, 120)], (7, 0, 0)),
            (&[(B04, 600), (B10, 121)], (10, 0, 0)),
            (&[(B04, 600), (B10, 349)], (10, 0, 0)),
            (&[(B04, 600), (B10, 350)], (8, 0, 0)),
            (&[(B04, 600), (B10, 200), (B02, 4999)], (10, 0, 0)),
            (&[(B04, 600), (B10, 200), (B02, 5000)], (7, 0, 0)),
            (&[(B04, 1449), (B10, 200)], (10, 20, 0)),
            (&[(B04, 1450), (B10, 200)], (8, 20, 0)),
            (&[(B04, 2299), (B10, 400)], (8, 80, 0)),
            (&[(B04, 2300), (B10, 400)], (9, 80, 0)),
        ],
    );
    for base in [DARK, GREEN, SOIL, WATER, BLUE, ROCK, with(SNOW, &[(B02, 4999), (B04, 4900)])] {
        assert_eq!(one(samples(with(base, &[(B10, 200)]))).0, 10);
        assert_eq!(one(samples(with(base, &[(B10, 400)]))).0, 8);
    }
}

#[test]
fn no_data_in_any_band_is_no_data() {
    for band in 0..12 {
        for base in [CLOUD, SNOW, WATER] {
            let mut pixel = samples(with(base, &[(B10, 200)]));
            pixel[band] = 0;
            assert_eq!(one(pixel), (0, 0, 0), "{band}");
        }
    }
    assert_eq!(one([0; 12]), (0, 0, 0));
}

#[test]
fn reflectances_of_zero_and_below_are_data() {
    let clear = samples(WATER);
    for sample in [1, 1000, 1001] {
        let mut pixel = clear;
        (pixel[9], pixel[10], pixel[11]) = (sample, sample, sample);
        assert_eq!(one(pixel), one(samples(with(WATER, &[(B10, 1), (B11, 1), (B12, 1)]))));
    }
}
