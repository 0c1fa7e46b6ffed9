//! Properties of the correction of blocks.

use super::super::terrain::Terrain;
use super::super::{Relief, Slope, correct_masked, gradient};
use super::*;
use crate::angles::Direction;
use crate::cells::{
    CELL_VALUES, CellAxes, CellTable, Coefficients, Directions, GeometryGrid, LatticeMaps, LoadScale,
    MapView, WaterAxis,
};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use proptest::prelude::*;

const IMAGE: (usize, usize) = (48, 60);

fn coefficients() -> Coefficients {
    Coefficients {
        path: 0.06,
        gain: 1.0 / (0.55 + 0.16 / 0.8),
        ratio: 0.3,
        albedo: 0.12,
        direct: 0.55,
        diffuse: 0.16,
        sun: 0.7,
        cos_sun: 0.8,
    }
}

fn axes() -> CellAxes {
    let up = Direction { zenith_deg: 0.0, azimuth_deg: 0.0 };
    CellAxes {
        geometry: GeometryGrid::constant(Directions { sun: up, view: up }),
        scale: LoadScale::Aot550,
        loads: vec![0.1],
        elevations_km: vec![0.0],
        water: WaterAxis::AboveGround(vec![2.0]),
    }
}

fn lattice(window: Window) -> Lattice {
    let (axes, values): (_, [f32; CELL_VALUES]) = (axes(), coefficients().to_array());
    let table = CellTable::new(&axes, &values).unwrap();
    let constant = MapView::Constant(0.1);
    let maps = LatticeMaps { load: constant, water_cm: constant, elevation_km: MapView::Constant(0.0) };
    Lattice::new(&table, &maps, Resolution::R20, window, true)
}

fn parameters(radius: usize, relief: Option<Relief>) -> CorrectionParameters {
    CorrectionParameters {
        resolution: Resolution::R20,
        reference_albedo: None,
        adjacency_radius: radius,
        extra_near_no_data: false,
        relief,
    }
}

fn relief() -> Relief {
    Relief {
        sun_azimuth_deg: 150.0,
        smoothing_radius: 0,
        neighbourhood_radius: 3,
        start_reflectance: 0.1,
        iterations: 3,
        least_terrain_light: 0.0,
        least_cosine: 0.0,
        cutoff: 1.5,
        brdf: None,
        highest_km: 5.0,
        level: false,
    }
}

fn part<T>(array: &Array2<T>, window: Window) -> ArrayView2<'_, T> {
    let mut view = array.view();
    view.slice_axis_inplace(Axis(0), Slice::from(window.row..window.row + window.rows));
    view.slice_axis_inplace(Axis(1), Slice::from(window.col..window.col + window.cols));
    view
}

/// A scene with gaps, by formula.
fn scene(gaps: bool) -> Array2<u16> {
    Array2::from_shape_fn(IMAGE, |(row, col)| {
        let bits = (row as u32 * 977 + col as u32 * 3571).wrapping_mul(2_654_435_761) >> 16;
        if gaps && bits.is_multiple_of(11) { 0 } else { 1600 + (bits % 4000) as u16 }
    })
}

fn run(
    toa: &Array2<u16>,
    ground: Option<&Array2<f32>>,
    parameters: &CorrectionParameters,
    target: Window,
) -> Array2<u16> {
    let halo = parameters.halo_px();
    let (r0, c0) = (target.row.saturating_sub(halo), target.col.saturating_sub(halo));
    let (r1, c1) =
        ((target.row + target.rows + halo).min(IMAGE.0), (target.col + target.cols + halo).min(IMAGE.1));
    let window = Window { row: r0, col: c0, rows: r1 - r0, cols: c1 - c0 };
    let lattice = lattice(window);
    let classes = Array2::from_elem(IMAGE, 4u8);
    let terrain = ground.map(|ground| Terrain {
        elevation_m: part(ground, window),
        lit: None,
        classes: part(&classes, window),
        level: None,
        vegetation: None,
    });
    let input = BlockInput {
        toa: part(toa, window),
        scene_class: part(&classes, target),
        class_pixels: 1,
        lattice: &lattice,
        target,
        image: IMAGE,
        terrain,
    };
    let mut out = Array2::zeros((target.rows, target.cols));
    correct_block(&input, parameters, out.view_mut()).unwrap();
    out
}

