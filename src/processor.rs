//! One Level-1C product in, one Level-2A product per tile out.

use crate::auxiliary::Auxiliary;
use crate::cirrus::CirrusPlan;
use crate::error::{Error, Result};
use crate::execution::{executor_or_threads, utf8_folder, with_budget};
use crate::facts::{self, FlowResults};
use crate::finished;
use crate::forecast::Forecast;
use crate::images::{Extras, ImageSink};
use crate::masks;
use crate::options::{InvalidOption, Options, ProductOptions, Switch};
use crate::quality::{QualityNote, QualityRecord};
use crate::recipe::{Job, level_2a};
use crate::region;
use crate::report::{Meter, RunReport};
use crate::simulator::centre_latitude_deg;
use crate::state::{Atmosphere, Sighting};
use crate::trace::Trace;
use crate::view_angles::view_grids;
use jiff::Timestamp;
use sen2cor_core::angles::Direction;
use sen2cor_core::grid::{Block, Extent};
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Executor, Flow, RunContext};
use sen2cor_io::safe::{Existing, FindingKind, L1cProduct, L1cTile, L2aNames, L2aWriter};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `QUANTIFICATION_VALUE` of all Level-1C products so far, which the planes rely on.
const QUANTIFICATION: f64 = 10_000.0;

/// A run: input, options, and how it is executed.
///
/// ```no_run
/// use sen2cor::{Options, Processor};
///
/// let report = Processor::new("S2A_MSIL1C_20240120T105341_N0510_R051_T31TCJ_20240120T125244.SAFE")
///     .with_options(Options::default())
///     .with_output_dir("products")
///     .run()?;
/// println!("{}", report.products[0].display());
/// # Ok::<(), sen2cor::Error>(())
/// ```
#[derive(Clone)]
pub struct Processor {
    pub(crate) input: PathBuf,
    output_dir: Option<PathBuf>,
    pub(crate) options: Options,
    pub(crate) executor: Option<Arc<dyn Executor>>,
    pub(crate) context: RunContext,
    notes: Vec<QualityNote>,
}

impl Processor {
    /// A run with default options on all processors. `input` is the folder of a Level-1C product, its product metadata or a
    /// zip archive of it.
    pub fn new(input: impl Into<PathBuf>) -> Self {
        Self {
            input: input.into(),
            output_dir: None,
            options: Options::default(),
            executor: None,
            context: RunContext::default(),
            notes: Vec::new(),
        }
    }

