//! The state of the atmosphere of a run: what was given, what was assumed, and the correction of each band that follows.

use crate::error::{Error, Result};
use crate::forecast::{Forecast, Ozone};
use crate::geometry::Angles;
use crate::options::{AerosolLoad, AerosolType, AtmosphereOptions, RetrievalOptions};
use crate::quality::QualityNote;
use crate::report::ValueUsed;
use crate::retrieval::ladder_loads;
use crate::tables::TableSource;
use sen2cor_core::aerosol::{
    Aerosol, VISIBILITY_NODES_KM, index_of_visibility, product_aot_550, table_aot_550, table_visibility_km,
};
use sen2cor_core::angles::{AngleGrid, Direction};
use sen2cor_core::cells::{BandView, Coefficients, Directions, GeometryGrid, Load, LoadScale, WaterAxis};
use sen2cor_core::grid::Extent;
use sen2cor_core::reflectance::{BandCorrection, Model};
use sen2cor_core::season::{Season, default_column_band, water_vapour_for, water_vapour_share};
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::table::{Note, Notes};
use sen2cor_core::water_vapour::WaterMask;
use sen2cor_io::safe::OzoneSource;
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
        let limited = found.clamp(options.path_scale_lower, options.path_scale_upper);
        if options.path_scaling && (limited - 1.0).abs() > options.path_scale_threshold {
            limited
        } else {
            1.0
        }
    }

    /// The aerosol that is forecast in the product.
    pub(crate) fn forecast_load(&self) -> Option<f64> {
        let aot = self.sighting.forecast.aerosol?.aot_550;
        Some(match self.load.scale {
            LoadScale::Aot550 => aot,
            LoadScale::VisibilityIndex => {
                index_of_visibility(table_visibility_km(aot.max(1e-3), self.options.elevation_km))
            }
        })
    }

    /// Reference albedo of the last step, for model `sen2cor`.
    pub(crate) fn reference_albedo(&self) -> Option<f32> {
        reference_albedo(&self.options)
    }

    pub(crate) fn model(&self) -> Model {
        self.options.model
    }

    pub(crate) fn elevation_km(&self) -> f64 {
        self.options.elevation_km
    }
}

/// The given aerosol, or the first of those to choose from.
fn first_aerosol(options: &AtmosphereOptions) -> Aerosol {
    match options.aerosol {
        AerosolType::Rural | AerosolType::Auto => Aerosol::Rural,
        AerosolType::Maritime => Aerosol::Maritime,
    }
}

fn reference_albedo(options: &AtmosphereOptions) -> Option<f32> {
    (options.model == Model::Sen2cor).then_some(options.spherical_albedo_reference as f32)
}

fn band_view(sighting: &Sighting, options: &AtmosphereOptions, band: Band) -> BandView {
    BandView {
        spacecraft: sighting.spacecraft,
        band,
        aerosol: first_aerosol(options),
        ozone_du: sighting.forecast.ozone(options).du,
    }
}

/// Aerosol in the table's terms and in the product's.
struct AerosolState {
    load: Load,
    table_aot_550: f64,
    product_aot_550: f64,
    source: String,
}

impl AerosolState {
    /// A given optical depth is used and written as it is. A visibility becomes the optical depth that the tables of
    /// the original hold for it; model `sen2cor` writes the slightly different number of the original's formula.
    fn of(options: &AtmosphereOptions) -> Self {
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

struct Lookup<'a> {
    source: TableSource,
    sighting: &'a Sighting,
    options: &'a AtmosphereOptions,
    retrieval: &'a RetrievalOptions,
    season: Season,
    load: Load,
    water_vapour_cm: f64,
    ozone: Ozone,
}

impl Lookup<'_> {
    fn all_bands(&self, notes: &mut Notes) -> Result<[BandCorrection; 13]> {
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

    fn geometry(&self, band: Band) -> GeometryGrid {
        let angles = Angles {
            sun: self.sighting.sun,
            view: self.sighting.view[band.index()],
            sun_grid: self.sighting.sun_grid.as_ref(),
            view_grid: self.sighting.view_grids.get(&band),
        };
        angles.on_cells(self.options.model, self.sighting.extent)
    }

    fn adjacency(&self, adjacency_km: f64) -> ValueUsed {
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
    fn notes(&self, load: &AerosolState, table: Notes) -> Vec<QualityNote> {
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
fn table_notes(notes: Notes, sighting: &Sighting) -> impl Iterator<Item = QualityNote> {
    Note::ALL.into_iter().filter(move |&note| notes.contains(note)).map(|note| match note {
        Note::Borrowed => QualityNote::ResponsesBorrowed { spacecraft: sighting.spacecraft },
        Note::SunLow | Note::SunZenith => {
            QualityNote::Table { note, value: Some(format!("{:.2} degrees", sighting.sun.zenith_deg)) }
        }
        _ => QualityNote::Table { note, value: None },
    })
}