fn whole() -> Window {
    Window { row: 0, col: 0, rows: IMAGE.0, cols: IMAGE.1 }
}

#[test]
fn without_range_and_slopes_it_is_the_simple_equation() {
    let toa = scene(true);
    let mut expected = Array2::zeros(IMAGE);
    let classes = Array2::from_elem(IMAGE, 4u8);
    let simple = BandCorrection::of(&coefficients(), None);
    correct_masked(toa.view(), classes.view(), 1, &simple, expected.view_mut()).unwrap();
    assert_eq!(run(&toa, None, &parameters(0, None), whole()), expected);
    let flat = Array2::from_elem(IMAGE, 0.0f32);
    let level = run(&toa, Some(&flat), &parameters(0, Some(relief())), whole());
    for (a, b) in level.iter().zip(&expected) {
        assert!(a.abs_diff(*b) <= 1, "{a} {b}");
    }
}

#[test]
fn a_uniform_scene_is_unchanged_by_adjacency() {
    for sample in [1700u16, 2345, 4321] {
        let mut toa = Array2::from_elem(IMAGE, sample);
        let alone = run(&toa, None, &parameters(0, None), whole())[[5, 5]];
        toa[[3, 7]] = 0;
        let among = run(&toa, None, &parameters(9, None), whole());
        for ((row, col), &value) in among.indexed_iter() {
            let expected = if (row, col) == (3, 7) { 0 } else { alone };
            assert!(value.abs_diff(expected) <= 1, "{row} {col}: {value} {expected}");
        }
    }
}

#[test]
fn surroundings_are_taken_off_as_the_formula_says() {
    let toa = scene(false);
    let found = run(&toa, None, &parameters(4, None), whole());
    let c = coefficients();
    let y = toa.mapv(|sample| (f64::from(sample) / 1e4 - 0.1 - f64::from(c.path)) * f64::from(c.gain));
    for (row, col) in [(20, 30), (10, 12), (40, 50)] {
        let mean = part(&y, Window { row: row - 4, col: col - 4, rows: 9, cols: 9 }).mean().unwrap();
        let here = y[[row, col]];
        let expected = (here + f64::from(c.ratio) * (here - mean)) / (1.0 + mean * f64::from(c.albedo));
        let got = (f64::from(found[[row, col]]) - 1000.0) / 1e4;
        assert!((got - expected).abs() < 6e-5, "{got} {expected}");
    }
}

#[test]
fn a_slope_towards_the_sun_looks_darker_after_the_correction() {
    let toa = Array2::from_elem(IMAGE, 3000u16);
    // Rising to the north-west: the sun in the south-east shines on it.
    let towards = Array2::from_shape_fn(IMAGE, |(row, col)| 1000.0 - 4.0 * (row as f32 + col as f32));
    let away = towards.mapv(|z| 1000.0 - z);
    let at =
        |ground: &Array2<f32>| run(&toa, Some(ground), &parameters(0, Some(relief())), whole())[[24, 30]];
    let flat = at(&Array2::zeros(IMAGE));
    assert!(at(&towards) < flat && flat < at(&away));
    // By hand, for a plane of known gradient: no light from opposite slopes but their mean, which is that of the plane itself.
    let slope = Slope::new(gradient(&towards.view(), 20.0, 24, 30));
    assert!((slope.cosine - 1.0 / (1.0f32 + 0.08).sqrt()).abs() < 1e-5);
}

