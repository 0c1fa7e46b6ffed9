//! `HTML/UserProduct_index.html`: the product in a few lines for somebody who opens its folder in a browser.

use super::Element;
use super::psd::{percentage, text};
use crate::safe::{ImageKind, L2aFacts, L2aNames};

/// The page, as XHTML.
pub(crate) fn page(names: &L2aNames, facts: &L2aFacts) -> Element {
    let product = names.product();
    let mut table = Element::new("table");
    for (name, value) in [
        ("Spacecraft", names.spacecraft.long_name().to_owned()),
        ("Tile", names.tile.clone()),
        ("Orbit", format!("{} (relative {})", names.absolute_orbit, names.relative_orbit)),
        ("Start of the datatake (UTC)", names.datatake_start.clone()),
        ("Made (UTC)", names.generation_time()),
        ("Processing baseline", names.baseline.to_string()),
        ("Software", format!("sen2cor {}, model {}", facts.software_version, facts.model)),
        ("Clouds (%)", percentage(facts.shares.cloudy())),
        ("No data (%)", percentage(facts.shares.no_data)),
    ] {
        table.push(Element::new("tr").with(text("th", name)).with(text("td", value)));
    }
    let mut files = Element::new("ul");
    let mut images: Vec<_> = facts.images.clone();
    images.sort_by_key(|(kind, resolution): &(ImageKind, _)| (kind.is_quality(), *resolution, kind.order()));
    let images = images.into_iter().map(|(kind, resolution)| names.image(kind, resolution));
    for path in ["MTD_MSIL2A.xml".to_owned()].into_iter().chain(images) {
        let link = text("a", path.as_str()).with_attribute("href", format!("../{path}"));
        files.push(Element::new("li").with(link));
    }
    Element::new("html")
        .with_attribute("xmlns", "http://www.w3.org/1999/xhtml")
        .with_attribute("lang", "en")
        .with(Element::new("head").with(text("title", product.as_str())))
        .with(Element::new("body").with(text("h1", product)).with(table).with(files))
}
