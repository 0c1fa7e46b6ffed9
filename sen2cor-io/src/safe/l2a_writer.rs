//! Writes Level-2A products: hands out the paths of the images, then adds metadata, reports and copies, lists
//! everything in the manifest and lets the product appear in one step.

use super::l2a_facts::L2aFacts;
use super::l2a_names::{ImageKind, L2aNames};
use super::manifest_objects::{KnownDigests, Level};
use super::manifest_writer::{ManifestFacts, write_manifest};
use super::staging::{Existing, Staging};
use crate::bytes::ByteSource;
use crate::error::{Error, Result};
use crate::xml::Element;
use crate::xml::l2a::{self, Footprint, Psd};
use sen2cor_core::grid::Resolution;
use std::fs;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

/// Bytes that are copied at a time.
const CHUNK: u64 = 1 << 20;

/// The content of a file that goes into the product as it is.
#[derive(Clone, Copy)]
pub enum CopySource<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// A file or archive member of the input.
    Source(&'a dyn ByteSource),
}

/// A file that goes into the product as it is, e.g. weather data, masks or quality reports of the input.
#[derive(Clone)]
pub struct FileCopy<'a> {
    /// Path relative to the product, `/` between the parts.
    pub target: String,
    /// What the file holds.
    pub source: CopySource<'a>,
}

/// The metadata of the Level-1C product from which those of the Level-2A product are made.
pub struct L2aInput<'a> {
    /// Root of `MTD_MSIL1C.xml` or of its long-named predecessor.
    pub product: &'a Element,
    /// Root of the tile's `MTD_TL.xml`.
    pub tile: &'a Element,
    /// Whether that is a part of the tile ([`crate::xml::part_of_tile`]), so that the footprint of the input is too large.
    pub is_part: bool,
    /// Root of the data strip's `MTD_DS.xml`; taken over because it is large. Without it the product has no
    /// `DATASTRIP` folder, which readers of images do not miss.
    pub datastrip: Option<Element>,
    /// Root of `INSPIRE.xml`, if the input has it.
    pub inspire: Option<&'a Element>,
    /// Files that go along. Masks in the tile's `QI_DATA` are listed in the tile metadata.
    pub copies: Vec<FileCopy<'a>>,
}

/// A Level-2A product in the making. Dropped before [`L2aWriter::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct L2aWriter {
    names: L2aNames,
    staging: Staging,
}

impl L2aWriter {
    /// Starts the product `names` at the path `product`, the folder in which it will lie; its parents are created if they
    /// are missing. By custom the folder is called as [`L2aNames::product`] says.
    ///
    /// # Errors
    /// [`Error::Io`] if the product exists and shall be kept, or the folder cannot be written to.
    pub fn begin(product: &Path, names: L2aNames, existing: Existing) -> Result<Self> {
        let staging = Staging::begin(product, existing)?;
        Ok(Self { names, staging })
    }

    /// The names of the product.
    pub fn names(&self) -> &L2aNames {
        &self.names
    }

    /// The folder in which the product is made.
    pub fn path(&self) -> &Path {
        self.staging.path()
    }

    /// Where the product will be in the end.
    pub fn final_path(&self) -> &Path {
        self.staging.final_path()
    }

    /// Where an image must be written. Its folder is created.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be created.
    pub fn image_path(&self, kind: ImageKind, resolution: Resolution) -> Result<PathBuf> {
        self.prepared(&self.names.image(kind, resolution))
    }

    /// Where the picture must be written that the page for browsers shows, as a PNG. The page does without if there is none.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be created.
    pub fn picture_path(&self) -> Result<PathBuf> {
        self.prepared(&format!("HTML/{}", l2a::PICTURE))
    }

