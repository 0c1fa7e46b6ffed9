//! Compact atmospheric tables: what the atmosphere does to the light in one band, for one geometry and one state of the air.
//!
//! A table holds the scattering of molecules and aerosol without gases (path reflectance, transmittance, spherical albedo above a
//! black surface) and the transmittance of the gases apart. [`AtmosphereTable::evaluate`] interpolates both and joins them to the
//! seven [`AtmosphericFunctions`] from which everything after it is computed. All of them are relative to the solar
//! irradiance, so that no irradiance is needed anywhere. Equations: `docs/science/atmospheric-tables.md`.

mod axes;
mod condition;
mod evaluate;
mod interpolate;
mod slice;

pub use crate::aerosol::Aerosol;
pub use axes::Axes;
pub use condition::{AtmosphericFunctions, Condition, Note, Notes};
pub use slice::{Air, TableSlice, View};

use crate::sensor::{Band, Spacecraft};
use ndarray::{Array2, Array4, Array5, Array6, ArrayBase, Data, Dimension};

/// Why a table cannot be used or evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TableError {
    /// An axis or an array that cannot belong to a table.
    #[error("{field}: expected {expected}, found {found}")]
    Invalid {
        /// The axis or array.
        field: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A condition that is not a number.
    #[error("{quantity} is {value}, not a finite number")]
    NotFinite {
        /// Name of the field of [`Condition`].
        quantity: &'static str,
        /// Its value.
        value: f64,
    },
    /// An aerosol model that the table does not hold.
    #[error("the table holds no {0} aerosol")]
    NoAerosol(Aerosol),
}

impl TableError {
    fn invalid(field: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), expected: expected.into(), found: found.into() }
    }
}

/// The arrays of one spacecraft. The band axis follows [`Band::ALL`], the others follow [`Axes`].
#[derive(Clone, Debug, PartialEq)]
pub struct BandArrays {
    /// Path reflectance without gases: band, aerosol, optical depth, pressure, sun zenith, view direction.
    pub path_reflectance: Array6<f32>,
    /// Total (direct and diffuse) downward transmittance above a black surface: band, aerosol, optical depth, pressure,
    /// sun zenith. By reciprocity also the upward one at that view zenith.
    pub transmittance: Array5<f32>,
    /// Albedo of the atmosphere seen from below: band, aerosol, optical depth, pressure.
    pub spherical_albedo: Array4<f32>,
    /// Transmittance of all gases but ozone: band, elevation, air mass, water vapour.
    pub gas_transmittance: Array4<f32>,
    /// Transmittance of ozone: band, slant path.
    pub ozone_transmittance: Array2<f32>,
    /// Optical depth of the aerosol per optical depth at 550 nm: band, aerosol.
    pub aerosol_optical_depth: Array2<f32>,
    /// Optical depth of the molecules: band, pressure.
    pub rayleigh_optical_depth: Array2<f32>,
}

/// A table for one or more spacecraft, checked when it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct AtmosphereTable {
    axes: Axes,
    instruments: Vec<(Spacecraft, BandArrays)>,
}

impl AtmosphereTable {
    /// Puts a table together.
    ///
    /// # Errors
    /// [`TableError::Invalid`] if an axis is too short or out of order, an array has another shape than its axes ask for or
    /// holds a value outside its physical range, or there is no spacecraft or one twice.
    pub fn new(axes: Axes, instruments: Vec<(Spacecraft, BandArrays)>) -> Result<Self, TableError> {
        axes.check()?;
        if instruments.is_empty() {
            return Err(TableError::invalid("arrays", "at least one spacecraft", "none"));
        }
        for (index, (craft, arrays)) in instruments.iter().enumerate() {
            if instruments.iter().take(index).any(|(earlier, _)| earlier == craft) {
                return Err(TableError::invalid(craft.short_name(), "each spacecraft once", "it twice"));
            }
            arrays.check(craft.short_name(), &axes)?;
        }
        Ok(Self { axes, instruments })
    }

    /// The axes.
    pub fn axes(&self) -> &Axes {
        &self.axes
    }

    /// The spacecraft in the table and their arrays.
    pub fn instruments(&self) -> &[(Spacecraft, BandArrays)] {
        &self.instruments
    }

    /// The spacecraft whose arrays serve for this one: itself, else S2A, else the first in the table.
    pub fn source_of(&self, spacecraft: Spacecraft) -> Spacecraft {
        self.instrument(spacecraft).0
    }

    /// The arrays that serve for this spacecraft. The list is not empty, see [`Self::new`].
    fn instrument(&self, spacecraft: Spacecraft) -> (Spacecraft, &BandArrays) {
        let find = |wanted: Spacecraft| self.instruments.iter().find(|(craft, _)| *craft == wanted);
        let (craft, arrays) =
            find(spacecraft).or_else(|| find(Spacecraft::S2A)).unwrap_or(&self.instruments[0]);
        (*craft, arrays)
    }
}

impl BandArrays {
    fn check(&self, craft: &str, axes: &Axes) -> Result<(), TableError> {
        let bands = Band::ALL.len();
        let (aerosols, aot) = (axes.aerosols.len(), axes.aot_550.len());
        let (pressure, sun) = (axes.pressure_hpa.len(), axes.sun_zenith_deg.len());
        let gas = [bands, axes.gas_elevation_km.len(), axes.air_mass.len(), axes.water_vapour_cm.len()];
        let view = axes.view_count();
        let name = |array: &str| format!("{craft}/{array}");
        check(&self.path_reflectance, name("rho"), &[bands, aerosols, aot, pressure, sun, view], 2.0)?;
        check(&self.transmittance, name("T"), &[bands, aerosols, aot, pressure, sun], 1.0)?;
        check(&self.spherical_albedo, name("S"), &[bands, aerosols, aot, pressure], 1.0)?;
        check(&self.gas_transmittance, name("TG"), &gas, 1.0)?;
        check(&self.ozone_transmittance, name("TO3"), &[bands, axes.ozone_path_cm_atm.len()], 1.0)?;
        check(&self.aerosol_optical_depth, name("tauA"), &[bands, aerosols], 10.0)?;
        check(&self.rayleigh_optical_depth, name("tauR"), &[bands, pressure], 10.0)
    }
}

/// Shape, and all values within 0..=`highest` (one rounding of f32 above is let pass).
fn check<S, D>(
    array: &ArrayBase<S, D>,
    field: String,
    shape: &[usize],
    highest: f32,
) -> Result<(), TableError>
where
    S: Data<Elem = f32>,
    D: Dimension,
{
    if array.shape() != shape {
        return Err(TableError::invalid(field, format!("shape {shape:?}"), format!("{:?}", array.shape())));
    }
    let limit = highest * (1.0 + f32::EPSILON);
    match array.iter().find(|value| !(0.0..=limit).contains(*value)) {
        Some(value) => {
            Err(TableError::invalid(field, format!("values from 0 to {highest}"), value.to_string()))
        }
        None => Ok(()),
    }
}
