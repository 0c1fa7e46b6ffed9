//! Products appear whole or not at all: they are written into a hidden folder beside their final place, which is
//! renamed as the last step.
//!
//! The hidden folder lies in the output folder itself, so that the rename stays within one file system and is a
//! single step for every other process.

use crate::error::{Error, Result};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Distinguishes the stagings of one process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// What to do when something is already at the final place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Fail, and leave it as it is.
    Keep,
    /// Move it aside, publish, then delete it.
    Replace,
}

/// A folder in the making; removed with everything in it unless it is published.
#[derive(Debug)]
pub struct Staging {
    partial: PathBuf,
    final_path: PathBuf,
    existing: Existing,
    published: bool,
}

impl Staging {
    /// Creates the hidden folder `.<name>.partial-<process>-<n>` beside `final_path`; missing parents are created.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be created, or with `AlreadyExists` if something is at `final_path` and
    /// shall be kept.
    pub fn begin(final_path: &Path, existing: Existing) -> Result<Self> {
        if existing == Existing::Keep {
            refuse_existing(final_path)?;
        }
        let parent = parent_of(final_path);
        fs::create_dir_all(parent).map_err(|e| Error::io(parent, "creating the folder", e))?;
        let partial = loop {
            let partial = sibling(final_path, "partial")?;
            match fs::create_dir(&partial) {
                Ok(()) => break partial,
                // Left behind by a process of the same number that was killed.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io(&partial, "creating the folder", e)),
            }
        };
        Ok(Self { partial, final_path: final_path.to_owned(), existing, published: false })
    }

    /// The folder to write into.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Where the folder will be after [`Staging::publish`].
    pub fn final_path(&self) -> &Path {
        &self.final_path
    }

    /// Renames the folder to its final path, which is returned.
    ///
    /// # Errors
    /// [`Error::Io`] if the rename fails, with `AlreadyExists` if something appeared at the final path that shall be
    /// kept. The hidden folder is then removed, and what was at the final path stays there.
    pub fn publish(mut self) -> Result<PathBuf> {
        let rename =
            |from: &Path, to: &Path| fs::rename(from, to).map_err(|e| Error::io(to, "renaming to it", e));
        if fs::symlink_metadata(&self.final_path).is_err() {
            rename(&self.partial, &self.final_path)?;
        } else if self.existing == Existing::Keep {
            refuse_existing(&self.final_path)?;
        } else {
            let old = sibling(&self.final_path, "replaced")?;
            rename(&self.final_path, &old)?;
            if let Err(error) = rename(&self.partial, &self.final_path) {
                rename(&old, &self.final_path)?;
                return Err(error);
            }
            remove(&old).map_err(|e| Error::io(&old, "removing the replaced product", e))?;
        }
        self.published = true;
        Ok(std::mem::take(&mut self.final_path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be done about a folder that cannot be removed; its name tells what it is.
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn refuse_existing(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io(path, "looking for it", e)),
        Ok(_) => Err(Error::io(
            path,
            "creating the product",
            io::Error::new(io::ErrorKind::AlreadyExists, "it exists already"),
        )),
    }
}

/// A hidden path beside `path` that this process has not used yet.
fn sibling(path: &Path, what: &str) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| {
        Error::io(path, "creating the product", io::Error::new(io::ErrorKind::InvalidInput, "it has no name"))
    })?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{what}-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
    Ok(parent_of(path).join(hidden))
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_product_appears_whole_with_the_rename() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("deep/out.SAFE");
        let staging = Staging::begin(&target, Existing::Keep).unwrap();
        fs::write(staging.path().join("a"), "1").unwrap();
        assert!(!target.exists());
        assert_eq!(staging.publish().unwrap(), target);
        assert_eq!(fs::read(target.join("a")).unwrap(), b"1");
        assert_eq!(entries(target.parent().unwrap()), ["out.SAFE"]);
    }

    #[test]
    fn an_abandoned_product_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::begin(&folder.path().join("out.SAFE"), Existing::Keep).unwrap();
        fs::write(staging.path().join("a"), "1").unwrap();
        drop(staging);
        assert!(entries(folder.path()).is_empty());
    }

    #[test]
    fn what_exists_is_kept_or_replaced_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.SAFE");
        let late = Staging::begin(&target, Existing::Keep).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("old"), "0").unwrap();
        for error in [Staging::begin(&target, Existing::Keep).unwrap_err(), late.publish().unwrap_err()] {
            assert!(
                matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
            );
        }
        assert_eq!(entries(folder.path()), ["out.SAFE"]);
        assert_eq!(entries(&target), ["old"]);

        let staging = Staging::begin(&target, Existing::Replace).unwrap();
        fs::write(staging.path().join("new"), "1").unwrap();
        staging.publish().unwrap();
        assert_eq!(entries(folder.path()), ["out.SAFE"]);
        assert_eq!(entries(&target), ["new"]);
    }
}
