//! Tables of one band on coarse cells.

use super::axes::{CellAxes, Directions, Load};
use crate::aerosol::Aerosol;
use crate::angles::relative_azimuth_deg;
use crate::reflectance::LEAST_TRANSMITTANCE;
use crate::sensor::{Band, Spacecraft};
use crate::table::{Air, AtmosphereTable, AtmosphericFunctions, Notes, TableError, View};
use serde::{Deserialize, Serialize};

/// Numbers per node of a table.
pub const CELL_VALUES: usize = 8;

/// Which band of which spacecraft is meant, through which aerosol and how much ozone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandView {
    /// The spacecraft.
    pub spacecraft: Spacecraft,
    /// The band.
    pub band: Band,
    /// Aerosol model.
    pub aerosol: Aerosol,
    /// Column of ozone, Dobson units.
    pub ozone_du: f64,
}

/// A back end: something that knows the seven functions of the atmosphere.
pub trait Atmosphere {
    /// The functions for one geometry and a list of states: aerosol load, elevation (km), column of water vapour (cm).
    ///
    /// # Errors
    /// If it cannot answer: an aerosol or a band that it lacks, a number that is not finite.
    fn functions(
        &self,
        view: &BandView,
        directions: &Directions,
        states: &[(Load, f64, f64)],
    ) -> Result<(Vec<AtmosphericFunctions>, Notes), TableError>;
}

impl Atmosphere for AtmosphereTable {
    fn functions(
        &self,
        view: &BandView,
        directions: &Directions,
        states: &[(Load, f64, f64)],
    ) -> Result<(Vec<AtmosphericFunctions>, Notes), TableError> {
        let Directions { sun, view: sensor } = *directions;
        let slice = self.slice(&View {
            spacecraft: view.spacecraft,
            band: view.band,
            aerosol: view.aerosol,
            sun_zenith_deg: sun.zenith_deg,
            view_zenith_deg: sensor.zenith_deg,
            relative_azimuth_deg: relative_azimuth_deg(sun.azimuth_deg, sensor.azimuth_deg),
            ozone_du: view.ozone_du,
        })?;
        let mut notes = Notes::default();
        let mut found = Vec::with_capacity(states.len());
        for &(load, elevation_km, water_vapour_cm) in states {
            let aot_550 = load.aot_550(elevation_km);
            let (functions, more) = slice.evaluate(&Air { aot_550, elevation_km, water_vapour_cm })?;
            notes = notes.join(more);
            found.push(functions);
        }
        Ok((found, notes))
    }
}

/// What a pixel needs of the atmosphere, for one place and state of the air.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coefficients {
    /// Reflectance of the atmosphere above a black surface.
    pub path: f32,
    /// 1 / two-way transmittance of flat ground.
    pub gain: f32,
    /// Diffuse over direct upward transmittance: the weight of the surroundings.
    pub ratio: f32,
    /// Albedo of the atmosphere for light from below.
    pub albedo: f32,
    /// Es / E0: flux of the beam normal to the sun times the way up.
    pub direct: f32,
    /// Ed / E0: flux of the sky on flat ground times the way up.
    pub diffuse: f32,
    /// Transmittance from the sun to the ground.
    pub sun: f32,
    /// Cosine of the sun zenith angle.
    pub cos_sun: f32,
}

impl Coefficients {
    /// As an array, in the order of the fields.
    pub fn to_array(self) -> [f32; CELL_VALUES] {
        let Self { path, gain, ratio, albedo, direct, diffuse, sun, cos_sun } = self;
        [path, gain, ratio, albedo, direct, diffuse, sun, cos_sun]
    }

    /// From [`Self::to_array`].
    pub fn from_array(values: [f32; CELL_VALUES]) -> Self {
        let [path, gain, ratio, albedo, direct, diffuse, sun, cos_sun] = values;
        Self { path, gain, ratio, albedo, direct, diffuse, sun, cos_sun }
    }

