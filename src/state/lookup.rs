//! What is looked up before a run: the aerosol in both terms, the correction for the mean directions, and what is said of it.

use super::Sighting;
use crate::error::{Error, Result};
use crate::forecast::Ozone;
use crate::geometry::Angles;
use crate::options::{AerosolLoad, AerosolType, AtmosphereOptions, RetrievalOptions};
use crate::quality::QualityNote;
use crate::report::ValueUsed;
use crate::tables::TableSource;
use sen2cor_core::aerosol::{Aerosol, index_of_visibility, product_aot_550, table_aot_550};
use sen2cor_core::cells::{BandView, Coefficients, Directions, GeometryGrid, Load, LoadScale};
use sen2cor_core::reflectance::{BandCorrection, Model};
use sen2cor_core::season::{Season, water_vapour_for};
use sen2cor_core::sensor::Band;
use sen2cor_core::table::{Note, Notes};
use sen2cor_io::safe::OzoneSource;

/// The given aerosol, or the first of those to choose from.
pub(super) fn first_aerosol(options: &AtmosphereOptions) -> Aerosol {
    match options.aerosol {
        AerosolType::Rural | AerosolType::Auto => Aerosol::Rural,
        AerosolType::Maritime => Aerosol::Maritime,
    }
}

pub(super) fn reference_albedo(options: &AtmosphereOptions) -> Option<f32> {
    (options.model == Model::Sen2cor).then_some(options.spherical_albedo_reference as f32)
}

pub(super) fn band_view(sighting: &Sighting, options: &AtmosphereOptions, band: Band) -> BandView {
    BandView {
        spacecraft: sighting.spacecraft,
        band,
        aerosol: first_aerosol(options),
        ozone_du: sighting.forecast.ozone(options).du,
    }
}

/// Aerosol in the table's terms and in the product's.
pub(super) struct AerosolState {
    pub(super) load: Load,
    pub(super) table_aot_550: f64,
    pub(super) product_aot_550: f64,
    pub(super) source: String,
}

impl AerosolState {
    /// A given optical depth is used and written as it is. A visibility becomes the optical depth that the tables of
    /// the original hold for it; model `sen2cor` writes the slightly different number of the original's formula.
    pub(super) fn of(options: &AtmosphereOptions) -> Self {
        let of_aot = |aot: f64, source: String| Self {
            load: Load { scale: LoadScale::Aot550, value: aot },
            table_aot_550: aot,
            product_aot_550: aot,
            source,
        };
        match (options.aerosol_load(), options.model) {
            (AerosolLoad::Aot550(aot), _) => of_aot(aot, "given".to_owned()),
            (AerosolLoad::VisibilityKm(km), Model::Sen2cor) => Self {
                load: Load { scale: LoadScale::VisibilityIndex, value: index_of_visibility(km) },
                table_aot_550: table_aot_550(km, options.elevation_km),
                product_aot_550: product_aot_550(km, options.elevation_km),
                source: format!("visibility {km} km, formula of the product"),
            },
            (AerosolLoad::VisibilityKm(km), Model::Physical) => {
                of_aot(table_aot_550(km, 0.0), format!("visibility {km} km, table at sea level"))
            }
        }
    }
}

pub(super) struct Lookup<'a> {
    pub(super) source: TableSource,
    pub(super) sighting: &'a Sighting,
    pub(super) options: &'a AtmosphereOptions,
    pub(super) retrieval: &'a RetrievalOptions,
    pub(super) season: Season,
    pub(super) load: Load,
    pub(super) water_vapour_cm: f64,
    pub(super) ozone: Ozone,
}

