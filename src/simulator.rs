//! A Level-1C product of a built-in scene whose true surface reflectance is known.

use crate::decode::one_unit;
use crate::error::{Error, Result};
use crate::execution::{executor_or_threads, utf8_folder, with_budget};
use crate::forecast::Forecast;
use crate::images::{Target, Written, encode_and_write, preview_file, written};
use crate::options::{AtmosphereOptions, InvalidOption, Options};
use crate::quality::{QualityRecord, Severity};
use crate::report::{Meter, RunReport};
use crate::stages::simulate::{
    ColourParams, FillMask, SimulateBand, SimulateColour, SimulateParams, SurfaceTruth, Truth, TruthParams,
};
use crate::state::{Atmosphere, Sighting};
use jiff::Timestamp;
use ndarray::Array2;
use ndarray_npy::WriteNpyExt;
use sen2cor_core::aerosol::Aerosol;
use sen2cor_core::angles::Direction;
use sen2cor_core::classify::SceneClass;
use sen2cor_core::grid::{Block, Extent, GeoTransform, Resolution, Tiling, Window};
use sen2cor_core::imagery::PREVIEW_EDGE;
use sen2cor_core::reflectance::Model;
use sen2cor_core::sensor::{Band, Spacecraft};
use sen2cor_core::simulate::{Scene, SceneParameters, StoredBand};
use sen2cor_exec::{Executor, Flow, PlaneHandle, PlaneSpec, RunContext, Sample};
use sen2cor_io::jp2::{Codec, Coding};
use sen2cor_io::safe::names::ProcessingBaseline;
use sen2cor_io::safe::{Existing, KnownDigests, L1cFacts, L1cImage, L1cWriter};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The oldest baseline whose products have compact names, the only ones that are written.
const OLDEST_BASELINE: ProcessingBaseline = ProcessingBaseline::new(2, 4);

/// Edge of the blocks in which a scene is computed, cells of 10 m.
const BLOCK_CELLS: u32 = 1098;

/// What is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Edge of the scene in pixels of 10 m, a multiple of 6, 60 to 10980.
    pub size_px: u32,
    /// Aerosol optical depth at 550 nm above the ground.
    pub aot_550: f64,
    /// Column of water vapour above the ground, cm.
    pub water_vapour_cm: f64,
    /// Column of ozone, Dobson units.
    pub ozone_du: f64,
    /// Sun zenith angle, degrees.
    pub sun_zenith_deg: f64,
    /// Elevation of the ground, km.
    pub elevation_km: f64,
    /// Aerosol type.
    pub aerosol: Aerosol,
    /// Model of the atmosphere.
    pub model: Model,
    /// Processing baseline of the product.
    pub baseline: ProcessingBaseline,
    /// Spacecraft.
    pub spacecraft: Spacecraft,
    /// Another seed is another scene.
    pub seed: u64,
    /// Time that goes into names and metadata. Default: now.
    pub generation_time: Option<Timestamp>,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            size_px: 1098,
            aot_550: 0.2,
            water_vapour_cm: 2.0,
            ozone_du: 331.0,
            sun_zenith_deg: 40.0,
            elevation_km: 0.1,
            aerosol: Aerosol::Rural,
            model: Model::Physical,
            baseline: ProcessingBaseline { major: 5, minor: 10 },
            spacecraft: Spacecraft::S2A,
            seed: 1,
            generation_time: None,
        }
    }
}

impl Simulation {
    /// The options with which a run finds the true surface reflectance again.
    ///
    /// # Errors
    /// [`Error::Options`] with every number that is out of range.
    pub fn options(&self) -> Result<Options> {
        let mut problems = Vec::new();
        let mut range = |name: &str, value: f64, low: f64, high: f64, unit| {
            if !(low..=high).contains(&value) {
                problems.push(InvalidOption::Range { name: name.to_owned(), value, low, high, unit });
            }
        };
        let highest_km = if self.model == Model::Sen2cor { 3.5 } else { 5.0 };
        range("size", f64::from(self.size_px), 60.0, 10_980.0, "pixels");
        range("aot-550", self.aot_550, 0.0, 1.8, "");
        range("water-vapour-cm", self.water_vapour_cm, 0.0, 7.0, "cm");
        range("ozone-du", self.ozone_du, 100.0, 600.0, "DU");
        range("sun-zenith-deg", self.sun_zenith_deg, 0.0, 82.0, "degrees");
        range("elevation-km", self.elevation_km, 0.0, highest_km, "km");
        if !self.size_px.is_multiple_of(6) {
            let reason = format!("size is {}, a multiple of 6 is needed", self.size_px);
            problems.push(InvalidOption::Conflict { reason });
        }
        if self.baseline < OLDEST_BASELINE {
            let reason = format!("baseline is {}, {OLDEST_BASELINE} or later is needed", self.baseline);
            problems.push(InvalidOption::Conflict { reason });
        }
        if !problems.is_empty() {
            return Err(Error::Options(problems));
        }
        let atmosphere = AtmosphereOptions {
            model: self.model,
            aerosol: self.aerosol.into(),
            aot_550: Some(self.aot_550),
            water_vapour_cm: Some(self.water_vapour_cm),
            ozone_du: Some(self.ozone_du),
            elevation_km: self.elevation_km,
            ..AtmosphereOptions::default()
        };
        Ok(Options { atmosphere, ..Options::default() })
    }
}

