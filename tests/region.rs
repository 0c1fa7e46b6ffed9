//! A region: its images are those of the whole tile, cut out, and everything that says where it lies is right.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Scene, components, files};
use ndarray::{Array2, s};
use sen2cor::core::grid::Resolution;
use sen2cor::io::xml::Element;
use sen2cor::{FailureKind, OutputResolution, Part, Processor, RawOptions, RunReport};
use std::collections::BTreeMap;
use std::path::Path;

impl Scene {
    fn processor(&self, name: &str, set: impl FnOnce(&mut RawOptions)) -> Processor {
        let builder = Processor::builder().input(&self.level_1c).output_dir(self.path(name));
        builder.configure(set).build().unwrap()
    }

    fn run(&self, name: &str, set: impl FnOnce(&mut RawOptions)) -> RunReport {
        self.processor(name, set).run().unwrap()
    }
}

/// The computed images of a product by the last parts of their names, without the preview; each component an array.
fn images(product: &Path) -> BTreeMap<String, Vec<Array2<u16>>> {
    let mut found = BTreeMap::new();
    for file in files(product).iter().filter(|file| file.extension().is_some_and(|e| e == "jp2")) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let is_copied = ["DETFOO", "QUALIT", "CLASSI", "PVI"].iter().any(|kind| name.contains(kind));
        if !is_copied {
            let parts: Vec<_> = name.rsplit('_').take(2).collect();
            found.insert(parts.join("_"), components(file));
        }
    }
    found
}

fn document(product: &Path, name: &str) -> Element {
    let file = files(product).into_iter().find(|file| file.ends_with(name)).unwrap();
    Element::parse(&file, &std::fs::read(&file).unwrap()).unwrap()
}

/// The images of a region are the pixels of the whole; `[row, col, rows, cols]` in cells of 10 m.
fn assert_cut(part: &Path, whole: &BTreeMap<String, Vec<Array2<u16>>>, region: [usize; 4]) {
    let part = images(part);
    assert!(!part.is_empty());
    for (name, components) in part {
        let metres = name.get(..2).and_then(|metres| metres.parse().ok()).unwrap();
        let cells = Resolution::from_metres(metres).unwrap().cells() as usize;
        let [row, col, rows, cols] = region.map(|edge| edge / cells);
        for (component, image) in components.iter().enumerate() {
            let cut = whole[&name][component].slice(s![row..row + rows, col..col + cols]);
            assert_eq!(image.dim(), (rows, cols), "{name}");
            assert!(image == cut, "{name} is not that of the whole");
        }
    }
}

/// The tile begins at 300000 E, 6200040 N.
const BOX: &str = "301800,6196000,303500,6197940";
const REGION: [usize; 4] = [210, 180, 198, 174];

#[test]
fn a_region_is_cut_out_of_the_whole() {
    let scene = Scene::of_size(600);
    let whole = images(&scene.run("whole", |_| ()).products[0]);
    let region = |raw: &mut RawOptions| {
        raw.selection.roi = Some(BOX.to_owned());
        raw.execution.block_cells = Some(120);
    };
    // Aerosol and water vapour are retrieved from the whole tile.
    let report = scene.run("retrieved", region);
    let product = &report.products[0];
    assert_cut(product, &whole, REGION);
    assert_eq!(images(product).len(), whole.len());
    assert!(report.quality.entries().iter().any(|entry| entry.note.code() == "REGION_OF_TILE"));
    places_are_those_of_the_region(product);
    figures_are_those_of_the_region(product);

    // In blocks as small as the region.
    let part = scene.run("scl", |raw| {
        raw.selection.roi = Some(BOX.to_owned());
        raw.selection.only = Some(vec![Part::Scl]);
    });
    assert_cut(&part.products[0], &whole, REGION);

    // From the corner of the tile, with a border that is no border of blocks; in another way of computing.
    let coarse = |raw: &mut RawOptions| {
        raw.product.resolution = Some(OutputResolution::R60);
        raw.atmosphere.aot_550 = Some(0.2);
        raw.atmosphere.water_vapour_cm = Some(1.5);
    };
    let whole = images(&scene.run("coarse", coarse).products[0]);
    let part = scene.run("corner", |raw| {
        region(raw);
        coarse(raw);
        raw.selection.roi = Some("305000,6194040,390000,6194940".to_owned());
    });
    assert_cut(&part.products[0], &whole, [510, 498, 90, 102]);
}

