//! What a Level-1C product is made from, and the names that follow from it.

use crate::error::{Error, Result};
use crate::safe::names::ProcessingBaseline;
use jiff::Timestamp;
use sen2cor_core::angles::Direction;
use sen2cor_core::grid::{Extent, GeoTransform, Geographic, Resolution};
use sen2cor_core::sensor::{Band, Spacecraft};
use std::path::Path;

/// The oldest baseline whose products have the compact names.
const FIRST_COMPACT: ProcessingBaseline = ProcessingBaseline::new(2, 4);

/// From this baseline on products follow version 15 of the product specification.
const FIRST_PSD_15: ProcessingBaseline = ProcessingBaseline::new(5, 11);

/// Everything that the metadata of a Level-1C product of one tile say.
#[derive(Clone, Debug, PartialEq)]
pub struct L1cFacts {
    /// Who measures.
    pub spacecraft: Spacecraft,
    /// Decides on the format: 02.04 or later.
    pub baseline: ProcessingBaseline,
    /// Name of the tile without `T`, e.g. `33UUB`.
    pub mgrs_tile: String,
    /// Position of the upper left corner.
    pub ground: GeoTransform,
    /// Size of the tile.
    pub extent: Extent,
    /// When the tile was seen; also the start of the data take.
    pub sensing_time: Timestamp,
    /// When the product was made.
    pub generation_time: Timestamp,
    /// 1 to 143.
    pub relative_orbit: u32,
    /// Counted from launch.
    pub absolute_orbit: u32,
    /// Where the sun stands, the same everywhere.
    pub sun: Direction,
    /// Where the sensor stands, by `bandId`, the same everywhere.
    pub view: [Direction; 13],
    /// Aerosol optical depth at 550 nm, for `AUX_CAMSFO`.
    pub aot_550: f64,
    /// Water vapour column, cm, for `AUX_ECMWFT`.
    pub water_vapour_cm: f64,
    /// Ozone column, Dobson units, for `AUX_ECMWFT`.
    pub ozone_du: f64,
    /// Height of the ground, km, for `AUX_CAMSFO` and the pressure.
    pub elevation_km: f64,
    /// Share of cloudy pixels, per cent.
    pub cloud_percent: f64,
    /// Share of snow, per cent.
    pub snow_percent: f64,
}

