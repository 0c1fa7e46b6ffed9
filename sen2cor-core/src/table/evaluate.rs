//! Interpolation in a table and the joining of scattering and gases.
//!
//! Cubic (four-point Lagrange) in optical depth, pressure and sun zenith, a parabola in view zenith, a cosine series in azimuth;
//! the logarithm of the gas transmittance linear in elevation, ln(air mass) and sqrt(water vapour) (the transmittance itself would be
//! off by 8 % in B10, whose tables fall by orders of magnitude between nodes); ozone linear in the slant path. The coupling of
//! scattering and gas absorption is that of 6S (Vermote et al. 1997, doi:10.1109/36.581987): light scattered by molecules is
//! taken to pass no water vapour, light scattered by aerosol half of it.

use super::interpolate::{Stencil, view_weights};
use super::{AtmosphereTable, AtmosphericFunctions, Axes, BandArrays, Condition, Note, Notes, TableError};
use ndarray::{ArrayView, ArrayView3, ArrayView4, Axis, RemoveAxis};

/// Sun zenith angle above which [`Note::SunLow`] is given, degrees.
const LOW_SUN_DEG: f64 = 75.0;

impl AtmosphereTable {
    /// The atmosphere for one condition, and what is to be said about it. What lies beyond the axes is limited to their ends, with
    /// a note.
    ///
    /// # Errors
    /// [`TableError::NotFinite`] if the condition holds a value that is not finite, [`TableError::NoAerosol`] if
    /// the table lacks the aerosol model.
    pub fn evaluate(&self, condition: &Condition) -> Result<(AtmosphericFunctions, Notes), TableError> {
        check_finite(condition)?;
        let axes = self.axes();
        let aerosol = axes
            .aerosols
            .iter()
            .position(|&model| model == condition.aerosol)
            .ok_or(TableError::NoAerosol(condition.aerosol))?;
        let (source, arrays) = self.instrument(condition.spacecraft);
        let mut notes = Notes::default();
        notes.note(Note::Borrowed, source != condition.spacecraft);
        notes.note(Note::SunLow, condition.sun_zenith_deg > LOW_SUN_DEG);
        let point = Point::new(axes, condition, &mut notes);
        let scattering = Scattering::new(axes, arrays, condition.band.index(), aerosol, &point);
        let gases = Gases::new(axes, arrays, condition.band.index(), &point, &mut notes);
        Ok((join(&point, &scattering, &gases), notes))
    }
}

fn check_finite(c: &Condition) -> Result<(), TableError> {
    let values = [
        ("sun_zenith_deg", c.sun_zenith_deg),
        ("view_zenith_deg", c.view_zenith_deg),
        ("relative_azimuth_deg", c.relative_azimuth_deg),
        ("aot_550", c.aot_550),
        ("elevation_km", c.elevation_km),
        ("water_vapour_cm", c.water_vapour_cm),
        ("ozone_du", c.ozone_du),
    ];
    match values.into_iter().find(|(_, value)| !value.is_finite()) {
        Some((quantity, value)) => Err(TableError::NotFinite { quantity, value }),
        None => Ok(()),
    }
}

/// A condition limited to the table.
struct Point {
    sun_zenith_deg: f64,
    view_zenith_deg: f64,
    relative_azimuth_deg: f64,
    aot_550: f64,
    elevation_km: f64,
    water_vapour_cm: f64,
    ozone_cm_atm: f64,
    cos_sun: f64,
    cos_view: f64,
}

impl Point {
    fn new(axes: &Axes, c: &Condition, notes: &mut Notes) -> Self {
        let mut limit = |value, nodes: &[f64], note| limited(value, nodes, notes, note);
        let sun_zenith_deg = limit(c.sun_zenith_deg, &axes.sun_zenith_deg, Note::SunZenith);
        let view_zenith_deg = limit(c.view_zenith_deg, &axes.view_zenith_deg, Note::ViewZenith);
        Self {
            sun_zenith_deg,
            view_zenith_deg,
            relative_azimuth_deg: crate::angles::relative_azimuth_deg(c.relative_azimuth_deg, 0.0),
            aot_550: limit(c.aot_550, &axes.aot_550, Note::Aot),
            elevation_km: limit(c.elevation_km, &axes.elevation_km, Note::Elevation),
            water_vapour_cm: limit(c.water_vapour_cm, &axes.water_vapour_cm, Note::WaterVapour),
            ozone_cm_atm: c.ozone_du.max(0.0) / 1000.0,
            cos_sun: libm::cos(sun_zenith_deg.to_radians()),
            cos_view: libm::cos(view_zenith_deg.to_radians()),
        }
    }
}

