//! Writes Level-1C products: the folder, all metadata, masks and auxiliary files, and the paths for the images.
//!
//! The images are written by the caller at [`L1cWriter::image_path`] before [`L1cWriter::finish`]. Format of compact
//! products from baseline 02.04 on; the same facts give the same bytes.

use super::l1c_xml::{
    DETECTOR, L1cFacts, MASKS, datastrip, html, inspire, mask, product, quality_report, stylesheet, tile,
};
use super::manifest_objects::{KnownDigests, Level};
use super::manifest_writer::{ManifestFacts, write_manifest};
use super::staging::{Existing, Staging};
use crate::auxiliary::DOBSON_PER_KG_M2;
use crate::auxiliary::grib_writer::{LatLonGrid, NODES, Parameter, ReferenceTime, message};
use crate::error::{Error, Result};
use sen2cor_core::sensor::Band;
use std::fs;
use std::path::{Path, PathBuf};

/// Standard gravity, m/s2: geopotential of a metre.
const GRAVITY_M_S2: f64 = 9.806_65;
/// Number of the optical depth of dust in table 210.
const DUST: u8 = 209;

/// An image of a Level-1C product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum L1cImage {
    /// A band at its native resolution, 16 bits.
    Band(Band),
    /// True colours at 10 m, three components of 8 bits.
    TrueColour,
    /// The preview, 343 x 343 pixels in real products, three components of 8 bits.
    Preview,
    /// The number of the detector of each pixel of a band, at the band's resolution; from baseline 04.00 on.
    DetectorFootprint(Band),
    /// Eight quality flags (0 or 1) of each pixel of a band, at the band's resolution; from baseline 04.00 on.
    Quality(Band),
    /// Opaque cloud, cirrus and snow (0 or 1) at 60 m; from baseline 04.00 on.
    Classification,
}

impl L1cImage {
    /// All images of a product with these facts.
    pub fn all(facts: &L1cFacts) -> Vec<Self> {
        let mut images: Vec<Self> = Band::ALL.map(Self::Band).to_vec();
        images.extend([Self::TrueColour, Self::Preview]);
        if facts.has_offsets() {
            images.extend(Band::ALL.map(Self::DetectorFootprint));
            images.extend(Band::ALL.map(Self::Quality));
            images.push(Self::Classification);
        }
        images
    }

    /// What every pixel of [`L1cImage::DetectorFootprint`] holds, so that it agrees with the angles of the tile metadata.
    pub const DETECTOR: u8 = DETECTOR;
}

/// A Level-1C product in the making; nothing remains of it unless it is finished.
#[derive(Debug)]
pub struct L1cWriter {
    staging: Staging,
    facts: L1cFacts,
}

impl L1cWriter {
    /// Creates the folders of the product and writes everything but the images and the manifest. An existing product of
    /// this name is treated as `existing` says.
    ///
    /// # Errors
    /// [`Error::Field`] if the facts are none of a product (size not a multiple of 6, baseline before 02.04, ...),
    /// [`Error::Io`] if something cannot be written.
    pub fn begin(output_dir: &Path, facts: &L1cFacts, existing: Existing) -> Result<Self> {
        facts.check()?;
        let staging = Staging::begin(&output_dir.join(facts.product_name()), existing)?;
        let writer = Self { staging, facts: facts.clone() };
        writer.create_folders()?;
        writer.write_documents()?;
        writer.write_quality()?;
        writer.write_auxiliary()?;
        Ok(writer)
    }

    /// The facts of the product.
    pub fn facts(&self) -> &L1cFacts {
        &self.facts
    }

    /// The folder that will become the product.
    pub fn folder(&self) -> &Path {
        self.staging.path()
    }