/// A run that writes a simulated product.
pub struct Simulator {
    simulation: Simulation,
    folder: PathBuf,
    truth: Option<PathBuf>,
    overwrite: bool,
    executor: Option<Arc<dyn Executor>>,
    context: RunContext,
}

impl Simulator {
    /// A run on all processors that makes the product in `folder`.
    pub fn new(simulation: Simulation, folder: impl Into<PathBuf>) -> Self {
        Self {
            simulation,
            folder: folder.into(),
            truth: None,
            overwrite: false,
            executor: None,
            context: RunContext::default(),
        }
    }

    /// Also writes the truth as `.npy` files into a folder: `surface_reflectance_B02.npy` (f32) and so on, each on the
    /// band's own grid, and for each grid `clear_10m.npy` and `class_10m.npy` (u8).
    #[must_use]
    pub fn with_truth(mut self, folder: impl Into<PathBuf>) -> Self {
        self.truth = Some(folder.into());
        self
    }

    /// Replaces a product of the same name.
    #[must_use]
    pub fn with_overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Sets how units of work are run. Default: threads on all processors.
    #[must_use]
    pub fn with_executor(mut self, executor: Arc<dyn Executor>) -> Self {
        self.executor = Some(executor);
        self
    }

    /// Sets who can stop the run and who is told of its progress.
    #[must_use]
    pub fn with_context(mut self, context: RunContext) -> Self {
        self.context = context;
        self
    }

    /// Writes the product.
    ///
    /// # Errors
    /// [`Error::Options`] if a number is out of range; else what is wrong with the output.
    pub fn run(&self) -> Result<RunReport> {
        let executor = executor_or_threads(self.executor.as_ref())?;
        let mut meter = Meter::start(Arc::clone(&executor));
        let plan = Plan::new(&self.simulation)?;
        let folder = utf8_folder(&self.folder)?;
        std::fs::create_dir_all(&folder).map_err(|e| Error::output_io(&folder, "creating", e))?;
        let existing = if self.overwrite { Existing::Replace } else { Existing::Keep };
        let writer = L1cWriter::begin(&folder, &plan.facts, existing).map_err(Error::output)?;
        let mut flow = Flow::new();
        let images = plan.images(&mut flow, &writer);
        if let Some(truth) = &self.truth {
            std::fs::create_dir_all(truth).map_err(|e| Error::output_io(truth, "creating", e))?;
            plan.truth(&mut flow, truth);
        }
        let context = with_budget(&self.context, &flow);
        let mut finished = flow.run(executor.as_ref(), &context)?;
        meter.add_flow(&mut finished);
        let mut known = KnownDigests::new();
        for (image, file) in images {
            let file = written(&finished, file)?;
            known.insert(writer.image_name(image), (file.bytes, file.sha3_256.clone()));
        }
        drop(finished);
        let product = meter.measure("metadata", || writer.finish(&known)).map_err(Error::output)?;
        // What is given is meant, so there are no fallbacks here.
        let mut quality = QualityRecord::default();
        for note in plan.atmosphere.notes.into_iter().filter(|note| note.severity() == Severity::Warning) {
            quality.add(None, note);
        }
        Ok(RunReport {
            products: vec![product],
            recognised: Vec::new(),
            executor: executor.name().to_owned(),
            workers: executor.slots(),
            values: plan.atmosphere.values,
            quality,
            stages: meter.stages(),
            totals: meter.totals(),
            trace: meter.trace(),
        })
    }
}

/// Everything that the stages need.
struct Plan {
    extent: Extent,
    ground: GeoTransform,
    scene: SceneParameters,
    atmosphere: Atmosphere,
    radio_add_offset: i32,
    facts: L1cFacts,
}

