//! Bands on other grids, and the averages of results.

use super::{Bands, Images, Recipe};
use crate::error::Error;
use crate::stages::resample::{
    BlockMean, FindRange, Interpolate, InterpolateParams, MeanOfMap, MeanOfMask, ReduceClassMap,
};
use sen2cor_core::grid::Resolution::{self, R20, R60};
use sen2cor_core::resample::{Factor, ValueRange};
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, PlaneHandle, PlaneSpec};

impl Recipe<'_> {
    /// The twelve bands of the classification on its grid.
    pub(super) fn to_grid(&self, flow: &mut Flow<'_, Error>, native: &Bands, grid: Resolution) -> Bands {
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

    /// The 60 m images as averages of the 20 m results, as the original processor makes them.
    pub(super) fn average(&self, flow: &mut Flow<'_, Error>, images: &Images) -> Images {
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
        let aot = self.mean_of_map(flow, "aot", images.aot);
        let water_vapour = self.mean_of_map(flow, "water vapour", images.water_vapour);
        let mut stage = flow.stage::<ReduceClassMap>("average class map", self.tiling).input(images.class);
        let class = stage.output(PlaneSpec::grid::<u8>(self.job.extent, R60));
        stage.run(self.job.class_map_60m);
        Images { surface, class, aot, water_vapour }
    }

    pub(super) fn mean_of_map(
        &self,
        flow: &mut Flow<'_, Error>,
        what: &str,
        plane: PlaneHandle,
    ) -> PlaneHandle {
        let mut stage = flow.stage::<MeanOfMap>(format!("average {what}"), self.tiling).input(plane);
        let output = stage.output(PlaneSpec::grid::<u16>(self.job.extent, R60));
        stage.run(Factor::Three);
        output
    }

    pub(super) fn mean_of_mask(&self, flow: &mut Flow<'_, Error>, plane: PlaneHandle) -> PlaneHandle {
        let mut stage = flow.stage::<MeanOfMask>("average confidence", self.tiling).input(plane);
        let output = stage.output(PlaneSpec::grid::<u8>(self.job.extent, R60));
        stage.run(Factor::Three);
        output
    }
}
