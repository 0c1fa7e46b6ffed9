//! Where the bytes of a product's file are: in a file of their own, or stored or deflated in an archive.
//!
//! Source of the archive format: PKWARE APPNOTE.TXT 6.3, read by the `zip` crate, which checks the CRC-32.

use crate::bytes::{ByteSource, FileSource};
use crate::checksum::Algorithm;
use crate::error::{Error, Result};
use crate::limits::MAX_IMAGE_FILE_BYTES;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

const CHUNK: usize = 64 << 10;

/// Where the bytes of a file are; small, so that it can travel to workers as a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FileRef {
    /// A file or a part of one, as a member that an archive stores uncompressed. Read in place.
    Plain {
        /// The file or archive.
        path: PathBuf,
        /// Name of the member, in an archive.
        member: Option<String>,
        /// First byte.
        start: u64,
        /// Number of bytes.
        len: u64,
    },
    /// A member that an archive holds compressed. Read by inflating it into memory.
    Deflated {
        /// The archive.
        archive: PathBuf,
        /// Name of the member.
        member: String,
        /// Number of bytes when inflated.
        len: u64,
        /// Checksum of the inflated bytes.
        crc32: u32,
    },
}

impl FileRef {
    /// A whole file.
    ///
    /// # Errors
    /// If the system does not tell its size.
    pub fn of_file(path: &Path) -> Result<Self> {
        let len = std::fs::metadata(path).map_err(|e| Error::io(path, "reading the size", e))?.len();
        Ok(Self::Plain { path: path.to_owned(), member: None, start: 0, len })
    }

    /// Number of bytes, inflated.
    pub const fn len(&self) -> u64 {
        match self {
            Self::Plain { len, .. } | Self::Deflated { len, .. } => *len,
        }
    }

    /// Whether there is nothing to read.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file that holds the bytes, perhaps an archive.
    pub fn path(&self) -> &Path {
        match self {
            Self::Plain { path, .. } | Self::Deflated { archive: path, .. } => path,
        }
    }

    /// What messages call it: the path, in an archive followed by the name of the member.
    pub fn display_path(&self) -> PathBuf {
        match self {
            Self::Plain { path, member: None, .. } => path.clone(),
            Self::Plain { path, member: Some(member), .. } => path.join(member),
            Self::Deflated { archive, member, .. } => archive.join(member),
        }
    }

    /// Opens it for reading at any position. A compressed member is inflated into memory as a whole, and its length
    /// and CRC-32 are checked.
    ///
    /// # Errors
    /// If it cannot be opened, is shorter than expected, damaged or larger than
    /// [`MAX_IMAGE_FILE_BYTES`](crate::limits::MAX_IMAGE_FILE_BYTES) when inflated.
    pub fn open(&self) -> Result<Box<dyn ByteSource + Send + Sync>> {
        let name = self.display_path();
        match self {
            Self::Plain { path, start, len, .. } => {
                Ok(Box::new(Named { name, inner: FileSource::open_part(path, *start, *len)? }))
            }
            Self::Deflated { .. } => Ok(Box::new(InMemory { name, bytes: self.read(MAX_IMAGE_FILE_BYTES)? })),
        }
    }

    /// All bytes.
    ///
    /// # Errors
    /// If there are more than `limit`, or as [`FileRef::open`].
    pub fn read(&self, limit: u64) -> Result<Vec<u8>> {
        if self.len() > limit {
            return Err(
                self.damaged(&format!("has {} bytes, more than the {limit} allowed here", self.len()))
            );
        }
        // The declared length of a compressed member is not trusted: memory grows with what really comes.
        let reserve = if matches!(self, Self::Plain { .. }) { self.len() as usize } else { CHUNK };
        let mut bytes = Vec::with_capacity(reserve);
        self.stream(|chunk| bytes.extend_from_slice(chunk))?;
        Ok(bytes)
    }

    /// Fills `out`, which must have exactly the length of the file.
    ///
    /// # Errors
    /// If the length differs, or as [`FileRef::open`].
    pub fn inflate_into(&self, out: &mut [u8]) -> Result<()> {
        if out.len() as u64 != self.len() {
            return Err(self.damaged(&format!("has {} bytes, room is for {}", self.len(), out.len())));
        }
        let mut rest = out;
        self.stream(|chunk| {
            if let Some((here, behind)) = std::mem::take(&mut rest).split_at_mut_checked(chunk.len()) {
                here.copy_from_slice(chunk);
                rest = behind;
            }
        })
    }

    /// Digest of the (inflated) bytes, hexadecimal in lower case. Needs the same small memory for any size.
    ///
    /// # Errors
    /// As [`FileRef::open`].
    pub fn digest(&self, algorithm: Algorithm) -> Result<String> {
        let mut hasher = algorithm.hasher();
        self.stream(|chunk| hasher.update(chunk))?;
        Ok(hasher.finish())
    }

    /// Hands all bytes on in order, never more than [`FileRef::len`]; fewer are an error.
    fn stream(&self, mut sink: impl FnMut(&[u8])) -> Result<()> {
        match self {
            Self::Plain { path, start, len, .. } => {
                let source = FileSource::open_part(path, *start, *len)?;
                let mut buffer = vec![0; CHUNK];
                let mut at = 0;
                while at < *len {
                    let count = (*len - at).min(CHUNK as u64);
                    if let Some(part) = buffer.get_mut(..count as usize) {
                        source.read_at(at, part)?;
                        sink(part);
                    }
                    at += count;
                }
                Ok(())
            }
            Self::Deflated { archive, member, len, crc32 } => {
                let file = File::open(archive).map_err(|e| Error::io(archive, "opening", e))?;
                let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| self.damaged(&e))?;
                let mut reader = zip.by_name(member).map_err(|e| self.damaged(&e))?;
                if (reader.size(), reader.crc32()) != (*len, *crc32) {
                    return Err(self.damaged(&"the archive was changed since it was opened"));
                }
                self.inflate(&mut reader, *len, &mut sink)
            }
        }
    }

    fn inflate(&self, reader: &mut dyn Read, len: u64, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut buffer = vec![0; CHUNK];
        let mut done = 0;
        loop {
            // Reading up to the end makes the reader check the CRC-32.
            let count = reader.read(&mut buffer).map_err(|e| self.damaged(&e))?;
            if count == 0 {
                break;
            }
            done += count as u64;
            if done > len {
                return Err(self.damaged(&format!("inflates to more than the {len} bytes declared")));
            }
            sink(buffer.get(..count).unwrap_or_default());
        }
        if done < len {
            return Err(self.damaged(&format!("inflates to {done} bytes, {len} are declared")));
        }
        Ok(())
    }

    fn damaged(&self, reason: &impl ToString) -> Error {
        Error::Archive { path: self.display_path(), reason: reason.to_string() }
    }
}

/// A part of a file under the name of the member that it is.
struct Named {
    name: PathBuf,
    inner: FileSource,
}

impl ByteSource for Named {
    fn path(&self) -> &Path {
        &self.name
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.inner.len()) {
            return Err(Error::Format { file: self.name.clone(), reason: "ends too early".to_owned() });
        }
        self.inner.read_at(offset, buffer)
    }
}

/// Bytes in memory that belong to the source.
struct InMemory {
    name: PathBuf,
    bytes: Vec<u8>,
}

impl ByteSource for InMemory {
    fn path(&self) -> &Path {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        crate::bytes::MemorySource::new(&self.name, &self.bytes).read_at(offset, buffer)
    }
}
