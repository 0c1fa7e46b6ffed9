//! `L2A_QUALITY.xml`, the report on classification and correction in the tile's `QI_DATA`.
//!
//! Structure: `L2A_QUALITY.xsd` of PSD 14.8 and reports of real products. Beyond those it names the correction model
//! and what else processing wants to be known.

use super::Element;
use super::psd::{Psd, number, percentage, text};
use crate::safe::{L2aFacts, L2aNames};

/// The report. `psd` decides how class 2 is called.
pub(crate) fn quality_report(psd: Psd, names: &L2aNames, facts: &L2aFacts) -> Element {
    let date = format!("{}Z", names.creation_seconds());
    let namespace = "http://gs2.esa.int/DATA_STRUCTURE/l2aqiReport";
    let report = Element::new("report")
        .with_attribute("gippVersion", facts.software_version.as_str())
        .with_attribute("globalStatus", "PASSED")
        .with_attribute("date", date)
        .with(list("L2A_SC", "SCENE_CLASS_QUALITY", names, facts).with(classification(psd, facts)))
        .with(correction(list("L2A_AC", "ATMOSPHERIC_CORRECTION_QUALITY", names, facts), facts))
        .with(sources(list("L2A_AUX", "AUX_DATA_QUALITY", names, facts), facts));
    Element::new("L2A_Quality_File")
        .with_attribute("xmlns", namespace)
        .with_attribute("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
        .with_attribute("xsi:schemaLocation", format!("{namespace} L2A_QUALITY.xsd"))
        .with(Element::new("L2A_Quality_Header").with(header(names, facts)))
        .with(Element::new("Data_Block").with_attribute("type", "xml").with(report))
}

fn header(names: &L2aNames, facts: &L2aFacts) -> Element {
    let creation = format!("UTC={}", names.creation_seconds());
    Element::new("Fixed_Header")
        .with(text("File_Name", "L2A_QUALITY"))
        .with(text("File_Description", "Quality information of the Level-2A processing"))
        .with(Element::new("Notes"))
        .with(text("Mission", names.spacecraft.short_name()))
        .with(text("File_Class", "USER"))
        .with(text("File_Type", "L2A_QLINFO"))
        .with(
            Element::new("Validity_Period")
                .with(text("Validity_Start", "UTC=2015-06-22T00:00:00"))
                .with(text("Validity_Stop", "UTC=2100-01-01T00:00:00")),
        )
        .with(text("File_Version", "1"))
        .with(
            Element::new("Source")
                .with(text("System", "sen2cor"))
                .with(text("Creator", "sen2cor"))
                .with(text("Creator_Version", facts.software_version.as_str()))
                .with(text("Creation_Date", creation)),
        )
}

fn list(parent: &str, name: &str, names: &L2aNames, facts: &L2aFacts) -> Element {
    Element::new("checkList")
        .with(text("parentID", parent))
        .with(text("name", name))
        .with(text("version", facts.software_version.as_str()))
        .with(
            Element::new("item")
                .with_attribute("class", "http://www.esa.int/s2#pdi_level_2a_tile_container")
                .with_attribute("className", "PDI Level 2A Tile Folder")
                .with_attribute("name", names.tile_id())
                .with_attribute("url", names.granule()),
        )
}

fn check(message: &str, values: impl IntoIterator<Item = (String, String)>) -> Element {
    let mut extra = Element::new("extraValues");
    for (name, value) in values {
        extra.push(text("value", value).with_attribute("name", name));
    }
    Element::new("check")
        .with(text("message", message).with_attribute("contentType", "text/plain"))
        .with(extra)
}

fn classification(psd: Psd, facts: &L2aFacts) -> Element {
    let [saturated, dark, shadow, vegetation, bare, water, unclassified, medium, high, cirrus, snow] =
        facts.shares.classes;
    let values = [
        ("CLOUDY_PIXEL_PERCENTAGE", facts.shares.cloudy()),
        ("CLOUDY_PIXEL_OVER_LAND_PERCENTAGE", facts.shares.cloudy_over_land),
        ("NODATA_PIXEL_PERCENTAGE", facts.shares.no_data),
        ("SATURATED_DEFECTIVE_PIXEL_PERCENTAGE", saturated),
        (psd.class_2().1, dark),
        ("CLOUD_SHADOW_PERCENTAGE", shadow),
        ("VEGETATION_PERCENTAGE", vegetation),
        ("NOT_VEGETATED_PERCENTAGE", bare),
        ("WATER_PERCENTAGE", water),
        ("UNCLASSIFIED_PERCENTAGE", unclassified),
        ("MEDIUM_PROBA_CLOUDS_PERCENTAGE", medium),
        ("HIGH_PROBA_CLOUDS_PERCENTAGE", high),
        ("THIN_CIRRUS_PERCENTAGE", cirrus),
        ("SNOW_ICE_PERCENTAGE", snow),
    ];
    check("Percentage of classified pixels", values.map(|(name, value)| (name.to_owned(), percentage(value))))
}

fn correction(mut list: Element, facts: &L2aFacts) -> Element {
    let named = |name: &str, value: String| (name.to_owned(), value);
    list.push(check(
        "Atmospheric correction quality values",
        [
            named("GRANULE_MEAN_AOT", number(facts.mean_aot_550)),
            named("GRANULE_MEAN_WV", number(facts.mean_water_vapour_cm)),
            named("OZONE_VALUE", number(facts.ozone_du)),
        ],
    ));
    let flag = |value: bool| if value { "True".to_owned() } else { "False".to_owned() };
    list.push(check(
        "Atmospheric correction quality control",
        [
            named("MODEL", facts.model.clone()),
            named("AOT_RETRIEVAL_METHOD", facts.aot_retrieval.name().to_owned()),
            named("AOT_ABOVE_1", flag(facts.mean_aot_550 > 1.0)),
            named("GRANULE_WV_ABOVE_5_CM", flag(facts.mean_water_vapour_cm > 5.0)),
        ],
    ));
    if !facts.negative_shares.is_empty() {
        let shares = facts.negative_shares.iter();
        list.push(check(
            "Percentage of negative BOA pixels",
            shares.map(|(band, share)| named(band.name(), percentage(*share))),
        ));
    }
    if !facts.values.is_empty() {
        list.push(check("Values used", facts.values.iter().cloned()));
    }
    for (message, warnings) in [("Fallbacks", false), ("Warnings", true)] {
        let notes = facts.record.iter().filter(|note| note.is_warning == warnings);
        let notes: Vec<_> = notes.map(|note| (note.code.clone(), note.message.clone())).collect();
        if !notes.is_empty() {
            list.push(check(message, notes));
        }
    }
    let tables = facts.auxiliary.look_up_tables.join(" ");
    list.with(check("Look up table file list", [named("LUT_DATA_FILES", tables)]))
}

fn sources(list: Element, facts: &L2aFacts) -> Element {
    let none = || "NONE".to_owned();
    list.with(check(
        "AUX related parameters",
        [
            ("DEM_TYPE".to_owned(), facts.auxiliary.elevation.clone().unwrap_or_else(none)),
            ("OZONE_SOURCE".to_owned(), facts.ozone_source.name().to_owned()),
        ],
    ))
}