    /// Sets the options.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the folder in which products are made. Default: the folder that holds the input.
    #[must_use]
    pub fn with_output_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.output_dir = Some(folder.into());
        self
    }

    /// Sets how units of work are run; the executor must know [`KERNELS`](crate::KERNELS); see
    /// [`Execution`](crate::Execution). Default: threads on all processors.
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

    /// Sets what the caller wants to stand in the quality record too.
    #[must_use]
    pub fn with_notes(mut self, notes: Vec<QualityNote>) -> Self {
        self.notes = notes;
        self
    }

    /// Processes every tile of the product.
    ///
    /// # Errors
    /// What is wrong with the input, the options or the output; see [`Error::kind`]. Products of tiles that are finished
    /// stay, nothing else does.
    pub fn run(&self) -> Result<RunReport> {
        let executor = executor_or_threads(self.executor.as_ref())?;
        let mut meter = Meter::start(Arc::clone(&executor));
        let product = meter.measure("open", || open(&self.input))?;
        self.check_names(&product)?;
        let mut report = RunReport {
            products: Vec::new(),
            recognised: Vec::new(),
            executor: executor.name().to_owned(),
            workers: executor.slots(),
            values: Vec::new(),
            quality: QualityRecord::default(),
            stages: Vec::new(),
            totals: meter.totals(),
            trace: Trace::default(),
        };
        let of_input = input_notes(&product, self.options.product.verify);
        for note in self.notes.iter().cloned().chain(of_input) {
            report.quality.add(None, note);
        }
        for (tile, region) in self.tiles(&product)? {
            let mut run = TileRun::new(self, &product, tile, region)?;
            let earlier = run.finished()?;
            if let Some(product) = earlier.clone().filter(|_| !self.options.product.overwrite) {
                tracing::info!(
                    "{} is there already, made of the same input with the same options; --overwrite makes it anew",
                    product.display()
                );
                report.products.push(product.clone());
                report.recognised.push(product);
                continue;
            }
            let notes = std::mem::take(&mut run.job.atmosphere.notes);
            let region = region.map(|region| QualityNote::RegionOfTile { region });
            for note in notes.into_iter().chain(self.partial_note()).chain(region) {
                report.quality.add(Some(&tile.metadata.mgrs_tile), note);
            }
            let path = run.process(executor.as_ref(), &mut meter, &mut report.quality)?;
            tracing::info!("{} is complete", path.display());
            if let Some(earlier) = earlier.filter(|earlier| *earlier != path) {
                std::fs::remove_dir_all(&earlier).map_err(|e| Error::output_io(&earlier, "replacing", e))?;
            }
            report.products.push(path);
            report.values.append(&mut run.job.atmosphere.values);
        }
        report.stages = meter.stages();
        report.totals = meter.totals();
        report.trace = meter.trace();
        Ok(report)
    }

    /// The graph of the run as text, without running it.
    ///
    /// # Errors
    /// If the input cannot be used.
    pub fn explain(&self) -> Result<String> {
        let product = open(&self.input)?;
        let mut text = String::new();
        for (tile, region) in self.tiles(&product)? {
            let run = TileRun::new(self, &product, tile, region)?;
            let mut flow = Flow::new();
            let place = Box::new(|kind, resolution| Ok(PathBuf::from(run.names.image(kind, resolution))));
            level_2a(&mut flow, &run.job, &mut run.sink(place))?;
            let _ = write!(text, "tile {}\n{}", tile.metadata.mgrs_tile, flow.explain());
        }
        Ok(text)
    }

    /// What is to be said of a product that holds a part of the results.
    fn partial_note(&self) -> Option<QualityNote> {
        let selection = &self.options.selection;
        (selection.only.is_some() || selection.bands.is_some()).then_some(QualityNote::PartOfResults)
    }

    /// The tiles that have something of the region, and which part of them; all tiles if there is none.
    fn tiles<'p>(&self, product: &'p L1cProduct) -> Result<Vec<(&'p L1cTile, Option<Block>)>> {
        let tiles = product.tiles.iter();
        let Some(roi) = &self.options.selection.roi else {
            return Ok(tiles.map(|tile| (tile, None)).collect());
        };
        let parts = region::of_tiles(roi, &product.tiles)?;
        Ok(tiles.zip(parts).filter(|(_, part)| part.is_some()).collect())
    }

    /// A name that was given serves one tile, unless the tile is part of it.
    fn check_names(&self, product: &L1cProduct) -> Result<()> {
        match &self.options.product.output_name {
            Some(name) if product.tiles.len() > 1 && !name.contains("{tile}") => {
                let tiles = product.tiles.len();
                let reason =
                    format!("output-name is {name:?}, but the input has {tiles} tiles: put {{tile}} into it");
                Err(Error::Options(vec![InvalidOption::Conflict { reason }]))
            }
            _ => Ok(()),
        }
    }

    fn folder(&self, product: &L1cProduct) -> Result<PathBuf> {
        let folder = match &self.output_dir {
            Some(folder) => folder.clone(),
            None => product.container.path().parent().unwrap_or(Path::new("")).to_owned(),
        };
        utf8_folder(&folder)
    }
}

pub(crate) fn open(input: &Path) -> Result<L1cProduct> {
    let product = L1cProduct::open(input).map_err(Error::input)?;
    let path = product.container.path();
    if path.to_str().is_none() {
        // Paths travel to workers as text.
        let reason = "a path that is not UTF-8 cannot be used".to_owned();
        return Err(Error::InputContent { path: path.to_owned(), reason });
    }
    let quantification = product.metadata.quantification;
    if quantification != QUANTIFICATION {
        let file = product.container.display_path(&product.metadata_path);
        let expected = QUANTIFICATION.to_string();
        return Err(Error::input(sen2cor_io::Error::field(
            file,
            "QUANTIFICATION_VALUE",
            expected,
            quantification.to_string(),
        )));
    }
    Ok(product)
}

