//! The original's command line: arguments, parameter files, progress lines, exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use support::{Ended, Lender, command, file_ending};

static SHARED: Lender = Lender::of_size("60");

fn l2a_process<S: AsRef<OsStr>>(arguments: &[S]) -> Ended {
    let mut command = command();
    command.env("SOURCE_DATE_EPOCH", "1700000000").env_remove("SEN2COR_HOME");
    command.arg("l2a-process").args(arguments).output().unwrap().into()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn arguments_and_parameter_files_of_the_original_are_understood() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let gipp = folder.path().join("my_GIPP.xml");
    let root = "Level-2A_Ground_Image_Processing_Parameter";
    fs::write(
        &gipp,
        format!(
            "<{root}><Atmospheric_Correction><Ozone_Content>370</Ozone_Content><WV_Correction>4</WV_Correction>\
             <Nr_Threads>1</Nr_Threads></Atmospheric_Correction></{root}>"
        ),
    )
    .unwrap();
    let ended = l2a_process(&[
        text(&shared.level_1c),
        "--resolution".to_owned(),
        "60".to_owned(),
        "--output_dir".to_owned(),
        text(folder.path()),
        "--GIP_L2A".to_owned(),
        text(&gipp),
        "--processing_baseline".to_owned(),
        "05.11".to_owned(),
        "--processing_centre".to_owned(),
        "MINE".to_owned(),
        "--tif".to_owned(),
    ]);
    let product = ended.product();
    assert!(text(&product).contains("_N0511_"));
    let metadata = fs::read_to_string(product.join("MTD_MSIL2A.xml")).unwrap();
    assert!(metadata.contains("L2A_TL_MINE_") && metadata.contains("<OZONE_VALUE>370.0"), "{metadata}");
    // What has no effect is said, in the log and in the product.
    let report = fs::read_to_string(file_ending(&product, "L2A_QUALITY.xml")).unwrap();
    for said in ["WV_Correction (4) is not honoured", "--tif (given) is not honoured"] {
        assert!(ended.stderr.contains(said) && report.contains(said), "{said}: {}", ended.stderr);
    }
    let progress: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("Progress[%]: ")).collect();
    assert!(progress.len() > 10, "{progress:?}");
    assert!(progress[1].contains(" : PID-") && progress[1].contains(", elapsed time[s]: "), "{progress:?}");
    assert_eq!(progress.last(), Some(&"Progress[%]: 100.00 : Application terminated successfully."));
}

#[test]
fn the_parameter_file_chooses_the_level_of_the_log() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let gipp = folder.path().join("GIPP.xml");
    let root = "Level-2A_Ground_Image_Processing_Parameter";
    for (level, has_information, has_warnings) in
        [("INFO", true, true), ("WARNING", false, true), ("CRITICAL", false, false)]
    {
        let section = format!("<Log_Level>{level}</Log_Level><New_One>1</New_One>");
        fs::write(&gipp, format!("<{root}><Common_Section>{section}</Common_Section></{root}>")).unwrap();
        let output = folder.path().join(level);
        let [input, output, gipp] = [text(&shared.level_1c), text(&output), text(&gipp)];
        let ended = l2a_process(&[&input, "--resolution", "60", "--output_dir", &output, "--GIP_L2A", &gipp]);
        ended.product();
        assert_eq!(ended.stderr.contains(" INFO "), has_information, "{level}: {}", ended.stderr);
        assert_eq!(ended.stderr.contains(" WARN "), has_warnings, "{level}: {}", ended.stderr);
    }
}

#[test]
fn failures_are_1_whatever_they_are() {
    assert_eq!(l2a_process::<&str>(&["/nowhere"]).code, 1);
    assert_eq!(l2a_process(&["--resolution", "30", "x"]).code, 1);
    assert_eq!(l2a_process::<&str>(&[]).code, 1);
    assert_eq!(l2a_process(&["x", "--GIP_L2A", "/nowhere.xml"]).code, 1);
    let mode = l2a_process(&["x", "--mode", "process_tile"]);
    assert_eq!(mode.code, 1);
    assert!(mode.stderr.contains("not supported"), "{mode:?}");
    assert_eq!(l2a_process(&["--help"]).code, 0);
}

#[cfg(unix)]
#[test]
fn the_program_answers_to_the_original_name() {
    let shared = SHARED.lend();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("L2A_Process");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sen2cor"), &link).unwrap();
    // A tile stands for its product; without --output_dir the product lies beside the input.
    let granules = support::entries(&shared.level_1c.join("GRANULE"));
    let (_kept, input) = shared.copy();
    let tile = input.join("GRANULE").join(&granules[0]);
    let run = || {
        let output = std::process::Command::new(&link).arg(&tile).args(["--resolution", "60"]).output();
        Ended::from(output.unwrap()).product()
    };
    let product = run();
    assert_eq!(product.parent(), input.parent());
    // Done already: a success.
    assert_eq!(run(), product);
    let bad = std::process::Command::new(&link).output().unwrap();
    assert_eq!(bad.status.code(), Some(1));
}
