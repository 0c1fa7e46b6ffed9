//! Datastrip metadata of Level-1C: `MTD_DS.xml`, in products before December 2016 `S2A_OPER_MTD_L1C_DS_*.xml`.
//!
//! Source: Sentinel-2 Product Specification Document, versions 12 to 15, and the files of real products.

use super::Element;
use super::fields::{expect_root, optional, psd_version, required};
use crate::error::Result;
use sen2cor_core::sensor::Spacecraft;
use std::path::Path;

/// Name of the root element.
pub(crate) const ROOT: &str = "Level-1C_DataStrip_ID";
const INFO: &str = "General_Info";
const SPECIFIC: &str = "General_Info/PROCESSING_SPECIFIC_PARAMETERS/PROCESSING_SPECIFIC_PARAMETERS";

/// What the metadata of a Level-1C datastrip say.
#[derive(Clone, Debug, PartialEq)]
pub struct DatastripMetadata {
    /// Name of its folder below `DATASTRIP`; empty if the document was read on its own.
    pub folder: String,
    /// Version of the Product Specification Document, 12 to 15 so far.
    pub psd_version: u32,
    /// The spacecraft.
    pub spacecraft: Spacecraft,
    /// E.g. `GS2A_20161205T101402_007598_N02.04`.
    pub datatake_identifier: String,
    /// Absolute orbit, if the datatake's identifier has it.
    pub absolute_orbit: Option<u32>,
    /// Start of sensing of the datatake, UTC, as written.
    pub datatake_sensing_start: String,
    /// Start of sensing, UTC, as written.
    pub sensing_start: String,
    /// End of sensing, UTC, as written.
    pub sensing_stop: String,
    /// Where the Level-1C product was processed.
    pub processing_centre: Option<String>,
    /// Where it was archived.
    pub archiving_centre: Option<String>,
    /// Range of the surroundings of a pixel that a simulated product was made with, km.
    pub simulated_adjacency_km: Option<f64>,
    /// The whole document.
    pub document: Element,
}

/// The number behind `ADJACENCY_KM=` in the parameters of a simulated product.
fn simulated_adjacency_km(parameters: &str) -> Option<f64> {
    let mut entries = parameters.split(';').map(str::trim);
    if !entries.clone().any(|entry| entry == "SIMULATED=true") {
        return None;
    }
    let value = entries.find_map(|entry| entry.strip_prefix("ADJACENCY_KM="))?;
    value.parse().ok().filter(|km| (0.0..=10.0).contains(km))
}

impl DatastripMetadata {
    /// Reads a document. `file` is what messages call it.
    ///
    /// # Errors
    /// [`crate::Error::Xml`] if it is damaged, [`crate::Error::Field`] if a field is absent or holds something else
    /// than expected.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self> {
        Self::from_document(file, Element::parse(file, bytes)?)
    }

    /// Reads a document that is parsed already.
    ///
    /// # Errors
    /// [`crate::Error::Field`] if a field is absent or holds something else than expected.
    pub fn from_document(file: &Path, document: Element) -> Result<Self> {
        expect_root(file, &document, ROOT)?;
        let root = &document;
        let info = |path: &str| required(file, root, format!("{INFO}/{path}"));
        let text = |path: &str| optional(file, root, path).map(|field| field.text()).transpose();
        let datatake_identifier = info("Datatake_Info")?.attribute("datatakeIdentifier")?.to_owned();
        Ok(Self {
            folder: String::new(),
            psd_version: psd_version(file, root)?,
            spacecraft: info("Datatake_Info/SPACECRAFT_NAME")?
                .value("Sentinel-2A, Sentinel-2B, Sentinel-2C or Sentinel-2D")?,
            absolute_orbit: datatake_identifier.split('_').nth(2).and_then(|digits| digits.parse().ok()),
            datatake_identifier,
            datatake_sensing_start: info("Datatake_Info/DATATAKE_SENSING_START")?.time()?,
            sensing_start: info("Datastrip_Time_Info/DATASTRIP_SENSING_START")?.time()?,
            sensing_stop: info("Datastrip_Time_Info/DATASTRIP_SENSING_STOP")?.time()?,
            processing_centre: text("General_Info/Processing_Info/PROCESSING_CENTER")?,
            archiving_centre: text("General_Info/Archiving_Info/ARCHIVING_CENTRE")?,
            simulated_adjacency_km: text(SPECIFIC)?.as_deref().and_then(simulated_adjacency_km),
            document,
        })
    }
}
