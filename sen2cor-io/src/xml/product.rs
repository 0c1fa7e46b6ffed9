//! Product metadata of Level-1C: `MTD_MSIL1C.xml`, in products before December 2016 `S2A_OPER_MTD_SAFL1C_*.xml`.
//!
//! Source: Sentinel-2 Product Specification Document, versions 12 to 15, and the files of real products.

use super::Element;
use super::fields::{Field, expect_root, optional, per_band, psd_version, quoted, required};
use crate::error::{Error, Result};
use crate::safe::names::{ProcessingBaseline, ProductFormat};
use sen2cor_core::sensor::Spacecraft;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Name of the root element.
pub(crate) const ROOT: &str = "Level-1C_User_Product";
const INFO: &str = "General_Info/Product_Info";
const IMAGE: &str = "General_Info/Product_Image_Characteristics";

/// Whether the spacecraft flew north or south.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrbitDirection {
    /// Towards the north.
    Ascending,
    /// Towards the south, the usual daylight pass.
    Descending,
}

/// A tile as the product metadata list it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GranuleRef {
    /// Long identifier of the tile.
    pub granule_id: String,
    /// Long identifier of its datastrip.
    pub datastrip_id: String,
    /// Images as listed, without `.jp2`; since December 2016 with the path inside the product, before without.
    pub image_files: Vec<String>,
}

/// What the metadata of a Level-1C product say.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductMetadata {
    /// Name of the product; in products with long names that of a tile.
    pub product_uri: String,
    /// Version of the processing chain.
    pub baseline: ProcessingBaseline,
    /// Version of the Product Specification Document, 12 to 15 so far.
    pub psd_version: u32,
    /// Compact or old layout.
    pub format: ProductFormat,
    /// The spacecraft.
    pub spacecraft: Spacecraft,
    /// E.g. `GS2A_20161205T101402_007598_N02.04`.
    pub datatake_identifier: String,
    /// Start of the datatake, UTC, as written.
    pub datatake_sensing_start: String,
    /// Relative orbit, 1 to 143.
    pub orbit_number: u32,
    /// Direction of the flight.
    pub orbit_direction: OrbitDirection,
    /// Start of sensing, UTC, as written.
    pub product_start_time: String,
    /// End of sensing, UTC, as written.
    pub product_stop_time: String,
    /// When the product was made, UTC, as written.
    pub generation_time: String,
    /// Digital numbers per unit of reflectance.
    pub quantification: f64,
    /// What is added to a stored value before it is divided, by `bandId`; 0 before baseline 04.00.
    pub radio_add_offset: [i32; 13],
    /// Stored value of missing samples.
    pub no_data_value: u16,
    /// Stored value of saturated samples.
    pub saturated_value: u16,
    /// Solar irradiance at the top of the atmosphere by `bandId`, W/m2/um.
    pub solar_irradiance_w_m2_um: [f64; 13],
    /// Factor `U` for the distance of the sun.
    pub sun_distance_correction: f64,
    /// The tiles, at least one.
    pub granules: Vec<GranuleRef>,
    /// Latitude and longitude of the corners of the footprint, degrees; empty if the metadata have none.
    pub footprint: Vec<(f64, f64)>,
    /// Cloud cover as assessed at Level-1C.
    pub cloud_coverage_percent: Option<f64>,
    /// The whole document.
    pub document: Element,
}

impl ProductMetadata {
    /// Reads a document. `file` is what messages call it.
    ///
    /// # Errors
    /// [`Error::Xml`] if it is damaged, [`Error::Field`] if a field is absent or holds something else than expected.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self> {
        Self::from_document(file, Element::parse(file, bytes)?)
    }

    /// Reads a document that is parsed already.
    ///
    /// # Errors
    /// [`Error::Field`] if a field is absent or holds something else than expected.
    pub fn from_document(file: &Path, document: Element) -> Result<Self> {
        expect_root(file, &document, ROOT)?;
        let root = &document;
        let info = |path: &str| required(file, root, format!("{INFO}/{path}"));
        let image = |path: &str| required(file, root, format!("{IMAGE}/{path}"));
        Ok(Self {
            product_uri: info("PRODUCT_URI")?.text()?,
            baseline: info("PROCESSING_BASELINE")?.value("a processing baseline such as 05.10")?,
            psd_version: psd_version(file, root)?,
            format: format(file, root)?,
            spacecraft: info("Datatake/SPACECRAFT_NAME")?
                .value("Sentinel-2A, Sentinel-2B, Sentinel-2C or Sentinel-2D")?,
            datatake_identifier: info("Datatake")?.attribute("datatakeIdentifier")?.to_owned(),
            datatake_sensing_start: info("Datatake/DATATAKE_SENSING_START")?.time()?,
            orbit_number: info("Datatake/SENSING_ORBIT_NUMBER")?.number(1..=143)?,
            orbit_direction: orbit_direction(file, root)?,
            product_start_time: info("PRODUCT_START_TIME")?.time()?,
            product_stop_time: info("PRODUCT_STOP_TIME")?.time()?,
            generation_time: info("GENERATION_TIME")?.time()?,
            quantification: image("QUANTIFICATION_VALUE")?.number(1.0..=1e6)?,
            radio_add_offset: radio_add_offset(file, root)?,
            no_data_value: special_value(file, root, "NODATA")?,
            saturated_value: special_value(file, root, "SATURATED")?,
            solar_irradiance_w_m2_um: solar_irradiance(file, root)?,
            sun_distance_correction: image("Reflectance_Conversion/U")?.number(0.9..=1.1)?,
            granules: granules(file, root)?,
            footprint: footprint(file, root)?,
            cloud_coverage_percent: optional(file, root, "Quality_Indicators_Info/Cloud_Coverage_Assessment")
                .map(|field| field.number(0.0..=100.0))
                .transpose()?,
            document,
        })
    }
}

