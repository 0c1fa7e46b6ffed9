//! The look-up tables of Sen2Cor (`.atm` files), where a user has them.
//!
//! A library is a folder with the folders `10` and `20_60`, in which every combination of ozone, water vapour and aerosol has a file
//! `<letter>99000_wv<mm>_<rura|mari>.atm`. A file has no header; every number is a big-endian `f32`, ordered by band, visibility, sun zenith
//! angle; a record is the sun zenith angle, the visibility, and for each of six elevations seventeen numbers:
//!
//! | number | quantity, view 0 degrees | number | view 10 degrees |
//! |---|---|---|---|
//! | 0 | path radiance, mW cm-2 sr-1 um-1 | 6 to 9 | as 1 to 4 |
//! | 1 | Ed: sky light times the way up | 10 to 16 | path radiance at relative azimuth 0, 30, ... 180 degrees |
//! | 2 | Es: beam times the way up | | |
//! | 3, 4 | direct and diffuse transmittance ground to sensor | | |
//! | 5 | spherical albedo | | |
//!
//! Radiance is turned into reflectance with the irradiance that the table itself holds, so that the one of the metadata does not
//! matter (decision 23 in `COMPARE.md`).

use crate::error::{Error, Result};
use sen2cor_core::aerosol::{
    Aerosol, ELEVATION_NODES_KM, VISIBILITY_NODES_KM, total_depth_of_index, total_depth_of_node,
};
use sen2cor_core::angles::relative_azimuth_deg;
use sen2cor_core::cells::{Atmosphere, BandView, Directions, Load};
use sen2cor_core::season::Season;
use sen2cor_core::sensor::Band;
use sen2cor_core::table::{AtmosphericFunctions, Note, Notes, TableError};
use std::fs;
use std::path::{Path, PathBuf};

/// Bands of the files in `10` and in `20_60`.
const BANDS_10: [Band; 4] = [Band::B02, Band::B03, Band::B04, Band::B08];
const BANDS_20_60: [Band; 12] = [
    Band::B01,
    Band::B02,
    Band::B03,
    Band::B04,
    Band::B05,
    Band::B06,
    Band::B07,
    Band::B8A,
    Band::B09,
    Band::B10,
    Band::B11,
    Band::B12,
];

const VISIBILITIES: usize = 8;
const SUN_ZENITHS: usize = 8;
const ELEVATIONS: usize = 6;
/// Numbers per elevation with the vertical and one slanted view.
const PER_ELEVATION: usize = 17;
const RECORD: usize = 2 + ELEVATIONS * PER_ELEVATION;
const PER_BAND: usize = VISIBILITIES * SUN_ZENITHS * RECORD;
const SLANTED_DEG: f64 = 10.0;

/// Letters, ozone columns and water columns (mm at sea level) of the files of a season.
const SUMMER: ([(char, f64); 6], &[u32]) = (
    [('g', 290.0), ('f', 250.0), ('i', 370.0), ('h', 331.0), ('k', 450.0), ('j', 410.0)],
    &[4, 10, 20, 29, 40, 50],
);
const WINTER: ([(char, f64); 6], &[u32]) =
    ([('u', 290.0), ('t', 250.0), ('w', 377.0), ('v', 330.0), ('y', 460.0), ('x', 420.0)], &[2, 4, 8, 11]);

/// One file.
struct Table {
    /// Column of water vapour at sea level, cm.
    water_cm: f64,
    values: Vec<f32>,
}

/// The files of a library for one season and ozone column.
pub struct AtmLibrary {
    name: String,
    /// Per aerosol type: files of `20_60`, then of `10`, each by growing water vapour.
    tables: Vec<(Aerosol, Vec<Table>, Vec<Table>)>,
}

impl AtmLibrary {
    /// Reads the files of a season whose ozone column is nearest to this one.
    ///
    /// # Errors
    /// If a file is missing, has another size than its bands ask for, or holds something that cannot stand in a table.
    pub fn read(folder: &Path, season: Season, ozone_du: f64) -> Result<Self> {
        let (letters, columns) = if season == Season::Summer { SUMMER } else { WINTER };
        let mut nearest = letters[0];
        for letter in letters {
            if (letter.1 - ozone_du).abs() < (nearest.1 - ozone_du).abs() {
                nearest = letter;
            }
        }
        let mut tables = Vec::new();
        for (aerosol, word) in [(Aerosol::Rural, "rura"), (Aerosol::Maritime, "mari")] {
            let name = |mm: &u32| format!("{}99000_wv{mm:02}_{word}.atm", nearest.0);
            let all = |sub: &str, bands: usize| -> Result<Vec<Table>> {
                columns.iter().map(|mm| read_file(&folder.join(sub).join(name(mm)), bands, *mm)).collect()
            };
            tables.push((aerosol, all("20_60", BANDS_20_60.len())?, all("10", BANDS_10.len())?));
        }
        Ok(Self { name: format!("{}99000_wv{:02}_rura.atm", nearest.0, default_mm(season)), tables })
    }

