//! Interpolation in a table and the joining of scattering and gases.
//!
//! Cubic (four-point Lagrange) in optical depth, pressure and sun zenith, a parabola in view zenith, a cosine series in azimuth;
//! the logarithm of the gas transmittance linear in elevation, ln(air mass) and sqrt(water vapour) (the transmittance itself would be
//! off by 8 % in B10, whose tables fall by orders of magnitude between nodes); ozone linear in the slant path. The coupling of
//! scattering and gas absorption is that of 6S (Vermote et al. 1997, doi:10.1109/36.581987): light scattered by molecules is
//! taken to pass no water vapour, light scattered by aerosol half of it.

use super::interpolate::Stencil;
use super::slice::{Air, View};
use super::{AtmosphereTable, AtmosphericFunctions, Axes, Condition, Note, Notes, TableError};
use ndarray::{ArrayView, Axis, RemoveAxis};

impl AtmosphereTable {
    /// The atmosphere for one condition, and what is to be said about it. What lies beyond the axes is limited to their ends, with
    /// a note.
    ///
    /// # Errors
    /// [`TableError::NotFinite`] if the condition holds a value that is not finite, [`TableError::NoAerosol`] if
    /// the table lacks the aerosol model.
    pub fn evaluate(&self, condition: &Condition) -> Result<(AtmosphericFunctions, Notes), TableError> {
        let view = View {
            spacecraft: condition.spacecraft,
            band: condition.band,
            aerosol: condition.aerosol,
            sun_zenith_deg: condition.sun_zenith_deg,
            view_zenith_deg: condition.view_zenith_deg,
            relative_azimuth_deg: condition.relative_azimuth_deg,
            ozone_du: condition.ozone_du,
        };
        self.slice(&view)?.evaluate(&Air {
            aot_550: condition.aot_550,
            elevation_km: condition.elevation_km,
            water_vapour_cm: condition.water_vapour_cm,
        })
    }
}

pub(super) fn limited(value: f64, nodes: &[f64], notes: &mut Notes, note: Note) -> f64 {
    let (Some(&low), Some(&high)) = (nodes.first(), nodes.last()) else { return value };
    notes.note(note, value < low || value > high);
    value.clamp(low, high)
}

/// One entry along the first axis.
pub(super) fn part<D: RemoveAxis>(array: ArrayView<f32, D>, index: usize) -> ArrayView<f32, D::Smaller> {
    array.index_axis_move(Axis(0), index)
}

/// ln(pressure) is linear in elevation between the nodes of the table; the polynomial is one in pressure.
pub(super) fn pressure_stencil(axes: &Axes, elevation_km: f64) -> Stencil {
    let at = Stencil::linear(&axes.elevation_km, elevation_km);
    let pressure = libm::exp(at.sum(|i| libm::log(axes.pressure_hpa[i])));
    let (first, last) = (axes.pressure_hpa[0], axes.pressure_hpa[axes.pressure_hpa.len() - 1]);
    Stencil::lagrange(&axes.pressure_hpa, pressure.clamp(last, first), 4)
}

/// ln of a transmittance; what has become 0 in the table counts as the smallest normal number.
pub(super) fn log_of(transmittance: f32) -> f64 {
    libm::log(f64::from(transmittance.max(f32::MIN_POSITIVE)))
}
