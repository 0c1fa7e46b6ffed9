//! Resampling, imagery, the correction of pixels, and what is counted in a region.

use super::{
    EXTENT, Stage, agree, axes, band, blocks, bytes_image, bytes_of, cell_values, cells, class_map,
    correction, grid, heights, map60, view,
};
use crate::decode::one_unit;
use crate::stages::atmosphere::{MapSource, MapSources, Tabulate, TabulateParams};
use crate::stages::correct::{CorrectBand, CorrectParams, GroundInputs};
use crate::stages::imagery::{Preview, TrueColour};
use crate::stages::region::{CountClasses, CountNegatives, SumMap};
use crate::stages::resample::{
    BlockMean, FindRange, Interpolate, InterpolateParams, MeanOfMap, MeanOfMask, ReduceClassMap,
};
use crate::tables::TableSource;
use ndarray::Array2;
use sen2cor_core::cells::{CELL_VALUES, CellAxes, tabulate};
use sen2cor_core::grid::Resolution::{R10, R20, R60};
use sen2cor_core::grid::Tiling;
use sen2cor_core::imagery::PREVIEW_EDGE;
use sen2cor_core::reflectance::{CorrectionParameters, Model, Relief};
use sen2cor_core::resample::{ClassReduction, Factor, ValueRange};
use sen2cor_exec::{ExecError, Executor, Flow, FrozenPlane, HeapStore, Kernel, PlaneSpec, RunContext};

pub(super) fn resampling() -> Vec<&'static str> {
    let sixty = band(1, R60);
    let range = ValueRange { min: 0, max: 6000 };
    vec![
        agree(BlockMean::NAME, &blocks(), |executor, tiling| {
            Stage::new(tiling).input(&band(2, R10), R10).run::<BlockMean>(
                executor,
                Factor::Six,
                &[grid::<u16>(R60)],
            )
        }),
        agree(MeanOfMap::NAME, &blocks(), |executor, tiling| {
            Stage::new(tiling).input(&band(3, R20), R20).run::<MeanOfMap>(
                executor,
                Factor::Three,
                &[grid::<u16>(R60)],
            )
        }),
        agree(MeanOfMask::NAME, &blocks(), |executor, tiling| {
            let mask = bytes_image(4, R20, 101);
            Stage::new(tiling).input(&mask, R20).run::<MeanOfMask>(
                executor,
                Factor::Three,
                &[grid::<u8>(R60)],
            )
        }),
        agree(ReduceClassMap::NAME, &blocks(), |executor, tiling| {
            let map = bytes_image(5, R20, 12);
            Stage::new(tiling).input(&map, R20).run::<ReduceClassMap>(
                executor,
                ClassReduction::Median,
                &[grid::<u8>(R60)],
            )
        }),
        agree(Interpolate::NAME, &blocks(), |executor, tiling| {
            [true, false]
                .into_iter()
                .flat_map(|cubic| {
                    let params = InterpolateParams { cubic, range };
                    Stage::new(tiling).table(&sixty).run::<Interpolate>(executor, params, &[grid::<u16>(R20)])
                })
                .collect()
        }),
        agree(FindRange::NAME, &blocks(), |executor, tiling| {
            let mut flow = Flow::<ExecError>::new();
            let plane = flow.import(FrozenPlane::from_array(&HeapStore, &sixty, R60).unwrap());
            let parts = flow.stage::<FindRange>("range", tiling).input(plane).run(());
            let finished = flow.run(executor, &RunContext::default()).unwrap();
            let all = finished.get(parts).unwrap().iter().fold(ValueRange::EMPTY, |a, b| a.merge(*b));
            vec![all.min.to_le_bytes().into_iter().chain(all.max.to_le_bytes()).collect()]
        }),
    ]
}

