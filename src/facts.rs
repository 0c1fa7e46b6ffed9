//! What the flow has found out, and the metadata that are made of it.

use crate::aerosol_result::{AerosolMethod, AerosolResult};
use crate::carry::{self, Carried};
use crate::error::{Error, Result};
use crate::finished;
use crate::images::written;
use crate::masks;
use crate::options::Options;
use crate::quality::QualityNote;
use crate::recipe::{Job, Outcome};
use crate::relief::Ground;
use crate::report::ValueUsed;
use crate::stages::terrain::ElevationStatistics;
use crate::stages::water::MapSum;
use crate::stages::write::WrittenFile;
use crate::state::Atmosphere;
use sen2cor_core::classify::{ClassCounts, SceneClass};
use sen2cor_core::grid::Resolution;
use sen2cor_core::masks::{FlagCounts, flag};
use sen2cor_core::sensor::Band;
use sen2cor_core::table::{Note, Notes};
use sen2cor_exec::Finished;
use sen2cor_io::limits::MAX_XML_BYTES;
use sen2cor_io::safe::{
    AotRetrieval, AuxiliaryNames, ClassShares, ImageKind, KnownDigests, L2aFacts, L2aInput, L2aWriter,
    RecordedNote,
};
use sen2cor_io::xml::{Element, part_of_tile};
use std::path::PathBuf;

/// Results of a flow that the metadata need.
pub(crate) struct FlowResults {
    counts: ClassCounts,
    /// Pixels that the quality masks of the input flag; `None` if nobody counted them all.
    flagged: Option<FlagCounts>,
    /// Elevation of the tile, if there is any.
    elevation: Option<ElevationStatistics>,
    /// The ground where there are data, if there is an elevation model and something needed it.
    ground: Option<Ground>,
    /// The factor with which cirrus was taken off.
    cirrus_factor: Option<f64>,
    /// Whether cirrus was looked for in vain.
    cirrus_missed: bool,
    /// What the tables of the correction had to say.
    table: Notes,
    /// `None` if nothing needed it.
    aerosol: Option<AerosolResult>,
    mean_aot_550: f64,
    mean_water_vapour_cm: f64,
    negative_shares: Vec<(Band, f64)>,
    images: Vec<(ImageKind, Resolution, WrittenFile)>,
}

impl FlowResults {
    pub(crate) fn collect(finished: &Finished, outcome: &Outcome) -> Result<Self> {
        let Outcome { class_counts, negatives, images, .. } = outcome;
        let mut counts = ClassCounts::default();
        // A run for a part of the results leaves out what they do not need.
        for part in finished.get(*class_counts).map(Vec::as_slice).unwrap_or_default() {
            for (sum, count) in counts.0.iter_mut().zip(part.0) {
                *sum += count;
            }
        }
        let mut negative_shares = Vec::new();
        for (&band, &value) in negatives {
            let Ok(parts) = finished.get(value) else { continue };
            let negative: u64 = parts.iter().map(|p| p.negative).sum();
            let valid: u64 = parts.iter().map(|p| p.valid).sum();
            negative_shares.push((band, percent(negative, valid)));
        }
        let images = images
            .iter()
            .map(|image| Ok((image.kind, image.resolution, written(finished, image.file)?.clone())))
            .collect::<Result<_>>()?;
        let flagged = match outcome.quality_flags {
            Some(parts) => finished.get(parts).map(|parts| masks::total(parts)).ok(),
            None => Some(FlagCounts::default()),
        };
        let elevation = outcome
            .elevation
            .and_then(|parts| finished.get(parts).ok())
            .map(|p| ElevationStatistics::join(p));
        let cirrus = outcome.cirrus_factor.and_then(|factor| finished.get(factor).ok());
        let table_notes = outcome.table_notes.iter().filter_map(|&notes| finished.get(notes).ok());
        let table = table_notes.flatten().fold(Notes::default(), |all, notes| all.join(*notes));
        Ok(Self {
            counts,
            flagged,
            elevation,
            ground: outcome.ground.and_then(|ground| finished.get(ground).ok()).copied(),
            cirrus_factor: cirrus.and_then(|factor| *factor),
            cirrus_missed: cirrus.is_some_and(Option::is_none),
            table,
            aerosol: finished.get(outcome.aerosol).ok().cloned(),
            mean_aot_550: mean(finished.get(outcome.aot_sum).map(Vec::as_slice).unwrap_or_default()),
            mean_water_vapour_cm: mean(
                finished.get(outcome.water_sum).map(Vec::as_slice).unwrap_or_default(),
            ),
            negative_shares,
            images,
        })
    }

