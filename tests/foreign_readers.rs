//! What others make of the products: GDAL opens every image where it belongs, and the metadata are valid against the schemas
//! of the product specification.
//!
//! GDAL (3.6 and later) and xmllint are used if they are installed; the schemas are looked for below `SEN2COR_TEST_DATA`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use sen2cor::core::sensor::Band;
use sen2cor::io::xml::Element;
use sen2cor::{
    Options, OutputResolution, Part, ProcessingBaseline, Processor, RawOptions, Simulation, Simulator,
    Spacecraft,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};

const SIZE_PX: u32 = 246;

/// Upper left corner of the simulated tile, metres, and its coordinate system.
const ORIGIN_M: [f64; 2] = [300_000.0, 6_200_040.0];
const EPSG: i64 = 32_633;

/// A simulated product and what was made of it.
struct Products {
    _folder: tempfile::TempDir,
    level_1c: PathBuf,
    level_2a: PathBuf,
    native_60m: PathBuf,
}

impl Products {
    fn new(spacecraft: Spacecraft, baseline: ProcessingBaseline) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let simulation = Simulation { size_px: SIZE_PX, spacecraft, baseline, ..Simulation::default() };
        let level_1c = Simulator::new(simulation, folder.path()).run().unwrap().products.remove(0);
        let process = |name: &str, resolution| {
            let mut options = Options::default();
            options.product.resolution = resolution;
            let run =
                Processor::new(&level_1c).with_options(options).with_output_dir(folder.path().join(name));
            run.run().unwrap().products.remove(0)
        };
        let level_2a = process("2A", OutputResolution::All);
        let native_60m = process("60", OutputResolution::R60);
        Self { level_1c, level_2a, native_60m, _folder: folder }
    }
}

/// Lends the products to the tests; the last one to give them back removes them, which a static would not.
fn products() -> Arc<Products> {
    static LENT: Mutex<Weak<Products>> = Mutex::new(Weak::new());
    let mut lent = LENT.lock().unwrap();
    lent.upgrade().unwrap_or_else(|| {
        let made = Arc::new(Products::new(Spacecraft::S2A, ProcessingBaseline::new(5, 10)));
        *lent = Arc::downgrade(&made);
        made
    })
}

/// Whether a program can be started.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// What GDAL says of a file or a part of it; all pixels are read.
fn gdalinfo(name: &str) -> Value {
    let run = Command::new("gdalinfo").args(["-json", "-checksum", name]).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{name}: {said}");
    assert!(!said.contains("ERROR") && !said.contains("Warning"), "{name}: {said}");
    serde_json::from_slice(&run.stdout).unwrap()
}

/// An image lies where the tile lies and has the size that goes with its pixels.
fn check_place(name: &str, info: &Value, pixel_m: f64) {
    let pixels = f64::from(SIZE_PX) * 10.0 / pixel_m;
    assert_eq!(info["size"], serde_json::json!([pixels as u64, pixels as u64]), "{name}");
    let [x, y] = ORIGIN_M;
    assert_eq!(info["geoTransform"], serde_json::json!([x, pixel_m, 0.0, y, 0.0, -pixel_m]), "{name}");
    let system = info["coordinateSystem"]["wkt"].as_str().unwrap();
    assert!(system.ends_with(&format!("ID[\"EPSG\",{EPSG}]]")), "{name}: {system}");
}

/// The parts that GDAL finds in a product: pixel size and names of the bands.
fn subdatasets(metadata: &Path) -> BTreeMap<String, (u32, Vec<String>)> {
    subdatasets_where(metadata, |_| true)
}

fn subdatasets_where(metadata: &Path, wanted: fn(&str) -> bool) -> BTreeMap<String, (u32, Vec<String>)> {
    let info = gdalinfo(metadata.to_str().unwrap());
    let names = info["metadata"]["SUBDATASETS"].as_object().unwrap().clone();
    let names = names.into_iter().filter(|(key, _)| key.ends_with("_NAME"));
    let mut found = BTreeMap::new();
    for (_, name) in names {
        let name = name.as_str().unwrap();
        let part = name.rsplit(':').nth(1).unwrap().to_owned();
        if !wanted(&part) {
            continue;
        }
        let info = gdalinfo(name);
        let pixel_m = info["geoTransform"][1].as_f64().unwrap();
        check_place(name, &info, pixel_m);
        let bands = info["bands"].as_array().unwrap().iter().map(|band| {
            let text = band["description"].as_str().unwrap_or_default();
            text.split([',', ' ']).next().unwrap_or_default().to_owned()
        });
        found.insert(part, (pixel_m as u32, bands.collect()));
    }
    found
}

