//! The axes of a compact table and what they must fulfil.

use super::TableError;
use crate::aerosol::Aerosol;

/// Nodes of a compact table. All columns and optical depths are those above the ground.
#[derive(Clone, Debug, PartialEq)]
pub struct Axes {
    /// Aerosol models in the order of the arrays.
    pub aerosols: Vec<Aerosol>,
    /// Aerosol optical depth at 550 nm; the first node is 0.
    pub aot_550: Vec<f64>,
    /// Pressure at the ground, hPa, falling.
    pub pressure_hpa: Vec<f64>,
    /// Elevation of the ground that belongs to each pressure, km.
    pub elevation_km: Vec<f64>,
    /// Sun zenith angle, degrees.
    pub sun_zenith_deg: Vec<f64>,
    /// View zenith angle, degrees; the first node is 0. View direction 0 of the arrays is the vertical; those of the other zenith
    /// angles follow, each with all relative azimuths.
    pub view_zenith_deg: Vec<f64>,
    /// Angle between the azimuths of sun and sensor, degrees, in equal steps from 0 (backscatter) to 180.
    pub relative_azimuth_deg: Vec<f64>,
    /// Elevation in the gas transmittance, km.
    pub gas_elevation_km: Vec<f64>,
    /// Air mass of a path or of the way down and up together.
    pub air_mass: Vec<f64>,
    /// Column of water vapour, cm (= g/cm2).
    pub water_vapour_cm: Vec<f64>,
    /// Slant path through ozone, cm-atm (1000 Dobson units).
    pub ozone_path_cm_atm: Vec<f64>,
}

impl Axes {
    /// Number of view directions in the arrays.
    pub fn view_count(&self) -> usize {
        1 + self.view_zenith_deg.len().saturating_sub(1) * self.relative_azimuth_deg.len()
    }

    /// Checks lengths, order and the few values that the evaluation relies on.
    pub(super) fn check(&self) -> Result<(), TableError> {
        if self.aerosols.is_empty() {
            return Err(TableError::invalid("aerosol", "at least one model", "none"));
        }
        growing("aot550", &self.aot_550, 4)?;
        growing("sza_deg", &self.sun_zenith_deg, 4)?;
        growing("elevation_km", &self.elevation_km, 4)?;
        growing("view zenith", &self.view_zenith_deg, 3)?;
        growing("view azimuth", &self.relative_azimuth_deg, 2)?;
        growing("gas_elevation_km", &self.gas_elevation_km, 2)?;
        growing("gas_airmass", &self.air_mass, 2)?;
        growing("gas_wv_gcm2", &self.water_vapour_cm, 2)?;
        growing("o3_path_cmatm", &self.ozone_path_cm_atm, 2)?;
        let falling: Vec<f64> = self.pressure_hpa.iter().map(|p| -p).collect();
        growing("pressure_hpa (negated)", &falling, 4)?;
        if self.pressure_hpa.len() != self.elevation_km.len() {
            let expected = format!("{} nodes as in elevation_km", self.elevation_km.len());
            return Err(TableError::invalid("pressure_hpa", expected, self.pressure_hpa.len().to_string()));
        }
        starts_at("aot550", &self.aot_550, 0.0)?;
        starts_at("view zenith", &self.view_zenith_deg, 0.0)?;
        starts_at("view azimuth", &self.relative_azimuth_deg, 0.0)?;
        starts_at("gas_wv_gcm2", &self.water_vapour_cm, 0.0)?;
        starts_at("gas_airmass", &self.air_mass, 1.0)?;
        starts_at("o3_path_cmatm", &self.ozone_path_cm_atm, 0.0)?;
        within("pressure_hpa", &self.pressure_hpa, 1.0, 2000.0)?;
        within("sza_deg", &self.sun_zenith_deg, 0.0, 89.0)?;
        within("view zenith", &self.view_zenith_deg, 0.0, 60.0)?;
        self.check_azimuths()
    }

    /// The cosine series needs equal steps from 0 to 180 degrees.
    fn check_azimuths(&self) -> Result<(), TableError> {
        let step = 180.0 / (self.relative_azimuth_deg.len() - 1) as f64;
        for (index, &azimuth) in self.relative_azimuth_deg.iter().enumerate() {
            if (azimuth - index as f64 * step).abs() > 1e-6 {
                let expected = format!("equal steps of {step} degrees up to 180");
                return Err(TableError::invalid("view azimuth", expected, azimuth.to_string()));
            }
        }
        Ok(())
    }
}

fn growing(field: &str, nodes: &[f64], least: usize) -> Result<(), TableError> {
    if nodes.len() < least {
        return Err(TableError::invalid(field, format!("at least {least} nodes"), nodes.len().to_string()));
    }
    if let Some(node) = nodes.iter().find(|node| !node.is_finite()) {
        return Err(TableError::invalid(field, "finite numbers", node.to_string()));
    }
    match nodes.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => {
            Err(TableError::invalid(field, "growing nodes", format!("{} before {}", pair[0], pair[1])))
        }
        None => Ok(()),
    }
}

fn starts_at(field: &str, nodes: &[f64], first: f64) -> Result<(), TableError> {
    match nodes.first() {
        Some(&node) if node == first => Ok(()),
        other => Err(TableError::invalid(field, format!("{first} as first node"), format!("{other:?}"))),
    }
}

fn within(field: &str, nodes: &[f64], low: f64, high: f64) -> Result<(), TableError> {
    match nodes.iter().find(|node| !(low..=high).contains(*node)) {
        Some(node) => {
            Err(TableError::invalid(field, format!("nodes from {low} to {high}"), node.to_string()))
        }
        None => Ok(()),
    }
}
