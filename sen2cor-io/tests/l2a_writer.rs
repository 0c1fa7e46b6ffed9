//! Level-2A products written from the metadata of real Level-1C products of five baselines: they must be valid
//! against the schemas of the product specification, complete, consistent and reproducible.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use sen2cor_core::grid::Resolution;
use sen2cor_core::sensor::Band;
use sen2cor_io::checksum::Algorithm;
use sen2cor_io::safe::names::ProcessingBaseline;
use sen2cor_io::safe::{
    AotRetrieval, AuxiliaryNames, ClassShares, CopySource, Existing, FileCopy, ImageKind, KnownDigests,
    L2aFacts, L2aInput, L2aNames, L2aWriter, OzoneSource,
};
use sen2cor_io::xml::Element;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn data() -> PathBuf {
    std::env::var_os("SEN2COR_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from)
}

/// The metadata of a Level-1C product.
struct Input {
    product: Element,
    tile: Element,
    datastrip: Option<Element>,
    inspire: Element,
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn parsed(path: &Path) -> Option<Element> {
    let bytes = if path.extension().is_some_and(|e| e == "xz") {
        let output = Command::new("xz").arg("-dc").arg(path).output();
        match output {
            Ok(output) if output.status.success() => output.stdout,
            _ => {
                eprintln!("skipped: xz is absent");
                return None;
            }
        }
    } else {
        fs::read(path).unwrap()
    };
    Some(Element::parse(path, &bytes).unwrap())
}

/// Shortens long lists: megabytes of ephemeris add nothing to a test but time.
fn thin(element: &mut Element) {
    element.nodes.truncate(30);
    for child in element.children_mut() {
        thin(child);
    }
}

/// The metadata of a product, or `None` with a reason if the data are absent.
fn input(path: &str) -> Option<Input> {
    let mut product = data().join(path);
    if !product.is_dir() {
        eprintln!("skipped: {} is absent", product.display());
        return None;
    }
    if path.starts_with("templates") {
        product = fs::read_dir(&product).unwrap().next().unwrap().unwrap().path();
    }
    read(&product, 0)
}

/// The metadata of the product in a folder and of its tile of this number.
fn read(product: &Path, tile: usize) -> Option<Input> {
    let files = files_below(product);
    let find = |start: &'static str, depth: usize| {
        files.iter().filter(move |file| {
            let inner = file.strip_prefix(product).unwrap();
            let name = inner.file_name().unwrap().to_str().unwrap();
            inner.starts_with(start) && inner.components().count() == depth && name.contains("MTD")
        })
    };
    let main = find("", 1).find(|f| !f.to_str().unwrap().contains("MTD_TL")).unwrap();
    let tile =
        find("GRANULE", 3).nth(tile).or_else(|| find("", 1).find(|f| f.to_str().unwrap().contains("MTD_TL")));
    let mut datastrip = find("DATASTRIP", 3).next().and_then(|file| parsed(file));
    if let Some(datastrip) = &mut datastrip {
        thin(datastrip);
    }
    let inspire = product.join("INSPIRE.xml");
    Some(Input {
        product: parsed(main)?,
        tile: parsed(tile?)?,
        datastrip,
        inspire: if inspire.is_file() { parsed(&inspire)? } else { Element::new("gmd:MD_Metadata") },
    })
}

fn all_images() -> Vec<(ImageKind, Resolution)> {
    use ImageKind::{Aot, CloudProbability, Preview, Scl, SnowProbability, Tci, Wvp};
    let mut images = Vec::new();
    for resolution in Resolution::ALL {
        let bands = Band::ALL.into_iter().filter(|band| match resolution {
            Resolution::R10 => band.native_resolution() == Resolution::R10,
            Resolution::R20 => !matches!(band, Band::B08 | Band::B09 | Band::B10),
            Resolution::R60 => !matches!(band, Band::B08 | Band::B10),
        });
        images.extend(bands.map(|band| (ImageKind::Band(band), resolution)));
        images.extend([Aot, Wvp, Tci].map(|kind| (kind, resolution)));
        if resolution != Resolution::R10 {
            images.extend([Scl, CloudProbability, SnowProbability].map(|kind| (kind, resolution)));
        }
    }
    images.push((Preview, Resolution::R60));
    images
}

fn facts(boa_add_offset: i32) -> L2aFacts {
    L2aFacts {
        images: all_images(),
        boa_add_offset,
        shares: ClassShares {
            no_data: 71.565_676,
            classes: [
                0.0, 0.021_82, 0.731_039, 0.0, 0.0, 0.000_023, 0.0, 10.703_998, 88.430_274, 0.112_845, 0.0,
            ],
            cloudy_over_land: 99.238_199,
        },
        aot_retrieval: AotRetrieval::Default,
        mean_aot_550: 0.388_832,
        mean_water_vapour_cm: 2.0,
        ozone_source: OzoneSource::Ecmwf,
        ozone_du: 287.642_275,
        auxiliary: AuxiliaryNames {
            elevation: Some("CopernicusDEM30".to_owned()),
            look_up_tables: vec!["rural.lut".to_owned()],
            ..AuxiliaryNames::default()
        },
        negative_shares: vec![(Band::B01, 0.002_275)],
        model: "sen2cor".to_owned(),
        software_version: "0.1.0".to_owned(),
        values: vec![("VISIBILITY_KM".to_owned(), "40.0".to_owned())],
        record: Vec::new(),
    }
}

/// Writes a product with files of a few bytes for images.
fn write(input: &Input, facts: &L2aFacts, output: &Path) -> (L2aNames, PathBuf) {
    write_with(input, facts, output, |path, kind, _| fs::write(path, kind.token()).unwrap())
}

/// Writes a product whose images `make` provides.
fn write_with(
    input: &Input,
    facts: &L2aFacts,
    output: &Path,
    mut make: impl FnMut(&Path, ImageKind, Resolution),
) -> (L2aNames, PathBuf) {
    let baseline = if facts.boa_add_offset == 0 {
        ProcessingBaseline::new(2, 14)
    } else {
        ProcessingBaseline::new(99, 99)
    };
    let creation = "2026-01-02T03:04:05Z".parse().unwrap();
    let names = L2aNames::from_l1c(&input.product, &input.tile, baseline, creation).unwrap();
    let writer = L2aWriter::begin(&output.join(names.product()), names.clone(), Existing::Keep).unwrap();
    for (kind, resolution) in &facts.images {
        make(&writer.image_path(*kind, *resolution).unwrap(), *kind, *resolution);
    }
    let quality = format!("{}/QI_DATA", names.granule());
    let copy = |target: String, bytes: &'static [u8]| FileCopy { target, source: CopySource::Bytes(bytes) };
    let copies = vec![
        copy(format!("{}/AUX_DATA/AUX_ECMWFT", names.granule()), b"GRIB"),
        copy(format!("{quality}/MSK_CLASSI_B00.jp2"), b"mask"),
        copy(format!("{quality}/MSK_QUALIT_B8A.jp2"), b"mask"),
        copy(format!("{quality}/MSK_DETFOO_B01.jp2"), b"mask"),
    ];
    let input = L2aInput {
        is_part: false,
        product: &input.product,
        tile: &input.tile,
        datastrip: input.datastrip.clone(),
        inspire: Some(&input.inspire),
        copies,
    };
    let path = writer.finish(input, facts, &KnownDigests::new()).unwrap();
    (names, path)
}

/// What xmllint has to say, or `None` if it is absent.
fn schema_errors(file: &Path, schema: &Path) -> Option<Vec<String>> {
    let output = Command::new("xmllint")
        .args(["--noout", "--huge", "--schema"])
        .arg(schema)
        .arg(file)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = text.lines().filter(|l| l.contains("error")).map(str::to_owned);
    let lines: Vec<String> = lines.collect();
    assert_eq!(output.status.success(), lines.is_empty(), "{text}");
    Some(lines)
}

/// The products of both collections that come with data strip metadata.
const WITH_DATASTRIP: [&str; 8] = [
    "templates/N0204_old",
    "templates/N0206",
    "templates/N0400",
    "templates/N0510",
    "templates/N0511_S2C",
    "metadata/L1C/S2B_MSIL1C_20170719T000219_N0205_R030_T56JKT_20170719T000218.SAFE",
    "metadata/L1C/S2A_MSIL1C_20201031T004711_N0209_R102_T53JQJ_20201031T022859.SAFE",
    "metadata/L1C/S2A_MSIL1C_20210713T032051_N0301_R032_T48LWP_20210713T054224.SAFE",
];

/// Whatever the baseline of the input, nothing is to be complained of: what older inputs lack is completed.
#[test]
fn metadata_are_valid_against_the_specification() {
    for path in WITH_DATASTRIP {
        let Some(input) = input(path) else { return };
        let output = tempfile::tempdir().unwrap();
        let (names, product) = write(&input, &facts(-1000), output.path());
        let psd = if path.contains("N0511") { "PSD150" } else { "PSD148" };
        let schemas = data().join("xsd").join(psd);
        for (file, schema) in [
            ("MTD_MSIL2A.xml".to_owned(), "S2_User_Product_Level-2A_Metadata.xsd"),
            (format!("{}/MTD_TL.xml", names.granule()), "S2_PDI_Level-2A_Tile_Metadata.xsd"),
            (format!("{}/MTD_DS.xml", names.datastrip()), "S2_PDI_Level-2A_Datastrip_Metadata.xsd"),
            (format!("{}/QI_DATA/L2A_QUALITY.xml", names.granule()), "L2A_QUALITY.xsd"),
        ] {
            let Some(errors) = schema_errors(&product.join(&file), &schemas.join(schema)) else {
                eprintln!("skipped: xmllint is absent");
                return;
            };
            assert!(errors.is_empty(), "{path}: {errors:#?}");
        }
    }
}

/// Level-1C products from 2015 to 2024, all baselines from 02.01 on, one with six tiles and long names.
#[test]
fn inputs_of_all_baselines_give_valid_products() {
    let schemas = data().join("xsd/PSD148");
    let mut products = Vec::new();
    for folder in ["metadata/T31UFS", "metadata/L1C"] {
        let Ok(entries) = fs::read_dir(data().join(folder)) else {
            eprintln!("skipped: {folder} is absent");
            return;
        };
        products
            .extend(entries.map(|e| e.unwrap().path()).filter(|p| p.to_str().unwrap().contains("MSIL1C")));
    }
    assert!(products.len() > 20);
    products.sort();
    for path in products {
        let tiles = if path.to_str().unwrap().contains("OPER_PRD") { 6 } else { 1 };
        let mut footprints = BTreeSet::new();
        for tile in 0..tiles {
            let Some(input) = read(&path, tile) else { continue };
            if input.product.attributes.iter().any(|(_, value)| value.contains("psd-15")) {
                continue;
            }
            let output = tempfile::tempdir().unwrap();
            let (names, product) = write(&Input { datastrip: None, ..input }, &facts(-1000), output.path());
            for (file, schema) in [
                ("MTD_MSIL2A.xml".to_owned(), "S2_User_Product_Level-2A_Metadata.xsd"),
                (format!("{}/MTD_TL.xml", names.granule()), "S2_PDI_Level-2A_Tile_Metadata.xsd"),
            ] {
                let Some(errors) = schema_errors(&product.join(&file), &schemas.join(schema)) else { return };
                assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
            }
            let metadata = parsed(&product.join("MTD_MSIL2A.xml")).unwrap();
            footprints.insert(metadata.find_anywhere("EXT_POS_LIST").unwrap().text());
        }
        assert!(footprints.len() == tiles || tiles == 1, "{}: {footprints:#?}", path.display());
    }
}

/// Without offset the product is as those before baseline 04.00, and the schema of 14.8 misses just the offsets.
#[test]
fn without_offset_there_is_no_list_of_offsets() {
    let Some(input) = input("templates/N0510") else { return };
    let output = tempfile::tempdir().unwrap();
    let (names, product) = write(&input, &facts(0), output.path());
    assert!(names.product().contains("_N0214_"));
    let metadata = fs::read_to_string(product.join("MTD_MSIL2A.xml")).unwrap();
    assert!(!metadata.contains("BOA_ADD_OFFSET"));
    let schema = data().join("xsd/PSD148/S2_User_Product_Level-2A_Metadata.xsd");
    let Some(errors) = schema_errors(&product.join("MTD_MSIL2A.xml"), &schema) else { return };
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains("Expected is ( BOA_ADD_OFFSET_VALUES_LIST )"), "{errors:#?}");
}

