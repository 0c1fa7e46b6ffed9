//! Files of images written from slots.
//!
//! Splicing and checksums of a large image take a good part of a second, so they are units like any other and do not
//! hold up the coordinator. A unit that is run again begins its file anew.

use super::{chain, defect};
use ndarray::ArrayView2;
use sen2cor_exec::{ErrorKind, Kernel, KernelError, UnitIo};
use sen2cor_io::checksum::{Algorithm, Hasher};
use sen2cor_io::jp2::{Codec, ImageLayout, Jp2Error, TileCodec, write_jp2};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that a unit has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// SHA3-256, hexadecimal in lower case.
    pub(crate) sha3_256: String,
}

/// Splices the tile-parts in the slots of table 0 into the file of an image.
pub(crate) struct WriteImage;

/// Parameters of [`WriteImage`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WriteImageParams {
    pub(crate) path: PathBuf,
    pub(crate) layout: ImageLayout,
    /// The position, as a document of the file.
    pub(crate) gml: String,
    /// Length of each tile-part.
    pub(crate) lengths: Vec<u64>,
}

impl Kernel for WriteImage {
    const NAME: &'static str = "jp2.write-image/1";
    type Params = WriteImageParams;
    type Partial = WrittenFile;

    fn run(params: &WriteImageParams, io: &mut UnitIo<'_>) -> Result<WrittenFile, KernelError> {
        let (path, layout, slots) = (&params.path, &params.layout, io.table::<u8>(0)?);
        let header = Codec::Auto.main_header_segments(&layout.coding).map_err(|e| defect(&e))?;
        let parts = params
            .lengths
            .iter()
            .enumerate()
            .map(|(tile, &length)| slot_bytes(&slots, tile, length))
            .collect::<Result<Vec<_>, _>>()?;
        let mut file = HashedFile::create(path)?;
        write_jp2(&mut file, layout, &header, Some(&params.gml), parts.into_iter()).map_err(|e| match e {
            Jp2Error::Write(source) => cannot_write(path, "writing", &source),
            other => defect(&other),
        })?;
        file.finish(io)
    }
}

/// Writes the bytes in the first slot of table 0 as a file.
pub(crate) struct WriteFile;

/// Parameters of [`WriteFile`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WriteFileParams {
    pub(crate) path: PathBuf,
    pub(crate) length: u64,
}

impl Kernel for WriteFile {
    const NAME: &'static str = "file.write/1";
    type Params = WriteFileParams;
    type Partial = WrittenFile;

    fn run(params: &WriteFileParams, io: &mut UnitIo<'_>) -> Result<WrittenFile, KernelError> {
        let slots = io.table::<u8>(0)?;
        let bytes = slot_bytes(&slots, 0, params.length)?;
        let mut file = HashedFile::create(&params.path)?;
        file.write_all(bytes).map_err(|e| cannot_write(&params.path, "writing", &e))?;
        file.finish(io)
    }
}

fn slot_bytes<'a>(slots: &ArrayView2<'a, u8>, slot: usize, length: u64) -> Result<&'a [u8], KernelError> {
    let start = slot * slots.ncols();
    let all = (*slots).to_slice().unwrap_or_default();
    let bytes = usize::try_from(length).ok().and_then(|length| all.get(start..start + length));
    bytes.ok_or_else(|| KernelError::internal(format!("slot {slot} does not hold {length} bytes")))
}

fn cannot_write(path: &Path, doing: &str, error: &io::Error) -> KernelError {
    let kind = if crate::error::is_lasting(error) { ErrorKind::Output } else { ErrorKind::Transient };
    let message = format!("{doing} failed: {}", chain(error));
    KernelError { kind, file: Some(path.to_owned()), message }
}

/// A file whose size and checksum are known when it is finished, so that it need not be read again.
struct HashedFile {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Hasher,
    bytes: u64,
}

impl HashedFile {
    fn create(path: &Path) -> Result<Self, KernelError> {
        let file = File::create(path).map_err(|e| cannot_write(path, "creating", &e))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(1 << 20, file),
            hasher: Algorithm::Sha3_256.hasher(),
            bytes: 0,
        })
    }

    fn finish(mut self, io: &mut UnitIo<'_>) -> Result<WrittenFile, KernelError> {
        self.file.flush().map_err(|e| cannot_write(&self.path, "writing", &e))?;
        io.filled(self.bytes);
        Ok(WrittenFile { path: self.path, bytes: self.bytes, sha3_256: self.hasher.finish() })
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
