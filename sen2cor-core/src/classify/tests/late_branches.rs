//! Every branch of shadows and recoveries by a pixel that takes it and one beside the threshold that does not.

use super::thresholds;
use crate::angles::Direction;
use crate::classify::*;
use crate::grid::Resolution;
use ndarray::{Array2, ArrayView2, array};

/// Values without bias of B02 B03 B04 B8A B11, in units of 1/10000.
type Values = [u16; 5];

const OPEN_CLASSES: [u8; 2] = [2, OPEN];

/// What the recoveries make of one pixel without any maps.
fn recovered(class: u8, values: Values) -> u8 {
    with_maps(class, values, None, None, None)
}

fn with_maps(class: u8, values: Values, slope: Option<f32>, hillshade: Option<u8>, water: Option<u8>) -> u8 {
    let one = |value: u16| Array2::from_elem((1, 1), value + 1000);
    let bands = values.map(one);
    let (map, mut out) = (Array2::from_elem((1, 1), class), Array2::zeros((1, 1)));
    let slope = slope.map(|v| Array2::from_elem((1, 1), v));
    let [hillshade, water] = [hillshade, water].map(|v| v.map(|v| Array2::from_elem((1, 1), v)));
    let input = RecoverInput {
        map: map.view(),
        bands: bands.each_ref().map(|band| band.view()),
        inner: (0, 0),
        slope_deg: slope.as_ref().map(|v| v.view()),
        hillshade: hillshade.as_ref().map(|v| v.view()),
        water_bodies: water.as_ref().map(|v| v.view()),
    };
    recover_block(&input, &Thresholds::default(), out.view_mut()).unwrap();
    out[(0, 0)]
}

/// No recovery fits.
const GREY: Values = [1000, 1000, 1000, 1000, 1000];

#[test]
fn grey_pixels_stay_what_they_are() {
    for class in (0..12).chain([OPEN]) {
        assert_eq!(recovered(class, GREY), class);
    }
}

#[test]
fn green_pixels_that_stayed_open_or_dark_are_vegetation() {
    for class in OPEN_CLASSES {
        // Index 0.4203 and 0.4199.
        assert_eq!(recovered(class, [1000, 1000, 400, 980, 1000]), 4);
        assert_eq!(recovered(class, [1000, 1000, 400, 979, 1000]), class);
        // B8A / B03 of 2.5025 and 2.5.
        assert_eq!(recovered(class, [1000, 400, 1000, 1001, 1000]), 4);
        assert_eq!(recovered(class, [1000, 400, 1000, 1000, 1000]), class);
    }
    assert_eq!(recovered(7, [1000, 400, 400, 3000, 1000]), 7);
}

#[test]
fn blue_pixels_that_stayed_open_or_dark_are_water() {
    // B02 / B11 of 4.01 and 4.
    for class in OPEN_CLASSES {
        assert_eq!(recovered(class, [1001, 1000, 1000, 999, 250]), 6);
        assert_eq!(recovered(class, [1000, 1000, 1000, 999, 250]), class);
        assert_eq!(recovered(class, [1001, 1000, 1000, 1000, 250]), class);
    }
    let bright = |b8a| [5000, 4000, 3500, b8a, 1000];
    assert_eq!(recovered(OPEN, bright(2999)), 6);
    assert_eq!(recovered(OPEN, bright(3000)), OPEN);
    assert_eq!(recovered(2, bright(3000)), 6);
}

#[test]
fn dark_soil_is_soil() {
    // B02 / B11 of 0.6494 and 0.6502.
    assert_eq!(recovered(2, [1000, 1000, 1000, 1000, 1540]), 5);
    assert_eq!(recovered(2, [1000, 1000, 1000, 1000, 1538]), 2);
    assert_eq!(recovered(OPEN, [1000, 1000, 1000, 1000, 1540]), OPEN);
}

#[test]
fn known_water_bodies_are_water() {
    for class in (0..12).chain([OPEN]) {
        let water = if [2, 3, 7, OPEN].contains(&class) { 6 } else { class };
        assert_eq!(with_maps(class, GREY, None, None, Some(2)), water);
        assert_eq!(with_maps(class, GREY, None, None, Some(1)), class);
    }
}

