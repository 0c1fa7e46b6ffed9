//! Options of a run: what was asked for, and what that means when it is checked and complete.
//!
//! There is a file per topic. **To add an option, add an entry to its topic**: flag, configuration file, schema, help and
//! default follow from it. Then use the field of the same name in [`Options`]. A topic checks what a range cannot say.

pub(crate) mod define;

mod atmosphere;
mod auxiliary;
mod check;
mod cirrus;
mod classification;
mod execution;
mod file;
mod product;
mod retrieval;
mod selection;
mod terrain;

pub use atmosphere::{AerosolLoad, AerosolType, AtmosphereOptions, RawAtmosphereOptions};
pub use auxiliary::{AuxiliaryOptions, RawAuxiliaryOptions};
pub use check::InvalidOption;
pub use cirrus::{CirrusOptions, RawCirrusOptions};
pub use classification::{ClassificationOptions, RawClassificationOptions, Switch};
pub use execution::{ExecutionOptions, RawExecutionOptions};
pub use product::{OutputResolution, ProductOptions, RawProductOptions};
pub use retrieval::{RawRetrievalOptions, RetrievalOptions};
pub use selection::{Part, RawSelectionOptions, SelectionOptions};
pub use terrain::{RawTerrainOptions, TerrainOptions};

use check::Checker;
use define::OptionTopic;
use serde::{Deserialize, Serialize};

/// Options as a user gives them: everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "described at the types")]
pub struct RawOptions {
    #[serde(flatten)]
    pub product: RawProductOptions,
    #[serde(flatten)]
    pub selection: RawSelectionOptions,
    #[serde(flatten)]
    pub classification: RawClassificationOptions,
    #[serde(flatten)]
    pub atmosphere: RawAtmosphereOptions,
    #[serde(flatten)]
    pub retrieval: RawRetrievalOptions,
    #[serde(flatten)]
    pub cirrus: RawCirrusOptions,
    #[serde(flatten)]
    pub terrain: RawTerrainOptions,
    #[serde(flatten)]
    pub auxiliary: RawAuxiliaryOptions,
    #[serde(flatten)]
    pub execution: RawExecutionOptions,
}

/// Options that are checked and complete.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "described at the types")]
pub struct Options {
    #[serde(flatten)]
    pub product: ProductOptions,
    #[serde(flatten)]
    pub selection: SelectionOptions,
    #[serde(flatten)]
    pub classification: ClassificationOptions,
    #[serde(flatten)]
    pub atmosphere: AtmosphereOptions,
    #[serde(flatten)]
    pub retrieval: RetrievalOptions,
    #[serde(flatten)]
    pub cirrus: CirrusOptions,
    #[serde(flatten)]
    pub terrain: TerrainOptions,
    #[serde(flatten)]
    pub auxiliary: AuxiliaryOptions,
    #[serde(flatten)]
    pub execution: ExecutionOptions,
}

impl RawOptions {
    /// All options that there are.
    pub fn topics() -> Vec<OptionTopic> {
        vec![
            RawProductOptions::topic(),
            RawSelectionOptions::topic(),
            RawClassificationOptions::topic(),
            RawAtmosphereOptions::topic(),
            RawRetrievalOptions::topic(),
            RawCirrusOptions::topic(),
            RawTerrainOptions::topic(),
            RawAuxiliaryOptions::topic(),
            RawExecutionOptions::topic(),
        ]
    }

    /// The defaults; nothing where there is none.
    pub fn defaults() -> Self {
        Self {
            product: RawProductOptions::defaults(),
            selection: RawSelectionOptions::defaults(),
            classification: RawClassificationOptions::defaults(),
            atmosphere: RawAtmosphereOptions::defaults(),
            retrieval: RawRetrievalOptions::defaults(),
            cirrus: RawCirrusOptions::defaults(),
            terrain: RawTerrainOptions::defaults(),
            auxiliary: RawAuxiliaryOptions::defaults(),
            execution: RawExecutionOptions::defaults(),
        }
    }

