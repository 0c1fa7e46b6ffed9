//! `manifest.safe`: the files of a product with their sizes and checksums.
//!
//! Source: XFDU packaging of Sentinel products (`dataObjectSection`) and the manifests of real products: MD5 up to
//! baseline 03.00, SHA3-256 from 03.01 on, `checksumName` says which; paths with and without `./` in front.

use super::container::Container;
use crate::checksum::Algorithm;
use crate::error::{Error, Result};
use crate::limits::MAX_XML_BYTES;
use crate::xml::Element;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the manifest in every product.
pub const MANIFEST: &str = "manifest.safe";

/// What a manifest says about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Number of bytes. Level-2A products of the original processor have wrong ones here.
    pub size: u64,
    /// The algorithm; `None` if it is not one that can be computed here.
    pub algorithm: Option<Algorithm>,
    /// Name of the algorithm as written.
    pub algorithm_name: String,
    /// Digest, hexadecimal in lower case.
    pub checksum: String,
}

/// The files that a manifest lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// By path relative to the product, without `./` in front.
    pub entries: BTreeMap<String, ManifestEntry>,
    /// Paths that lead outside the product, which a few real manifests have by mistake.
    pub outside: Vec<String>,
}

impl Manifest {
    /// The manifest of a product, or `None` if it has none.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn of(container: &Container) -> Result<Option<Self>> {
        if !container.exists(MANIFEST) {
            return Ok(None);
        }
        let bytes = container.read(MANIFEST, MAX_XML_BYTES)?;
        Self::parse(&container.display_path(MANIFEST), &bytes).map(Some)
    }

    /// Reads a manifest. `file` is what messages call it.
    ///
    /// # Errors
    /// [`Error::Xml`] if it is damaged, [`Error::Field`] if it has no list of files or an entry is incomplete.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self> {
        let document = Element::parse(file, bytes)?;
        let section = document.require(file, "dataObjectSection")?;
        let mut manifest = Self::default();
        for object in section.children_named("dataObject") {
            for stream in object.children_named("byteStream") {
                let (href, entry) = entry(file, object, stream)?;
                match relative(&href) {
                    Some(path) => {
                        manifest.entries.insert(path, entry);
                    }
                    None => manifest.outside.push(href),
                }
            }
        }
        Ok(manifest)
    }
}

fn entry(file: &Path, object: &Element, stream: &Element) -> Result<(String, ManifestEntry)> {
    let path =
        format!("dataObjectSection/dataObject[ID={}]/byteStream", object.attribute("ID").unwrap_or("?"));
    let wrong = |field: &str, expected: &str, found: Option<&str>| {
        let found = found.map_or_else(|| "nothing".to_owned(), |text| format!("{text:?}"));
        Error::field(file, format!("{path}{field}"), expected, found)
    };
    let size = stream.attribute("size");
    let location = stream.require(file, "fileLocation")?;
    let href = location.attribute("href").filter(|href| !href.is_empty());
    let checksum = stream.require(file, "checksum")?;
    let name = checksum.attribute("checksumName");
    let algorithm_name =
        name.ok_or_else(|| wrong("/checksum@checksumName", "MD5 or SHA3-256", name))?.to_owned();
    let algorithm = Algorithm::from_name(&algorithm_name);
    let digest = checksum.text().to_ascii_lowercase();
    let digits = algorithm.map(|algorithm| match algorithm {
        Algorithm::Md5 => 32,
        Algorithm::Sha3_256 => 64,
    });
    if digits.is_some_and(|count| digest.len() != count || !digest.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(wrong(
            "/checksum",
            &format!("a {algorithm_name} digest in hexadecimal digits"),
            Some(&digest),
        ));
    }
    let entry = ManifestEntry {
        size: size
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| wrong("@size", "a number of bytes", size))?,
        algorithm,
        algorithm_name,
        checksum: digest,
    };
    Ok((href.ok_or_else(|| wrong("/fileLocation@href", "a path", href))?.to_owned(), entry))
}

/// The path inside the product, or `None` if it leads outside.
fn relative(href: &str) -> Option<String> {
    if href.starts_with('/') || href.contains(['\\', ':']) {
        return None;
    }
    let parts: Vec<&str> = href.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_as_relative_or_refused() {
        assert_eq!(relative("./A/b.xml").as_deref(), Some("A/b.xml"));
        assert_eq!(relative("A//b.xml").as_deref(), Some("A/b.xml"));
        for outside in ["/dpc/b.xml", "../b.xml", "A/../../b", "C:/b", ".", "http://x/y"] {
            assert_eq!(relative(outside), None, "{outside}");
        }
    }
}