impl Plan {
    fn new(simulation: &Simulation) -> Result<Self> {
        let options = simulation.options()?;
        let extent = Extent { rows: simulation.size_px, cols: simulation.size_px };
        let mut facts = L1cFacts::southern_sweden(simulation.spacecraft, simulation.baseline, extent);
        facts.sun = Direction { zenith_deg: simulation.sun_zenith_deg, ..facts.sun };
        facts.aot_550 = simulation.aot_550;
        facts.water_vapour_cm = simulation.water_vapour_cm;
        facts.ozone_du = simulation.ozone_du;
        facts.elevation_km = simulation.elevation_km;
        facts.generation_time = simulation.generation_time.unwrap_or_else(Timestamp::now);
        let scene = SceneParameters {
            seed: simulation.seed,
            extent,
            sun: facts.sun,
            clouds: true,
            no_data_edge: false,
        };
        (facts.cloud_percent, facts.snow_percent) = cloud_and_snow_percent(&scene);
        let sighting = Sighting {
            spacecraft: facts.spacecraft,
            sun: facts.sun,
            view: facts.view,
            sun_grid: None,
            view_grids: BTreeMap::new(),
            extent,
            latitude_deg: centre_latitude_deg(&facts.ground, extent),
            month: facts.sensing_time.strftime("%m").to_string().parse().unwrap_or(1),
            simulated_adjacency_km: None,
            forecast: Forecast::default(),
        };
        let atmosphere = Atmosphere::new(&sighting, &options.atmosphere, &options.retrieval)?;
        let radio_add_offset = facts.radio_add_offset();
        Ok(Self { extent, ground: facts.ground, scene, atmosphere, radio_add_offset, facts })
    }

    /// Declares all images of the product.
    fn images(&self, flow: &mut Flow<'_, Error>, writer: &L1cWriter) -> Vec<(L1cImage, Written)> {
        let planes: BTreeMap<Band, PlaneHandle> =
            Band::ALL.into_iter().map(|band| (band, self.band(flow, band))).collect();
        let colours = [Band::B04, Band::B03, Band::B02].map(|band| planes[&band]);
        let mut files = Vec::new();
        for image in L1cImage::all(&self.facts) {
            let path = writer.image_path(image);
            let file = match image {
                L1cImage::Band(band) => {
                    let grid = band.native_resolution();
                    let target = self.target(grid, Coding::reflectance(grid));
                    encode_and_write(flow, planes[&band], &target, path)
                }
                L1cImage::TrueColour => {
                    let plane = self.colour(flow, colours);
                    let target = self.target(Resolution::R10, Coding::true_colour(Resolution::R10));
                    encode_and_write(flow, plane, &target, path)
                }
                L1cImage::Preview => {
                    let pixels = self.preview(flow, colours);
                    preview_file(flow, pixels, (self.extent, &self.ground), path, Codec::Auto)
                }
                L1cImage::DetectorFootprint(band) => {
                    self.mask(flow, band.native_resolution(), vec![L1cImage::DETECTOR], path)
                }
                L1cImage::Quality(band) => self.mask(flow, band.native_resolution(), vec![0; 8], path),
                L1cImage::Classification => self.sky_mask(flow, path),
            };
            files.push((image, file));
        }
        files
    }

    /// A mask with the same components in every pixel.
    fn mask(
        &self,
        flow: &mut Flow<'_, Error>,
        grid: Resolution,
        components: Vec<u8>,
        path: PathBuf,
    ) -> Written {
        let coding = Coding::byte_mask(grid, components.len() as u16);
        let mut stage = flow.stage::<FillMask>("mask", self.tiling());
        let plane =
            stage.output(PlaneSpec::grid_with_channels::<u8>(self.extent, grid, components.len() as u8));
        stage.run(components);
        encode_and_write(flow, plane, &self.target(grid, coding), path)
    }

    /// Opaque cloud, cirrus and snow as the truth has them.
    fn sky_mask(&self, flow: &mut Flow<'_, Error>, path: PathBuf) -> Written {
        let grid = Resolution::R60;
        let mut stage = flow.stage::<SurfaceTruth>("mask of classes", self.tiling());
        let plane = stage.output(PlaneSpec::grid_with_channels::<u8>(self.extent, grid, 3));
        stage.run(TruthParams { scene: self.scene, resolution: grid, what: Truth::Sky });
        encode_and_write(flow, plane, &self.target(grid, Coding::byte_mask(grid, 3)), path)
    }

    fn target(&self, resolution: Resolution, coding: Coding) -> Target {
        Target {
            shown: Block { row: 0, col: 0, rows: self.extent.rows, cols: self.extent.cols },
            ground: self.ground,
            resolution,
            coding,
            subtract: 0,
            codec: Codec::Auto,
        }
    }

