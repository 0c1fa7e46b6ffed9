//! Whole Level-1C products: from folders and from archives, and compared with their manifests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod l1c_common;

use l1c_common::{data, files_named};
use sen2cor_core::sensor::Band;
use sen2cor_io::Error;
use sen2cor_io::checksum::Algorithm;
use sen2cor_io::safe::{
    Container, FileRef, FindingKind, L1cProduct, Manifest, ProblemKind, check_file, verify, verify_container,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn open_error(path: &Path) -> Error {
    L1cProduct::open(path).map(|_| ()).unwrap_err()
}

#[test]
fn every_real_product_opens_and_says_what_is_missing() {
    let Some(data) = data() else { return };
    let markers =
        files_named(&data, &|path| path.ends_with("manifest.safe") || path.ends_with("MTD_MSIL1C.xml"));
    let mut folders: Vec<PathBuf> = markers.iter().map(|path| path.parent().unwrap().to_owned()).collect();
    folders.dedup();
    folders.retain(|folder| folder.join("GRANULE").is_dir() && folder.to_string_lossy().contains("_MSIL1C_"));
    assert_eq!(folders.len(), 16);
    for folder in folders {
        let product = L1cProduct::open(&folder).unwrap();
        let expected = if product.container.name().contains("20160905T104813") { 6 } else { 1 };
        assert_eq!(product.tiles.len(), expected, "{}", folder.display());
        assert_eq!(product.tiles.len(), product.metadata.granules.len());
        let missing = product.findings().into_iter().filter(|f| f.kind == FindingKind::Missing).count();
        assert!(missing >= 13 * expected, "{}", folder.display());
        for tile in &product.tiles {
            let message = tile.image(Band::B8A).unwrap_err().to_string();
            assert!(message.contains("IMG_DATA: the image of band B8A"), "{message}");
        }
    }
}

#[test]
fn the_six_tiles_of_an_old_product_are_told_apart() {
    let Some(data) = data() else { return };
    let name = "S2A_OPER_PRD_MSIL1C_PDMC_20160905T104813_R002_V20160905T005712_20160905T010424.SAFE";
    let product = L1cProduct::open(&data.join("metadata/L1C").join(name)).unwrap();
    let tiles: Vec<&str> = product.tiles.iter().map(|tile| tile.metadata.mgrs_tile.as_str()).collect();
    assert_eq!(tiles, ["53HLA", "53HMA", "53HNA", "53HNV", "53HPA", "53HPV"]);
    let masks: Vec<usize> = product.tiles.iter().map(|tile| tile.masks.len()).collect();
    assert_eq!(masks, [66, 0, 0, 0, 0, 0]);
    assert!(product.tiles.iter().all(|tile| tile.aux_ecmwf.is_some() && tile.aux_cams.is_none()));
    let zeniths: Vec<f64> = product.tiles.iter().map(|tile| tile.metadata.mean_sun.zenith_deg).collect();
    assert!(zeniths.windows(2).all(|pair| pair[0] != pair[1]));
}

/// The files of a real product with made-up images, as a folder.
fn product_with_images(data: &Path, folder: &Path) -> PathBuf {
    let name = "S2A_MSIL1C_20220125T151701_N0400_R125_T18LTM_20220125T190036.SAFE";
    let source = data.join("templates/N0400").join(name);
    let target = folder.join(name);
    for file in files_named(&source, &|path| path.extension().is_none_or(|e| e != "xz")) {
        let copy = target.join(file.strip_prefix(&source).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&file, &copy).unwrap();
    }
    let images = target.join("GRANULE/L1C_T18LTM_A034442_20220125T152341/IMG_DATA");
    fs::create_dir_all(&images).unwrap();
    for band in ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "TCI"] {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8 & 63).collect();
        fs::write(
            images.join(format!("T18LTM_20220125T151701_{band}.jp2")),
            [band.as_bytes(), &bytes].concat(),
        )
        .unwrap();
    }
    target
}

