//! A product as a set of files: a SAFE folder or a zip archive of one. Nothing is unpacked to disk.
//!
//! Only files that were listed when the product was opened can be reached, so that no path in metadata leads outside.

use super::archive;
use super::file_ref::FileRef;
use crate::error::{Error, Result};
use crate::limits::{MAX_ARCHIVE_MEMBERS, MAX_IMAGE_FILE_BYTES};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Deepest folder below the product that is read; real products have 4 levels.
const MAX_FOLDER_DEPTH: usize = 8;

/// Where a product lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Location {
    /// A folder.
    Folder(PathBuf),
    /// A zip archive.
    Zip {
        /// The archive.
        archive: PathBuf,
        /// The folder of the product in the archive with a slash behind it; empty if the product lies at the top.
        prefix: String,
    },
}

/// The files of a product.
#[derive(Clone, Debug)]
pub struct Container {
    location: Location,
    name: String,
    files: Vec<String>,
    /// Only for archives.
    members: BTreeMap<String, FileRef>,
}

impl Container {
    /// Opens a product by its folder, by its product metadata or `manifest.safe`, by a path inside its `GRANULE`
    /// folder, or by a zip archive of it.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is nothing, [`Error::NotAProduct`] if it is something else, [`Error::Archive`] if an
    /// archive is damaged or not to be trusted.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::Missing { path: path.to_owned(), what: "the product".to_owned() });
        }
        let full = absolute(path)?;
        if full.is_file() && archive::is_zip(&full)? {
            return Self::open_zip(&full);
        }
        let root = product_root(&full)
            .ok_or_else(|| Error::NotAProduct { path: path.to_owned(), reason: what_it_is(&full) })?;
        let mut files = Vec::new();
        list_folder(&root, "", MAX_FOLDER_DEPTH, &mut files)?;
        files.sort_unstable();
        let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { location: Location::Folder(root), name, files, members: BTreeMap::new() })
    }

    fn open_zip(path: &Path) -> Result<Self> {
        let all = archive::members(path)?;
        let prefix = zip_prefix(path, &all)?;
        let mut members = BTreeMap::new();
        for (name, file) in all {
            if let Some(relative) = name.strip_prefix(&prefix) {
                members.insert(relative.to_owned(), file);
            }
        }
        let name = if prefix.is_empty() {
            path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
        } else {
            prefix.trim_end_matches('/').to_owned()
        };
        let files = members.keys().cloned().collect();
        Ok(Self { location: Location::Zip { archive: path.to_owned(), prefix }, name, files, members })
    }

    /// Folder or archive.
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// The folder of the product or the archive.
    pub fn path(&self) -> &Path {
        match &self.location {
            Location::Folder(path) | Location::Zip { archive: path, .. } => path,
        }
    }

    /// Name of the product's folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All files, relative to the product, with `/` between folders, sorted.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The files below a folder (given without slash at its end), relative to the product.
    pub fn files_below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a str> {
        let prefix = format!("{folder}/");
        let start = self.files.partition_point(|file| *file < prefix);
        let below = self.files.get(start..).unwrap_or_default();
        below.iter().map(String::as_str).take_while(move |file| file.starts_with(&prefix))
    }

    /// Whether the product has this file.
    pub fn exists(&self, relative: &str) -> bool {
        self.files.binary_search_by(|file| file.as_str().cmp(relative)).is_ok()
    }

    /// What messages call a file of the product.
    pub fn display_path(&self, relative: &str) -> PathBuf {
        match &self.location {
            Location::Folder(path) => path.join(relative),
            Location::Zip { archive, prefix } => archive.join(format!("{prefix}{relative}")),
        }
    }

    /// Where the bytes of a file are.
    ///
    /// # Errors
    /// [`Error::Missing`] if the product has no such file.
    pub fn stored(&self, relative: &str) -> Result<FileRef> {
        if !self.exists(relative) {
            return Err(Error::Missing { path: self.display_path(relative), what: "the file".to_owned() });
        }
        match self.members.get(relative) {
            Some(file) => Ok(file.clone()),
            None => FileRef::of_file(&self.display_path(relative)),
        }
    }

    /// All bytes of a file.
    ///
    /// # Errors
    /// If there is no such file, it has more than `limit` bytes, cannot be read or is damaged.
    pub fn read(&self, relative: &str, limit: u64) -> Result<Vec<u8>> {
        self.stored(relative)?.read(limit.min(MAX_IMAGE_FILE_BYTES))
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    // ".." is left to the system, because folders may be links; other paths stay as they were written.
    if path.components().any(|part| part.as_os_str() == "..") {
        return path.canonicalize().map_err(|e| Error::io(path, "resolving", e));
    }
    std::path::absolute(path).map_err(|e| Error::io(path, "resolving", e))
}

