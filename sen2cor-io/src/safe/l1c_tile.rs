//! The files of a tile of a Level-1C product.

use super::container::Container;
use super::l1c::read_xml;
use crate::error::{Error, Result};
use crate::xml::{MaskRef, ProductMetadata, TileMetadata};
use sen2cor_core::sensor::Band;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A tile: metadata and the files that are really there. All paths are relative to the product.
#[derive(Clone, Debug)]
pub struct L1cTile {
    /// The tile metadata.
    pub metadata: TileMetadata,
    /// Path of the tile metadata.
    pub metadata_path: String,
    /// The folder of the tile, e.g. `GRANULE/L1C_T33UUB_A044807_20170527T102113`.
    pub granule_path: String,
    /// The images of the bands.
    pub images: BTreeMap<Band, String>,
    /// The true-colour image; not in products before December 2016.
    pub true_colour: Option<String>,
    /// The preview image.
    pub preview: Option<String>,
    /// The quality masks.
    pub masks: Vec<MaskRef>,
    /// Weather of ECMWF.
    pub aux_ecmwf: Option<String>,
    /// Aerosol forecast of CAMS, from baseline 04.00 on.
    pub aux_cams: Option<String>,
    /// The folder of the images as messages call it.
    image_folder: PathBuf,
}

impl L1cTile {
    pub(super) fn open(
        container: &Container,
        folder: &str,
        metadata_path: &str,
        product: &ProductMetadata,
    ) -> Result<Self> {
        let document = read_xml(container, metadata_path)?;
        let metadata = TileMetadata::from_document(&container.display_path(metadata_path), document)?;
        let image_folder = format!("{folder}/IMG_DATA");
        let listed = listed_images(container, folder, &metadata.tile_id, product);
        Ok(Self {
            images: band_images(container, &image_folder, &listed)?,
            true_colour: jp2_below(container, &image_folder)
                .find(|f| suffix(f) == Some("TCI"))
                .map(str::to_owned),
            preview: preview(container, folder, &metadata),
            masks: masks(container, folder, &metadata),
            aux_ecmwf: auxiliary(container, folder, "AUX_ECMWFT"),
            aux_cams: auxiliary(container, folder, "AUX_CAMSFO"),
            metadata,
            metadata_path: metadata_path.to_owned(),
            granule_path: folder.to_owned(),
            image_folder: container.display_path(&image_folder),
        })
    }

    /// The image of a band.
    ///
    /// # Errors
    /// [`Error::Missing`] with band and folder if there is none.
    pub fn image(&self, band: Band) -> Result<&str> {
        self.images.get(&band).map(String::as_str).ok_or_else(|| Error::Missing {
            path: self.image_folder.clone(),
            what: format!("the image of band {band} (*_{band}.jp2)"),
        })
    }
}

fn is_jp2(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("jp2"))
}

fn jp2_below<'a>(container: &'a Container, folder: &str) -> impl Iterator<Item = &'a str> {
    container.files_below(folder).filter(|file| is_jp2(file))
}

/// The part of an image's name between the last underscore and the extension.
fn suffix(file: &str) -> Option<&str> {
    let name = file.rsplit('/').next()?;
    name.rsplit_once('.')?.0.rsplit_once('_').map(|(_, suffix)| suffix)
}

/// `IMAGE_FILE` (a path without `.jp2`) or `IMAGE_ID` (a name alone) as files that exist.
fn listed_images(
    container: &Container,
    folder: &str,
    tile_id: &str,
    product: &ProductMetadata,
) -> Vec<String> {
    let granules = product.granules.iter().filter(|granule| granule.granule_id == tile_id);
    let files = granules.flat_map(|granule| &granule.image_files).map(|file| {
        let file = file.trim_start_matches("./");
        let path = if file.contains('/') { file.to_owned() } else { format!("{folder}/IMG_DATA/{file}") };
        if is_jp2(&path) { path } else { format!("{path}.jp2") }
    });
    files.filter(|file| container.exists(file)).collect()
}

/// The images by band: those that the metadata list and those in the folder. Where a folder has several of a band, the
/// listed one is meant.
fn band_images(container: &Container, folder: &str, listed: &[String]) -> Result<BTreeMap<Band, String>> {
    let band_of = |file: &str| suffix(file).filter(|s| s.len() == 3).and_then(|s| s.parse::<Band>().ok());
    let mut images: BTreeMap<Band, String> =
        listed.iter().filter_map(|file| Some((band_of(file)?, file.clone()))).collect();
    let from_list = images.clone();
    for file in jp2_below(container, folder) {
        let Some(band) = band_of(file).filter(|band| !from_list.contains_key(band)) else { continue };
        if let Some(other) = images.insert(band, file.to_owned()) {
            return Err(Error::Format {
                file: container.display_path(file),
                reason: format!(
                    "a second image of band {band} besides {other}, and the metadata list neither"
                ),
            });
        }
    }
    Ok(images)
}

fn preview(container: &Container, folder: &str, metadata: &TileMetadata) -> Option<String> {
    let listed = metadata.preview.as_deref().and_then(|name| quality_file(container, folder, name));
    let is_preview = |file: &&str| file.rsplit('/').next().is_some_and(|name| name.contains("PVI"));
    listed.or_else(|| jp2_below(container, &format!("{folder}/QI_DATA")).find(is_preview).map(str::to_owned))
}

fn masks(container: &Container, folder: &str, metadata: &TileMetadata) -> Vec<MaskRef> {
    let there = |mask: &MaskRef| {
        let path = quality_file(container, folder, &mask.path)?;
        Some(MaskRef { path, ..mask.clone() })
    };
    metadata.masks.iter().filter_map(there).collect()
}

/// A file of `QI_DATA`, which metadata name with or without its folder and `.jp2`.
fn quality_file(container: &Container, folder: &str, name: &str) -> Option<String> {
    let name = name.trim_start_matches("./");
    let base = name.rsplit('/').next().unwrap_or(name);
    let paths = [name.to_owned(), format!("{folder}/QI_DATA/{base}"), format!("{folder}/QI_DATA/{base}.jp2")];
    paths.into_iter().find(|path| container.exists(path))
}

/// `AUX_DATA/AUX_ECMWFT`, in old products `AUX_DATA/S2A_OPER_AUX_ECMWFT_...`.
fn auxiliary(container: &Container, folder: &str, kind: &str) -> Option<String> {
    let long = format!("_{kind}_");
    let matches = |file: &&str| {
        file.rsplit('/')
            .next()
            .is_some_and(|name| name == kind || (name.starts_with("S2") && name.contains(&long)))
    };
    container.files_below(&format!("{folder}/AUX_DATA")).find(matches).map(str::to_owned)
}