/// A uniform surface on hills as the sensor sees it: brighter where it faces the sun.
#[test]
fn hills_are_flat_again_after_the_correction() {
    let ground = Array2::from_shape_fn(IMAGE, |(row, col)| {
        300.0 + 40.0 * libm::sinf(row as f32 / 5.0) * libm::cosf(col as f32 / 7.0)
    });
    let (surface, c) = (0.25f32, coefficients());
    let relief = Relief { start_reflectance: surface, iterations: 0, ..relief() };
    let azimuth = relief.sun_azimuth_deg.to_radians();
    let sun = (libm::sinf(azimuth), libm::cosf(azimuth));
    let mut cosines = Vec::new();
    let toa = Array2::from_shape_fn(IMAGE, |(row, col)| {
        let slope = Slope::new(gradient(&ground.view(), 20.0, row, col));
        let (cosine, sky) = (slope.incidence(c.cos_sun, sun), slope.sky_view());
        let y = surface / (1.0 - surface * c.albedo);
        let around_sun = c.sun * cosine / c.cos_sun;
        let opposite = (c.direct * c.cos_sun + c.diffuse) * (1.0 - sky) * relief.start_reflectance;
        let flux = c.direct * cosine + c.diffuse * (around_sun + (1.0 - c.sun) * sky) + opposite;
        cosines.push(cosine);
        dn::from_signed(libm::roundf((c.path + y * flux / c.cos_sun) * 1e4) as i32)
    });
    let corrected = run(&toa, Some(&ground), &parameters(0, Some(relief)), whole());
    let level = run(&toa, None, &parameters(0, None), whole());
    let spread = |image: &Array2<u16>| {
        let values = || image.iter().map(|v| (f32::from(*v) - 1000.0) / 1e4);
        values().fold(0.0f32, f32::max) - values().fold(1.0f32, f32::min)
    };
    let relative = cosines.iter().copied().fold(0.0, f32::max) / cosines.iter().copied().fold(1.0, f32::min);
    assert!(relative > 1.3, "the hills are too flat to show anything: {relative}");
    assert!(spread(&level) > 0.05 && spread(&corrected) < 3e-4, "{} {}", spread(&level), spread(&corrected));
    assert!(corrected.iter().all(|v| v.abs_diff(3500) <= 3));
}

/// Ground of which only the elevation counts looks as level ground of that elevation does.
#[test]
fn leveled_ground_has_no_slopes() {
    let toa = scene(true);
    let ground = Array2::from_shape_fn(IMAGE, |(row, _)| 4.0 * row as f32);
    let leveled = run(&toa, Some(&ground), &parameters(5, Some(relief().leveled())), whole());
    let flat = run(&toa, None, &parameters(5, None), whole());
    assert!(leveled.iter().zip(&flat).all(|(a, b)| a.abs_diff(*b) <= 1));
}

#[test]
fn blocks_agree_with_the_whole() {
    let toa = scene(true);
    let ground = Array2::from_shape_fn(IMAGE, |(row, col)| {
        300.0 + 90.0 * libm::sinf(row as f32 / 5.0) * libm::cosf(col as f32 / 7.0)
    });
    // Each iteration looks one radius further.
    let smooth = Relief { smoothing_radius: 2, neighbourhood_radius: 2, ..relief() };
    for (parameters, ground) in [
        (parameters(0, None), None),
        (parameters(7, None), None),
        (CorrectionParameters { extra_near_no_data: true, ..parameters(5, None) }, None),
        (parameters(5, Some(smooth)), Some(&ground)),
    ] {
        let all = run(&toa, ground, &parameters, whole());
        for (row, col) in [(0, 0), (12, 24), (36, 48), (24, 0)] {
            let target = Window { row, col, rows: 12, cols: 12 };
            let found = run(&toa, ground, &parameters, target);
            assert_eq!(found, part(&all, target), "{parameters:?} {row} {col}");
        }
    }
}

proptest! {
    #[test]
    fn any_sample_gives_a_number(samples in proptest::collection::vec(0u16.., 16), radius in 0usize..4) {
        let toa = Array2::from_shape_fn(IMAGE, |(row, col)| samples[(row * 3 + col) % 16]);
        let found = run(&toa, None, &parameters(radius, None), whole());
        prop_assert!(found.iter().zip(&toa).all(|(found, toa)| (*found == 0) == (*toa == 0)));
    }

    #[test]
    fn steps_are_the_nearest(y in -12.0..12.0f32) {
        prop_assert!((f64::from(steps(y)) - f64::from(y.clamp(-10.0, 10.0)) * 1e5).abs() <= 0.6);
    }
}