fn places_are_those_of_the_region(product: &Path) {
    let tile = document(product, "MTD_TL.xml");
    let text = |path: &str| tile.find(path).unwrap().text();
    assert_eq!(text("Geometric_Info/Tile_Geocoding/Geoposition/ULX"), "301800");
    assert_eq!(text("Geometric_Info/Tile_Geocoding/Geoposition/ULY"), "6197940");
    assert_eq!(text("Geometric_Info/Tile_Geocoding/Size/NROWS"), "198");
    let metadata = document(product, "MTD_MSIL2A.xml");
    let list = metadata.find_anywhere("EXT_POS_LIST").unwrap().text();
    let numbers: Vec<f64> = list.split_whitespace().map(|word| word.parse().unwrap()).collect();
    // The upper left corner by PROJ 9: 11.8314.. E, 55.8860.. N.
    assert!((numbers[0] - 55.886).abs() < 1e-3 && (numbers[1] - 11.831).abs() < 1e-3, "{numbers:?}");
    assert_eq!(
        document(product, "manifest.safe").find_anywhere("coordinates").unwrap().text().trim(),
        list.trim()
    );
}

fn figures_are_those_of_the_region(product: &Path) {
    let map = images(product).remove("20m_SCL").unwrap().remove(0);
    let valid = map.iter().filter(|class| **class > 0).count();
    let water = map.iter().filter(|class| **class == 6).count() as f64 / valid as f64 * 100.0;
    let stated = document(product, "MTD_TL.xml").find_anywhere("WATER_PERCENTAGE").unwrap().text();
    assert!((stated.parse::<f64>().unwrap() - water).abs() < 1e-3, "{stated} {water}");
}

#[test]
fn a_class_map_of_a_region_needs_a_part_of_the_tiles() {
    let scene = Scene::of_size(1098);
    let graph_of = |roi: Option<&str>, part: Part, block_cells: Option<u32>| {
        let set = |raw: &mut RawOptions| {
            raw.selection.only = Some(vec![part]);
            raw.selection.roi = roi.map(str::to_owned);
            raw.execution.block_cells = block_cells;
        };
        scene.processor("none", set).explain().unwrap()
    };
    let graph = |roi: Option<&str>| graph_of(roi, Part::Scl, Some(120));
    let line = |graph: &str, label: &str| {
        graph
            .lines()
            .find(|line| line.contains(label))
            .unwrap_or_else(|| panic!("{label}: {graph}"))
            .to_owned()
    };
    let part = graph(Some("300000,6199500,300600,6200040"));
    for label in ["resample B02", "classify at 20 m: detect", "classify at 20 m: finish"] {
        assert!(line(&part, label).contains(" of 100,"), "{}", line(&part, label));
    }
    assert!(line(&part, "classify at 20 m: finish").contains(" x 1 of 100,"), "{part}");
    assert!(!graph(None).contains(" of 100,"));
    // Blocks are small by themselves, unless the whole tile is needed.
    let corner = Some("300000,6199500,300600,6200040");
    let part = graph_of(corner, Part::Scl, None);
    assert!(line(&part, "classify at 20 m: finish").contains(" x 1 of 49,"), "{part}");
    assert!(line(&graph_of(corner, Part::Bands, None), "classify at 20 m: finish").contains(" x 1,"));
    let nowhere = |raw: &mut RawOptions| raw.selection.roi = Some("0,0,1,1".to_owned());
    let error = scene.processor("none", nowhere).run().unwrap_err();
    assert_eq!(error.kind(), FailureKind::Options);
    assert!(error.to_string().contains("does not touch tile 33UUB, which covers 300000,"), "{error}");
}