    /// Name of the file that stands for the choice, as products name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn tables_of(&self, view: &BandView) -> std::result::Result<(&[Table], usize), TableError> {
        let found = self.tables.iter().find(|(aerosol, ..)| *aerosol == view.aerosol);
        let (_, coarse, fine) = found.ok_or(TableError::NoAerosol(view.aerosol))?;
        if let Some(index) = BANDS_20_60.iter().position(|&band| band == view.band) {
            return Ok((coarse, index));
        }
        let index = BANDS_10.iter().position(|&band| band == view.band).unwrap_or(0);
        Ok((fine, index))
    }
}

const fn default_mm(season: Season) -> u32 {
    match season {
        Season::Summer => 20,
        Season::Winter => 4,
    }
}

fn read_file(path: &PathBuf, bands: usize, mm: u32) -> Result<Table> {
    let expected = bands * PER_BAND * size_of::<f32>();
    let length = fs::metadata(path)
        .map_err(|source| Error::Io { path: path.clone(), doing: "reading", source })?
        .len();
    if length != expected as u64 {
        return Err(Error::field(path, "size", format!("{expected} bytes"), format!("{length} bytes")));
    }
    let bytes =
        fs::read(path).map_err(|source| Error::Io { path: path.clone(), doing: "reading", source })?;
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|chunk| f32::from_be_bytes(*chunk)).collect();
    if let Some(at) = values.iter().position(|value| !value.is_finite() || *value < 0.0) {
        let found = format!("{} at number {at}", values[at]);
        return Err(Error::field(path, "values", "finite numbers, not negative", found));
    }
    for (i, record) in values.chunks(RECORD).enumerate() {
        let expected =
            [(i % SUN_ZENITHS) as f32 * 10.0, VISIBILITY_NODES_KM[i / SUN_ZENITHS % VISIBILITIES] as f32];
        if record[..2] != expected {
            let found = format!("{:?}", &record[..2]);
            return Err(Error::field(path, format!("record {i}"), format!("{expected:?}"), found));
        }
    }
    Ok(Table { water_cm: f64::from(mm) / 10.0, values })
}

/// Two nodes and the weight of the second.
#[derive(Clone, Copy)]
struct Between(usize, usize, f64);

impl Between {
    fn new(nodes: &[f64], value: f64) -> Self {
        let last = nodes.len() - 1;
        let low = nodes[1..last].iter().filter(|&&node| node <= value).count();
        let share = (value - nodes[low]) / (nodes[low + 1] - nodes[low]);
        Self(low, low + 1, share)
    }

    fn mix(self, value: impl Fn(usize) -> f64) -> f64 {
        let Self(low, high, share) = self;
        value(low) + (value(high) - value(low)) * share
    }
}

/// Where in a band of a file one reads.
struct Place {
    visibility: Between,
    sun: Between,
    elevation: Between,
    azimuth: Between,
    slant: f64,
    cos_sun: f64,
}

impl Place {
    fn new(directions: &Directions, load: Load, elevation_km: f64, notes: &mut Notes) -> Self {
        let Directions { sun, view } = *directions;
        notes.note(Note::SunZenith, sun.zenith_deg > 70.0);
        notes.note(Note::ViewZenith, view.zenith_deg > SLANTED_DEG);
        let sun_deg = sun.zenith_deg.clamp(0.0, 69.999);
        let nodes = |step: f64, count: usize| (0..count).map(|i| i as f64 * step).collect::<Vec<_>>();
        let depths = VISIBILITY_NODES_KM.map(total_depth_of_node);
        // Depth falls with visibility: node 0 is 5 km.
        let growing: Vec<f64> = depths.iter().rev().copied().collect();
        let depth = total_depth_of_index(match load.scale {
            sen2cor_core::cells::LoadScale::VisibilityIndex => load.value,
            sen2cor_core::cells::LoadScale::Aot550 => {
                sen2cor_core::aerosol::index_of_visibility(load.visibility_km(elevation_km))
            }
        });
        let Between(low, high, share) =
            Between::new(&growing, depth.clamp(growing[0], growing[VISIBILITIES - 1]));
        Self {
            visibility: Between(VISIBILITIES - 1 - low, VISIBILITIES - 1 - high, share),
            sun: Between::new(&nodes(10.0, SUN_ZENITHS), sun_deg),
            // Above the last elevation the last slope goes on, to 3.5 km.
            elevation: Between::new(&ELEVATION_NODES_KM, elevation_km.clamp(0.0, 3.5)),
            azimuth: Between::new(
                &nodes(30.0, 7),
                relative_azimuth_deg(sun.azimuth_deg, view.azimuth_deg).min(179.999),
            ),
            slant: (view.zenith_deg / SLANTED_DEG).clamp(0.0, 1.0),
            cos_sun: sun_deg.to_radians().cos(),
        }
    }