impl L1cFacts {
    /// A summer morning over southern Sweden (tile 33UUB), with a clear and moderately moist atmosphere.
    ///
    /// The sensor looks from 5 degrees east of the vertical in all bands.
    pub fn southern_sweden(spacecraft: Spacecraft, baseline: ProcessingBaseline, extent: Extent) -> Self {
        // 27 May 2017, 10:20:21 UTC for S2A and S2B, 27 May 2025 for those that were not in orbit in 2017.
        let seconds = match spacecraft {
            Spacecraft::S2A | Spacecraft::S2B => 1_495_880_421,
            Spacecraft::S2C | Spacecraft::S2D => 1_748_341_221,
        };
        let sensing_time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let generation_time = Timestamp::from_second(seconds + 7200).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            spacecraft,
            baseline,
            mgrs_tile: "33UUB".to_owned(),
            ground: GeoTransform { epsg: 32633, ulx_m: 300_000.0, uly_m: 6_200_040.0 },
            extent,
            sensing_time,
            generation_time,
            relative_orbit: 65,
            absolute_orbit: 10_073,
            sun: Direction { zenith_deg: 35.0, azimuth_deg: 160.0 },
            view: [Direction { zenith_deg: 5.0, azimuth_deg: 105.0 }; 13],
            aot_550: 0.15,
            water_vapour_cm: 2.0,
            ozone_du: 331.0,
            elevation_km: 0.1,
            cloud_percent: 0.0,
            snow_percent: 0.0,
        }
    }

    /// `RADIO_ADD_OFFSET` of all bands: -1000 from baseline 04.00 on, 0 before.
    pub fn radio_add_offset(&self) -> i32 {
        if self.has_offsets() { -1000 } else { 0 }
    }

    /// Whether the format is that of baseline 04.00 and later: offsets, masks as images, aerosol data.
    pub fn has_offsets(&self) -> bool {
        self.baseline >= ProcessingBaseline::WITH_OFFSETS
    }

    /// Name of the product folder.
    pub fn product_name(&self) -> String {
        format!(
            "{}_MSIL1C_{}_N{}_R{:03}_T{}_{}.SAFE",
            self.spacecraft,
            compact(self.sensing_time),
            self.baseline.compact(),
            self.relative_orbit,
            self.mgrs_tile,
            compact(self.generation_time)
        )
    }

    /// Refuses what no product can say.
    pub(crate) fn check(&self) -> Result<()> {
        let expect = |ok: bool, field: &str, expected: &str, found: String| {
            if ok { Ok(()) } else { Err(Error::field(Path::new("MTD_MSIL1C.xml"), field, expected, found)) }
        };
        let Extent { rows, cols } = self.extent;
        let whole = rows > 0 && cols > 0 && rows.is_multiple_of(6) && cols.is_multiple_of(6);
        expect(whole, "NROWS and NCOLS", "multiples of 6", format!("{rows} x {cols}"))?;
        let named = self.mgrs_tile.len() == 5 && self.mgrs_tile.bytes().all(|b| b.is_ascii_alphanumeric());
        expect(named, "tile", "five letters and digits such as 33UUB", self.mgrs_tile.clone())?;
        let (orbit, baseline) = (self.relative_orbit, self.baseline);
        expect((1..=143).contains(&orbit), "SENSING_ORBIT_NUMBER", "1 to 143", orbit.to_string())?;
        expect(baseline >= FIRST_COMPACT, "PROCESSING_BASELINE", "02.04 or later", baseline.to_string())?;
        expect(
            baseline.major <= 99 && baseline.minor <= 99,
            "PROCESSING_BASELINE",
            "dd.dd",
            baseline.to_string(),
        )
    }

    /// Version of the product specification. Version 14 knows no other spacecraft than S2A and S2B.
    pub(crate) fn psd(&self) -> u32 {
        let later = matches!(self.spacecraft, Spacecraft::S2C | Spacecraft::S2D);
        if later || self.baseline >= FIRST_PSD_15 { 15 } else { 14 }
    }

    pub(crate) fn granule_name(&self) -> String {
        format!("L1C_T{}_A{:06}_{}", self.mgrs_tile, self.absolute_orbit, compact(self.sensing_time))
    }

    pub(crate) fn datastrip_name(&self) -> String {
        let (made, seen) = (compact(self.generation_time), compact(self.sensing_time));
        format!("DS_{}_{made}_S{seen}", Self::CENTRE)
    }

    /// `TILE_ID`
    pub(crate) fn tile_id(&self) -> String {
        format!(
            "{}_OPER_MSI_L1C_TL_{}_{}_A{:06}_T{}_N{}",
            self.spacecraft,
            Self::CENTRE,
            compact(self.generation_time),
            self.absolute_orbit,
            self.mgrs_tile,
            self.baseline
        )
    }

    /// `DATASTRIP_ID`
    pub(crate) fn datastrip_id(&self) -> String {
        let (made, seen) = (compact(self.generation_time), compact(self.sensing_time));
        format!("{}_OPER_MSI_L1C_DS_{}_{made}_S{seen}_N{}", self.spacecraft, Self::CENTRE, self.baseline)
    }

    /// `datatakeIdentifier`
    pub(crate) fn datatake_id(&self) -> String {
        let seen = compact(self.sensing_time);
        format!("G{}_{seen}_{:06}_N{}", self.spacecraft, self.absolute_orbit, self.baseline)
    }

    /// Identifier of the processing centre: no real one.
    pub(crate) const CENTRE: &'static str = "SIML";

    /// `T33UUB_20170527T102021_<what>`, the stem of image files.
    pub(crate) fn image_stem(&self, what: &str) -> String {
        format!("T{}_{}_{what}", self.mgrs_tile, compact(self.sensing_time))
    }

    /// Path of the image of a band or of `TCI` in the product, without ending.
    pub(crate) fn image_id(&self, what: &str) -> String {
        format!("GRANULE/{}/IMG_DATA/{}", self.granule_name(), self.image_stem(what))
    }

    /// Path of a quality file of the tile in the product.
    pub(crate) fn quality_path(&self, file: &str) -> String {
        format!("GRANULE/{}/QI_DATA/{file}", self.granule_name())
    }

    /// Easting and northing of the lower right corner, metres.
    pub(crate) fn lower_right_m(&self) -> (f64, f64) {
        let metres = f64::from(Resolution::R10.metres());
        let Extent { rows, cols } = self.extent;
        (self.ground.ulx_m + f64::from(cols) * metres, self.ground.uly_m - f64::from(rows) * metres)
    }

    /// The four corners: upper left, upper right, lower right, lower left.
    pub(crate) fn corners(&self) -> [Geographic; 4] {
        let (left, upper) = (self.ground.ulx_m, self.ground.uly_m);
        let (right, lower) = self.lower_right_m();
        [(left, upper), (right, upper), (right, lower), (left, lower)]
            .map(|(e, n)| self.ground.geographic(e, n))
    }

    /// Latitudes and longitudes of the corners in turn, the first one again at the end.
    pub(crate) fn footprint(&self) -> String {
        let corners = self.corners();
        let all = corners.iter().chain(corners.first());
        let words: Vec<String> =
            all.map(|c| format!("{:.12} {:.12}", c.latitude_deg, c.longitude_deg)).collect();
        words.join(" ")
    }

    /// Quality reports of the data strip; those of the tile are the same without the radiometric one.
    pub(crate) const REPORTS: [&'static str; 5] = [
        "FORMAT_CORRECTNESS",
        "GENERAL_QUALITY",
        "GEOMETRIC_QUALITY",
        "SENSOR_QUALITY",
        "RADIOMETRIC_QUALITY",
    ];

    /// The images that the product lists: all bands and the true colours.
    pub(crate) fn images() -> impl Iterator<Item = &'static str> {
        Band::ALL.into_iter().map(Band::name).chain(["TCI"])
    }
}

/// `20170527T102021`
pub(crate) fn compact(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%S").to_string()
}

/// `2017-05-27T10:20:21.024Z`
pub(crate) fn iso(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// GPS time, 18 seconds ahead of UTC since 2017, in the form without zone.
pub(crate) fn gps(time: Timestamp) -> String {
    let leap_seconds = jiff::SignedDuration::from_secs(18);
    time.saturating_add(leap_seconds).unwrap_or(time).strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}
