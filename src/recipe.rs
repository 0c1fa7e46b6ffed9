//! The whole data flow of Level-2A, top to bottom.
//!
//! ```text
//! verify, decode          13 bands, each on its own grid
//! resample                to the grid of the classification (20 m, or 60 m for a native 60 m run)
//! classify                scene class, cloud and snow confidence (stages in recipe/classes.rs)
//! correct                 surface reflectance of each band
//! map                     aerosol optical depth, water vapour
//! colour, preview         true colour and preview images
//! average                 60 m images from the 20 m results
//! encode, write           JPEG 2000 files
//! ```
//!
//! Everything is declared here and run by the flow: images overlap, deeper stages go first, planes are freed after their
//! last reader. No function here looks at a pixel.

mod classes;
mod elevation;
mod grids;
mod region;

use crate::aerosol_result::AerosolResult;
use crate::air::{Corrector, Map};
use crate::auxiliary::{Auxiliary, Elevation};
use crate::cirrus::{Cirrus, CirrusPlan};
use crate::error::Error;
use crate::images::{ImageSink, WrittenImage};
use crate::relief::{Ground, Terrain};
use crate::retrieval::{Retrieval, Retrieved};
use crate::stages::correct::Negatives;
use crate::stages::imagery::TrueColour;
use crate::stages::terrain::ElevationStatistics;
use crate::stages::water::{MapSum, ProductMap, ProductMapParams};
use crate::state::Atmosphere;
use crate::{OutputResolution, TerrainOptions, decode, masks};
use classes::{Classes, SceneLayers};
use elevation::averaged;
use sen2cor_core::classify::{ClassCounts, Thresholds};
use sen2cor_core::grid::{Block, Extent, Resolution, Tiling};
use sen2cor_core::masks::FlagCounts;
use sen2cor_core::resample::ClassReduction;
use sen2cor_core::sensor::Band;
use sen2cor_core::table::Notes;
use sen2cor_exec::{Flow, PlaneHandle, PlaneSpec, Value};
use sen2cor_io::jp2::Codec;
use sen2cor_io::safe::{ImageKind, L1cProduct, L1cTile};
use std::collections::{BTreeMap, BTreeSet};

use Resolution::{R10, R20, R60};

/// Counts of negative pixels per band.
pub(crate) type NegativeCounts = BTreeMap<Band, Value<Vec<Negatives>>>;

/// Planes of bands.
pub(crate) type Bands = BTreeMap<Band, PlaneHandle>;

/// What the recipe is made for.
pub(crate) struct Job<'a> {
    pub(crate) product: &'a L1cProduct,
    pub(crate) tile: &'a L1cTile,
    pub(crate) extent: Extent,
    /// The part of the tile that is asked for; `None`: all.
    pub(crate) region: Option<Block>,
    pub(crate) resolution: OutputResolution,
    pub(crate) block_cells: u32,
    pub(crate) verify: bool,
    /// Whether only a part of the results is asked for.
    pub(crate) is_partial: bool,
    pub(crate) codec: Codec,
    pub(crate) thresholds: Thresholds,
    /// Window of the median of the written class map; below 2 there is none.
    pub(crate) median_filter_px: usize,
    /// Whether saturated and defective pixels have a class of their own.
    pub(crate) quality_masks: bool,
    pub(crate) class_map_60m: ClassReduction,
    pub(crate) atmosphere: Atmosphere,
    /// Whether cirrus is taken off.
    pub(crate) cirrus: CirrusPlan,
    /// How sloping ground is treated.
    pub(crate) terrain: TerrainOptions,
    /// Elevation and maps from outside.
    pub(crate) auxiliary: Auxiliary,
}

/// What the flow leaves behind.
pub(crate) struct Outcome {
    pub(crate) class_counts: Value<Vec<ClassCounts>>,
    /// Pixels that the quality masks flag, if there are any masks.
    pub(crate) quality_flags: Option<Value<Vec<FlagCounts>>>,
    /// Elevation of the classification's grid, by block.
    pub(crate) elevation: Option<Value<Vec<ElevationStatistics>>>,
    /// The ground where there are data, if there is an elevation model.
    pub(crate) ground: Option<Value<Ground>>,
    /// The factor of cirrus, if it is taken off.
    pub(crate) cirrus_factor: Option<Value<Option<f64>>>,
    /// What the tables of the correction had to say.
    pub(crate) table_notes: Vec<Value<Vec<Notes>>>,
    pub(crate) aot_sum: Value<Vec<MapSum>>,
    pub(crate) water_sum: Value<Vec<MapSum>>,
    pub(crate) aerosol: Value<AerosolResult>,
    /// Per band, counted on the finest grid on which it is written.
    pub(crate) negatives: NegativeCounts,
    pub(crate) images: Vec<WrittenImage>,
}

