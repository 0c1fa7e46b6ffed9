//! Masks as GML: `eop:Mask` documents with one polygon per feature.

use crate::error::{Error, Result};
use crate::xml::Element;
use sen2cor_core::masks::{Polygon, flag};
use std::path::Path;

/// What a feature of a mask marks, as far as it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskType {
    /// The footprint of a detector, 1 to 12.
    Detector(u8),
    /// One of the flags of [`sen2cor_core::masks::flag`].
    Flag(u8),
    /// Opaque clouds or cirrus, as found at Level-1C.
    Cloud,
    /// Anything else, such as pixels that were corrected for crosstalk.
    Other,
}

/// A polygon of a mask.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskFeature {
    /// What it marks.
    pub kind: MaskType,
    /// Where.
    pub polygon: Polygon,
}

/// The features of a mask document. `file` is what errors call it, `epsg` is the system of the tile, in which the
/// coordinates must be.
///
/// # Errors
/// [`Error::Field`] if the document is no mask, is in another system, or holds something else than numbers.
pub fn read_gml(file: &Path, document: &Element, epsg: u32) -> Result<Vec<MaskFeature>> {
    if document.local_name() != "Mask" {
        return Err(Error::field(file, "root element", "Mask", document.local_name()));
    }
    check_system(file, document, epsg)?;
    let Some(members) = document.children_named("maskMembers").next() else { return Ok(Vec::new()) };
    let mut features = Vec::new();
    for feature in members.children_named("MaskFeature") {
        features.push(MaskFeature { kind: kind_of(file, feature)?, polygon: polygon_of(file, feature)? });
    }
    Ok(features)
}

/// Masks without features name no system.
fn check_system(file: &Path, document: &Element, epsg: u32) -> Result<()> {
    let Some(envelope) = document.find("boundedBy/Envelope") else { return Ok(()) };
    let name = envelope.attribute("srsName").unwrap_or_default();
    let code = name.rsplit(':').next().unwrap_or_default();
    if code == epsg.to_string() {
        Ok(())
    } else {
        Err(Error::field(file, "boundedBy/Envelope@srsName", format!("EPSG:{epsg}, as the tile"), name))
    }
}

fn kind_of(file: &Path, feature: &Element) -> Result<MaskType> {
    let kind = feature.require_text(file, "maskType")?;
    Ok(match kind.as_str() {
        "DETECTOR_FOOTPRINT" => MaskType::Detector(detector_of(file, feature)?),
        "QT_NODATA_PIXELS" => MaskType::Flag(flag::NO_DATA),
        "QT_DEFECTIVE_PIXELS" => MaskType::Flag(flag::DEFECTIVE),
        kind if kind.starts_with("QT_SATURATED_PIXELS") => MaskType::Flag(flag::SATURATED),
        "OPAQUE" | "CIRRUS" => MaskType::Cloud,
        _ => MaskType::Other,
    })
}

/// The number of a detector is in the feature's identifier: `detector_footprint-B03-09-0`.
fn detector_of(file: &Path, feature: &Element) -> Result<u8> {
    let id = feature.attribute("id").unwrap_or_default();
    let number = id.split('-').nth(2).and_then(|digits| digits.parse().ok());
    number.filter(|number| (1..=12).contains(number)).ok_or_else(|| {
        Error::field(file, "MaskFeature@gml:id", "an identifier such as detector_footprint-B03-09-0", id)
    })
}

fn polygon_of(file: &Path, feature: &Element) -> Result<Polygon> {
    let polygon = feature.require(file, "extentOf/Polygon")?;
    let mut rings = Vec::new();
    for side in polygon.children().filter(|e| matches!(e.local_name(), "exterior" | "interior")) {
        let list = side.require(file, "LinearRing/posList")?;
        let wrong = |found: &str| {
            let found = found.chars().take(40).collect::<String>();
            Error::field(file, "LinearRing/posList", "coordinates in metres, two or three a point", found)
        };
        let dimension = match list.attribute("srsDimension") {
            None | Some("2") => 2,
            Some("3") => 3,
            Some(other) => return Err(wrong(other)),
        };
        let text = list.text();
        let numbers: Vec<f64> = text
            .split_ascii_whitespace()
            .map(|word| word.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| wrong(word)))
            .collect::<Result<_>>()?;
        if !numbers.len().is_multiple_of(dimension) {
            return Err(wrong(&format!("{} numbers", numbers.len())));
        }
        rings.push(numbers.chunks_exact(dimension).map(|point| (point[0], point[1])).collect());
    }
    Ok(Polygon { rings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(kind: &str, id: &str, positions: &str) -> String {
        format!(
            r#"<eop:Mask xmlns:eop="e" xmlns:gml="g"><gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs:EPSG:8.7:32632"/>
            </gml:boundedBy><eop:maskMembers><eop:MaskFeature gml:id="{id}"><eop:maskType>{kind}</eop:maskType><eop:extentOf>
            <gml:Polygon><gml:exterior><gml:LinearRing><gml:posList srsDimension="3">{positions}</gml:posList>
            </gml:LinearRing></gml:exterior></gml:Polygon></eop:extentOf></eop:MaskFeature></eop:maskMembers></eop:Mask>"#
        )
    }

    fn read(text: &str, epsg: u32) -> Result<Vec<MaskFeature>> {
        let file = Path::new("MSK.gml");
        read_gml(file, &Element::parse(file, text.as_bytes())?, epsg)
    }

    #[test]
    fn heights_are_left_out_and_detectors_numbered() {
        let text = mask("DETECTOR_FOOTPRINT", "detector_footprint-B03-09-0", "1 2 0 3 4 0 5 6 0");
        let features = read(&text, 32632).unwrap();
        assert_eq!(features[0].kind, MaskType::Detector(9));
        assert_eq!(features[0].polygon.rings, [vec![(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, epsg, expected) in [
            (mask("QT_DEFECTIVE_PIXELS", "x", "1 2 0"), 32633, "EPSG:32633"),
            (mask("QT_DEFECTIVE_PIXELS", "x", "1 2 0 3"), 32632, "4 numbers"),
            (mask("QT_DEFECTIVE_PIXELS", "x", "1 2 nan"), 32632, "nan"),
            (mask("DETECTOR_FOOTPRINT", "detector_footprint-B03-13-0", "1 2 0"), 32632, "detector_footprint"),
            ("<a/>".to_owned(), 32632, "Mask"),
        ] {
            let error = read(&text, epsg).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("MSK.gml"), "{error}");
        }
    }
}
