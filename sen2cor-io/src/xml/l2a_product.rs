//! `MTD_MSIL2A.xml`, made from the metadata of the Level-1C product and what processing found out.
//!
//! Source: PSD 14.8 and 15.0 (`User_Product_Level-2A`), pairs of real products of both levels, and for inputs before
//! PSD 14 the elements that were renamed since.

use super::Element;
use super::footprint::Footprint;
use super::psd::{
    COLLECTION_DOI, Psd, References, offset_values, percentage, push_auxiliary_names,
    push_content_indicators, push_copy, quantification_values, text,
};
use crate::error::Result;
use crate::safe::{ImageKind, L2aFacts, L2aNames};
use std::path::Path;

/// Names of the checks; the elements of old products end in `_FLAG` behind one of them.
const CHECKS: [&str; 5] =
    ["FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "RADIOMETRIC_QUALITY", "SENSOR_QUALITY"];

/// The product metadata. `l1c` is the root of `MTD_MSIL1C.xml`; `footprint` replaces that of the input.
///
/// # Errors
/// [`crate::Error::Field`] if a section of the input is absent.
pub(crate) fn product_metadata(
    l1c: &Element,
    names: &L2aNames,
    facts: &L2aFacts,
    footprint: Option<&Footprint>,
) -> Result<Element> {
    let file = Path::new("MTD_MSIL1C.xml");
    let psd = Psd::for_input(l1c);
    let info = l1c.require(file, "General_Info/Product_Info")?;
    let characteristics = l1c.require(file, "General_Info/Product_Image_Characteristics")?;
    let general = Element::new("n1:General_Info")
        .with(product_info(info, names, facts))
        .with(image_characteristics(characteristics, psd, facts));
    let mut geometric = l1c.require(file, "Geometric_Info")?.clone();
    "n1:Geometric_Info".clone_into(&mut geometric.name);
    if let (Some(list), Some(footprint)) = (geometric.find_anywhere_mut("EXT_POS_LIST"), footprint) {
        list.set_text(footprint.list());
    }
    let auxiliary = auxiliary_data(l1c.require(file, "Auxiliary_Data_Info")?, facts);
    let quality = quality_indicators(l1c.require(file, "Quality_Indicators_Info")?, psd, names, facts);
    Ok(psd
        .root("Level-2A_User_Product", "User_Product_Level-2A.xsd", "S2_User_Product_Level-2A_Metadata.xsd")
        .with(general)
        .with(geometric)
        .with(auxiliary)
        .with(quality))
}

fn product_info(l1c: &Element, names: &L2aNames, facts: &L2aFacts) -> Element {
    let mut info = Element::new("Product_Info");
    push_copy(&mut info, l1c, "PRODUCT_START_TIME");
    push_copy(&mut info, l1c, "PRODUCT_STOP_TIME");
    info.push(text("PRODUCT_URI", names.product()));
    info.push(text("PROCESSING_LEVEL", "Level-2A"));
    info.push(text("PRODUCT_TYPE", "S2MSI2A"));
    info.push(text("PROCESSING_BASELINE", names.baseline.to_string()));
    info.push(text("PRODUCT_DOI", COLLECTION_DOI));
    info.push(text("GENERATION_TIME", names.generation_time()));
    info.push(text("PREVIEW_IMAGE_URL", "Not applicable"));
    info.push(text("PREVIEW_GEO_INFO", "Not applicable"));
    if let Some(datatake) = l1c.find("Datatake") {
        info.push(datatake.clone().with_attribute("datatakeIdentifier", names.datatake_id()));
    }
    info.push(
        Element::new("Query_Options")
            .with_attribute("completeSingleTile", "true")
            .with(text("PRODUCT_FORMAT", "SAFE_COMPACT")),
    );
    info.with(Element::new("Product_Organisation").with(granule_list(names, facts)))
}

fn granule_list(names: &L2aNames, facts: &L2aFacts) -> Element {
    let mut granule = Element::new("Granule")
        .with_attribute("datastripIdentifier", names.datastrip_id())
        .with_attribute("granuleIdentifier", names.tile_id())
        .with_attribute("imageFormat", "JPEG2000");
    let mut images: Vec<_> = facts.images.iter().filter(|(kind, _)| kind.is_listed()).copied().collect();
    images.sort_by_key(|(kind, resolution): &(ImageKind, _)| (*resolution, kind.order()));
    images.dedup();
    for (kind, resolution) in images {
        let path = names.image(kind, resolution);
        granule.push(text("IMAGE_FILE", path.trim_end_matches(".jp2")));
    }
    Element::new("Granule_List").with(granule)
}

fn image_characteristics(l1c: &Element, psd: Psd, facts: &L2aFacts) -> Element {
    let mut characteristics = Element::new("Product_Image_Characteristics");
    let push_all = |target: &mut Element, name: &str| {
        for element in l1c.children_named(name) {
            target.push(element.clone());
        }
    };
    push_all(&mut characteristics, "Special_Values");
    push_all(&mut characteristics, "Image_Display_Order");
    characteristics.push(quantification_values());
    if let Some(offsets) = offset_values(facts.boa_add_offset) {
        characteristics.push(offsets);
    }
    for name in ["Reflectance_Conversion", "Spectral_Information_List", "PHYSICAL_GAINS", "REFERENCE_BAND"] {
        push_all(&mut characteristics, name);
    }
    characteristics.with(scene_classes(psd))
}

fn scene_classes(psd: Psd) -> Element {
    let mut list = Element::new("Scene_Classification_List");
    for (index, name) in [
        "SC_NODATA",
        "SC_SATURATED_DEFECTIVE",
        psd.class_2().0,
        "SC_CLOUD_SHADOW",
        "SC_VEGETATION",
        "SC_NOT_VEGETATED",
        "SC_WATER",
        "SC_UNCLASSIFIED",
        "SC_CLOUD_MEDIUM_PROBA",
        "SC_CLOUD_HIGH_PROBA",
        "SC_THIN_CIRRUS",
        "SC_SNOW_ICE",
    ]
    .into_iter()
    .enumerate()
    {
        list.push(
            Element::new("Scene_Classification_ID")
                .with(text("SCENE_CLASSIFICATION_TEXT", name))
                .with(text("SCENE_CLASSIFICATION_INDEX", index.to_string())),
        );
    }
    list
}

fn auxiliary_data(l1c: &Element, facts: &L2aFacts) -> Element {
    let references = References::new(l1c, facts);
    let mut auxiliary = Element::new("n1:Auxiliary_Data_Info");
    push_copy(&mut auxiliary, l1c, "GIPP_List");
    auxiliary.push(references.elevation);
    let rest = [references.bulletin, Some(references.images), references.ecmwf, references.cams];
    for element in rest.into_iter().flatten() {
        auxiliary.push(element);
    }
    push_auxiliary_names(&mut auxiliary, facts);
    auxiliary
}

fn quality_indicators(l1c: &Element, psd: Psd, names: &L2aNames, facts: &L2aFacts) -> Element {
    let mut quality = Element::new("n1:Quality_Indicators_Info");
    quality.push(text("Cloud_Coverage_Assessment", percentage(facts.shares.cloudy())));
    push_copy(&mut quality, l1c, "Technical_Quality_Assessment");
    quality.push(control_checks(l1c, names));
    let mut content = Element::new("Image_Content_QI");
    content.push(text("CLOUDY_PIXEL_OVER_LAND_PERCENTAGE", percentage(facts.shares.cloudy_over_land)));
    push_content_indicators(&mut content, psd, facts);
    quality.with(content)
}

/// The checks of the input with that of this processing, by name.
fn control_checks(l1c: &Element, names: &L2aNames) -> Element {
    let input = l1c.find("Quality_Control_Checks");
    let mut results: Vec<(String, String)> = Vec::new();
    for check in input.and_then(|c| c.find("Quality_Inspections")).into_iter().flat_map(Element::children) {
        let name = check.attribute("checkType").unwrap_or(check.local_name()).trim_end_matches("_FLAG");
        results.push((name.to_owned(), check.text()));
    }
    results.push(("L2A_QUALITY".to_owned(), "PASSED".to_owned()));
    results.sort();
    let mut inspections = Element::new("Quality_Inspections");
    for (name, result) in results {
        inspections.push(text("quality_check", result).with_attribute("checkType", name));
    }
    let mut failed = Element::new("Failed_Inspections");
    for report in input.and_then(|c| c.find("Failed_Inspections")).into_iter().flat_map(Element::children) {
        failed.push(failed_report(report, names));
    }
    Element::new("Quality_Control_Checks").with(inspections).with(failed)
}

/// A failed check of the input: the report is that of the input, the identifier ours, as in real products.
fn failed_report(report: &Element, names: &L2aNames) -> Element {
    let mut report = report.clone();
    for (name, value) in &mut report.attributes {
        match name.as_str() {
            "datastripId" => *value = names.datastrip_id(),
            "granuleId" | "tileId" => *value = names.tile_id(),
            _ => {}
        }
    }
    for file in report.children_mut().filter(|e| e.local_name() == "REPORT_FILENAME") {
        let old = file.text();
        let short = CHECKS.into_iter().find(|check| old.contains(check));
        file.set_text(short.map_or(old, |check| format!("{check}.xml")));
    }
    report
}
