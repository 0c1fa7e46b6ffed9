//! Writes `manifest.safe`: the package map, the acquisition in short, and every file with size and SHA3-256.
//!
//! Structure as in products from baseline 04.00 on (SAFE 1.1 with XFDU).

use super::manifest_objects::{DataObject, KnownDigests, Level, Unit, collect};
use crate::error::{Error, Result};
use crate::xml::Element;
use sen2cor_core::sensor::Spacecraft;
use std::fs;
use std::path::Path;

/// What the manifest says of the acquisition and the processing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ManifestFacts {
    /// Level of the product.
    pub(crate) level: Level,
    /// Who measured it.
    pub(crate) spacecraft: Spacecraft,
    /// Start of the acquisition (`PRODUCT_START_TIME`), e.g. `2024-10-14T10:10:21.024Z`.
    pub(crate) start_time: String,
    /// When the product was generated (`GENERATION_TIME`).
    pub(crate) generation_time: String,
    /// Absolute orbit.
    pub(crate) absolute_orbit: u32,
    /// Relative orbit, 1 to 143.
    pub(crate) relative_orbit: u32,
    /// `descending` or `ascending`.
    pub(crate) direction: String,
    /// Corners of the area that was seen, latitude and longitude in degrees in turn, the first repeated at the end
    /// (`EXT_POS_LIST` of the product metadata).
    pub(crate) footprint: String,
}

/// Writes the manifest of the product in `folder`, which holds all its other files. Files in `known` are not read.
///
/// # Errors
/// If a file cannot be read or the manifest not be written.
pub(crate) fn write_manifest(folder: &Path, facts: &ManifestFacts, known: &KnownDigests) -> Result<()> {
    let objects = collect(folder, facts.level, known)?;
    let path = folder.join("manifest.safe");
    fs::write(&path, manifest(facts, &objects).to_document()).map_err(|e| Error::io(&path, "writing", e))
}

/// The manifest that lists `objects`.
pub(crate) fn manifest(facts: &ManifestFacts, objects: &[DataObject]) -> Element {
    let version =
        format!("esa/safe/sentinel/1.1/sentinel-2/msi/archive_{}_user_product", facts.level.lower());
    Element::new("xfdu:XFDU")
        .with_attribute("xmlns:gml", "http://www.opengis.net/gml")
        .with_attribute("xmlns:safe", "http://www.esa.int/safe/sentinel/1.1")
        .with_attribute("xmlns:xfdu", "urn:ccsds:schema:xfdu:1")
        .with_attribute("version", version)
        .with(Element::new("informationPackageMap").with(package(facts.level, objects)))
        .with(metadata_section(facts, objects))
        .with(data_section(objects))
}

fn package(level: Level, objects: &[DataObject]) -> Element {
    let name = level.name();
    let mut package = Element::new("xfdu:contentUnit")
        .with_attribute("dmdID", "acquisitionPeriod platform")
        .with_attribute("pdiID", "processing")
        .with_attribute("textInfo", format!("SENTINEL-2 MSI {name} User Product"))
        .with_attribute("unitType", format!("Product_{name}"));
    let of = |unit: Unit| objects.iter().filter(move |o| o.unit == unit);
    for object in of(Unit::Product) {
        package.push(pointing(&format!("Product_Metadata_{name}"), None, "Metadata Unit", object));
    }
    for object in of(Unit::Inspire) {
        package.push(pointing("INSPIRE_Metadata_Unit", None, "Metadata Unit", object));
    }
    if of(Unit::Html).next().is_some() {
        let mut html = container("HTML", "HTML container");
        for object in of(Unit::Html) {
            let id = format!("{}_Unit", object.id.replace("Presentation_Stylesheet", "Stylesheet"));
            html.push(pointing(&id, None, "Data Unit", object));
        }
        package.push(html);
    }
    package.push(datastrips(objects));
    package.push(tiles(objects));
    let mut other = container("AuxData", "Auxiliary Data container");
    for object in of(Unit::Other) {
        other.push(measurement("Auxiliary Data container", object));
    }
    package.push(other);
    package
}

fn datastrips(objects: &[DataObject]) -> Element {
    let mut all = container("Datastrips", "Datastrips Container");
    for n in 1.. {
        let metadata = objects.iter().filter(|o| o.unit == Unit::DatastripMetadata(n));
        let quality = objects.iter().filter(|o| o.unit == Unit::DatastripQuality(n));
        let mut datastrip = container(&format!("Datastrip{n}"), "Datastrip Container");
        for object in metadata {
            datastrip.push(pointing(&format!("{}_Unit", object.id), None, "Metadata Unit", object));
        }
        push_container(&mut datastrip, &format!("QI_DATA_Datastrip{n}"), QUALITY, QUALITY, quality);
        if datastrip.nodes.is_empty() {
            break;
        }
        all.push(datastrip);
    }
    all
}

/// What the package map calls quality files.
const QUALITY: &str = "Quality Control Container";

