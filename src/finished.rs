//! Recognises the product of an earlier run on the same input with the same options.
//!
//! Names hold the time at which a product was made, so the name alone does not tell. A product is the one that is wanted if
//! it was made of the same Level-1C tile by the same version with options that lead to the same bytes; it appears in one step,
//! so what is there is complete.

use crate::error::{Error, Result};
use crate::options::Options;
use sen2cor_core::grid::Block;
use sen2cor_io::checksum::Algorithm;
use sen2cor_io::safe::L2aNames;
use sen2cor_io::xml::Element;
use std::path::{Path, PathBuf};

/// Name of the value in the quality report.
pub(crate) const DIGEST: &str = "OPTIONS_DIGEST";

/// Options that do not change the bytes of a product, or that only say when and where it is made.
const WITHOUT_EFFECT: [&str; 7] =
    ["block_cells", "codec", "generation_time", "output_name", "overwrite", "verify", "roi"];

/// A fingerprint of the version and of all options that change a product. Of a region the rectangle counts, not how it was given.
pub(crate) fn options_digest(options: &Options, region: Option<Block>) -> String {
    let mut values = serde_json::to_value(options).unwrap_or_default();
    if let Some(values) = values.as_object_mut() {
        values.retain(|name, _| !WITHOUT_EFFECT.contains(&name.as_str()));
    }
    let region = region.map(|region| format!(" {region:?}")).unwrap_or_default();
    let text = format!("sen2cor {} {values}{region}", env!("CARGO_PKG_VERSION"));
    Algorithm::Sha3_256.digest(text.as_bytes()).chars().take(32).collect()
}

/// The finished product in `folder`, the newest if there are several; `name` is that of its folder if it was given.
///
/// # Errors
/// If the folder cannot be listed.
pub(crate) fn find(
    folder: &Path,
    names: &L2aNames,
    name: Option<&str>,
    digest: &str,
) -> Result<Option<PathBuf>> {
    let candidates = match name {
        Some(name) => vec![folder.join(name)],
        None => alike(folder, names)?,
    };
    Ok(candidates.into_iter().rev().find(|product| is_wanted(product, names, digest)))
}

/// Products whose names differ in the time of making at most, by name.
fn alike(folder: &Path, names: &L2aNames) -> Result<Vec<PathBuf>> {
    let listing = |e| Error::output_io(folder, "listing", e);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(listing)?,
    };
    let own = names.product();
    let Some((stem, _)) = own.rsplit_once('_') else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(listing)?.file_name();
        // All names have the same parts of the same lengths.
        let is_alike = name.to_str().is_some_and(|name| name.len() == own.len() && name.starts_with(stem));
        if is_alike {
            found.push(folder.join(name));
        }
    }
    found.sort();
    Ok(found)
}

fn is_wanted(product: &Path, names: &L2aNames, digest: &str) -> bool {
    let granule = product.join(names.granule());
    let read = |path: PathBuf| Element::parse(&path, &std::fs::read(&path).ok()?).ok();
    let of_tile = || {
        let tile = read(granule.join("MTD_TL.xml"))?;
        Some(tile.find("General_Info/L1C_TILE_ID")?.text() == names.l1c_tile_id)
    };
    let of_options = || {
        let report = read(granule.join("QI_DATA/L2A_QUALITY.xml"))?;
        let mut values = report.find_all("value").into_iter();
        Some(values.find(|value| value.attribute("name") == Some(DIGEST))?.text() == digest)
    };
    product.join("manifest.safe").is_file() && of_tile() == Some(true) && of_options() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_options_that_change_the_product_change_the_digest() {
        let digest = |options: &Options| options_digest(options, None);
        let plain = digest(&Options::default());
        let mut options = Options::default();
        options.execution.block_cells = 600;
        options.product.overwrite = true;
        assert_eq!(digest(&options), plain);
        let region = Block { row: 0, col: 0, rows: 6, cols: 6 };
        assert_ne!(options_digest(&options, Some(region)), plain);
        options.atmosphere.ozone_du = Some(330.0);
        assert_ne!(digest(&options), plain);
    }
}
