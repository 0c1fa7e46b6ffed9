//! The state of the atmosphere of a run: what was given, what was assumed, and the correction of each band that follows.

mod lookup;

use crate::error::Result;
use crate::forecast::{Forecast, Ozone};
use crate::options::{AerosolType, AtmosphereOptions, RetrievalOptions};
use crate::quality::QualityNote;
use crate::report::ValueUsed;
use crate::retrieval::ladder_loads;
use crate::tables::TableSource;
use lookup::{AerosolState, Lookup, band_view, first_aerosol, reference_albedo};
use sen2cor_core::aerosol::dark::DarkCounts;
use sen2cor_core::aerosol::{
    Aerosol, VISIBILITY_NODES_KM, index_of_visibility, table_aot_550, table_visibility_km,
};
use sen2cor_core::angles::{AngleGrid, Direction};
use sen2cor_core::cells::{BandView, Directions, GeometryGrid, Load, LoadScale, WaterAxis};
use sen2cor_core::grid::Extent;
use sen2cor_core::reflectance::{BandCorrection, Model};
use sen2cor_core::season::{Season, default_column_band, water_vapour_share};
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::table::{AtmosphericFunctions, Note, Notes};
use sen2cor_core::water_vapour::WaterMask;
use std::collections::BTreeMap;

/// Range of the surroundings of a pixel, km, unless something else is given.
const ADJACENCY_KM: f64 = 1.0;

/// Optical depths at which reference pixels are looked at.
const AOT_NODES: [f64; 15] = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.5, 1.8];

/// Geometry and time of a tile, and what its own files forecast.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) spacecraft: Spacecraft,
    pub(crate) sun: Direction,
    /// Mean view direction of each band.
    pub(crate) view: [Direction; 13],
    pub(crate) sun_grid: Option<AngleGrid>,
    pub(crate) view_grids: BTreeMap<Band, AngleGrid>,
    pub(crate) extent: Extent,
    pub(crate) latitude_deg: f64,
    /// Month of the year, 1 to 12.
    pub(crate) month: u8,
    /// Range of the surroundings that the product says it was simulated with, km.
    pub(crate) simulated_adjacency_km: Option<f64>,
    /// What the weather files of the product say.
    pub(crate) forecast: Forecast,
}

/// The atmosphere over a tile: what is given, and how it is looked up.
#[derive(Clone, Debug)]
pub(crate) struct Atmosphere {
    corrections: [BandCorrection; 13],
    geometry: [GeometryGrid; 13],
    sighting: Sighting,
    options: AtmosphereOptions,
    pub(crate) retrieval: RetrievalOptions,
    season: Season,
    pub(crate) source: TableSource,
    pub(crate) table_name: String,
    /// The aerosol, given or to start with.
    pub(crate) load: Load,
    /// What the product says of the aerosol.
    pub(crate) aot_550: f64,
    pub(crate) water_vapour_cm: f64,
    pub(crate) ozone: Ozone,
    /// Range of the surroundings of a pixel, km; 0: none.
    pub(crate) adjacency_km: f64,
    /// What was used, for the report and the product.
    pub(crate) values: Vec<ValueUsed>,
    /// What deserves a note.
    pub(crate) notes: Vec<QualityNote>,
    /// What the table had to say of the mean directions.
    table_notes: Notes,
}

impl Atmosphere {
    /// Looks up everything for a tile.
    ///
    /// # Errors
    /// If the table cannot be read or lacks the aerosol.
    pub(crate) fn new(
        sighting: &Sighting,
        options: &AtmosphereOptions,
        retrieval: &RetrievalOptions,
    ) -> Result<Self> {
        let season = options.season.unwrap_or_else(|| Season::at(sighting.latitude_deg, sighting.month));
        let source = match &options.lut_dir {
            None => TableSource::BuiltIn(options.model),
            Some(folder) => TableSource::Library {
                folder: folder.into(),
                season,
                ozone_du: sighting.forecast.ozone(options).du,
            },
        };
        let table_name = source.name()?;
        let load = AerosolState::of(options);
        let water_vapour_cm = options.water_vapour_cm.unwrap_or_else(|| {
            season.default_water_vapour_cm() * water_vapour_share(options.model, options.elevation_km)
        });
        let ozone = sighting.forecast.ozone(options);
        let lookup = Lookup {
            source: source.clone(),
            sighting,
            options,
            retrieval,
            season,
            load: load.load,
            water_vapour_cm,
            ozone,
        };
        let mut notes = Notes::default();
        let corrections = lookup.all_bands(&mut notes)?;
        let adjacency_km = options.adjacency_km.or(sighting.simulated_adjacency_km).unwrap_or(ADJACENCY_KM);
        let mut values = lookup.values(&load);
        values.push(lookup.adjacency(adjacency_km));
        Ok(Self {
            corrections,
            geometry: Band::ALL.map(|band| lookup.geometry(band)),
            sighting: sighting.clone(),
            options: options.clone(),
            retrieval: retrieval.clone(),
            season,
            source,
            table_name,
            load: load.load,
            aot_550: load.product_aot_550,
            water_vapour_cm,
            ozone,
            adjacency_km,
            values,
            notes: lookup.notes(&load, notes),
            table_notes: notes,
        })
    }