    /// The coefficients of a state of the atmosphere.
    pub fn new(functions: &AtmosphericFunctions) -> Self {
        let transmittance = functions.two_way_transmittance().max(LEAST_TRANSMITTANCE);
        Self {
            path: functions.path_reflectance as f32,
            gain: (1.0 / transmittance) as f32,
            ratio: functions.diffuse_to_direct().min(LARGEST_RATIO) as f32,
            albedo: functions.spherical_albedo as f32,
            direct: functions.direct_flux as f32,
            diffuse: functions.diffuse_flux as f32,
            sun: functions.transmittance_sun as f32,
            cos_sun: functions.cos_sun_zenith as f32,
        }
    }
}

/// Weight of the surroundings above which the correction for them would only amplify noise.
const LARGEST_RATIO: f64 = 4.0;

/// Evaluates a back end at all nodes; the values are ordered by row and column of the geometry, load, elevation, water, and
/// the order of [`Coefficients`].
///
/// # Errors
/// What the back end says.
///
/// # Panics
/// If `out` is shorter than [`CellAxes::len`] times [`CELL_VALUES`].
pub fn tabulate(
    atmosphere: &dyn Atmosphere,
    view: &BandView,
    axes: &CellAxes,
    out: &mut [f32],
) -> Result<Notes, TableError> {
    let states = states(axes);
    let mut notes = Notes::default();
    for (directions, out) in axes.geometry.nodes.iter().zip(out.chunks_mut(states.len() * CELL_VALUES)) {
        let (functions, more) = atmosphere.functions(view, directions, &states)?;
        notes = notes.join(more);
        for (functions, out) in functions.iter().zip(out.chunks_mut(CELL_VALUES)) {
            out.copy_from_slice(&refined(view.band, Coefficients::new(functions)).to_array());
        }
    }
    Ok(notes)
}

/// Where water vapour absorbs nearly everything the ratio of diffuse to direct light is noise of the table; the ground is hardly
/// seen there, so its surroundings do not matter.
fn refined(band: Band, mut coefficients: Coefficients) -> Coefficients {
    if band == Band::B10 {
        coefficients.ratio = 0.0;
    }
    coefficients
}

fn states(axes: &CellAxes) -> Vec<(Load, f64, f64)> {
    let mut states = Vec::new();
    for &value in &axes.loads {
        for &elevation_km in &axes.elevations_km {
            for node in 0..axes.water.len() {
                let load = Load { scale: axes.scale, value };
                states.push((load, elevation_km, axes.water.column_cm(node, elevation_km)));
            }
        }
    }
    states
}

/// A tabulated band that is read at any place and state.
pub struct CellTable<'a> {
    axes: &'a CellAxes,
    loads: Vec<f32>,
    elevations_km: Vec<f32>,
    roots: Vec<f32>,
    values: &'a [f32],
}

/// Two nodes and the weight of the second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Between {
    low: usize,
    high: usize,
    weight: f32,
}

impl Between {
    fn new(nodes: &[f32], value: f32) -> Self {
        let last = nodes.len().saturating_sub(1);
        let inner = nodes.iter().skip(1).take(last.saturating_sub(1));
        let low = inner.filter(|&&node| node <= value).count();
        let high = (low + 1).min(last);
        let step = nodes[high] - nodes[low];
        let weight = if step > 0.0 { ((value - nodes[low]) / step).clamp(0.0, 1.0) } else { 0.0 };
        Self { low, high, weight }
    }

    fn regular(count: usize, first: f64, step: f64, nearest: bool, place: f64) -> Self {
        let last = count.saturating_sub(1) as f64;
        let position = ((place - first) / step).clamp(0.0, last);
        if nearest {
            let node = libm::floor(position + 0.5).min(last) as usize;
            return Self { low: node, high: node, weight: 0.0 };
        }
        let low = libm::floor(position).min((last - 1.0).max(0.0));
        let high = (low + 1.0).min(last) as usize;
        Self { low: low as usize, high, weight: (position - low) as f32 }
    }

    fn pairs(self) -> [(usize, f32); 2] {
        [(self.low, 1.0 - self.weight), (self.high, self.weight)]
    }
}

