//! Options of the scene classification.

use super::check::Checker;
use super::define::options;
use sen2cor_core::classify::Thresholds;
use sen2cor_core::resample::ClassReduction;
use serde::{Deserialize, Serialize};

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the variants are words")]
pub enum Switch {
    On,
    Off,
}

options! {
    /// The scene classification.
    RawClassificationOptions => ClassificationOptions, "Classification";

    /// How the class map goes from 20 m to 60 m. Default median.
    class_map_60m: ClassReduction = ClassReduction::default(), Choice(&["median", "majority"]);
    /// Window of a median filter over the written class map, pixels; 0 and 1 are none. Percentages in the metadata, and
    /// everything that is computed from the classes, keep to the unfiltered map. Default 0.
    median_filter: u32 = 0, Integer { low: 0, high: 10, unit: "pixels" };
    /// Whether pixels that the input marks as saturated or defective have a class of their own, 1. Default on.
    l1c_quality_masks: Switch = Switch::On, Choice(&["on", "off"]);
    /// Thresholds of the scene classification, e.g. snow_ndsi.low=0.3. `sen2cor options --print` lists them all. Default:
    /// those of the original.
    thresholds: Thresholds = Thresholds::default(), Table;
}

impl RawClassificationOptions {
    pub(super) fn check(&self, check: &mut Checker) {
        for problem in self.thresholds.iter().flat_map(Thresholds::problems) {
            check.conflict(true, &format!("thresholds: {problem}"));
        }
    }
}
