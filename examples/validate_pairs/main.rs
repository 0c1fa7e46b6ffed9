//! Compares the correction with ESA's own Level-2A of the same pixels, where only the pixels are known.
//!
//! ```text
//! cargo run --release --example validate_pairs -- CHIP.npz... [--json FILE]
//! ```
//!
//! A chip is an `.npz` with the Level-1C bands `B01` to `B12` (reflectance x 10000, 0 = no data, each on its own grid), the Level-2A bands
//! `L2A_B02` and so on, and the elevation `DEM` (metres, 10 m grid). Its `.json` names the spacecraft and, under `angles`, the tile metadata
//! from which sun azimuth and view directions are taken. Sun zenith angle, aerosol optical depth and water vapour are fitted, for both seasons
//! and both aerosol types (and the sun azimuth, if it is not known and the ground is not flat). Prints bias, root mean square
//! error and correlation per band for both models.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that reports to the terminal")]

mod simplex;

use ndarray::Array2;
use ndarray_npy::NpzReader;
use sen2cor::core::aerosol::Aerosol;
use sen2cor::core::angles::Direction;
use sen2cor::core::cells::{
    Atmosphere, BandView, CELL_VALUES, CellAxes, CellTable, Directions, GeometryGrid, Lattice, LatticeMaps,
    LoadScale, MapView, WaterAxis, tabulate,
};
use sen2cor::core::dn;
use sen2cor::core::grid::{Resolution, Window};
use sen2cor::core::reflectance::{
    BlockInput, CorrectionParameters, Model, Relief, Slope, Terrain, adjacency_radius, correct_block,
    gradient,
};
use sen2cor::core::season::{Season, default_column_band};
use sen2cor::core::sensor::{Band, Spacecraft};
use sen2cor::core::table::AtmosphereTable;
use sen2cor::io::auxiliary::lut_file;
use sen2cor::io::bytes::FileSource;
use sen2cor::io::xml::Element;
use serde_json::{Value, json};
use simplex::{Fit, simplex};
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Failure = Box<dyn Error>;

/// Bands that count: all that are compared in the archive but B01, and B09 and B10, which see little ground.
const BANDS: [Band; 10] = [
    Band::B02,
    Band::B03,
    Band::B04,
    Band::B05,
    Band::B06,
    Band::B07,
    Band::B08,
    Band::B8A,
    Band::B11,
    Band::B12,
];

/// Below this difference of heights (m) and share of slopes above 6 degrees the ground counts as flat.
const FLAT: (f32, f64) = (50.0, 0.01);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Failure> {
    let (mut chips, mut json_file) = (Vec::new(), None);
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--json" {
            json_file = Some(PathBuf::from(arguments.next().ok_or("--json needs a file")?));
        } else {
            chips.push(PathBuf::from(argument));
        }
    }
    if chips.is_empty() {
        return Err("usage: validate_pairs CHIP.npz... [--json FILE]".into());
    }
    let mut results = Vec::new();
    for path in &chips {
        let chip = Chip::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        for model in Model::ALL {
            results.push(chip.validate(model)?);
        }
    }
    if let Some(path) = json_file {
        std::fs::write(&path, serde_json::to_string_pretty(&json!({ "chips": results }))?)?;
    }
    Ok(())
}

/// A band of a pair.
struct Pair {
    band: Band,
    resolution: Resolution,
    /// In the encoding of planes.
    toa: Array2<u16>,
    /// Level-2A of the archive, reflectance x 10000.
    archive: Array2<i16>,
    /// Elevation on the grid of the band, metres.
    elevation_m: Array2<f32>,
}

struct Chip {
    name: String,
    spacecraft: Spacecraft,
    pairs: Vec<Pair>,
    elevation_km: f64,
    rugged: bool,
    sun_azimuth_deg: Option<f64>,
    view: [Direction; 13],
}

