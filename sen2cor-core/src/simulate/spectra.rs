//! Reflectance of the materials, clouds and cirrus of the scene in the thirteen bands.
//!
//! Values of the project, chosen after the usual shapes of such spectra (chlorophyll and water absorption, the red
//! edge, the fall of snow beyond 1.4 micrometres); they stand for no measured place. Two rules hold on purpose, so that what a
//! retrieval assumes is true of the scene: over forest and meadow B04 is half of B12, and B02 half of B04 and 0.005; over land B09 is
//! as bright as B8A.

use crate::sensor::Band;

/// Surface reflectance of the materials in one band.
#[derive(Clone, Copy, Debug)]
pub(super) struct Materials {
    pub(super) deep_water: f32,
    pub(super) turbid_water: f32,
    pub(super) forest: f32,
    pub(super) meadow: f32,
    pub(super) soil: f32,
    pub(super) sand: f32,
    pub(super) rock: f32,
    pub(super) town: f32,
    pub(super) snow: f32,
}

/// What clouds do to the signal of one band.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sky {
    /// Reflectance of an opaque cloud at the top of the atmosphere.
    pub(super) cloud: f32,
    /// Reflectance that the thickest cirrus adds.
    pub(super) cirrus: f32,
    /// Share of the ground's signal that remains in full shadow, where only the sky lights the ground.
    pub(super) shade: f32,
}

type Row = [f32; 13];

#[rustfmt::skip]
mod values {
    use super::Row;
    //                               B01    B02    B03    B04    B05    B06    B07    B08    B8A    B09    B10    B11    B12
    pub(super) const DEEP:   Row = [0.022, 0.022, 0.016, 0.008, 0.006, 0.005, 0.004, 0.004, 0.004, 0.003, 0.003, 0.002, 0.001];
    pub(super) const TURBID: Row = [0.050, 0.062, 0.080, 0.055, 0.042, 0.022, 0.020, 0.016, 0.012, 0.010, 0.005, 0.004, 0.003];
    pub(super) const FOREST: Row = [0.012, 0.016, 0.040, 0.022, 0.060, 0.210, 0.290, 0.310, 0.330, 0.330, 0.030, 0.150, 0.044];
    pub(super) const MEADOW: Row = [0.025, 0.035, 0.080, 0.060, 0.110, 0.240, 0.310, 0.330, 0.350, 0.350, 0.050, 0.230, 0.120];
    pub(super) const SOIL:   Row = [0.070, 0.085, 0.125, 0.175, 0.205, 0.225, 0.245, 0.260, 0.280, 0.280, 0.100, 0.360, 0.310];
    pub(super) const SAND:   Row = [0.130, 0.160, 0.240, 0.310, 0.340, 0.360, 0.380, 0.400, 0.410, 0.410, 0.200, 0.500, 0.450];
    pub(super) const ROCK:   Row = [0.080, 0.095, 0.125, 0.155, 0.170, 0.180, 0.190, 0.200, 0.205, 0.205, 0.100, 0.300, 0.270];
    pub(super) const TOWN:   Row = [0.070, 0.080, 0.110, 0.135, 0.150, 0.180, 0.195, 0.205, 0.215, 0.215, 0.100, 0.270, 0.230];
    pub(super) const SNOW:   Row = [0.880, 0.900, 0.890, 0.870, 0.850, 0.840, 0.820, 0.800, 0.780, 0.780, 0.200, 0.090, 0.060];
    pub(super) const CLOUD:  Row = [0.620, 0.600, 0.580, 0.580, 0.590, 0.600, 0.610, 0.620, 0.620, 0.400, 0.004, 0.420, 0.330];
    pub(super) const CIRRUS: Row = [0.050, 0.048, 0.046, 0.045, 0.045, 0.044, 0.044, 0.043, 0.043, 0.040, 0.033, 0.025, 0.020];
    pub(super) const SHADE:  Row = [0.400, 0.320, 0.220, 0.140, 0.140, 0.170, 0.160, 0.150, 0.150, 0.150, 0.100, 0.100, 0.100];
}

impl Materials {
    pub(super) const fn of(band: Band) -> Self {
        let b = band.index();
        Self {
            deep_water: values::DEEP[b],
            turbid_water: values::TURBID[b],
            forest: values::FOREST[b],
            meadow: values::MEADOW[b],
            soil: values::SOIL[b],
            sand: values::SAND[b],
            rock: values::ROCK[b],
            town: values::TOWN[b],
            snow: values::SNOW[b],
        }
    }
}

impl Sky {
    pub(super) const fn of(band: Band) -> Self {
        let b = band.index();
        Self { cloud: values::CLOUD[b], cirrus: values::CIRRUS[b], shade: values::SHADE[b] }
    }
}
