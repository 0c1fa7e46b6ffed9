//! `MTD_TL.xml` of a Level-2A tile, made from that of the Level-1C tile and what processing found out.
//!
//! Source: PSD 14.8 and 15.0 (`Level-2A_Tile_ID`) and pairs of real products of both levels.

use super::Element;
use super::psd::{Psd, archiving, number, percentage, push_content_indicators, push_copy, text};
use crate::error::Result;
use crate::safe::{ImageKind, L2aFacts, L2aNames};
use sen2cor_core::grid::Resolution;
use sen2cor_core::sensor::Band;
use std::path::Path;

/// The tile metadata. `l1c` is the root of the Level-1C tile's metadata, `files` the paths (relative to the product)
/// of further files in the tile's `QI_DATA`, among which masks are looked for.
///
/// # Errors
/// [`crate::Error::Field`] if a section of the input is absent.
pub(crate) fn tile_metadata(
    l1c: &Element,
    names: &L2aNames,
    facts: &L2aFacts,
    files: &[&str],
) -> Result<Element> {
    let file = Path::new("MTD_TL.xml");
    let psd = Psd::for_input(l1c);
    let mut geometric = l1c.require(file, "Geometric_Info")?.clone();
    "n1:Geometric_Info".clone_into(&mut geometric.name);
    let quality = quality_indicators(l1c.require(file, "Quality_Indicators_Info")?, psd, names, facts, files);
    Ok(psd
        .root("Level-2A_Tile_ID", "S2_PDI_Level-2A_Tile_Metadata.xsd", "S2_PDI_Level-2A_Tile_Metadata.xsd")
        .with(general_info(l1c.require(file, "General_Info")?, names))
        .with(geometric)
        .with(quality))
}

fn general_info(l1c: &Element, names: &L2aNames) -> Element {
    let mut info = Element::new("n1:General_Info");
    info.push(text("L1C_TILE_ID", names.l1c_tile_id.as_str()).with_attribute("metadataLevel", "Brief"));
    info.push(text("TILE_ID", names.tile_id()).with_attribute("metadataLevel", "Brief"));
    info.push(text("DATASTRIP_ID", names.datastrip_id()).with_attribute("metadataLevel", "Standard"));
    push_copy(&mut info, l1c, "DOWNLINK_PRIORITY");
    push_copy(&mut info, l1c, "SENSING_TIME");
    info.with(archiving(names))
}

fn quality_indicators(
    l1c: &Element,
    psd: Psd,
    names: &L2aNames,
    facts: &L2aFacts,
    files: &[&str],
) -> Element {
    let mut content = Element::new("Image_Content_QI");
    content.push(text("CLOUDY_PIXEL_PERCENTAGE", percentage(facts.shares.cloudy())));
    content.push(text("CLOUDY_PIXEL_OVER_LAND_PERCENTAGE", percentage(facts.shares.cloudy_over_land)));
    let degraded = l1c.find("Image_Content_QI/DEGRADED_MSI_DATA_PERCENTAGE").map(Element::text);
    let degraded = degraded.and_then(|text| text.parse().ok()).unwrap_or(0.0);
    content.push(text("DEGRADED_MSI_DATA_PERCENTAGE", number(degraded)));
    push_content_indicators(&mut content, psd, facts);
    let mut quality = Element::new("n1:Quality_Indicators_Info")
        .with_attribute("metadataLevel", "Standard")
        .with(content)
        .with(masks(names, facts, files));
    let preview = names.image(ImageKind::Preview, Resolution::R60);
    let is_made = facts.images.iter().any(|(kind, _)| *kind == ImageKind::Preview);
    if is_made || files.contains(&preview.as_str()) {
        quality.push(text("PVI_FILENAME", preview));
    }
    quality
}

/// The masks of the input that go along, by band and type, then the probabilities, 20 m before 60 m.
fn masks(names: &L2aNames, facts: &L2aFacts, files: &[&str]) -> Element {
    let mut found: Vec<(usize, &str, &str)> = files.iter().filter_map(|path| mask(path)).collect();
    found.sort_unstable();
    let mut list = Element::new("Pixel_Level_QI").with_attribute("geometry", "FULL_RESOLUTION");
    for (band, kind, path) in found {
        let mut mask = Element::new("MASK_FILENAME");
        if band < Band::ALL.len() {
            mask.set_attribute("bandId", band.to_string());
        }
        mask.set_attribute("type", kind);
        mask.set_text(path);
        list.push(mask);
    }
    for resolution in Resolution::ALL {
        for kind in [ImageKind::CloudProbability, ImageKind::SnowProbability, ImageKind::DarkVegetation] {
            if facts.images.contains(&(kind, resolution)) {
                list.push(
                    text("MASK_FILENAME", names.image(kind, resolution)).with_attribute("type", kind.token()),
                );
            }
        }
    }
    list
}

/// `bandId` (13 where the mask is not of one band) and type of a mask such as `.../QI_DATA/MSK_DETFOO_B01.jp2`.
fn mask(path: &str) -> Option<(usize, &str, &str)> {
    let stem = path.rsplit('/').next()?.split('.').next()?;
    let (kind, band) = stem.rsplit_once('_')?;
    kind.strip_prefix("MSK_")?;
    let band = match band {
        "B00" => Band::ALL.len(),
        _ => band.parse::<Band>().ok()?.index(),
    };
    Some((band, kind, path))
}
