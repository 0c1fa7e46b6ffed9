//! What is in the products: the same for every way of running, every form of the input and every baseline of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use sen2cor::io::bytes::FileSource;
use sen2cor::io::jp2::{ImageIndex, OpenJpeg, decode_image};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use support::{
    Ended, Lender, TIME, assert_same, assert_same_files, command, entries, files, images, process, processed,
    simulate,
};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Not square to the tiles of the images nor to any size of the blocks.
static SHARED: Lender = Lender::of_size("246");

#[test]
fn the_same_time_gives_the_same_bytes() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let again = simulate(folder.path(), &["--size", "246"]);
    assert_same_files(input, &again);
    assert_eq!(input.file_name(), again.file_name());
    let flag = processed(input, folder.path(), "flag", &[]);
    assert_same_files(&flag, &processed(input, folder.path(), "flag again", &[]));
    // 2026-01-02T03:04:05Z; an hour later for the other one.
    let by_variable = |name: &str, seconds: &str| {
        let mut run = command();
        run.env("SOURCE_DATE_EPOCH", seconds)
            .arg("process")
            .arg(input)
            .arg("-o")
            .arg(folder.path().join(name));
        Ended::from(run.output().unwrap()).product()
    };
    let variable = by_variable("variable", "1767323045");
    assert_eq!(flag.file_name(), variable.file_name());
    assert_same_files(&flag, &variable);
    let later = by_variable("later", "1767326645");
    assert_ne!(flag.file_name(), later.file_name());
    assert_same(&images(&flag), &images(&later));
    let metadata = |product: &Path| fs::read(product.join("MTD_MSIL2A.xml")).unwrap();
    assert_ne!(metadata(&flag), metadata(&later));
}

#[test]
fn coders_give_the_same_files() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let product = |codec: &str| processed(input, folder.path(), codec, &["--codec", codec]);
    let expected = product("openjpeg");
    assert_same_files(&expected, &product("native"));
    assert_same_files(&expected, &product("auto"));
    process(input, folder.path(), &["--codec", "kakadu"]).failed(2, &["codec"]);
}

/// Executors, numbers of workers and sizes of blocks leave no trace in the product.
fn assert_independent_of_execution(input: &Path, resolution: &str, ways: &[&[&str]]) {
    let folder = tempfile::tempdir().unwrap();
    let first = ["--resolution", resolution, "--executor", "sequential"];
    let expected = files(&processed(input, folder.path(), "sequential", &first));
    for (i, way) in ways.iter().enumerate() {
        let arguments = [&["--resolution", resolution], *way].concat();
        let product = processed(input, folder.path(), &i.to_string(), &arguments);
        assert_same(&expected, &files(&product));
    }
}

const WAYS: [&[&str]; 7] = [
    &["--executor", "threads", "--workers", "1"],
    &["--executor", "threads", "--workers", "2", "--block-cells", "60"],
    &["--workers", "3", "--block-cells", "126"],
    &["--workers", "3", "--block-cells", "1098"],
    &["--executor", "sequential", "--block-cells", "60"],
    &["--executor", "sequential", "--block-cells", "126"],
    &["--workers", "2"],
];

#[test]
fn all_images_do_not_depend_on_how_they_are_made() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    assert_independent_of_execution(input, "all", &WAYS);
}

#[test]
fn native_60m_images_do_not_depend_on_how_they_are_made() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    assert_independent_of_execution(input, "60", &WAYS);
}

/// A scene of several tiles in the images of 10 and 20 m, the last ones narrow.
#[test]
fn images_of_several_tiles_do_not_depend_on_how_they_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let level_1c = simulate(folder.path(), &["--size", "1044"]);
    let ways: [&[&str]; 2] =
        [&["--workers", "3", "--block-cells", "60"], &["--workers", "2", "--block-cells", "606"]];
    assert_independent_of_execution(&level_1c, "all", &ways);
}