    /// These options where they are given, `lower` elsewhere: flags over a file over defaults.
    #[must_use]
    pub fn over(self, mut lower: Self) -> Self {
        // A load given here replaces both ways of giving it below.
        if self.atmosphere.aot_550.is_some() || self.atmosphere.visibility_km.is_some() {
            (lower.atmosphere.aot_550, lower.atmosphere.visibility_km) = (None, None);
        }
        Self {
            product: self.product.over(lower.product),
            selection: self.selection.over(lower.selection),
            classification: self.classification.over(lower.classification),
            atmosphere: self.atmosphere.over(lower.atmosphere),
            retrieval: self.retrieval.over(lower.retrieval),
            cirrus: self.cirrus.over(lower.cirrus),
            terrain: self.terrain.over(lower.terrain),
            auxiliary: self.auxiliary.over(lower.auxiliary),
            execution: self.execution.over(lower.execution),
        }
    }
}

impl TryFrom<RawOptions> for Options {
    type Error = Vec<InvalidOption>;

    /// Fills in the defaults and checks everything.
    ///
    /// # Errors
    /// All problems at once.
    fn try_from(raw: RawOptions) -> Result<Self, Vec<InvalidOption>> {
        let mut check = Checker::default();
        let given = raw.to_table();
        for row in RawOptions::topics().iter().flat_map(|topic| &topic.rows) {
            if let Some(value) = given.get(row.name) {
                check.range(row, value);
            }
        }
        raw.product.check(&mut check);
        raw.selection.check(&mut check);
        raw.classification.check(&mut check);
        raw.atmosphere.check(&mut check);
        raw.retrieval.check(&mut check);
        raw.execution.check(&mut check);
        let aerosol = raw.atmosphere.aot_550.or(raw.atmosphere.visibility_km).is_some();
        check.conflict(
            raw.retrieval.ddv_output == Some(true)
                && (aerosol || raw.retrieval.aerosol_retrieval == Some(false)),
            "ddv-output needs the retrieval of aerosol, so aot-550, visibility-km and no-aerosol-retrieval exclude it",
        );
        if !check.problems.is_empty() {
            return Err(check.problems);
        }
        Ok(Self {
            product: raw.product.complete(),
            selection: raw.selection.complete(),
            classification: raw.classification.complete(),
            atmosphere: raw.atmosphere.complete(),
            retrieval: raw.retrieval.complete(),
            cirrus: raw.cirrus.complete(),
            terrain: raw.terrain.complete(),
            auxiliary: raw.auxiliary.complete(),
            execution: raw.execution.complete(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sen2cor_io::safe::names::ProcessingBaseline;

    fn raw(set: impl FnOnce(&mut RawOptions)) -> RawOptions {
        let mut raw = RawOptions::default();
        set(&mut raw);
        raw
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        assert_eq!(Options::try_from(RawOptions::default()), Ok(Options::default()));
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let raw = raw(|raw| {
            raw.atmosphere.aot_550 = Some(3.0);
            raw.atmosphere.visibility_km = Some(10.0);
            raw.atmosphere.elevation_km = Some(4.0);
            raw.product.boa_offset = Some(0);
            raw.execution.block_cells = Some(100);
        });
        let problems = Options::try_from(raw).unwrap_err();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(problems.iter().any(|p| p.to_string() == "aot-550 is 3, allowed are 0 to 1.8"));
    }

    #[test]
    fn not_a_number_is_out_of_range() {
        assert!(Options::try_from(raw(|raw| raw.atmosphere.ozone_du = Some(f64::NAN))).is_err());
    }

    #[test]
    fn an_old_encoding_needs_an_old_baseline() {
        let raw = raw(|raw| {
            raw.product.boa_offset = Some(0);
            raw.product.processing_baseline = Some(ProcessingBaseline { major: 3, minor: 1 });
        });
        assert!(Options::try_from(raw).is_ok());
    }

    #[test]
    fn a_visibility_replaces_an_optical_depth_below_it() {
        let flags = raw(|raw| raw.atmosphere.visibility_km = Some(23.0));
        let file = raw(|raw| {
            raw.atmosphere.aot_550 = Some(0.2);
            raw.atmosphere.ozone_du = Some(300.0);
        });
        let both = flags.over(file).atmosphere;
        assert_eq!((both.aot_550, both.visibility_km, both.ozone_du), (None, Some(23.0), Some(300.0)));
    }
}
