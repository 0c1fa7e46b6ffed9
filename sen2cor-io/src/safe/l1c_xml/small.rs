//! The small documents: `INSPIRE.xml`, quality reports and the HTML page.

use super::facts::{L1cFacts, iso};
use super::{group, text};
use crate::xml::Element;

const CODES: &str = "http://standards.iso.org/ittf/PubliclyAvailableStandards/ISO_19139_Schemas/resources/Codelist/ML_gmxCodelists.xml";

/// ISO 19139 metadata of the product.
pub(crate) fn inspire(facts: &L1cFacts) -> Element {
    let day = facts.generation_time.strftime("%Y-%m-%d").to_string();
    let contact = |role: &str| {
        group(
            "gmd:CI_ResponsibleParty",
            [
                string("gmd:organisationName", "sen2cor simulation"),
                group("gmd:role", [code("gmd:CI_RoleCode", role)]),
            ],
        )
    };
    Element::new("gmd:MD_Metadata")
        .with_attribute("xmlns:gco", "http://www.isotc211.org/2005/gco")
        .with_attribute("xmlns:gmd", "http://www.isotc211.org/2005/gmd")
        .with_attribute("xmlns:gml", "http://www.opengis.net/gml")
        .with(string("gmd:fileIdentifier", &facts.product_name()))
        .with(group("gmd:language", [language()]))
        .with(group("gmd:hierarchyLevel", [code("gmd:MD_ScopeCode", "dataset")]))
        .with(group("gmd:contact", [contact("pointOfContact")]))
        .with(group("gmd:dateStamp", [text("gco:Date", &day)]))
        .with(string("gmd:metadataStandardName", "ISO19115"))
        .with(string("gmd:metadataStandardVersion", "2003/Cor.1:2006"))
        .with(group("gmd:identificationInfo", [identification(facts, &day, contact("user"))]))
}

fn string(name: &str, value: &str) -> Element {
    group(name, [text("gco:CharacterString", value)])
}

fn code(name: &str, value: &str) -> Element {
    let list = name.trim_start_matches("gmd:");
    text(name, value)
        .with_attribute("codeList", format!("{CODES}#{list}"))
        .with_attribute("codeListValue", value)
}

fn language() -> Element {
    text("gmd:LanguageCode", "eng")
        .with_attribute("codeList", "http://www.loc.gov/standards/iso639-2/")
        .with_attribute("codeListValue", "eng")
}

fn identification(facts: &L1cFacts, day: &str, contact: Element) -> Element {
    let dated = group(
        "gmd:CI_Date",
        [
            group("gmd:date", [text("gco:Date", day)]),
            group("gmd:dateType", [code("gmd:CI_DateTypeCode", "creation")]),
        ],
    );
    let citation =
        group("gmd:CI_Citation", [string("gmd:title", &facts.product_name()), group("gmd:date", [dated])]);
    let corners = facts.corners();
    let bound = |name: &str, value: f64| group(name, [text("gco:Decimal", format!("{value:.12}"))]);
    let least = |of: fn(f64, f64) -> f64, from: f64, latitude: bool| {
        corners.iter().map(|c| if latitude { c.latitude_deg } else { c.longitude_deg }).fold(from, of)
    };
    let bounds = group(
        "gmd:EX_GeographicBoundingBox",
        [
            bound("gmd:westBoundLongitude", least(f64::min, f64::INFINITY, false)),
            bound("gmd:eastBoundLongitude", least(f64::max, f64::NEG_INFINITY, false)),
            bound("gmd:southBoundLatitude", least(f64::min, f64::INFINITY, true)),
            bound("gmd:northBoundLatitude", least(f64::max, f64::NEG_INFINITY, true)),
        ],
    );
    group(
        "gmd:MD_DataIdentification",
        [
            group("gmd:citation", [citation]),
            string("gmd:abstract", &facts.footprint()),
            group("gmd:pointOfContact", [contact]),
            group("gmd:language", [language()]),
            group("gmd:topicCategory", [text("gmd:MD_TopicCategoryCode", "imageryBaseMapsEarthCover")]),
            group("gmd:extent", [group("gmd:EX_Extent", [group("gmd:geographicElement", [bounds])])]),
        ],
    )
}