impl Chip {
    fn read(path: &Path) -> Result<Self, Failure> {
        let about: Value = serde_json::from_reader(File::open(path.with_extension("json"))?)?;
        let mut npz = NpzReader::new(File::open(path)?)?;
        let dem: Array2<i16> = npz.by_name("DEM")?;
        let dem = dem.mapv(f32::from);
        let mut pairs = Vec::new();
        for band in BANDS {
            let raw: Array2<u16> = npz.by_name(band.name())?;
            let archive: Array2<i16> = npz.by_name(&format!("L2A_{band}"))?;
            let resolution = band.native_resolution();
            if raw.dim() != archive.dim() {
                return Err(format!("{band} and L2A_{band} differ in size").into());
            }
            let elevation_m = coarser(&dem, resolution.cells() as usize);
            if raw.dim() != elevation_m.dim() {
                return Err(format!(
                    "{band} has {:?} pixels, the elevation {:?}",
                    raw.dim(),
                    elevation_m.dim()
                )
                .into());
            }
            let toa = raw.mapv(|stored| dn::from_stored(stored, 0, 0));
            pairs.push(Pair { band, resolution, toa, archive, elevation_m });
        }
        let (sun_azimuth_deg, view) = angles(path, &about)?;
        Ok(Self {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            spacecraft: about["spacecraft"].as_str().unwrap_or("S2A").parse()?,
            pairs,
            elevation_km: f64::from(dem.mean().unwrap_or(0.0)).max(0.0) / 1000.0,
            rugged: is_rugged(&dem),
            sun_azimuth_deg,
            view,
        })
    }

    fn validate(&self, model: Model) -> Result<Value, Failure> {
        let table = table(model)?;
        let mut best: Option<(f64, Fit, Setting)> = None;
        for season in [Season::Summer, Season::Winter] {
            for aerosol in Aerosol::ALL {
                if model == Model::Physical && season == Season::Winter {
                    // The season has no influence there.
                    continue;
                }
                let setting = Setting { chip: self, table: &table, model, season, aerosol, rugged: false };
                let (value, fit) = setting.fit()?;
                if best.as_ref().is_none_or(|(least, ..)| value < *least) {
                    best = Some((value, fit, setting));
                }
            }
        }
        let (_, mut fit, mut setting) = best.ok_or("nothing was fitted")?;
        if self.rugged {
            setting.rugged = true;
            fit = setting.refine(fit)?;
        }
        let statistics = setting.statistics(&fit)?;
        Ok(self.report(&setting, &fit, &statistics))
    }

    fn report(&self, setting: &Setting<'_>, fit: &Fit, statistics: &[Statistics]) -> Value {
        let rmse = pooled(statistics);
        println!(
            "{} {}: rmse {rmse:.4}; {} {}, sun zenith {:.1}, aot {:.3}, water {:.2} cm, {}",
            self.name,
            setting.model,
            setting.season,
            setting.aerosol,
            fit.0[0],
            fit.0[1],
            fit.0[2],
            if setting.rugged { "terrain" } else { "flat" }
        );
        let mut bands = serde_json::Map::new();
        for (pair, s) in self.pairs.iter().zip(statistics) {
            println!("  {:4} bias {:8.4}  rmse {:7.4}  r {:6.4}", pair.band.name(), s.bias, s.rmse, s.r);
            bands.insert(pair.band.name().to_owned(), json!({"bias": s.bias, "rmse": s.rmse, "r": s.r}));
        }
        json!({
            "chip": self.name, "model": setting.model.name(), "rmse": rmse, "bands": bands,
            "season": setting.season.name(), "aerosol": setting.aerosol.name(), "sun_zenith_deg": fit.0[0],
            "aot_550": fit.0[1], "water_vapour_cm": fit.0[2], "terrain": setting.rugged,
        })
    }
}

/// What is not fitted.
struct Setting<'a> {
    chip: &'a Chip,
    table: &'a AtmosphereTable,
    model: Model,
    season: Season,
    aerosol: Aerosol,
    rugged: bool,
}

