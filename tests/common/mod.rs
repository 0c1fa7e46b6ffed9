//! What tests of whole runs share: a simulated product in a folder of its own, and finding files in what comes out.

#![allow(dead_code, reason = "not every test needs everything")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use ndarray::Array2;
use sen2cor::io::bytes::FileSource;
use sen2cor::io::jp2::{ImageIndex, OpenJpeg, decode_image};
use sen2cor::{Simulation, Simulator};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A simulated product.
pub(crate) struct Scene {
    pub(crate) folder: TempDir,
    pub(crate) level_1c: PathBuf,
}

impl Scene {
    /// A scene with this edge in pixels of 10 m.
    pub(crate) fn of_size(size_px: u32) -> Self {
        Self::new(Simulation { size_px, ..Simulation::default() })
    }

    pub(crate) fn new(simulation: Simulation) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let level_1c = Simulator::new(simulation, folder.path()).run().unwrap().products.remove(0);
        Self { folder, level_1c }
    }

    /// A place for a test in the folder of the scene.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The file below a folder whose path ends so.
pub(crate) fn find(folder: &Path, suffix: &str) -> Option<PathBuf> {
    files(folder).into_iter().find(|path| path.to_string_lossy().ends_with(suffix))
}

/// The components of an image, by the coder that is not ours.
pub(crate) fn components(file: &Path) -> Vec<Array2<u16>> {
    let source = FileSource::open(file).unwrap();
    decode_image(&OpenJpeg, &ImageIndex::read(&source).unwrap(), &source).unwrap()
}

/// The first or only component of an image.
pub(crate) fn image(file: &Path) -> Array2<u16> {
    components(file).remove(0)
}
