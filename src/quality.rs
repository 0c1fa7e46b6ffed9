//! The quality record: every fallback and every warning of a run, in one typed list.
//!
//! What stands in it goes to the log at once, and to the summary and the product's metadata at the end. **To add a kind,
//! add a variant and its line in `code`, `severity` and `fmt`**, and call [`QualityRecord::add`] where it happens.

use crate::gipp::NotHonoured;
use sen2cor_core::grid::Block;
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::table;
use sen2cor_io::safe::{Finding, RecordedNote};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;
use std::path::PathBuf;

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; it does not make the result worse.
    Information,
    /// Something better was not there, so something else was used.
    Fallback,
    /// The result deserves a look.
    Warning,
}

/// A fallback or a warning.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum QualityNote {
    /// Something that the user asked for, in the original's terms, has no effect here.
    NotHonoured(NotHonoured),
    /// Only a part of the results was asked for.
    PartOfResults,
    /// The product is that of a part of the tile.
    RegionOfTile {
        /// The part, on the 10 m grid.
        region: Block,
    },
    /// The input lacks something or has something odd.
    Input(Finding),
    /// Without manifest the files cannot be checked for damage.
    NoManifest,
    /// A weather file of the product is damaged.
    WeatherUnreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// Bands have no quality masks, so their defective and saturated pixels are not marked.
    NoQualityMasks {
        /// The bands.
        bands: Vec<Band>,
    },
    /// No snow climatology: snow is possible everywhere.
    NoSnowClimatology,
    /// The climatology says that there is never snow here.
    SnowImpossible,
    /// A map does not cover the tile.
    MapElsewhere {
        /// What it is.
        map: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// No elevation model: flat ground of one elevation.
    NoElevationModel {
        /// The elevation that was used.
        elevation_km: f64,
    },
    /// The elevation is to be written, but there is none.
    NoElevationToWrite,
    /// Nothing told the ozone column.
    DefaultOzone {
        /// The column that was used.
        ozone_du: f64,
    },
    /// Nothing told the aerosol, so a default holds for the whole tile.
    DefaultAerosol {
        /// The optical depth at 550 nm that was used.
        aot_550: f64,
    },
    /// There was no dark vegetation, so the aerosol comes from somewhere else.
    AerosolFallback {
        /// From where.
        method: &'static str,
    },
    /// Cirrus is not taken off, although it was asked for.
    CirrusNotCorrected {
        /// Why.
        reason: String,
    },
    /// Nothing told the water vapour, so that of the season holds for the whole tile.
    DefaultWaterVapour {
        /// The column that was used.
        water_vapour_cm: f64,
    },
    /// The tables lack a spacecraft, and the responses of another one were used.
    ResponsesBorrowed {
        /// The spacecraft that measured.
        spacecraft: Spacecraft,
    },
    /// Something lies beyond a table, or where it is less certain.
    Table {
        /// What.
        note: table::Note,
        /// Its value with unit, where it is known.
        value: Option<String>,
    },
}

impl QualityNote {
    /// A word for scripts, as in the metadata.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotHonoured(_) => "NOT_HONOURED",
            Self::PartOfResults => "PART_OF_RESULTS",
            Self::RegionOfTile { .. } => "REGION_OF_TILE",
            Self::Input(_) => "INPUT",
            Self::NoManifest => "NO_MANIFEST",
            Self::WeatherUnreadable { .. } => "WEATHER_UNREADABLE",
            Self::NoQualityMasks { .. } => "NO_QUALITY_MASKS",
            Self::NoSnowClimatology => "NO_SNOW_CLIMATOLOGY",
            Self::SnowImpossible => "SNOW_IMPOSSIBLE",
            Self::MapElsewhere { .. } => "MAP_ELSEWHERE",
            Self::NoElevationModel { .. } => "NO_ELEVATION_MODEL",
            Self::NoElevationToWrite => "NO_ELEVATION_TO_WRITE",
            Self::DefaultOzone { .. } => "DEFAULT_OZONE",
            Self::DefaultAerosol { .. } => "DEFAULT_AEROSOL",
            Self::AerosolFallback { .. } => "AEROSOL_FALLBACK",
            Self::CirrusNotCorrected { .. } => "CIRRUS_NOT_CORRECTED",
            Self::DefaultWaterVapour { .. } => "DEFAULT_WATER_VAPOUR",
            Self::ResponsesBorrowed { .. } => "RESPONSES_BORROWED",
            Self::Table { .. } => "TABLE_RANGE",
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::NoSnowClimatology
            | Self::SnowImpossible
            | Self::PartOfResults
            | Self::RegionOfTile { .. } => Severity::Information,
            Self::NoQualityMasks { .. }
            | Self::NoElevationModel { .. }
            | Self::DefaultOzone { .. }
            | Self::DefaultAerosol { .. }
            | Self::AerosolFallback { .. }
            | Self::CirrusNotCorrected { .. }
            | Self::DefaultWaterVapour { .. } => Severity::Fallback,
            Self::NotHonoured(_)
            | Self::NoElevationToWrite
            | Self::Input(_)
            | Self::NoManifest
            | Self::WeatherUnreadable { .. }
            | Self::MapElsewhere { .. }
            | Self::ResponsesBorrowed { .. }
            | Self::Table { .. } => Severity::Warning,
        }
    }
}

