//! Quality masks of the input: the same defective and saturated pixels, told as polygons before baseline 04.00 and as images
//! after, give the same class map, and class 1 is where they are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ndarray::{Array2, s};
use sen2cor::core::grid::Resolution;
use sen2cor::core::sensor::Band;
use sen2cor::io::bytes::FileSource;
use sen2cor::io::jp2::{Coding, ImageIndex, ImageLayout, OpenJpeg, Samples, decode_image, write_image};
use sen2cor::{
    ClassificationOptions, Options, OutputResolution, ProcessingBaseline, Processor, ProductOptions,
    RunReport, Simulation, Simulator, Switch,
};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const SIZE_PX: u32 = 246;
const ORIGIN_M: (f64, f64) = (300_000.0, 6_200_040.0);

/// A rectangle of pixels of a band that a mask marks: first row and column, rows, columns, on the band's own grid.
struct Mark {
    band: Band,
    /// Kind of polygon mask, type of its features, component of the image mask.
    kind: (&'static str, &'static str, usize),
    rectangle: [usize; 4],
}

const DEFECTIVE: (&str, &str, usize) = ("MSK_DEFECT", "QT_DEFECTIVE_PIXELS", 4);
const SATURATED: (&str, &str, usize) = ("MSK_SATURA", "QT_SATURATED_PIXELS_L1B", 7);
const CROSSTALK: (&str, &str, usize) = ("MSK_NODATA", "QT_PARTIALLY_CORRECTED_PIXELS", 6);

fn marks() -> Vec<Mark> {
    vec![
        Mark { band: Band::B02, kind: SATURATED, rectangle: [41, 83, 7, 2] },
        Mark { band: Band::B11, kind: DEFECTIVE, rectangle: [100, 3, 1, 40] },
        Mark { band: Band::B09, kind: DEFECTIVE, rectangle: [5, 20, 3, 2] },
        // Corrected for crosstalk is good.
        Mark { band: Band::B03, kind: CROSSTALK, rectangle: [0, 0, 200, 200] },
    ]
}

/// A simulated product whose masks mark these pixels.
fn product(folder: &Path, baseline: &str) -> PathBuf {
    let baseline: ProcessingBaseline = baseline.parse().unwrap();
    let simulation = Simulation { size_px: SIZE_PX, baseline, ..Simulation::default() };
    let product = Simulator::new(simulation, folder).run().unwrap().products.remove(0);
    let granule = std::fs::read_dir(product.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
    for mark in marks() {
        if baseline >= ProcessingBaseline::WITH_OFFSETS {
            write_image_mask(&granule.join(format!("QI_DATA/MSK_QUALIT_{}.jp2", mark.band)), &mark);
        } else {
            let name = format!("QI_DATA/{}_{}.gml", mark.kind.0, mark.band);
            write_polygon_mask(&granule.join(name), &mark);
        }
    }
    product
}

fn write_image_mask(path: &Path, mark: &Mark) {
    let grid = mark.band.native_resolution();
    let edge = (SIZE_PX / grid.cells()) as usize;
    let [row, col, rows, cols] = mark.rectangle;
    let components: Vec<Array2<u8>> = (0..8)
        .map(|component| {
            let mut plane = Array2::zeros((edge, edge));
            if component == mark.kind.2 {
                plane.slice_mut(s![row..row + rows, col..col + cols]).fill(1);
            }
            plane
        })
        .collect();
    let layout = ImageLayout { width: edge as u32, height: edge as u32, coding: Coding::byte_mask(grid, 8) };
    let samples = Samples::U8(components.iter().map(|c| c.view()).collect());
    let mut file = Vec::new();
    write_image(&OpenJpeg, &layout, &samples, None, &mut file).unwrap();
    std::fs::write(path, file).unwrap();
}

fn write_polygon_mask(path: &Path, mark: &Mark) {
    let pixel_m = f64::from(mark.band.native_resolution().metres());
    let [row, col, rows, cols] = mark.rectangle.map(|n| n as f64);
    let mut corners = String::new();
    for (c, r) in [(col, row), (col + cols, row), (col + cols, row + rows), (col, row + rows), (col, row)] {
        let _ = write!(corners, "{} {} 0 ", ORIGIN_M.0 + c * pixel_m, ORIGIN_M.1 - r * pixel_m);
    }
    let feature = format!(
        r#"<eop:maskMembers><eop:MaskFeature gml:id="{kind}.0"><eop:maskType>{kind}</eop:maskType><eop:extentOf><gml:Polygon>
        <gml:exterior><gml:LinearRing><gml:posList srsDimension="3">{corners}</gml:posList></gml:LinearRing></gml:exterior>
        </gml:Polygon></eop:extentOf></eop:MaskFeature></eop:maskMembers>"#,
        kind = mark.kind.1
    );
    let empty = std::fs::read_to_string(path).unwrap();
    assert!(empty.contains("<eop:maskMembers/>"), "{empty}");
    std::fs::write(path, empty.replace("<eop:maskMembers/>", &feature)).unwrap();
}

fn process(product: &Path, folder: &Path, options: Options) -> sen2cor::Result<RunReport> {
    // The masks are no longer those of the manifest.
    let product_options = ProductOptions { verify: false, ..options.product.clone() };
    let options = Options { product: product_options, ..options };
    Processor::new(product).with_options(options).with_output_dir(folder).run()
}

fn at(resolution: OutputResolution) -> Options {
    let product = ProductOptions { resolution, ..ProductOptions::default() };
    Options { product, ..Options::default() }
}

/// The class map of a product.
fn class_map(product: &Path, resolution: Resolution) -> Array2<u16> {
    let suffix = format!("_SCL_{}.jp2", resolution.suffix());
    let mut folders = vec![product.join("GRANULE")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(&suffix) {
                let source = FileSource::open(&path).unwrap();
                let index = ImageIndex::read(&source).unwrap();
                return decode_image(&OpenJpeg, &index, &source).unwrap().remove(0);
            }
        }
    }
    panic!("no {suffix} in {}", product.display())
}

