//! Names of Level-2A products: folders, files and the long identifiers of the metadata.
//!
//! Source: names of real products from baseline 02.07 on; compact and long Level-1C inputs give the same names.

use super::names::{ProcessingBaseline, TileName};
use crate::error::{Error, Result};
use crate::xml::Element;
use jiff::Timestamp;
use sen2cor_core::grid::Resolution;
use sen2cor_core::sensor::{Band, Spacecraft};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What an image of a Level-2A product shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ImageKind {
    /// Surface reflectance of a band.
    Band(Band),
    /// Reflectance of a band at the top of the atmosphere, in products that hold a part of the results only.
    Toa(Band),
    /// Aerosol optical thickness at 550 nm.
    Aot,
    /// Water vapour column.
    Wvp,
    /// Scene classification.
    Scl,
    /// True colour.
    Tci,
    /// Cloud probability in per cent (`MSK_CLDPRB`).
    CloudProbability,
    /// Snow probability in per cent (`MSK_SNWPRB`).
    SnowProbability,
    /// Where dark vegetation showed the aerosol (`MSK_DDVPXL`), 1; 0 elsewhere.
    DarkVegetation,
    /// Small true colour image of the whole tile (`PVI`).
    Preview,
    /// Elevation in whole metres.
    Dem,
}

/// Names of images of reflectance at the top of the atmosphere, by the index of the band.
const TOA_TOKENS: [&str; 13] = [
    "TOA-B01", "TOA-B02", "TOA-B03", "TOA-B04", "TOA-B05", "TOA-B06", "TOA-B07", "TOA-B08", "TOA-B8A",
    "TOA-B09", "TOA-B10", "TOA-B11", "TOA-B12",
];

impl ImageKind {
    /// As in file names, e.g. `B8A`, `AOT`, `MSK_CLDPRB`.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Band(band) => band.name(),
            Self::Toa(band) => TOA_TOKENS[band.index()],
            Self::Aot => "AOT",
            Self::Wvp => "WVP",
            Self::Scl => "SCL",
            Self::Tci => "TCI",
            Self::CloudProbability => "MSK_CLDPRB",
            Self::SnowProbability => "MSK_SNWPRB",
            Self::DarkVegetation => "MSK_DDVPXL",
            Self::Preview => "PVI",
            Self::Dem => "DEM",
        }
    }

    /// Whether the file lies in `QI_DATA`.
    pub const fn is_quality(self) -> bool {
        matches!(self, Self::CloudProbability | Self::SnowProbability | Self::DarkVegetation | Self::Preview)
    }

    /// Whether the file lies in `IMG_DATA` and is listed in the product metadata.
    pub const fn is_listed(self) -> bool {
        !self.is_quality() && !matches!(self, Self::Dem)
    }

    /// Place in the list of images of the product metadata: bands by `bandId`, then TCI, AOT, WVP, SCL.
    pub(crate) fn order(self) -> usize {
        match self {
            Self::Band(band) => band.index(),
            Self::Toa(band) => 20 + band.index(),
            Self::Tci => 13,
            Self::Aot => 14,
            Self::Wvp => 15,
            Self::Scl => 16,
            Self::CloudProbability => 17,
            Self::SnowProbability => 18,
            Self::DarkVegetation => 34,
            Self::Preview => 19,
            Self::Dem => 40,
        }
    }
}

/// Everything the names are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L2aNames {
    /// Who measured it.
    pub spacecraft: Spacecraft,
    /// Start of the datatake, `YYYYMMDDThhmmss`.
    pub datatake_start: String,
    /// Start of the data strip, `YYYYMMDDThhmmss`.
    pub datastrip_start: String,
    /// Absolute orbit.
    pub absolute_orbit: u32,
    /// Relative orbit, 1 to 143.
    pub relative_orbit: u32,
    /// Tile without leading T, e.g. `33TVM`.
    pub tile: String,
    /// Processing centre, four characters, e.g. `2APS` or `SGS_`.
    pub centre: String,
    /// Archiving centre; nobody archived the product yet, so it is the processing centre unless another is set.
    pub archiving_centre: String,
    /// Baseline of the Level-2A product; 99.99 for processing outside ESA's archive.
    pub baseline: ProcessingBaseline,
    /// When the product is made; whole seconds count.
    pub creation: Timestamp,
    /// Identifier of the Level-1C tile, `S2A_OPER_MSI_L1C_TL_..._N05.11`.
    pub l1c_tile_id: String,
}