fn limited(value: f64, nodes: &[f64], notes: &mut Notes, note: Note) -> f64 {
    let (Some(&low), Some(&high)) = (nodes.first(), nodes.last()) else { return value };
    notes.note(note, value < low || value > high);
    value.clamp(low, high)
}

/// The scattering atmosphere without gases.
struct Scattering {
    path: f64,
    path_without_aerosol: f64,
    down: f64,
    up: f64,
    optical_depth: f64,
    spherical_albedo: f64,
}

impl Scattering {
    fn new(axes: &Axes, arrays: &BandArrays, band: usize, aerosol: usize, point: &Point) -> Self {
        let aot = Stencil::lagrange(&axes.aot_550, point.aot_550, 4);
        let pressure = pressure_stencil(axes, point.elevation_km);
        let sun = Stencil::lagrange(&axes.sun_zenith_deg, point.sun_zenith_deg, 4);
        // By reciprocity the way up is a way down at the view zenith angle.
        let view = Stencil::lagrange(&axes.sun_zenith_deg, point.view_zenith_deg, 4);
        let directions = view_weights(
            &axes.view_zenith_deg,
            axes.relative_azimuth_deg.len(),
            point.view_zenith_deg,
            point.relative_azimuth_deg,
        );
        let rho = part(part(arrays.path_reflectance.view(), band), aerosol);
        let transmittance = part(part(arrays.transmittance.view(), band), aerosol);
        let albedo = part(part(arrays.spherical_albedo.view(), band), aerosol);
        let path_at = |a| path_at_aot(&rho, a, &pressure, &sun, &directions);
        let aerosol_depth = f64::from(arrays.aerosol_optical_depth[[band, aerosol]]) * point.aot_550;
        let rayleigh_depth = pressure.sum(|p| f64::from(arrays.rayleigh_optical_depth[[band, p]]));
        Self {
            path: aot.sum(path_at),
            path_without_aerosol: path_at(0),
            down: transmittance_at(&transmittance, &aot, &pressure, &sun),
            up: transmittance_at(&transmittance, &aot, &pressure, &view),
            optical_depth: aerosol_depth + rayleigh_depth,
            spherical_albedo: aot.sum(|a| pressure.sum(|p| f64::from(albedo[[a, p]]))),
        }
    }
}

/// One entry along the first axis.
fn part<D: RemoveAxis>(array: ArrayView<f32, D>, index: usize) -> ArrayView<f32, D::Smaller> {
    array.index_axis_move(Axis(0), index)
}

/// ln(pressure) is linear in elevation between the nodes of the table; the polynomial is one in pressure.
fn pressure_stencil(axes: &Axes, elevation_km: f64) -> Stencil {
    let at = Stencil::linear(&axes.elevation_km, elevation_km);
    let pressure = libm::exp(at.sum(|i| libm::log(axes.pressure_hpa[i])));
    let (first, last) = (axes.pressure_hpa[0], axes.pressure_hpa[axes.pressure_hpa.len() - 1]);
    Stencil::lagrange(&axes.pressure_hpa, pressure.clamp(last, first), 4)
}

/// Path reflectance at a node of optical depth; `rho` over optical depth, pressure, sun zenith, view direction.
fn path_at_aot(
    rho: &ArrayView4<f32>,
    aot: usize,
    pressure: &Stencil,
    sun: &Stencil,
    directions: &[f64],
) -> f64 {
    pressure.sum(|p| {
        sun.sum(|z| {
            let row = part(part(part(rho.view(), aot), p), z);
            row.iter().zip(directions).map(|(&value, weight)| f64::from(value) * weight).sum()
        })
    })
}

