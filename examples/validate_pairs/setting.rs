//! The correction of a chip under one setting of what is not fitted.

use crate::Failure;
use crate::chip::{Chip, Pair};
use crate::moments::Moments;
use crate::simplex::Fit;
use crate::statistics::{Statistics, misfit};
use ndarray::Array2;
use sen2cor::core::aerosol::Aerosol;
use sen2cor::core::angles::Direction;
use sen2cor::core::cells::{
    Atmosphere, BandView, CELL_VALUES, CellAxes, CellTable, Directions, GeometryGrid, Lattice, LatticeMaps,
    LoadScale, MapView, WaterAxis, tabulate,
};
use sen2cor::core::grid::{Resolution, Window};
use sen2cor::core::reflectance::{
    BlockInput, CorrectionParameters, Model, Relief, Terrain, adjacency_radius, correct_block,
};
use sen2cor::core::season::{Season, default_column_band};
use sen2cor::core::table::AtmosphereTable;

/// Ozone, Dobson units.
const OZONE_DU: f64 = 331.0;

/// Distance of the elevations at which the table is evaluated, km.
const ELEVATION_STEP_KM: f64 = 0.25;

/// What is not fitted.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) chip: &'a Chip,
    pub(crate) table: &'a AtmosphereTable,
    pub(crate) model: Model,
    pub(crate) season: Season,
    pub(crate) aerosol: Aerosol,
    /// Whether the ground has slopes, or is flat at its mean elevation.
    pub(crate) rugged: bool,
}

impl Setting<'_> {
    /// What the search makes small.
    pub(crate) fn misfit(&self, fit: &Fit) -> Result<f64, Failure> {
        Ok(misfit(self.statistics(fit)?.iter().map(|s| s.rmse)))
    }

    /// The same for flat ground, quickly and nearly so.
    pub(crate) fn quick_misfit(&self, fit: &Fit, moments: &[Moments]) -> Result<f64, Failure> {
        let reference = self.model.reference_albedo();
        let mut errors = Vec::with_capacity(moments.len());
        for (pair, moments) in self.chip.pairs.iter().zip(moments) {
            let (axes, values) = self.tabulated(pair, fit)?;
            let table = CellTable::new(&axes, &values).ok_or("a table without nodes")?;
            let km = self.chip.elevation_km[1] as f32;
            errors.push(moments.rmse(&table.at_node(&table.place((0.0, 0.0), km), 0, 0), reference));
        }
        Ok(misfit(errors.into_iter()))
    }

    /// The means over the pixels that [`Self::quick_misfit`] needs.
    pub(crate) fn moments(&self) -> Vec<Moments> {
        let of = |pair: &Pair| Moments::new(pair, adjacency_radius(1.0, pair.resolution));
        self.chip.pairs.iter().map(of).collect()
    }

    pub(crate) fn statistics(&self, fit: &Fit) -> Result<Vec<Statistics>, Failure> {
        let of = |pair: &Pair| Ok(Statistics::of(&self.correct(pair, fit)?, &pair.archive));
        self.chip.pairs.iter().map(of).collect()
    }

    /// Surface reflectance of a band as the processor makes it.
    fn correct(&self, pair: &Pair, fit: &Fit) -> Result<Array2<u16>, Failure> {
        let [_, aot_550, water_cm, azimuth_deg] = fit.0;
        let (axes, values) = self.tabulated(pair, fit)?;
        let table = CellTable::new(&axes, &values).ok_or("a table without nodes")?;
        let (rows, cols) = pair.toa.dim();
        let window = Window { row: 0, col: 0, rows, cols };
        let constant = |value: f64| MapView::Constant(value as f32);
        let maps = LatticeMaps {
            load: constant(aot_550),
            water_cm: constant(water_cm),
            elevation_km: constant(self.chip.elevation_km[1]),
        };
        let lattice = Lattice::new(&table, &maps, pair.resolution, window, self.rugged);
        let classes = Array2::from_elem(pair.toa.dim(), 4u8);
        let terrain = Terrain {
            elevation_m: pair.elevation_m.view(),
            lit: None,
            classes: classes.view(),
            level: None,
            vegetation: None,
        };
        let input = BlockInput {
            toa: pair.toa.view(),
            scene_class: classes.view(),
            class_pixels: 1,
            lattice: &lattice,
            target: window,
            image: (rows, cols),
            terrain: self.rugged.then_some(terrain),
        };
        let mut surface = Array2::zeros(pair.toa.dim());
        correct_block(&input, &self.parameters(pair.resolution, azimuth_deg), surface.view_mut())?;
        Ok(surface)
    }

    /// The atmosphere of a band.
    fn tabulated(&self, pair: &Pair, fit: &Fit) -> Result<(CellAxes, Vec<f32>), Failure> {
        let [zenith_deg, aot_550, water_cm, azimuth_deg] = fit.0;
        let axes = self.axes(pair, Direction { zenith_deg, azimuth_deg }, aot_550, water_cm);
        let view = BandView {
            spacecraft: self.chip.spacecraft,
            band: pair.band,
            aerosol: self.aerosol,
            ozone_du: OZONE_DU,
        };
        let mut values = vec![0.0; axes.len() * CELL_VALUES];
        tabulate(self.table as &dyn Atmosphere, &view, &axes, &mut values)?;
        Ok((axes, values))
    }

    fn axes(&self, pair: &Pair, sun: Direction, aot_550: f64, water_cm: f64) -> CellAxes {
        let by_season = self.model == Model::Sen2cor && default_column_band(pair.band);
        let water = if by_season {
            WaterAxis::SeaLevel(self.season.default_water_vapour_cm(), self.model)
        } else {
            WaterAxis::AboveGround(vec![water_cm])
        };
        let [low, mean, high] = self.chip.elevation_km;
        let elevations_km = if self.rugged {
            // The slope over elevation is taken from 0.1 km below to 0.1 km above the mean.
            let (first, last) = ((low.min(mean - 0.1)).max(0.0), high.max(mean + 0.1));
            let steps = ((last - first) / ELEVATION_STEP_KM).ceil().max(1.0);
            (0..=steps as usize).map(|i| first + (last - first) * i as f64 / steps).collect()
        } else {
            vec![mean]
        };
        let view = self.chip.view[pair.band.index()];
        let geometry = GeometryGrid::constant(Directions { sun, view });
        CellAxes { geometry, scale: LoadScale::Aot550, loads: vec![aot_550], elevations_km, water }
    }

    fn parameters(&self, resolution: Resolution, sun_azimuth_deg: f64) -> CorrectionParameters {
        let smoothing_radius = match resolution {
            Resolution::R10 => 4,
            Resolution::R20 => 2,
            Resolution::R60 => 1,
        };
        let relief = Relief {
            smoothing_radius,
            neighbourhood_radius: (500 / resolution.metres() as usize).max(3),
            ..Relief::of_model(self.model, sun_azimuth_deg as f32)
        };
        CorrectionParameters {
            resolution,
            reference_albedo: self.model.reference_albedo(),
            adjacency_radius: adjacency_radius(1.0, resolution),
            extra_near_no_data: self.model == Model::Sen2cor,
            relief: self.rugged.then_some(relief),
        }
    }
}
