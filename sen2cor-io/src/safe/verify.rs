//! Compares the files of a product with its manifest. Works for products of any level.

use super::container::Container;
use super::file_ref::FileRef;
use super::manifest::{MANIFEST, Manifest, ManifestEntry};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// What the comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Number of files that were compared.
    pub checked: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong, in the order of the paths.
    pub problems: Vec<Problem>,
    /// Files of the product that the manifest does not list.
    pub unlisted: Vec<String>,
}

impl VerifyReport {
    /// Whether every file that was asked for is there and has the content that the manifest says.
    pub const fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A file that differs from the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Path relative to the product.
    pub file: String,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// How a file differs from the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProblemKind {
    /// It is not there.
    Missing,
    /// It has another size.
    Size {
        /// Bytes in the manifest.
        expected: u64,
        /// Bytes there are.
        found: u64,
        /// Whether the checksum agrees all the same, so that it is the manifest's size that is wrong; `None` if the
        /// checksum cannot be computed.
        checksum_agrees: Option<bool>,
    },
    /// It has the size but another content.
    Checksum {
        /// Name of the algorithm.
        algorithm: String,
        /// Digest in the manifest.
        expected: String,
        /// Digest of the file.
        found: String,
    },
    /// The manifest has a checksum of a kind that cannot be computed here.
    UnknownAlgorithm {
        /// Its name.
        name: String,
    },
    /// The manifest names a path outside the product.
    Outside,
    /// The manifest does not list a file that was asked for.
    NotListed,
    /// It cannot be read.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        match &self.kind {
            ProblemKind::Missing => write!(f, "missing"),
            ProblemKind::Size { expected, found, checksum_agrees } => {
                write!(f, "{found} bytes, the manifest says {expected}")?;
                let agrees = *checksum_agrees == Some(true);
                if agrees { write!(f, " (but the checksum agrees)") } else { Ok(()) }
            }
            ProblemKind::Checksum { algorithm, expected, found } => {
                write!(f, "{algorithm} checksum is {found}, the manifest says {expected}")
            }
            ProblemKind::UnknownAlgorithm { name } => write!(f, "checksum of unknown kind {name:?}"),
            ProblemKind::Outside => write!(f, "a path outside the product"),
            ProblemKind::NotListed => write!(f, "not in the manifest"),
            ProblemKind::Unreadable { reason } => write!(f, "{reason}"),
        }
    }
}

/// Compares a product with its manifest. With `only`, just these files (paths relative to the product).
///
/// # Errors
/// If it is no product, or its manifest is missing or unreadable. Differences are no errors, they are reported.
pub fn verify(path: &Path, only: Option<&[&str]>) -> Result<VerifyReport> {
    verify_container(&Container::open(path)?, only)
}

/// As [`verify`], for a product that is open.
///
/// # Errors
/// If the manifest is missing or unreadable.
pub fn verify_container(container: &Container, only: Option<&[&str]>) -> Result<VerifyReport> {
    let manifest = Manifest::of(container)?.ok_or_else(|| Error::Missing {
        path: container.display_path(MANIFEST),
        what: "the manifest, without which nothing can be verified,".to_owned(),
    })?;
    let mut report = VerifyReport::default();
    let wanted = |file: &str| only.is_none_or(|only| only.contains(&file));
    for (file, entry) in manifest.entries.iter().filter(|(file, _)| wanted(file)) {
        if let Some(kind) = compare(container, file, entry, &mut report) {
            report.problems.push(Problem { file: file.clone(), kind });
        }
    }
    if let Some(only) = only {
        let absent = only.iter().filter(|file| !manifest.entries.contains_key(**file));
        let problems = absent.map(|file| Problem { file: (*file).to_owned(), kind: ProblemKind::NotListed });
        report.problems.extend(problems);
    } else {
        let outside = manifest.outside.iter();
        report
            .problems
            .extend(outside.map(|file| Problem { file: file.clone(), kind: ProblemKind::Outside }));
        let files = container.files().iter();
        let unlisted = files.filter(|file| *file != MANIFEST && !manifest.entries.contains_key(*file));
        report.unlisted = unlisted.cloned().collect();
    }
    Ok(report)
}

/// Checks one file against its entry, e.g. as a unit of work before it is decoded. `display` is what messages call
/// it. A wrong size in the manifest is accepted if the checksum agrees; an entry with a checksum of unknown kind is
/// checked by its size alone.
///
/// # Errors
/// [`Error::Checksum`] if the content differs, [`Error::Format`] if the size differs too, or if it cannot be read.
pub fn check_file(file: &FileRef, entry: &ManifestEntry, display: &Path) -> Result<()> {
    let wrong_size = || Error::Format {
        file: display.to_owned(),
        reason: format!("has {} bytes, the manifest says {}", file.len(), entry.size),
    };
    let size_agrees = file.len() == entry.size;
    let Some(algorithm) = entry.algorithm else {
        return if size_agrees { Ok(()) } else { Err(wrong_size()) };
    };
    let found = file.digest(algorithm)?;
    if found == entry.checksum {
        return Ok(());
    }
    if !size_agrees {
        return Err(wrong_size());
    }
    Err(Error::Checksum {
        file: display.to_owned(),
        algorithm: algorithm.name(),
        expected: entry.checksum.clone(),
        found,
    })
}

fn compare(
    container: &Container,
    relative: &str,
    entry: &ManifestEntry,
    report: &mut VerifyReport,
) -> Option<ProblemKind> {
    if !container.exists(relative) {
        return Some(ProblemKind::Missing);
    }
    let unreadable = |error: Error| ProblemKind::Unreadable { reason: error.to_string() };
    let file = match container.stored(relative) {
        Ok(file) => file,
        Err(error) => return Some(unreadable(error)),
    };
    report.checked += 1;
    report.bytes += file.len();
    let digest = match entry.algorithm.map(|algorithm| file.digest(algorithm)).transpose() {
        Ok(digest) => digest,
        Err(error) => return Some(unreadable(error)),
    };
    let checksum_agrees = digest.as_ref().map(|digest| *digest == entry.checksum);
    if file.len() != entry.size {
        return Some(ProblemKind::Size { expected: entry.size, found: file.len(), checksum_agrees });
    }
    match digest {
        None => Some(ProblemKind::UnknownAlgorithm { name: entry.algorithm_name.clone() }),
        Some(found) if found != entry.checksum => Some(ProblemKind::Checksum {
            algorithm: entry.algorithm_name.clone(),
            expected: entry.checksum.clone(),
            found,
        }),
        Some(_) => None,
    }
}
