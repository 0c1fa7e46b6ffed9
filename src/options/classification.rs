//! Options of the scene classification.

use super::check::Checker;
use super::define::options;
use sen2cor_core::classify::Thresholds;
use sen2cor_core::resample::ClassReduction;

options! {
    /// The scene classification.
    RawClassificationOptions => ClassificationOptions, "Classification";

    /// How the class map goes from 20 m to 60 m. Default median.
    class_map_60m: ClassReduction = ClassReduction::default(), Choice(&["median", "majority"]);
    /// Thresholds of the scene classification, e.g. snow_ndsi.low=0.3. Default: those of the original.
    thresholds: Thresholds = Thresholds::default(), Table;
}

impl RawClassificationOptions {
    pub(super) fn check(&self, check: &mut Checker) {
        for problem in self.thresholds.iter().flat_map(Thresholds::problems) {
            check.conflict(true, &format!("thresholds: {problem}"));
        }
    }
}