fn tiles(objects: &[DataObject]) -> Element {
    let mut all = container("Tiles", "Tiles Container");
    for n in 1.. {
        let of = |unit: Unit| objects.iter().filter(move |o| o.unit == unit);
        let mut tile = container(&format!("Tile{n}"), "Tile Container");
        let aux = "Auxiliary Container";
        push_container(&mut tile, &format!("AUX_DATA_GranuleTile{n}"), aux, aux, of(Unit::TileAuxiliary(n)));
        let id = format!("IMG_Data_Tile{n}");
        push_container(
            &mut tile,
            &id,
            "Image Data Container",
            "Image Data container",
            of(Unit::TileImage(n)),
        );
        for object in of(Unit::TileMetadata(n)) {
            tile.push(pointing(&format!("{}_Unit", object.id), None, "Metadata Unit", object));
        }
        push_container(&mut tile, &format!("QI_DATA_Tile{n}"), QUALITY, QUALITY, of(Unit::TileQuality(n)));
        if tile.nodes.is_empty() {
            break;
        }
        all.push(tile);
    }
    all
}

fn push_container<'a>(
    parent: &mut Element,
    id: &str,
    text: &str,
    item_text: &str,
    objects: impl Iterator<Item = &'a DataObject>,
) {
    let mut unit = container(id, text);
    for object in objects {
        unit.push(measurement(item_text, object));
    }
    if !unit.nodes.is_empty() {
        parent.push(unit);
    }
}

fn container(id: &str, text: &str) -> Element {
    Element::new("xfdu:contentUnit").with_attribute("ID", id).with_attribute("textInfo", text)
}

fn measurement(text: &str, object: &DataObject) -> Element {
    let id = match object.id.strip_suffix("Data") {
        Some(start) => format!("{start}Unit"),
        None => format!("{}_Unit", object.id),
    };
    pointing(&id, Some(text), "Measurement Data Unit", object)
}

fn pointing(id: &str, text: Option<&str>, unit_type: &str, object: &DataObject) -> Element {
    let mut unit = Element::new("xfdu:contentUnit").with_attribute("ID", id);
    if let Some(text) = text {
        unit.set_attribute("textInfo", text);
    }
    unit.with_attribute("unitType", unit_type).with(pointer(object))
}

fn pointer(object: &DataObject) -> Element {
    Element::new("dataObjectPointer").with_attribute("dataObjectID", object.id.as_str())
}

fn metadata_section(facts: &ManifestFacts, objects: &[DataObject]) -> Element {
    let mut section = Element::new("metadataSection");
    let text = |name: &str, value: &str| Element::text_element(name, value);
    section.push(wrapped(
        "acquisitionPeriod",
        "Acquisition Period",
        Element::new("safe:acquisitionPeriod").with(text("safe:startTime", &facts.start_time)),
    ));
    section.push(wrapped(
        "measurementOrbitReference",
        "Orbit Reference",
        Element::new("safe:orbitReference")
            .with(
                text("safe:orbitNumber", &format!("{:06}", facts.absolute_orbit))
                    .with_attribute("groundTrackDirection", facts.direction.to_ascii_lowercase())
                    .with_attribute("type", "start"),
            )
            .with(
                text("safe:relativeOrbitNumber", &format!("{:03}", facts.relative_orbit))
                    .with_attribute("type", "start"),
            ),
    ));
    section.push(wrapped("platform", "Platform Description", platform(facts.spacecraft)));
    section.push(wrapped(
        "processing",
        "Processing",
        Element::new("safe:processing")
            .with_attribute("name", format!("Generation of {} User Product", facts.level.name()))
            .with_attribute("start", facts.generation_time.as_str()),
    ));
    section.push(wrapped(
        "measurementFrameSet",
        "Frame Set",
        Element::new("safe:frameSet").with(
            Element::new("safe:footPrint")
                .with_attribute("srsName", "http://www.opengis.net/gml/srs/epsg.xml#4326")
                .with(text("gml:coordinates", &facts.footprint)),
        ),
    ));
    for object in objects {
        if let Unit::Product | Unit::Inspire | Unit::DatastripMetadata(_) | Unit::TileMetadata(_) =
            object.unit
        {
            section.push(
                described(&format!("{}_Information", object.id), "DMD", "DESCRIPTION").with(pointer(object)),
            );
        }
    }
    section
}

fn platform(spacecraft: Spacecraft) -> Element {
    let instrument = Element::new("safe:instrument").with(
        Element::text_element("safe:familyName", "Multi-Spectral Instrument")
            .with_attribute("abbreviation", "MSI"),
    );
    Element::new("safe:platform")
        // All real manifests carry this number, those of S2B and S2C too.
        .with(Element::text_element("safe:nssdcIdentifier", "2015-000A"))
        .with(Element::text_element("safe:familyName", "SENTINEL"))
        .with(Element::text_element("safe:number", spacecraft.short_name().trim_start_matches('S')))
        .with(instrument)
}

