//! The documents of a Level-1C product, made from a few facts.

mod datastrip;
mod facts;
mod gml;
mod instrument;
mod product;
mod small;
mod tile;

pub(crate) use datastrip::datastrip;
pub use facts::L1cFacts;
pub(crate) use gml::{MASKS, mask};
pub(crate) use product::product;
pub(crate) use small::{html, inspire, quality_report, stylesheet};
pub(crate) use tile::tile;

use crate::xml::Element;

/// The number of the one detector that sees the whole simulated tile, as in `MSK_DETFOO`.
pub(crate) const DETECTOR: u8 = 6;

#[allow(clippy::needless_pass_by_value, reason = "numbers and texts are passed alike")]
fn text(name: &str, value: impl ToString) -> Element {
    Element::text_element(name, value.to_string())
}

fn group(name: &str, children: impl IntoIterator<Item = Element>) -> Element {
    let mut element = Element::new(name);
    for child in children {
        element.push(child);
    }
    element
}

/// A value with its unit.
fn measured(name: &str, unit: &str, value: impl ToString) -> Element {
    text(name, value).with_attribute("unit", unit)
}

/// The root element of a document of the product specification.
fn root(name: &str, psd: u32, file: &str) -> Element {
    let namespace = format!("https://psd-{psd}.sentinel2.eo.esa.int/PSD/{file}");
    Element::new(name)
        .with_attribute("xmlns:n1", namespace.as_str())
        .with_attribute("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
        .with_attribute("xsi:schemaLocation", namespace)
}