fn input_notes(product: &L1cProduct, verify: bool) -> Vec<QualityNote> {
    let findings = product.findings().into_iter().filter(|f| f.kind == FindingKind::Warning);
    let mut notes: Vec<_> = findings.map(QualityNote::Input).collect();
    if verify && product.manifest.is_none() {
        notes.push(QualityNote::NoManifest);
    }
    notes
}

/// The run of one tile.
pub(crate) struct TileRun<'a> {
    pub(crate) job: Job<'a>,
    names: L2aNames,
    folder: PathBuf,
    options: &'a Options,
    context: &'a RunContext,
}

impl<'a> TileRun<'a> {
    pub(crate) fn new(
        processor: &'a Processor,
        product: &'a L1cProduct,
        tile: &'a L1cTile,
        region: Option<Block>,
    ) -> Result<Self> {
        let options = &processor.options;
        let atmosphere = Atmosphere::new(&sighting(product, tile)?, &options.atmosphere, &options.retrieval)?;
        let names = names(product, tile, &options.product)?;
        let mut job = Job {
            product,
            tile,
            extent: extent(product, tile)?,
            region,
            resolution: options.product.resolution,
            block_cells: options.execution.block_cells,
            verify: options.product.verify,
            is_partial: !options.selection.is_everything(),
            codec: options.execution.codec,
            thresholds: options.classification.thresholds.clone(),
            median_filter_px: options.classification.median_filter as usize,
            quality_masks: options.classification.l1c_quality_masks == Switch::On,
            class_map_60m: options.classification.class_map_60m,
            cirrus: CirrusPlan::new(&options.cirrus, &atmosphere)?,
            atmosphere,
            terrain: options.terrain.clone(),
            auxiliary: Auxiliary::of(&options.auxiliary, tile, options.product.resolution)?,
        };
        if let Some(part) = region {
            job.fit_blocks(part, options);
        }
        let notes = &mut job.atmosphere.notes;
        notes.append(&mut job.auxiliary.notes);
        if !job.auxiliary.has_elevation() {
            notes.push(QualityNote::NoElevationModel { elevation_km: options.atmosphere.elevation_km });
            notes.extend(options.product.dem_output.then_some(QualityNote::NoElevationToWrite));
        }
        notes.extend(job.cirrus.note());
        let missing = masks::missing(&job);
        job.atmosphere.notes.extend(missing);
        Ok(Self { job, names, folder: processor.folder(product)?, options, context: &processor.context })
    }

    pub(crate) fn sink<'s>(
        &self,
        place: Box<
            dyn FnMut(
                    sen2cor_io::safe::ImageKind,
                    sen2cor_core::grid::Resolution,
                ) -> sen2cor_io::Result<PathBuf>
                + 's,
        >,
    ) -> ImageSink<'s> {
        let shown = self.job.shown();
        ImageSink {
            codec: self.job.codec,
            shown,
            ground: self.job.tile.metadata.ground.at_cell(shown.row, shown.col),
            // Planes carry an offset of 1000.
            subtract: if self.options.product.boa_offset == 0 { 1000 } else { 0 },
            place,
            images: Vec::new(),
            picture: None,
            selection: self.options.selection.clone(),
            extras: Extras {
                tci: self.options.product.tci_output,
                dem: self.options.product.dem_output,
                averages: self.options.product.downsample_20_to_60,
            },
            kept: None,
        }
    }

    /// The name of the product's folder, if it was given.
    fn folder_name(&self) -> Option<String> {
        let name = self.options.product.output_name.as_ref()?;
        Some(name.replace("{tile}", &self.job.tile.metadata.mgrs_tile))
    }

    /// The product of an earlier run that this one would make again.
    fn finished(&self) -> Result<Option<PathBuf>> {
        let digest = finished::options_digest(self.options, self.job.region);
        finished::find(&self.folder, &self.names, self.folder_name().as_deref(), &digest)
    }

    fn process(
        &mut self,
        executor: &dyn Executor,
        meter: &mut Meter,
        quality: &mut QualityRecord,
    ) -> Result<PathBuf> {
        let existing = if self.options.product.overwrite { Existing::Replace } else { Existing::Keep };
        std::fs::create_dir_all(&self.folder).map_err(|e| Error::output_io(&self.folder, "creating", e))?;
        let place = self.folder.join(self.folder_name().unwrap_or_else(|| self.names.product()));
        let writer = L2aWriter::begin(&place, self.names.clone(), existing).map_err(Error::output)?;
        let mut flow = Flow::new();
        let outcome = {
            let place = Box::new(|kind, resolution| writer.image_path(kind, resolution));
            let mut sink = self.sink(place);
            sink.picture = Some(writer.picture_path().map_err(Error::output)?);
            level_2a(&mut flow, &self.job, &mut sink)?
        };
        let context = with_budget(self.context, &flow);
        let mut finished = flow.run(executor, &context)?;
        meter.add_flow(&mut finished);
        let results = FlowResults::collect(&finished, &outcome)?;
        drop(finished);
        let atmosphere = &mut self.job.atmosphere;
        for note in results.notes(atmosphere) {
            quality.add(Some(&self.job.tile.metadata.mgrs_tile), note);
        }
        let found = results.values(atmosphere);
        atmosphere.values.extend(found);
        let notes = quality.of_tile(&self.job.tile.metadata.mgrs_tile);
        let path =
            meter.measure("metadata", || facts::finish(writer, &self.job, self.options, &results, notes))?;
        if self.context.cancel.is_cancelled() {
            tracing::warn!("the request to stop came after the product was complete");
        }
        Ok(path)
    }
}

