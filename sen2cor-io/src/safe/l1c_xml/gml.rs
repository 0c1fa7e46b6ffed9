//! Masks of products before baseline 04.00: GML polygons.

use super::facts::{L1cFacts, compact};
use super::{DETECTOR, group, text};
use crate::xml::Element;

/// The masks that each band has; `MSK_CLOUDS` of the whole tile comes on top.
pub(crate) const MASKS: [&str; 5] = ["MSK_DEFECT", "MSK_DETFOO", "MSK_NODATA", "MSK_SATURA", "MSK_TECQUA"];

/// A mask of a band (`B00`: of all bands). The detector footprint covers the tile; the others are empty.
pub(crate) fn mask(facts: &L1cFacts, kind: &str, band: &str) -> Element {
    let id = format!(
        "{}_OPER_{kind}_{}_{}_A{:06}_T{}_{band}_MSIL1C",
        facts.spacecraft,
        L1cFacts::CENTRE,
        compact(facts.generation_time),
        facts.absolute_orbit,
        facts.mgrs_tile
    );
    let mut document = Element::new("eop:Mask")
        .with_attribute("xmlns:eop", "http://www.opengis.net/eop/2.0")
        .with_attribute("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
        .with_attribute("xmlns:gml", "http://www.opengis.net/gml/3.2")
        .with_attribute("gml:id", id.as_str())
        .with(text("gml:name", format!("{kind} pixels mask from data-strip {id}")));
    if kind != "MSK_DETFOO" {
        document.push(Element::new("eop:maskMembers"));
        return document;
    }
    let (left, upper) = (facts.ground.ulx_m, facts.ground.uly_m);
    let (right, lower) = facts.lower_right_m();
    let reference = format!("urn:ogc:def:crs:EPSG:8.7:{}", facts.ground.epsg);
    let envelope = group(
        "gml:Envelope",
        [
            text("gml:lowerCorner", format!("{left} {lower} 0")),
            text("gml:upperCorner", format!("{right} {upper} 0")),
        ],
    )
    .with_attribute("srsName", reference);
    document.push(group("gml:boundedBy", [envelope]));
    let positions =
        format!("{left} {upper} 0 {right} {upper} 0 {right} {lower} 0 {left} {lower} 0 {left} {upper} 0");
    let ring = group("gml:LinearRing", [text("gml:posList", positions).with_attribute("srsDimension", "3")]);
    let polygon = group("gml:Polygon", [group("gml:exterior", [ring])])
        .with_attribute("gml:id", "DETECTOR_FOOTPRINT.0_Polygon");
    let feature = group(
        "eop:MaskFeature",
        [
            text("eop:maskType", "DETECTOR_FOOTPRINT").with_attribute("codeSpace", "urn:gs2:S2PDGS:maskType"),
            group("eop:extentOf", [polygon]),
        ],
    )
    .with_attribute("gml:id", format!("detector_footprint-{band}-{DETECTOR:02}-0"));
    document.push(group("eop:maskMembers", [feature]));
    document
}
