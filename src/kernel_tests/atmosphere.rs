//! Aerosol, water vapour, cirrus and the light on slopes.

use super::{
    EXTENT, Stage, agree, axes, band, blocks, bytes_image, bytes_of, cells, class_map, correction, grid,
    heights, map60,
};
use crate::stages::aerosol::{
    CountRungs, CountRungsParams, FindDark, FindDarkParams, InvertDark, InvertDarkParams, MarkDark,
    SpreadLoad, SpreadParams,
};
use crate::stages::atmosphere::{MapSource, MapSources};
use crate::stages::cirrus::{CountCirrus, RemoveCirrus, RemoveParams, SeeCirrus};
use crate::stages::relief::{
    CoarsenElevation, LightGround, LightParams, MapOfElevation, MarkLargeClouds, MarkVegetation,
    MeasureParams, MeasureRelief, OfElevation, OfElevationParams, ReliefSums, VegetationParams,
};
use crate::stages::water::{
    FinishWater, ProductMap, ProductMapParams, RetrieveWater, RetrieveWaterParams, Surroundings,
};
use ndarray::Array2;
use sen2cor_core::aerosol::dark::DarkThresholds;
use sen2cor_core::aerosol::invert::DarkRatios;
use sen2cor_core::aerosol::ladder::{CutOff, Rung};
use sen2cor_core::aerosol::spread::Spread;
use sen2cor_core::angles::Direction;
use sen2cor_core::cells::LoadScale;
use sen2cor_core::cirrus::{CirrusRemoval, CirrusStatistics};
use sen2cor_core::grid::Resolution::{R10, R20, R60};
use sen2cor_core::grid::{Resolution, Tiling};
use sen2cor_core::reflectance::SlopeLight;
use sen2cor_core::sensor::Band;
use sen2cor_core::water_vapour::{Finish, WaterMask};
use sen2cor_exec::{ExecError, Flow, FrozenPlane, HeapStore, Kernel, RunContext};

/// Mostly vegetation.
fn vegetation(grid: Resolution) -> Array2<u8> {
    bytes_image(31, grid, 12).mapv(|class| if class < 9 { 4 } else { class })
}

/// Slopes that are lit from the south-east.
const SLOPES: Option<SlopeLight> = Some(SlopeLight {
    sun_azimuth_deg: 150.0,
    smoothing_radius: 1,
    start_reflectance: 0.1,
    least_cosine: 0.1,
});