    /// What deserves a note.
    pub(crate) fn notes(&self, atmosphere: &Atmosphere) -> Vec<QualityNote> {
        let aerosol = self.aerosol.as_ref().and_then(|aerosol| match aerosol.method {
            AerosolMethod::Given | AerosolMethod::DarkVegetation => None,
            AerosolMethod::Constant => Some(QualityNote::DefaultAerosol { aot_550: atmosphere.aot_550 }),
            other => Some(QualityNote::AerosolFallback { method: other.name() }),
        });
        let beyond = self.ground.filter(Ground::is_beyond).map(|ground| {
            let (low, _, high) = ground.elevation_km;
            QualityNote::Table { note: Note::Elevation, value: Some(format!("{low:.3} to {high:.3} km")) }
        });
        let cirrus = self.cirrus_missed.then(|| QualityNote::CirrusNotCorrected {
            reason: "there is too little of it, or too little land without".to_owned(),
        });
        aerosol
            .into_iter()
            .chain(cirrus)
            .chain(beyond)
            .chain(atmosphere.more_table_notes(self.table))
            .collect()
    }

    /// What was found, for the report and the product.
    pub(crate) fn values(&self, atmosphere: &Atmosphere) -> Vec<ValueUsed> {
        let value = |name: &str, value: String, source: &str| ValueUsed {
            name: name.to_owned(),
            value,
            source: source.to_owned(),
        };
        let mut values = Vec::new();
        if let Some(aerosol) = self.aerosol.as_ref().filter(|_| atmosphere.retrieves_aerosol()) {
            let method = aerosol.method.name();
            values.push(value("aerosol_type", aerosol.aerosol.to_string(), "used"));
            values.push(value("aerosol_method", method.to_owned(), "retrieval"));
            values.push(value("dark_pixels", aerosol.dark_pixels.to_string(), "retrieval"));
            values.push(value("mean_aot_550", format!("{:.4}", self.mean_aot_550), method));
            if aerosol.checked < aerosol.mean {
                let loads = format!("{:.4} to {:.4}", aerosol.mean, aerosol.checked);
                values.push(value("aerosol_lowered", loads, "too many negative pixels"));
            }
        }
        if atmosphere.retrieves_water() {
            let mean = format!("{:.4}", self.mean_water_vapour_cm);
            values.push(value("mean_water_vapour_cm", mean, "B8A and B09"));
        }
        if let Some(factor) = self.cirrus_factor {
            values.push(value("cirrus_factor", format!("{factor:.2}"), "B10 against B01 to B03 over land"));
        }
        if let Some(ground) = &self.ground {
            let (low, mean, high) = ground.elevation_km;
            let name = "ground_km, lowest mean highest";
            let source = "elevation model where there are data";
            values.push(value(name, format!("{low:.4} {mean:.4} {high:.4}"), source));
            let steep = format!("{:.3}", ground.steep_share * 100.0);
            values.push(value("steep ground, percent", steep, "elevation model where there are data"));
            let used = if ground.rugged { "sloping" } else { "flat, of the mean elevation" };
            values.push(value("ground used", used.to_owned(), "relief-threshold-m, steep-share-threshold"));
        }
        if let Some(elevation) = &self.elevation {
            let (low, high) = elevation.range_m;
            let mean = elevation.sum_m / elevation.pixels.max(1) as f64;
            let name = "elevation_m, lowest mean highest";
            values.push(value(name, format!("{low:.1} {mean:.1} {high:.1}"), "elevation model"));
            let filled = percent(elevation.filled, elevation.pixels);
            values.push(value(
                "elevation gaps taken as sea, percent",
                format!("{filled:.3}"),
                "elevation model",
            ));
        }
        values
    }
}

/// Mean of a map in thousandths over clear pixels.
fn mean(parts: &[MapSum]) -> f64 {
    let (count, sum) = parts.iter().fold((0, 0), |(count, sum), part| (count + part.count, sum + part.sum));
    if count == 0 { 0.0 } else { sum as f64 / count as f64 / 1000.0 }
}

fn percent(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 * 100.0 }
}

