//! Only what is asked for: the flow holds what is needed, and the images are those of the whole run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use support::{Lender, command, process};

static SHARED: Lender = Lender::of_size("246");

/// The computed images; the preview of a part is that of the input.
fn images(product: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut images = support::images(product);
    images.retain(|name, _| !name.contains("_PVI"));
    images
}

fn explained(input: &Path, arguments: &[&str]) -> String {
    let mut command = command();
    let output = command.arg("process").arg(input).arg("--explain").args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_part_is_that_of_the_whole() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let whole = images(&process(&shared.level_1c, &folder.path().join("all"), &[]).product());
    for (arguments, names, count) in [
        (&["--only", "scl"][..], &["_SCL_", "MSK_CLDPRB", "MSK_SNWPRB"][..], 6),
        (&["--only", "aot,wvp"], &["_AOT_", "_WVP_"], 6),
        (&["--bands", "B04,B8A"], &["_B04_", "_B8A_"], 5),
        (
            &["--only", "bands", "--only", "scl", "--bands", "B04"],
            &["_B04_", "_SCL_", "MSK_CLDPRB", "MSK_SNWPRB"],
            9,
        ),
    ] {
        let name = arguments.join("");
        let product = process(&shared.level_1c, &folder.path().join(name), arguments).product();
        let part = images(&product);
        assert_eq!(part.len(), count, "{arguments:?}: {:?}", part.keys());
        for (name, bytes) in &part {
            assert!(names.iter().any(|n| name.contains(n)), "{name}");
            assert!(whole.get(name) == Some(bytes), "{name} differs from that of the whole run");
        }
    }
}

#[test]
fn a_class_map_needs_no_correction_and_no_10_m_band_alone() {
    let shared = SHARED.lend();
    let whole = explained(&shared.level_1c, &[]);
    let part = explained(&shared.level_1c, &["--only", "scl"]);
    assert!(whole.contains("correct B04") && whole.contains("decode B08"));
    for absent in ["correct", "decode B08", "verify image of B08", "colour", "preview", "map aot"] {
        assert!(!part.contains(absent), "{absent}: {part}");
    }
    for present in ["classify", "decode B10", "verify image of B10", "verify product metadata", "encode"] {
        assert!(part.contains(present), "{present}: {part}");
    }
    let toa = explained(&shared.level_1c, &["--only", "toa", "--bands", "B02", "--resolution", "10"]);
    assert!(!toa.contains("classify") && toa.contains("decode B02") && !toa.contains("decode B03"), "{toa}");
}

#[test]
fn what_was_measured_can_be_had_on_the_grids_of_the_results() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let product =
        process(&shared.level_1c, folder.path(), &["--only", "toa", "--bands", "B02,B10"]).product();
    let names: Vec<_> = images(&product).into_keys().collect();
    let tokens: Vec<_> = names.iter().map(|name| name.split_once("T102021_").unwrap().1).collect();
    assert_eq!(tokens, ["TOA-B02_10m.jp2", "TOA-B02_20m.jp2", "TOA-B10_20m.jp2"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    for (arguments, said) in [
        (["--only", "scl", "--bands", "B02"], "without bands"),
        (["--bands", "B10", "--resolution", "20"], "B10"),
        (["--only", "everything", "--resolution", "20"], "everything"),
        (["--bands", "B13", "--resolution", "20"], "B13"),
        (["--roi", "1,2,3", "--resolution", "20"], "four numbers"),
        (["--roi", "-10,20,-9,21", "--resolution", "20"], "does not touch tile 33UUB"),
        (["--roi", "no-such-file.geojson", "--resolution", "20"], "no box west,south,east,north"),
    ] {
        process(&shared.level_1c, folder.path(), &arguments).failed(2, &[said]);
    }
}
