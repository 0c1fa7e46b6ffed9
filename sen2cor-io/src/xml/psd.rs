//! Version of the product specification that metadata follow, and pieces that several Level-2A files share.

use super::Element;
use crate::safe::{L2aFacts, L2aNames};
use sen2cor_core::sensor::Band;

/// The specification that a Level-2A product follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Psd {
    /// 14.8, namespace psd-14.
    V14,
    /// 15.0, namespace psd-15.
    V15,
}

impl Psd {
    /// The version to write for an input: 15 if the input follows 15 or later, else 14.8.
    pub(crate) fn for_input(root: &Element) -> Self {
        let version = root.attributes.iter().find_map(|(name, value)| {
            let digits = value.split_once("psd-").filter(|_| name.starts_with("xmlns"))?.1;
            digits.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
        });
        if version.is_some_and(|v| v >= 15) { Self::V15 } else { Self::V14 }
    }

    /// A root element in the namespace of `schema`, e.g. `User_Product_Level-2A.xsd`.
    pub(crate) fn root(self, name: &str, schema: &str, schema_file: &str) -> Element {
        let number = match self {
            Self::V14 => 14,
            Self::V15 => 15,
        };
        let namespace = format!("https://psd-{number}.sentinel2.eo.esa.int/PSD/{schema}");
        let location = format!("{namespace} {schema_file}");
        Element::new(format!("n1:{name}"))
            .with_attribute("xmlns:n1", namespace)
            .with_attribute("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
            .with_attribute("xsi:schemaLocation", location)
    }

    /// What class 2 is called: its meaning was narrowed from dark features to shadows of the terrain.
    pub(crate) const fn class_2(self) -> (&'static str, &'static str) {
        match self {
            Self::V14 => ("SC_DARK_FEATURE_SHADOW", "DARK_FEATURES_PERCENTAGE"),
            Self::V15 => ("SC_CAST_SHADOW", "CAST_SHADOW_PERCENTAGE"),
        }
    }
}

/// An element with text.
pub(crate) fn text(name: &str, value: impl Into<String>) -> Element {
    Element::text_element(name, value)
}

/// A copy of the child at `path` of the input, if it is there.
pub(crate) fn copied(input: &Element, path: &str) -> Option<Element> {
    input.find(path).cloned()
}

/// Appends a copy of the child at `path`, if the input has it.
pub(crate) fn push_copy(target: &mut Element, input: &Element, path: &str) {
    if let Some(element) = copied(input, path) {
        target.push(element);
    }
}

/// A percentage with six decimals; what rounding put beyond the ends is brought back.
pub(crate) fn percentage(value: f64) -> String {
    number(value.clamp(0.0, 100.0))
}

/// A number with six decimals; 0 where there was nothing to compute it from (a tile without data).
pub(crate) fn number(value: f64) -> String {
    format!("{:.6}", if value.is_finite() { value } else { 0.0 })
}

/// `QUANTIFICATION_VALUES_LIST`
pub(crate) fn quantification_values() -> Element {
    Element::new("QUANTIFICATION_VALUES_LIST")
        .with(text("BOA_QUANTIFICATION_VALUE", "10000").with_attribute("unit", "none"))
        .with(text("AOT_QUANTIFICATION_VALUE", "1000.0").with_attribute("unit", "none"))
        .with(text("WVP_QUANTIFICATION_VALUE", "1000.0").with_attribute("unit", "cm"))
}

/// `BOA_ADD_OFFSET_VALUES_LIST`, for all 13 bands as in real products; none without offset.
pub(crate) fn offset_values(boa_add_offset: i32) -> Option<Element> {
    if boa_add_offset == 0 {
        return None;
    }
    let mut list = Element::new("BOA_ADD_OFFSET_VALUES_LIST");
    for band in Band::ALL {
        list.push(
            text("BOA_ADD_OFFSET", boa_add_offset.to_string())
                .with_attribute("band_id", band.index().to_string()),
        );
    }
    Some(list)
}

/// The names of the maps and tables that were used, as both the product and the data strip list them.
pub(crate) fn push_auxiliary_names(target: &mut Element, facts: &L2aFacts) {
    let auxiliary = &facts.auxiliary;
    let name = |value: &Option<String>| value.clone().unwrap_or_else(|| "None".to_owned());
    let mut tables = Element::new("LUT_List");
    for table in &auxiliary.look_up_tables {
        tables.push(text("LUT_FILENAME", table.as_str()));
    }
    if tables.nodes.is_empty() {
        tables.push(text("LUT_FILENAME", "None"));
    }
    target.push(tables);
    target.push(text("SNOW_CLIMATOLOGY_MAP", name(&auxiliary.snow_climatology)));
    target.push(text("ESACCI_WaterBodies_Map", name(&auxiliary.water_bodies)));
    target.push(text("ESACCI_LandCover_Map", name(&auxiliary.land_cover)));
    target.push(text("ESACCI_SnowCondition_Map_Dir", name(&auxiliary.snow_condition)));
}

/// The elevation model, the Earth rotation bulletin, the reference images and the forecasts, in this order. Before
/// PSD 14 the reference images were single `GRI_FILENAME` elements.
pub(crate) struct References {
    pub(crate) elevation: Element,
    pub(crate) bulletin: Option<Element>,
    pub(crate) images: Element,
    pub(crate) ecmwf: Option<Element>,
    pub(crate) cams: Option<Element>,
}

impl References {
    pub(crate) fn new(auxiliary: &Element, facts: &L2aFacts) -> Self {
        let images = copied(auxiliary, "GRI_List").unwrap_or_else(|| {
            auxiliary.children_named("GRI_FILENAME").cloned().fold(Element::new("GRI_List"), Element::with)
        });
        let elevation = facts.auxiliary.elevation.clone().unwrap_or_else(|| "None".to_owned());
        Self {
            elevation: text("PRODUCTION_DEM_TYPE", elevation),
            bulletin: copied(auxiliary, "IERS_BULLETIN_FILENAME"),
            images,
            ecmwf: copied(auxiliary, "ECMWF_DATA_REF"),
            cams: copied(auxiliary, "CAMS_DATA_REF"),
        }
    }
}

/// The indicators that tile and product metadata both list, from the share over land on.
pub(crate) fn push_content_indicators(target: &mut Element, psd: Psd, facts: &L2aFacts) {
    let [saturated, dark, shadow, vegetation, bare, water, unclassified, medium, high, cirrus, snow] =
        facts.shares.classes;
    for (name, value) in [
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
    ] {
        target.push(text(name, percentage(value)));
    }
    // Always 0.0 in real products: nobody knows these accuracies.
    for name in ["RADIATIVE_TRANSFER_ACCURACY", "WATER_VAPOUR_RETRIEVAL_ACCURACY", "AOT_RETRIEVAL_ACCURACY"] {
        target.push(text(name, "0.0"));
    }
    target.push(text("AOT_RETRIEVAL_METHOD", facts.aot_retrieval.name()));
    target.push(text("GRANULE_MEAN_AOT", number(facts.mean_aot_550)));
    target.push(text("GRANULE_MEAN_WV", number(facts.mean_water_vapour_cm)));
    target.push(text("OZONE_SOURCE", facts.ozone_source.name()));
    target.push(text("OZONE_VALUE", number(facts.ozone_du)));
}

/// `Archiving_Info`: nobody archived the product yet, so centre and time are those of its making.
pub(crate) fn archiving(names: &L2aNames) -> Element {
    Element::new("Archiving_Info")
        .with_attribute("metadataLevel", "Expertise")
        .with(text("ARCHIVING_CENTRE", names.archiving_centre.as_str()))
        .with(text("ARCHIVING_TIME", names.generation_time()))
}

/// Digital object identifier of the collection of Level-2A products.
pub(crate) const COLLECTION_DOI: &str = "https://doi.org/10.5270/S2_-znk9xsj";
