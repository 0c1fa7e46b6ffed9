//! The state of the atmosphere of a run: what was given, what was assumed, and the correction of each band that follows.

use crate::error::{Error, Result};
use crate::options::{AerosolLoad, AtmosphereOptions};
use crate::quality::QualityNote;
use crate::report::ValueUsed;
use sen2cor_core::aerosol::{product_aot_550, table_aot_550};
use sen2cor_core::angles::{Direction, relative_azimuth_deg};
use sen2cor_core::reflectance::{BandCorrection, Model};
use sen2cor_core::season::{Season, water_vapour_for, water_vapour_share};
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::table::{AtmosphereTable, Condition, Note, Notes};
use sen2cor_io::auxiliary::lut_file;
use std::path::Path;

/// The scalar table with Henyey-Greenstein aerosol, for agreement with the archive.
const PARITY_TABLE: (&str, &[u8]) = ("s2_parity.s2lut", include_bytes!("../data/lut/s2_parity.s2lut"));

/// The table from vector radiative transfer with Mie aerosol.
const PHYSICAL_TABLE: (&str, &[u8]) = ("s2_physical.s2lut", include_bytes!("../data/lut/s2_physical.s2lut"));

/// Geometry and time of a tile.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) spacecraft: Spacecraft,
    pub(crate) sun: Direction,
    /// Mean view direction of each band.
    pub(crate) view: [Direction; 13],
    pub(crate) latitude_deg: f64,
    /// Month of the year, 1 to 12.
    pub(crate) month: u8,
}

/// The atmosphere over a tile, the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Atmosphere {
    corrections: [BandCorrection; 13],
    /// Name of the look-up table.
    pub(crate) table: &'static str,
    /// What the product says of the aerosol.
    pub(crate) aot_550: f64,
    pub(crate) water_vapour_cm: f64,
    /// Stored value of the AOT images.
    pub(crate) aot_dn: u16,
    /// Stored value of the water vapour images.
    pub(crate) water_vapour_dn: u16,
    /// What was used, for the report and the product.
    pub(crate) values: Vec<ValueUsed>,
    /// What deserves a note.
    pub(crate) notes: Vec<QualityNote>,
}

impl Atmosphere {
    /// Looks up everything for a tile.
    ///
    /// # Errors
    /// If the table cannot be read or lacks the aerosol.
    pub(crate) fn new(sighting: &Sighting, options: &AtmosphereOptions) -> Result<Self> {
        let (name, bytes) = if options.model == Model::Physical { PHYSICAL_TABLE } else { PARITY_TABLE };
        let table = lut_file::parse(Path::new(name), bytes)
            .map_err(|source| Error::Auxiliary { what: "the atmospheric correction", source })?;
        let season = Season::at(sighting.latitude_deg, sighting.month);
        let load = AerosolState::of(options);
        let water_vapour_cm = options.water_vapour_cm.unwrap_or_else(|| {
            season.default_water_vapour_cm() * water_vapour_share(options.model, options.elevation_km)
        });
        let lookup =
            Lookup { table: &table, sighting, options, season, aot_550: load.table_aot_550, water_vapour_cm };
        let mut notes = Notes::default();
        let corrections = lookup.all_bands(&mut notes)?;
        Ok(Self {
            corrections,
            table: name,
            aot_550: load.product_aot_550,
            water_vapour_cm,
            aot_dn: stored(load.product_aot_550),
            water_vapour_dn: stored(water_vapour_cm),
            values: lookup.values(&load),
            notes: lookup.notes(&load, notes),
        })
    }

    /// The correction of a band.
    pub(crate) fn correction(&self, band: Band) -> BandCorrection {
        self.corrections[band.index()]
    }
}

/// Stored value of a quantity that is written in thousandths.
fn stored(value: f64) -> u16 {
    (value * 1000.0 + 0.5).clamp(0.0, f64::from(u16::MAX)) as u16
}

/// Aerosol in the table's terms and in the product's.
struct AerosolState {
    table_aot_550: f64,
    product_aot_550: f64,
    source: String,
}

impl AerosolState {
    /// A given optical depth is used and written as it is. A visibility becomes the optical depth that the tables of
    /// the original hold for it; model `sen2cor` writes the slightly different number of the original's formula.
    fn of(options: &AtmosphereOptions) -> Self {
        match (options.aerosol_load(), options.model) {
            (AerosolLoad::Aot550(aot), _) => {
                Self { table_aot_550: aot, product_aot_550: aot, source: "given".to_owned() }
            }
            (AerosolLoad::VisibilityKm(km), Model::Sen2cor) => Self {
                table_aot_550: table_aot_550(km, options.elevation_km),
                product_aot_550: product_aot_550(km, options.elevation_km),
                source: format!("visibility {km} km, formula of the product"),
            },
            (AerosolLoad::VisibilityKm(km), Model::Physical) => {
                let aot = table_aot_550(km, 0.0);
                Self {
                    table_aot_550: aot,
                    product_aot_550: aot,
                    source: format!("visibility {km} km, table at sea level"),
                }
            }
        }
    }
}