/// Writes the metadata and publishes the product.
///
/// # Errors
/// If the input's metadata lack what is needed or a file cannot be written.
pub(crate) fn finish(
    writer: L2aWriter,
    job: &Job<'_>,
    options: &Options,
    results: &FlowResults,
    notes: Vec<RecordedNote>,
) -> Result<PathBuf> {
    let container = &job.product.container;
    let inspire = container
        .exists("INSPIRE.xml")
        .then(|| {
            let bytes = container.read("INSPIRE.xml", MAX_XML_BYTES)?;
            Element::parse(&container.display_path("INSPIRE.xml"), &bytes)
        })
        .transpose()
        .map_err(Error::input)?;
    let has_preview = results.images.iter().any(|(kind, _, _)| *kind == ImageKind::Preview);
    let carried = carry::files(job, writer.names(), has_preview)?;
    let part = job.region.map(|region| part_of_tile(&job.tile.metadata.document, region));
    let part = part.transpose().map_err(Error::input)?;
    let input = L2aInput {
        product: &job.product.metadata.document,
        tile: part.as_ref().unwrap_or(&job.tile.metadata.document),
        is_part: part.is_some(),
        datastrip: job.product.datastrip(job.tile).map(|datastrip| datastrip.document.clone()),
        inspire: inspire.as_ref(),
        copies: carried.iter().map(Carried::copy).collect(),
    };
    let known = known_digests(&writer, results);
    let facts = L2aFacts { record: notes, ..facts(job, options, results) };
    writer.finish(input, &facts, &known).map_err(Error::output)
}

/// Sizes and checksums that were computed while the images were written, by path relative to the product.
fn known_digests(writer: &L2aWriter, results: &FlowResults) -> KnownDigests {
    let relative = |file: &WrittenFile| {
        let path = file.path.strip_prefix(writer.path()).unwrap_or(&file.path);
        path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    results.images.iter().map(|(_, _, file)| (relative(file), (file.bytes, file.sha3_256.clone()))).collect()
}

fn facts(job: &Job<'_>, options: &Options, results: &FlowResults) -> L2aFacts {
    let atmosphere = &job.atmosphere;
    L2aFacts {
        images: results.images.iter().map(|(kind, resolution, _)| (*kind, *resolution)).collect(),
        boa_add_offset: options.product.boa_offset,
        shares: shares(&results.counts),
        aot_retrieval: match results.aerosol.as_ref().map(|aerosol| aerosol.method) {
            Some(AerosolMethod::DarkVegetation) => AotRetrieval::Ddv,
            Some(AerosolMethod::Forecast) => AotRetrieval::Cams,
            _ => AotRetrieval::Default,
        },
        mean_aot_550: results.mean_aot_550,
        mean_water_vapour_cm: results.mean_water_vapour_cm,
        ozone_source: atmosphere.ozone.source,
        ozone_du: atmosphere.ozone.du,
        auxiliary: AuxiliaryNames {
            look_up_tables: vec![atmosphere.table_name.clone()],
            ..job.auxiliary.names.clone()
        },
        negative_shares: results.negative_shares.clone(),
        model: options.atmosphere.model.to_string(),
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        values: values(job, options, results.flagged.as_ref()),
        record: Vec::new(),
    }
}

fn shares(counts: &ClassCounts) -> ClassShares {
    let percentages = counts.percentages();
    let mut classes = [0.0; 11];
    for (share, &percentage) in classes.iter_mut().zip(percentages.0.iter().skip(1)) {
        *share = f64::from(percentage);
    }
    // Without a land map: everything that is not seen as water.
    let clouds = counts.of(SceneClass::CloudMedium)
        + counts.of(SceneClass::CloudHigh)
        + counts.of(SceneClass::ThinCirrus);
    let land = counts.valid() - counts.of(SceneClass::Water);
    ClassShares { no_data: f64::from(percentages.0[0]), classes, cloudy_over_land: percent(clouds, land) }
}

/// What was used, for the quality report.
fn values(job: &Job<'_>, options: &Options, flagged: Option<&FlagCounts>) -> Vec<(String, String)> {
    let name = |name: &str| name.to_uppercase().replace(' ', "_").replace(',', "");
    let values = job.atmosphere.values.iter();
    let values = values.map(|v| (name(&v.name), format!("{} ({})", v.value, v.source)));
    let digest = (finished::DIGEST.to_owned(), finished::options_digest(options, job.region));
    let flags = flag::ALL
        .iter()
        .zip(flagged.map(|flagged| flagged.0).into_iter().flatten())
        .map(|((_, flag), count)| (name(&format!("quality_mask_{flag}_pixels")), count.to_string()));
    values.chain(flags.filter(|_| job.quality_masks)).chain([digest]).collect()
}