impl L2aNames {
    /// Names of the product made from a tile of a Level-1C product. `product` and `tile` are the roots of
    /// `MTD_MSIL1C.xml` and `MTD_TL.xml` (or of their long-named predecessors). The processing centre is that of the
    /// input; set the field to give another.
    ///
    /// # Errors
    /// [`Error::Field`] if an identifier or a time is absent or has not the form it should have.
    pub fn from_l1c(
        product: &Element,
        tile: &Element,
        baseline: ProcessingBaseline,
        creation: Timestamp,
    ) -> Result<Self> {
        let (in_product, in_tile) = (Path::new("MTD_MSIL1C.xml"), Path::new("MTD_TL.xml"));
        let datatake = "General_Info/Product_Info/Datatake";
        let l1c_tile_id = tile.require_text(in_tile, "General_Info/TILE_ID")?;
        let datastrip_id = tile.require_text(in_tile, "General_Info/DATASTRIP_ID")?;
        let start = product.require_text(in_product, &format!("{datatake}/DATATAKE_SENSING_START"))?;
        let bad_tile =
            || Error::field(in_tile, "General_Info/TILE_ID", "the identifier of a tile", &l1c_tile_id);
        let name: TileName = l1c_tile_id.parse().map_err(|_| bad_tile())?;
        let centre = l1c_tile_id.split_once("_TL_").and_then(|(_, rest)| rest.get(..4));
        let centre = centre.ok_or_else(bad_tile)?.to_owned();
        let datastrip_start = datastrip_id
            .split('_')
            .find_map(|part| part.strip_prefix('S').filter(|s| is_time_stamp(s)).map(str::to_owned));
        Ok(Self {
            spacecraft: product.require_value(
                in_product,
                &format!("{datatake}/SPACECRAFT_NAME"),
                "a Sentinel-2 spacecraft",
            )?,
            datatake_start: compact_time(&start).ok_or_else(|| {
                Error::field(
                    in_product,
                    "DATATAKE_SENSING_START",
                    "a time such as 2024-10-14T10:10:21.024Z",
                    start,
                )
            })?,
            datastrip_start: datastrip_start.ok_or_else(|| {
                Error::field(
                    in_tile,
                    "General_Info/DATASTRIP_ID",
                    "the identifier of a data strip",
                    datastrip_id,
                )
            })?,
            absolute_orbit: name.absolute_orbit.ok_or_else(bad_tile)?,
            relative_orbit: product.require_value(
                in_product,
                &format!("{datatake}/SENSING_ORBIT_NUMBER"),
                "a relative orbit",
            )?,
            tile: name.tile,
            archiving_centre: centre.clone(),
            centre,
            baseline,
            creation,
            l1c_tile_id,
        })
    }

    /// Name of the product folder, `S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE`.
    pub fn product(&self) -> String {
        format!(
            "{}_MSIL2A_{}_N{}_R{:03}_T{}_{}.SAFE",
            self.spacecraft,
            self.datatake_start,
            self.baseline.compact(),
            self.relative_orbit,
            self.tile,
            self.creation_compact()
        )
    }

    /// Folder of the tile relative to the product, `GRANULE/L2A_T33TVM_A048639_20241014T101725`.
    pub fn granule(&self) -> String {
        format!("GRANULE/L2A_T{}_A{:06}_{}", self.tile, self.absolute_orbit, self.datastrip_start)
    }

    /// Folder of the data strip relative to the product, `DATASTRIP/DS_2APS_20241014T142251_S20241014T101725`.
    pub fn datastrip(&self) -> String {
        format!("DATASTRIP/DS_{}_{}_S{}", self.centre, self.creation_compact(), self.datastrip_start)
    }

    /// Path of an image relative to the product, with extension. The resolution is not used for the preview.
    pub fn image(&self, kind: ImageKind, resolution: Resolution) -> String {
        let (granule, token, suffix) = (self.granule(), kind.token(), resolution.suffix());
        let start = format!("T{}_{}", self.tile, self.datatake_start);
        match kind {
            ImageKind::Preview => format!("{granule}/QI_DATA/{start}_PVI.jp2"),
            ImageKind::Dem => format!("{granule}/AUX_DATA/{start}_{token}_{suffix}.jp2"),
            _ if kind.is_quality() => format!("{granule}/QI_DATA/{token}_{suffix}.jp2"),
            _ => format!("{granule}/IMG_DATA/R{suffix}/{start}_{token}_{suffix}.jp2"),
        }
    }

    /// `S2A_OPER_MSI_L2A_TL_2APS_20241014T142251_A048639_T33TVM_N05.11`
    pub fn tile_id(&self) -> String {
        format!(
            "{}_OPER_MSI_L2A_TL_{}_{}_A{:06}_T{}_N{}",
            self.spacecraft,
            self.centre,
            self.creation_compact(),
            self.absolute_orbit,
            self.tile,
            self.baseline
        )
    }

    /// `S2A_OPER_MSI_L2A_DS_2APS_20241014T142251_S20241014T101725_N05.11`
    pub fn datastrip_id(&self) -> String {
        format!(
            "{}_OPER_MSI_L2A_DS_{}_{}_S{}_N{}",
            self.spacecraft,
            self.centre,
            self.creation_compact(),
            self.datastrip_start,
            self.baseline
        )
    }

    /// `GS2A_20241014T101021_048639_N05.11`
    pub fn datatake_id(&self) -> String {
        format!("G{}_{}_{:06}_N{}", self.spacecraft, self.datatake_start, self.absolute_orbit, self.baseline)
    }

