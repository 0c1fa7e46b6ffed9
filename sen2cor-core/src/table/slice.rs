//! A table seen from one geometry: everything that depends on the directions of sun and sensor is done once, so that
//! many states of the air cost little each.

use super::evaluate::{limited, log_of, part, pressure_stencil};
use super::interpolate::{Stencil, view_weights};
use super::{AtmosphereTable, AtmosphericFunctions, Axes, BandArrays, Note, Notes, TableError};
use crate::aerosol::Aerosol;
use crate::sensor::{Band, Spacecraft};
use ndarray::{Array2, ArrayView2};

/// Sun zenith angle above which [`Note::SunLow`] is given, degrees.
const LOW_SUN_DEG: f64 = 75.0;

/// What is looked at, from where and with which light, through how much ozone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The spacecraft that carries the band.
    pub spacecraft: Spacecraft,
    /// The band.
    pub band: Band,
    /// Aerosol model.
    pub aerosol: Aerosol,
    /// Sun zenith angle, degrees.
    pub sun_zenith_deg: f64,
    /// View zenith angle, degrees.
    pub view_zenith_deg: f64,
    /// Sun azimuth minus view azimuth, degrees; folded to 0 (backscatter) to 180.
    pub relative_azimuth_deg: f64,
    /// Column of ozone, Dobson units.
    pub ozone_du: f64,
}

/// The state of the air above the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Air {
    /// Aerosol optical depth at 550 nm.
    pub aot_550: f64,
    /// Elevation of the ground, km.
    pub elevation_km: f64,
    /// Column of water vapour, cm.
    pub water_vapour_cm: f64,
}

/// A table for one [`View`].
pub struct TableSlice<'a> {
    axes: &'a Axes,
    /// Path reflectance over optical depth and pressure.
    path: Array2<f64>,
    /// Total transmittance down and up, over optical depth and pressure.
    down: Array2<f64>,
    up: Array2<f64>,
    albedo: ArrayView2<'a, f32>,
    aerosol_depth: f64,
    rayleigh_depth: Vec<f64>,
    /// ln of the gas transmittance over elevation and water, both ways and up.
    gas: Array2<f64>,
    gas_up: Array2<f64>,
    root_water: Vec<f64>,
    ozone: f64,
    ozone_up: f64,
    cos_sun: f64,
    cos_view: f64,
    notes: Notes,
}

impl AtmosphereTable {
    /// The table for one geometry. What lies beyond the axes is limited to their ends, with a note.
    ///
    /// # Errors
    /// [`TableError::NotFinite`] if an angle or the ozone is not finite, [`TableError::NoAerosol`] if the table lacks the
    /// aerosol model.
    pub fn slice(&self, view: &View) -> Result<TableSlice<'_>, TableError> {
        check_finite(&[
            ("sun_zenith_deg", view.sun_zenith_deg),
            ("view_zenith_deg", view.view_zenith_deg),
            ("relative_azimuth_deg", view.relative_azimuth_deg),
            ("ozone_du", view.ozone_du),
        ])?;
        let axes = self.axes();
        let aerosol = axes
            .aerosols
            .iter()
            .position(|&model| model == view.aerosol)
            .ok_or(TableError::NoAerosol(view.aerosol))?;
        let (source, arrays) = self.instrument(view.spacecraft);
        let mut notes = Notes::default();
        notes.note(Note::Borrowed, source != view.spacecraft);
        notes.note(Note::SunLow, view.sun_zenith_deg > LOW_SUN_DEG);
        Ok(TableSlice::new(axes, arrays, view, aerosol, notes))
    }
}

