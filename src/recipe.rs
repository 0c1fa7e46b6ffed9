//! The whole data flow of Level-2A, top to bottom.
//!
//! ```text
//! verify, decode          13 bands, each on its own grid
//! resample                to the grid of the classification (20 m, or 60 m for a native 60 m run)
//! classify                scene class, cloud and snow confidence
//! correct                 surface reflectance of each band
//! map                     aerosol optical depth, water vapour
//! colour, preview         true colour and preview images
//! average                 60 m images from the 20 m results
//! encode, write           JPEG 2000 files
//! ```
//!
//! Everything is declared here and run by the flow: images overlap, deeper stages go first, planes are freed after their
//! last reader. No function here looks at a pixel.

use crate::error::Error;
use crate::images::{ImageSink, WrittenImage};
use crate::stages::classify::{ClassifyParams, ClassifyScene};
use crate::stages::correct::{CorrectBand, CorrectParams, FillMap, FillParams, Negatives};
use crate::stages::imagery::TrueColour;
use crate::stages::resample::{
    BlockMean, FindRange, Interpolate, InterpolateParams, MeanOfMap, MeanOfMask, ReduceClassMap,
};
use crate::state::Atmosphere;
use crate::{OutputResolution, decode};
use sen2cor_core::classify::{ClassCounts, Thresholds};
use sen2cor_core::grid::{Extent, Resolution, Tiling};
use sen2cor_core::resample::{ClassReduction, Factor, ValueRange};
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, PlaneHandle, PlaneSpec, Value};
use sen2cor_io::safe::{ImageKind, L1cProduct, L1cTile};
use std::collections::BTreeMap;

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
    pub(crate) resolution: OutputResolution,
    pub(crate) block_cells: u32,
    pub(crate) verify: bool,
    pub(crate) thresholds: Thresholds,
    pub(crate) class_map_60m: ClassReduction,
    pub(crate) atmosphere: Atmosphere,
}

/// What the flow leaves behind.
pub(crate) struct Outcome {
    pub(crate) class_counts: Value<Vec<ClassCounts>>,
    /// Per band, counted on the finest grid on which it is written.
    pub(crate) negatives: NegativeCounts,
    pub(crate) images: Vec<WrittenImage>,
}

/// The result of the classification on one grid.
#[derive(Clone, Copy)]
struct Scene {
    class: PlaneHandle,
    cloud: PlaneHandle,
    snow: PlaneHandle,
    counts: Value<Vec<ClassCounts>>,
}

/// The images of one resolution.
struct Images {
    surface: Bands,
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
    let mut recipe =
        Recipe { job, tiling: Tiling::square(job.extent, job.block_cells), negatives: NegativeCounts::new() };
    let native = decode::bands(flow, job)?;
    let class_counts = match job.resolution {
        OutputResolution::R60 => recipe.native_60m(flow, &native, sink)?,
        OutputResolution::R20 => recipe.at_20m(flow, &native, sink)?.counts,
        OutputResolution::R10 | OutputResolution::All => {
            let scene = recipe.at_20m(flow, &native, sink)?;
            recipe.at_10m(flow, &native, scene, sink)?;
            scene.counts
        }
    };
    Ok(Outcome { class_counts, negatives: recipe.negatives, images: std::mem::take(&mut sink.images) })
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
    negatives: NegativeCounts,
}

