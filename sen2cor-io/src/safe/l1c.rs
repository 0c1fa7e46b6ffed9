//! A Level-1C product: metadata and the files of every tile.
//!
//! Source: Sentinel-2 Product Specification Document and the products themselves. Archives leave files out, so only
//! what processing cannot do without is required here: product metadata and tile metadata. A missing image is an
//! error when it is asked for; everything else that is missing is a finding.

use super::container::Container;
use super::l1c_tile::L1cTile;
use super::manifest::{MANIFEST, Manifest};
use super::names::{ProcessingBaseline, ProductFormat};
use crate::error::{Error, Result};
use crate::limits::MAX_XML_BYTES;
use crate::xml::{DatastripMetadata, Element, ProductMetadata};
use sen2cor_core::sensor::Band;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The newest baseline whose products were at hand.
const NEWEST_KNOWN_BASELINE: ProcessingBaseline = ProcessingBaseline::new(5, 11);

/// An opened Level-1C product.
#[derive(Clone, Debug)]
pub struct L1cProduct {
    /// The files.
    pub container: Container,
    /// Path of the product metadata, relative to the product.
    pub metadata_path: String,
    /// The product metadata.
    pub metadata: ProductMetadata,
    /// The datastrips; archives often leave them out.
    pub datastrips: Vec<DatastripMetadata>,
    /// The tiles, at least one, in the order of their folders. Products before December 2016 have several.
    pub tiles: Vec<L1cTile>,
    /// The manifest, if there is one.
    pub manifest: Option<Manifest>,
    granules_without_metadata: Vec<String>,
}

/// Something to tell the user about a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Present, missing or odd.
    pub kind: FindingKind,
    /// What it is about, e.g. "33UUB image B05".
    pub subject: String,
    /// The path, or the reason.
    pub detail: String,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FindingKind {
    /// It is there.
    Present,
    /// It is not there.
    Missing,
    /// The product can be read, but the result deserves a look.
    Warning,
}

impl L1cProduct {
    /// Opens a product: see [`Container::open`] for what `path` may be.
    ///
    /// # Errors
    /// [`Error::NotAProduct`] if it is something else, [`Error::Missing`] if no tile is there, [`Error::Xml`] and
    /// [`Error::Field`] if metadata are damaged or contradict each other.
    pub fn open(path: &Path) -> Result<Self> {
        let container = Container::open(path)?;
        let metadata_path = product_metadata_path(&container)?;
        let document = read_xml(&container, &metadata_path)?;
        if let Some(level) =
            document.local_name().strip_suffix("_User_Product").filter(|level| *level != "Level-1C")
        {
            return Err(not_a_product(&container, format!("its metadata say {level}")));
        }
        let metadata = ProductMetadata::from_document(&container.display_path(&metadata_path), document)?;
        let manifest = Manifest::of(&container)?;
        let (tiles, granules_without_metadata) = open_tiles(&container, &metadata)?;
        let datastrips = open_datastrips(&container)?;
        Ok(Self {
            container,
            metadata_path,
            metadata,
            datastrips,
            tiles,
            manifest,
            granules_without_metadata,
        })
    }

    /// The datastrip of a tile, if its metadata are there. A product has mostly one, which then serves all tiles.
    pub fn datastrip(&self, tile: &L1cTile) -> Option<&DatastripMetadata> {
        let folder = datastrip_folder(&tile.metadata.datastrip_id);
        let found =
            self.datastrips.iter().find(|d| d.folder == tile.metadata.datastrip_id || d.folder == folder);
        found.or_else(|| if self.datastrips.len() == 1 { self.datastrips.first() } else { None })
    }