pub(super) fn per_pixel() -> Vec<&'static str> {
    vec![
        agree(CorrectBand::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling)
                .input(&band(6, R10), R10)
                .input(&bytes_image(7, R20, 12), R20)
                .table(&cells())
                .table(&map60(21, 0.1))
                .table(&map60(22, 1.0));
            stage.run::<CorrectBand>(executor, correction(), &[grid::<u16>(R10)])
        }),
        agree(CorrectBand::NAME, &blocks(), |executor, tiling| {
            let relief = Relief {
                smoothing_radius: 2,
                neighbourhood_radius: 5,
                ..Relief::of_model(Model::Physical, 150.0)
            };
            let flat = correction();
            let params = CorrectParams {
                maps: MapSources { elevation_km: MapSource::Table, ..flat.maps },
                correction: CorrectionParameters { resolution: R20, relief: Some(relief), ..flat.correction },
                ground: GroundInputs { lit: true, vegetation: true },
                axes: CellAxes { elevations_km: vec![0.0, 0.5], ..axes() },
            };
            let mut values = vec![0.0; params.axes.len() * CELL_VALUES];
            let table = TableSource::BuiltIn(Model::Physical).open().unwrap();
            tabulate(table, &view(), &params.axes, &mut values).unwrap();
            let cells = Array2::from_shape_vec((1, values.len()), values).unwrap();
            let stage = Stage::new(tiling)
                .input(&band(6, R20), R20)
                .input(&bytes_image(7, R20, 12), R20)
                .input(&heights(8, 600), R20)
                .input(&bytes_image(9, R20, 2), R20)
                .input(&bytes_image(10, R20, 2), R20)
                .input(&bytes_image(11, R20, 2), R20)
                .table(&cells)
                .table(&map60(21, 0.1))
                .table(&map60(22, 1.0))
                .table(&map60(23, 0.0));
            stage.run::<CorrectBand>(executor, params, &[grid::<u16>(R20)])
        }),
        agree(Tabulate::NAME, &[one_unit()], |executor, tiling| {
            let source = TableSource::BuiltIn(Model::Physical);
            let params = TabulateParams { source, view: view(), axes: axes(), path_scale: 1.1 };
            Stage::new(tiling).run::<Tabulate>(
                executor,
                params,
                &[PlaneSpec::slots::<f32>(1, cell_values().len())],
            )
        }),
        agree(TrueColour::NAME, &blocks(), |executor, tiling| {
            let stage = (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed, R20), R20));
            stage.run::<TrueColour>(executor, (), &[PlaneSpec::grid_with_channels::<u8>(EXTENT, R20, 3)])
        }),
        agree(Preview::NAME, &[Tiling::whole(EXTENT)], |executor, tiling| {
            let stage = (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed, R20), R20));
            stage.run::<Preview>(executor, (), &[PlaneSpec::slots::<u8>(1, 3 * PREVIEW_EDGE * PREVIEW_EDGE)])
        }),
    ]
}

/// Figures of a region: those of its blocks add up to those of all of it.
pub(super) fn region() -> Vec<&'static str> {
    fn counted<K: Kernel<Params = ()>>(executor: &dyn Executor, stage: Stage<'_>) -> Vec<K::Partial> {
        let Stage { mut flow, tiling, inputs, .. } = stage;
        let parts = flow.stage::<K>(K::NAME, tiling).inputs(inputs).run(());
        let finished = flow.run(executor, &RunContext::default()).unwrap();
        // Partial results need not be cloned one by one: they travel as bytes anyway.
        let bytes = serde_json::to_vec(finished.get(parts).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }
    vec![
        agree(CountClasses::NAME, &blocks(), |executor, tiling| {
            let parts = counted::<CountClasses>(executor, Stage::new(tiling).input(&class_map(81), R20));
            let mut total = [0u64; 12];
            for part in parts {
                total.iter_mut().zip(part.0).for_each(|(sum, count)| *sum += count);
            }
            bytes_of(&total)
        }),
        agree(CountNegatives::NAME, &blocks(), |executor, tiling| {
            let dark = band(82, R20).mapv(|v| v / 3);
            let parts = counted::<CountNegatives>(executor, Stage::new(tiling).input(&dark, R20));
            bytes_of(&parts.iter().fold((0, 0), |sum, part| (sum.0 + part.negative, sum.1 + part.valid)))
        }),
        agree(SumMap::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&band(83, R20), R20).input(&class_map(84), R20);
            let parts = counted::<SumMap>(executor, stage);
            bytes_of(&parts.iter().fold((0, 0), |sum, part| (sum.0 + part.count, sum.1 + part.sum)))
        }),
    ]
}