impl Recipe<'_> {
    /// 20 m, and 60 m as averages of the 20 m results.
    fn at_20m(
        &mut self,
        flow: &mut Flow<'_, Error>,
        native: &Bands,
        sink: &mut ImageSink<'_>,
    ) -> Result<Scene, Error> {
        let toa = self.to_grid(flow, native, R20);
        let scene = self.classify(flow, &toa, R20);
        let images = Images {
            // B09 is no 20 m image, but its 60 m average needs it.
            surface: self.correct(flow, &toa, scene.class, bands_written(R60), R20),
            class: scene.class,
            aot: self.map_of(flow, "aot", self.job.atmosphere.aot_dn, scene.class, R20),
            water_vapour: self.map_of(
                flow,
                "water vapour",
                self.job.atmosphere.water_vapour_dn,
                scene.class,
                R20,
            ),
        };
        sink.preview(flow, &images.surface, R20)?;
        self.write(flow, &images, R20, sink)?;
        write_confidences(flow, scene, R20, sink)?;
        let averages = self.average(flow, &images);
        self.write(flow, &averages, R60, sink)?;
        let cloud = self.mean_of_mask(flow, scene.cloud);
        let snow = self.mean_of_mask(flow, scene.snow);
        write_confidences(flow, Scene { cloud, snow, ..scene }, R60, sink)?;
        Ok(scene)
    }

    /// 10 m, with the class map of 20 m.
    fn at_10m(
        &mut self,
        flow: &mut Flow<'_, Error>,
        native: &Bands,
        scene: Scene,
        sink: &mut ImageSink<'_>,
    ) -> Result<(), Error> {
        let images = Images {
            surface: self.correct(flow, native, scene.class, bands_written(R10), R10),
            class: scene.class,
            aot: self.map_of(flow, "aot", self.job.atmosphere.aot_dn, scene.class, R10),
            water_vapour: self.map_of(
                flow,
                "water vapour",
                self.job.atmosphere.water_vapour_dn,
                scene.class,
                R10,
            ),
        };
        self.write(flow, &images, R10, sink)
    }

    /// 60 m from the measurements themselves.
    fn native_60m(
        &mut self,
        flow: &mut Flow<'_, Error>,
        native: &Bands,
        sink: &mut ImageSink<'_>,
    ) -> Result<Value<Vec<ClassCounts>>, Error> {
        let toa = self.to_grid(flow, native, R60);
        let scene = self.classify(flow, &toa, R60);
        let images = Images {
            surface: self.correct(flow, &toa, scene.class, bands_written(R60), R60),
            class: scene.class,
            aot: self.map_of(flow, "aot", self.job.atmosphere.aot_dn, scene.class, R60),
            water_vapour: self.map_of(
                flow,
                "water vapour",
                self.job.atmosphere.water_vapour_dn,
                scene.class,
                R60,
            ),
        };
        sink.preview(flow, &images.surface, R60)?;
        self.write(flow, &images, R60, sink)?;
        write_confidences(flow, scene, R60, sink)?;
        Ok(scene.counts)
    }

    /// The twelve bands of the classification on its grid.
    fn to_grid(&self, flow: &mut Flow<'_, Error>, native: &Bands, grid: Resolution) -> Bands {
        native
            .iter()
            .filter(|(band, _)| **band != Band::B08)
            .map(|(&band, &plane)| {
                let from = band.native_resolution();
                let plane = match Factor::between(from, grid) {
                    None => plane,
                    Some(_) if from > grid => self.interpolate(flow, band, plane),
                    Some(factor) => self.block_mean(flow, band, plane, factor, grid),
                };
                (band, plane)
            })
            .collect()
    }

    fn block_mean(
        &self,
        flow: &mut Flow<'_, Error>,
        band: Band,
        plane: PlaneHandle,
        factor: Factor,
        grid: Resolution,
    ) -> PlaneHandle {
        let mut stage =
            flow.stage::<BlockMean>(format!("resample {band} to {grid}"), self.tiling).input(plane);
        let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, grid));
        stage.run(factor);
        output
    }

    /// 60 m to 20 m: bicubic for B01, bilinear for B09 and B10, clipped to the range of the whole band.
    fn interpolate(&self, flow: &mut Flow<'_, Error>, band: Band, plane: PlaneHandle) -> PlaneHandle {
        let ranges =
            flow.stage::<FindRange>(format!("resample {band}: range"), self.tiling).input(plane).run(());
        let mut stage =
            flow.stage::<Interpolate>(format!("resample {band} to 20 m"), self.tiling).table(plane);
        let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, R20));
        stage.run_with(&[ranges.into()], move |ready| {
            let range = ready.get(ranges)?.iter().fold(ValueRange::EMPTY, |all, part| all.merge(*part));
            Ok(Some(InterpolateParams { cubic: band == Band::B01, range }))
        });
        output
    }

    fn classify(&self, flow: &mut Flow<'_, Error>, toa: &Bands, grid: Resolution) -> Scene {
        let mut stage = flow
            .stage::<ClassifyScene>(format!("classify at {grid}"), self.tiling)
            .inputs(toa.values().copied());
        let mut output = || stage.output(PlaneSpec::grid::<u8>(self.job.extent, grid));
        let (class, cloud, snow) = (output(), output(), output());
        let counts = stage.run(ClassifyParams {
            thresholds: self.job.thresholds.clone(),
            resolution: grid,
            snow_possible: true,
        });
        Scene { class, cloud, snow, counts }
    }

    fn correct(
        &mut self,
        flow: &mut Flow<'_, Error>,
        toa: &Bands,
        class: PlaneHandle,
        bands: impl Iterator<Item = Band>,
        grid: Resolution,
    ) -> Bands {
        let mut surface = Bands::new();
        for band in bands {
            let Some(&plane) = toa.get(&band) else { continue };
            let mut stage = flow
                .stage::<CorrectBand>(format!("correct {band} at {grid}"), self.tiling)
                .input(plane)
                .input(class);
            let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, grid));
            let negatives = stage.run(CorrectParams { correction: self.job.atmosphere.correction(band) });
            self.negatives.insert(band, negatives);
            surface.insert(band, output);
        }
        surface
    }

    /// A map of one value, 0 where there are no data.
    fn map_of(
        &self,
        flow: &mut Flow<'_, Error>,
        what: &str,
        value: u16,
        class: PlaneHandle,
        grid: Resolution,
    ) -> PlaneHandle {
        let mut stage = flow.stage::<FillMap>(format!("map {what} at {grid}"), self.tiling).input(class);
        let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, grid));
        stage.run(FillParams { value });
        output
    }

    /// The 60 m images as averages of the 20 m results, as the original processor makes them.
    fn average(&self, flow: &mut Flow<'_, Error>, images: &Images) -> Images {
        let surface = images
            .surface
            .iter()
            .map(|(&band, &plane)| {
                let mut stage = flow.stage::<BlockMean>(format!("average {band}"), self.tiling).input(plane);
                let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, R60));
                stage.run(Factor::Three);
                (band, output)
            })
            .collect();
        let mut mean = |what: &str, plane| {
            let mut stage = flow.stage::<MeanOfMap>(format!("average {what}"), self.tiling).input(plane);
            let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, R60));
            stage.run(Factor::Three);
            output
        };
        let (aot, water_vapour) = (mean("aot", images.aot), mean("water vapour", images.water_vapour));
        let mut stage = flow.stage::<ReduceClassMap>("average class map", self.tiling).input(images.class);
        let class = stage.output(PlaneSpec::grid::<u8>(self.job.extent, R60));
        stage.run(self.job.class_map_60m);
        Images { surface, class, aot, water_vapour }
    }

    fn mean_of_mask(&self, flow: &mut Flow<'_, Error>, plane: PlaneHandle) -> PlaneHandle {
        let mut stage = flow.stage::<MeanOfMask>("average confidence", self.tiling).input(plane);
        let output = stage.output(PlaneSpec::grid::<u8>(self.job.extent, R60));
        stage.run(Factor::Three);
        output
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

fn write_confidences(
    flow: &mut Flow<'_, Error>,
    scene: Scene,
    grid: Resolution,
    sink: &mut ImageSink<'_>,
) -> Result<(), Error> {
    sink.image(flow, ImageKind::CloudProbability, grid, scene.cloud)?;
    sink.image(flow, ImageKind::SnowProbability, grid, scene.snow)
}
