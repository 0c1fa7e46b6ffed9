//! Simulated Level-1C products: laid out as real ones, valid against the schemas, readable by others, the same bytes
//! each time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod l1c_common;

use sen2cor_core::grid::{Extent, Resolution};
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_io::Error;
use sen2cor_io::checksum::Algorithm;
use sen2cor_io::jp2::{Coding, ImageLayout, OpenJpeg, Samples, gml_document, write_image};
use sen2cor_io::safe::{Existing, KnownDigests, L1cFacts, L1cImage, L1cProduct, L1cWriter, verify};
use sen2cor_io::xml::Element;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const EXTENT: Extent = Extent { rows: 300, cols: 606 };

/// Products of all formats.
const FORMATS: [(Spacecraft, &str); 5] = [
    (Spacecraft::S2A, "02.04"),
    (Spacecraft::S2A, "02.06"),
    (Spacecraft::S2B, "04.00"),
    (Spacecraft::S2C, "05.10"),
    (Spacecraft::S2D, "05.11"),
];

fn facts(spacecraft: Spacecraft, baseline: &str) -> L1cFacts {
    let mut facts = L1cFacts::southern_sweden(spacecraft, baseline.parse().unwrap(), EXTENT);
    facts.cloud_percent = 12.5;
    facts.snow_percent = 3.25;
    facts.elevation_km = 0.4;
    facts
}

/// A product whose images are placeholders.
fn write_product(folder: &Path, facts: &L1cFacts) -> PathBuf {
    let writer = L1cWriter::begin(folder, facts, Existing::Keep).unwrap();
    for image in L1cImage::all(facts) {
        fs::write(writer.image_path(image), format!("{image:?}")).unwrap();
    }
    writer.finish(&KnownDigests::new()).unwrap()
}