/// Where a place lies among the nodes of a table. Two places that are equal have the same coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    row: Between,
    col: Between,
    elevation: Between,
}

impl<'a> CellTable<'a> {
    /// A table over values as [`tabulate`] makes them; `None` if there are too few.
    pub fn new(axes: &'a CellAxes, values: &'a [f32]) -> Option<Self> {
        let needed = axes.len() * CELL_VALUES;
        let fits = needed > 0 && values.len() >= needed;
        fits.then(|| Self {
            axes,
            loads: axes.loads.iter().map(|&v| v as f32).collect(),
            elevations_km: axes.elevations_km.iter().map(|&v| v as f32).collect(),
            roots: axes.water.roots(),
            values: &values[..needed],
        })
    }

    /// The axes.
    pub fn axes(&self) -> &CellAxes {
        self.axes
    }

    /// Where a place (metres down and right from the upper left corner of the tile) at an elevation (km) lies in the table.
    pub fn place(&self, place_m: (f64, f64), elevation_km: f32) -> Place {
        let grid = &self.axes.geometry;
        Place {
            row: Between::regular(grid.rows, grid.first_m.0, grid.step_m.0, grid.nearest, place_m.0),
            col: Between::regular(grid.cols, grid.first_m.1, grid.step_m.1, grid.nearest, place_m.1),
            elevation: Between::new(&self.elevations_km, elevation_km),
        }
    }

    /// The coefficients at a place (metres down and right from the upper left corner of the tile), for an aerosol load, an
    /// elevation (km) and a column of water vapour (cm). Limited to the ends of the axes.
    pub fn at(&self, place_m: (f64, f64), load: f32, elevation_km: f32, water_cm: f32) -> Coefficients {
        self.at_load(&self.place(place_m, elevation_km), load, water_cm)
    }

    /// As [`Self::at`], for a place that is known.
    pub fn at_load(&self, place: &Place, load: f32, water_cm: f32) -> Coefficients {
        let water = Between::new(&self.roots, water_cm.max(0.0).sqrt());
        self.weigh(place, Between::new(&self.loads, load), water)
    }

    /// The coefficients at a node of load and water, elsewhere as [`Self::at`].
    pub fn at_node(&self, place: &Place, load: usize, water: usize) -> Coefficients {
        let node = |index| Between { low: index, high: index, weight: 0.0 };
        self.weigh(place, node(load), node(water))
    }

    /// The coefficients at a node of water, elsewhere as [`Self::at`].
    pub fn at_load_and_water_node(&self, place: &Place, load: f32, water: usize) -> Coefficients {
        let water = Between { low: water, high: water, weight: 0.0 };
        self.weigh(place, Between::new(&self.loads, load), water)
    }

    fn weigh(&self, place: &Place, load: Between, water: Between) -> Coefficients {
        let cols = self.axes.geometry.cols;
        let mut sum = [0.0f32; CELL_VALUES];
        for (r, row_weight) in place.row.pairs() {
            for (c, col_weight) in place.col.pairs() {
                let at = row_weight * col_weight;
                if at == 0.0 {
                    continue;
                }
                for (l, load_weight) in load.pairs() {
                    for (e, elevation_weight) in place.elevation.pairs() {
                        for (w, water_weight) in water.pairs() {
                            let weight = at * load_weight * elevation_weight * water_weight;
                            if weight != 0.0 {
                                self.add((r * cols + c, l, e, w), weight, &mut sum);
                            }
                        }
                    }
                }
            }
        }
        Coefficients::from_array(sum)
    }

    #[inline]
    fn add(&self, (geometry, l, e, w): (usize, usize, usize, usize), weight: f32, sum: &mut [f32; 8]) {
        let node = ((geometry * self.loads.len() + l) * self.elevations_km.len() + e) * self.roots.len() + w;
        let values = &self.values[node * CELL_VALUES..(node + 1) * CELL_VALUES];
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum += weight * value;
        }
    }
}
