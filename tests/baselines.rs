//! The same pixels give the same surface reflectance bit by bit under every baseline of the input, with and without offsets, as long as the
//! aerosol is found in the same way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use sen2cor::core::grid::Resolution;
use sen2cor::core::sensor::Band;
use sen2cor::{Layer, LayerArray, Model, Processor, RawOptions, Simulation, Simulator};
use std::path::{Path, PathBuf};

/// What is changed in the options.
type Change<'a> = &'a dyn Fn(&mut RawOptions);

const BASELINES: [&str; 6] = ["02.04", "02.06", "03.01", "04.00", "05.10", "05.11"];

/// One scene under a baseline.
fn product(folder: &Path, baseline: &str) -> PathBuf {
    let simulation = Simulation {
        size_px: 360,
        baseline: baseline.parse().unwrap(),
        generation_time: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        ..Simulation::default()
    };
    Simulator::new(simulation, folder.join(baseline)).run().unwrap().products.remove(0)
}

fn layers(product: &Path, change: Change<'_>) -> Vec<LayerArray> {
    let processor = Processor::builder().input(product).configure(change).build().unwrap();
    let bands = [Band::B02, Band::B04, Band::B8A, Band::B11, Band::B12].map(Layer::SurfaceReflectance);
    let mut wanted = vec![Layer::SceneClass, Layer::Aot550, Layer::WaterVapourCm];
    wanted.extend(bands);
    let mut found = processor.layers(&wanted, Resolution::R20, None).unwrap();
    let fine = [Band::B03, Band::B08].map(Layer::SurfaceReflectance);
    found.extend(processor.layers(&fine, Resolution::R10, None).unwrap());
    found
}

#[test]
fn the_same_pixels_give_the_same_reflectance_under_every_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let products = BASELINES.map(|baseline| product(folder.path(), baseline));
    let changes: [(&str, Change<'_>); 3] = [
        ("sen2cor, aerosol of dark vegetation", &|_| {}),
        ("physical, aerosol of dark vegetation", &|raw| raw.atmosphere.model = Some(Model::Physical)),
        ("sen2cor, constant visibility", &|raw| raw.atmosphere.visibility_km = Some(30.0)),
    ];
    for (what, change) in changes {
        let reference = layers(&products[0], change);
        let aot = &reference[1].stored;
        assert!(aot.iter().any(|&value| value > 0), "{what}: no aerosol");
        for (product, baseline) in products.iter().zip(BASELINES).skip(1) {
            for (found, expected) in layers(product, change).iter().zip(&reference) {
                let differing = found.stored.iter().zip(&expected.stored).filter(|(a, b)| a != b).count();
                assert_eq!(differing, 0, "{what}, {baseline}: pixels of {:?}", found.layer);
            }
        }
    }
}
