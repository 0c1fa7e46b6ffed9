//! Thin cirrus in a run: whether it is corrected for, and the stages that do it.
//!
//! It comes off the bands after the classification, which wants to see it, and before everything else.

use crate::error::{Error, Result};
use crate::options::CirrusOptions;
use crate::quality::QualityNote;
use crate::recipe::{Bands, Job};
use crate::stages::cirrus::{CountCirrus, RemoveCirrus, RemoveParams, SeeCirrus};
use crate::state::Atmosphere;
use sen2cor_core::cirrus::{CIRRUS_BANDS, CirrusRemoval, CirrusStatistics};
use sen2cor_core::grid::{Resolution, Tiling};
use sen2cor_core::season::Season;
use sen2cor_core::sensor::Band;
use sen2cor_exec::{Flow, PlaneHandle, PlaneSpec, Value};

/// What a run knows of cirrus before it begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CirrusPlan {
    /// It was not asked for.
    Off,
    /// The air is so dry that B10 sees the ground.
    TooDry {
        /// Column of water vapour, cm.
        water_vapour_cm: f64,
    },
    /// It is corrected for.
    On {
        /// Transmittance of the water vapour in B09.
        transmittance_b09: f64,
    },
}

impl CirrusPlan {
    /// For a tile.
    ///
    /// # Errors
    /// If the atmospheric table cannot be read.
    pub(crate) fn new(options: &CirrusOptions, atmosphere: &Atmosphere) -> Result<Self> {
        if !options.cirrus_correction {
            return Ok(Self::Off);
        }
        let start = match atmosphere.season() {
            Season::Summer => options.water_vapour_start_summer_cm,
            Season::Winter => options.water_vapour_start_winter_cm,
        };
        let water_vapour_cm = atmosphere.expected_water_cm().unwrap_or(start);
        if water_vapour_cm < options.cirrus_water_vapour_min_cm {
            return Ok(Self::TooDry { water_vapour_cm });
        }
        let transmittance_b09 = atmosphere.water_transmittance(Band::B09, water_vapour_cm)?;
        Ok(Self::On { transmittance_b09 })
    }

    /// What is to be said of it before the run.
    pub(crate) fn note(&self) -> Option<QualityNote> {
        let Self::TooDry { water_vapour_cm } = self else { return None };
        let reason =
            format!("{water_vapour_cm:.3} cm of water vapour are so little that B10 sees the ground");
        Some(QualityNote::CirrusNotCorrected { reason })
    }
}

/// The correction of cirrus in the making.
#[derive(Clone, Copy)]
pub(crate) struct Cirrus<'a> {
    job: &'a Job<'a>,
    tiling: Tiling,
    class: PlaneHandle,
    seen: PlaneHandle,
    transmittance_b09: f64,
    /// The factor of the scene; `None` if there is too little cirrus or too little land without.
    pub(crate) factor: Value<Option<f64>>,
}

impl<'a> Cirrus<'a> {
    /// Declares what looks for cirrus; `None` if it is not corrected for. `toa` are the bands on the grid of the class map.
    pub(crate) fn declare(
        flow: &mut Flow<'_, Error>,
        (job, tiling): (&'a Job<'a>, Tiling),
        (native, toa): (&Bands, &Bands),
        (class, grid): (PlaneHandle, Resolution),
    ) -> Option<Self> {
        let CirrusPlan::On { transmittance_b09 } = job.cirrus else { return None };
        let b10 = *native.get(&Band::B10)?;
        let mut bands = Vec::new();
        for band in CIRRUS_BANDS {
            bands.push(*toa.get(&band)?);
        }
        let mut stage = flow.stage::<SeeCirrus>("cirrus: B10", tiling).input(b10);
        let seen = stage.output(PlaneSpec::grid::<f32>(job.extent, Resolution::R60));
        stage.run(());
        let parts = flow
            .stage::<CountCirrus>("cirrus: statistics", tiling)
            .inputs(bands)
            .input(class)
            .table(seen)
            .run(grid);
        let factor = flow.step("cirrus: factor", &[parts.into()], move |ready| {
            let parts = ready.get(parts)?.iter().copied();
            Ok(parts.fold(CirrusStatistics::default(), CirrusStatistics::join).factor())
        });
        Some(Self { job, tiling, class, seen, transmittance_b09, factor })
    }

    /// Bands of a grid without cirrus; B10 stays as it is.
    pub(crate) fn remove(&self, flow: &mut Flow<'_, Error>, bands: &Bands, grid: Resolution) -> Bands {
        let mut without = Bands::new();
        for (&band, &plane) in bands {
            if band == Band::B10 {
                without.insert(band, plane);
                continue;
            }
            let mut stage = flow
                .stage::<RemoveCirrus>(format!("cirrus: {band} at {grid}"), self.tiling)
                .input(plane)
                .input(self.class)
                .table(self.seen);
            without.insert(band, stage.output(PlaneSpec::grid::<u16>(self.job.extent, grid)));
            let transmittance = if band == Band::B09 { self.transmittance_b09 } else { 1.0 };
            let factor = self.factor;
            stage.reach_m(0).run_with(&[factor.into()], move |ready| {
                let factor = *ready.get(factor)?;
                let removal = factor.map(|factor| CirrusRemoval::new(factor, band, transmittance));
                Ok(Some(RemoveParams { resolution: grid, removal }))
            });
        }
        without
    }
}