    /// Adds everything else to the product and publishes it. Every image in `facts` must have been written; sizes and
    /// digests in `known` (by path relative to the product) spare reading those files again.
    ///
    /// # Errors
    /// If the input's metadata lack what is needed, an image is missing, or a file cannot be written.
    pub fn finish(self, input: L2aInput<'_>, facts: &L2aFacts, known: &KnownDigests) -> Result<PathBuf> {
        for (kind, resolution) in &facts.images {
            let path = self.staging.path().join(self.names.image(*kind, *resolution));
            if !path.is_file() {
                return Err(Error::Missing {
                    path,
                    what: format!("the image {} at {resolution}", kind.token()),
                });
            }
        }
        for copy in &input.copies {
            self.copy(copy)?;
        }
        let footprint = Footprint::of_part(input.product, input.tile, input.is_part)?;
        self.write_metadata(&input, facts, footprint.as_ref())?;
        if let Some(datastrip) = input.datastrip {
            let path = format!("{}/MTD_DS.xml", self.names.datastrip());
            self.write(&path, &l2a::datastrip_metadata(datastrip, &self.names, facts)?)?;
        }
        let mut manifest = manifest_facts(input.product, &self.names)?;
        if let Some(footprint) = footprint {
            manifest.footprint = footprint.list();
        }
        write_manifest(self.staging.path(), &manifest, known)?;
        self.staging.publish()
    }

    fn write_metadata(
        &self,
        input: &L2aInput<'_>,
        facts: &L2aFacts,
        footprint: Option<&Footprint>,
    ) -> Result<()> {
        let names = &self.names;
        let files: Vec<&str> = input.copies.iter().map(|c| c.target.as_str()).collect();
        let tile = l2a::tile_metadata(input.tile, names, facts, &files)?;
        self.write(&format!("{}/MTD_TL.xml", names.granule()), &tile)?;
        let report = l2a::quality_report(Psd::for_input(input.product), names, facts);
        self.write(&format!("{}/QI_DATA/L2A_QUALITY.xml", names.granule()), &report)?;
        if let Some(inspire) = input.inspire {
            self.write("INSPIRE.xml", &l2a::inspire(inspire, names, footprint))?;
        }
        let with_picture = self.staging.path().join("HTML").join(l2a::PICTURE).is_file();
        self.write("HTML/UserProduct_index.html", &l2a::page(names, facts, with_picture))?;
        self.write("MTD_MSIL2A.xml", &l2a::product_metadata(input.product, names, facts, footprint)?)
    }

    fn write(&self, target: &str, document: &Element) -> Result<()> {
        let path = self.prepared(target)?;
        fs::write(&path, document.to_document()).map_err(|e| Error::io(&path, "writing", e))
    }

    fn copy(&self, copy: &FileCopy<'_>) -> Result<()> {
        let path = self.prepared(&copy.target)?;
        let failed = |e| Error::io(&path, "writing", e);
        let mut file = fs::File::create_new(&path).map_err(failed)?;
        match copy.source {
            CopySource::Bytes(bytes) => file.write_all(bytes).map_err(failed),
            CopySource::Source(source) => {
                let mut offset = 0;
                while offset < source.len() {
                    let count = CHUNK.min(source.len() - offset);
                    file.write_all(&source.read_range(offset, count)?).map_err(failed)?;
                    offset += count;
                }
                Ok(())
            }
        }
    }

    /// The path of a file of the product, with its folder created. Names that lead out of the product are refused.
    fn prepared(&self, target: &str) -> Result<PathBuf> {
        let inside = Path::new(target).components().all(|c| matches!(c, Component::Normal(_)));
        let path = self.staging.path().join(target);
        let (true, Some(folder)) = (inside, path.parent()) else {
            let reason = "not a path inside the product".to_owned();
            return Err(Error::Format { file: PathBuf::from(target), reason });
        };
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, "creating the folder", e))?;
        Ok(path)
    }
}

fn manifest_facts(product: &Element, names: &L2aNames) -> Result<ManifestFacts> {
    let file = Path::new("MTD_MSIL1C.xml");
    let info = product.require(file, "General_Info/Product_Info")?;
    let footprint = product.require(file, "Geometric_Info/Product_Footprint")?.find_anywhere("EXT_POS_LIST");
    Ok(ManifestFacts {
        level: Level::L2A,
        spacecraft: names.spacecraft,
        start_time: info.require_text(file, "PRODUCT_START_TIME")?,
        generation_time: names.generation_time(),
        absolute_orbit: names.absolute_orbit,
        relative_orbit: names.relative_orbit,
        direction: info.require_text(file, "Datatake/SENSING_ORBIT_DIRECTION")?,
        footprint: footprint.map(Element::text).unwrap_or_default(),
    })
}