impl Setting<'_> {
    /// For each of some sun zenith angles the best of a coarse grid, then a simplex; from the best of these a finer one.
    fn fit(&self) -> Result<(f64, Fit), Failure> {
        let azimuth = self.chip.sun_azimuth_deg.unwrap_or(150.0);
        let steps = [3.0, 0.05, 0.4];
        let mut best: Option<(f64, Fit)> = None;
        for zenith in [22.0, 36.0, 48.0, 60.0, 70.0, 76.0] {
            let mut start = (f64::INFINITY, Fit([zenith, 0.1, 1.0, azimuth]));
            for aot in [0.03, 0.1, 0.3] {
                for water in [0.4, 1.0, 2.5] {
                    let candidate = Fit([zenith, aot, water, azimuth]);
                    let value = self.misfit(&candidate)?;
                    if value < start.0 {
                        start = (value, candidate);
                    }
                }
            }
            let found = simplex(&|fit| self.misfit(fit), start.1, &steps, 50)?;
            if best.is_none_or(|(least, _)| found.0 < least) {
                best = Some(found);
            }
        }
        let (_, start) = best.ok_or("nothing was tried")?;
        simplex(&|fit| self.misfit(fit), start, &[1.0, 0.02, 0.15], 100)
    }

    /// A simplex from a fit for flat ground; without a known azimuth from several.
    fn refine(&self, start: Fit) -> Result<Fit, Failure> {
        let known = self.chip.sun_azimuth_deg.is_some();
        let mut best = (f64::INFINITY, start);
        for azimuth in if known { vec![start.0[3]] } else { vec![45.0, 110.0, 150.0, 180.0, 330.0] } {
            let mut from = start;
            from.0[3] = azimuth;
            let steps = [2.0, 0.03, 0.2, 25.0];
            let used = if known { &steps[..3] } else { &steps[..] };
            let found = simplex(&|fit| self.misfit(fit), from, used, 80)?;
            if found.0 < best.0 {
                best = found;
            }
        }
        Ok(best.1)
    }

    fn misfit(&self, fit: &Fit) -> Result<f64, Failure> {
        Ok(pooled(&self.statistics(fit)?))
    }

    fn statistics(&self, fit: &Fit) -> Result<Vec<Statistics>, Failure> {
        self.chip
            .pairs
            .iter()
            .map(|pair| Ok(Statistics::of(&self.correct(pair, fit)?, &pair.archive)))
            .collect()
    }

    /// Surface reflectance of a band as the processor makes it.
    fn correct(&self, pair: &Pair, fit: &Fit) -> Result<Array2<u16>, Failure> {
        let [zenith_deg, aot_550, water_cm, azimuth_deg] = fit.0;
        let sun = Direction { zenith_deg, azimuth_deg };
        let axes = self.axes(pair, sun, aot_550, water_cm);
        let view = BandView {
            spacecraft: self.chip.spacecraft,
            band: pair.band,
            aerosol: self.aerosol,
            ozone_du: 331.0,
        };
        let mut values = vec![0.0; axes.len() * CELL_VALUES];
        tabulate(self.table as &dyn Atmosphere, &view, &axes, &mut values)?;
        let table = CellTable::new(&axes, &values).ok_or("a table without nodes")?;
        let (rows, cols) = pair.toa.dim();
        let window = Window { row: 0, col: 0, rows, cols };
        let constant = |value: f64| MapView::Constant(value as f32);
        let maps = LatticeMaps {
            load: constant(aot_550),
            water_cm: constant(water_cm),
            elevation_km: constant(self.chip.elevation_km),
        };
        let lattice = Lattice::new(&table, &maps, pair.resolution, window, self.rugged);
        let classes = Array2::from_elem(pair.toa.dim(), 4u8);
        let terrain = Terrain {
            elevation_m: pair.elevation_m.view(),
            lit: None,
            classes: classes.view(),
            level: None,
            vegetation: None,
        };
        let input = BlockInput {
            toa: pair.toa.view(),
            scene_class: classes.view(),
            class_pixels: 1,
            lattice: &lattice,
            target: window,
            image: (rows, cols),
            terrain: self.rugged.then_some(terrain),
        };
        let mut surface = Array2::zeros(pair.toa.dim());
        correct_block(&input, &self.parameters(pair.resolution, azimuth_deg), surface.view_mut())?;
        Ok(surface)
    }

    fn axes(&self, pair: &Pair, sun: Direction, aot_550: f64, water_cm: f64) -> CellAxes {
        let by_season = self.model == Model::Sen2cor && default_column_band(pair.band);
        let water = if by_season {
            WaterAxis::SeaLevel(self.season.default_water_vapour_cm(), self.model)
        } else {
            WaterAxis::AboveGround(vec![water_cm])
        };
        let km = self.chip.elevation_km;
        let elevations_km = if self.rugged {
            (0..6).map(|i| (km - 0.5).max(0.0) + 0.25 * f64::from(i)).collect()
        } else {
            vec![km]
        };
        let view = self.chip.view[pair.band.index()];
        let geometry = GeometryGrid::constant(Directions { sun, view });
        CellAxes { geometry, scale: LoadScale::Aot550, loads: vec![aot_550], elevations_km, water }
    }

    fn parameters(&self, resolution: Resolution, sun_azimuth_deg: f64) -> CorrectionParameters {
        let sen2cor = self.model == Model::Sen2cor;
        let smoothing_radius = match resolution {
            Resolution::R10 => 4,
            Resolution::R20 => 2,
            Resolution::R60 => 1,
        };
        let relief = Relief {
            smoothing_radius,
            neighbourhood_radius: (500 / resolution.metres() as usize).max(3),
            ..Relief::of_model(self.model, sun_azimuth_deg as f32)
        };
        CorrectionParameters {
            resolution,
            reference_albedo: self.model.reference_albedo(),
            adjacency_radius: adjacency_radius(1.0, resolution),
            extra_near_no_data: sen2cor,
            relief: self.rugged.then_some(relief),
        }
    }
}

