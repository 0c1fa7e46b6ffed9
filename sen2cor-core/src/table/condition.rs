//! What a table is asked, what it answers, and what is to be said about the answer.

use crate::aerosol::Aerosol;
use crate::sensor::{Band, Spacecraft};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Band, geometry and state of the atmosphere. Columns and optical depth are those above the ground.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
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
    /// Aerosol optical depth at 550 nm.
    pub aot_550: f64,
    /// Elevation of the ground, km.
    pub elevation_km: f64,
    /// Column of water vapour, cm.
    pub water_vapour_cm: f64,
    /// Column of ozone, Dobson units.
    pub ozone_du: f64,
}

/// The functions that describe the atmosphere for one [`Condition`], with all gases, above a black surface.
///
/// Direct and diffuse flux are Es/E0 and Ed/E0 of the ATCOR formulation, E0 the solar irradiance. A flat Lambertian surface of
/// reflectance r has the reflectance path + (direct + diffuse / cos(sun zenith)) * r / (1 - S r) at the top of the atmosphere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtmosphericFunctions {
    /// Reflectance of the atmosphere above a black surface.
    pub path_reflectance: f64,
    /// Beam at the ground normal to the sun times the total transmittance to the sensor, relative to E0. Not times the
    /// cosine of the sun zenith angle.
    pub direct_flux: f64,
    /// Sky light on the horizontal ground times the total transmittance to the sensor, relative to E0.
    pub diffuse_flux: f64,
    /// Direct transmittance from the ground to the sensor.
    pub transmittance_direct: f64,
    /// Diffuse transmittance from the ground to the sensor.
    pub transmittance_diffuse: f64,
    /// Direct transmittance from the sun to the ground, as seen after the way to the sensor:
    /// direct flux / (direct + diffuse transmittance).
    pub transmittance_sun: f64,
    /// Albedo of the atmosphere for light from below.
    pub spherical_albedo: f64,
    /// Cosine of the sun zenith angle for which the fluxes hold (that of the end of the table beyond it).
    pub cos_sun_zenith: f64,
}

impl AtmosphericFunctions {
    /// Two-way transmittance: what reaches the sensor of the light that a flat white surface would send under a black sky.
    pub fn two_way_transmittance(&self) -> f64 {
        self.direct_flux + self.diffuse_flux / self.cos_sun_zenith
    }

    /// Reflectance at the top of the atmosphere of a flat Lambertian surface of this reflectance.
    pub fn toa_reflectance(&self, surface: f64) -> f64 {
        self.path_reflectance
            + self.two_way_transmittance() * surface / (1.0 - surface * self.spherical_albedo)
    }

    /// Ratio of diffuse to direct upward transmittance, the weight of the surroundings in a pixel; 0 where nothing is transmitted.
    pub fn diffuse_to_direct(&self) -> f64 {
        if self.transmittance_direct > 0.0 {
            self.transmittance_diffuse / self.transmittance_direct
        } else {
            0.0
        }
    }
}

/// Something that a user should know about an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    /// Sun zenith angle above 75 degrees: the tables are plane-parallel and less certain there.
    SunLow,
    /// Sun zenith angle limited to the table.
    SunZenith,
    /// View zenith angle limited to the table.
    ViewZenith,
    /// Optical depth limited to the table.
    Aot,
    /// Elevation limited to the table.
    Elevation,
    /// Column of water vapour limited to the table.
    WaterVapour,
    /// Slant path through ozone limited to the table.
    Ozone,
    /// Air mass limited to the table.
    AirMass,
    /// The spacecraft is not in the table, another one's arrays were taken.
    Borrowed,
}

impl Note {
    /// All notes.
    pub const ALL: [Self; 9] = [
        Self::SunLow,
        Self::SunZenith,
        Self::ViewZenith,
        Self::Aot,
        Self::Elevation,
        Self::WaterVapour,
        Self::Ozone,
        Self::AirMass,
        Self::Borrowed,
    ];
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SunLow => "sun zenith angle above 75 degrees, where the tables are less certain",
            Self::SunZenith => "sun zenith angle limited to the range of the table",
            Self::ViewZenith => "view zenith angle limited to the range of the table",
            Self::Aot => "aerosol optical depth limited to the range of the table",
            Self::Elevation => "elevation limited to the range of the table",
            Self::WaterVapour => "water vapour limited to the range of the table",
            Self::Ozone => "ozone limited to the range of the table",
            Self::AirMass => "air mass limited to the range of the table",
            Self::Borrowed => "table of another spacecraft used",
        })
    }
}

/// A set of [`Note`]s; sets of many evaluations are joined with [`Notes::join`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes(u16);

impl Notes {
    /// Adds a note if it applies.
    pub fn note(&mut self, note: Note, applies: bool) {
        self.0 |= u16::from(applies) << note as u16;
    }

    /// Whether the note is in the set.
    pub fn contains(self, note: Note) -> bool {
        self.0 >> note as u16 & 1 == 1
    }

    /// Whether there is nothing to say.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The notes of both sets.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The notes in the set, in the order of [`Note::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Note> {
        Note::ALL.into_iter().filter(move |&note| self.contains(note))
    }
}