/// `transmittance` over optical depth, pressure, zenith angle.
fn transmittance_at(
    transmittance: &ArrayView3<f32>,
    aot: &Stencil,
    pressure: &Stencil,
    zenith: &Stencil,
) -> f64 {
    aot.sum(|a| pressure.sum(|p| zenith.sum(|z| f64::from(transmittance[[a, p, z]]))))
}

/// Transmittance of the gases; "two ways" is down and up together.
struct Gases {
    /// Ozone, two ways.
    ozone: f64,
    /// Ozone, way up.
    ozone_up: f64,
    /// Other gases, two ways, no water vapour.
    dry: f64,
    /// Other gases, two ways, half the water vapour.
    half: f64,
    /// Other gases, two ways.
    all: f64,
    /// Other gases, way up.
    all_up: f64,
}

impl Gases {
    fn new(axes: &Axes, arrays: &BandArrays, band: usize, point: &Point, notes: &mut Notes) -> Self {
        let up = 1.0 / point.cos_view;
        let both = 1.0 / point.cos_sun + up;
        let gas = part(arrays.gas_transmittance.view(), band);
        let ozone = part(arrays.ozone_transmittance.view(), band);
        let elevation_km = limited(point.elevation_km, &axes.gas_elevation_km, notes, Note::Elevation);
        let elevation = Stencil::linear(&axes.gas_elevation_km, elevation_km);
        let log_air_mass: Vec<f64> = axes.air_mass.iter().map(|&mass| libm::log(mass)).collect();
        let root_water: Vec<f64> = axes.water_vapour_cm.iter().map(|water| water.sqrt()).collect();
        let mut other = |air_mass: f64, water_cm: f64| {
            let mass = limited(libm::log(air_mass), &log_air_mass, notes, Note::AirMass);
            let mass = Stencil::linear(&log_air_mass, mass);
            let water = Stencil::linear(&root_water, water_cm.sqrt());
            libm::exp(elevation.sum(|e| mass.sum(|m| water.sum(|w| log_of(gas[[e, m, w]])))))
        };
        let water_cm = point.water_vapour_cm;
        let (dry, half, all) = (other(both, 0.0), other(both, water_cm / 2.0), other(both, water_cm));
        let all_up = other(up, water_cm);
        let mut through_ozone = |air_mass: f64| {
            let path = limited(point.ozone_cm_atm * air_mass, &axes.ozone_path_cm_atm, notes, Note::Ozone);
            Stencil::linear(&axes.ozone_path_cm_atm, path).sum(|i| f64::from(ozone[i]))
        };
        Self { ozone: through_ozone(both), ozone_up: through_ozone(up), dry, half, all, all_up }
    }
}

/// ln of a transmittance; what has become 0 in the table counts as the smallest normal number.
fn log_of(transmittance: f32) -> f64 {
    libm::log(f64::from(transmittance.max(f32::MIN_POSITIVE)))
}

fn join(point: &Point, air: &Scattering, gases: &Gases) -> AtmosphericFunctions {
    let by_aerosol = air.path - air.path_without_aerosol;
    let beam_down = libm::exp(-air.optical_depth / point.cos_sun);
    let beam_up = libm::exp(-air.optical_depth / point.cos_view);
    let two_ways = gases.ozone * gases.all;
    let way_up = gases.ozone_up * gases.all_up;
    let direct_flux = two_ways * beam_down * air.up;
    let total_up = way_up * air.up;
    let direct_up = way_up * beam_up;
    AtmosphericFunctions {
        path_reflectance: gases.ozone * (air.path_without_aerosol * gases.dry + by_aerosol * gases.half),
        direct_flux,
        diffuse_flux: point.cos_sun * two_ways * (air.down - beam_down) * air.up,
        transmittance_direct: direct_up,
        transmittance_diffuse: total_up - direct_up,
        transmittance_sun: if total_up > 0.0 { direct_flux / total_up } else { 0.0 },
        spherical_albedo: air.spherical_albedo,
        cos_sun_zenith: point.cos_sun,
    }
}