impl Lookup<'_> {
    pub(super) fn all_bands(&self, notes: &mut Notes) -> Result<[BandCorrection; 13]> {
        let table = self.source.open()?;
        let (model, elevation_km) = (self.options.model, self.options.elevation_km);
        let mut found = Vec::with_capacity(13);
        for band in Band::ALL {
            let directions = Directions { sun: self.sighting.sun, view: self.sighting.view[band.index()] };
            let water = water_vapour_for(model, band, self.water_vapour_cm, self.season, elevation_km);
            let view = band_view(self.sighting, self.options, band);
            let (functions, more) =
                table.functions(&view, &directions, &[(self.load, elevation_km, water)])?;
            *notes = notes.join(more);
            let coefficients = functions.first().map(Coefficients::new).unwrap_or_default();
            found.push(BandCorrection::of(&coefficients, reference_albedo(self.options)));
        }
        found
            .try_into()
            .map_err(|_| Error::Execution(sen2cor_exec::ExecError::NotReady { what: "13 bands".to_owned() }))
    }

    pub(super) fn geometry(&self, band: Band) -> GeometryGrid {
        let angles = Angles {
            sun: self.sighting.sun,
            view: self.sighting.view[band.index()],
            sun_grid: self.sighting.sun_grid.as_ref(),
            view_grid: self.sighting.view_grids.get(&band),
        };
        angles.on_cells(self.options.model, self.sighting.extent)
    }

    pub(super) fn adjacency(&self, adjacency_km: f64) -> ValueUsed {
        let source = match (self.options.adjacency_km, self.sighting.simulated_adjacency_km) {
            (Some(_), _) => "given",
            (None, Some(_)) => "the product says that it was simulated so",
            (None, None) => "default",
        };
        ValueUsed {
            name: "adjacency_km".to_owned(),
            value: adjacency_km.to_string(),
            source: source.to_owned(),
        }
    }

    /// Fallbacks, then what the table has to say.
    pub(super) fn notes(&self, load: &AerosolState, table: Notes) -> Vec<QualityNote> {
        let options = self.options;
        let mut notes = Vec::new();
        notes.extend(self.sighting.forecast.notes.iter().cloned());
        if self.ozone.source == OzoneSource::Other {
            notes.push(QualityNote::DefaultOzone { ozone_du: self.ozone.du });
        }
        if !options.aerosol_is_given() && !self.retrieval.aerosol_retrieval {
            notes.push(QualityNote::DefaultAerosol { aot_550: load.product_aot_550 });
        }
        if options.water_vapour_cm.is_none() && !self.retrieval.water_vapour_retrieval {
            notes.push(QualityNote::DefaultWaterVapour { water_vapour_cm: self.water_vapour_cm });
        }
        notes.extend(table_notes(table, self.sighting));
        notes
    }

    pub(super) fn values(&self, load: &AerosolState) -> Vec<ValueUsed> {
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
            value(
                "aerosol",
                first_aerosol(options).to_string(),
                or_default(options.aerosol == defaults.aerosol),
            ),
            value("ozone_du", format!("{:.4}", self.ozone.du), self.ozone.words),
            value(
                "elevation_km",
                options.elevation_km.to_string(),
                or_default(options.elevation_km == defaults.elevation_km),
            ),
            value(
                "season",
                self.season.to_string(),
                if options.season.is_some() { "given" } else { "date and latitude" },
            ),
            value("sun_zenith_deg", format!("{:.4}", self.sighting.sun.zenith_deg), "mean of the tile"),
        ];
        if options.aerosol_is_given() || !self.retrieval.aerosol_retrieval {
            values.push(value("aot_550", format!("{:.4}", load.product_aot_550), &load.source));
            values.push(value("table_aot_550", format!("{:.4}", load.table_aot_550), &load.source));
        }
        if options.water_vapour_cm.is_some() || !self.retrieval.water_vapour_retrieval {
            values.push(value("water_vapour_cm", format!("{:.4}", self.water_vapour_cm), water_source));
        }
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
pub(super) fn table_notes(notes: Notes, sighting: &Sighting) -> impl Iterator<Item = QualityNote> {
    Note::ALL.into_iter().filter(move |&note| notes.contains(note)).map(|note| match note {
        Note::Borrowed => QualityNote::ResponsesBorrowed { spacecraft: sighting.spacecraft },
        Note::SunLow | Note::SunZenith => {
            QualityNote::Table { note, value: Some(format!("{:.2} degrees", sighting.sun.zenith_deg)) }
        }
        _ => QualityNote::Table { note, value: None },
    })
}