    /// The correction of a band for the mean directions.
    pub(crate) fn correction(&self, band: Band) -> BandCorrection {
        self.corrections[band.index()]
    }

    /// Where the directions of a band are known.
    pub(crate) fn geometry(&self, band: Band) -> &GeometryGrid {
        &self.geometry[band.index()]
    }

    /// What the table is asked for.
    pub(crate) fn view(&self, band: Band, aerosol: Aerosol) -> BandView {
        BandView { aerosol, ..band_view(&self.sighting, &self.options, band) }
    }

    /// How the water vapour of a band becomes an axis: from nodes (cm above the ground), or the column of the season.
    pub(crate) fn water_axis_of(&self, band: Band) -> impl Fn(Vec<f64>) -> WaterAxis + use<> {
        let (model, season) = (self.options.model, self.season);
        move |nodes| {
            if model == Model::Sen2cor && default_column_band(band) {
                WaterAxis::SeaLevel(season.default_water_vapour_cm(), model)
            } else {
                WaterAxis::AboveGround(nodes)
            }
        }
    }

    /// Whether the aerosol is looked for in the scene.
    pub(crate) fn retrieves_aerosol(&self) -> bool {
        self.retrieval.aerosol_retrieval && !self.options.aerosol_is_given()
    }

    /// Whether water vapour is looked for in the scene.
    pub(crate) fn retrieves_water(&self) -> bool {
        self.retrieval.water_vapour_retrieval && self.options.water_vapour_cm.is_none()
    }

    /// Whether means of water vapour are needed by row.
    pub(crate) fn water_by_row(&self) -> bool {
        self.retrieval.water_vapour_mask == WaterMask::RowMean
    }

    pub(crate) fn first_aerosol(&self) -> Aerosol {
        first_aerosol(&self.options)
    }

    /// Whether the type of the aerosol is looked for as well.
    pub(crate) fn chooses_aerosol(&self) -> bool {
        self.options.aerosol == AerosolType::Auto
    }

    /// The types that are tried.
    pub(crate) fn aerosol_types(&self) -> Vec<Aerosol> {
        if self.chooses_aerosol() { Aerosol::ALL.to_vec() } else { vec![self.first_aerosol()] }
    }

    /// Loads at which a reference pixel is looked at.
    pub(crate) fn load_nodes(&self) -> Vec<f64> {
        match self.load.scale {
            LoadScale::Aot550 => AOT_NODES.to_vec(),
            LoadScale::VisibilityIndex => {
                let known = VISIBILITY_NODES_KM.iter().rev().map(|&km| index_of_visibility(km));
                std::iter::once(0.0).chain(known).collect()
            }
        }
    }

    /// A visibility as a load.
    pub(crate) fn load_of_visibility(&self, km: f64) -> f64 {
        match self.load.scale {
            LoadScale::Aot550 => table_aot_550(km, 0.0),
            LoadScale::VisibilityIndex => index_of_visibility(km),
        }
    }

    /// Position of a visibility among the load nodes.
    pub(crate) fn node_of_visibility(&self, km: f64) -> f32 {
        let (nodes, load) = (self.load_nodes(), self.load_of_visibility(km));
        let high = nodes.iter().position(|&node| node >= load).unwrap_or(nodes.len() - 1).max(1);
        (high as f64 - 1.0 + (load - nodes[high - 1]) / (nodes[high] - nodes[high - 1])) as f32
    }

    /// Loads that are tried if pixels come out negative, from this one to the clearest air.
    pub(crate) fn rungs(&self, load: f64) -> Vec<f64> {
        let first_km = Load { scale: self.load.scale, value: load }.visibility_km(0.0);
        let mut loads = ladder_loads(first_km, |km| self.load_of_visibility(km));
        if let Some(first) = loads.first_mut() {
            *first = load;
        }
        loads
    }

