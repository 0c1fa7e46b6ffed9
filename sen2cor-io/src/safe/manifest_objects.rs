//! The files of a product as data objects of its manifest: identifier, place in the package map, size, checksum.
//!
//! The identifiers follow the manifests of products from baseline 02.06 on; files that those do not know get an
//! identifier made of their path.

use crate::checksum::Algorithm;
use crate::error::{Error, Result};
use sen2cor_core::sensor::Band;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::Path;

/// Processing level of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Top-of-atmosphere reflectance.
    L1C,
    /// Surface reflectance.
    L2A,
}

impl Level {
    /// As in `Level-2A`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::L1C => "Level-1C",
            Self::L2A => "Level-2A",
        }
    }

    /// As in `archive_l2a_user_product`.
    pub(crate) const fn lower(self) -> &'static str {
        match self {
            Self::L1C => "l1c",
            Self::L2A => "l2a",
        }
    }
}

/// Size and SHA3-256 (hexadecimal) of files, by path relative to the product with `/` between the parts.
pub type KnownDigests = HashMap<String, (u64, String)>;

/// The unit of the package map to which a file belongs; tiles and data strips count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Product,
    Inspire,
    Html,
    DatastripMetadata(usize),
    DatastripQuality(usize),
    TileMetadata(usize),
    TileAuxiliary(usize),
    TileImage(usize),
    TileQuality(usize),
    Other,
}

/// A file of the product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataObject {
    /// Unique in the manifest, an XML name.
    pub(crate) id: String,
    /// Where the package map lists it.
    pub(crate) unit: Unit,
    /// Media type.
    pub(crate) mime: &'static str,
    /// Path relative to the product, with `/` between the parts.
    pub(crate) path: String,
    /// Number of bytes.
    pub(crate) size: u64,
    /// Hexadecimal.
    pub(crate) sha3_256: String,
}

/// The files below `folder` except the manifest, in the order of the manifest; those in `known` are not read.
///
/// # Errors
/// [`Error::Io`] if a folder or file cannot be read, [`Error::Format`] for anything that is neither.
pub(crate) fn collect(folder: &Path, level: Level, known: &KnownDigests) -> Result<Vec<DataObject>> {
    let mut paths = Vec::new();
    walk(folder, "", &mut paths)?;
    paths.retain(|p| p != "manifest.safe");
    describe(folder, paths, level, known)
}

/// The files `paths` of the product in `folder` in the order of the manifest.
///
/// # Errors
/// [`Error::Io`] if a file that is not in `known` cannot be read.
pub(crate) fn describe(
    folder: &Path,
    mut paths: Vec<String>,
    level: Level,
    known: &KnownDigests,
) -> Result<Vec<DataObject>> {
    paths.sort_by_cached_key(|p| (rank(p), p.clone()));
    let datastrips = numbered(&paths, "DATASTRIP/");
    let tiles = numbered(&paths, "GRANULE/");
    let mut used = HashSet::new();
    let mut objects = Vec::with_capacity(paths.len());
    for path in paths {
        let (mut id, unit) = identify(&path, level, &datastrips, &tiles);
        let base = id.clone();
        let mut again = 2;
        while !used.insert(id.clone()) {
            id = format!("{base}_{again}");
            again += 1;
        }
        let (size, sha3_256) = match known.get(&path) {
            Some(known) => known.clone(),
            None => digest(&folder.join(&path))?,
        };
        objects.push(DataObject { id, unit, mime: mime(&path), path, size, sha3_256 });
    }
    Ok(objects)
}

fn walk(folder: &Path, prefix: &str, paths: &mut Vec<String>) -> Result<()> {
    let listing = |e| Error::io(folder, "listing the folder", e);
    for entry in fs::read_dir(folder).map_err(listing)? {
        let entry = entry.map_err(listing)?;
        let odd = |reason: &str| Error::Format { file: entry.path(), reason: reason.to_owned() };
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| odd("its name is not UTF-8"))?;
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(listing)?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), paths)?;
        } else if kind.is_file() {
            paths.push(path);
        } else {
            return Err(odd("neither a file nor a folder; a product cannot hold it"));
        }
    }
    Ok(())
}

