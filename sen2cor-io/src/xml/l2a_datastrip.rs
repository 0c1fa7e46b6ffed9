//! `MTD_DS.xml` of a Level-2A data strip, made from that of the Level-1C data strip.
//!
//! Source: PSD 14.8 and 15.0 (`Level-2A_DataStrip_ID`).

use super::psd::{
    COLLECTION_DOI, Psd, References, archiving, offset_values, push_auxiliary_names, quantification_values,
    text,
};
use super::{Element, Node};
use crate::error::Result;
use crate::safe::names::ProcessingBaseline;
use crate::safe::{L2aFacts, L2aNames};
use std::path::Path;

/// The first baseline that refined the geometry of images with reference images (over Europe, March 2021).
const FIRST_REFINED: ProcessingBaseline = ProcessingBaseline::new(3, 0);

/// The data strip metadata. `l1c` is the root of the Level-1C data strip's metadata; it is taken over, since it holds
/// up to some 20 MB of ephemeris that need not be copied.
///
/// # Errors
/// [`crate::Error::Field`] if a section of the input is absent.
pub(crate) fn datastrip_metadata(mut l1c: Element, names: &L2aNames, facts: &L2aFacts) -> Result<Element> {
    let file = Path::new("MTD_DS.xml");
    let psd = Psd::for_input(&l1c);
    let general = general_info(l1c.require(file, "General_Info")?, names);
    let baseline = l1c.find("General_Info/Processing_Info/PROCESSING_BASELINE").map(Element::text);
    let refined_possible =
        baseline.and_then(|b| b.parse().ok()).is_none_or(|b: ProcessingBaseline| b >= FIRST_REFINED);
    let mut image = image_data(l1c.require(file, "Image_Data_Info")?, names, facts);
    if let Some(geometric) = image.find_mut("Geometric_Info").filter(|_| !refined_possible) {
        complete_refining(geometric);
    }
    let auxiliary = auxiliary_data(l1c.require(file, "Auxiliary_Data_Info")?, facts);
    let mut take = |name: &str| -> Result<Element> {
        l1c.require(file, name)?;
        let position = l1c.nodes.iter().position(|n| matches!(n, Node::Element(e) if e.local_name() == name));
        let mut element = match position.map(|p| l1c.nodes.swap_remove(p)) {
            Some(Node::Element(element)) => element,
            _ => Element::new(name),
        };
        element.name = format!("n1:{name}");
        Ok(element)
    };
    let (satellite, quality) = (take("Satellite_Ancillary_Data_Info")?, take("Quality_Indicators_Info")?);
    let schema = "S2_PDI_Level-2A_Datastrip_Metadata.xsd";
    Ok(psd
        .root("Level-2A_DataStrip_ID", schema, schema)
        .with(general)
        .with(image)
        .with(satellite)
        .with(quality)
        .with(auxiliary))
}

fn general_info(l1c: &Element, names: &L2aNames) -> Element {
    let mut info = Element::new("n1:General_Info");
    for child in l1c.children() {
        match child.local_name() {
            "Datatake_Info" => {
                info.push(child.clone().with_attribute("datatakeIdentifier", names.datatake_id()));
            }
            "Processing_Info" => info.push(
                Element::new("Processing_Info")
                    .with_attribute("metadataLevel", "Expertise")
                    .with(text("PROCESSING_BASELINE", names.baseline.to_string()))
                    .with(text("PRODUCT_DOI", COLLECTION_DOI))
                    .with(text("PROCESSING_CENTER", names.centre.as_str()))
                    .with(text("UTC_DATE_TIME", format!("{}Z", names.creation_seconds()))),
            ),
            "Archiving_Info" => info.push(archiving(names)),
            _ => info.push(child.clone()),
        }
    }
    info
}

fn image_data(l1c: &Element, names: &L2aNames, facts: &L2aFacts) -> Element {
    let mut image = Element::new("n1:Image_Data_Info");
    for child in l1c.children() {
        match child.local_name() {
            "Tiles_Information" => image.push(tiles(names)),
            "Radiometric_Info" => image.push(radiometric_info(child, facts)),
            _ => image.push(child.clone()),
        }
    }
    image
}

/// Data strips of baselines 02.05 to 02.09 do not say that their geometry is not refined; the specification wants it.
fn complete_refining(geometric: &mut Element) {
    if geometric.find("Image_Refining").is_none() {
        let position =
            geometric.nodes.iter().position(|n| matches!(n, Node::Element(e) if e.local_name() == "RGM"));
        let refining = Element::new("Image_Refining").with_attribute("flag", "NOT_REFINED");
        geometric.nodes.insert(position.map_or(0, |p| p + 1), Node::Element(refining));
    }
}

fn tiles(names: &L2aNames) -> Element {
    let tile = Element::new("Tile").with_attribute("tileId", names.tile_id());
    Element::new("Tiles_Information")
        .with_attribute("metadataLevel", "Standard")
        .with(Element::new("Tile_List").with(tile))
}

fn radiometric_info(l1c: &Element, facts: &L2aFacts) -> Element {
    let mut info = Element::new(l1c.name.as_str());
    info.attributes.clone_from(&l1c.attributes);
    for child in l1c.children() {
        match child.local_name() {
            "QUANTIFICATION_VALUE" => {
                info.push(quantification_values());
                if let Some(offsets) = offset_values(facts.boa_add_offset) {
                    info.push(offsets);
                }
            }
            "Radiometric_Offset_List" => {}
            _ => info.push(child.clone()),
        }
    }
    info
}

fn auxiliary_data(l1c: &Element, facts: &L2aFacts) -> Element {
    let references = References::new(l1c, facts);
    let mut auxiliary = Element::new("n1:Auxiliary_Data_Info").with_attribute("metadataLevel", "Standard");
    for name in ["IERS_Bulletin", "GIPP_List"] {
        if let Some(element) = l1c.find(name) {
            auxiliary.push(element.clone());
        }
    }
    let list = [
        references.ecmwf,
        references.cams,
        Some(references.elevation),
        references.bulletin,
        Some(references.images),
    ];
    for element in list.into_iter().flatten() {
        auxiliary.push(element);
    }
    push_auxiliary_names(&mut auxiliary, facts);
    auxiliary
}