pub(super) fn relief() -> Vec<&'static str> {
    vec![
        agree(MeasureRelief::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&heights(61, 500), R20).input(&class_map(62), R20);
            let Stage { mut flow, inputs, .. } = stage;
            let params = MeasureParams { resolution: R20, steep_deg: 30.0 };
            let parts = flow.stage::<MeasureRelief>("relief", tiling).inputs(inputs).run(params);
            let finished = flow.run(executor, &RunContext::default()).unwrap();
            let parts = finished.get(parts).unwrap();
            bytes_of(&parts.iter().fold(ReliefSums::NONE, ReliefSums::join))
        }),
        agree(CoarsenElevation::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&heights(63, 9000), R20);
            stage.run::<CoarsenElevation>(executor, 3.5, &[grid::<f32>(R60)])
        }),
        agree(LightGround::NAME, &blocks(), |executor, tiling| {
            let params = LightParams {
                resolution: R20,
                sun: Direction { zenith_deg: 60.0, azimuth_deg: 150.0 },
                range_m: Some((0.0, 150.0)),
            };
            let stage = Stage::new(tiling).input(&heights(64, 300), R20);
            stage.run::<LightGround>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(MarkLargeClouds::NAME, &[Tiling::whole(EXTENT)], |executor, tiling| {
            let clouds = Array2::from_elem(EXTENT.shape(R20), 9u8);
            let stage = Stage::new(tiling).input(&clouds, R20);
            stage.run::<MarkLargeClouds>(executor, R20, &[grid::<u8>(R20)])
        }),
        agree(MarkVegetation::NAME, &blocks(), |executor, tiling| {
            let maps = MapSources { elevation_km: MapSource::Table, ..correction().maps };
            let params = VegetationParams { resolution: R20, axes: [axes(), axes()], maps, least_ratio: 1.5 };
            let stage =
                (0..2).fold(Stage::new(tiling), |stage, seed| stage.input(&band(65 + seed, R20), R20));
            let stage = stage.table(&cells()).table(&cells()).table(&map60(67, 0.1)).table(&map60(68, 1.0));
            stage.table(&map60(69, 0.2)).run::<MarkVegetation>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(MapOfElevation::NAME, &blocks(), |executor, tiling| {
            let what = OfElevation::Aot550 { scale: LoadScale::VisibilityIndex, load: 40.0 };
            let params = OfElevationParams { what, elevation_km: MapSource::Table };
            let stage = Stage::new(tiling).table(&map60(70, 0.1));
            stage.run::<MapOfElevation>(executor, params, &[grid::<f32>(R60)])
        }),
    ]
}

pub(super) fn cirrus() -> Vec<&'static str> {
    vec![
        agree(SeeCirrus::NAME, &blocks(), |executor, tiling| {
            Stage::new(tiling).input(&band(71, R60), R60).run::<SeeCirrus>(executor, (), &[grid::<f32>(R60)])
        }),
        agree(CountCirrus::NAME, &blocks(), |executor, tiling| {
            let stage =
                (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(72 + seed, R20), R20));
            let stage = stage.input(&vegetation(R20), R20).table(&map60(75, 0.0).mapv(|v| v / 8.0));
            let Stage { mut flow, inputs, tables, .. } = stage;
            let parts = flow.stage::<CountCirrus>("count", tiling).inputs(inputs).table(tables[0]).run(R20);
            let finished = flow.run(executor, &RunContext::default()).unwrap();
            let parts = finished.get(parts).unwrap().iter().copied();
            bytes_of(&parts.fold(CirrusStatistics::default(), CirrusStatistics::join))
        }),
        agree(RemoveCirrus::NAME, &blocks(), |executor, tiling| {
            let removal = Some(CirrusRemoval::new(0.65, Band::B02, 1.0));
            let params = RemoveParams { resolution: R10, removal };
            let stage = Stage::new(tiling).input(&band(76, R10), R10).input(&class_map(77), R20);
            stage.table(&map60(78, 0.0)).run::<RemoveCirrus>(executor, params, &[grid::<u16>(R10)])
        }),
    ]
}

pub(super) fn retrieval() -> Vec<&'static str> {
    let (elevation_km, slopes) = (MapSource::Table, SLOPES);
    let three = || [axes(), axes(), axes()];
    let vegetation =
        |grid: Resolution| bytes_image(31, grid, 12).mapv(|class| if class < 9 { 4 } else { class });
    vec![
        agree(FindDark::NAME, &blocks(), |executor, tiling| {
            let thresholds = DarkThresholds {
                ndvi_lower: -1.0,
                red_upper: 1.0,
                swir_upper: [0.2, 0.4, 0.6],
                ..DarkThresholds::default()
            };
            let axes = three();
            let params =
                FindDarkParams { thresholds, resolution: R20, axes, elevation_km, slopes, load: 0.2 };
            let stage =
                (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed + 40, R20), R20));
            let class = vegetation(R20).mapv(|class| if class == 4 { 4u8 } else { 5 });
            let stage = stage.input(&class, R20).table(&cells()).table(&cells()).table(&cells());
            let stage = stage.table(&map60(58, 0.1));
            stage.run::<FindDark>(executor, params, &[grid::<u8>(R20)])
        }),
        agree(InvertDark::NAME, &blocks(), |executor, tiling| {
            let ratios = DarkRatios {
                red_over_swir: 0.5,
                blue_over_red: 0.5,
                surroundings: 1.0,
                swir_load: None,
                multiple_reflection: true,
            };
            let axes = three();
            let params = InvertDarkParams { resolution: R20, axes, elevation_km, slopes, ratios, attempt: 2 };
            let stage =
                (0..3).fold(Stage::new(tiling), |stage, seed| stage.input(&band(seed + 44, R20), R20));
            let stage = stage
                .input(&bytes_image(33, R20, 4), R20)
                .input(&band(47, R60), R60)
                .input(&band(48, R60), R60);
            let stage = stage.table(&cells()).table(&cells()).table(&cells()).table(&map60(59, 0.1));
            stage.run::<InvertDark>(executor, params, &[grid::<u8>(R60), grid::<f32>(R60)])
        }),
        agree(CountRungs::NAME, &blocks(), |executor, tiling| {
            let params = CountRungsParams {
                axes: three(),
                elevation_km,
                slopes,
                loads: vec![0.4, 0.1],
                cut_off: CutOff::default(),
            };
            let mut flow = Flow::<ExecError>::new();
            let mut import =
                |image: &Array2<u16>| flow.import(FrozenPlane::from_array(&HeapStore, image, R60).unwrap());
            let bands = [50, 51, 52].map(|seed| import(&band(seed, R60)));
            let dark =
                flow.import(FrozenPlane::from_array(&HeapStore, &bytes_image(34, R60, 3), R60).unwrap());
            let class = flow.import(FrozenPlane::from_array(&HeapStore, &vegetation(R20), R20).unwrap());
            let table = flow.import(FrozenPlane::from_array(&HeapStore, &cells(), R10).unwrap());
            let heights = flow.import(FrozenPlane::from_array(&HeapStore, &map60(60, 0.1), R60).unwrap());
            let stage = flow.stage::<CountRungs>("rungs", tiling).inputs(bands).input(dark).input(class);
            let parts = stage.table(table).table(table).table(table).table(heights).run(params);
            let finished = flow.run(executor, &RunContext::default()).unwrap();
            let mut all = vec![Rung::default(); 2];
            for part in finished.get(parts).unwrap() {
                for (sum, rung) in all.iter_mut().zip(part) {
                    *sum = sum.merge(rung);
                }
            }
            vec![format!("{all:?}").into_bytes()]
        }),
    ]
}