fn zip_of(folder: &Path, prefix: &str, method: CompressionMethod, archive: &Path) {
    let mut zip = ZipWriter::new(fs::File::create(archive).unwrap());
    for file in files_named(folder, &|_| true) {
        let relative = file.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(format!("{prefix}{relative}"), options).unwrap();
        zip.write_all(&fs::read(&file).unwrap()).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn an_archive_reads_like_the_folder() {
    let Some(data) = data() else { return };
    let temp = tempfile::tempdir().unwrap();
    let folder = product_with_images(&data, temp.path());
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let plain = L1cProduct::open(&folder).unwrap();
    assert_eq!(plain.tiles[0].images.len(), 12);
    assert!(plain.tiles[0].true_colour.as_deref().unwrap().ends_with("_TCI.jp2"));
    assert_eq!(plain.tiles[0].masks.len(), 27);
    for (method, prefix) in [
        (CompressionMethod::Stored, format!("{name}/")),
        (CompressionMethod::Deflated, format!("{name}/")),
        (CompressionMethod::Deflated, String::new()),
    ] {
        let archive =
            temp.path().join(if prefix.is_empty() { format!("{name}.zip") } else { "any.zip".to_owned() });
        zip_of(&folder, &prefix, method, &archive);
        let zipped = L1cProduct::open(&archive).unwrap();
        assert_eq!(zipped.container.name(), name);
        assert_eq!(zipped.container.files(), plain.container.files());
        assert_eq!(zipped.metadata, plain.metadata);
        assert_eq!(zipped.tiles[0].images, plain.tiles[0].images);
        assert_eq!(zipped.tiles[0].masks, plain.tiles[0].masks);
        assert_eq!(zipped.findings(), plain.findings());
        for file in plain.container.files() {
            let (here, there) =
                (plain.container.stored(file).unwrap(), zipped.container.stored(file).unwrap());
            let bytes = fs::read(folder.join(file)).unwrap();
            assert_eq!((here.len(), there.len()), (bytes.len() as u64, bytes.len() as u64));
            assert_eq!(zipped.container.read(file, 1 << 30).unwrap(), bytes);
            assert_eq!(there.digest(Algorithm::Md5).unwrap(), Algorithm::Md5.digest(&bytes));
            let mut out = vec![0; bytes.len()];
            there.inflate_into(&mut out).unwrap();
            assert!(out == bytes && there.inflate_into(&mut out[1..]).is_err() | bytes.is_empty());
            let source = there.open().unwrap();
            assert_eq!(source.path(), archive.join(format!("{prefix}{file}")));
            assert_eq!(source.read_range(bytes.len() as u64 / 2, 1).unwrap(), bytes[bytes.len() / 2..][..1]);
            assert!(source.read_range(bytes.len() as u64, 1).is_err());
            let again: FileRef = serde_json::from_str(&serde_json::to_string(&there).unwrap()).unwrap();
            assert_eq!(again, there);
        }
        assert_eq!(verify_container(&zipped.container, None).unwrap(), verify(&folder, None).unwrap());
    }
}

#[test]
fn a_product_is_found_from_inside() {
    let Some(data) = data() else { return };
    let folder =
        data.join("templates/N0206/S2A_MSIL1C_20180629T000241_N0206_R030_T56JMM_20180629T012042.SAFE");
    let tile = folder.join("GRANULE/L1C_T56JMM_A015757_20180629T000241");
    for path in [folder.join("MTD_MSIL1C.xml"), tile.clone(), tile.join("MTD_TL.xml"), tile.join("QI_DATA")] {
        assert_eq!(Container::open(&path).unwrap().path(), Container::open(&folder).unwrap().path());
    }
    assert!(matches!(open_error(&data.join("nothing")), Error::Missing { .. }));
    let message = open_error(&data.join("templates/N0206")).to_string();
    assert!(message.contains("T56JMM_20180629T012042.SAFE; name that instead"), "{message}");
    assert!(matches!(open_error(&folder.join("rep_info")), Error::NotAProduct { .. }));
}

#[test]
fn a_level_2a_product_is_refused_but_can_be_verified() {
    let Some(data) = data() else { return };
    let path = data.join("metadata/L2A/S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE");
    assert!(open_error(&path).to_string().ends_with("not a Level-1C product: it is a Level-2A product"));
    let report = verify(&path, None).unwrap();
    assert_eq!((report.checked, report.problems.len()), (35, 51));
    assert!(report.problems.iter().all(|problem| problem.kind == ProblemKind::Missing));
    // A product of the original processor: wrong sizes in the manifest, right checksums but for two files.
    let path = data.join("metadata/L2A/S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857.SAFE");
    let report = verify(&path, None).unwrap();
    let agrees = |wanted| {
        let of = |kind: &ProblemKind| match kind {
            ProblemKind::Size { checksum_agrees, .. } => *checksum_agrees,
            _ => None,
        };
        report.problems.iter().filter(|problem| of(&problem.kind) == Some(wanted)).count()
    };
    assert_eq!((report.checked, agrees(true), agrees(false)), (69, 67, 2));
}

/// A folder with a manifest that lists the given files.
fn with_manifest(folder: &Path, files: &BTreeMap<&str, &[u8]>) {
    let mut objects = String::new();
    for (name, bytes) in files {
        let digest = Algorithm::Sha3_256.digest(bytes).to_uppercase();
        let _ = write!(
            objects,
            r#"<dataObject ID="x"><byteStream mimeType="application/xml" size="{}"><fileLocation locatorType="URL"
            href="./{name}"/><checksum checksumName="SHA3-256">{digest}</checksum></byteStream></dataObject>"#,
            bytes.len()
        );
        fs::write(folder.join(name), bytes).unwrap();
    }
    let text =
        format!("<xfdu:XFDU xmlns:xfdu='u'><dataObjectSection>{objects}</dataObjectSection></xfdu:XFDU>");
    fs::write(folder.join("manifest.safe"), text).unwrap();
}

#[test]
fn every_kind_of_difference_is_reported() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path();
    with_manifest(folder, &BTreeMap::from([("a", &b"aa"[..]), ("b", b"bb"), ("c", b"cc"), ("d", b"dd")]));
    assert!(verify(folder, None).unwrap().is_ok());
    fs::write(folder.join("b"), b"bbb").unwrap();
    fs::write(folder.join("c"), b"xx").unwrap();
    fs::remove_file(folder.join("d")).unwrap();
    fs::write(folder.join("e"), b"e").unwrap();
    let report = verify(folder, None).unwrap();
    assert_eq!(
        (report.checked, report.bytes, report.unlisted.as_slice()),
        (3, 7, ["e".to_owned()].as_slice())
    );
    let kinds: Vec<&ProblemKind> = report.problems.iter().map(|problem| &problem.kind).collect();
    let size = ProblemKind::Size { expected: 2, found: 3, checksum_agrees: Some(false) };
    assert_eq!(kinds[0], &size);
    assert!(matches!(kinds[1], ProblemKind::Checksum { .. }));
    assert_eq!(kinds[2..], [&ProblemKind::Missing]);
    assert!(verify(folder, Some(&["a"])).unwrap().is_ok());
    assert_eq!(verify(folder, Some(&["e"])).unwrap().problems[0].kind, ProblemKind::NotListed);

    let container = Container::open(folder).unwrap();
    let manifest = Manifest::of(&container).unwrap().unwrap();
    let check =
        |name: &str| check_file(&container.stored(name).unwrap(), &manifest.entries[name], Path::new(name));
    assert!(check("a").is_ok());
    assert_eq!(check("b").unwrap_err().to_string(), "b: has 3 bytes, the manifest says 2");
    assert!(check("c").unwrap_err().to_string().starts_with("c: SHA3-256 checksum is "));
    fs::remove_file(folder.join("manifest.safe")).unwrap();
    fs::write(folder.join("MTD_MSIL1C.xml"), "<a/>").unwrap();
    assert!(verify(folder, None).unwrap_err().to_string().contains("manifest"));
}

/// An archive with one member besides a manifest.
fn archive(name: &str, bytes: &[u8], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in [("P.SAFE/manifest.safe", &b"<x/>"[..]), (name, bytes)] {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Changes the declared size of the last member in its local and its central header (APPNOTE 4.3.7, 4.3.12).
fn declare(mut bytes: Vec<u8>, size: u32) -> Vec<u8> {
    for (signature, offset) in [(b"PK\x03\x04", 22), (b"PK\x01\x02", 24)] {
        let at = bytes.windows(4).rposition(|window| window == signature).unwrap() + offset;
        bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
    }
    bytes
}

fn opened(folder: &Path, bytes: &[u8]) -> Result<Container, Error> {
    let path = folder.join("product.zip");
    fs::write(&path, bytes).unwrap();
    Container::open(&path)
}

#[test]
fn archives_that_lie_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let deflated = archive("P.SAFE/big", &vec![0; 1_000_000], CompressionMethod::Deflated);
    let good = opened(temp.path(), &deflated).unwrap();
    assert_eq!(good.read("big", 1_000_000).unwrap().len(), 1_000_000);
    assert!(matches!(good.read("big", 999_999), Err(Error::Archive { .. })));

    // More comes than is declared.
    let small = opened(temp.path(), &declare(deflated.clone(), 1000)).unwrap();
    let message = small.read("big", 1 << 30).unwrap_err().to_string();
    assert!(message.contains("product.zip/P.SAFE/big: "), "{message}");
    assert!(small.stored("big").unwrap().digest(Algorithm::Md5).is_err());
    let mut out = vec![0; 1000];
    assert!(small.stored("big").unwrap().inflate_into(&mut out).is_err());

    // Less comes than is declared.
    let less = opened(temp.path(), &declare(deflated.clone(), 1_000_001)).unwrap();
    assert!(matches!(less.read("big", 1 << 30), Err(Error::Archive { .. })));

    for size in [1 << 30, 0xFFFF_FFFE] {
        let message = opened(temp.path(), &declare(deflated.clone(), size)).unwrap_err().to_string();
        assert!(message.contains("declares more bytes than"), "{message}");
    }
    let stored = archive("P.SAFE/big", &[7; 5000], CompressionMethod::Stored);
    assert!(opened(temp.path(), &declare(stored, 4000)).is_err());
}

#[test]
fn members_outside_and_damaged_archives_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["../evil", "P.SAFE/../../evil", "/etc/evil", "P.SAFE//evil", "C:\\evil"] {
        let bytes = archive("P.SAFE/0123456789012", b"x", CompressionMethod::Stored);
        // The writer would clean the name, so it is put in afterwards, filled up to the same length.
        let mut name = name.as_bytes().to_vec();
        name.resize(20, b'x');
        let mut changed = bytes.clone();
        for at in (0..bytes.len() - 20).filter(|&at| &bytes[at..at + 20] == b"P.SAFE/0123456789012") {
            changed[at..at + 20].copy_from_slice(&name);
        }
        assert_ne!(changed, bytes);
        assert!(matches!(opened(temp.path(), &changed), Err(Error::Archive { .. })), "{name:?}");
    }

    let content: Vec<u8> = (0..20_000u32).map(|i| ((i * i) >> 5) as u8).collect();
    let bytes = archive("P.SAFE/file", &content, CompressionMethod::Deflated);
    for cut in (0..bytes.len()).step_by(61) {
        if let Ok(container) = opened(temp.path(), &bytes[..cut]) {
            assert!(container.read("file", 1 << 20).is_err());
        }
    }
    let find = |text: &[u8]| bytes.windows(text.len()).position(|window| window == text).unwrap();
    for at in (find(b"P.SAFE/file") + 11..find(b"PK\x01\x02") - 2).step_by(53) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(opened(temp.path(), &damaged).and_then(|c| c.read("file", 1 << 20)).is_err(), "{at}");
    }
    let other = archive("P.SAFE/file", b"x", CompressionMethod::Stored);
    assert!(opened(temp.path(), &other).is_ok());
    assert!(matches!(opened(temp.path(), b"PK\x03\x04 and no archive"), Err(Error::Archive { .. })));
}

#[test]
fn metadata_cannot_lead_outside_the_product() {
    let temp = tempfile::tempdir().unwrap();
    let product = temp.path().join("P.SAFE");
    fs::create_dir(&product).unwrap();
    fs::write(temp.path().join("secret"), "x").unwrap();
    with_manifest(&product, &BTreeMap::from([("a", &b"aa"[..])]));
    let container = Container::open(&product).unwrap();
    for path in ["../secret", "/etc/passwd", "./a", ""] {
        assert!(!container.exists(path));
        assert!(matches!(container.stored(path), Err(Error::Missing { .. })));
    }
    assert!(container.exists("a"));
}
