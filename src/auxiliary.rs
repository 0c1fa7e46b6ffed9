//! Elevation and maps from outside: which files a run needs, and the stages that bring them to the grids of the tile.
//!
//! Each of them is optional and independent of the others (decision 5 in `COMPARE.md`). Files are only read; nothing is
//! downloaded. What was used, and what does not cover the tile, stands in the product.

use crate::decode::one_unit;
use crate::error::{Error, Result};
use crate::options::{AuxiliaryOptions, OutputResolution};
use crate::quality::QualityNote;
use crate::stages::terrain::{
    CodesParams, ElevationStatistics, ReadCodes, ReadElevation, ShadeParams, ShadeTerrain, WarpCodes,
    WarpCodesParams, WarpElevation, WarpParams,
};
use sen2cor_core::angles::{AngleGrid, Direction};
use sen2cor_core::grid::{Extent, Resolution, Tiling};
use sen2cor_exec::{Flow, PlaneHandle, PlaneSpec, Value};
use sen2cor_io::auxiliary::{snow_condition_file, snow_is_possible};
use sen2cor_io::raster::{Mosaic, mosaics};
use sen2cor_io::safe::{AuxiliaryNames, L1cTile};
use std::collections::BTreeMap;
use std::path::Path;

/// Water bodies and land cover say 0 where they say nothing, the snow condition 255.
const UNKNOWN: u8 = 0;
const UNKNOWN_SNOW: u8 = 255;

/// What a run reads from outside the product.
#[derive(Clone, Debug, Default)]
pub(crate) struct Auxiliary {
    elevation: BTreeMap<Resolution, Vec<Mosaic>>,
    water_bodies: Option<Mosaic>,
    land_cover: Option<Mosaic>,
    snow_condition: Option<Mosaic>,
    /// Whether there may be snow at this place.
    pub(crate) snow_possible: bool,
    /// For the hillshade: the means of the sun grid.
    pub(crate) sun: Option<Direction>,
    /// For the product.
    pub(crate) names: AuxiliaryNames,
    pub(crate) notes: Vec<QualityNote>,
}

/// The maps of a grid as planes; each may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GroundPlanes {
    pub(crate) elevation: Option<Elevation>,
    /// Slope, degrees, f32.
    pub(crate) slope_deg: Option<PlaneHandle>,
    /// Hillshade, u8.
    pub(crate) hillshade: Option<PlaneHandle>,
    /// Water body codes, u8.
    pub(crate) water_bodies: Option<PlaneHandle>,
    /// Land cover codes, u8.
    pub(crate) land_cover: Option<PlaneHandle>,
    /// Snow condition, u8.
    pub(crate) snow_condition: Option<PlaneHandle>,
}

/// Elevation on a grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elevation {
    /// Metres, f32.
    pub(crate) plane: PlaneHandle,
    /// By block.
    pub(crate) statistics: Value<Vec<ElevationStatistics>>,
}

