//! The scene does not depend on how it is cut, reaches the classes and is found again by the correction.

use super::*;
use crate::reflectance::surface_reflectance;
use ndarray::Array2;
use proptest::prelude::*;

/// No atmosphere.
const VACUUM: BandCorrection =
    BandCorrection { path_reflectance: 0.0, gain: 1.0, spherical_albedo: 0.0, reference_albedo: None };

fn parameters(seed: u64, edge: u32) -> SceneParameters {
    SceneParameters {
        seed,
        extent: Extent { rows: edge, cols: edge },
        sun: Direction { zenith_deg: 35.0, azimuth_deg: 155.0 },
        clouds: true,
        no_data_edge: false,
    }
}

fn whole(edge: u32, resolution: Resolution) -> Window {
    let (rows, cols) = Extent { rows: edge, cols: edge }.shape(resolution);
    Window { row: 0, col: 0, rows, cols }
}

fn truth(scene: &Scene, band: Band, resolution: Resolution, window: Window) -> Array2<f32> {
    let mut out = Array2::zeros((window.rows, window.cols));
    scene.surface_reflectance(band, resolution, window, out.view_mut());
    out
}

fn classes(scene: &Scene, resolution: Resolution, window: Window) -> Array2<u8> {
    let mut out = Array2::zeros((window.rows, window.cols));
    scene.classes(resolution, window, out.view_mut());
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_way_of_cutting_gives_the_same_bits(
        seed in any::<u64>(), row in 0usize..30, col in 0usize..30, rows in 1usize..7, cols in 1usize..7, r in 0usize..3,
    ) {
        let resolution = Resolution::ALL[r];
        let mut parameters = parameters(seed, 222);
        parameters.no_data_edge = true;
        let scene = Scene::new(&parameters);
        let all = whole(222, resolution);
        let stored_band = StoredBand { correction: VACUUM, radio_add_offset: -1000 };
        let image = |window: Window| {
            let mut out = Array2::zeros((window.rows, window.cols));
            scene.stored_dn(Band::B04, resolution, window, &stored_band, out.view_mut());
            out
        };
        let window = Window { row, col, rows, cols };
        let (part, map) = (image(window), classes(&scene, resolution, window));
        let (whole_image, whole_map) = (image(all), classes(&scene, resolution, all));
        for ((r, c), value) in part.indexed_iter() {
            prop_assert_eq!(*value, whole_image[[row + r, col + c]]);
            prop_assert_eq!(map[[r, c]], whole_map[[row + r, col + c]]);
        }
    }
}

#[test]
fn every_size_and_seed_has_every_class() {
    for (seeds, edge) in [(0..12, 222), (0..4, 600), (0..2, 1098)] {
        for seed in seeds {
            let scene = Scene::new(&parameters(seed, edge));
            let map = classes(&scene, Resolution::R20, whole(edge, Resolution::R20));
            for class in [3, 4, 5, 6, 9, 10, 11] {
                let share = map.iter().filter(|&&c| c == class).count() as f64 / map.len() as f64;
                assert!(share > 0.004, "class {class} has {share} of seed {seed}, {edge} pixels");
            }
        }
    }
}

#[test]
fn the_truth_of_a_coarse_grid_is_the_mean_of_the_fine_one() {
    let scene = Scene::new(&parameters(3, 222));
    let fine = truth(&scene, Band::B8A, Resolution::R10, whole(222, Resolution::R10));
    for resolution in [Resolution::R20, Resolution::R60] {
        let cells = resolution.cells() as usize;
        let coarse = truth(&scene, Band::B8A, resolution, whole(222, resolution));
        for (block, value) in fine.exact_chunks((cells, cells)).into_iter().zip(&coarse) {
            assert!((block.mean().unwrap() - value).abs() < 1e-5);
        }
    }
}

#[test]
fn clear_pixels_come_back_from_the_correction_as_they_went_in() {
    let scene = Scene::new(&parameters(11, 300));
    for (band, reference_albedo) in [(Band::B01, Some(0.15)), (Band::B04, None), (Band::B11, Some(0.15))] {
        let resolution = band.native_resolution();
        let window = whole(300, resolution);
        let correction =
            BandCorrection { path_reflectance: 0.08, gain: 1.25, spherical_albedo: 0.15, reference_albedo };
        let stored_band = StoredBand { correction, radio_add_offset: -1000 };
        let mut image = Array2::zeros((window.rows, window.cols));
        scene.stored_dn(band, resolution, window, &stored_band, image.view_mut());
        let mut clear = Array2::from_elem(image.dim(), false);
        scene.clear(resolution, window, clear.view_mut());
        let truth = truth(&scene, band, resolution, window);
        let mut compared = 0;
        for ((place, dn), _) in image.indexed_iter().zip(&clear).filter(|(_, clear)| **clear) {
            let found = surface_reflectance(
                dn::to_reflectance(dn::from_stored(*dn, -1000, dn::SATURATED)),
                &correction,
            );
            assert!((found - truth[place]).abs() <= 0.5e-4 * 1.06 * correction.gain, "{band} at {place:?}");
            compared += 1;
        }
        assert!(compared * 2 > image.len(), "{compared} of {} pixels of {band} are clear", image.len());
    }
}

#[test]
fn reflectances_are_those_of_ground() {
    let scene = Scene::new(&parameters(1, 600));
    for band in Band::ALL {
        let resolution = band.native_resolution();
        let values = truth(&scene, band, resolution, whole(600, resolution));
        assert!(values.iter().all(|v| (0.0005..1.05).contains(v)), "{band}");
    }
}

#[test]
fn a_clear_sky_is_clear_and_the_wedge_is_empty() {
    let mut parameters = parameters(1, 240);
    parameters.clouds = false;
    parameters.no_data_edge = true;
    let scene = Scene::new(&parameters);
    let window = whole(240, Resolution::R60);
    let map = classes(&scene, Resolution::R60, window);
    let mut clear = Array2::from_elem(map.dim(), false);
    scene.clear(Resolution::R60, window, clear.view_mut());
    assert!(map.iter().zip(&clear).all(|(class, clear)| *clear == (*class != 0)));
    assert_eq!(map[[39, 39]], 0);
    assert!(map.iter().all(|class| [0, 4, 5, 6, 11].contains(class)));
    // The stored image has no data exactly where the map has none.
    let stored_band = StoredBand { correction: VACUUM, radio_add_offset: -1000 };
    let mut image = Array2::zeros(map.dim());
    scene.stored_dn(Band::B01, Resolution::R60, window, &stored_band, image.view_mut());
    assert!(image.iter().zip(&map).all(|(dn, class)| (*dn == 0) == (*class == 0)));
}