fn names(product: &L1cProduct, tile: &L1cTile, options: &ProductOptions) -> Result<L2aNames> {
    let creation = options.generation_time.unwrap_or_else(Timestamp::now);
    let (product, tile) = (&product.metadata.document, &tile.metadata.document);
    let mut names =
        L2aNames::from_l1c(product, tile, options.processing_baseline, creation).map_err(Error::input)?;
    if let Some(centre) = &options.processing_centre {
        (names.centre, names.archiving_centre) = (centre.clone(), centre.clone());
    }
    if let Some(centre) = &options.archiving_centre {
        names.archiving_centre.clone_from(centre);
    }
    Ok(names)
}

/// Size of a tile; the images of all grids must cover it exactly, which the metadata reader has checked.
fn extent(product: &L1cProduct, tile: &L1cTile) -> Result<Extent> {
    let extent = tile.metadata.extent();
    if extent.rows == 0 || extent.cols == 0 {
        let file = product.container.display_path(&tile.metadata_path);
        return Err(Error::input(sen2cor_io::Error::field(
            file,
            "Tile_Geocoding/Size",
            "at least one pixel",
            "none",
        )));
    }
    Ok(extent)
}

fn sighting(product: &L1cProduct, tile: &L1cTile) -> Result<Sighting> {
    let metadata = &tile.metadata;
    let file = || product.container.display_path(&tile.metadata_path);
    let month = metadata.sensing_time.get(5..7).and_then(|month| month.parse().ok());
    let month = month.filter(|m| (1..=12).contains(m)).ok_or_else(|| {
        Error::input(sen2cor_io::Error::field(
            file(),
            "SENSING_TIME",
            "a time",
            metadata.sensing_time.clone(),
        ))
    })?;
    let mut view = [Direction { zenith_deg: 0.0, azimuth_deg: 0.0 }; 13];
    for band in Band::ALL {
        view[band.index()] = metadata.mean_view[band.index()].ok_or_else(|| {
            let field = format!("Mean_Viewing_Incidence_Angle of {band}");
            Error::input(sen2cor_io::Error::field(file(), field, "zenith and azimuth", "nothing"))
        })?;
    }
    let latitude_deg = centre_latitude_deg(&metadata.ground, metadata.extent());
    Ok(Sighting {
        spacecraft: product.metadata.spacecraft,
        sun: metadata.mean_sun,
        view,
        sun_grid: metadata.sun_grid.clone(),
        view_grids: view_grids(product, tile)?,
        extent: metadata.extent(),
        latitude_deg,
        month,
        forecast: Forecast::of(product, tile),
        simulated_adjacency_km: product.datastrip(tile).and_then(|strip| strip.simulated_adjacency_km),
    })
}
