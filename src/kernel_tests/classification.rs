//! The stages of the scene classification.

use super::{
    EXTENT, Stage, agree, band, blocks, bytes_image, bytes_of, class_map, grid, hash, heights, partials,
    with_bands,
};
use crate::stages::classify::{
    CastShadows, DetectClasses, DetectParams, FilterClasses, FilterParams, FinishClasses, LandParams,
    MarkSaturated, RecoverByLandCover, RecoverClasses, RecoverParams, SaturatedParams, ShadowParams,
    SumCirrus, SumLand, SumSnowCondition,
};
use ndarray::Array2;
use sen2cor_core::angles::Direction;
use sen2cor_core::classify::{CirrusSums, ConditionSums, LandSums, Thresholds};
use sen2cor_core::grid::Resolution::{R10, R20, R60};
use sen2cor_exec::Kernel;

pub(super) fn classification() -> Vec<&'static str> {
    let thresholds = Thresholds::default;
    let sun = Direction { zenith_deg: 65.0, azimuth_deg: 120.0 };
    vec![
        agree(DetectClasses::NAME, &blocks(), |executor, tiling| {
            let params = DetectParams {
                thresholds: thresholds(),
                grid: R20,
                snow_possible: true,
                elevation: true,
                snow_condition: Some(true),
            };
            let stage = with_bands(Stage::new(tiling), 12).input(&heights(13, 5000), R20);
            let stage = stage.input(&bytes_image(14, R20, 255), R20);
            stage.run::<DetectClasses>(executor, params, &[grid::<u8>(R20); 4])
        }),
        agree(CastShadows::NAME, &blocks(), |executor, tiling| {
            let clues = Array2::from_shape_fn(EXTENT.shape(R20), |(row, col)| {
                u8::from(hash(21, row / 6, col / 6).is_multiple_of(5))
                    | [2, 4, 6, 6][hash(22, row / 9, col / 5) as usize % 4]
            });
            let stage = Stage::new(tiling).input(&class_map(20), R20).input(&clues, R20);
            let params = ShadowParams { thresholds: thresholds(), grid: R20, sun };
            with_bands(stage, 6).run::<CastShadows>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(RecoverClasses::NAME, &blocks(), |executor, tiling| {
            let params = RecoverParams {
                thresholds: thresholds(),
                grid: R20,
                slope: true,
                hillshade: true,
                water_bodies: true,
            };
            let stage = with_bands(Stage::new(tiling).input(&class_map(23), R20), 5);
            let stage = stage.input(&heights(24, 60), R20).input(&bytes_image(25, R20, 255), R20);
            let stage = stage.input(&bytes_image(26, R20, 3), R20);
            stage.run::<RecoverClasses>(executor, params, &[grid::<u8>(R20)])
        }),
    ]
}

pub(super) fn late_classification() -> Vec<&'static str> {
    let cover = bytes_image(31, R20, 3).mapv(|v| [190, 201, 10][usize::from(v)]);
    vec![
        agree(RecoverByLandCover::NAME, &blocks()[..1], |executor, tiling| {
            let stage = with_bands(Stage::new(tiling).input(&class_map(30), R20), 3);
            let stage = stage.input(&cover, R20).input(&heights(32, 4000), R20);
            let cirrus = CirrusSums::default().test(&Thresholds::default());
            let params =
                LandParams { thresholds: Thresholds::default(), elevation: true, land: None, cirrus };
            stage.run::<RecoverByLandCover>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(MarkSaturated::NAME, &blocks(), |executor, tiling| {
            let some = |seed, grid| band(seed, grid).mapv(|v| if v % 50 == 7 { u16::MAX } else { v });
            let params = SaturatedParams { from: vec![R10, R20, R60], to: R20 };
            let stage = Stage::new(tiling).input(&some(33, R10), R10).input(&some(34, R20), R20);
            stage.input(&some(35, R60), R60).run::<MarkSaturated>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(FinishClasses::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&class_map(36), R20).input(&bytes_image(37, R20, 2), R20);
            stage.run::<FinishClasses>(executor, (), &[grid::<u8>(R20)])
        }),
        agree(FilterClasses::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&bytes_image(38, R20, 12), R20);
            stage.run::<FilterClasses>(executor, FilterParams { grid: R20, width_px: 6 }, &[grid::<u8>(R20)])
        }),
        agree(SumSnowCondition::NAME, &blocks(), |executor, tiling| {
            let layer = bytes_image(39, R20, 255);
            let parts = partials::<SumSnowCondition>(executor, (), tiling, &[], &[&layer]);
            bytes_of(&parts.into_iter().fold(ConditionSums::default(), ConditionSums::join))
        }),
        // The statistics of land have one tiling of their own.
        agree(SumLand::NAME, &blocks()[1..2], |executor, tiling| {
            let maps = [&class_map(40), &cover];
            let parts = partials::<SumLand>(executor, (), tiling, &maps[..1], &maps[1..]);
            bytes_of(&parts.into_iter().fold(LandSums::default(), LandSums::join))
        }),
        agree(SumCirrus::NAME, &blocks()[1..2], |executor, tiling| {
            let maps = [&class_map(41), &cover];
            let parts = partials::<SumCirrus>(executor, None, tiling, &maps[..1], &maps[1..]);
            bytes_of(&parts.into_iter().fold(CirrusSums::default(), CirrusSums::join))
        }),
    ]
}