#[test]
fn each_resolution_writes_its_images() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let written = |resolution: &str| {
        let product = processed(input, folder.path(), resolution, &["--resolution", resolution]);
        let all = files(&product);
        let count = |part: &str| all.keys().filter(|name| name.contains(part) && is_image(name)).count();
        // A preview image comes on top, as confidences do.
        let counts = ["/R10m/", "/R20m/", "/R60m/", "_CLDPRB_", "_SNWPRB_", "_PVI"].map(count);
        let listed =
            String::from_utf8(all["MTD_MSIL2A.xml"].clone()).unwrap().matches("<IMAGE_FILE>").count();
        assert_eq!(listed, counts[0] + counts[1] + counts[2], "{resolution}");
        (counts, images(&product))
    };
    let (all, all_images) = written("all");
    assert_eq!(all, [7, 14, 15, 2, 2, 1]);
    let (ten, ten_images) = written("10");
    assert_eq!(ten, all);
    assert_same(&all_images, &ten_images);
    let (twenty, twenty_images) = written("20");
    assert_eq!(twenty, [0, 14, 15, 2, 2, 1]);
    assert!(twenty_images.iter().all(|(name, bytes)| all_images[name] == *bytes));
    let (native, native_images) = written("60");
    assert_eq!(native, [0, 0, 15, 1, 1, 1]);
    // Natively processed is not averaged: the images have the same names but another history.
    assert!(native_images.iter().any(|(name, bytes)| all_images[name] != *bytes));
}

fn is_image(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "jp2")
}