    /// Time of creation as in `GENERATION_TIME`, e.g. `2024-10-14T14:22:51.000000Z`.
    pub fn generation_time(&self) -> String {
        format!("{}.000000Z", self.creation_seconds())
    }

    /// Time of creation without fraction and zone, e.g. `2024-10-14T14:22:51`.
    pub(crate) fn creation_seconds(&self) -> String {
        self.creation.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    fn creation_compact(&self) -> String {
        self.creation.strftime("%Y%m%dT%H%M%S").to_string()
    }
}

fn is_time_stamp(text: &str) -> bool {
    text.len() == 15
        && text.bytes().enumerate().all(|(i, b)| if i == 8 { b == b'T' } else { b.is_ascii_digit() })
}

/// `2024-10-14T10:10:21.024Z` as `20241014T101021`.
fn compact_time(text: &str) -> Option<String> {
    let compact: String = text.get(..19)?.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    is_time_stamp(&compact).then_some(compact)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(product_start: &str, tile_id: &str, datastrip_id: &str) -> Result<L2aNames> {
        let text = |name: &str, value: &str| Element::text_element(name, value);
        let datatake = Element::new("Datatake")
            .with(text("SPACECRAFT_NAME", "Sentinel-2A"))
            .with(text("DATATAKE_SENSING_START", product_start))
            .with(text("SENSING_ORBIT_NUMBER", "22"));
        let info = Element::new("Product_Info").with(datatake);
        let product = Element::new("n1:P").with(Element::new("n1:General_Info").with(info));
        let info = Element::new("n1:General_Info")
            .with(text("TILE_ID", tile_id))
            .with(text("DATASTRIP_ID", datastrip_id));
        let creation = "2024-10-14T14:22:51.9Z".parse().unwrap();
        L2aNames::from_l1c(
            &product,
            &Element::new("n1:T").with(info),
            ProcessingBaseline::new(5, 11),
            creation,
        )
    }

    /// S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE
    #[test]
    fn names_are_those_of_a_real_product() {
        let names = of(
            "2024-10-14T10:10:21.024Z",
            "S2A_OPER_MSI_L1C_TL_2APS_20241014T121219_A048639_T33TVM_N05.11",
            "S2A_OPER_MSI_L1C_DS_2APS_20241014T121219_S20241014T101725_N05.11",
        )
        .unwrap();
        assert_eq!(names.product(), "S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE");
        assert_eq!(names.datastrip(), "DATASTRIP/DS_2APS_20241014T142251_S20241014T101725");
        assert_eq!(names.tile_id(), "S2A_OPER_MSI_L2A_TL_2APS_20241014T142251_A048639_T33TVM_N05.11");
        assert_eq!(names.datastrip_id(), "S2A_OPER_MSI_L2A_DS_2APS_20241014T142251_S20241014T101725_N05.11");
        assert_eq!(names.datatake_id(), "GS2A_20241014T101021_048639_N05.11");
        assert_eq!(names.generation_time(), "2024-10-14T14:22:51.000000Z");
        let granule = "GRANULE/L2A_T33TVM_A048639_20241014T101725";
        for (kind, resolution, path) in [
            (ImageKind::Band(Band::B8A), Resolution::R20, "IMG_DATA/R20m/T33TVM_20241014T101021_B8A_20m.jp2"),
            (ImageKind::Scl, Resolution::R60, "IMG_DATA/R60m/T33TVM_20241014T101021_SCL_60m.jp2"),
            (ImageKind::SnowProbability, Resolution::R60, "QI_DATA/MSK_SNWPRB_60m.jp2"),
            (ImageKind::Preview, Resolution::R60, "QI_DATA/T33TVM_20241014T101021_PVI.jp2"),
            (ImageKind::Dem, Resolution::R20, "AUX_DATA/T33TVM_20241014T101021_DEM_20m.jp2"),
        ] {
            assert_eq!(names.image(kind, resolution), format!("{granule}/{path}"));
        }
    }

    #[test]
    fn long_names_give_the_same_form() {
        let names = of(
            "2016-12-05T10:14:02.026Z",
            "S2A_OPER_MSI_L1C_TL_SGS__20161205T171834_A007598_T33UVB_N02.04",
            "S2A_OPER_MSI_L1C_DS_SGS__20161205T171834_S20161205T101412_N02.04",
        )
        .unwrap();
        assert_eq!(names.granule(), "GRANULE/L2A_T33UVB_A007598_20161205T101412");
        assert_eq!(names.datastrip(), "DATASTRIP/DS_SGS__20241014T142251_S20161205T101412");
    }

    #[test]
    fn damaged_identifiers_are_refused_with_their_field() {
        let good = "S2A_OPER_MSI_L1C_TL_2APS_20241014T121219_A048639_T33TVM_N05.11";
        for (start, tile, strip) in [
            ("yesterday", good, "x_S20241014T101725"),
            ("2024-10-14T10:10:21Z", "S2A_TL_é", "x_S20241014T101725"),
            ("2024-10-14T10:10:21Z", good, "x_S2024"),
        ] {
            assert!(matches!(of(start, tile, strip), Err(Error::Field { .. })));
        }
    }
}
