//! The arguments of the original's command `L2A_Process`, under their own names.

use crate::arguments::LogLevel;
use clap::{Args, Parser, ValueEnum};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Sen2Cor's command line, answered by sen2cor.
#[derive(Debug, Parser)]
#[command(name = "L2A_Process", version, max_term_width = 110)]
pub(crate) struct L2aProcess {
    #[command(flatten)]
    pub(crate) arguments: L2aProcessArguments,
}

#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the original has these switches")]
pub(crate) struct L2aProcessArguments {
    /// Folder of the Level-1C product, or of a tile in it.
    pub(crate) input_dir: PathBuf,
    /// Ground segment modes; they are not supported.
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
    /// Resolution in metres; all if it is left out.
    #[arg(long, value_parser = ["10", "20", "60"])]
    pub(crate) resolution: Option<String>,
    /// Folder of a data strip, for ground segment modes.
    #[arg(long)]
    pub(crate) datastrip: Option<PathBuf>,
    /// Folder of a tile, for ground segment modes.
    #[arg(long)]
    pub(crate) tile: Option<PathBuf>,
    /// Folder in which the product is made. Default: that of the input; the current folder for an input without absolute path.
    #[arg(long = "output_dir")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Has no effect: there are no working files.
    #[arg(long = "work_dir")]
    pub(crate) work_dir: Option<PathBuf>,
    /// Has no effect: there is no database of images.
    #[arg(long = "img_database_dir")]
    pub(crate) img_database_dir: Option<PathBuf>,
    /// Has no effect: there is no database of results.
    #[arg(long = "res_database_dir")]
    pub(crate) res_database_dir: Option<PathBuf>,
    /// Processing centre in names and metadata: four capital letters or underscores.
    #[arg(long = "processing_centre")]
    pub(crate) processing_centre: Option<String>,
    /// Archiving centre in the metadata: four capital letters or underscores.
    #[arg(long = "archiving_centre")]
    pub(crate) archiving_centre: Option<String>,
    /// Baseline in names and metadata, dd.dd.
    #[arg(long = "processing_baseline")]
    pub(crate) processing_baseline: Option<String>,
    /// ENVI files instead of JPEG 2000; not supported.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Files called .tif instead of JPEG 2000; not supported.
    #[arg(long)]
    pub(crate) tif: bool,
    /// Scene classification only.
    #[arg(long = "sc_only")]
    pub(crate) sc_only: bool,
    /// Has no effect, as in the original.
    #[arg(long = "cr_only")]
    pub(crate) cr_only: bool,
    /// Log more.
    #[arg(long)]
    pub(crate) debug: bool,
    /// Parameter file `L2A_GIPP.xml`: a path, or a name below `SEN2COR_HOME/cfg`.
    #[arg(long = "GIP_L2A", value_name = "FILE")]
    pub(crate) gip_l2a: Option<PathBuf>,
    /// Parameter file of the classification, `L2A_CAL_SC_GIPP.xml`.
    #[arg(long = "GIP_L2A_SC", value_name = "FILE")]
    pub(crate) gip_l2a_sc: Option<PathBuf>,
    /// Parameter file of the correction, `L2A_CAL_AC_GIPP.xml`.
    #[arg(long = "GIP_L2A_AC", value_name = "FILE")]
    pub(crate) gip_l2a_ac: Option<PathBuf>,
    /// File of the processing baseline, `L2A_PB_GIPP.xml`.
    #[arg(long = "GIP_L2A_PB", value_name = "FILE")]
    pub(crate) gip_l2a_pb: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    #[value(name = "generate_datastrip")]
    GenerateDatastrip,
    #[value(name = "process_tile")]
    ProcessTile,
}

/// Whether the program was called by the name of the original's command.
pub(crate) fn is_called_so(program: Option<&OsStr>) -> bool {
    let stem = program.and_then(|path| Path::new(path).file_stem());
    stem.is_some_and(|stem| stem == "L2A_Process")
}

/// The level of the log by the original's name.
pub(crate) fn log_level(name: &str) -> Option<LogLevel> {
    match name.to_ascii_uppercase().as_str() {
        "NOTSET" | "DEBUG" => Some(LogLevel::Debug),
        "INFO" => Some(LogLevel::Info),
        "WARNING" => Some(LogLevel::Warn),
        "ERROR" | "CRITICAL" => Some(LogLevel::Error),
        _ => None,
    }
}

impl L2aProcessArguments {
    /// The product of the input, which may be a folder inside it.
    pub(crate) fn product(&self) -> PathBuf {
        let granule = self.input_dir.ancestors().find(|folder| folder.ends_with("GRANULE"));
        granule.and_then(Path::parent).unwrap_or(&self.input_dir).to_owned()
    }

    /// Where the product goes.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        let here = || self.input_dir.is_relative().then(|| PathBuf::from("."));
        self.output_dir.clone().or_else(here)
    }

    /// Arguments that have no effect, with the reason.
    pub(crate) fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        let ground_segment = "ground segment modes are not supported";
        let nothing = "there are no working files";
        let format = "images are JPEG 2000";
        [
            (self.datastrip.is_some(), "--datastrip", ground_segment),
            (self.tile.is_some(), "--tile", ground_segment),
            (self.work_dir.is_some(), "--work_dir", nothing),
            (self.img_database_dir.is_some(), "--img_database_dir", nothing),
            (self.res_database_dir.is_some(), "--res_database_dir", nothing),
            (self.raw, "--raw", format),
            (self.tif, "--tif", format),
            (self.cr_only, "--cr_only", "it has no effect in the original either"),
        ]
        .into_iter()
        .filter_map(|(given, name, reason)| given.then_some((name, reason)))
        .collect()
    }

    /// The parameter files: those that were named, and those of the original's installation.
    pub(crate) fn parameter_files(&self) -> Vec<PathBuf> {
        let folder = std::env::var_os("SEN2COR_HOME").map(|home| PathBuf::from(home).join("cfg"));
        let files = [
            (&self.gip_l2a, "L2A_GIPP.xml"),
            (&self.gip_l2a_sc, "L2A_CAL_SC_GIPP.xml"),
            (&self.gip_l2a_ac, "L2A_CAL_AC_GIPP.xml"),
            (&self.gip_l2a_pb, "L2A_PB_GIPP.xml"),
        ];
        let place = |(named, usual): (&Option<PathBuf>, &str)| match named {
            Some(file) if file.exists() => Some(file.clone()),
            Some(file) => Some(folder.as_ref().map_or_else(|| file.clone(), |folder| folder.join(file))),
            None => folder.as_ref().map(|folder| folder.join(usual)).filter(|file| file.exists()),
        };
        files.into_iter().filter_map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        L2aProcess::command().debug_assert();
    }

    #[test]
    fn the_name_of_the_original_is_recognised() {
        for (name, is_so) in [("L2A_Process", true), ("/usr/bin/L2A_Process", true), ("sen2cor", false)] {
            assert_eq!(is_called_so(Some(OsStr::new(name))), is_so, "{name}");
        }
    }

    #[test]
    fn a_tile_stands_for_its_product() {
        let product = |input: &str| L2aProcess::parse_from(["L2A_Process", input]).arguments.product();
        assert_eq!(product("/data/X.SAFE/GRANULE/L1C_T33UUB"), Path::new("/data/X.SAFE"));
        assert_eq!(product("/data/X.SAFE"), Path::new("/data/X.SAFE"));
    }
}