fn part(pixel_m: u32, bands: &str) -> (u32, Vec<String>) {
    (pixel_m, bands.split(' ').map(str::to_owned).collect())
}

#[test]
fn gdal_finds_all_parts_of_a_product() {
    let products = products();
    if !has("gdalinfo") {
        return;
    }
    let mut found = subdatasets(&products.level_2a.join("MTD_MSIL2A.xml"));
    let colour = found.remove("TCI").unwrap();
    assert_eq!((colour.0, colour.1.len()), (10, 3));
    let expected = [
        ("10m", part(10, "B4 B3 B2 B8")),
        ("20m", part(20, "B5 B6 B7 B8A B11 B12 AOT CLD SCL SNW WVP")),
        ("60m", part(60, "B1 B9 AOT CLD SCL SNW WVP")),
    ];
    assert_eq!(found, expected.map(|(name, part)| (name.to_owned(), part)).into());
    // GDAL offers 10 and 20 m even of a product that has but 60 m: it goes by the list of the bands.
    let found = subdatasets_where(&products.native_60m.join("MTD_MSIL2A.xml"), |part| part == "60m");
    assert_eq!(found["60m"], part(60, "B1 B9 AOT CLD SCL SNW WVP"));
    let mut found = subdatasets(&products.level_1c.join("MTD_MSIL1C.xml"));
    assert_eq!(found.remove("TCI").map(|colour| colour.0), Some(10));
    let expected = [
        ("10m", part(10, "B4 B3 B2 B8")),
        ("20m", part(20, "B5 B6 B7 B8A B11 B12")),
        ("60m", part(60, "B1 B9 B10")),
    ];
    assert_eq!(found, expected.map(|(name, part)| (name.to_owned(), part)).into());
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn images(product: &Path) -> Vec<PathBuf> {
    let all = files_below(product).into_iter();
    all.filter(|file| file.extension().is_some_and(|extension| extension == "jp2")).collect()
}

/// Pixel size of an image of a Level-1C product, from the band at the end of its name.
fn level_1c_pixel_m(name: &str) -> f64 {
    match name.trim_end_matches(".jp2").rsplit('_').next().unwrap() {
        "B02" | "B03" | "B04" | "B08" | "TCI" => 10.0,
        "B01" | "B09" | "B10" | "B00" => 60.0,
        _ => 20.0,
    }
}

/// What an image is: bits, bands.
fn kind(info: &Value) -> (&str, usize) {
    let bands = info["bands"].as_array().unwrap();
    (bands[0]["type"].as_str().unwrap(), bands.len())
}

#[test]
fn gdal_opens_every_image_and_mask_of_a_simulated_product() {
    let products = products();
    if !has("gdalinfo") {
        return;
    }
    let images = images(&products.level_1c);
    assert_eq!(images.len(), 13 + 1 + 1 + 27, "bands, colour, preview, masks");
    for image in images {
        let name = name_of(&image);
        let info = gdalinfo(image.to_str().unwrap());
        if name.ends_with("_PVI.jp2") {
            assert_eq!(info["size"], serde_json::json!([343, 343]));
            continue;
        }
        check_place(name, &info, level_1c_pixel_m(name));
        let expected = match name {
            _ if name.starts_with("MSK_QUALIT") => ("Byte", 8),
            _ if name.starts_with("MSK_CLASSI") => ("Byte", 3),
            _ if name.starts_with("MSK_DETFOO") => ("Byte", 1),
            _ if name.ends_with("_TCI.jp2") => ("Byte", 3),
            _ => ("UInt16", 1),
        };
        assert_eq!(kind(&info), expected, "{name}");
    }
}

#[test]
fn gdal_opens_every_image_of_a_processed_product() {
    let products = products();
    if !has("gdalinfo") {
        return;
    }
    let images = images(&products.level_2a);
    assert_eq!(images.len(), 36 + 4 + 1 + 27, "images, confidences, preview, masks of the input");
    for image in images {
        let name = name_of(&image);
        let info = gdalinfo(image.to_str().unwrap());
        if name.ends_with("_PVI.jp2") {
            assert_eq!(info["size"], serde_json::json!([343, 343]));
            continue;
        }
        if ["MSK_DETFOO", "MSK_QUALIT", "MSK_CLASSI"].iter().any(|mask| name.starts_with(mask)) {
            check_place(name, &info, level_1c_pixel_m(name));
            continue;
        }
        let size = name.trim_end_matches("m.jp2").rsplit('_').next().unwrap();
        check_place(name, &info, size.parse().unwrap());
        let expected = match name {
            _ if name.contains("_TCI_") => ("Byte", 3),
            _ if ["_SCL_", "_CLDPRB_", "_SNWPRB_"].iter().any(|part| name.contains(part)) => ("Byte", 1),
            _ => ("UInt16", 1),
        };
        assert_eq!(kind(&info), expected, "{name}");
    }
}

fn schemas(version: &str) -> Option<PathBuf> {
    let data = std::env::var_os("SEN2COR_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let folder = data.join("xsd").join(version);
    if !folder.is_dir() {
        eprintln!("skipped: no schemas in {} (set SEN2COR_TEST_DATA)", folder.display());
        return None;
    }
    has("xmllint").then_some(folder)
}

/// The only file of a product with this name.
fn document(product: &Path, name: &str) -> PathBuf {
    let mut found = files_below(product).into_iter().filter(|file| name_of(file) == name);
    found.next().unwrap_or_else(|| panic!("no {name} in {}", product.display()))
}

fn assert_valid(document: &Path, schema: &Path) {
    let mut xmllint = Command::new("xmllint");
    let run = xmllint.args(["--noout", "--nonet", "--huge", "--schema"]).args([schema, document]).output();
    let run = run.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

fn check_schemas(products: &Products, version: &str) {
    let Some(folder) = schemas(version) else { return };
    for (product, level) in
        [(&products.level_1c, "1C"), (&products.level_2a, "2A"), (&products.native_60m, "2A")]
    {
        for (name, schema) in [
            (format!("MTD_MSIL{level}.xml"), format!("S2_User_Product_Level-{level}_Metadata.xsd")),
            ("MTD_TL.xml".to_owned(), format!("S2_PDI_Level-{level}_Tile_Metadata.xsd")),
            ("MTD_DS.xml".to_owned(), format!("S2_PDI_Level-{level}_Datastrip_Metadata.xsd")),
        ] {
            assert_valid(&document(product, &name), &folder.join(schema));
        }
        if level == "2A" {
            assert_valid(&document(product, "L2A_QUALITY.xml"), &folder.join("L2A_QUALITY.xsd"));
        }
    }
}

#[test]
fn metadata_of_baseline_05_10_are_valid() {
    let products = products();
    check_schemas(&products, "PSD148");
}

#[test]
fn metadata_of_baseline_05_11_are_valid() {
    check_schemas(&Products::new(Spacecraft::S2C, ProcessingBaseline::new(5, 11)), "PSD150");
}

/// Sets options.
type Set = fn(&mut RawOptions);

/// Parts of the results and of the tile.
#[test]
fn metadata_of_partial_products_are_valid() {
    let Some(schemas) = schemas("PSD148") else { return };
    let products = products();
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, Set); 5] = [
        ("scl", |raw| raw.selection.only = Some(vec![Part::Scl])),
        ("toa", |raw| {
            raw.selection.only = Some(vec![Part::Toa]);
            raw.selection.bands = Some(vec![Band::B02, Band::B10]);
        }),
        ("bands", |raw| raw.selection.bands = Some(vec![Band::B8A])),
        ("20", |raw| {
            raw.product.resolution = Some(OutputResolution::R20);
            raw.product.downsample_20_to_60 = Some(false);
            raw.product.tci_output = Some(false);
        }),
        ("roi", |raw| raw.selection.roi = Some("300600,6198000,301800,6199500".to_owned())),
    ];
    for (name, set) in cases {
        let builder = Processor::builder().input(&products.level_1c).output_dir(folder.path().join(name));
        let product = builder.configure(set).build().unwrap().run().unwrap().products.remove(0);
        for (file, schema) in [
            ("MTD_MSIL2A.xml", "S2_User_Product_Level-2A_Metadata.xsd"),
            ("MTD_TL.xml", "S2_PDI_Level-2A_Tile_Metadata.xsd"),
            ("MTD_DS.xml", "S2_PDI_Level-2A_Datastrip_Metadata.xsd"),
            ("L2A_QUALITY.xml", "L2A_QUALITY.xsd"),
        ] {
            // The specification has no images of the top of the atmosphere, so the list of images cannot be valid.
            if (name, file) != ("toa", "MTD_MSIL2A.xml") {
                assert_valid(&document(&product, file), &schemas.join(schema));
            }
        }
    }
}

/// Elements and attributes of real products that ours lack, and why.
const LACKING: [(&str, &str); 1] = [(
    "/Level-2A_User_Product/Auxiliary_Data_Info/GRI_List/GRI_FILENAME",
    "taken over from the input; the simulated one names no reference images",
)];

/// The paths of all elements and attributes of a document.
fn fields(element: &Element, above: &str, found: &mut BTreeSet<String>) {
    let path = format!("{above}/{}", element.local_name());
    for (name, _) in &element.attributes {
        let name = name.rsplit(':').next().unwrap_or(name);
        found.insert(format!("{path}@{name}"));
    }
    for child in element.children() {
        fields(child, &path, found);
    }
    found.insert(path);
}

fn fields_of(file: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let root = Element::parse(file, &std::fs::read(file).unwrap()).unwrap();
    fields(&root, "", &mut found);
    // Namespaces are declared with any prefix.
    found.retain(|path| !["@n1", "@n2", "@xsi", "@xlink", "@xmlns"].iter().any(|name| path.ends_with(name)));
    found
}

/// Whatever element or attribute a real product has, from baseline 02.12 to 05.11, ours has too.
#[test]
fn metadata_have_the_fields_of_real_products() {
    let data = std::env::var_os("SEN2COR_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let real = data.join("metadata/L2A");
    if !real.is_dir() {
        eprintln!("skipped: no real metadata in {}", real.display());
        return;
    }
    let products = products();
    let newest = Products::new(Spacecraft::S2C, ProcessingBaseline::new(5, 11));
    let mut lacking = BTreeSet::new();
    for name in ["MTD_MSIL2A.xml", "MTD_TL.xml"] {
        let mut ours = fields_of(&document(&products.level_2a, name));
        ours.append(&mut fields_of(&document(&newest.level_2a, name)));
        let theirs = files_below(&real).into_iter().filter(|file| name_of(file) == name);
        let theirs: Vec<_> = theirs.collect();
        assert!(theirs.len() > 6, "{name}: {}", theirs.len());
        lacking.extend(theirs.iter().flat_map(|file| fields_of(file)).filter(|path| !ours.contains(path)));
    }
    lacking.retain(|path| !LACKING.iter().any(|(known, _)| path == known));
    assert!(lacking.is_empty(), "real products have {lacking:#?}");
}

/// What GDAL reads is what the metadata promise: class numbers, and reflectance above its offset.
#[test]
fn gdal_reads_the_offset_and_the_classes() {
    let products = products();
    if !has("gdalinfo") {
        return;
    }
    let metadata = std::fs::read_to_string(products.level_2a.join("MTD_MSIL2A.xml")).unwrap();
    assert_eq!(metadata.matches(">-1000</BOA_ADD_OFFSET>").count(), 13);
    let statistics = |ending: &str| {
        let image = images(&products.level_2a).into_iter().find(|i| name_of(i).ends_with(ending)).unwrap();
        // Without a side file beside the image.
        let run = Command::new("gdalinfo").args(["-json", "-mm"]).arg(image).output().unwrap();
        let info: Value = serde_json::from_slice(&run.stdout).unwrap();
        let band = &info["bands"][0];
        (band["computedMin"].as_f64().unwrap(), band["computedMax"].as_f64().unwrap())
    };
    let (low, high) = statistics("_SCL_20m.jp2");
    assert!(low >= 1.0 && high <= 11.0, "{low} to {high}");
    let (low, high) = statistics("_B08_10m.jp2");
    assert!(low >= 900.0 && (5000.0..20_000.0).contains(&high), "{low} to {high}");
    let (low, high) = statistics("_WVP_10m.jp2");
    let plausible = 300.0..4000.0;
    assert!(plausible.contains(&low) && plausible.contains(&high), "{low} to {high}");
}