fn rank(path: &str) -> usize {
    ["MTD_MSI", "INSPIRE.xml", "HTML/", "DATASTRIP/", "GRANULE/"]
        .iter()
        .position(|start| path.starts_with(start))
        .unwrap_or(5)
}

/// The folders directly below `parent`, in order.
fn numbered(paths: &[String], parent: &str) -> Vec<String> {
    let mut folders: Vec<String> =
        paths.iter().filter_map(|p| Some(p.strip_prefix(parent)?.split_once('/')?.0.to_owned())).collect();
    folders.sort();
    folders.dedup();
    folders
}

fn digest(path: &Path) -> Result<(u64, String)> {
    let failed = |e| Error::io(path, "reading for the checksum", e);
    let mut file = fs::File::open(path).map_err(failed)?;
    let mut hasher = Algorithm::Sha3_256.hasher();
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok((size, hasher.finish()));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        size += count as u64;
    }
}

fn mime(path: &str) -> &'static str {
    let extension = Path::new(path).extension().and_then(|e| e.to_str()).unwrap_or_default();
    match extension {
        // What real manifests say of their presentation files.
        "html" | "xsl" if path.starts_with("HTML/") => "octet",
        "xml" if !path.contains('/') => "text/xml",
        "xml" | "gml" | "xsd" => "application/xml",
        _ => "application/octet-stream",
    }
}

fn identify(path: &str, level: Level, datastrips: &[String], tiles: &[String]) -> (String, Unit) {
    known_place(path, level, datastrips, tiles)
        .unwrap_or_else(|| (format!("{}_Data", xml_name(path)), Unit::Other))
}

fn known_place(path: &str, level: Level, datastrips: &[String], tiles: &[String]) -> Option<(String, Unit)> {
    let level = level.name();
    let Some((top, below)) = path.split_once('/') else {
        return match path {
            "INSPIRE.xml" => Some(("INSPIRE_Metadata".to_owned(), Unit::Inspire)),
            _ if path.starts_with("MTD_MSI") => Some((format!("S2_{level}_Product_Metadata"), Unit::Product)),
            _ => None,
        };
    };
    let number = |folders: &[String], name: &str| Some(folders.iter().position(|f| f == name)? + 1);
    match top {
        "HTML" => Some((html_id(below), Unit::Html)),
        "DATASTRIP" => {
            let (folder, file) = below.split_once('/')?;
            let n = number(datastrips, folder)?;
            Some(match file.strip_prefix("QI_DATA/") {
                Some(report) => (quality_id(report, &format!("Datastrip{n}")), Unit::DatastripQuality(n)),
                None => (format!("S2_{level}_Datastrip{n}_Metadata"), Unit::DatastripMetadata(n)),
            })
        }
        "GRANULE" => {
            let (folder, file) = below.split_once('/')?;
            let n = number(tiles, folder)?;
            let tile = format!("Tile{n}");
            Some(match file.split_once('/') {
                Some(("AUX_DATA", aux)) => (auxiliary_id(aux, &tile), Unit::TileAuxiliary(n)),
                Some(("IMG_DATA", image)) => (image_id(image, &tile), Unit::TileImage(n)),
                Some(("QI_DATA", quality)) => (quality_id(quality, &tile), Unit::TileQuality(n)),
                Some(_) => return None,
                None => (format!("S2_{level}_{tile}_Metadata"), Unit::TileMetadata(n)),
            })
        }
        _ => None,
    }
}

/// Text with everything that an XML name cannot hold made an underscore.
fn xml_name(text: &str) -> String {
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("File_{name}") }
}

fn stem(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file).split('.').next().unwrap_or(file)
}

fn html_id(file: &str) -> String {
    match file {
        "UserProduct_index.html" => "HTML_Presentation".to_owned(),
        "UserProduct_index.xsl" => "HTML_Presentation_Stylesheet".to_owned(),
        _ => format!("HTML_Presentation_{}", xml_name(file)),
    }
}