    /// Where an image belongs, relative to the product, with `/` between the parts, as in manifests.
    pub fn image_name(&self, image: L1cImage) -> String {
        let facts = &self.facts;
        match image {
            L1cImage::Band(band) => format!("{}.jp2", facts.image_id(band.name())),
            L1cImage::TrueColour => format!("{}.jp2", facts.image_id("TCI")),
            L1cImage::Preview => facts.quality_path(&format!("{}.jp2", facts.image_stem("PVI"))),
            L1cImage::DetectorFootprint(band) => facts.quality_path(&format!("MSK_DETFOO_{band}.jp2")),
            L1cImage::Quality(band) => facts.quality_path(&format!("MSK_QUALIT_{band}.jp2")),
            L1cImage::Classification => facts.quality_path("MSK_CLASSI_B00.jp2"),
        }
    }

    /// Where to write an image now.
    pub fn image_path(&self, image: L1cImage) -> PathBuf {
        self.staging.path().join(self.image_name(image))
    }

    /// Writes the manifest and gives the product its name. Files in `known` (by [`L1cWriter::image_name`]) are not
    /// read again for their checksum.
    ///
    /// # Errors
    /// [`Error::Missing`] if an image was not written, [`Error::Io`] if something cannot be read or written.
    pub fn finish(self, known: &KnownDigests) -> Result<PathBuf> {
        for image in L1cImage::all(&self.facts) {
            let path = self.image_path(image);
            if !path.is_file() {
                return Err(Error::Missing { path, what: format!("the image {image:?}") });
            }
        }
        write_manifest(self.staging.path(), &manifest_facts(&self.facts), known)?;
        self.staging.publish()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.staging.path().join(name);
        fs::write(&path, content).map_err(|e| Error::io(&path, "writing", e))
    }

    fn granule(&self, name: &str) -> String {
        format!("GRANULE/{}/{name}", self.facts.granule_name())
    }

    fn datastrip(&self, name: &str) -> String {
        format!("DATASTRIP/{}/{name}", self.facts.datastrip_name())
    }

    fn create_folders(&self) -> Result<()> {
        for folder in [
            self.granule("IMG_DATA"),
            self.granule("QI_DATA"),
            self.granule("AUX_DATA"),
            self.datastrip("QI_DATA"),
            "AUX_DATA".to_owned(),
            "rep_info".to_owned(),
            "HTML".to_owned(),
        ] {
            let path = self.staging.path().join(folder);
            fs::create_dir_all(&path).map_err(|e| Error::io(&path, "creating the folder", e))?;
        }
        Ok(())
    }

    fn write_documents(&self) -> Result<()> {
        let facts = &self.facts;
        self.write("MTD_MSIL1C.xml", product(facts).to_document())?;
        self.write("INSPIRE.xml", inspire(facts).to_document())?;
        self.write("HTML/UserProduct_index.html", html(facts))?;
        self.write("HTML/UserProduct_index.xsl", stylesheet().to_document())?;
        self.write(&self.granule("MTD_TL.xml"), tile(facts).to_document())?;
        self.write(&self.datastrip("MTD_DS.xml"), datastrip(facts).to_document())
    }

    fn write_quality(&self) -> Result<()> {
        let facts = &self.facts;
        for check in L1cFacts::REPORTS {
            let of_datastrip = self.datastrip(&format!("QI_DATA/{check}.xml"));
            let report = quality_report(facts, check, &facts.datastrip_id(), &of_datastrip);
            self.write(&of_datastrip, report.to_document())?;
            if check != "RADIOMETRIC_QUALITY" {
                let of_tile = self.granule(&format!("QI_DATA/{check}.xml"));
                let report = quality_report(facts, check, &facts.tile_id(), &of_tile);
                self.write(&of_tile, report.to_document())?;
            }
        }
        if !facts.has_offsets() {
            for band in Band::ALL.map(Band::name) {
                for kind in MASKS {
                    let name = self.granule(&format!("QI_DATA/{kind}_{band}.gml"));
                    self.write(&name, mask(facts, kind, band).to_document())?;
                }
            }
            let name = self.granule("QI_DATA/MSK_CLOUDS_B00.gml");
            self.write(&name, mask(facts, "MSK_CLOUDS", "B00").to_document())?;
        }
        Ok(())
    }