#[test]
fn slopes_in_the_shade_are_no_water() {
    let water = |slope, hillshade| with_maps(6, GREY, Some(slope), Some(hillshade), None);
    assert_eq!([water(15.1, 127), water(15.0, 127), water(15.1, 128)], [2, 6, 6]);
    assert_eq!(with_maps(6, GREY, None, Some(10), None), 6);
}

#[test]
fn shadows_on_slopes_that_face_away_are_not_those_of_clouds() {
    let shadow = |hillshade| with_maps(3, GREY, None, Some(hillshade), None);
    assert_eq!([0, 1, 31, 32].map(shadow), [3, 2, 2, 3]);
}

#[test]
fn blue_slopes_in_the_shade_are_dark_features() {
    const BLUE: Values = [2001, 1900, 1660, 1659, 1900];
    let seen = |class, values, hillshade, water| with_maps(class, values, None, Some(hillshade), Some(water));
    for class in (0..12).chain([OPEN]) {
        let dark = if [7, 8, OPEN].contains(&class) { 2 } else { class };
        assert_eq!(seen(class, BLUE, 127, 1), dark);
        assert_eq!(seen(class, BLUE, 128, 1), class);
        assert_eq!(with_maps(class, BLUE, None, Some(127), None), class);
    }
    assert_eq!(seen(8, BLUE, 127, 2), 8);
    for (band, value) in [(0, 2000), (2, 1662), (3, 1660)] {
        let mut values = BLUE;
        values[band] = value;
        assert_eq!(seen(8, values, 127, 1), 8, "band {band}");
    }
}

#[test]
fn open_pixels_beside_snow_are_snow() {
    let map = Array2::from_shape_fn((9, 9), |at| if at == (4, 4) { 11 } else { OPEN });
    for (b11, snow) in [(999, 11), (1000, OPEN)] {
        let bands = [1000, 1000, 1000, 1000, b11].map(|v: u16| Array2::from_elem((9, 9), v + 1000));
        let input = RecoverInput {
            map: map.view(),
            bands: bands.each_ref().map(|band| band.view()),
            inner: (0, 0),
            slope_deg: None,
            hillshade: None,
            water_bodies: None,
        };
        let mut out = Array2::zeros((9, 9));
        recover_block(&input, &Thresholds::default(), out.view_mut()).unwrap();
        for ((row, col), class) in out.indexed_iter() {
            let distance = usize::abs_diff(row, 4) + usize::abs_diff(col, 4);
            let expected = if distance == 0 {
                11
            } else if distance <= 3 {
                snow
            } else {
                OPEN
            };
            assert_eq!(*class, expected, "{row} {col}");
        }
    }
}

#[test]
fn saturated_and_open_pixels_get_their_classes_at_the_end() {
    let map = array![[0, OPEN, 4, 9]];
    let (marks, none) = (array![[1, 1, 0, 1]], array![[0, 0, 0, 0]]);
    let mut class = Array2::zeros((1, 4));
    let counts = finish_block(map.view(), &[none.view(), marks.view()], class.view_mut()).unwrap();
    assert_eq!(class, array![[0, 1, 4, 1]]);
    assert_eq!((counts.0[0], counts.0[1], counts.0[4]), (1, 2, 1));
    finish_block(map.view(), &[], class.view_mut()).unwrap();
    assert_eq!(class, array![[0, 7, 4, 9]]);
    assert!(finish_block(map.view(), &[map.t()], class.view_mut()).is_err());
}

/// Rows of 40 pixels of land, of which the first ones have a class each.
fn land(first: &[u8], b10: u16, others: u16) -> (Array2<u8>, [Array2<u16>; 3]) {
    let map = Array2::from_shape_fn((1, 40), |(_, col)| first.get(col).copied().unwrap_or(4));
    let b10 = Array2::from_shape_fn((1, 40), |(_, col)| if col < first.len() { b10 } else { others } + 1000);
    (map, [Array2::from_elem((1, 40), 4000), Array2::from_elem((1, 40), 2000), b10])
}

fn land_test(first: &[u8], b10: u16, others: u16, t: &Thresholds) -> Option<Array2<u8>> {
    let (map, bands) = land(first, b10, others);
    let mut bands = bands;
    // A little spread, so that the quotient of clouds is below its limit.
    bands[1][(0, 39)] = 2600;
    let cover = Array2::from_elem((1, 40), 10);
    let input = LandInput {
        map: map.view(),
        bands: bands.each_ref().map(|band| band.view()),
        land_cover: cover.view(),
        elevation_m: None,
    };
    let test = LandSums::of(&input).unwrap().test(Resolution::R60, t)?;
    Some(recover_land(&input, Some(&test)).unwrap())
}

