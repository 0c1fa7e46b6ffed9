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
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TEMPLATES: [&str; 5] = ["N0204_old", "N0206", "N0400", "N0510", "N0511_S2C"];

fn data() -> PathBuf {
    std::env::var_os("SEN2COR_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from)
}

/// The metadata of a Level-1C product.
struct Input {
    product: Element,
    tile: Element,
    datastrip: Element,
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

/// The metadata of a template, or `None` with a reason if the data are absent.
fn template(name: &str) -> Option<Input> {
    let folder = data().join("templates").join(name);
    let Ok(mut products) = fs::read_dir(&folder) else {
        eprintln!("skipped: {} is absent", folder.display());
        return None;
    };
    let product = products.next().unwrap().unwrap().path();
    let files = files_below(&product);
    let find = |start: &str, depth: usize| {
        files.iter().find(|file| {
            let inner = file.strip_prefix(&product).unwrap();
            let name = inner.file_name().unwrap().to_str().unwrap();
            inner.starts_with(start) && inner.components().count() == depth && name.contains("MTD")
        })
    };
    Some(Input {
        product: parsed(find("", 1).unwrap())?,
        tile: parsed(find("GRANULE", 3).unwrap())?,
        datastrip: parsed(find("DATASTRIP", 3).unwrap())?,
        inspire: parsed(&product.join("INSPIRE.xml"))?,
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
        notes: vec![("VISIBILITY_KM".to_owned(), "40.0".to_owned())],
    }
}

/// Writes a product with files of a few bytes for images.
fn write(input: &Input, facts: &L2aFacts, output: &Path) -> (L2aNames, PathBuf) {
    let baseline = if facts.boa_add_offset == 0 {
        ProcessingBaseline::new(2, 14)
    } else {
        ProcessingBaseline::new(99, 99)
    };
    let creation = "2026-01-02T03:04:05Z".parse().unwrap();
    let names = L2aNames::from_l1c(&input.product, &input.tile, baseline, creation).unwrap();
    let writer = L2aWriter::begin(output, names.clone(), Existing::Keep).unwrap();
    for (kind, resolution) in &facts.images {
        fs::write(writer.image_path(*kind, *resolution).unwrap(), kind.token()).unwrap();
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
        product: &input.product,
        tile: &input.tile,
        datastrip: Some(input.datastrip.clone()),
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

#[test]
fn metadata_are_valid_against_the_specification() {
    for name in TEMPLATES {
        let Some(input) = template(name) else { return };
        let output = tempfile::tempdir().unwrap();
        let (names, product) = write(&input, &facts(-1000), output.path());
        let psd = if name == "N0511_S2C" { "PSD150" } else { "PSD148" };
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
            for error in &errors {
                eprintln!("{name}: {error}");
            }
        }
    }
}