/// The product as an archive, with its folder in it.
fn zipped(product: &Path, archive: &Path, method: CompressionMethod) {
    let mut zip = ZipWriter::new(File::create(archive).unwrap());
    let top = product.file_name().unwrap().to_str().unwrap();
    for (name, bytes) in files(product) {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(format!("{top}/{name}"), options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn archives_and_metadata_files_give_the_same_product_as_folders() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let expected = processed(input, folder.path(), "folder", &[]);
    let mut inputs = vec![input.join("MTD_MSIL1C.xml")];
    for (name, method) in
        [("stored.zip", CompressionMethod::Stored), ("deflated.zip", CompressionMethod::Deflated)]
    {
        inputs.push(folder.path().join(name));
        zipped(input, inputs.last().unwrap(), method);
    }
    for (i, input) in inputs.iter().enumerate() {
        let product = processed(input, folder.path(), &i.to_string(), &[]);
        assert_eq!(product.file_name(), expected.file_name());
        assert_same_files(&expected, &product);
        let verified = support::sen2cor(&[Path::new("inspect"), input]);
        assert_eq!(verified.code, 0, "{verified:#?}");
    }
}

/// Images of a product with or without the rest of its name: names of images tell no baseline.
#[test]
fn every_baseline_of_a_scene_gives_the_same_images() {
    let folder = tempfile::tempdir().unwrap();
    let of = |baseline: &str| {
        let place = folder.path().join(baseline);
        let level_1c = simulate(&place, &["--size", "246", "--baseline", baseline, "--spacecraft", "S2A"]);
        let by_band = images(&level_1c);
        let level_2a = processed(&level_1c, &place, "2A", &[]);
        (by_band, images(&level_2a))
    };
    let (old, expected) = of("02.06");
    let (new, found) = of("05.10");
    let band = |images: &BTreeMap<String, Vec<u8>>| {
        images.iter().find(|(name, _)| name.ends_with("_B02.jp2")).unwrap().1.clone()
    };
    assert_ne!(band(&old), band(&new), "the stored numbers have an offset or not");
    assert_same(&expected, &found);
    assert_same(&expected, &of("05.11").1);
    assert_same(&expected, &of("04.00").1);
}

/// The next baseline is processed as the newest that is known, with a warning.
#[test]
fn a_baseline_that_is_not_known_yet_is_processed_with_a_warning() {
    let shared = SHARED.lend();
    let (_kept, input) = shared.copy();
    let metadata = input.join("MTD_MSIL1C.xml");
    let text = fs::read_to_string(&metadata).unwrap();
    let newer = text.replace("<PROCESSING_BASELINE>05.10<", "<PROCESSING_BASELINE>06.00<");
    assert_ne!(text, newer);
    fs::write(&metadata, newer).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ended = process(&input, folder.path(), &["--no-verify", "--resolution", "60"]);
    let report = fs::read_to_string(support::file_ending(&ended.product(), "L2A_QUALITY.xml")).unwrap();
    let inspected = support::sen2cor(&[Path::new("inspect"), &input]).stdout;
    for told in [&ended.stderr, &report, &inspected] {
        assert!(told.contains("06.00 is newer than 05.1"), "{told}");
    }
}

/// The samples of an image of one component.
fn pixels(path: &Path) -> Vec<u16> {
    let source = FileSource::open(path).unwrap();
    let index = ImageIndex::read(&source).unwrap();
    decode_image(&OpenJpeg, &index, &source).unwrap().remove(0).into_raw_vec_and_offset().0
}

#[test]
fn an_offset_of_zero_lowers_the_stored_numbers_by_1000() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let usual = processed(input, folder.path(), "usual", &["--resolution", "20"]);
    let arguments = ["--resolution", "20", "--boa-offset", "0", "--processing-baseline", "03.01"];
    let without = processed(input, folder.path(), "without", &arguments);
    assert!(without.to_str().unwrap().contains("_N0301_"), "{}", without.display());
    let metadata = fs::read_to_string(without.join("MTD_MSIL2A.xml")).unwrap();
    assert!(!metadata.contains("-1000"), "an offset is stated");
    let mut low = 0;
    for name in ["_B01_20m.jp2", "_B02_20m.jp2", "_B11_20m.jp2", "_B12_60m.jp2"] {
        let read = |product: &Path| pixels(&support::file_ending(product, name));
        let (with, without) = (read(&usual), read(&without));
        assert_eq!(with.len(), without.len());
        for (with, without) in with.into_iter().zip(without) {
            let expected = if with == 0 { 0 } else { with.saturating_sub(1000).max(1) };
            assert_eq!(without, expected, "{name}: {with}");
            low += usize::from(with > 0 && with <= 1000);
        }
    }
    println!("{low} samples at or below a reflectance of 0");
    // What is no reflectance stays as it is.
    for name in ["_SCL_20m.jp2", "_AOT_20m.jp2", "_WVP_60m.jp2", "_TCI_20m.jp2", "_CLDPRB_20m.jp2"] {
        let read = |product: &Path| fs::read(support::file_ending(product, name)).unwrap();
        assert_eq!(read(&usual), read(&without), "{name}");
    }
}

#[test]
fn a_finished_product_is_replaced_only_if_asked() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let run =
        |arguments: &[&str]| process(input, folder.path(), &[&["--resolution", "60"], arguments].concat());
    let product = run(&[]).product();
    let name = product.file_name().unwrap().to_str().unwrap().to_owned();
    fs::write(product.join("mine.txt"), "a trace of the first product").unwrap();
    let before = files(&product);
    let again = run(&[]);
    assert!(again.stderr.contains("--overwrite makes it anew"), "{again:?}");
    assert_eq!(again.product(), product);
    assert_same(&before, &files(&product));
    // The same name with other options is no reason to take the one for the other.
    run(&["--ozone-du", "300"]).failed(6, &[&name, "exists"]);
    assert_same(&before, &files(&product));
    assert_eq!(entries(folder.path()), [name.as_str()]);
    assert_eq!(run(&["--overwrite"]).product(), product);
    assert!(!product.join("mine.txt").exists());
    assert_eq!(files(&product).len() + 1, before.len());
    assert_eq!(entries(folder.path()), [name]);
    // A simulated product is treated alike.
    let again = |more: &[&str]| {
        let mut run = command();
        run.args(["simulate", "--size", "120", "--generation-time", TIME, "-o"])
            .arg(folder.path())
            .args(more);
        Ended::from(run.output().unwrap())
    };
    let level_1c: PathBuf = again(&[]).product();
    let before = files(&level_1c);
    again(&[]).failed(6, &["exists"]);
    assert_same(&before, &files(&level_1c));
    assert_eq!(again(&["--overwrite"]).product(), level_1c);
    assert_same(&before, &files(&level_1c));
}

#[test]
fn files_lie_where_the_format_has_them() {
    let shared = SHARED.lend();
    let input = shared.level_1c.as_path();
    let folder = tempfile::tempdir().unwrap();
    let product = processed(input, folder.path(), "2A", &[]);
    assert_eq!(
        entries(&product),
        ["DATASTRIP", "GRANULE", "HTML", "INSPIRE.xml", "MTD_MSIL2A.xml", "manifest.safe"]
    );
    let granules = entries(&product.join("GRANULE"));
    assert_eq!(granules.len(), 1, "{granules:?}");
    let granule = product.join("GRANULE").join(&granules[0]);
    assert_eq!(entries(&granule), ["AUX_DATA", "IMG_DATA", "MTD_TL.xml", "QI_DATA"]);
    // The weather goes along unchanged.
    let of = |product: &Path| files(support::file_ending(product, "/AUX_ECMWFT").parent().unwrap());
    assert_same(&of(input), &of(&product));
    assert_eq!(entries(&granule.join("AUX_DATA")), ["AUX_CAMSFO", "AUX_ECMWFT"]);
}