#[test]
fn dark_clouds_over_land_are_land_by_the_amount_of_clouds() {
    let t = thresholds();
    let changed = |first: &[u8], b10, others| land_test(first, b10, others, &t).unwrap()[(0, 0)] == 5;
    // No sure cloud: below the mean of the land.
    assert!(changed(&[8], 29, 30) && !changed(&[8], 30, 30));
    // 2.5 %: below 0.0015 too.
    assert!(changed(&[9], 14, 30) && !changed(&[9], 16, 30) && !changed(&[9], 9, 8));
    // 25 %: below clouds less two deviations, here their mean, but at least 0.0015 and at most the land.
    assert!(changed(&[9; 10], 14, 30) && !changed(&[9; 10], 15, 30) && !changed(&[9; 10], 31, 30));
    // 20 % is not more than 20 %.
    assert!(changed(&[9; 8], 14, 30) && !changed(&[9; 8], 20, 30));
    for class in [7, 10, 3] {
        assert_eq!(land_test(&[class], 5, 30, &t).unwrap()[(0, 0)], class);
    }
}

#[test]
fn little_land_tells_nothing() {
    assert!(land_test(&[8], 5, 30, &Thresholds::default()).is_none());
    let t = Thresholds { land_area_min_km2: 0.0, ..Thresholds::default() };
    let sea = |land: usize| {
        let first: Vec<u8> = (0..40).map(|col| if col < land { 4 } else { 6 }).collect();
        land_test(&first, 5, 30, &t)
    };
    // 2 of 40 pixels are 5 %.
    assert!(sea(2).is_some() && sea(1).is_none());
}

#[test]
fn land_is_a_share_of_all_parts_together() {
    let t = Thresholds { land_area_min_km2: 0.0, ..Thresholds::default() };
    let sums = |first: &[u8]| {
        let (map, bands) = land(first, 5, 30);
        let cover = Array2::from_elem((1, 40), 10);
        let bands = bands.each_ref().map(|band| band.view());
        LandSums::of(&LandInput { map: map.view(), bands, land_cover: cover.view(), elevation_m: None })
            .unwrap()
    };
    let (shore, sea) = (sums(&[&[4; 4][..], &[6; 36]].concat()), sums(&[6; 40]));
    // 4 of 80 pixels are 5 %, of 120 they are not.
    assert!(shore.join(sea).test(Resolution::R60, &t).is_some());
    assert!(sea.join(shore).join(sea).test(Resolution::R60, &t).is_none());
}

#[test]
fn bright_land_needs_its_quotient_and_no_water_in_the_map() {
    let (map, mut bands) = land(&[8, 8, 8], 5, 30);
    bands[1][(0, 39)] = 2600;
    // Quotients of 0.3333, 0.4 beyond the limit of about 0.371, and 0.3333 over water.
    bands[1][(0, 1)] = 2200;
    let mut cover = Array2::from_elem((1, 40), 10);
    cover[(0, 2)] = 210;
    let input = LandInput {
        map: map.view(),
        bands: bands.each_ref().map(|band| band.view()),
        land_cover: cover.view(),
        elevation_m: None,
    };
    let test = LandSums::of(&input).unwrap().test(Resolution::R60, &thresholds()).unwrap();
    let out = recover_land(&input, Some(&test)).unwrap();
    assert_eq!([out[(0, 0)], out[(0, 1)], out[(0, 2)]], [5, 8, 8]);
    assert_eq!(recover_land(&input, None).unwrap(), map);
}

/// Class of the first pixel after the search for missed cirrus.
fn cirrus(map: &Array2<u8>, b10: &[u16], elevation_m: Option<f32>) -> u8 {
    let shape = map.dim();
    let b10 = Array2::from_shape_fn(shape, |(_, col)| b10[col] + 1000);
    let other = Array2::from_elem(shape, 2000);
    let cover = Array2::from_elem(shape, 10);
    let elevation = elevation_m.map(|v| Array2::from_elem(shape, v));
    let input = LandInput {
        map: map.view(),
        bands: [other.view(), other.view(), b10.view()],
        land_cover: cover.view(),
        elevation_m: elevation.as_ref().map(|plane| plane.view()),
    };
    let t = thresholds();
    let mut out = map.clone();
    recover_cirrus(&mut out, &input, &CirrusSums::of(&input).unwrap().test(&t), &t).unwrap();
    out[(0, 0)]
}

