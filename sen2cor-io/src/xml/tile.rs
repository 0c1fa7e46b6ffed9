//! Tile metadata of Level-1C: `MTD_TL.xml`, in products before December 2016 `S2A_OPER_MTD_L1C_TL_*.xml`.
//!
//! Source: Sentinel-2 Product Specification Document, versions 12 to 15, and the files of real products.

use super::Element;
use super::angles::{mean_sun, mean_view, sun_grid, view_grids};
use super::fields::{Field, expect_root, optional, required};
use crate::error::{Error, Result};
use crate::limits::MAX_IMAGE_EDGE;
use crate::safe::names::TileName;
use sen2cor_core::angles::{AngleGrid, Direction, ViewGrids};
use sen2cor_core::grid::{Extent, GeoTransform, Resolution};
use sen2cor_core::sensor::Band;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the root element.
pub(crate) const ROOT: &str = "Level-1C_Tile_ID";
const GEOCODING: &str = "Geometric_Info/Tile_Geocoding";
const QUALITY: &str = "Quality_Indicators_Info";

/// A quality mask of a tile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskRef {
    /// Kind as written, e.g. `MSK_DETFOO`.
    pub kind: String,
    /// The band, for masks of one band.
    pub band: Option<Band>,
    /// The file as written; before December 2016 without folder.
    pub path: String,
}

/// What the metadata of a Level-1C tile say.
#[derive(Clone, Debug, PartialEq)]
pub struct TileMetadata {
    /// Long identifier.
    pub tile_id: String,
    /// Tile without leading T, e.g. `33UUB`.
    pub mgrs_tile: String,
    /// Absolute orbit, if the identifier has it.
    pub absolute_orbit: Option<u32>,
    /// Long identifier of the datastrip.
    pub datastrip_id: String,
    /// When the tile was sensed, UTC, as written.
    pub sensing_time: String,
    /// Position on the ground.
    pub ground: GeoTransform,
    /// Rows and columns at 10, 20 and 60 m.
    pub shapes: [(usize, usize); 3],
    /// Sun angles on a coarse grid.
    pub sun_grid: Option<AngleGrid>,
    /// View angles on a coarse grid by detector; NaN where the detector did not look.
    pub view_grids: BTreeMap<Band, ViewGrids>,
    /// Mean direction of the sun.
    pub mean_sun: Direction,
    /// Mean view direction by `bandId`; `None` if the metadata have none.
    pub mean_view: [Option<Direction>; 13],
    /// Quality masks as listed.
    pub masks: Vec<MaskRef>,
    /// The preview image as listed; before December 2016 without folder and `.jp2`.
    pub preview: Option<String>,
    /// Share of cloudy pixels as assessed at Level-1C.
    pub cloudy_pixel_percent: Option<f64>,
    /// The whole document.
    pub document: Element,
}

impl TileMetadata {
    /// Reads a document. `file` is what messages call it.
    ///
    /// # Errors
    /// [`Error::Xml`] if it is damaged, [`Error::Field`] if a field is absent, holds something else than expected or
    /// contradicts another.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self> {
        Self::from_document(file, Element::parse(file, bytes)?)
    }

    /// Reads a document that is parsed already.
    ///
    /// # Errors
    /// [`Error::Field`] if a field is absent, holds something else than expected or contradicts another.
    pub fn from_document(file: &Path, document: Element) -> Result<Self> {
        expect_root(file, &document, ROOT)?;
        let root = &document;
        let id = required(file, root, "General_Info/TILE_ID")?;
        let name: TileName = id.value("an identifier of a tile such as ..._T33UUB_...")?;
        Ok(Self {
            tile_id: id.text()?,
            mgrs_tile: name.tile,
            absolute_orbit: name.absolute_orbit,
            datastrip_id: required(file, root, "General_Info/DATASTRIP_ID")?.text()?,
            sensing_time: required(file, root, "General_Info/SENSING_TIME")?.time()?,
            ground: ground(file, root)?,
            shapes: shapes(file, root)?,
            sun_grid: sun_grid(file, root)?,
            view_grids: view_grids(file, root)?,
            mean_sun: mean_sun(file, root)?,
            mean_view: mean_view(file, root)?,
            masks: masks(file, root)?,
            preview: root
                .find(&format!("{QUALITY}/PVI_FILENAME"))
                .map(Element::text)
                .filter(|t| !t.is_empty()),
            cloudy_pixel_percent: optional(
                file,
                root,
                &format!("{QUALITY}/Image_Content_QI/CLOUDY_PIXEL_PERCENTAGE"),
            )
            .map(|field| field.number(0.0..=100.0))
            .transpose()?,
            document,
        })
    }

    /// Rows and columns at a resolution.
    pub const fn shape(&self, resolution: Resolution) -> (usize, usize) {
        self.shapes[resolution as usize]
    }

    /// Size in cells of 10 m.
    pub const fn extent(&self) -> Extent {
        let (rows, cols) = self.shape(Resolution::R10);
        Extent { rows: rows as u32, cols: cols as u32 }
    }
}