    fn read(&self, table: &Table, band: usize, number: usize) -> f64 {
        let at = |v: usize, s: usize, e: usize| {
            let record = ((band * VISIBILITIES + v) * SUN_ZENITHS + s) * RECORD;
            f64::from(table.values[record + 2 + e * PER_ELEVATION + number])
        };
        self.visibility.mix(|v| self.sun.mix(|s| self.elevation.mix(|e| at(v, s, e)))).max(0.0)
    }

    /// Path radiance, Ed, Es, direct and diffuse transmittance, albedo.
    fn quantities(&self, table: &Table, band: usize) -> [f64; 6] {
        let slanted = |vertical: f64, slanted: f64| vertical + (slanted - vertical) * self.slant;
        let of = |number: usize| self.read(table, band, number);
        let path = self.azimuth.mix(|a| of(10 + a));
        [
            slanted(of(0), path),
            slanted(of(1), of(6)),
            slanted(of(2), of(7)),
            slanted(of(3), of(8)),
            slanted(of(4), of(9)),
            of(5),
        ]
    }
}

/// Solar irradiance that a band of a file holds: with the sun overhead, in the clearest air at sea level, Es / (E0 T) is the direct
/// transmittance, which the file has.
fn irradiance(table: &Table, band: usize) -> f64 {
    let record = (band * VISIBILITIES + VISIBILITIES - 1) * SUN_ZENITHS * RECORD + 2;
    let at = |number: usize| f64::from(table.values[record + number]);
    let transmittance = at(3) + at(4);
    (at(2) / (at(3) * transmittance).max(1e-9)).max(1e-6)
}

impl Atmosphere for AtmLibrary {
    fn functions(
        &self,
        view: &BandView,
        directions: &Directions,
        states: &[(Load, f64, f64)],
    ) -> std::result::Result<(Vec<AtmosphericFunctions>, Notes), TableError> {
        let (tables, band) = self.tables_of(view)?;
        let mut notes = Notes::default();
        let mut found = Vec::with_capacity(states.len());
        for &(load, elevation_km, water_cm) in states {
            let place = Place::new(directions, load, elevation_km, &mut notes);
            let share = sen2cor_core::season::water_vapour_share(
                sen2cor_core::reflectance::Model::Sen2cor,
                elevation_km,
            );
            // Files are named by the column at sea level.
            let roots: Vec<f64> = tables.iter().map(|t| t.water_cm.sqrt()).collect();
            let root = (water_cm / share.max(1e-6)).max(0.0).sqrt();
            notes.note(Note::WaterVapour, root < roots[0] || root > roots[roots.len() - 1]);
            let between = Between::new(&roots, root.clamp(roots[0], roots[roots.len() - 1]));
            let e0 = irradiance(&tables[0], band);
            let q: [f64; 6] = std::array::from_fn(|i| between.mix(|w| place.quantities(&tables[w], band)[i]));
            found.push(functions(q, e0, place.cos_sun));
        }
        Ok((found, notes))
    }
}

fn functions(
    [path, ed, es, direct, diffuse, albedo]: [f64; 6],
    e0: f64,
    cos_sun: f64,
) -> AtmosphericFunctions {
    let total = direct + diffuse;
    AtmosphericFunctions {
        path_reflectance: std::f64::consts::PI * path / (e0 * cos_sun),
        direct_flux: es / e0,
        diffuse_flux: ed / e0,
        transmittance_direct: direct,
        transmittance_diffuse: diffuse,
        transmittance_sun: if total > 0.0 { (es / e0 / total).min(1.0) } else { 0.0 },
        spherical_albedo: albedo,
        cos_sun_zenith: cos_sun,
    }
}