#[test]
fn land_and_water_with_much_in_b10_are_cirrus() {
    let land = array![[4u8, 5, 5]];
    assert_eq!(cirrus(&land, &[31, 10, 10], None), 10);
    assert_eq!(cirrus(&land, &[30, 10, 10], None), 4);
    // Mean 0.005, deviation 0.001.
    assert_eq!([81, 79].map(|b10| cirrus(&land, &[b10, 40, 60], None)), [10, 4]);
    assert_eq!(cirrus(&array![[4u8, 6, 6]], &[500, 10, 10], None), 4, "without bare ground nothing is known");
    let water = array![[6u8, 6, 6, 6]];
    assert_eq!([21, 20].map(|b10| cirrus(&water, &[b10, 5, 5, 5], None)), [10, 6]);
    let bare = Array2::from_elem((1, 20), 5);
    let b10: Vec<u16> = (0..20).map(|col| if col == 0 { 31 } else { 10 }).collect();
    assert_eq!(cirrus(&bare, &b10, None), 10);
    assert_eq!(cirrus(&array![[9u8, 5, 5]], &[31, 10, 10], None), 9);
    // Whole metres: 1499.5 is 1500.
    assert_eq!(cirrus(&land, &[31, 10, 10], Some(1499.4)), 10);
    assert_eq!(cirrus(&land, &[31, 10, 10], Some(1499.5)), 4);
}

/// The bands of a shadow-like plain with a cloud of 20 x 20 pixels in the middle.
fn plain(rows: usize, cols: usize) -> Vec<Array2<u16>> {
    let ground = [1300, 1150, 750, 550, 700, 900, 950, 950, 300, 10, 530, 240];
    let cloud = [5000, 5000, 5100, 5200, 5300, 5400, 5500, 5600, 2500, 10, 4300, 3200];
    let inside = |at: usize, count: usize| (count / 2 - 10..count / 2 + 10).contains(&at);
    (0..12)
        .map(|band| {
            Array2::from_shape_fn((rows, cols), |(row, col)| {
                1000 + if inside(row, rows) && inside(col, cols) { cloud[band] } else { ground[band] }
            })
        })
        .collect()
}

fn shadow_of_plain(sun: Direction) -> Array2<bool> {
    let bands = plain(800, 800);
    let input = SceneInput {
        bands: std::array::from_fn(|band| bands[band].view()),
        grid: Resolution::R20,
        sun,
        snow_possible: true,
        ground: Ground::default(),
        defective: None,
    };
    classify_scene(&input, &Thresholds::default()).unwrap().class.mapv(|class| class == 3)
}

#[test]
fn shadows_lie_away_from_the_sun_at_the_distance_of_cloud_heights() {
    for (azimuth_deg, down, right) in
        [(0.0, 1, 0), (90.0, 0, -1), (180.0, -1, 0), (270.0, 0, 1), (45.0, 1, -1)]
    {
        let shadow = shadow_of_plain(Direction { zenith_deg: 45.0, azimuth_deg });
        // At 45 degrees a height of 600 m throws its shadow 600 m far: 30 pixels, and 4.2 km 210.
        let at = |metres: f64| {
            let pixels = metres / 20.0 / f64::from(down * down + right * right).sqrt();
            let place = |direction: i32| (400.0 + pixels * f64::from(direction)) as usize;
            shadow[(place(down), place(right))]
        };
        let seen = [100.0, 1000.0, 3000.0, 4200.0, 7000.0].map(at);
        assert_eq!(seen, [false, true, true, true, false], "azimuth {azimuth_deg}");
        let back = |metres: f64| {
            let pixels = metres / 20.0;
            shadow
                [((400.0 - pixels * f64::from(down)) as usize, (400.0 - pixels * f64::from(right)) as usize)]
        };
        assert!(!back(1000.0) && !back(3000.0), "azimuth {azimuth_deg}");
    }
}

