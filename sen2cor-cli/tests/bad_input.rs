//! Input and output that cannot be used: the message names the file (and the field), the exit code says whose fault it is,
//! and nothing is left behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::{Ended, Lender, Shared, command, entries, file_ending, files, process};
use tempfile::TempDir;

static SHARED: Lender = Lender::of_size("120");

const NOTHING: [&str; 0] = [];

/// A product to spoil.
struct Spoilt {
    folder: TempDir,
    product: PathBuf,
}

impl Spoilt {
    fn new(shared: &Shared) -> Self {
        let (folder, product) = shared.copy();
        Self { folder, product }
    }

    fn file(&self, ending: &str) -> PathBuf {
        file_ending(&self.product, ending)
    }

    /// Keeps the first part of a file.
    fn cut(&self, ending: &str, share: f64) -> &Self {
        let file = self.file(ending);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..(bytes.len() as f64 * share) as usize]).unwrap();
        self
    }

    /// Replaces the text of the first element of this name that stands after `after`.
    fn set(&self, ending: &str, after: &str, element: &str, text: &str) -> &Self {
        let file = self.file(ending);
        let old = fs::read_to_string(&file).unwrap();
        let from = old.find(after).unwrap_or_else(|| panic!("no {after}"));
        let tag = from + old[from..].find(&format!("<{element}")).unwrap_or_else(|| panic!("no {element}"));
        let start = tag + old[tag..].find('>').unwrap() + 1;
        let end = start + old[start..].find('<').unwrap();
        fs::write(&file, format!("{}{text}{}", &old[..start], &old[end..])).unwrap();
        self
    }

    fn flip(&self, ending: &str, share: f64) -> &Self {
        let file = self.file(ending);
        let mut bytes = fs::read(&file).unwrap();
        let at = (bytes.len() as f64 * share) as usize;
        bytes[at] ^= 0x10;
        fs::write(&file, bytes).unwrap();
        self
    }

    /// Processing fails with the code of bad input, says this, and leaves nothing.
    fn fails(&self, arguments: &[&str], said: &[&str]) {
        fails(&self.product, 3, arguments, said);
        fails(
            &self.product,
            3,
            &[arguments, &["--resolution", "60", "--executor", "sequential"]].concat(),
            said,
        );
        let copy = self.product.file_name().unwrap().to_str().unwrap();
        assert_eq!(entries(self.folder.path()), [copy]);
    }
}

fn fails(input: &Path, code: i32, arguments: &[&str], said: &[&str]) {
    let output = tempfile::tempdir().unwrap();
    process(input, output.path(), arguments).failed(code, said);
    assert_eq!(entries(output.path()), NOTHING, "something is left behind");
}

/// The image of a band, not one of its masks.
const B05: &str = "02021_B05.jp2";

#[test]
fn a_missing_band_is_named() {
    let shared = SHARED.lend();
    let spoilt = Spoilt::new(&shared);
    fs::remove_file(spoilt.file(B05)).unwrap();
    spoilt.fails(&[], &["IMG_DATA", "band B05", "missing"]);
    spoilt.fails(&["--no-verify"], &["IMG_DATA", "band B05", "missing"]);
}

/// Only the 10 m images need B08.
#[test]
fn a_band_that_is_not_needed_is_not_missed() {
    let shared = SHARED.lend();
    let spoilt = Spoilt::new(&shared);
    fs::remove_file(spoilt.file("02021_B08.jp2")).unwrap();
    fails(&spoilt.product, 3, &[], &["band B08", "missing"]);
    let output = tempfile::tempdir().unwrap();
    assert_eq!(process(&spoilt.product, output.path(), &["--resolution", "20"]).code, 0);
}

#[test]
fn a_cut_image_is_named() {
    let shared = SHARED.lend();
    for share in [0.0, 0.01, 0.3, 0.95] {
        let spoilt = Spoilt::new(&shared);
        spoilt.cut(B05, share);
        spoilt.fails(&[], &[B05]);
        spoilt.fails(&["--no-verify"], &[B05]);
    }
}

#[test]
fn cut_metadata_are_named_with_the_place() {
    let shared = SHARED.lend();
    for (file, shares) in [("MTD_MSIL1C.xml", [0.0, 0.3, 0.9]), ("MTD_TL.xml", [0.0, 0.5, 0.9])] {
        for share in shares {
            let spoilt = Spoilt::new(&shared);
            spoilt.cut(file, share);
            spoilt.fails(&[], &[file, "at byte"]);
        }
    }
    let spoilt = Spoilt::new(&shared);
    spoilt.cut("manifest.safe", 0.5);
    spoilt.fails(&[], &["manifest.safe", "at byte"]);
}

#[test]
fn a_word_where_a_number_belongs_is_named_with_its_field() {
    let shared = SHARED.lend();
    let fields = [
        ("MTD_MSIL1C.xml", "<Product_Info", "QUANTIFICATION_VALUE"),
        ("MTD_MSIL1C.xml", "<Product_Info", "RADIO_ADD_OFFSET"),
        ("MTD_TL.xml", "<Mean_Sun_Angle", "ZENITH_ANGLE"),
        ("MTD_TL.xml", "<Mean_Viewing_Incidence_Angle ", "AZIMUTH_ANGLE"),
        ("MTD_TL.xml", "<Size resolution=\"20\"", "NCOLS"),
        ("MTD_TL.xml", "<Geoposition", "ULX"),
    ];
    for (file, after, element) in fields {
        for text in ["many", "", "nan"] {
            let spoilt = Spoilt::new(&shared);
            spoilt.set(file, after, element, text);
            // A direction that is not a number is one that is not known, as in real products.
            let unknown = text == "nan" && element == "AZIMUTH_ANGLE";
            let field = if unknown { "Mean_Viewing_Incidence_Angle of B01" } else { element };
            let found = if text.is_empty() || unknown { field } else { text };
            spoilt.fails(&["--no-verify"], &[file, field, "expected", found]);
        }
    }
}

