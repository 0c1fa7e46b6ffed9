//! `MTD_MSIL1C.xml`

use super::facts::{L1cFacts, iso};
use super::instrument::{
    BandFacts, bands, display_order, offset_list, reflectance_conversion, spectral_list, sun_distance_factor,
};
use super::{group, root, text};
use crate::xml::Element;
use jiff::tz::Offset;

/// The DOI of Level-1C products; the schemas ask for one.
pub(super) const DOI: &str = "https://doi.org/10.5270/S2_-742ikth";

/// The product metadata.
pub(crate) fn product(facts: &L1cFacts) -> Element {
    let mut document = root("n1:Level-1C_User_Product", facts.psd(), "User_Product_Level-1C.xsd");
    let bands = bands(facts.spacecraft);
    document.push(group("n1:General_Info", [product_info(facts), image_characteristics(facts, &bands)]));
    document.push(geometric_info(facts));
    document.push(auxiliary_info(facts));
    document.push(quality_info(facts));
    document
}

fn product_info(facts: &L1cFacts) -> Element {
    let seen = iso(facts.sensing_time);
    let mut info = group(
        "Product_Info",
        [
            text("PRODUCT_START_TIME", &seen),
            text("PRODUCT_STOP_TIME", &seen),
            text("PRODUCT_URI", facts.product_name()),
            text("PROCESSING_LEVEL", "Level-1C"),
            text("PRODUCT_TYPE", "S2MSI1C"),
            text("PROCESSING_BASELINE", facts.baseline),
        ],
    );
    if facts.has_offsets() {
        info.push(text("PRODUCT_DOI", DOI));
    }
    info.push(text("GENERATION_TIME", iso(facts.generation_time)));
    info.push(text("PREVIEW_IMAGE_URL", "Not applicable"));
    info.push(text("PREVIEW_GEO_INFO", "Not applicable"));
    info.push(datatake("Datatake", facts));
    info.push(
        group("Query_Options", [text("PRODUCT_FORMAT", "SAFE_COMPACT")])
            .with_attribute("completeSingleTile", "true"),
    );
    let granule = group("Granule", L1cFacts::images().map(|what| text("IMAGE_FILE", facts.image_id(what))))
        .with_attribute("datastripIdentifier", facts.datastrip_id())
        .with_attribute("granuleIdentifier", facts.tile_id())
        .with_attribute("imageFormat", "JPEG2000");
    info.push(group("Product_Organisation", [group("Granule_List", [granule])]));
    info
}

/// The data take, in the element that the document calls `name`.
pub(super) fn datatake(name: &str, facts: &L1cFacts) -> Element {
    group(
        name,
        [
            text("SPACECRAFT_NAME", facts.spacecraft.long_name()),
            text("DATATAKE_TYPE", "INS-NOBS"),
            text("DATATAKE_SENSING_START", iso(facts.sensing_time)),
            text("SENSING_ORBIT_NUMBER", facts.relative_orbit),
            text("SENSING_ORBIT_DIRECTION", "DESCENDING"),
        ],
    )
    .with_attribute("datatakeIdentifier", facts.datatake_id())
}

/// The factor of the distance to the sun on the day of the scene.
pub(super) fn distance_factor(facts: &L1cFacts) -> f64 {
    sun_distance_factor(Offset::UTC.to_datetime(facts.sensing_time).date().day_of_year())
}

fn image_characteristics(facts: &L1cFacts, bands: &[BandFacts]) -> Element {
    let special = |name: &str, value: u32| {
        group("Special_Values", [text("SPECIAL_VALUE_TEXT", name), text("SPECIAL_VALUE_INDEX", value)])
    };
    let mut element = group(
        "Product_Image_Characteristics",
        [
            special("NODATA", 0),
            special("SATURATED", 65_535),
            display_order(),
            text("QUANTIFICATION_VALUE", 10_000).with_attribute("unit", "none"),
        ],
    );
    if facts.has_offsets() {
        element.push(offset_list(bands, facts.radio_add_offset()));
    }
    element.push(reflectance_conversion(bands, distance_factor(facts)));
    element.push(spectral_list(bands));
    for band in bands {
        element.push(text("PHYSICAL_GAINS", band.gain).with_attribute("bandId", band.id()));
    }
    element.push(text("REFERENCE_BAND", 3));
    element
}

fn geometric_info(facts: &L1cFacts) -> Element {
    let outline = group("Global_Footprint", [text("EXT_POS_LIST", facts.footprint())]);
    group(
        "n1:Geometric_Info",
        [
            group(
                "Product_Footprint",
                [
                    group("Product_Footprint", [outline]),
                    text("RASTER_CS_TYPE", "POINT"),
                    text("PIXEL_ORIGIN", 1),
                ],
            ),
            group(
                "Coordinate_Reference_System",
                [
                    text("GEO_TABLES", "EPSG").with_attribute("version", "1"),
                    text("HORIZONTAL_CS_TYPE", "GEOGRAPHIC"),
                ],
            ),
        ],
    )
}

/// What a product must name of its auxiliary data. None was used; the tile grid is the only one that applies.
pub(super) fn parameter_files() -> Element {
    let name = "S2A_OPER_GIP_TILPAR_MPC__20151209T095117_V20150622T000000_21000101T000000_B00";
    let file =
        text("GIPP_FILENAME", name).with_attribute("type", "GIP_TILPAR").with_attribute("version", "0007");
    group("GIPP_List", [file])
}

/// Stands where a product names a file that a simulated one does not have.
pub(super) const NONE_USED: &str = "NONE";

fn auxiliary_info(facts: &L1cFacts) -> Element {
    let mut info = group(
        "n1:Auxiliary_Data_Info",
        [
            parameter_files(),
            text("PRODUCTION_DEM_TYPE", NONE_USED),
            text("IERS_BULLETIN_FILENAME", NONE_USED),
            Element::new("GRI_List"),
        ],
    );
    info.push(text("ECMWF_DATA_REF", facts.quality_path("").replace("QI_DATA/", "AUX_DATA/AUX_ECMWFT")));
    info
}

fn quality_info(facts: &L1cFacts) -> Element {
    let checks = [
        "FORMAT_CORRECTNESS",
        "GENERAL_QUALITY",
        "GEOMETRIC_QUALITY",
        "RADIOMETRIC_QUALITY",
        "SENSOR_QUALITY",
    ]
    .map(|check| text("quality_check", "PASSED").with_attribute("checkType", check));
    let mut info =
        group("n1:Quality_Indicators_Info", [text("Cloud_Coverage_Assessment", facts.cloud_percent)]);
    if facts.has_offsets() {
        info.push(text("Snow_Coverage_Assessment", facts.snow_percent));
    }
    info.push(group(
        "Technical_Quality_Assessment",
        [text("DEGRADED_ANC_DATA_PERCENTAGE", "0.0"), text("DEGRADED_MSI_DATA_PERCENTAGE", 0)],
    ));
    info.push(group(
        "Quality_Control_Checks",
        [group("Quality_Inspections", checks), Element::new("Failed_Inspections")],
    ));
    info
}
