//! Options that ask for a part of the results.

use super::check::Checker;
use super::define::options;
use crate::region::Area;
use sen2cor_core::sensor::Band;
use serde::{Deserialize, Serialize};

/// A kind of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The scene class map, and cloud and snow confidence.
    Scl,
    /// Reflectance at the top of the atmosphere on the grids of the results.
    Toa,
    /// The map of aerosol optical depth.
    Aot,
    /// The map of water vapour.
    Wvp,
    /// Surface reflectance.
    Bands,
}

options! {
    /// Which results are computed and written.
    RawSelectionOptions => SelectionOptions, "Selection";

    /// Compute and write only these: scl (class map, cloud and snow confidence), toa (reflectance at the top of the atmosphere,
    /// resampled), aot, wvp, bands (surface reflectance). What they do not need is not read and not computed. Default all but toa.
    only: Vec<Part>, List("scl|toa|aot|wvp|bands");
    /// Bands of the images of reflectance, e.g. B02,B8A. Means --only bands unless that is given. Default all.
    bands: Vec<Band>, List("BAND");
    /// Region: a box west,south,east,north in degrees or in metres of the tile's UTM zone, or a GeoJSON file of polygons, whose box
    /// is taken. Images are those of the whole tile, cut to the pixels of 60 m that the box touches. Default the whole tile.
    roi: String, Text("W,S,E,N|FILE");
}

impl RawSelectionOptions {
    pub(super) fn check(&self, check: &mut Checker) {
        let is_empty = |count: Option<usize>| count == Some(0);
        check.conflict(is_empty(self.only.as_ref().map(Vec::len)), "only names nothing");
        check.conflict(is_empty(self.bands.as_ref().map(Vec::len)), "bands names no band");
        let has_bands =
            self.only.as_ref().is_none_or(|parts| parts.iter().any(|p| matches!(p, Part::Bands | Part::Toa)));
        check.conflict(
            self.bands.is_some() && !has_bands,
            "bands is given, but only asks for results without bands",
        );
        if let Some(Err(problem)) = self.roi.as_deref().map(Area::read) {
            check.problems.push(problem);
        }
        let never = |bands: &Vec<Band>| bands.contains(&Band::B10);
        let toa = self.only.as_ref().is_some_and(|parts| parts.contains(&Part::Toa));
        check.conflict(
            self.bands.as_ref().is_some_and(never) && !toa,
            "bands: B10 has no surface reflectance; --only toa gives what was measured",
        );
    }
}

impl SelectionOptions {
    /// Whether everything is asked for that a product has.
    pub fn is_everything(&self) -> bool {
        self.only.is_none() && self.bands.is_none() && self.roi.is_none()
    }

    /// Whether a part is asked for.
    pub fn has(&self, part: Part) -> bool {
        match (&self.only, &self.bands) {
            (Some(parts), _) => parts.contains(&part),
            (None, Some(_)) => part == Part::Bands,
            (None, None) => part != Part::Toa,
        }
    }

    /// Whether a band is asked for.
    pub fn has_band(&self, band: Band) -> bool {
        self.bands.as_ref().is_none_or(|bands| bands.contains(&band))
    }
}