/// Agreement of a band.
#[derive(Clone, Copy)]
struct Statistics {
    bias: f64,
    rmse: f64,
    r: f64,
}

impl Statistics {
    fn of(found: &Array2<u16>, archive: &Array2<i16>) -> Self {
        let (mut n, mut x, mut y, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (&found, &archive) in found.iter().zip(archive) {
            if found == dn::NO_DATA || archive == 0 {
                continue;
            }
            let (a, b) = (f64::from(dn::to_signed(found)) / 1e4, f64::from(archive) / 1e4);
            n += 1.0;
            x += a;
            y += b;
            xx += a * a;
            yy += b * b;
            xy += a * b;
        }
        let n = f64::max(n, 1.0);
        let squares = (xx + yy - 2.0 * xy) / n;
        let covariance = xy / n - x * y / (n * n);
        let variances = (xx / n - x * x / (n * n)) * (yy / n - y * y / (n * n));
        Self { bias: (x - y) / n, rmse: squares.max(0.0).sqrt(), r: covariance / variances.max(1e-20).sqrt() }
    }
}

/// Root of the mean square error of the bands, each counting the same.
fn pooled(statistics: &[Statistics]) -> f64 {
    let squares: f64 = statistics.iter().map(|s| s.rmse * s.rmse).sum();
    (squares / statistics.len() as f64).sqrt()
}

/// Block means.
fn coarser(image: &Array2<f32>, factor: usize) -> Array2<f32> {
    Array2::from_shape_fn((image.nrows() / factor, image.ncols() / factor), |(row, col)| {
        let mut sum = 0.0;
        for r in 0..factor {
            for c in 0..factor {
                sum += image[[row * factor + r, col * factor + c]];
            }
        }
        sum / (factor * factor) as f32
    })
}

fn is_rugged(dem: &Array2<f32>) -> bool {
    let (low, high) = dem.iter().fold((f32::MAX, f32::MIN), |(low, high), &z| (low.min(z), high.max(z)));
    let steep = 6.0f32.to_radians().cos();
    let count = (0..dem.nrows())
        .flat_map(|row| (0..dem.ncols()).map(move |col| (row, col)))
        .filter(|&(row, col)| Slope::new(gradient(&dem.view(), 10.0, row, col)).cosine < steep)
        .count();
    high - low >= FLAT.0 || count as f64 >= FLAT.1 * dem.len() as f64
}

/// Sun azimuth and view directions of the tile that the chip names; without one the sun azimuth is unknown and the view is vertical.
fn angles(path: &Path, about: &Value) -> Result<(Option<f64>, [Direction; 13]), Failure> {
    let mut view = [Direction { zenith_deg: 0.0, azimuth_deg: 0.0 }; 13];
    let Some(relative) = about["angles"].as_str() else { return Ok((None, view)) };
    let file = path.parent().unwrap_or(Path::new("")).join(relative);
    let Ok(bytes) = std::fs::read(&file) else {
        eprintln!("{}: not there, so the sun azimuth is fitted", file.display());
        return Ok((None, view));
    };
    let root = Element::parse(&file, &bytes)?;
    let angles = root.find("Geometric_Info/Tile_Angles").ok_or("no Tile_Angles")?;
    let number = |element: &Element, name: &str| -> Result<f64, Failure> {
        Ok(element.find(name).ok_or_else(|| format!("no {name}"))?.text().trim().parse()?)
    };
    if let Some(list) = angles.find("Mean_Viewing_Incidence_Angle_List") {
        for element in list.children_named("Mean_Viewing_Incidence_Angle") {
            let band: usize = element.attribute("bandId").unwrap_or_default().parse()?;
            if let Some(view) = view.get_mut(band) {
                *view = Direction {
                    zenith_deg: number(element, "ZENITH_ANGLE")?,
                    azimuth_deg: number(element, "AZIMUTH_ANGLE")?,
                };
            }
        }
    }
    let sun = angles.find("Mean_Sun_Angle").ok_or("no Mean_Sun_Angle")?;
    Ok((Some(number(sun, "AZIMUTH_ANGLE")?), view))
}

fn table(model: Model) -> Result<AtmosphereTable, Failure> {
    let name = if model == Model::Physical { "s2_physical.s2lut" } else { "s2_parity.s2lut" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/lut").join(name);
    Ok(lut_file::read(&FileSource::open(&path)?)?)
}