#[test]
fn a_size_that_the_images_contradict_is_refused() {
    let shared = SHARED.lend();
    let spoilt = Spoilt::new(&shared);
    spoilt.set("MTD_TL.xml", "<Size resolution=\"10\"", "NROWS", "126");
    spoilt.fails(&[], &["MTD_TL.xml", "Size", "126"]);
    // All grids agree with each other but not with the images.
    for (resolution, rows) in [("10", "126"), ("20", "63"), ("60", "21")] {
        spoilt.set("MTD_TL.xml", &format!("<Size resolution=\"{resolution}\""), "NROWS", rows);
    }
    spoilt.fails(&["--no-verify"], &["_B01.jp2", "height", "expected 21", "found 20"]);
}

#[test]
fn what_is_not_known_of_a_product_is_refused() {
    let shared = SHARED.lend();
    let spoilt = Spoilt::new(&shared);
    spoilt.set("MTD_MSIL1C.xml", "<Datatake", "SPACECRAFT_NAME", "Sentinel-9X");
    spoilt.fails(&[], &["MTD_MSIL1C.xml", "SPACECRAFT_NAME", "Sentinel-9X"]);
    let spoilt = Spoilt::new(&shared);
    spoilt.set("MTD_MSIL1C.xml", "<Product_Info", "QUANTIFICATION_VALUE", "1000");
    spoilt.fails(&["--no-verify"], &["MTD_MSIL1C.xml", "QUANTIFICATION_VALUE", "1000"]);
}

#[test]
fn a_file_that_differs_from_the_manifest_is_refused_unless_told_otherwise() {
    let shared = SHARED.lend();
    let spoilt = Spoilt::new(&shared);
    // Near its end an image holds samples, which decode to something in any case.
    spoilt.flip(B05, 0.9);
    spoilt.fails(&[], &[B05, "checksum", "manifest"]);
    let spoilt = Spoilt::new(&shared);
    spoilt.set("MTD_TL.xml", "<Mean_Sun_Angle", "ZENITH_ANGLE", "41");
    spoilt.fails(&[], &["MTD_TL.xml", "manifest"]);
    let output = tempfile::tempdir().unwrap();
    assert_eq!(process(&spoilt.product, output.path(), &["--no-verify"]).code, 0);
}

#[test]
fn what_is_no_level_1c_product_is_refused() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("empty")).unwrap();
    fs::write(path("notes.txt"), "no product").unwrap();
    fs::write(path("short.zip"), b"PK\x03\x04 and no more").unwrap();
    fs::write(path("nothing.zip"), b"").unwrap();
    for (name, said) in [
        ("empty", "not a Level-1C product"),
        ("notes.txt", "not a Level-1C product"),
        ("short.zip", ""),
        ("nothing.zip", ""),
        ("absent", "missing"),
        ("notes.txt/below", ""),
    ] {
        fails(&path(name), 3, &[], &[name, said]);
        support::sen2cor(&[Path::new("inspect"), &path(name)]).failed(3, &[name, said]);
    }
    let level_2a = process(&shared.level_1c, folder.path(), &["--resolution", "60"]).product();
    for input in [level_2a.clone(), level_2a.join("MTD_MSIL2A.xml")] {
        fails(&input, 3, &[], &["Level-2A", level_2a.to_str().unwrap()]);
    }
}

#[test]
fn an_output_folder_that_cannot_be_written_is_refused() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let input = &shared.level_1c;
    for (output, said) in [
        (file.join("below"), "file/below"),
        (file.clone(), "file"),
        (PathBuf::from("/proc"), "/proc/"),
        (PathBuf::from("/proc/sen2cor-test"), "/proc/"),
    ] {
        if output.starts_with("/proc") && !Path::new("/proc/self").exists() {
            eprintln!("skipped: no /proc");
            continue;
        }
        process(input, &output, &[]).failed(6, &[said]);
        let simulated = command().args(["simulate", "--size", "120", "-o"]).arg(&output).output();
        Ended::from(simulated.unwrap()).failed(6, &[said]);
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    // A product that was read is as it was: nothing is ever written into it.
    assert!(files(input).keys().all(|name| !name.contains("partial")));
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("closed");
    fs::create_dir(&output).unwrap();
    fs::set_permissions(&output, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(output.join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    process(&shared.level_1c, &output, &[]).failed(6, &["closed", "denied"]);
    assert_eq!(entries(&output), NOTHING);
}

#[test]
fn a_summary_that_cannot_be_written_is_the_fault_of_the_output() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("absent/summary.json");
    let arguments = ["--resolution", "60", "--summary", summary.to_str().unwrap()];
    let ended = process(&shared.level_1c, folder.path(), &arguments);
    assert_eq!(ended.code, 6, "{ended:#?}");
    assert!(ended.stderr.contains("summary.json"), "{ended:#?}");
}