/// Paths of all elements and attributes, names of the level left out.
fn paths_of(element: &Element, above: &str, found: &mut BTreeSet<String>) {
    let path = format!("{above}/{}", element.local_name());
    for (name, _) in element.attributes.iter().filter(|(name, _)| !name.contains(':')) {
        found.insert(format!("{path}@{name}"));
    }
    for child in element.children() {
        paths_of(child, &path, found);
    }
    found.insert(path);
}

/// Every element and attribute of real products of both versions of the specification is there.
#[test]
fn no_element_of_real_products_is_missing() {
    let real = "S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE";
    let other = "S2A_MSIL2A_20220214T070051_N0400_R120_T38KQA_20220214T085403.SAFE";
    for (path, real) in [("templates/N0511_S2C", real), ("templates/N0400", other)] {
        let Some(input) = input(path) else { return };
        let output = tempfile::tempdir().unwrap();
        let (names, product) = write(&input, &facts(-1000), output.path());
        let real = data().join("metadata/L2A").join(real);
        let granule = fs::read_dir(real.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
        for (ours, theirs) in [
            (product.join("MTD_MSIL2A.xml"), real.join("MTD_MSIL2A.xml")),
            (product.join("INSPIRE.xml"), real.join("INSPIRE.xml")),
            (product.join(names.granule()).join("MTD_TL.xml"), granule.join("MTD_TL.xml")),
        ] {
            let [mut in_ours, mut in_theirs] = [BTreeSet::new(), BTreeSet::new()];
            paths_of(&parsed(&ours).unwrap(), "", &mut in_ours);
            paths_of(&parsed(&theirs).unwrap(), "", &mut in_theirs);
            let missing: Vec<_> = in_theirs.difference(&in_ours).collect();
            assert!(missing.is_empty(), "{path}: {missing:#?}");
        }
    }
}

/// Images and masks are listed as in S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE, in whatever
/// order they are given.
#[test]
fn images_and_masks_are_in_the_order_of_a_real_product() {
    let Some(input) = input("templates/N0511_S2C") else { return };
    let real = data().join("metadata/L2A/S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE");
    let granule = fs::read_dir(real.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
    let names_of = |document: &Element, element: &str| -> Vec<String> {
        let listed = document.find_all(element);
        listed.iter().map(|e| e.text().rsplit(['/', '_']).take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    let in_tile = parsed(&granule.join("MTD_TL.xml")).unwrap();
    let creation = "2026-01-02T03:04:05Z".parse().unwrap();
    let names =
        L2aNames::from_l1c(&input.product, &input.tile, ProcessingBaseline::new(5, 11), creation).unwrap();
    let masks = in_tile.find_all("MASK_FILENAME");
    let masks = masks.iter().rev().map(|mask| mask.text()).filter(|mask| !mask.contains("PRB"));
    let copies = masks.map(|mask| FileCopy {
        target: format!("{}/QI_DATA/{}", names.granule(), mask.rsplit('/').next().unwrap()),
        source: CopySource::Bytes(b"mask"),
    });
    let output = tempfile::tempdir().unwrap();
    let writer =
        L2aWriter::begin(&output.path().join(names.product()), names.clone(), Existing::Keep).unwrap();
    let mut facts = facts(-1000);
    facts.images.reverse();
    for (kind, resolution) in &facts.images {
        fs::write(writer.image_path(*kind, *resolution).unwrap(), "image").unwrap();
    }
    let given = L2aInput {
        is_part: false,
        product: &input.product,
        tile: &input.tile,
        datastrip: None,
        inspire: None,
        copies: copies.collect(),
    };
    let product = writer.finish(given, &facts, &KnownDigests::new()).unwrap();
    let ours = parsed(&product.join(names.granule()).join("MTD_TL.xml")).unwrap();
    assert_eq!(names_of(&ours, "MASK_FILENAME"), names_of(&in_tile, "MASK_FILENAME"));
    let [ours, theirs] = [product, real].map(|p| parsed(&p.join("MTD_MSIL2A.xml")).unwrap());
    assert_eq!(names_of(&ours, "IMAGE_FILE"), names_of(&theirs, "IMAGE_FILE"));
}

/// Every file is in the manifest with its size and SHA3-256, and nothing else is.
#[test]
fn the_manifest_lists_every_file_as_it_is() {
    let Some(input) = input("templates/N0206") else { return };
    let output = tempfile::tempdir().unwrap();
    let (_, product) = write(&input, &facts(-1000), output.path());
    let manifest = parsed(&product.join("manifest.safe")).unwrap();
    let mut listed = BTreeSet::new();
    for object in manifest.find_all("dataObject") {
        let stream = object.find("byteStream").unwrap();
        let path = product.join(stream.find("fileLocation").unwrap().attribute("href").unwrap());
        let bytes = fs::read(&path).unwrap();
        assert_eq!(stream.attribute("size").unwrap(), bytes.len().to_string());
        let digest = Algorithm::Sha3_256.digest(&bytes).to_ascii_uppercase();
        assert_eq!(stream.find("checksum").unwrap().text(), digest, "{}", path.display());
        assert_eq!(stream.find("checksum").unwrap().attribute("checksumName"), Some("SHA3-256"));
        listed.insert(path.components().collect::<PathBuf>());
    }
    let mut files: BTreeSet<_> = files_below(&product).into_iter().collect();
    assert!(files.remove(&product.join("manifest.safe")));
    assert_eq!(listed, files);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let Some(input) = input("templates/N0400") else { return };
    let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (_, first) = write(&input, &facts(-1000), one.path());
    let mut shuffled = facts(-1000);
    shuffled.images.reverse();
    let (_, second) = write(&input, &shuffled, two.path());
    let (files, others) = (files_below(&first), files_below(&second));
    assert_eq!(files.len(), others.len());
    for (a, b) in files.iter().zip(&others) {
        assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap(), "{}", a.display());
    }
}

/// The identifiers of product, tile and data strip name each other; no trace of the old ones but where it belongs.
#[test]
fn identifiers_agree_between_the_files() {
    for path in ["templates/N0204_old", "templates/N0511_S2C"] {
        let Some(input) = input(path) else { return };
        let output = tempfile::tempdir().unwrap();
        let (names, product) = write(&input, &facts(-1000), output.path());
        let metadata = parsed(&product.join("MTD_MSIL2A.xml")).unwrap();
        let tile = parsed(&product.join(names.granule()).join("MTD_TL.xml")).unwrap();
        let datastrip = parsed(&product.join(names.datastrip()).join("MTD_DS.xml")).unwrap();
        let granule = metadata.find_anywhere("Granule").unwrap();
        assert_eq!(granule.attribute("granuleIdentifier"), Some(names.tile_id()).as_deref());
        assert_eq!(tile.find("General_Info/TILE_ID").unwrap().text(), names.tile_id());
        assert_eq!(
            datastrip.find_anywhere("Tile").unwrap().attribute("tileId"),
            granule.attribute("granuleIdentifier")
        );
        assert_eq!(
            granule.attribute("datastripIdentifier"),
            Some(tile.find_anywhere("DATASTRIP_ID").unwrap().text()).as_deref()
        );
        assert_eq!(
            metadata.find_anywhere("Datatake").unwrap().attribute("datatakeIdentifier"),
            datastrip.find_anywhere("Datatake_Info").unwrap().attribute("datatakeIdentifier")
        );
        for image in granule.children() {
            assert!(product.join(format!("{}.jp2", image.text())).is_file());
        }
        assert_eq!(granule.children().count(), 36);
        for mask in tile.find_all("MASK_FILENAME") {
            assert!(product.join(mask.text()).is_file());
        }
        for file in ["MTD_MSIL2A.xml", "INSPIRE.xml", "manifest.safe"] {
            let text = fs::read_to_string(product.join(file)).unwrap();
            assert!(!text.contains("MSIL1C") && !text.contains("L1C_T"), "{path}: {file}");
        }
    }
}

#[test]
fn a_failed_product_leaves_nothing_behind() {
    let Some(input) = input("templates/N0510") else { return };
    let output = tempfile::tempdir().unwrap();
    let creation = "2026-01-02T03:04:05Z".parse().unwrap();
    let names =
        L2aNames::from_l1c(&input.product, &input.tile, ProcessingBaseline::new(99, 99), creation).unwrap();
    let bad = |target: &str| FileCopy { target: target.to_owned(), source: CopySource::Bytes(b"x") };
    for (images, copy) in
        [(all_images(), bad("a")), (Vec::new(), bad("../escaped")), (Vec::new(), bad("/escaped"))]
    {
        let writer =
            L2aWriter::begin(&output.path().join(names.product()), names.clone(), Existing::Keep).unwrap();
        let input = L2aInput {
            is_part: false,
            product: &input.product,
            tile: &input.tile,
            datastrip: None,
            inspire: None,
            copies: vec![copy],
        };
        let facts = L2aFacts { images, ..facts(-1000) };
        assert!(writer.finish(input, &facts, &KnownDigests::new()).is_err());
        assert_eq!(fs::read_dir(output.path()).unwrap().count(), 0);
    }
}

/// Encodes a constant image of `side` pixels with OpenJPEG's own tool.
fn encode(path: &Path, side: usize, components: usize, value: u16) {
    let eight_bit = components == 3;
    let mut bytes = format!(
        "P{}\n{side} {side}\n{}\n",
        if eight_bit { 6 } else { 5 },
        if eight_bit { 255 } else { 65535 }
    )
    .into_bytes();
    for _ in 0..side * side * components {
        if eight_bit { bytes.push(value as u8) } else { bytes.extend(value.to_be_bytes()) }
    }
    let source = path.with_extension(if eight_bit { "ppm" } else { "pgm" });
    fs::write(&source, bytes).unwrap();
    let output =
        Command::new("opj_compress").arg("-i").arg(&source).arg("-o").arg(path).args(["-n", "2"]).output();
    fs::remove_file(&source).unwrap();
    assert!(output.unwrap().status.success(), "opj_compress failed");
}

fn gdalinfo(what: &str) -> String {
    let output = Command::new("gdalinfo").arg(what).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// GDAL takes georeference, bands and files from the metadata.
#[test]
fn gdal_opens_the_product() {
    if Command::new("gdalinfo").arg("--version").output().is_err()
        || Command::new("opj_compress").arg("-h").output().is_err()
    {
        eprintln!("skipped: gdalinfo or opj_compress is absent");
        return;
    }
    let mut encoded = HashMap::new();
    for (path, zone) in [("templates/N0204_old", 32633), ("templates/N0511_S2C", 32648)] {
        let Some(mut input) = input(path) else { return };
        for size in input.tile.find_mut("Geometric_Info/Tile_Geocoding").unwrap().children_mut() {
            let side = size.attribute("resolution").map(|r| (600 / r.parse::<usize>().unwrap()).to_string());
            for name in ["NROWS", "NCOLS"] {
                if let (Some(element), Some(side)) = (size.find_mut(name), &side) {
                    element.set_text(side.as_str());
                }
            }
        }
        let corner = |name: &str| input.tile.find_anywhere(name).unwrap().text();
        let corner = format!("({}.000000000000000,{}.000000000000000)", corner("ULX"), corner("ULY"));
        let output = tempfile::tempdir().unwrap();
        let (_, product) = write_with(&input, &facts(-1000), output.path(), |path, kind, resolution| {
            let side = 600 / resolution.metres() as usize;
            let (components, value) = match kind {
                ImageKind::Tci | ImageKind::Preview => (3, 77),
                ImageKind::Band(band) => (1, 1000 + band.index() as u16),
                _ => (1, 5),
            };
            let image = encoded.entry((side, components, value)).or_insert_with(|| {
                encode(path, side, components, value);
                fs::read(path).unwrap()
            });
            fs::write(path, image).unwrap();
        });
        let metadata = product.join("MTD_MSIL2A.xml");
        let info = gdalinfo(metadata.to_str().unwrap());
        for resolution in ["10m", "20m", "60m", "TCI"] {
            let name = format!("SENTINEL2_L2A:{}:{resolution}:EPSG_{zone}", metadata.display());
            assert!(info.contains(&name), "{info}");
            let set = gdalinfo(&name);
            let metres = resolution.trim_end_matches('m').parse::<usize>().unwrap_or(10);
            assert!(set.contains(&format!("Size is {0}, {0}", 600 / metres)), "{set}");
            assert!(set.contains(&format!("Origin = {corner}")), "{set}");
            assert!(set.contains(&format!("ID[\"EPSG\",{zone}]")), "{set}");
        }
        let set = format!("SENTINEL2_L2A:{}:20m:EPSG_{zone}", metadata.display());
        let bands = gdalinfo(&set);
        assert!(bands.contains("BANDNAME=SCL") && bands.contains("BANDNAME=CLD"), "{bands}");
        let output = Command::new("gdallocationinfo").args(["-valonly", &set, "3", "4"]).output().unwrap();
        let values: Vec<u32> =
            String::from_utf8_lossy(&output.stdout).lines().map(|l| l.trim().parse().unwrap()).collect();
        assert!(values.contains(&1004) && values.contains(&1012) && values.contains(&5), "{values:?}");
    }
}