fn described(id: &str, category: &str, classification: &str) -> Element {
    Element::new("metadataObject")
        .with_attribute("ID", id)
        .with_attribute("category", category)
        .with_attribute("classification", classification)
}

fn wrapped(id: &str, text: &str, content: Element) -> Element {
    let (category, classification) =
        if id == "processing" { ("PDI", "PROVENANCE") } else { ("DMD", "DESCRIPTION") };
    described(id, category, classification).with(
        Element::new("metadataWrap")
            .with_attribute("mimeType", "text/xml")
            .with_attribute("textInfo", text)
            .with_attribute("vocabularyName", "Sentinel-SAFE")
            .with(Element::new("xmlData").with(content)),
    )
}

fn data_section(objects: &[DataObject]) -> Element {
    let mut section = Element::new("dataObjectSection");
    for object in objects {
        let href = format!("./{}", object.path);
        let stream = Element::new("byteStream")
            .with_attribute("mimeType", object.mime)
            .with_attribute("size", object.size.to_string())
            .with(
                Element::new("fileLocation")
                    .with_attribute("href", href)
                    .with_attribute("locatorType", "URL"),
            )
            .with(
                Element::text_element("checksum", object.sha3_256.to_ascii_uppercase())
                    .with_attribute("checksumName", "SHA3-256"),
            );
        section.push(Element::new("dataObject").with_attribute("ID", object.id.as_str()).with(stream));
    }
    section
}

#[cfg(test)]
mod tests {
    use super::super::manifest_objects::describe;
    use super::*;
    use std::path::PathBuf;

    fn real_manifest(path: &str) -> Option<Element> {
        let data = std::env::var_os("SEN2COR_TEST_DATA")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
        let path = data.join(path).join("manifest.safe");
        match fs::read(&path) {
            Ok(bytes) => Some(Element::parse(&path, &bytes).unwrap()),
            Err(error) => {
                eprintln!("skipped: {}: {error}", path.display());
                None
            }
        }
    }

    fn facts_of(manifest: &Element, level: Level) -> ManifestFacts {
        let text = |name: &str| manifest.find_anywhere(name).unwrap().text();
        let attribute =
            |name: &str, key: &str| manifest.find_anywhere(name).unwrap().attribute(key).unwrap().to_owned();
        ManifestFacts {
            level,
            spacecraft: format!("S{}", text("number")).parse().unwrap(),
            start_time: text("startTime"),
            generation_time: attribute("processing", "start"),
            absolute_orbit: text("orbitNumber").parse().unwrap(),
            relative_orbit: text("relativeOrbitNumber").parse().unwrap(),
            direction: attribute("orbitNumber", "groundTrackDirection"),
            footprint: text("coordinates"),
        }
    }

    /// As the tree but without what carries no meaning: order of attributes, white space, a repeated declaration.
    fn normalised(element: &Element) -> Element {
        let mut element = element.clone();
        element.attributes.retain(|(name, _)| name != "xmlns");
        element.attributes.sort();
        // Digests are written in capitals from baseline 05.00 on, before in small letters.
        let checksum = element.local_name() == "checksum";
        let text = if checksum { element.text().to_ascii_uppercase() } else { element.text() };
        if element.children().next().is_none() {
            element.set_text(text);
        }
        for child in element.children_mut() {
            *child = normalised(child);
        }
        element
    }

    /// From the list of its files and the facts the whole manifest of a real product comes out again.
    #[test]
    fn real_manifests_are_reproduced() {
        for (path, level) in [
            ("metadata/L2A/S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE", Level::L2A),
            ("metadata/L2A/S2A_MSIL2A_20220214T070051_N0400_R120_T38KQA_20220214T085403.SAFE", Level::L2A),
            ("templates/N0510/S2A_MSIL1C_20240120T105341_N0510_R051_T31TCJ_20240120T125244.SAFE", Level::L1C),
        ] {
            let Some(real) = real_manifest(path) else { return };
            let mut files = Vec::new();
            for object in real.find_all("dataObject") {
                let path = object.find("byteStream/fileLocation").unwrap().attribute("href").unwrap();
                let size = object.find("byteStream").unwrap().attribute("size").unwrap().parse().unwrap();
                let digest = object.find("byteStream/checksum").unwrap().text();
                files.push((path.trim_start_matches("./").to_owned(), (size, digest)));
            }
            let paths = files.iter().rev().map(|(path, _)| path.clone()).collect();
            let known = files.into_iter().collect();
            let objects = describe(Path::new("."), paths, level, &known).unwrap();
            let ours = manifest(&facts_of(&real, level), &objects);
            let (ours, real) = (normalised(&ours).to_document(), normalised(&real).to_document());
            let difference = ours.lines().zip(real.lines()).find(|(a, b)| a != b);
            assert_eq!(difference, None, "{path}");
            assert_eq!(ours.len(), real.len(), "{path}");
        }
    }
}