impl Auxiliary {
    /// Looks at the files; their samples are read by the flow.
    ///
    /// # Errors
    /// [`Error::Auxiliary`] if a file is missing or cannot be read.
    pub(crate) fn of(
        options: &AuxiliaryOptions,
        tile: &L1cTile,
        resolution: OutputResolution,
    ) -> Result<Self> {
        let class_grid = if resolution == OutputResolution::R60 { Resolution::R60 } else { Resolution::R20 };
        let grids: &[Resolution] = match resolution {
            OutputResolution::R60 => &[Resolution::R60],
            OutputResolution::R20 => &[Resolution::R20],
            OutputResolution::R10 | OutputResolution::All => &[Resolution::R20, Resolution::R10],
        };
        let place = Place { tile, extent: tile.metadata.extent() };
        let mut found = Self { snow_possible: true, sun: mean_sun(tile), ..Self::default() };
        if let Some(path) = &options.dem {
            for &grid in grids {
                found.elevation.insert(grid, place.mosaics("elevation", path, grid)?);
            }
            if found.elevation.values().all(Vec::is_empty) {
                found.elevation.clear();
                found.uncovered("elevation model", path);
            } else {
                found.names.elevation = Some(elevation_name(path, found.elevation.values().flatten()));
            }
        }
        let mut map = |what: &'static str, path: Option<&Path>| -> Result<Option<Mosaic>> {
            let Some(path) = path else { return Ok(None) };
            let mosaic = place.mosaics(what, path, class_grid)?.into_iter().next();
            if mosaic.is_none() {
                found.uncovered(what, path);
            }
            Ok(mosaic)
        };
        let water_bodies = map("water body map", options.water_bodies.as_deref())?;
        let land_cover = map("land cover map", options.land_cover.as_deref())?;
        let week = match &options.snow_condition {
            Some(path) => Some(snow_condition_file(path, day_of_year(tile)).map_err(bad("snow condition"))?),
            None => None,
        };
        let snow_condition = map("snow condition map", week.as_deref())?;
        found.names.water_bodies = named(water_bodies.as_ref());
        found.names.land_cover = named(land_cover.as_ref());
        found.names.snow_condition = named(snow_condition.as_ref());
        let found = Self { water_bodies, land_cover, snow_condition, ..found };
        found.with_climatology(options, &place)
    }

    fn with_climatology(mut self, options: &AuxiliaryOptions, place: &Place<'_>) -> Result<Self> {
        match &options.snow_climatology {
            None => self.notes.push(QualityNote::NoSnowClimatology),
            Some(path) => {
                let (south_west, north_east) = place.corners();
                self.snow_possible =
                    snow_is_possible(path, south_west, north_east).map_err(bad("snow climatology"))?;
                self.names.snow_climatology = Some(file_name(path));
                if !self.snow_possible {
                    self.notes.push(QualityNote::SnowImpossible);
                }
            }
        }
        Ok(self)
    }

    fn uncovered(&mut self, map: &'static str, path: &Path) {
        self.notes.push(QualityNote::MapElsewhere { map, path: path.to_owned() });
    }

    /// Whether there is elevation.
    pub(crate) fn has_elevation(&self) -> bool {
        !self.elevation.is_empty()
    }

    /// Distance of the samples of the finest elevation model, metres.
    pub(crate) fn elevation_sample_m(&self) -> Option<f64> {
        let (grid, mosaics) = self.elevation.iter().next()?;
        let (wide, high) = mosaics.first()?.positions.scale();
        // Samples that a pixel covers, by area: degrees of longitude are shorter than those of latitude.
        Some(f64::from(grid.metres()) / (wide * high).sqrt())
    }

    /// Declares the stages that make elevation on a grid.
    pub(crate) fn elevation(
        &self,
        flow: &mut Flow<'_, Error>,
        tiling: Tiling,
        grid: Resolution,
    ) -> Option<Elevation> {
        let mosaics = self.elevation.get(&grid).filter(|mosaics| !mosaics.is_empty())?;
        let samples: Vec<PlaneHandle> = mosaics
            .iter()
            .map(|mosaic| {
                let mut stage = flow.stage::<ReadElevation>("terrain: read elevation", one_unit());
                let plane = stage.output(PlaneSpec::slots::<f32>(1, mosaic.rows * mosaic.cols));
                stage.run(mosaic.clone());
                plane
            })
            .collect();
        let mut stage = flow.stage::<WarpElevation>(format!("terrain: elevation at {grid}"), tiling);
        for plane in samples {
            stage = stage.table(plane);
        }
        let plane = stage.output(PlaneSpec::grid::<f32>(tiling.extent(), grid));
        let places = mosaics.iter().map(|m| ((m.rows, m.cols), m.positions.clone())).collect();
        let statistics = stage.run(WarpParams { resolution: grid, mosaics: places });
        Some(Elevation { plane, statistics })
    }

    /// Declares the stages that make what the classification uses, on its grid.
    pub(crate) fn ground(
        &self,
        flow: &mut Flow<'_, Error>,
        tiling: Tiling,
        grid: Resolution,
    ) -> GroundPlanes {
        let elevation = self.elevation(flow, tiling, grid);
        let mut ground = GroundPlanes { elevation, ..GroundPlanes::default() };
        if let (Some(elevation), Some(sun)) = (elevation, self.sun) {
            let mut stage = flow
                .stage::<ShadeTerrain>(format!("terrain: slope and shade at {grid}"), tiling)
                .input(elevation.plane);
            ground.slope_deg = Some(stage.output(PlaneSpec::grid::<f32>(tiling.extent(), grid)));
            ground.hillshade = Some(stage.output(PlaneSpec::grid::<u8>(tiling.extent(), grid)));
            stage.run(ShadeParams { resolution: grid, sun });
        }
        let mut map = |what: &str, mosaic: &Option<Mosaic>, unknown| {
            mosaic.as_ref().map(|mosaic| codes(flow, what, mosaic, (tiling, grid), unknown))
        };
        ground.water_bodies = map("water bodies", &self.water_bodies, UNKNOWN);
        ground.land_cover = map("land cover", &self.land_cover, UNKNOWN);
        ground.snow_condition = map("snow condition", &self.snow_condition, UNKNOWN_SNOW);
        ground
    }
}