struct Lookup<'a> {
    table: &'a AtmosphereTable,
    sighting: &'a Sighting,
    options: &'a AtmosphereOptions,
    season: Season,
    aot_550: f64,
    water_vapour_cm: f64,
}

impl Lookup<'_> {
    fn all_bands(&self, notes: &mut Notes) -> Result<[BandCorrection; 13]> {
        let mut found = Vec::with_capacity(13);
        for band in Band::ALL {
            let (functions, band_notes) = self.table.evaluate(&self.condition(band))?;
            *notes = notes.join(band_notes);
            found.push(BandCorrection::new(&functions, self.reference_albedo()));
        }
        found
            .try_into()
            .map_err(|_| Error::Execution(sen2cor_exec::ExecError::NotReady { what: "13 bands".to_owned() }))
    }

    fn condition(&self, band: Band) -> Condition {
        let (sun, view) = (self.sighting.sun, self.sighting.view[band.index()]);
        let (model, elevation_km) = (self.options.model, self.options.elevation_km);
        Condition {
            spacecraft: self.sighting.spacecraft,
            band,
            aerosol: self.options.aerosol,
            sun_zenith_deg: sun.zenith_deg,
            view_zenith_deg: view.zenith_deg,
            relative_azimuth_deg: relative_azimuth_deg(sun.azimuth_deg, view.azimuth_deg),
            aot_550: self.aot_550,
            elevation_km,
            water_vapour_cm: water_vapour_for(model, band, self.water_vapour_cm, self.season, elevation_km),
            ozone_du: self.options.ozone_du,
        }
    }

    fn reference_albedo(&self) -> Option<f32> {
        (self.options.model == Model::Sen2cor).then_some(self.options.spherical_albedo_reference as f32)
    }

    /// Fallbacks, then what the table has to say.
    fn notes(&self, load: &AerosolState, table: Notes) -> Vec<QualityNote> {
        let (options, defaults) = (self.options, AtmosphereOptions::default());
        let mut notes = vec![QualityNote::NoElevationModel { elevation_km: options.elevation_km }];
        if options.ozone_du == defaults.ozone_du {
            notes.push(QualityNote::DefaultOzone { ozone_du: options.ozone_du });
        }
        if options.aerosol_load() == defaults.aerosol_load() {
            notes.push(QualityNote::DefaultAerosol { aot_550: load.product_aot_550 });
        }
        if options.water_vapour_cm.is_none() {
            notes.push(QualityNote::DefaultWaterVapour { water_vapour_cm: self.water_vapour_cm });
        }
        notes.extend(table_notes(table, self.sighting));
        notes
    }

    fn values(&self, load: &AerosolState) -> Vec<ValueUsed> {
        let value = |name: &str, value: String, source: &str| ValueUsed {
            name: name.to_owned(),
            value,
            source: source.to_owned(),
        };
        let defaults = AtmosphereOptions::default();
        let or_default = |is_default| if is_default { "default" } else { "given" };
        let options = self.options;
        let water_source = if options.water_vapour_cm.is_some() { "given" } else { "default of the season" };
        let mut values = vec![
            value("model", options.model.to_string(), or_default(options.model == defaults.model)),
            value("aerosol", options.aerosol.to_string(), or_default(options.aerosol == defaults.aerosol)),
            value("aot_550", format!("{:.4}", load.product_aot_550), &load.source),
            value("table_aot_550", format!("{:.4}", load.table_aot_550), &load.source),
            value("water_vapour_cm", format!("{:.4}", self.water_vapour_cm), water_source),
            value(
                "ozone_du",
                options.ozone_du.to_string(),
                or_default(options.ozone_du == defaults.ozone_du),
            ),
            value(
                "elevation_km",
                options.elevation_km.to_string(),
                or_default(options.elevation_km == defaults.elevation_km),
            ),
            value("season", self.season.to_string(), "date and latitude"),
            value("sun_zenith_deg", format!("{:.4}", self.sighting.sun.zenith_deg), "mean of the tile"),
        ];
        if options.model == Model::Sen2cor {
            let dry = water_vapour_for(
                options.model,
                Band::B02,
                self.water_vapour_cm,
                self.season,
                options.elevation_km,
            );
            values.push(value(
                "water_vapour_cm of B01 to B04, B08, B8A",
                format!("{dry:.4}"),
                "default of the season, as in the archive",
            ));
        }
        values
    }
}

/// What the table has to say.
fn table_notes(notes: Notes, sighting: &Sighting) -> impl Iterator<Item = QualityNote> {
    Note::ALL.into_iter().filter(move |&note| notes.contains(note)).map(|note| match note {
        Note::Borrowed => QualityNote::ResponsesBorrowed { spacecraft: sighting.spacecraft },
        Note::SunLow | Note::SunZenith => {
            QualityNote::Table { note, value: Some(format!("{:.2} degrees", sighting.sun.zenith_deg)) }
        }
        _ => QualityNote::Table { note, value: None },
    })
}