    /// By what the path reflectance in the blue is multiplied, for the ratio of the scene's to the table's.
    pub(crate) fn path_scale(&self, found: f64) -> f64 {
        let options = &self.retrieval;
        let limited = if options.path_scale_limited {
            found.clamp(options.path_scale_lower, options.path_scale_upper)
        } else {
            found
        };
        if options.path_scaling && (limited - 1.0).abs() > options.path_scale_threshold {
            limited
        } else {
            1.0
        }
    }

    /// Whether so many dark pixels are enough to scale the path reflectance.
    pub(crate) fn may_scale_path(&self, used: u64, counts: &DarkCounts) -> bool {
        let (used, options) = (used as f64, &self.retrieval);
        used >= options.path_scale_least_share * counts.levels.iter().sum::<u64>() as f64
            && used >= options.path_scale_least_promille / 1000.0 * counts.valid as f64
    }

    /// The aerosol that is forecast in the product.
    pub(crate) fn forecast_load(&self, elevation_km: f64) -> Option<f64> {
        let aot = self.sighting.forecast.aerosol?.aot_550;
        Some(match self.load.scale {
            LoadScale::Aot550 => aot,
            LoadScale::VisibilityIndex => {
                index_of_visibility(table_visibility_km(aot.max(1e-3), elevation_km))
            }
        })
    }

    /// What the tables of the run had to say beyond what was known of the mean directions.
    pub(crate) fn more_table_notes(&self, notes: Notes) -> impl Iterator<Item = QualityNote> + use<> {
        let known = self.table_notes;
        let sighting = self.sighting.clone();
        // Elevation is judged by the ground itself, ranges of maps by what was found.
        let geometry = [Note::SunLow, Note::SunZenith, Note::ViewZenith, Note::AirMass, Note::Ozone];
        let more = geometry.into_iter().filter(move |&note| notes.contains(note) && !known.contains(note));
        more.map(move |note| {
            let sun = matches!(note, Note::SunLow | Note::SunZenith);
            let value = sun.then(|| {
                format!("in a part of the tile, {:.2} degrees in the mean", sighting.sun.zenith_deg)
            });
            QualityNote::Table { note, value }
        })
    }

    /// Reference albedo of the last step, for model `sen2cor`.
    pub(crate) fn reference_albedo(&self) -> Option<f32> {
        reference_albedo(&self.options)
    }

    pub(crate) fn model(&self) -> Model {
        self.options.model
    }

    /// Elevation of the ground where there is no elevation model.
    pub(crate) fn elevation_km(&self) -> f64 {
        self.options.elevation_km
    }

    /// Highest ground that the tables are asked for.
    pub(crate) fn highest_km(&self) -> f64 {
        match self.options.model {
            Model::Sen2cor => 3.5,
            Model::Physical => 5.0,
        }
    }

    pub(crate) fn season(&self) -> Season {
        self.season
    }

    /// Column of water vapour that is given or that the product forecasts, cm.
    pub(crate) fn expected_water_cm(&self) -> Option<f64> {
        let forecast = self.sighting.forecast.weather.map(|weather| weather.water_vapour_cm);
        self.options.water_vapour_cm.or(forecast)
    }

    /// Two-way transmittance of a column of water vapour in a band, for the mean directions.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) fn water_transmittance(&self, band: Band, water_cm: f64) -> Result<f64> {
        let directions = Directions { sun: self.sighting.sun, view: self.sighting.view[band.index()] };
        let states = [0.0, water_cm].map(|water| (self.load, self.options.elevation_km, water));
        let view = self.view(band, self.first_aerosol());
        let (functions, _) = self.source.open()?.functions(&view, &directions, &states)?;
        let through = |i: usize| functions.get(i).map_or(1.0, AtmosphericFunctions::two_way_transmittance);
        Ok((through(1) / through(0).max(1e-6)).clamp(0.0, 1.0))
    }

    /// Column of water vapour at sea level of which that above the ground follows; `None` if this one is given.
    pub(crate) fn sea_level_water_cm(&self) -> Option<f64> {
        self.options.water_vapour_cm.is_none().then(|| self.season.default_water_vapour_cm())
    }

    /// Column above ground of this elevation where none was found, cm.
    pub(crate) fn assumed_water_cm(&self, elevation_km: f64) -> f64 {
        let share = |at_sea_level| at_sea_level * water_vapour_share(self.options.model, elevation_km);
        self.sea_level_water_cm().map_or(self.water_vapour_cm, share)
    }
}