    /// What is there, what is missing and what is odd.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.metadata.baseline > NEWEST_KNOWN_BASELINE {
            findings.push(Finding {
                kind: FindingKind::Warning,
                subject: "processing baseline".to_owned(),
                detail: format!("{} is newer than {NEWEST_KNOWN_BASELINE}", self.metadata.baseline),
            });
        }
        findings.push(present_or_missing("manifest", self.manifest.as_ref().map(|_| MANIFEST)));
        let datastrip = self.datastrips.first().map(|datastrip| datastrip.folder.as_str());
        findings.push(present_or_missing("datastrip metadata", datastrip));
        let inspire = "INSPIRE.xml";
        findings
            .push(present_or_missing("INSPIRE metadata", self.container.exists(inspire).then_some(inspire)));
        for folder in &self.granules_without_metadata {
            findings.push(Finding {
                kind: FindingKind::Warning,
                subject: "tile".to_owned(),
                detail: format!("{folder} has no metadata and is left out"),
            });
        }
        for granule in &self.metadata.granules {
            if !self.tiles.iter().any(|tile| tile.metadata.tile_id == granule.granule_id) {
                findings.push(present_or_missing(&format!("tile {}", granule.granule_id), None));
            }
        }
        for tile in &self.tiles {
            self.tile_findings(tile, &mut findings);
        }
        findings
    }

    fn tile_findings(&self, tile: &L1cTile, findings: &mut Vec<Finding>) {
        let name = &tile.metadata.mgrs_tile;
        let mut add = |what: &str, path: Option<&str>| {
            findings.push(present_or_missing(&format!("{name} {what}"), path));
        };
        for band in Band::ALL {
            add(&format!("image {band}"), tile.images.get(&band).map(String::as_str));
        }
        add("preview image", tile.preview.as_deref());
        if self.metadata.format == ProductFormat::Compact {
            add("true colour image", tile.true_colour.as_deref());
        }
        add("weather (AUX_ECMWFT)", tile.aux_ecmwf.as_deref());
        if self.metadata.baseline >= ProcessingBaseline::WITH_OFFSETS {
            add("aerosol forecast (AUX_CAMSFO)", tile.aux_cams.as_deref());
        }
        for mask in &tile.metadata.masks {
            let there = tile.masks.iter().find(|m| (&m.kind, m.band) == (&mask.kind, mask.band));
            let band = mask.band.map_or_else(String::new, |band| format!(" {band}"));
            add(&format!("mask {}{band}", mask.kind), there.map(|m| m.path.as_str()));
        }
        let warning = |detail: &str| Finding {
            kind: FindingKind::Warning,
            subject: format!("{name} angles"),
            detail: detail.to_owned(),
        };
        if tile.metadata.sun_grid.is_none() {
            findings.push(warning("no grid of sun angles"));
        }
        if tile.metadata.view_grids.is_empty() {
            findings.push(warning("no grids of view angles"));
        }
        if tile.metadata.mean_sun.zenith_deg > 70.0 {
            findings.push(warning(&format!(
                "the sun is low, zenith {:.1} degrees",
                tile.metadata.mean_sun.zenith_deg
            )));
        }
    }
}

fn present_or_missing(subject: &str, path: Option<&str>) -> Finding {
    let kind = if path.is_some() { FindingKind::Present } else { FindingKind::Missing };
    Finding { kind, subject: subject.to_owned(), detail: path.unwrap_or_default().to_owned() }
}

/// Reads and parses one of the product's XML files.
pub(super) fn read_xml(container: &Container, relative: &str) -> Result<Element> {
    Element::parse(&container.display_path(relative), &container.read(relative, MAX_XML_BYTES)?)
}

fn is_xml(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"))
}

fn not_a_product(container: &Container, reason: String) -> Error {
    Error::NotAProduct { path: container.path().to_owned(), reason }
}