/// The product that a path is, or is inside of.
fn product_root(path: &Path) -> Option<PathBuf> {
    let folder = if path.is_dir() { path } else { path.parent()? };
    if is_product_folder(folder) {
        return Some(folder.to_owned());
    }
    let granules = path.ancestors().find(|part| part.file_name() == Some(OsStr::new("GRANULE")))?;
    granules.parent().filter(|root| is_product_folder(root)).map(Path::to_owned)
}

fn is_product_folder(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| marks_product(&entry.file_name().to_string_lossy()))
}

/// Whether a file of this name lies at the top of a product and nowhere else.
fn marks_product(name: &str) -> bool {
    let xml = Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("xml"));
    name == "manifest.safe" || (xml && (name.starts_with("MTD_MSI") || name.contains("_MTD_SAF")))
}

fn what_it_is(path: &Path) -> String {
    let Ok(entries) = fs::read_dir(path) else {
        return "neither a product folder, nor a file of one, nor a zip archive".to_owned();
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    match names.iter().find(|name| Path::new(name).extension() == Some(OsStr::new("SAFE"))) {
        Some(inside) => format!("a folder that holds {inside}; name that instead"),
        None => "a folder without MTD_MSIL1C.xml, S2?_OPER_MTD_SAFL1C_*.xml and manifest.safe".to_owned(),
    }
}

fn list_folder(root: &Path, below: &str, depth: usize, files: &mut Vec<String>) -> Result<()> {
    let folder = root.join(below);
    let entries = fs::read_dir(&folder).map_err(|e| Error::io(&folder, "listing", e))?;
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(&folder, "listing", e))?;
        // A name that is no Unicode is no file of a product.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let relative = if below.is_empty() { name } else { format!("{below}/{name}") };
        // Follows links, as images are often linked into products. A link to nowhere is a missing file.
        let Ok(kind) = fs::metadata(entry.path()) else { continue };
        if kind.is_dir() && depth > 0 {
            list_folder(root, &relative, depth - 1, files)?;
        } else if kind.is_file() {
            files.push(relative);
        }
        if files.len() > MAX_ARCHIVE_MEMBERS {
            return Err(Error::NotAProduct {
                path: root.to_owned(),
                reason: format!("more than {MAX_ARCHIVE_MEMBERS} files"),
            });
        }
    }
    Ok(())
}

/// The folder of the only product in an archive, with a slash behind it.
fn zip_prefix(path: &Path, members: &BTreeMap<String, FileRef>) -> Result<String> {
    let mut prefixes: Vec<String> = members
        .keys()
        .filter_map(|name| match name.split_once('/') {
            None if marks_product(name) => Some(String::new()),
            Some((folder, file)) if marks_product(file) => Some(format!("{folder}/")),
            _ => None,
        })
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    let not = |reason: String| Error::NotAProduct { path: path.to_owned(), reason };
    match prefixes.as_slice() {
        [] => Err(not("a zip archive without product metadata and manifest.safe in it".to_owned())),
        [prefix] => Ok(prefix.clone()),
        several => Err(not(format!("a zip archive with {} products, one is expected", several.len()))),
    }
}