pub(super) fn maps() -> Vec<&'static str> {
    let elevation_km = MapSource::Constant(0.3);
    vec![
        agree(MarkDark::NAME, &blocks(), |executor, tiling| {
            let stage = Stage::new(tiling).input(&bytes_image(36, R20, 4), R20);
            stage.run::<MarkDark>(executor, 2, &[grid::<u8>(R20)])
        }),
        agree(SpreadLoad::NAME, &blocks(), |executor, tiling| {
            let spread = Spread { mean: 0.2, limit: 0.3, shift: -0.1, sigma_px: 2.5 };
            let scale = LoadScale::Aot550;
            let params = SpreadParams { spread, scale, which: 0, most: 9, elevation_km };
            let counts = bytes_image(35, R60, 10);
            let loads = counts.mapv(|count| f32::from(count) * 3000.0);
            let stage = Stage::new(tiling).input(&counts, R60).input(&loads, R60);
            stage.run::<SpreadLoad>(executor, params, &[grid::<f32>(R60), grid::<f32>(R60)])
        }),
        agree(RetrieveWater::NAME, &blocks(), |executor, tiling| {
            let maps =
                MapSources { load: MapSource::Table, water_cm: MapSource::Constant(0.0), elevation_km };
            let params = RetrieveWaterParams { axes: [axes(), axes()], maps, by_row: true };
            let stage = Stage::new(tiling).input(&band(53, R60), R60).input(&band(54, R60), R60);
            let stage =
                stage.input(&vegetation(R20), R20).table(&cells()).table(&cells()).table(&map60(55, 0.1));
            stage.run::<RetrieveWater>(executor, params, &[grid::<f32>(R60)])
        }),
        agree(FinishWater::NAME, &blocks(), |executor, tiling| {
            let rule = Finish {
                mask: WaterMask::LandMean,
                otherwise_cm: 1.5,
                rows_cm: Vec::new(),
                radius: 2,
                fenced: true,
            };
            let found = map60(56, 1.0).mapv(|cm| if cm > 1.15 { -1.0 - cm } else { cm });
            Stage::new(tiling).input(&found, R60).run::<FinishWater>(executor, rule, &[grid::<f32>(R60)])
        }),
        agree(Surroundings::NAME, &blocks(), |executor, tiling| {
            Stage::new(tiling).input(&band(57, R60), R60).run::<Surroundings>(
                executor,
                5,
                &[grid::<u16>(R60)],
            )
        }),
        agree(ProductMap::NAME, &blocks(), |executor, tiling| {
            let params = ProductMapParams { source: MapSource::Table, resolution: R10 };
            let stage = Stage::new(tiling).input(&bytes_image(8, R20, 12), R20).table(&map60(58, 0.1));
            stage.run::<ProductMap>(executor, params, &[grid::<u16>(R10)])
        }),
    ]
}