/// The element of `Tile_Geocoding` for a resolution.
fn at_resolution<'a>(
    file: &'a Path,
    root: &'a Element,
    name: &str,
    resolution: Resolution,
) -> Result<(String, &'a Element)> {
    let path = format!("{GEOCODING}/{name}[resolution={}]", resolution.metres());
    let wanted = resolution.metres().to_string();
    let parent = root.require(file, GEOCODING)?;
    let mut elements = parent.children().filter(|e| e.local_name() == name);
    let found = elements.find(|e| e.attribute("resolution") == Some(wanted.as_str()));
    found.map(|e| (path.clone(), e)).ok_or_else(|| Error::field(file, path, "an element", "nothing"))
}

fn shapes(file: &Path, root: &Element) -> Result<[(usize, usize); 3]> {
    let mut shapes = [(0, 0); 3];
    for resolution in Resolution::ALL {
        let (path, size) = at_resolution(file, root, "Size", resolution)?;
        let edge = |name: &str| -> Result<usize> {
            let field = Field::new(file, format!("{path}/{name}"), size.require(file, name)?);
            Ok(field.number(1..=MAX_IMAGE_EDGE)? as usize)
        };
        let shape = (edge("NROWS")?, edge("NCOLS")?);
        shapes[resolution as usize] = shape;
        let cells = resolution.cells() as usize;
        let fine = shapes[Resolution::R10 as usize];
        if (shape.0 * cells, shape.1 * cells) != fine {
            return Err(Error::field(
                file,
                path,
                format!("{} x {} / {cells} (rows x columns at 10 m / {cells})", fine.0, fine.1),
                format!("{} x {}", shape.0, shape.1),
            ));
        }
    }
    Ok(shapes)
}

fn ground(file: &Path, root: &Element) -> Result<GeoTransform> {
    let field = required(file, root, format!("{GEOCODING}/HORIZONTAL_CS_CODE"))?;
    let code = field.text()?;
    let epsg = code.strip_prefix("EPSG:").and_then(|digits| digits.parse().ok());
    let epsg =
        epsg.filter(|code| (32_601..=32_660).contains(code) || (32_701..=32_760).contains(code)).ok_or_else(
            || field.wrong("the EPSG code of a UTM zone, EPSG:32601 to 32660 or EPSG:32701 to 32760"),
        )?;
    let mut corner = None;
    for resolution in Resolution::ALL {
        let (path, position) = at_resolution(file, root, "Geoposition", resolution)?;
        let number = |name: &str, range| -> Result<f64> {
            Field::new(file, format!("{path}/{name}"), position.require(file, name)?).number(range)
        };
        let size_m = f64::from(resolution.metres());
        number("XDIM", size_m..=size_m)?;
        number("YDIM", -size_m..=-size_m)?;
        let here = (number("ULX", -1e6..=2e6)?, number("ULY", -1e6..=1.1e7)?);
        let (ulx_m, uly_m) = *corner.get_or_insert(here);
        if here != (ulx_m, uly_m) {
            let found = format!("{} {}", here.0, here.1);
            return Err(Error::field(file, path, format!("the corner {ulx_m} {uly_m} as at 10 m"), found));
        }
    }
    let (ulx_m, uly_m) = corner.unwrap_or_default();
    Ok(GeoTransform { epsg, ulx_m, uly_m })
}

fn masks(file: &Path, root: &Element) -> Result<Vec<MaskRef>> {
    let Some(quality) = root.find(QUALITY) else { return Ok(Vec::new()) };
    let mut masks = Vec::new();
    for list in quality.children_named("Pixel_Level_QI") {
        for element in list.children_named("MASK_FILENAME") {
            let field = Field::new(file, format!("{QUALITY}/Pixel_Level_QI/MASK_FILENAME"), element);
            let band = if element.attribute("bandId").is_some() { Some(field.band("bandId")?) } else { None };
            masks.push(MaskRef { kind: field.attribute("type")?.to_owned(), band, path: field.text()? });
        }
    }
    Ok(masks)
}