/// Whether a pixel of a grid covers a marked pixel, from the cells of 10 m.
fn is_marked(grid: Resolution, row: usize, col: usize) -> bool {
    let edge = grid.cells() as usize;
    marks().iter().filter(|mark| mark.kind.0 != "MSK_NODATA").any(|mark| {
        let cells = mark.band.native_resolution().cells() as usize;
        let [top, left, rows, cols] = mark.rectangle.map(|n| n * cells);
        row * edge < top + rows
            && top < (row + 1) * edge
            && col * edge < left + cols
            && left < (col + 1) * edge
    })
}

#[test]
fn the_same_pixels_are_class_1_under_every_baseline() {
    let folder = tempfile::tempdir().unwrap();
    for (resolution, grid) in
        [(OutputResolution::R20, Resolution::R20), (OutputResolution::R60, Resolution::R60)]
    {
        let mut maps = Vec::new();
        for baseline in ["02.06", "05.10"] {
            let place = folder.path().join(format!("{baseline} {grid}"));
            let input = product(&place, baseline);
            let options = at(resolution);
            let with = process(&input, &place.join("with"), options.clone()).unwrap();
            let off =
                ClassificationOptions { l1c_quality_masks: Switch::Off, ..options.classification.clone() };
            let without =
                process(&input, &place.join("without"), Options { classification: off, ..options }).unwrap();
            let (with, without) = (class_map(&with.products[0], grid), class_map(&without.products[0], grid));
            assert!(without.iter().all(|class| *class != 1));
            for ((row, col), &class) in with.indexed_iter() {
                let expected = if is_marked(grid, row, col) && without[[row, col]] != 0 {
                    1
                } else {
                    without[[row, col]]
                };
                assert_eq!(class, expected, "{baseline} at {grid}: row {row}, column {col}");
            }
            assert!(with.iter().filter(|class| **class == 1).count() > 30 / grid.cells() as usize);
            maps.push(with);
        }
        assert_eq!(maps[0], maps[1], "baselines differ at {grid}");
    }
}

#[test]
fn a_damaged_mask_stops_a_run_and_a_missing_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let input = product(folder.path(), "05.10");
    let granule = std::fs::read_dir(input.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
    let mask = granule.join("QI_DATA/MSK_QUALIT_B05.jp2");
    std::fs::remove_file(&mask).unwrap();
    let report = process(&input, &folder.path().join("a"), at(OutputResolution::R60)).unwrap();
    let told =
        report.quality.entries().iter().any(|e| e.note.to_string().contains("no quality masks of B05"));
    assert!(told, "{:?}", report.quality);
    std::fs::write(&mask, b"not an image").unwrap();
    let run = process(&input, &folder.path().join("b"), at(OutputResolution::R60));
    assert!(format!("{:?}", run.unwrap_err()).contains("MSK_QUALIT_B05.jp2"));
}