impl fmt::Display for QualityNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHonoured(NotHonoured { parameter, value, reason }) => {
                write!(f, "{parameter} ({value}) is not honoured: {reason}")
            }
            Self::PartOfResults => {
                f.write_str("a part of the results was asked for; metadata of what was not computed are 0")
            }
            Self::RegionOfTile { region: Block { row, col, rows, cols } } => write!(
                f,
                "images, shares of classes and means are those of a region, which is a box, also around polygons: rows {row} to {}, \
                 columns {col} to {} of the tile's 10 m grid; masks that are images are left out",
                row + rows - 1,
                col + cols - 1
            ),
            Self::Input(finding) => write!(f, "{}: {}", finding.subject, finding.detail),
            Self::NoManifest => f.write_str("manifest: missing, so the files are not checked for damage"),
            Self::WeatherUnreadable { reason } => write!(f, "{reason}; it is not used"),
            Self::NoQualityMasks { bands } => {
                let names: Vec<_> = bands.iter().map(|band| band.name()).collect();
                write!(
                    f,
                    "no quality masks of {}, so their defective and saturated pixels are not marked",
                    names.join(", ")
                )
            }
            Self::NoSnowClimatology => {
                f.write_str("no snow climatology is used: snow is possible everywhere")
            }
            Self::SnowImpossible => f.write_str("the climatology says that there is never snow here"),
            Self::MapElsewhere { map, path } => {
                write!(f, "the {map} {} does not cover the tile and is not used", path.display())
            }
            Self::NoElevationModel { elevation_km } => {
                write!(f, "no elevation model is used: flat ground at {elevation_km} km")
            }
            Self::NoElevationToWrite => f.write_str("dem-output: there is no elevation to write"),
            Self::DefaultOzone { ozone_du } => write!(f, "ozone is the default, {ozone_du} DU"),
            Self::DefaultAerosol { aot_550 } => {
                write!(f, "aerosol is the default, an optical depth of {aot_550:.4} everywhere")
            }
            Self::AerosolFallback { method } => write!(f, "no dark vegetation: aerosol from {method}"),
            Self::CirrusNotCorrected { reason } => write!(f, "cirrus is not taken off: {reason}"),
            Self::DefaultWaterVapour { water_vapour_cm } => {
                write!(f, "water vapour is that of the season, {water_vapour_cm:.4} cm everywhere")
            }
            Self::ResponsesBorrowed { spacecraft } => {
                write!(f, "{} ({spacecraft})", table::Note::Borrowed)
            }
            Self::Table { note, value: None } => write!(f, "{note}"),
            Self::Table { note, value: Some(value) } => write!(f, "{note} ({value})"),
        }
    }
}

impl Serialize for QualityNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("code", self.code())?;
        map.serialize_entry("severity", &self.severity())?;
        map.serialize_entry("message", &self.to_string())?;
        map.end()
    }
}

/// A note and what it is about.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct QualityEntry {
    /// The tile, e.g. `33UUB`; `None` if it is about the whole input.
    pub tile: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub note: QualityNote,
}

/// All notes of a run, each of them once.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub struct QualityRecord {
    entries: Vec<QualityEntry>,
}

impl QualityRecord {
    /// Adds a note and logs it, unless it is there already.
    pub fn add(&mut self, tile: Option<&str>, note: QualityNote) {
        let entry = QualityEntry { tile: tile.map(str::to_owned), note };
        if self.entries.contains(&entry) {
            return;
        }
        let about = tile.map(|tile| format!("{tile}: ")).unwrap_or_default();
        let code = entry.note.code();
        match entry.note.severity() {
            Severity::Warning => tracing::warn!(code, "{about}{}", entry.note),
            Severity::Fallback | Severity::Information => tracing::info!(code, "{about}{}", entry.note),
        }
        self.entries.push(entry);
    }

    /// The notes, in the order in which they came.
    pub fn entries(&self) -> &[QualityEntry] {
        &self.entries
    }

    /// What belongs into the metadata of a tile's product: notes on it and on the input.
    pub(crate) fn of_tile(&self, tile: &str) -> Vec<RecordedNote> {
        let concerned = self.entries.iter().filter(|e| e.tile.as_deref().is_none_or(|t| t == tile));
        concerned
            .map(|entry| RecordedNote {
                code: entry.note.code().to_owned(),
                message: entry.note.to_string(),
                is_warning: entry.note.severity() == Severity::Warning,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stand_once_and_go_to_the_tiles_that_they_concern() {
        let mut record = QualityRecord::default();
        record.add(None, QualityNote::NoManifest);
        for _ in 0..2 {
            record.add(Some("33UUB"), QualityNote::DefaultOzone { ozone_du: 331.0 });
        }
        record.add(Some("33UUC"), QualityNote::NoSnowClimatology);
        assert_eq!(record.entries().len(), 3);
        let codes: Vec<_> = record.of_tile("33UUB").into_iter().map(|note| note.code).collect();
        assert_eq!(codes, ["NO_MANIFEST", "DEFAULT_OZONE"]);
    }

    #[test]
    fn the_summary_has_code_severity_and_message() {
        let mut record = QualityRecord::default();
        record.add(Some("33UUB"), QualityNote::DefaultOzone { ozone_du: 331.0 });
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(
            json,
            r#"[{"tile":"33UUB","code":"DEFAULT_OZONE","severity":"fallback","message":"ozone is the default, 331 DU"}]"#
        );
    }
}
