//! Options of the product: what is written, how it is called and encoded.

use super::check::Checker;
use super::define::options;
use jiff::Timestamp;
use sen2cor_io::safe::names::ProcessingBaseline;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path};

/// Which images a run writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputResolution {
    /// All: 20 m, 60 m as averages of the 20 m results, 10 m.
    #[default]
    #[serde(rename = "all")]
    All,
    /// As `All`: the 10 m images need the 20 m results, which are written too.
    #[serde(rename = "10")]
    R10,
    /// 20 m, and 60 m as averages of the 20 m results.
    #[serde(rename = "20")]
    R20,
    /// 60 m only, processed natively at 60 m.
    #[serde(rename = "60")]
    R60,
}

options! {
    /// What is written, and how it is called and encoded.
    RawProductOptions => ProductOptions, "Product";

    /// Images that are written, in metres. `20` includes the 60 m averages of the 20 m results, `10` all images; `60` runs
    /// natively at 60 m. Default all.
    resolution: OutputResolution = OutputResolution::All, Choice(&["10", "20", "60", "all"]);
    /// Whether the 20 m results are also written as averages at 60 m. Default yes. Source: GIPP `Downsample_20_to_60`.
    downsample_20_to_60: bool = true, Flag;
    /// Whether true-colour images are written. Default yes. Source: GIPP `Generate_TCI_Output`.
    tci_output: bool = true, Flag;
    /// Whether the elevation of --dem is written, in whole metres, into the folder AUX_DATA of the tile. Default no. Source: GIPP
    /// `Generate_DEM_Output`.
    dem_output: bool = false, Flag;
    /// Name of the folder of the product, instead of the standard name. For an input with several tiles it must hold
    /// {tile}, for which the name of the tile is put in.
    output_name: String, Text("NAME");
    /// Offset of the stored surface reflectance, -1000 or 0; 0 needs a processing baseline below 04.00. Default -1000.
    boa_offset: i32 = -1000, Integer { low: -1000, high: 0, unit: "" };
    /// Baseline in names and metadata. Default 99.99.
    processing_baseline: ProcessingBaseline = ProcessingBaseline { major: 99, minor: 99 }, Text("DD.DD");
    /// Processing centre in names and metadata: four capital letters, digits or underscores. Default: that of the input.
    processing_centre: String, Text("CCCC");
    /// Archiving centre in the metadata, in the same form. Default: the processing centre.
    archiving_centre: String, Text("CCCC");
    /// Time that goes into names and metadata, e.g. 2026-01-31T12:00:00Z. Default: SOURCE_DATE_EPOCH if it is set, else now.
    generation_time: Timestamp, Text("TIME");
    /// Process although a finished product of the same input and options is there, and replace it. Default no.
    overwrite: bool = false, Flag;
    /// Compare the files that are read with the manifest. Default yes.
    verify: bool = true, Flag;
}

impl RawProductOptions {
    pub(super) fn check(&self, check: &mut Checker) {
        let product = self.clone().complete();
        let old = ProcessingBaseline { major: 4, minor: 0 };
        check.conflict(![-1000, 0].contains(&product.boa_offset), "boa-offset is -1000 or 0");
        let is_centre = |text: &String| {
            text.len() == 4 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        };
        for (name, centre) in
            [("processing-centre", &self.processing_centre), ("archiving-centre", &self.archiving_centre)]
        {
            let reason = format!("{name} has four capital letters, digits or underscores");
            check.conflict(!centre.as_ref().is_none_or(is_centre), &reason);
        }
        let plain = |name: &str| {
            let parts: Vec<_> = Path::new(name).components().collect();
            matches!(parts.as_slice(), [Component::Normal(_)])
                && !name.ends_with('/')
                && !name.starts_with('.')
        };
        check.conflict(
            !self.output_name.as_deref().is_none_or(plain),
            "output-name is the name of a folder, without a path before it and without a dot at its beginning",
        );
        check.conflict(
            product.boa_offset == 0 && product.processing_baseline >= old,
            "boa-offset 0 needs a processing-baseline below 04.00, so that readers which go by the baseline agree",
        );
    }
}