fn auxiliary_id(file: &str, tile: &str) -> String {
    match file {
        "AUX_CAMSFO" => format!("CAMS_{tile}_Data"),
        "AUX_ECMWFT" => format!("ECMWF_{tile}_Data"),
        _ => format!("AUX_DATA_{}_{tile}_Data", xml_name(stem(file))),
    }
}

/// Position of a band among those of its resolution, counted from 1.
fn position_at_resolution(band: Band) -> usize {
    let same = |b: &Band| b.native_resolution() == band.native_resolution();
    1 + Band::ALL.into_iter().take(band.index()).filter(same).count()
}

fn image_id(file: &str, tile: &str) -> String {
    let mut parts = stem(file).rsplit('_');
    let last = parts.next().unwrap_or_default();
    if ["10m", "20m", "60m"].contains(&last) {
        return format!("IMG_DATA_Band_{}_{last}_{tile}_Data", xml_name(parts.next().unwrap_or("image")));
    }
    match last.parse::<Band>() {
        Ok(band) => format!(
            "IMG_DATA_Band_{}_{}_{tile}_Data",
            band.native_resolution().suffix(),
            position_at_resolution(band)
        ),
        Err(_) => format!("IMG_DATA_Band_{}_{tile}_Data", xml_name(last)),
    }
}

fn quality_id(file: &str, owner: &str) -> String {
    let stem = stem(file);
    let report = match stem {
        "FORMAT_CORRECTNESS" => Some("Format"),
        "GENERAL_QUALITY" => Some("General"),
        "GEOMETRIC_QUALITY" => Some("Geometric"),
        "RADIOMETRIC_QUALITY" => Some("Radiometric"),
        "SENSOR_QUALITY" => Some("Sensor"),
        "L2A_QUALITY" => Some("L2A_QUALITY"),
        _ => None,
    };
    if let Some(report) = report {
        return format!("{report}_OLQC_Report_{owner}_InformationData");
    }
    if stem.ends_with("_PVI") {
        return format!("Preview_0_{owner}_Data");
    }
    mask_id(stem, owner).unwrap_or_else(|| format!("QI_DATA_{}_{owner}_Data", xml_name(stem)))
}