/// The result of the classification on one grid.
#[derive(Clone, Copy)]
struct Scene {
    class: PlaneHandle,
    /// The class map as it is written: `class`, filtered on request.
    written: PlaneHandle,
    cloud: PlaneHandle,
    snow: PlaneHandle,
    counts: Value<Vec<ClassCounts>>,
}

/// What is known besides the bands.
#[derive(Clone, Copy)]
struct Known {
    quality_flags: Option<Value<Vec<FlagCounts>>>,
    elevation: Option<Elevation>,
}

/// The results on the grid of the classification, on which those of other grids build.
struct Base<'a> {
    scene: Scene,
    known: Known,
    /// What takes cirrus off the bands, if that is asked for.
    cirrus: Option<Cirrus<'a>>,
    corrector: Corrector<'a>,
    aot_sum: Value<Vec<MapSum>>,
    water_sum: Value<Vec<MapSum>>,
}

/// The images of one resolution.
struct Images {
    surface: Bands,
    /// The class map as it is written.
    class: PlaneHandle,
    aot: PlaneHandle,
    water_vapour: PlaneHandle,
}

/// Declares everything that makes the images of a product.
pub(crate) fn level_2a(
    flow: &mut Flow<'_, Error>,
    job: &Job<'_>,
    sink: &mut ImageSink<'_>,
) -> Result<Outcome, Error> {
    let decode::Native { bands: native, may_be_saturated, checks } = decode::bands(flow, job)?;
    let recipe = Recipe { job, tiling: Tiling::square(job.extent, job.block_cells), may_be_saturated };
    let base = match job.resolution {
        OutputResolution::R60 => recipe.native_60m(flow, &native, sink)?,
        OutputResolution::R20 => recipe.at_20m(flow, &native, sink)?,
        OutputResolution::R10 | OutputResolution::All => {
            let mut base = recipe.at_20m(flow, &native, sink)?;
            recipe.at_10m(flow, &native, &mut base, sink)?;
            base
        }
    };
    let outcome = Outcome {
        class_counts: base.scene.counts,
        quality_flags: base.known.quality_flags,
        elevation: base.known.elevation.map(|elevation| elevation.statistics),
        ground: base.corrector.retrieved.air.elevation.ground(),
        cirrus_factor: base.cirrus.map(|cirrus| cirrus.factor),
        table_notes: base.corrector.table_notes,
        aot_sum: base.aot_sum,
        water_sum: base.water_sum,
        aerosol: base.corrector.retrieved.aerosol,
        negatives: base.corrector.negatives,
        images: std::mem::take(&mut sink.images),
    };
    outcome.prune(flow, job, sink, &checks);
    Ok(outcome)
}

/// The bands that a run reads: B08 is used at 10 m only.
pub(crate) fn bands_read(resolution: OutputResolution) -> impl Iterator<Item = Band> {
    let with_10m = matches!(resolution, OutputResolution::R10 | OutputResolution::All);
    Band::ALL.into_iter().filter(move |&band| band != Band::B08 || with_10m)
}

/// The bands whose surface reflectance is written at a resolution.
fn bands_written(resolution: Resolution) -> impl Iterator<Item = Band> {
    Band::ALL.into_iter().filter(move |band| match resolution {
        R10 => band.native_resolution() == R10,
        R20 => !matches!(band, Band::B08 | Band::B09 | Band::B10),
        R60 => !matches!(band, Band::B08 | Band::B10),
    })
}

struct Recipe<'a> {
    job: &'a Job<'a>,
    tiling: Tiling,
    may_be_saturated: BTreeSet<Band>,
}