fn format(file: &Path, root: &Element) -> Result<ProductFormat> {
    let path = format!("{INFO}/Query_Options/PRODUCT_FORMAT");
    let field = required(file, root, path)?;
    match field.text()?.as_str() {
        "SAFE_COMPACT" => Ok(ProductFormat::Compact),
        "SAFE" => Ok(ProductFormat::Standard),
        _ => Err(field.wrong("SAFE_COMPACT or SAFE")),
    }
}

fn orbit_direction(file: &Path, root: &Element) -> Result<OrbitDirection> {
    let path = format!("{INFO}/Datatake/SENSING_ORBIT_DIRECTION");
    let field = required(file, root, path)?;
    match field.text()?.as_str() {
        "ASCENDING" => Ok(OrbitDirection::Ascending),
        "DESCENDING" => Ok(OrbitDirection::Descending),
        _ => Err(field.wrong("ASCENDING or DESCENDING")),
    }
}

/// Products before baseline 04.00 have no list; one that is there must be complete.
fn radio_add_offset(file: &Path, root: &Element) -> Result<[i32; 13]> {
    let path = format!("{IMAGE}/Radiometric_Offset_List");
    match root.find(&path) {
        None => Ok([0; 13]),
        Some(list) => per_band((file, list, &path), ("RADIO_ADD_OFFSET", "band_id"), |offset| {
            offset.number(-32_768..=32_767)
        }),
    }
}

fn solar_irradiance(file: &Path, root: &Element) -> Result<[f64; 13]> {
    let path = format!("{IMAGE}/Reflectance_Conversion/Solar_Irradiance_List");
    let list = root.require(file, &path)?;
    per_band((file, list, &path), ("SOLAR_IRRADIANCE", "bandId"), |value| value.number(1.0..=5000.0))
}

fn special_value(file: &Path, root: &Element, name: &str) -> Result<u16> {
    let parent = root.require(file, IMAGE)?;
    let path = format!("{IMAGE}/Special_Values");
    let found = parent
        .children_named("Special_Values")
        .find(|values| values.find("SPECIAL_VALUE_TEXT").is_some_and(|text| text.text() == name));
    let values = found.ok_or_else(|| Error::field(file, &path, format!("a value for {name}"), "none"))?;
    let path = format!("{path}[{name}]/SPECIAL_VALUE_INDEX");
    Field::new(file, path, values.require(file, "SPECIAL_VALUE_INDEX")?).number(0..=u16::MAX)
}

fn granules(file: &Path, root: &Element) -> Result<Vec<GranuleRef>> {
    let path = format!("{INFO}/Product_Organisation");
    let organisation = root.require(file, &path)?;
    let mut found = Vec::new();
    for list in organisation.children_named("Granule_List") {
        for element in list.children().filter(|e| matches!(e.local_name(), "Granule" | "Granules")) {
            let path = format!("{path}/Granule_List/{}", element.local_name());
            let field = Field::new(file, path, element);
            let images = element.children().filter(|e| matches!(e.local_name(), "IMAGE_FILE" | "IMAGE_ID"));
            found.push(GranuleRef {
                granule_id: field.attribute("granuleIdentifier")?.to_owned(),
                datastrip_id: field.attribute("datastripIdentifier")?.to_owned(),
                image_files: images.map(Element::text).collect(),
            });
        }
    }
    if found.is_empty() {
        return Err(Error::field(file, format!("{path}/Granule_List"), "at least one tile", "none"));
    }
    Ok(found)
}

fn footprint(file: &Path, root: &Element) -> Result<Vec<(f64, f64)>> {
    let path = "Geometric_Info/Product_Footprint/Product_Footprint/Global_Footprint/EXT_POS_LIST";
    let Some(element) = root.find(path) else { return Ok(Vec::new()) };
    let wrong = |found: &str| Error::field(file, path, "pairs of latitude and longitude", quoted(found));
    let mut values = Vec::new();
    for word in element.text().split_whitespace() {
        values.push(word.parse::<f64>().map_err(|_| wrong(word))?);
    }
    let (pairs, rest) = values.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong(&format!("{} numbers", values.len())));
    }
    let inside = |&[lat, lon]: &[f64; 2]| lat.abs() <= 90.0 && lon.abs() <= 360.0;
    match pairs.iter().find(|pair| !inside(pair)) {
        Some([lat, lon]) => Err(wrong(&format!("{lat} {lon}"))),
        None => Ok(pairs.iter().map(|&[lat, lon]| (lat, lon)).collect()),
    }
}
