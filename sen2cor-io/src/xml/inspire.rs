//! `INSPIRE.xml` of a Level-2A product: that of the Level-1C product with name, level and dates replaced, and the
//! area where the input has several tiles.
//!
//! The original processor meant to put the new name in but never did; here it is in every place.

use super::footprint::Footprint;
use super::{Element, Node};
use crate::safe::L2aNames;

/// The document for the product `names`. `l1c` is the root of the input's `INSPIRE.xml`; `footprint` replaces that of
/// the input.
pub(crate) fn inspire(l1c: &Element, names: &L2aNames, footprint: Option<&Footprint>) -> Element {
    let mut root = l1c.clone();
    if let Some(footprint) = footprint {
        replace_area(&mut root, footprint);
    }
    let date = names.creation.strftime("%Y-%m-%d").to_string();
    replace(&mut root, &names.product(), &date);
    root
}

fn replace(element: &mut Element, product: &str, date: &str) {
    // The metadata are made anew, so the dates of publication and revision (which real products put into the
    // element of the date's type) and of the metadata are today's.
    let dated = matches!(element.attribute("codeListValue"), Some("publication" | "revision"));
    let stamp = element.local_name() == "dateStamp";
    for node in &mut element.nodes {
        match node {
            Node::Text(text) if dated && is_date(text.trim()) => date.clone_into(text),
            Node::Text(text) => *text = replaced(text, product),
            Node::Element(child) => {
                if stamp && is_date(&child.text()) {
                    child.set_text(date);
                }
                replace(child, product, date);
            }
        }
    }
}

/// Sets the bounding box and the list of positions that real documents have as an abstract.
fn replace_area(root: &mut Element, footprint: &Footprint) {
    let sides = ["westBoundLongitude", "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude"];
    for (side, bound) in sides.into_iter().zip(footprint.bounds()) {
        if let Some(decimal) = root.find_anywhere_mut(side).and_then(|s| s.find_mut("Decimal")) {
            decimal.set_text(format!("{bound:.12}"));
        }
    }
    let summary = root.find_anywhere_mut("abstract").and_then(|a| a.find_mut("CharacterString"));
    let is_area =
        |summary: &Element| summary.text().split_whitespace().all(|word| word.parse::<f64>().is_ok());
    if let Some(summary) = summary.filter(|s| is_area(s)) {
        summary.set_text(footprint.list());
    }
}

/// `2024-01-20`
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() })
}

/// Text with every name of a Level-1C product and every mention of the level replaced.
fn replaced(text: &str, product: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let words = words.iter().map(|word| {
        let name = word.starts_with("S2") && (word.contains("_MSIL1C_") || word.contains("_MSI_L1C_"));
        if name { product.to_owned() } else { word.replace("Level-1C", "Level-2A") }
    });
    words.collect::<Vec<_>>().join(" ")
}