impl<'a> Recipe<'a> {
    /// 20 m, and 60 m as averages of the 20 m results.
    fn at_20m(
        &self,
        flow: &mut Flow<'_, Error>,
        native: &Bands,
        sink: &mut ImageSink<'_>,
    ) -> Result<Base<'a>, Error> {
        let toa = self.to_grid(flow, native, R20);
        write_toa(flow, &toa, R20, sink)?;
        let (scene, known) = self.classify(flow, native, &toa, R20)?;
        let (cirrus, toa) = self.without_cirrus(flow, native, toa, scene.class, R20);
        let mut corrector = self.retrieve(flow, (native, &toa, cirrus), scene.class, known.elevation, R20);
        let air = corrector.retrieved;
        let (aot, aot_sum) = self.map(flow, "aot", air.aot_550, scene.class, R20);
        let (water_vapour, water_sum) = self.map(flow, "water vapour", air.air.water_cm, scene.class, R20);
        let images = Images {
            surface: corrector.correct(flow, &toa, scene.class, bands_written(averaged(sink)), R20),
            class: scene.written,
            aot,
            water_vapour,
        };
        sink.preview(flow, &images.surface, R20)?;
        self.write(flow, &images, R20, sink)?;
        write_confidences(flow, scene, R20, sink)?;
        write_dark_vegetation(flow, air, R20, sink)?;
        let elevation = self.write_elevation(flow, &known, R20, sink)?;
        if sink.extras.averages {
            let averages = self.average(flow, &images);
            self.write(flow, &averages, R60, sink)?;
            let cloud = self.mean_of_mask(flow, scene.cloud);
            let snow = self.mean_of_mask(flow, scene.snow);
            write_confidences(flow, Scene { cloud, snow, ..scene }, R60, sink)?;
            if let Some(elevation) = elevation {
                let mean = self.mean_of_map(flow, "elevation", elevation);
                sink.image(flow, ImageKind::Dem, R60, mean)?;
            }
        }
        Ok(Base { scene, known, cirrus, corrector, aot_sum, water_sum })
    }

    /// 10 m, with the class map of 20 m.
    fn at_10m(
        &self,
        flow: &mut Flow<'_, Error>,
        native: &Bands,
        base: &mut Base<'_>,
        sink: &mut ImageSink<'_>,
    ) -> Result<(), Error> {
        let (class, air) = (base.scene.class, base.corrector.retrieved);
        let finest = native.iter().filter(|(band, _)| band.native_resolution() == R10);
        let finest: Bands = finest.map(|(&band, &plane)| (band, plane)).collect();
        write_toa(flow, &finest, R10, sink)?;
        let clear = base.cirrus.map_or_else(|| finest.clone(), |cirrus| cirrus.remove(flow, &finest, R10));
        let images = Images {
            surface: base.corrector.correct(flow, &clear, class, bands_written(R10), R10),
            class,
            aot: self.map(flow, "aot", air.aot_550, class, R10).0,
            water_vapour: self.map(flow, "water vapour", air.air.water_cm, class, R10).0,
        };
        self.write(flow, &images, R10, sink)
    }

    /// 60 m from the measurements themselves.
    fn native_60m(
        &self,
        flow: &mut Flow<'_, Error>,
        native: &Bands,
        sink: &mut ImageSink<'_>,
    ) -> Result<Base<'a>, Error> {
        let toa = self.to_grid(flow, native, R60);
        write_toa(flow, &toa, R60, sink)?;
        let (scene, known) = self.classify(flow, native, &toa, R60)?;
        let (cirrus, toa) = self.without_cirrus(flow, native, toa, scene.class, R60);
        let mut corrector = self.retrieve(flow, (native, &toa, cirrus), scene.class, known.elevation, R60);
        let air = corrector.retrieved;
        let (aot, aot_sum) = self.map(flow, "aot", air.aot_550, scene.class, R60);
        let (water_vapour, water_sum) = self.map(flow, "water vapour", air.air.water_cm, scene.class, R60);
        let images = Images {
            surface: corrector.correct(flow, &toa, scene.class, bands_written(R60), R60),
            class: scene.written,
            aot,
            water_vapour,
        };
        sink.preview(flow, &images.surface, R60)?;
        self.write(flow, &images, R60, sink)?;
        write_confidences(flow, scene, R60, sink)?;
        write_dark_vegetation(flow, air, R60, sink)?;
        self.write_elevation(flow, &known, R60, sink)?;
        Ok(Base { scene, known, cirrus, corrector, aot_sum, water_sum })
    }

    fn classify(
        &self,
        flow: &mut Flow<'_, Error>,
        native: &Bands,
        toa: &Bands,
        grid: Resolution,
    ) -> Result<(Scene, Known), Error> {
        let saturable = native.iter().filter(|(band, _)| self.may_be_saturated.contains(band));
        let saturable = saturable.map(|(&band, &plane)| (band, plane)).collect();
        let flags = masks::quality_flags(flow, self.job, grid, self.tiling)?;
        let ground = self.job.auxiliary.ground(flow, self.tiling, grid);
        let layers = SceneLayers {
            elevation_m: ground.elevation.map(|elevation| elevation.plane),
            slope_deg: ground.slope_deg,
            hillshade: ground.hillshade,
            water_bodies: ground.water_bodies,
            land_cover: ground.land_cover,
            snow_condition: ground.snow_condition,
            defective: flags.map(|flags| flags.plane),
            snow_possible: self.job.auxiliary.snow_possible,
        };
        let classes = Classes { job: self.job, tiling: self.tiling, bands: toa, saturable, layers, grid };
        let known = Known { quality_flags: flags.map(|flags| flags.counts), elevation: ground.elevation };
        Ok((classes.declare(flow), known))
    }

    /// What takes cirrus off the bands, and the bands of the grid of the class map without it.
    fn without_cirrus(
        &self,
        flow: &mut Flow<'_, Error>,
        native: &Bands,
        toa: Bands,
        class: PlaneHandle,
        grid: Resolution,
    ) -> (Option<Cirrus<'a>>, Bands) {
        match Cirrus::declare(flow, (self.job, self.tiling), (native, &toa), (class, grid)) {
            None => (None, toa),
            Some(cirrus) => (Some(cirrus), cirrus.remove(flow, &toa, grid)),
        }
    }

    /// A map of the product, 0 where there are no data, and the sum of its numbers over clear pixels.
    fn map(
        &self,
        flow: &mut Flow<'_, Error>,
        what: &str,
        map: Map,
        class: PlaneHandle,
        grid: Resolution,
    ) -> (PlaneHandle, Value<Vec<MapSum>>) {
        let mut stage = flow.stage::<ProductMap>(format!("map {what} at {grid}"), self.tiling).input(class);
        if let Some(plane) = map.plane() {
            stage = stage.table(plane);
        }
        let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, grid));
        let sums = stage.run(ProductMapParams { source: map.source(), resolution: grid });
        (output, self.job.map_sum(flow, [output, class], sums))
    }

    /// The ground, aerosol and water vapour from the bands on the grid of the class map, and the correction with them.
    fn retrieve(
        &self,
        flow: &mut Flow<'_, Error>,
        (native, toa, cirrus): (&Bands, &Bands, Option<Cirrus<'_>>),
        class: PlaneHandle,
        elevation: Option<Elevation>,
        grid: Resolution,
    ) -> Corrector<'a> {
        let terrain = Terrain::declare(flow, (self.job, self.tiling), (elevation, class), grid);
        let coarse: Bands =
            native.iter().filter(|(band, _)| **band == Band::B09).map(|(&b, &p)| (b, p)).collect();
        let coarse = cirrus.map_or_else(|| coarse.clone(), |cirrus| cirrus.remove(flow, &coarse, R60));
        let (job, tiling) = (self.job, self.tiling);
        let retrieval = Retrieval { job, tiling, grid, toa, class, coarse, terrain: &terrain };
        let retrieved = retrieval.declare(flow);
        Corrector::new(job, tiling, retrieved, terrain)
    }

    /// Encodes and writes the images of a resolution.
    fn write(
        &self,
        flow: &mut Flow<'_, Error>,
        images: &Images,
        grid: Resolution,
        sink: &mut ImageSink<'_>,
    ) -> Result<(), Error> {
        for band in bands_written(grid) {
            if let Some(&plane) = images.surface.get(&band) {
                sink.image(flow, ImageKind::Band(band), grid, plane)?;
            }
        }
        if let Some(colour) = self.true_colour(flow, &images.surface, grid) {
            sink.image(flow, ImageKind::Tci, grid, colour)?;
        }
        sink.image(flow, ImageKind::Aot, grid, images.aot)?;
        sink.image(flow, ImageKind::Wvp, grid, images.water_vapour)?;
        if grid != R10 {
            sink.image(flow, ImageKind::Scl, grid, images.class)?;
        }
        Ok(())
    }

    fn true_colour(
        &self,
        flow: &mut Flow<'_, Error>,
        surface: &Bands,
        grid: Resolution,
    ) -> Option<PlaneHandle> {
        let channels = [Band::B04, Band::B03, Band::B02].map(|band| surface.get(&band).copied());
        let [Some(red), Some(green), Some(blue)] = channels else { return None };
        let mut stage =
            flow.stage::<TrueColour>(format!("colour at {grid}"), self.tiling).inputs([red, green, blue]);
        let output = stage.output(PlaneSpec::grid_with_channels::<u8>(self.job.extent, grid, 3));
        stage.run(());
        Some(output)
    }
}

/// Reflectance at the top of the atmosphere, which is written only if it is asked for.
fn write_toa(
    flow: &mut Flow<'_, Error>,
    toa: &Bands,
    grid: Resolution,
    sink: &mut ImageSink<'_>,
) -> Result<(), Error> {
    toa.iter().try_for_each(|(&band, &plane)| sink.image(flow, ImageKind::Toa(band), grid, plane))
}

fn write_confidences(
    flow: &mut Flow<'_, Error>,
    scene: Scene,
    grid: Resolution,
    sink: &mut ImageSink<'_>,
) -> Result<(), Error> {
    sink.image(flow, ImageKind::CloudProbability, grid, scene.cloud)?;
    sink.image(flow, ImageKind::SnowProbability, grid, scene.snow)
}

/// The mask of dark vegetation, which is made only if it is asked for.
fn write_dark_vegetation(
    flow: &mut Flow<'_, Error>,
    air: Retrieved,
    grid: Resolution,
    sink: &mut ImageSink<'_>,
) -> Result<(), Error> {
    air.dark.map_or(Ok(()), |mask| sink.image(flow, ImageKind::DarkVegetation, grid, mask))
}