    fn write_auxiliary(&self) -> Result<()> {
        let facts = &self.facts;
        self.write(&self.granule("AUX_DATA/AUX_ECMWFT"), grib(facts, &weather(facts)))?;
        if facts.has_offsets() {
            self.write(&self.granule("AUX_DATA/AUX_CAMSFO"), grib(facts, &aerosol(facts)))?;
        }
        Ok(())
    }
}

/// Fields of `AUX_ECMWFT`: the last three from baseline 04.00 on.
fn weather(facts: &L1cFacts) -> Vec<(Parameter, f64)> {
    // 1 cm of water are 10 kg/m2.
    let mut fields = vec![
        (Parameter::WATER_VAPOUR, facts.water_vapour_cm * 10.0),
        (Parameter::SEA_LEVEL_PRESSURE, 101_325.0),
        (Parameter::OZONE, facts.ozone_du / DOBSON_PER_KG_M2),
    ];
    if facts.has_offsets() {
        fields.push((Parameter::WIND_EAST, 3.0));
        fields.push((Parameter::WIND_NORTH, 0.0));
        fields.push((Parameter::HUMIDITY, 60.0));
    }
    fields
}

/// Fields of `AUX_CAMSFO`: geopotential, optical depths at 469 to 1240 nm (Angstrom exponent 1.3), and the depth at
/// 550 nm by kind: black carbon, dust, organic matter, sea salt, sulphate.
fn aerosol(facts: &L1cFacts) -> Vec<(Parameter, f64)> {
    let mut fields = vec![(Parameter::GEOPOTENTIAL, facts.elevation_km * 1000.0 * GRAVITY_M_S2)];
    let mut add = |number: u8, share: f64| {
        // Real files give dust as of a pressure level.
        let level_type = if number == DUST { 100 } else { 1 };
        fields.push((Parameter { table: 210, number, level_type }, facts.aot_550 * share));
    };
    for (number, wavelength_nm) in [(213, 469.0), (207, 550.0), (214, 670.0), (215, 865.0), (216, 1240.0)] {
        add(number, (550.0f64 / wavelength_nm).powf(1.3));
    }
    for (number, share) in [(211, 0.05), (DUST, 0.15), (210, 0.40), (208, 0.10), (212, 0.30)] {
        add(number, share);
    }
    fields
}

/// A GRIB file of constant fields around the tile.
fn grib(facts: &L1cFacts, fields: &[(Parameter, f64)]) -> Vec<u8> {
    let corners = facts.corners();
    let latitudes = corners.map(|c| c.latitude_deg);
    let longitudes = corners.map(|c| c.longitude_deg);
    let extreme = |values: [f64; 4], of: fn(f64, f64) -> f64| values.into_iter().fold(f64::NAN, of);
    let grid = LatLonGrid {
        north_deg: extreme(latitudes, f64::max),
        west_deg: extreme(longitudes, f64::min),
        south_deg: extreme(latitudes, f64::min),
        east_deg: extreme(longitudes, f64::max),
    };
    let time = if facts.has_offsets() {
        ReferenceTime::ForecastFor(facts.sensing_time)
    } else {
        ReferenceTime::Analysis(facts.sensing_time)
    };
    fields
        .iter()
        .flat_map(|(parameter, value)| message(*parameter, &grid, time, &[*value; NODES * NODES]))
        .collect()
}

fn manifest_facts(facts: &L1cFacts) -> ManifestFacts {
    ManifestFacts {
        level: Level::L1C,
        spacecraft: facts.spacecraft,
        start_time: facts.sensing_time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        generation_time: facts.generation_time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        absolute_orbit: facts.absolute_orbit,
        relative_orbit: facts.relative_orbit,
        direction: "descending".to_owned(),
        footprint: facts.footprint(),
    }
}