    fn tiling(&self) -> Tiling {
        Tiling::square(self.extent, BLOCK_CELLS)
    }

    fn band(&self, flow: &mut Flow<'_, Error>, band: Band) -> PlaneHandle {
        let mut stage = flow.stage::<SimulateBand>(format!("simulate {band}"), self.tiling());
        let output = stage.output(PlaneSpec::grid::<u16>(self.extent, band.native_resolution()));
        let stored = StoredBand {
            correction: self.atmosphere.correction(band),
            radio_add_offset: self.radio_add_offset,
        };
        stage.run(SimulateParams { scene: self.scene, band, stored });
        output
    }

    fn colour(&self, flow: &mut Flow<'_, Error>, rgb: [PlaneHandle; 3]) -> PlaneHandle {
        let mut stage = flow.stage::<SimulateColour>("colour", self.tiling()).inputs(rgb);
        let output = stage.output(PlaneSpec::grid_with_channels::<u8>(self.extent, Resolution::R10, 3));
        stage.run(ColourParams { radio_add_offset: self.radio_add_offset, preview: false });
        output
    }

    fn preview(&self, flow: &mut Flow<'_, Error>, [red, green, blue]: [PlaneHandle; 3]) -> PlaneHandle {
        let mut stage =
            flow.stage::<SimulateColour>("preview", one_unit()).table(red).table(green).table(blue);
        let output = stage.output(PlaneSpec::slots::<u8>(1, 3 * PREVIEW_EDGE * PREVIEW_EDGE));
        stage.run(ColourParams { radio_add_offset: self.radio_add_offset, preview: true });
        output
    }

    /// Declares the files of the truth.
    fn truth(&self, flow: &mut Flow<'_, Error>, folder: &Path) {
        for band in Band::ALL {
            let path = folder.join(format!("surface_reflectance_{band}.npy"));
            self.truth_file::<f32>(flow, Truth::SurfaceReflectance(band), band.native_resolution(), path);
        }
        for grid in Resolution::ALL {
            for (what, name) in [(Truth::Class, "class"), (Truth::Clear, "clear")] {
                let path = folder.join(format!("{name}_{}.npy", grid.suffix()));
                self.truth_file::<u8>(flow, what, grid, path);
            }
        }
    }

    fn truth_file<T: Sample + ndarray_npy::WritableElement>(
        &self,
        flow: &mut Flow<'_, Error>,
        what: Truth,
        resolution: Resolution,
        path: PathBuf,
    ) {
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut stage = flow.stage::<SurfaceTruth>(format!("truth {name}"), self.tiling());
        let plane = stage.output(PlaneSpec::grid::<T>(self.extent, resolution));
        stage.run(TruthParams { scene: self.scene, resolution, what });
        flow.step(format!("write {name}"), &[plane.into()], move |ready| {
            let file = File::create(&path).map_err(|e| Error::output_io(&path, "creating", e))?;
            let plane = ready.plane(plane)?;
            plane
                .view::<T>()?
                .write_npy(BufWriter::new(file))
                .map_err(|e| Error::output_io(&path, "writing", std::io::Error::other(e)))?;
            ready.wrote(plane.bytes());
            Ok(())
        });
    }
}

/// Latitude of the middle of a tile, which decides on the season.
pub(crate) fn centre_latitude_deg(ground: &GeoTransform, extent: Extent) -> f64 {
    let (easting_m, northing_m) = ground.pixel_centre_m(extent.rows / 2, extent.cols / 2, Resolution::R10);
    ground.geographic(easting_m, northing_m).latitude_deg
}

/// Shares of clouds and of snow in the scene, from about a hundred of its rows.
fn cloud_and_snow_percent(parameters: &SceneParameters) -> (f64, f64) {
    let scene = Scene::new(parameters);
    let (rows, cols) = parameters.extent.shape(Resolution::R10);
    let mut line = Array2::zeros((1, cols));
    let (mut seen, mut cloud, mut snow) = (0u64, 0u64, 0u64);
    for row in (0..rows).step_by(rows.div_ceil(100)) {
        scene.classes(Resolution::R10, Window { row, col: 0, rows: 1, cols }, line.view_mut());
        seen += cols as u64;
        cloud += line.iter().filter(|class| matches!(class, 8..=10)).count() as u64;
        snow += line.iter().filter(|&&class| class == SceneClass::SnowIce as u8).count() as u64;
    }
    let percent = |count: u64| count as f64 / seen.max(1) as f64 * 100.0;
    (percent(cloud), percent(snow))
}