/// All files below a folder: path relative to it and content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = l1c_common::files_named(folder, &|_| true);
    all.into_iter()
        .map(|path| {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect()
}

/// Whether a program can be started.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

fn only(folder: &Path, below: &str) -> PathBuf {
    let mut entries = fs::read_dir(folder.join(below)).unwrap();
    entries.next().unwrap().unwrap().path()
}

/// A path with the names that differ between products replaced.
fn normalised(path: &str) -> String {
    let parts: Vec<&str> = path.trim_start_matches("./").split('/').collect();
    let named = |(i, part): (usize, &&str)| {
        let of_product = i == 1 && ["GRANULE", "DATASTRIP"].contains(&parts[0]);
        let image = part.len() > 23 && part.starts_with('T') && part.as_bytes()[6] == b'_';
        if of_product {
            "X".to_owned()
        } else if image {
            format!("T{}", &part[22..])
        } else {
            (*part).to_owned()
        }
    };
    parts.iter().enumerate().map(named).collect::<Vec<_>>().join("/")
}

/// The manifests of real products list the same files, but for the pictures of the HTML page and the schema.
#[test]
fn products_hold_the_files_of_real_ones() {
    let Some(data) = l1c_common::data() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (template, spacecraft, baseline) in [
        ("N0206", Spacecraft::S2A, "02.06"),
        ("N0400", Spacecraft::S2A, "04.00"),
        ("N0510", Spacecraft::S2A, "05.10"),
        ("N0511_S2C", Spacecraft::S2C, "05.11"),
    ] {
        let listed = |product: &Path| -> BTreeSet<String> {
            let path = product.join("manifest.safe");
            let manifest = Element::parse(&path, &fs::read(&path).unwrap()).unwrap();
            let found = manifest.find_all("fileLocation");
            found.iter().map(|f| normalised(f.attribute("href").unwrap())).collect()
        };
        let ours = listed(&write_product(folder.path(), &facts(spacecraft, baseline)));
        let real = listed(&only(&data, &format!("templates/{template}")));
        let extra: Vec<_> = ours.difference(&real).collect();
        assert!(extra.is_empty(), "{template}: {extra:?}");
        let missing: Vec<_> = real
            .difference(&ours)
            .filter(|p| !p.starts_with("HTML/") && !p.starts_with("rep_info/"))
            .collect();
        assert!(missing.is_empty(), "{template}: {missing:?}");
    }
}

/// From 04.00 on valid; before, only what the schema of version 14.8 asks for and older products lack is missing, as in
/// real products.
#[test]
fn documents_follow_the_schemas() {
    let Some(data) = l1c_common::data() else { return };
    if !has("xmllint") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (spacecraft, baseline) in FORMATS {
        let facts = facts(spacecraft, baseline);
        let product = write_product(folder.path(), &facts);
        let schemas = data.join(if matches!(spacecraft, Spacecraft::S2C | Spacecraft::S2D) {
            "xsd/PSD150"
        } else {
            "xsd/PSD148"
        });
        for (schema, document) in [
            ("S2_User_Product_Level-1C_Metadata.xsd", product.join("MTD_MSIL1C.xml")),
            ("S2_PDI_Level-1C_Tile_Metadata.xsd", only(&product, "GRANULE").join("MTD_TL.xml")),
            ("S2_PDI_Level-1C_Datastrip_Metadata.xsd", only(&product, "DATASTRIP").join("MTD_DS.xml")),
        ] {
            let run = Command::new("xmllint")
                .args(["--noout", "--nonet", "--schema"])
                .args([&schemas.join(schema), &document])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            let later = [
                "PRODUCT_DOI",
                "Radiometric_Offset_List",
                "Snow_Coverage_Assessment",
                "SNOW_PIXEL_PERCENTAGE",
            ];
            let known = |line: &&str| {
                !facts.has_offsets()
                    && later.iter().any(|name| line.contains(&format!("Expected is ( {name} )")))
            };
            let errors: Vec<&str> =
                said.lines().filter(|line| line.contains("error")).filter(|line| !known(line)).collect();
            assert!(errors.is_empty(), "{baseline}: {errors:#?}");
            assert!(run.status.success() || !facts.has_offsets(), "{baseline}: {said}");
        }
        for path in
            l1c_common::files_named(&product, &|p| p.extension().is_some_and(|e| e == "gml" || e == "xsl"))
        {
            assert!(Command::new("xmllint").args(["--noout"]).arg(&path).status().unwrap().success());
        }
    }
}

#[test]
fn our_reader_finds_the_facts() {
    let folder = tempfile::tempdir().unwrap();
    for (spacecraft, baseline) in FORMATS {
        let facts = facts(spacecraft, baseline);
        let path = write_product(folder.path(), &facts);
        let product = L1cProduct::open(&path).unwrap();
        let found = &product.metadata;
        assert_eq!((found.spacecraft, found.baseline), (spacecraft, facts.baseline));
        assert_eq!(found.product_uri, facts.product_name());
        assert_eq!(found.radio_add_offset, [facts.radio_add_offset(); 13]);
        assert_eq!(found.cloud_coverage_percent, Some(12.5));
        let [tile] = product.tiles.as_slice() else { panic!("{} tiles", product.tiles.len()) };
        let about = &tile.metadata;
        assert_eq!((about.mgrs_tile.as_str(), about.ground, about.extent()), ("33UUB", facts.ground, EXTENT));
        assert_eq!((about.mean_sun, about.mean_view), (facts.sun, facts.view.map(Some)));
        // The nodes reach to the border: 6060 m need three nodes of 5000 m.
        let sun = about.sun_grid.as_ref().unwrap();
        assert_eq!(sun.zenith_deg.dim(), (2, 3));
        assert!(sun.zenith_deg.iter().all(|z| *z == facts.sun.zenith_deg));
        assert_eq!(about.view_grids.len(), 13);
        assert_eq!(about.masks.len(), if facts.has_offsets() { 27 } else { 66 });
        assert_eq!(tile.aux_cams.is_some(), facts.has_offsets());
        assert!(product.datastrip(tile).is_some());
        let report = verify(&path, None).unwrap();
        assert!(report.is_ok() && report.unlisted.is_empty(), "{:?} {:?}", report.problems, report.unlisted);
    }
}

/// The product and tile sizes that GDAL sees, and where.
#[test]
fn gdal_opens_the_product() {
    if !has("gdalinfo") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let facts = facts(Spacecraft::S2A, "05.10");
    let writer = L1cWriter::begin(folder.path(), &facts, Existing::Keep).unwrap();
    for image in L1cImage::all(&facts) {
        let path = writer.image_path(image);
        let L1cImage::Band(band) = image else {
            fs::write(path, "a placeholder").unwrap();
            continue;
        };
        let resolution = band.native_resolution();
        let (rows, cols) = EXTENT.shape(resolution);
        let plane = ndarray::Array2::from_elem((rows, cols), 1000 + band.index() as u16);
        let layout =
            ImageLayout { width: cols as u32, height: rows as u32, coding: Coding::reflectance(resolution) };
        let gml = gml_document(&facts.ground, f64::from(resolution.metres()), rows as u32, cols as u32);
        let mut out = fs::File::create(path).unwrap();
        write_image(&OpenJpeg, &layout, &Samples::grey16(plane.view()), Some(&gml), &mut out).unwrap();
    }
    let product = writer.finish(&KnownDigests::new()).unwrap();
    for resolution in Resolution::ALL {
        let metres = resolution.metres();
        let name = format!("SENTINEL2_L1C:{}/MTD_MSIL1C.xml:{metres}m:EPSG_32633", product.display());
        let run = Command::new("gdalinfo").arg(&name).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        let (rows, cols) = EXTENT.shape(resolution);
        assert!(said.contains(&format!("Size is {cols}, {rows}")), "{said}");
        assert!(said.contains("Origin = (300000.0000") && said.contains(",6200040.0000"), "{said}");
        assert!(said.contains("WGS 84 / UTM zone 33N"), "{said}");
    }
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    for (spacecraft, baseline) in FORMATS {
        let facts = facts(spacecraft, baseline);
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [a, b] = folders.each_ref().map(|folder| files(&write_product(folder.path(), &facts)));
        assert_eq!(a, b);
    }
}

#[test]
fn known_digests_save_reading_and_must_be_right_anyway() {
    let folder = tempfile::tempdir().unwrap();
    let facts = facts(Spacecraft::S2A, "05.10");
    let writer = L1cWriter::begin(folder.path(), &facts, Existing::Keep).unwrap();
    let mut known = KnownDigests::new();
    for image in L1cImage::all(&facts) {
        fs::write(writer.image_path(image), "x").unwrap();
        known.insert(writer.image_name(image), (1, Algorithm::Sha3_256.digest(b"x")));
    }
    let product = writer.finish(&known).unwrap();
    assert!(verify(&product, None).unwrap().is_ok());
}

#[test]
fn what_is_no_product_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = facts(Spacecraft::S2A, "05.10");
    let mut odd_size = good.clone();
    odd_size.extent.rows = 301;
    let mut old = good.clone();
    old.baseline = "02.03".parse().unwrap();
    let mut no_orbit = good.clone();
    no_orbit.relative_orbit = 144;
    let mut no_tile = good.clone();
    no_tile.mgrs_tile = "../..".to_owned();
    for facts in [odd_size, old, no_orbit, no_tile] {
        let error = L1cWriter::begin(folder.path(), &facts, Existing::Keep).unwrap_err();
        assert!(matches!(error, Error::Field { .. }), "{error}");
    }
    // Without an image there is no product, and nothing is left behind.
    let writer = L1cWriter::begin(folder.path(), &good, Existing::Keep).unwrap();
    fs::write(writer.image_path(L1cImage::Band(Band::B01)), "x").unwrap();
    assert!(matches!(writer.finish(&KnownDigests::new()), Err(Error::Missing { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