fn mask_id(stem: &str, owner: &str) -> Option<String> {
    let (kind, what) = stem.strip_prefix("MSK_")?.split_once('_')?;
    let name = match (kind, what) {
        ("CLDPRB", "20m") => "CloudPrbMask",
        ("CLDPRB", "60m") => "CloudPrbMask_1",
        ("SNWPRB", "20m") => "SnowPrbMask",
        ("SNWPRB", "60m") => "SnowPrbMask_1",
        ("CLOUDS", "B00") => "FineCloudMask",
        ("CLASSI", "B00") => "ClassiPixelsMask_Band_00m_0",
        ("DETFOO", _) => "DetectorFootprintMask",
        ("QUALIT", _) => "QualitPixelsMask",
        ("DEFECT", _) => "DefectivePixelsMask",
        ("NODATA", _) => "NodataPixelsMask",
        ("SATURA", _) => "SaturatedPixelsMask",
        ("TECQUA", _) => "TechQualityMask",
        _ => return None,
    };
    let Ok(band) = what.parse::<Band>() else { return Some(format!("{name}_{owner}_Data")) };
    // Masks are counted in the order of their file names, B8A last; the first, B01, goes without a number.
    let count = match band {
        Band::B01 => String::new(),
        Band::B8A => "_12".to_owned(),
        _ if band > Band::B8A => format!("_{}", band.index() - 1),
        _ => format!("_{}", band.index()),
    };
    let (resolution, n) = (band.native_resolution().suffix(), position_at_resolution(band));
    Some(format!("{name}_Band_{resolution}_{n}{count}_{owner}_Data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(path: &str) -> String {
        identify(path, Level::L2A, &["D".to_owned()], &["G".to_owned()]).0
    }

    /// Identifiers of S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE and, for the GML masks,
    /// S2A_MSIL1C_20180629T000241_N0206_R030_T56JMM_20180629T012042.SAFE.
    #[test]
    fn identifiers_are_those_of_real_products() {
        for (path, expected) in [
            ("MTD_MSIL2A.xml", "S2_Level-2A_Product_Metadata"),
            ("INSPIRE.xml", "INSPIRE_Metadata"),
            ("HTML/UserProduct_index.xsl", "HTML_Presentation_Stylesheet"),
            ("DATASTRIP/D/MTD_DS.xml", "S2_Level-2A_Datastrip1_Metadata"),
            (
                "DATASTRIP/D/QI_DATA/RADIOMETRIC_QUALITY.xml",
                "Radiometric_OLQC_Report_Datastrip1_InformationData",
            ),
            ("GRANULE/G/AUX_DATA/AUX_CAMSFO", "CAMS_Tile1_Data"),
            (
                "GRANULE/G/IMG_DATA/R10m/T33TVM_20241014T101021_AOT_10m.jp2",
                "IMG_DATA_Band_AOT_10m_Tile1_Data",
            ),
            (
                "GRANULE/G/IMG_DATA/R60m/T33TVM_20241014T101021_B8A_60m.jp2",
                "IMG_DATA_Band_B8A_60m_Tile1_Data",
            ),
            ("GRANULE/G/IMG_DATA/T31TCJ_20240120T105341_B8A.jp2", "IMG_DATA_Band_20m_4_Tile1_Data"),
            ("GRANULE/G/IMG_DATA/T31TCJ_20240120T105341_TCI.jp2", "IMG_DATA_Band_TCI_Tile1_Data"),
            ("GRANULE/G/MTD_TL.xml", "S2_Level-2A_Tile1_Metadata"),
            ("GRANULE/G/QI_DATA/L2A_QUALITY.xml", "L2A_QUALITY_OLQC_Report_Tile1_InformationData"),
            ("GRANULE/G/QI_DATA/MSK_CLASSI_B00.jp2", "ClassiPixelsMask_Band_00m_0_Tile1_Data"),
            ("GRANULE/G/QI_DATA/MSK_CLDPRB_60m.jp2", "CloudPrbMask_1_Tile1_Data"),
            ("GRANULE/G/QI_DATA/MSK_DETFOO_B01.jp2", "DetectorFootprintMask_Band_60m_1_Tile1_Data"),
            ("GRANULE/G/QI_DATA/MSK_DETFOO_B08.jp2", "DetectorFootprintMask_Band_10m_4_7_Tile1_Data"),
            ("GRANULE/G/QI_DATA/MSK_QUALIT_B12.jp2", "QualitPixelsMask_Band_20m_6_11_Tile1_Data"),
            ("GRANULE/G/QI_DATA/MSK_QUALIT_B8A.jp2", "QualitPixelsMask_Band_20m_4_12_Tile1_Data"),
            ("GRANULE/G/QI_DATA/MSK_CLOUDS_B00.gml", "FineCloudMask_Tile1_Data"),
            ("GRANULE/G/QI_DATA/MSK_NODATA_B09.gml", "NodataPixelsMask_Band_60m_2_8_Tile1_Data"),
            ("GRANULE/G/QI_DATA/T33TVM_20241014T101021_PVI.jp2", "Preview_0_Tile1_Data"),
        ] {
            assert_eq!(id(path), expected, "{path}");
        }
        assert_eq!(id("rep_info/7 of 9.xsd"), "rep_info_7_of_9_xsd_Data");
    }

    #[test]
    fn known_digests_stand_for_reading_and_identifiers_are_unique() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a b", "a_b", "manifest.safe"] {
            fs::write(folder.path().join(name), "abc").unwrap();
        }
        let known = KnownDigests::from([("a b".to_owned(), (7, "ff".to_owned()))]);
        let objects = collect(folder.path(), Level::L1C, &known).unwrap();
        assert_eq!(objects.len(), 2);
        assert_eq!(
            (objects[0].id.as_str(), objects[0].size, objects[0].sha3_256.as_str()),
            ("a_b_Data", 7, "ff")
        );
        assert_eq!((objects[1].id.as_str(), objects[1].size), ("a_b_Data_2", 3));
        assert!(objects[1].sha3_256.starts_with("3a985da74fe225b2"));
    }
}