#[test]
fn the_sun_is_rounded_and_limited() {
    let line =
        |zenith_deg, azimuth_deg| ShadowLine::new(Direction { zenith_deg, azimuth_deg }, Resolution::R20);
    assert_eq!(line(45.0, 360.0), line(45.0, 0.0));
    assert_eq!(line(45.0, 359.5), line(45.0, 0.0));
    assert_eq!(line(45.0, -30.0), line(45.0, 30.0));
    assert_eq!(line(80.0, 30.0), line(70.0, 30.0));
    assert_eq!(line(44.6, 29.6), line(45.4, 30.4));
    assert_ne!(line(44.4, 30.0), line(44.6, 30.0));
    // 302 values of 20 m by the tangent of the elevation.
    for (zenith_deg, reach_px) in [(45.0, 302), (70.0, 830), (40.0, 253), (0.0, 1)] {
        let reach = line(zenith_deg, 0.0).reach_px();
        assert!(reach.abs_diff(reach_px) <= 2, "{zenith_deg}: {reach}");
    }
    let sixty = ShadowLine::new(Direction { zenith_deg: 70.0, azimuth_deg: 0.0 }, Resolution::R60);
    assert!(sixty.reach_px().abs_diff(277) <= 2);
}

/// Clues of a pixel with these values of B02 B03 B04 B8A B11 B12.
fn clues_of(values: [u16; 6]) -> u8 {
    let mut samples = [2000u16; 12];
    for (place, value) in [1, 2, 3, 7, 10, 11].into_iter().zip(values) {
        samples[place] = 1000 + value;
    }
    let bands = samples.map(|sample| Array2::from_elem((1, 1), sample));
    let input = DetectInput {
        bands: bands.each_ref().map(|band| band.view()),
        inner: (0, 0),
        snow_possible: false,
        elevation_m: None,
        snow_condition: None,
    };
    let [mut map, mut clues, mut cloud, mut snow] = [(); 4].map(|()| Array2::zeros((1, 1)));
    let detected = Detected {
        map: map.view_mut(),
        clues: clues.view_mut(),
        cloud: cloud.view_mut(),
        snow: snow.view_mut(),
    };
    detect_block(&input, &Thresholds::default(), detected).unwrap();
    clues[(0, 0)]
}

#[test]
fn clues_tell_clouds_shadows_and_water() {
    const LIKE: [u16; 6] = [1199, 799, 599, 999, 544, 254];
    let with = |band: usize, value: u16| {
        let mut values = LIKE;
        values[band] = value;
        clues_of(values)
    };
    assert_eq!(clues_of(LIKE), clues::DARK | clues::SHADOW_LIKE);
    for (band, limit) in [1200, 800, 600, 1000, 545, 255].into_iter().enumerate() {
        assert_eq!(with(band, limit), clues::SHADOW_LIKE, "band {band}");
    }
    // Mean distances: (1075 + 5) / 6 = 180 and one more.
    assert_eq!([2274, 2276].map(|b02| with(0, b02)), [clues::SHADOW_LIKE, 0]);
    assert_eq!([199, 201].map(|b11| with(4, b11) & clues::BLUE), [clues::BLUE, 0]);
    // B04 of 0.1691 has a confidence of 0.3298, 0.1692 of 0.3303.
    let cloudy = |b04| clues_of([2500, 2600, b04, 2600, 2000, 2600]) & clues::CLOUDY;
    assert_eq!([1691, 1692].map(cloudy), [0, clues::CLOUDY]);
}

#[test]
fn one_threshold_decides_over_the_product_of_the_factors() {
    let bands = plain(400, 400);
    let view: [ArrayView2<'_, u16>; 12] = std::array::from_fn(|band| bands[band].view());
    let sun = Direction { zenith_deg: 30.0, azimuth_deg: 180.0 };
    let scene = SceneInput {
        bands: view,
        grid: Resolution::R20,
        sun,
        snow_possible: true,
        ground: Ground::default(),
        defective: None,
    };
    let shadows = |limit: f32| {
        let t = Thresholds { shadow_factor_min: limit, ..Thresholds::default() };
        classify_scene(&scene, &t).unwrap().counts.of(SceneClass::CloudShadow)
    };
    let counts = [0.001, 0.05, 0.3, 0.9, 0.999].map(shadows);
    assert!(counts.is_sorted_by(|a, b| a > b) && counts[4] > 0, "{counts:?}");
    assert_eq!(shadows(1.0), 0);
}