/// `MTD_MSIL1C.xml`, or in old products `S2?_OPER_MTD_SAFL1C_*.xml`.
fn product_metadata_path(container: &Container) -> Result<String> {
    let top: Vec<&String> = container.files().iter().filter(|file| !file.contains('/')).collect();
    let old = |file: &str| file.starts_with("S2") && file.contains("_OPER_MTD_SAFL1C") && is_xml(file);
    let found =
        top.iter().find(|file| **file == "MTD_MSIL1C.xml").or_else(|| top.iter().find(|file| old(file)));
    if let Some(file) = found {
        return Ok((*file).clone());
    }
    let other = top.iter().find_map(|file| {
        let level = file
            .strip_prefix("MTD_MSI")
            .or_else(|| file.split_once("_OPER_MTD_SAF").map(|(_, rest)| rest))?;
        Some(level.trim_end_matches(".xml").split('_').next()?.to_owned())
    });
    Err(not_a_product(
        container,
        match other {
            Some(level) => format!("it is a Level-{} product", level.trim_start_matches('L')),
            None => "neither MTD_MSIL1C.xml nor S2?_OPER_MTD_SAFL1C_*.xml is in it".to_owned(),
        },
    ))
}

/// The names of the folders directly below a folder of the product.
fn folders_below(container: &Container, folder: &str) -> Vec<String> {
    let skip = folder.len() + 1;
    let mut names: Vec<String> = container
        .files_below(folder)
        .filter_map(|file| file.get(skip..)?.split_once('/').map(|(name, _)| name.to_owned()))
        .collect();
    names.dedup();
    names
}

/// The only XML file directly in a folder that is named like metadata.
fn metadata_in(container: &Container, folder: &str, short: &str, long: &str) -> Option<String> {
    let files = || container.files_below(folder).filter(|file| file.matches('/').count() == 2);
    let name = |file: &&str| file.rsplit('/').next().unwrap_or_default().to_owned();
    let is_old = |file: &&str| {
        let name = name(file);
        name.starts_with("S2") && name.contains(long) && is_xml(&name)
    };
    files().find(|file| name(file) == short).or_else(|| files().find(is_old)).map(str::to_owned)
}

fn open_tiles(container: &Container, product: &ProductMetadata) -> Result<(Vec<L1cTile>, Vec<String>)> {
    let (mut tiles, mut without) = (Vec::new(), Vec::new());
    for name in folders_below(container, "GRANULE") {
        let folder = format!("GRANULE/{name}");
        match metadata_in(container, &folder, "MTD_TL.xml", "_MTD_L1C_TL_") {
            Some(file) => tiles.push(L1cTile::open(container, &folder, &file, product)?),
            None => without.push(folder),
        }
    }
    if tiles.is_empty() {
        let path = without.first().map_or_else(|| "GRANULE".to_owned(), Clone::clone);
        let what = "the tile metadata (MTD_TL.xml or S2?_OPER_MTD_L1C_TL_*.xml)".to_owned();
        return Err(Error::Missing { path: container.display_path(&path), what });
    }
    Ok((tiles, without))
}

fn open_datastrips(container: &Container) -> Result<Vec<DatastripMetadata>> {
    let mut datastrips = Vec::new();
    for name in folders_below(container, "DATASTRIP") {
        let folder = format!("DATASTRIP/{name}");
        if let Some(file) = metadata_in(container, &folder, "MTD_DS.xml", "_MTD_L1C_DS_") {
            let document = read_xml(container, &file)?;
            let mut datastrip = DatastripMetadata::from_document(&container.display_path(&file), document)?;
            datastrip.folder = name;
            datastrips.push(datastrip);
        }
    }
    Ok(datastrips)
}

/// The folder of a datastrip in compact products: `S2A_OPER_MSI_L1C_DS_SGS__20170226T171842_S20170226T102458_N02.04`
/// lies in `DS_SGS__20170226T171842_S20170226T102458`.
fn datastrip_folder(id: &str) -> String {
    let short = id.find("_DS_").and_then(|at| id.get(at + 1..)).unwrap_or(id);
    match short.rfind("_N") {
        Some(end) => short.get(..end).unwrap_or(short).to_owned(),
        None => short.to_owned(),
    }
}