/// A quality report without findings. `item` is the identifier of the tile or data strip.
pub(crate) fn quality_report(facts: &L1cFacts, check: &str, item: &str, path: &str) -> Element {
    let made = iso(facts.generation_time);
    let date = facts.generation_time.strftime("UTC=%Y-%m-%dT%H:%M:%S").to_string();
    let header = group(
        "Fixed_Header",
        [
            text("File_Name", path),
            text("File_Description", "Report of a simulated product: nothing was inspected"),
            Element::new("Notes"),
            text("Mission", facts.spacecraft),
            text("File_Class", "OPER"),
            text("File_Type", "REP_OLQCPA"),
            group(
                "Validity_Period",
                [
                    text("Validity_Start", "UTC=2015-06-22T00:00:00"),
                    text("Validity_Stop", "UTC=2100-01-01T00:00:00"),
                ],
            ),
            text("File_Version", 1),
            group(
                "Source",
                [
                    text("System", "sen2cor"),
                    text("Creator", "sen2cor simulate"),
                    text("Creator_Version", env!("CARGO_PKG_VERSION")),
                    text("Creation_Date", date),
                ],
            ),
        ],
    );
    let inspection = Element::new("inspection")
        .with_attribute("creation", made.as_str())
        .with_attribute("duration", "0")
        .with_attribute("execution", made.as_str())
        .with_attribute("id", "Simulated")
        .with_attribute("item", item)
        .with_attribute("itemURL", "")
        .with_attribute("name", "Simulated product")
        .with_attribute("priority", "5")
        .with_attribute("processingStatus", "done")
        .with_attribute("status", "PASSED");
    let message =
        text("message", "A simulated product is not inspected.").with_attribute("contentType", "text/plain");
    let list = group(
        "checkList",
        [
            text("parentID", "S2A_OPER_GIP_OLQCPA_MPC__20180528T000018_V20150622T000000"),
            text("name", check),
            text("version", "1.0"),
            Element::new("item")
                .with_attribute("class", "http://www.esa.int/s2#pdi_level_1c_container")
                .with_attribute("className", "PDI Level 1C Folder")
                .with_attribute("name", item)
                .with_attribute("url", ""),
            group("check", [inspection, message]),
        ],
    );
    let report = group("report", [list])
        .with_attribute("date", made)
        .with_attribute("gippVersion", "1.0")
        .with_attribute("globalStatus", "PASSED");
    Element::new("Earth_Explorer_File")
        .with_attribute("xmlns", "http://gs2.esa.int/DATA_STRUCTURE/olqcReport")
        .with(group("Earth_Explorer_Header", [header]))
        .with(group("Data_Block", [report]).with_attribute("type", "xml"))
}

/// The page of the product for a browser.
pub(crate) fn html(facts: &L1cFacts) -> String {
    let name = facts.product_name();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{name}</title></head>\n<body>\n\
         <h1>{name}</h1>\n<p>Simulated Level-1C product of tile T{}, {}.</p>\n</body>\n</html>\n",
        facts.mgrs_tile,
        iso(facts.sensing_time)
    )
}

/// A style sheet that shows the product metadata as a list of the names and values.
pub(crate) fn stylesheet() -> Element {
    let row =
        group("li", [Element::new("xsl:value-of").with_attribute("select", "concat(local-name(), ': ', .)")]);
    let each = group("xsl:for-each", [row]).with_attribute("select", "//*[not(*)]");
    let page = group("html", [group("body", [group("ul", [each])])]);
    Element::new("xsl:stylesheet")
        .with_attribute("version", "1.0")
        .with_attribute("xmlns:xsl", "http://www.w3.org/1999/XSL/Transform")
        .with(group("xsl:template", [page]).with_attribute("match", "/"))
}
