//! `HTML/UserProduct_index.html`: the product in a few tables and a picture for somebody who opens its folder in a browser.
//!
//! One file without scripts and without links to other places.

use super::Element;
use super::psd::{number, percentage, text};
use crate::safe::{ImageKind, L2aFacts, L2aNames};

/// Where the picture lies that the page shows, relative to the page.
pub(crate) const PICTURE: &str = "preview.png";

const STYLE: &str = "body { font-family: sans-serif; margin: 2em; color: #223; } table { border-collapse: collapse; \
     margin: 0 0 1em 0; } th, td { text-align: left; padding: 0.2em 1em 0.2em 0; border-bottom: 1px solid #ccd; \
     font-weight: normal; } th { color: #557; } img { border: 1px solid #ccd; }";

/// Names of the classes 1 to 11.
const CLASSES: [&str; 11] = [
    "saturated or defective",
    "dark features",
    "cloud shadows",
    "vegetation",
    "not vegetated",
    "water",
    "unclassified",
    "clouds, medium probability",
    "clouds, high probability",
    "thin cirrus",
    "snow and ice",
];

/// The page, as XHTML.
pub(crate) fn page(names: &L2aNames, facts: &L2aFacts, with_picture: bool) -> Element {
    let product = names.product();
    let mut body = Element::new("body").with(text("h1", product.as_str())).with(general(names, facts));
    if with_picture {
        body.push(
            Element::new("p").with(
                Element::new("img")
                    .with_attribute("src", PICTURE)
                    .with_attribute("alt", "True colour preview of the tile"),
            ),
        );
    }
    for (title, content) in [
        ("Scene classes, per cent of the pixels with data", classes(facts)),
        ("Atmosphere", atmosphere(facts)),
        ("Auxiliary data", auxiliary(facts)),
        ("Values used", table(facts.values.iter().cloned())),
    ] {
        body.push(text("h2", title));
        body.push(content);
    }
    if !facts.record.is_empty() {
        body.push(text("h2", "Fallbacks and warnings"));
        body.push(table(facts.record.iter().map(|note| (note.code.clone(), note.message.clone()))));
    }
    body.push(text("h2", "Files"));
    body.push(files(names, facts));
    let head = Element::new("head")
        .with(Element::new("meta").with_attribute("charset", "UTF-8"))
        .with(text("title", product))
        .with(text("style", STYLE));
    Element::new("html")
        .with_attribute("xmlns", "http://www.w3.org/1999/xhtml")
        .with_attribute("lang", "en")
        .with(head)
        .with(body)
}

fn table(rows: impl IntoIterator<Item = (String, String)>) -> Element {
    let mut table = Element::new("table");
    for (name, value) in rows {
        table.push(Element::new("tr").with(text("th", name)).with(text("td", value)));
    }
    table
}

fn named<const N: usize>(rows: [(&str, String); N]) -> Element {
    table(rows.map(|(name, value)| (name.to_owned(), value)))
}

fn general(names: &L2aNames, facts: &L2aFacts) -> Element {
    named([
        ("Spacecraft", names.spacecraft.long_name().to_owned()),
        ("Tile", names.tile.clone()),
        ("Orbit", format!("{} (relative {})", names.absolute_orbit, names.relative_orbit)),
        ("Start of the datatake (UTC)", names.datatake_start.clone()),
        ("Made (UTC)", names.generation_time()),
        ("Made of", names.l1c_tile_id.clone()),
        ("Processing baseline", names.baseline.to_string()),
        ("Software", format!("sen2cor {}, model {}", facts.software_version, facts.model)),
        ("Clouds (%)", percentage(facts.shares.cloudy())),
        ("No data (% of all pixels)", percentage(facts.shares.no_data)),
    ])
}

fn classes(facts: &L2aFacts) -> Element {
    let shares = CLASSES.into_iter().zip(facts.shares.classes).enumerate();
    table(shares.map(|(index, (name, share))| (format!("{} {name}", index + 1), percentage(share))))
}

fn atmosphere(facts: &L2aFacts) -> Element {
    named([
        ("Aerosol", facts.aot_retrieval.name().to_owned()),
        ("Mean aerosol optical depth at 550 nm", number(facts.mean_aot_550)),
        ("Mean water vapour (cm)", number(facts.mean_water_vapour_cm)),
        ("Ozone (DU)", format!("{} ({})", number(facts.ozone_du), facts.ozone_source.name())),
    ])
}

fn auxiliary(facts: &L2aFacts) -> Element {
    let name = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let auxiliary = &facts.auxiliary;
    named([
        ("Elevation model", name(&auxiliary.elevation)),
        ("Snow climatology", name(&auxiliary.snow_climatology)),
        ("Water bodies", name(&auxiliary.water_bodies)),
        ("Land cover", name(&auxiliary.land_cover)),
        ("Snow condition", name(&auxiliary.snow_condition)),
        ("Look-up tables", auxiliary.look_up_tables.join(" ")),
    ])
}

fn files(names: &L2aNames, facts: &L2aFacts) -> Element {
    let mut list = Element::new("ul");
    let mut images: Vec<_> = facts.images.clone();
    images.sort_by_key(|(kind, resolution): &(ImageKind, _)| (kind.is_quality(), *resolution, kind.order()));
    let images = images.into_iter().map(|(kind, resolution)| names.image(kind, resolution));
    for path in ["MTD_MSIL2A.xml".to_owned()].into_iter().chain(images) {
        let link = text("a", path.as_str()).with_attribute("href", format!("../{path}"));
        list.push(Element::new("li").with(link));
    }
    list
}
