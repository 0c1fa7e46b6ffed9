//! Results as arrays are those that a product stores.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::Array2;
use sen2cor::core::grid::{Resolution, Window};
use sen2cor::core::sensor::Band;
use sen2cor::io::bytes::FileSource;
use sen2cor::io::jp2::{ImageIndex, OpenJpeg, decode_image};
use sen2cor::{Error, Event, Layer, Observer, Processor, Simulation, Simulator};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn image(product: &Path, name: &str) -> Array2<u16> {
    let granule = std::fs::read_dir(product.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
    let resolution = name.rsplit('_').next().unwrap();
    let folder = granule.join(format!("IMG_DATA/R{resolution}"));
    let file = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let file = file.into_iter().find(|f| f.to_str().unwrap().ends_with(&format!("_{name}.jp2"))).unwrap();
    let source = FileSource::open(&file).unwrap();
    let index = ImageIndex::read(&source).unwrap();
    decode_image(&OpenJpeg, &index, &source).unwrap().remove(0)
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Observer for Count {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::UnitDone { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn arrays_are_those_of_the_product() {
    let folder = tempfile::tempdir().unwrap();
    let simulation = Simulation { size_px: 246, ..Simulation::default() };
    let level_1c = Simulator::new(simulation, folder.path()).run().unwrap().products.remove(0);
    let processor = Processor::builder().input(&level_1c).output_dir(folder.path().join("2A")).workers(2);
    let counter = Arc::new(Count::default());
    let processor = processor.observer(counter.clone()).build().unwrap();
    let before: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();

    let window = Window { row: 10, col: 20, rows: 30, cols: 40 };
    let layers = [Layer::SceneClass, Layer::SurfaceReflectance(Band::B04), Layer::WaterVapourCm];
    let arrays = processor.layers(&layers, Resolution::R20, Some(window)).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before.len(), "nothing is written");
    let few = counter.0.swap(0, Ordering::Relaxed);
    let fine = processor.layers(&layers[1..2], Resolution::R10, None).unwrap();
    counter.0.store(0, Ordering::Relaxed);

    let product = processor.run().unwrap().products.remove(0);
    assert!(few > 0 && few < counter.0.load(Ordering::Relaxed), "arrays need fewer units");
    let part = ndarray::s![10..40, 20..60];
    for (array, name) in arrays.iter().zip(["SCL_20m", "B04_20m", "WVP_20m"]) {
        assert_eq!(array.stored, image(&product, name).slice(part), "{name}");
    }
    assert_eq!(fine[0].stored, image(&product, "B04_10m"));
    let reflectance = arrays[1].values();
    let stored = arrays[1].stored[[3, 4]];
    assert!((reflectance[[3, 4]] - (f32::from(stored) - 1000.0) / 10_000.0).abs() < 1e-6);

    let outside = Window { row: 100, ..window };
    assert!(matches!(
        processor.layers(&layers, Resolution::R20, Some(outside)),
        Err(Error::InputContent { .. })
    ));
    let absent = processor.layers(&[Layer::SceneClass], Resolution::R10, None);
    assert!(absent.unwrap_err().to_string().contains("SceneClass"));
}

#[test]
fn a_builder_names_what_is_wrong() {
    let no_input = Processor::builder().build();
    assert!(matches!(no_input, Err(Error::Options(_))));
    let bad = Processor::builder().input("x").configure(|raw| raw.atmosphere.ozone_du = Some(1.0)).build();
    assert!(bad.err().unwrap().to_string().contains("ozone-du is 1"));
}
