//! Simulates scenes under known air, processes them with nothing given but elevation and aerosol type, and tells how near the results come.
//!
//! ```text
//! cargo run --release --example closed_loop [-- --size PIXELS] [--json FILE]
//! ```
//!
//! The scenes are made with the physical table. First come runs of model `physical`, whose limits are checked; then runs that assume ratios of
//! dark vegetation that are 10 % off, the other aerosol type, and the other table (model `sen2cor`), to show what that
//! costs. Ends with 0 only if all limits are kept.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that reports to the terminal")]

use ndarray::{Array2, Zip};
use sen2cor::core::grid::Resolution;
use sen2cor::core::sensor::Band;
use sen2cor::{
    Aerosol, Error, Layer, LayerArray, Model, ProcessingBaseline, Processor, RawOptions, Simulation,
    Simulator,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest errors: of optical depth, of water vapour (cm), of reflectance with the sun at 60 degrees at most, and lower.
const LIMITS: [f64; 4] = [0.02, 0.05, 0.003, 0.005];

/// Sun zenith angle above which the last limit holds, degrees.
const LOW_SUN_DEG: f64 = 60.0;

/// Bands of the comparison by grid.
const FINE: [Band; 4] = [Band::B02, Band::B03, Band::B04, Band::B08];
const COARSE: [Band; 6] = [Band::B05, Band::B06, Band::B07, Band::B8A, Band::B11, Band::B12];

/// Optical depth, water vapour (cm), sun zenith (degrees), elevation (km), type.
type Air = (f64, f64, f64, f64, Aerosol);

const CASES: [Air; 14] = [
    (0.05, 2.0, 40.0, 0.0, Aerosol::Rural),
    (0.05, 0.5, 70.0, 0.0, Aerosol::Rural),
    (0.1, 0.3, 20.0, 0.0, Aerosol::Rural),
    (0.1, 1.0, 60.0, 1.5, Aerosol::Maritime),
    (0.2, 0.3, 60.0, 2.5, Aerosol::Rural),
    (0.2, 5.0, 30.0, 0.0, Aerosol::Maritime),
    (0.3, 2.5, 40.0, 0.1, Aerosol::Rural),
    (0.3, 2.5, 40.0, 1.0, Aerosol::Maritime),
    (0.3, 2.0, 70.0, 0.0, Aerosol::Rural),
    (0.5, 4.0, 50.0, 0.0, Aerosol::Rural),
    (0.5, 1.0, 70.0, 1.0, Aerosol::Maritime),
    (0.8, 2.0, 30.0, 0.0, Aerosol::Rural),
    (0.8, 1.0, 50.0, 2.5, Aerosol::Maritime),
    (0.8, 5.0, 60.0, 0.0, Aerosol::Maritime),
];

/// Which of the cases are processed with wrong assumptions.
const WRONG: [usize; 3] = [0, 6, 11];

/// What a run assumes.
#[derive(Clone, Copy)]
enum Assumed {
    Truth,
    /// Ratio of red over B12 in dark vegetation.
    Ratio(f64),
    OtherType,
    OtherTable,
}

impl Assumed {
    const WRONG: [Self; 4] = [Self::Ratio(0.45), Self::Ratio(0.55), Self::OtherType, Self::OtherTable];

    fn name(self) -> String {
        match self {
            Self::Truth => "the truth".to_owned(),
            Self::Ratio(ratio) => format!("red/B12 {ratio}"),
            Self::OtherType => "other type".to_owned(),
            Self::OtherTable => "other table".to_owned(),
        }
    }

    fn set(self, air: &Air, options: &mut RawOptions) {
        let mut aerosol = air.4;
        let atmosphere = &mut options.atmosphere;
        atmosphere.model = Some(Model::Physical);
        atmosphere.elevation_km = Some(air.3);
        match self {
            Self::Truth => {}
            Self::Ratio(ratio) => options.retrieval.red_over_swir = Some(ratio),
            Self::OtherType if aerosol == Aerosol::Rural => aerosol = Aerosol::Maritime,
            Self::OtherType => aerosol = Aerosol::Rural,
            Self::OtherTable => atmosphere.model = Some(Model::Sen2cor),
        }
        atmosphere.aerosol = Some(aerosol.into());
    }
}

/// Root mean square errors of a run: optical depth, water vapour (cm), reflectance by band; and the mean difference of optical depth.
struct Errors {
    aot: f64,
    aot_bias: f64,
    water_cm: f64,
    bands: Vec<(Band, f64)>,
}

impl Errors {
    fn worst(&self) -> (Band, f64) {
        self.bands
            .iter()
            .copied()
            .fold((Band::B02, 0.0), |worst, next| if next.1 > worst.1 { next } else { worst })
    }

    fn within(&self, air: &Air) -> bool {
        let limit = if air.2 > LOW_SUN_DEG { LIMITS[3] } else { LIMITS[2] };
        self.aot <= LIMITS[0] && self.water_cm <= LIMITS[1] && self.worst().1 <= limit
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, anyhow::Error> {
    let (mut size_px, mut json_file) = (600, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next()) {
            ("--size", Some(size)) => size_px = size.parse()?,
            ("--json", Some(file)) => json_file = Some(PathBuf::from(file)),
            _ => anyhow::bail!("usage: closed_loop [--size PIXELS] [--json FILE]"),
        }
    }
    println!(
        "| AOT | water, cm | sun zenith | elevation, km | type | assumed | AOT error (bias) | water error, cm | reflectance error, worst band | B02 | B04 | B8A | B12 |"
    );
    println!("|{}", " --- |".repeat(13));
    let (mut rows, mut within) = (Vec::new(), true);
    for air in &CASES {
        let scene = Simulated::new(size_px, air)?;
        let errors = scene.errors(Assumed::Truth)?;
        within &= errors.within(air);
        rows.push(report(air, Assumed::Truth, &errors));
    }
    for air in WRONG.map(|case| CASES[case]) {
        let scene = Simulated::new(size_px, &air)?;
        for assumed in Assumed::WRONG {
            rows.push(report(&air, assumed, &scene.errors(assumed)?));
        }
    }
    if let Some(file) = json_file {
        std::fs::write(file, serde_json::to_string_pretty(&json!({ "cases": rows }))?)?;
    }
    println!("{}", if within { "within the limits" } else { "NOT within the limits" });
    Ok(within)
}

/// A product on the disk, and its truth.
struct Simulated {
    air: Air,
    folder: tempfile::TempDir,
    product: PathBuf,
}

impl Simulated {
    fn new(size_px: u32, air: &Air) -> Result<Self, anyhow::Error> {
        let (aot_550, water_vapour_cm, sun_zenith_deg, elevation_km, aerosol) = *air;
        let folder = tempfile::tempdir()?;
        let simulation = Simulation {
            size_px,
            aot_550,
            water_vapour_cm,
            sun_zenith_deg,
            elevation_km,
            aerosol,
            model: Model::Physical,
            // Products of this baseline hold no forecast of the aerosol, which would tell the truth.
            baseline: ProcessingBaseline { major: 3, minor: 1 },
            ..Simulation::default()
        };
        let truth = folder.path().join("truth");
        let report = Simulator::new(simulation, folder.path()).with_truth(truth).run()?;
        let product = report.products.first().cloned().ok_or_else(|| anyhow::anyhow!("no product"))?;
        Ok(Self { air: *air, folder, product })
    }

    fn truth<T: ndarray_npy::ReadableElement>(&self, name: &str) -> Result<Array2<T>, anyhow::Error> {
        let path: &Path = &self.folder.path().join("truth").join(format!("{name}.npy"));
        Ok(ndarray_npy::read_npy(path)?)
    }

    fn layers(
        &self,
        assumed: Assumed,
        layers: &[Layer],
        grid: Resolution,
    ) -> Result<Vec<Array2<f32>>, Error> {
        let processor = Processor::builder()
            .input(&self.product)
            .configure(|options| assumed.set(&self.air, options))
            .build()?;
        Ok(processor.layers(layers, grid, None)?.iter().map(LayerArray::values).collect())
    }

    fn errors(&self, assumed: Assumed) -> Result<Errors, anyhow::Error> {
        let mut bands = Vec::new();
        let mut compare = |names: &[Band], found: &[Array2<f32>], clear: &Array2<bool>| {
            for (band, found) in names.iter().zip(found) {
                let truth = self.truth::<f32>(&format!("surface_reflectance_{band}"))?;
                bands.push((*band, rmse_and_bias(found, &truth, clear).0));
            }
            Ok::<(), anyhow::Error>(())
        };
        let clear = |grid: Resolution| {
            Ok::<_, anyhow::Error>(self.truth::<u8>(&format!("clear_{}", grid.suffix()))?.mapv(|v| v == 1))
        };
        let found = self.layers(assumed, &FINE.map(Layer::SurfaceReflectance), Resolution::R10)?;
        compare(&FINE, &found, &clear(Resolution::R10)?)?;
        let mut layers = COARSE.map(Layer::SurfaceReflectance).to_vec();
        layers.extend([Layer::Aot550, Layer::WaterVapourCm]);
        let found = self.layers(assumed, &layers, Resolution::R20)?;
        let clear = clear(Resolution::R20)?;
        compare(&COARSE, &found, &clear)?;
        let class = self.truth::<u8>("class_20m")?;
        let land = Zip::from(&class).and(&clear).map_collect(|c, clear| *clear && matches!(c, 4 | 5 | 11));
        let [aot, water] = &found[COARSE.len()..] else { anyhow::bail!("layers are missing") };
        let (aot_error, aot_bias) = rmse_and_bias(aot, &aot.mapv(|_| self.air.0 as f32), &clear);
        let (water_cm, _) = rmse_and_bias(water, &water.mapv(|_| self.air.1 as f32), &land);
        Ok(Errors { aot: aot_error, aot_bias, water_cm, bands })
    }
}

fn rmse_and_bias(found: &Array2<f32>, truth: &Array2<f32>, wanted: &Array2<bool>) -> (f64, f64) {
    let (mut count, mut squares, mut sum) = (0.0f64, 0.0, 0.0);
    for ((found, truth), _) in
        found.iter().zip(truth).zip(wanted).filter(|((found, _), w)| **w && !found.is_nan())
    {
        let difference = f64::from(found - truth);
        (count, squares, sum) = (count + 1.0, squares + difference * difference, sum + difference);
    }
    if count == 0.0 { (f64::NAN, f64::NAN) } else { ((squares / count).sqrt(), sum / count) }
}

fn report(air: &Air, assumed: Assumed, errors: &Errors) -> Value {
    let (aot, water, zenith, km, aerosol) = *air;
    let (worst, error) = errors.worst();
    let of = |wanted: Band| errors.bands.iter().find(|(band, _)| *band == wanted).map_or(f64::NAN, |b| b.1);
    println!(
        "| {aot} | {water} | {zenith} | {km} | {aerosol} | {} | {:.4} ({:+.4}) | {:.3} | {error:.4} {worst} | {:.4} | {:.4} | {:.4} | {:.4} |",
        assumed.name(),
        errors.aot,
        errors.aot_bias,
        errors.water_cm,
        of(Band::B02),
        of(Band::B04),
        of(Band::B8A),
        of(Band::B12),
    );
    let bands: serde_json::Map<String, Value> =
        errors.bands.iter().map(|(band, error)| (band.name().to_owned(), json!(error))).collect();
    json!({
        "aot_550": aot, "water_vapour_cm": water, "sun_zenith_deg": zenith, "elevation_km": km,
        "aerosol": aerosol.name(), "assumed": assumed.name(), "aot_rmse": errors.aot, "aot_bias": errors.aot_bias,
        "water_vapour_rmse_cm": errors.water_cm, "rmse": bands,
    })
}
