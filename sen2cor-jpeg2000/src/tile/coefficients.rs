//! The coefficients of a tile while its packets are read.

use super::TileGeometry;

/// Subbands that no packet has anything of are not cleared and not transformed. Keeps its memory from tile to tile.
#[derive(Default)]
pub(super) struct Coefficients {
    /// Component by component, subband by subband as [`super::geometry::Band::start`] says. What was not touched holds anything.
    samples: Vec<i32>,
    /// Per component and subband whether it was touched.
    touched: Vec<bool>,
    /// Samples and subbands of a component.
    counts: [usize; 2],
    /// Components that are decoded, by their place here.
    pub(super) components: Vec<usize>,
}

impl Coefficients {
    /// Makes room for some components of a tile.
    pub(super) fn reset(&mut self, geometry: &TileGeometry, components: Vec<usize>) {
        self.counts = [geometry.coefficients, geometry.band_count()];
        let [samples, bands] = self.counts.map(|count| count * components.len());
        if self.samples.len() < samples {
            // New memory from the system is zero and not there before it is used.
            self.samples = vec![0; samples];
        }
        self.touched.clear();
        self.touched.resize(bands, false);
        self.components = components;
    }

    /// A subband of the component at a place, for writing.
    pub(super) fn band_mut(&mut self, place: usize, band: &super::geometry::Band) -> &mut [i32] {
        let [samples, bands] = self.counts;
        let start = place * samples + band.start;
        let own = &mut self.samples[start..start + band.area.area()];
        if !std::mem::replace(&mut self.touched[place * bands + band.index], true) {
            own.fill(0);
        }
        own
    }

    /// A subband of the component at a place; `None` if all is zero.
    pub(super) fn band(&self, place: usize, band: &super::geometry::Band) -> Option<&[i32]> {
        let [samples, bands] = self.counts;
        let start = place * samples + band.start;
        self.touched[place * bands + band.index].then(|| &self.samples[start..start + band.area.area()])
    }

    /// The only value of a component if it is known to have but one: its lowest resolution is of one value and there is
    /// nothing else.
    pub(super) fn uniform(&self, place: usize, geometry: &TileGeometry) -> Option<i32> {
        let bands = self.counts[1];
        let touched = &self.touched[place * bands..(place + 1) * bands];
        if touched.iter().skip(1).any(|touched| *touched) {
            return None;
        }
        let lowest = self.band(place, geometry.resolutions.first()?.bands.first()?);
        let Some((&first, rest)) = lowest.and_then(<[i32]>::split_first) else { return Some(0) };
        rest.iter().all(|sample| *sample == first).then_some(first)
    }
}
