//! The members of a zip archive, listed once and checked before anything is read from them.
//!
//! Source: PKWARE APPNOTE.TXT 6.3, read by the `zip` crate.

use super::file_ref::FileRef;
use crate::error::{Error, Result};
use crate::limits::{MAX_ARCHIVE_MEMBERS, MAX_IMAGE_FILE_BYTES};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zip::{CompressionMethod, ZipArchive};

/// Deflate cannot shrink by more than this (RFC 1951: 258 bytes in 2 bits).
const MAX_DEFLATE_RATIO: u64 = 1032;

/// Whether a file is a zip archive, by its first bytes or its name.
pub(super) fn is_zip(path: &Path) -> Result<bool> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
        return Ok(true);
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
    file.take(4).read_to_end(&mut start).map_err(|e| Error::io(path, "reading", e))?;
    Ok(start == b"PK\x03\x04")
}

/// The files in an archive by their name.
///
/// # Errors
/// [`Error::Archive`] if it is damaged, has too many members, or one that is encrypted, a link, leads outside, occurs
/// twice, is larger than allowed or declares an impossible size.
pub(super) fn members(path: &Path) -> Result<BTreeMap<String, FileRef>> {
    let bad = |reason: String| Error::Archive { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
    let archive_len = file.metadata().map_err(|e| Error::io(path, "reading the size", e))?.len();
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| bad(e.to_string()))?;
    if zip.len() > MAX_ARCHIVE_MEMBERS {
        return Err(bad(format!("{} members, at most {MAX_ARCHIVE_MEMBERS} are read", zip.len())));
    }
    let mut found = BTreeMap::new();
    for index in 0..zip.len() {
        let member = zip.by_index_raw(index).map_err(|e| bad(e.to_string()))?;
        let name = member.name().map_err(|e| bad(e.to_string()))?.into_owned();
        if member.is_dir() {
            continue;
        }
        let bad = |reason: &str| Error::Archive { path: path.join(&name), reason: reason.to_owned() };
        check_name(&name).map_err(bad)?;
        if member.encrypted() {
            return Err(bad("encrypted"));
        }
        if member.is_symlink() {
            return Err(bad("a symbolic link, which is not followed in an archive"));
        }
        let (len, compressed_len) = (member.size(), member.compressed_size());
        let start = member.data_start().ok_or_else(|| bad("without a start"))?;
        check_size(archive_len, start, compressed_len, len).map_err(bad)?;
        let file = match member.compression() {
            CompressionMethod::Stored if len != compressed_len => {
                return Err(bad("stored with two different sizes"));
            }
            CompressionMethod::Stored => {
                FileRef::Plain { path: path.to_owned(), member: Some(name.clone()), start, len }
            }
            CompressionMethod::Deflated => FileRef::Deflated {
                archive: path.to_owned(),
                member: name.clone(),
                len,
                crc32: member.crc32(),
            },
            _ => return Err(bad("compressed by a method other than deflate")),
        };
        if found.insert(name.clone(), file).is_some() {
            return Err(bad("twice in the archive"));
        }
    }
    Ok(found)
}

/// Names must be relative and stay inside; nothing is unpacked, but names become paths in messages and outputs.
fn check_name(name: &str) -> std::result::Result<(), &'static str> {
    if name.starts_with('/') || name.contains(['\\', '\0', ':']) {
        return Err("not a relative path");
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("a path that may lead outside the archive");
    }
    Ok(())
}

fn check_size(
    archive_len: u64,
    start: u64,
    compressed_len: u64,
    len: u64,
) -> std::result::Result<(), &'static str> {
    if start.checked_add(compressed_len).is_none_or(|end| end > archive_len) {
        return Err("reaches beyond the end of the archive");
    }
    if len > MAX_IMAGE_FILE_BYTES {
        return Err("declares more bytes than a file of a product may have");
    }
    if len > compressed_len.saturating_mul(MAX_DEFLATE_RATIO) {
        return Err("declares more bytes than its data can hold");
    }
    Ok(())
}