/// Declares the stages that bring the codes of a map to a grid.
fn codes(
    flow: &mut Flow<'_, Error>,
    what: &str,
    mosaic: &Mosaic,
    (tiling, grid): (Tiling, Resolution),
    unknown: u8,
) -> PlaneHandle {
    let shape = (mosaic.rows, mosaic.cols);
    let mut stage = flow.stage::<ReadCodes>(format!("terrain: read {what}"), one_unit());
    let samples = stage.output(PlaneSpec::slots::<u8>(1, shape.0 * shape.1));
    stage.run(CodesParams { mosaic: mosaic.clone(), unknown });
    let mut stage = flow.stage::<WarpCodes>(format!("terrain: {what} at {grid}"), tiling).table(samples);
    let plane = stage.output(PlaneSpec::grid::<u8>(tiling.extent(), grid));
    stage.run(WarpCodesParams { resolution: grid, shape, positions: mosaic.positions.clone(), unknown });
    plane
}

fn bad(what: &'static str) -> impl Fn(sen2cor_io::Error) -> Error {
    move |source| Error::Auxiliary { what, source }
}

/// Where the tile is.
struct Place<'a> {
    tile: &'a L1cTile,
    extent: Extent,
}

impl Place<'_> {
    fn mosaics(&self, what: &'static str, path: &Path, grid: Resolution) -> Result<Vec<Mosaic>> {
        mosaics(path, &self.tile.metadata.ground, self.extent, grid).map_err(bad(what))
    }

    /// Lower left and upper right corner.
    fn corners(&self) -> (sen2cor_core::grid::Geographic, sen2cor_core::grid::Geographic) {
        let ground = &self.tile.metadata.ground;
        let (left, upper) = (ground.ulx_m, ground.uly_m);
        let (right, lower) =
            (left + f64::from(self.extent.cols) * 10.0, upper - f64::from(self.extent.rows) * 10.0);
        (ground.geographic(left, lower), ground.geographic(right, upper))
    }
}

/// The means of the sun grid, else the mean direction.
fn mean_sun(tile: &L1cTile) -> Option<Direction> {
    let metadata = &tile.metadata;
    let mean = |grid: &AngleGrid| {
        let of = |angles: &ndarray::Array2<f64>| {
            let (sum, count) = angles
                .iter()
                .filter(|a| a.is_finite())
                .fold((0.0, 0u32), |(sum, count), a| (sum + a, count + 1));
            (count > 0).then(|| sum / f64::from(count))
        };
        Some(Direction { zenith_deg: of(&grid.zenith_deg)?, azimuth_deg: of(&grid.azimuth_deg)? })
    };
    metadata.sun_grid.as_ref().and_then(mean).or(Some(metadata.mean_sun))
}

/// Day of the year of the sensing time.
fn day_of_year(tile: &L1cTile) -> u16 {
    let time = tile.metadata.sensing_time.parse::<jiff::Timestamp>().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::UTC.to_datetime(time).date().day_of_year().unsigned_abs()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn named(mosaic: Option<&Mosaic>) -> Option<String> {
    mosaic.map(|mosaic| file_name(mosaic.first_file()))
}

/// What the product calls an elevation model.
fn elevation_name<'a>(path: &Path, mosaics: impl Iterator<Item = &'a Mosaic>) -> String {
    let first = mosaics.flat_map(Mosaic::files).next().map(file_name).unwrap_or_default();
    if first.starts_with("Copernicus_DSM_COG_10") || first.starts_with("Copernicus_DSM_10") {
        "CopernicusDEM30".to_owned()
    } else if first.starts_with("Copernicus_DSM_COG_30") || first.starts_with("Copernicus_DSM_30") {
        "CopernicusDEM90".to_owned()
    } else if first.to_lowercase().contains(".hgt") {
        "SRTM".to_owned()
    } else {
        file_name(path)
    }
}