pub(super) fn check_finite(values: &[(&'static str, f64)]) -> Result<(), TableError> {
    match values.iter().find(|(_, value)| !value.is_finite()) {
        Some(&(quantity, value)) => Err(TableError::NotFinite { quantity, value }),
        None => Ok(()),
    }
}

impl<'a> TableSlice<'a> {
    fn new(axes: &'a Axes, arrays: &'a BandArrays, view: &View, aerosol: usize, mut notes: Notes) -> Self {
        let band = view.band.index();
        let sun_deg = limited(view.sun_zenith_deg, &axes.sun_zenith_deg, &mut notes, Note::SunZenith);
        let view_deg = limited(view.view_zenith_deg, &axes.view_zenith_deg, &mut notes, Note::ViewZenith);
        let azimuth_deg = crate::angles::relative_azimuth_deg(view.relative_azimuth_deg, 0.0);
        let (cos_sun, cos_view) = (libm::cos(sun_deg.to_radians()), libm::cos(view_deg.to_radians()));
        let sun = Stencil::lagrange(&axes.sun_zenith_deg, sun_deg, 4);
        // By reciprocity the way up is a way down at the view zenith angle.
        let sensor = Stencil::lagrange(&axes.sun_zenith_deg, view_deg, 4);
        let directions =
            view_weights(&axes.view_zenith_deg, axes.relative_azimuth_deg.len(), view_deg, azimuth_deg);
        let rho = part(part(arrays.path_reflectance.view(), band), aerosol);
        let transmittance = part(part(arrays.transmittance.view(), band), aerosol);
        let shape = (axes.aot_550.len(), axes.pressure_hpa.len());
        let path = Array2::from_shape_fn(shape, |(a, p)| {
            sun.sum(|z| {
                let row = part(part(part(rho.view(), a), p), z);
                row.iter().zip(&directions).map(|(&value, weight)| f64::from(value) * weight).sum()
            })
        });
        let through = |zenith: &Stencil| {
            Array2::from_shape_fn(shape, |(a, p)| zenith.sum(|z| f64::from(transmittance[[a, p, z]])))
        };
        let (air_mass_up, ozone_cm_atm) = (1.0 / cos_view, view.ozone_du.max(0.0) / 1000.0);
        let air_mass = 1.0 / cos_sun + air_mass_up;
        let mut ozone = |mass: f64| ozone_transmittance(axes, arrays, band, ozone_cm_atm * mass, &mut notes);
        let (ozone, ozone_up) = (ozone(air_mass), ozone(air_mass_up));
        let mut gas = |mass: f64| log_gas(axes, arrays, band, mass, &mut notes);
        let (gas, gas_up) = (gas(air_mass), gas(air_mass_up));
        Self {
            axes,
            path,
            down: through(&sun),
            up: through(&sensor),
            albedo: part(part(arrays.spherical_albedo.view(), band), aerosol),
            aerosol_depth: f64::from(arrays.aerosol_optical_depth[[band, aerosol]]),
            rayleigh_depth: arrays.rayleigh_optical_depth.row(band).iter().map(|&v| f64::from(v)).collect(),
            gas,
            gas_up,
            root_water: axes.water_vapour_cm.iter().map(|water| water.sqrt()).collect(),
            ozone,
            ozone_up,
            cos_sun,
            cos_view,
            notes,
        }
    }

    /// The atmosphere for one state of the air, and what is to be said about it and the geometry.
    ///
    /// # Errors
    /// [`TableError::NotFinite`] if the state holds a value that is not finite.
    pub fn evaluate(&self, air: &Air) -> Result<(AtmosphericFunctions, Notes), TableError> {
        check_finite(&[
            ("aot_550", air.aot_550),
            ("elevation_km", air.elevation_km),
            ("water_vapour_cm", air.water_vapour_cm),
        ])?;
        let (axes, mut notes) = (self.axes, self.notes);
        let aot_550 = limited(air.aot_550, &axes.aot_550, &mut notes, Note::Aot);
        let elevation_km = limited(air.elevation_km, &axes.elevation_km, &mut notes, Note::Elevation);
        let water_cm = limited(air.water_vapour_cm, &axes.water_vapour_cm, &mut notes, Note::WaterVapour);
        let aot = Stencil::lagrange(&axes.aot_550, aot_550, 4);
        let pressure = pressure_stencil(axes, elevation_km);
        let over = |array: &Array2<f64>| aot.sum(|a| pressure.sum(|p| array[[a, p]]));
        let without_aerosol = pressure.sum(|p| self.path[[0, p]]);
        let by_aerosol = over(&self.path) - without_aerosol;
        let depth = self.aerosol_depth * aot_550 + pressure.sum(|p| self.rayleigh_depth[p]);
        let (beam_down, beam_up) = (libm::exp(-depth / self.cos_sun), libm::exp(-depth / self.cos_view));
        let gas_elevation_km = limited(elevation_km, &axes.gas_elevation_km, &mut notes, Note::Elevation);
        let gas = GasPoint { elevation: Stencil::linear(&axes.gas_elevation_km, gas_elevation_km) };
        let through = |table, water: f64| gas.transmittance(table, &self.root_water, water);
        let (dry, half) = (through(&self.gas, 0.0), through(&self.gas, water_cm / 2.0));
        let two_ways = self.ozone * through(&self.gas, water_cm);
        let way_up = self.ozone_up * through(&self.gas_up, water_cm);
        let (down, up) = (over(&self.down), over(&self.up));
        let direct_flux = two_ways * beam_down * up;
        let (total_up, direct_up) = (way_up * up, way_up * beam_up);
        let functions = AtmosphericFunctions {
            path_reflectance: self.ozone * (without_aerosol * dry + by_aerosol * half),
            direct_flux,
            diffuse_flux: self.cos_sun * two_ways * (down - beam_down) * up,
            transmittance_direct: direct_up,
            transmittance_diffuse: total_up - direct_up,
            transmittance_sun: if total_up > 0.0 { direct_flux / total_up } else { 0.0 },
            spherical_albedo: aot.sum(|a| pressure.sum(|p| f64::from(self.albedo[[a, p]]))),
            cos_sun_zenith: self.cos_sun,
        };
        Ok((functions, notes))
    }
}

/// Where in the gas table an elevation lies.
struct GasPoint {
    elevation: Stencil,
}

impl GasPoint {
    fn transmittance(&self, log_table: &Array2<f64>, root_water: &[f64], water_cm: f64) -> f64 {
        let water = Stencil::linear(root_water, water_cm.sqrt());
        libm::exp(self.elevation.sum(|e| water.sum(|w| log_table[[e, w]])))
    }
}

/// ln of the transmittance of the gases over elevation and water vapour, for one air mass.
fn log_gas(axes: &Axes, arrays: &BandArrays, band: usize, air_mass: f64, notes: &mut Notes) -> Array2<f64> {
    let gas = part(arrays.gas_transmittance.view(), band);
    let log_air_mass: Vec<f64> = axes.air_mass.iter().map(|&mass| libm::log(mass)).collect();
    let mass = limited(libm::log(air_mass), &log_air_mass, notes, Note::AirMass);
    let mass = Stencil::linear(&log_air_mass, mass);
    let shape = (axes.gas_elevation_km.len(), axes.water_vapour_cm.len());
    Array2::from_shape_fn(shape, |(e, w)| mass.sum(|m| log_of(gas[[e, m, w]])))
}

fn ozone_transmittance(axes: &Axes, arrays: &BandArrays, band: usize, path: f64, notes: &mut Notes) -> f64 {
    let ozone = part(arrays.ozone_transmittance.view(), band);
    let path = limited(path, &axes.ozone_path_cm_atm, notes, Note::Ozone);
    Stencil::linear(&axes.ozone_path_cm_atm, path).sum(|i| f64::from(ozone[i]))
}
