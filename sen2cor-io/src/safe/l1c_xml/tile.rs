//! `MTD_TL.xml`

use super::facts::{L1cFacts, iso};
use super::{DETECTOR, MASKS, group, measured, root, text};
use crate::xml::Element;
use sen2cor_core::angles::Direction;
use sen2cor_core::grid::{Extent, Resolution};
use sen2cor_core::sensor::Band;

/// Distance of the nodes of the angle grids, metres.
const NODE_STEP_M: u32 = 5000;

/// The tile metadata.
pub(crate) fn tile(facts: &L1cFacts) -> Element {
    let mut document = root("n1:Level-1C_Tile_ID", facts.psd(), "S2_PDI_Level-1C_Tile_Metadata.xsd");
    document.push(general_info(facts));
    document.push(group("n1:Geometric_Info", [geocoding(facts), angles(facts)]));
    document.push(quality_info(facts));
    document
}

fn general_info(facts: &L1cFacts) -> Element {
    let standard = |element: Element| element.with_attribute("metadataLevel", "Standard");
    group(
        "n1:General_Info",
        [
            text("TILE_ID", facts.tile_id()).with_attribute("metadataLevel", "Brief"),
            standard(text("DATASTRIP_ID", facts.datastrip_id())),
            standard(text("DOWNLINK_PRIORITY", "NOMINAL")),
            standard(text("SENSING_TIME", iso(facts.sensing_time))),
            group(
                "Archiving_Info",
                [
                    text("ARCHIVING_CENTRE", L1cFacts::CENTRE),
                    text("ARCHIVING_TIME", iso(facts.generation_time)),
                ],
            )
            .with_attribute("metadataLevel", "Expertise"),
        ],
    )
}

fn geocoding(facts: &L1cFacts) -> Element {
    let ground = &facts.ground;
    let hemisphere = if ground.is_north() { 'N' } else { 'S' };
    let mut element = group(
        "Tile_Geocoding",
        [
            text("HORIZONTAL_CS_NAME", format!("WGS84 / UTM zone {}{hemisphere}", ground.utm_zone())),
            text("HORIZONTAL_CS_CODE", format!("EPSG:{}", ground.epsg)),
        ],
    )
    .with_attribute("metadataLevel", "Brief");
    for resolution in Resolution::ALL {
        let (rows, cols) = facts.extent.shape(resolution);
        element.push(
            group("Size", [text("NROWS", rows), text("NCOLS", cols)])
                .with_attribute("resolution", resolution.metres().to_string()),
        );
    }
    for resolution in Resolution::ALL {
        let metres = resolution.metres();
        element.push(
            group(
                "Geoposition",
                [
                    text("ULX", ground.ulx_m),
                    text("ULY", ground.uly_m),
                    text("XDIM", metres),
                    text("YDIM", format!("-{metres}")),
                ],
            )
            .with_attribute("resolution", metres.to_string()),
        );
    }
    element
}

fn angles(facts: &L1cFacts) -> Element {
    let mean = |name: &str, direction: Direction| {
        group(
            name,
            [
                measured("ZENITH_ANGLE", "deg", direction.zenith_deg),
                measured("AZIMUTH_ANGLE", "deg", direction.azimuth_deg),
            ],
        )
    };
    let mut element = Element::new("Tile_Angles").with_attribute("metadataLevel", "Standard");
    element.push(angle_grid("Sun_Angles_Grid", facts.extent, facts.sun));
    element.push(mean("Mean_Sun_Angle", facts.sun));
    let views = || Band::ALL.into_iter().zip(facts.view);
    for (band, view) in views() {
        element.push(
            angle_grid("Viewing_Incidence_Angles_Grids", facts.extent, view)
                .with_attribute("bandId", band.index().to_string())
                .with_attribute("detectorId", DETECTOR.to_string()),
        );
    }
    let means = views().map(|(band, view)| {
        mean("Mean_Viewing_Incidence_Angle", view).with_attribute("bandId", band.index().to_string())
    });
    element.push(group("Mean_Viewing_Incidence_Angle_List", means));
    element
}

/// The same angles at every node; the last row and column of nodes lie on or beyond the border.
fn angle_grid(name: &str, extent: Extent, direction: Direction) -> Element {
    let nodes = |cells: u32| (cells * Resolution::R10.metres()).div_ceil(NODE_STEP_M) as usize + 1;
    let (rows, cols) = (nodes(extent.rows), nodes(extent.cols));
    let plane = |name: &str, value: f64| {
        let line = vec![value.to_string(); cols].join(" ");
        group(
            name,
            [
                measured("COL_STEP", "m", NODE_STEP_M),
                measured("ROW_STEP", "m", NODE_STEP_M),
                group("Values_List", (0..rows).map(|_| text("VALUES", &line))),
            ],
        )
    };
    group(name, [plane("Zenith", direction.zenith_deg), plane("Azimuth", direction.azimuth_deg)])
}

fn quality_info(facts: &L1cFacts) -> Element {
    let mut content = group(
        "Image_Content_QI",
        [text("CLOUDY_PIXEL_PERCENTAGE", facts.cloud_percent), text("DEGRADED_MSI_DATA_PERCENTAGE", 0)],
    );
    if facts.has_offsets() {
        content.push(text("SNOW_PIXEL_PERCENTAGE", facts.snow_percent));
    }
    let (kinds, ending): (&[&str], _) =
        if facts.has_offsets() { (&["MSK_DETFOO", "MSK_QUALIT"], "jp2") } else { (&MASKS, "gml") };
    let mut masks = Element::new("Pixel_Level_QI").with_attribute("geometry", "FULL_RESOLUTION");
    for band in Band::ALL {
        for kind in kinds {
            masks.push(
                text("MASK_FILENAME", facts.quality_path(&format!("{kind}_{band}.{ending}")))
                    .with_attribute("bandId", band.index().to_string())
                    .with_attribute("type", *kind),
            );
        }
    }
    let kind = if facts.has_offsets() { "MSK_CLASSI" } else { "MSK_CLOUDS" };
    masks.push(
        text("MASK_FILENAME", facts.quality_path(&format!("{kind}_B00.{ending}")))
            .with_attribute("type", kind),
    );
    let preview = format!("{}.jp2", facts.image_stem("PVI"));
    group("n1:Quality_Indicators_Info", [content, masks, text("PVI_FILENAME", facts.quality_path(&preview))])
        .with_attribute("metadataLevel", "Standard")
}
