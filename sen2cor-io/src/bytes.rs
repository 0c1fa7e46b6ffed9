//! Positioned reading: from a file, a part of a file (a stored archive member) or memory.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Bytes that can be read at any position, by several readers at a time.
pub trait ByteSource {
    /// What to call it in messages.
    fn path(&self) -> &Path;

    /// Number of bytes.
    fn len(&self) -> u64;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// If the source ends before the buffer is full or the system refuses.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// The bytes `offset..offset + len`.
    ///
    /// # Errors
    /// If the source ends before; checked before memory is asked for.
    fn read_range(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        if offset.checked_add(len).is_none_or(|end| end > self.len()) {
            return Err(Error::Format {
                file: self.path().to_owned(),
                reason: format!("ends after {} bytes, {len} at {offset} are needed", self.len()),
            });
        }
        let mut buffer = vec![0; len as usize];
        self.read_at(offset, &mut buffer)?;
        Ok(buffer)
    }
}

/// A file or a part of it.
#[derive(Debug)]
pub struct FileSource {
    path: PathBuf,
    file: Mutex<File>,
    start: u64,
    len: u64,
}

impl FileSource {
    /// A whole file.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
        let len = file.metadata().map_err(|e| Error::io(path, "reading the size", e))?.len();
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), start: 0, len })
    }

    /// The part `start..start + len` of a file.
    ///
    /// # Errors
    /// If it cannot be opened or is shorter.
    pub fn open_part(path: &Path, start: u64, len: u64) -> Result<Self> {
        let whole = Self::open(path)?;
        if start.checked_add(len).is_none_or(|end| end > whole.len) {
            return Err(Error::Format {
                file: path.to_owned(),
                reason: format!("ends after {} bytes, {len} at {start} are needed", whole.len),
            });
        }
        Ok(Self { start, len, ..whole })
    }
}

impl ByteSource for FileSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.start + offset))
            .and_then(|_| file.read_exact(buffer))
            .map_err(|e| Error::io(&self.path, "reading", e))
    }
}

/// Bytes in memory under a name.
#[derive(Clone, Copy, Debug)]
pub struct MemorySource<'a> {
    name: &'a Path,
    bytes: &'a [u8],
}

impl<'a> MemorySource<'a> {
    /// `name` is what messages call it.
    pub fn new(name: &'a Path, bytes: &'a [u8]) -> Self {
        Self { name, bytes }
    }
}

impl ByteSource for MemorySource<'_> {
    fn path(&self) -> &Path {
        self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|start| self.bytes.get(start..start.checked_add(buffer.len())?))
            .ok_or_else(|| Error::Format {
                file: self.name.to_owned(),
                reason: "ends too early".to_owned(),
            })?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}
