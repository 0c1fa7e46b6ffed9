//! Files against the manifest.

use super::bad_input;
use sen2cor_exec::{Kernel, KernelError, UnitIo};
use sen2cor_io::safe::{FileRef, ManifestEntry, check_file};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Compares size and checksum of a file with its entry in the manifest.
pub(crate) struct VerifyFile;

/// Parameters of [`VerifyFile`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct VerifyParams {
    pub(crate) file: FileRef,
    pub(crate) entry: ManifestEntry,
    /// What messages call the file.
    pub(crate) display: PathBuf,
}

impl Kernel for VerifyFile {
    const NAME: &'static str = "file.verify/1";
    type Params = VerifyParams;
    type Partial = ();

    fn run(params: &VerifyParams, _: &mut UnitIo<'_>) -> Result<(), KernelError> {
        check_file(&params.file, &params.entry, &params.display).map_err(|e| bad_input(&params.display, &e))
    }
}
