//! Compares the correction with ESA's own Level-2A of the same pixels, where only the pixels are known.
//!
//! ```text
//! cargo run --release --example validate_pairs -- CHIP.npz... [--json FILE]
//! ```
//!
//! A chip is an `.npz` with the Level-1C bands `B02` to `B12` (reflectance x 10000, 0 = no data, each on its own grid), the Level-2A bands
//! `L2A_B02` and so on, and the elevation `DEM` (metres, 10 m grid). Its `.json` names the spacecraft and, under `angles`, the tile metadata
//! from which view directions and a first sun azimuth are taken. Sun zenith angle, aerosol optical depth and water vapour are fitted, for both
//! seasons and both aerosol types, and on sloping ground the sun azimuth as well. Prints bias, root mean square error and
//! correlation per band for both models. Ends with 0 unless something cannot be read or written.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example that reports to the terminal")]

mod chip;
mod moments;
mod search;
mod setting;
mod simplex;
mod statistics;

use chip::Chip;
use search::Found;
use sen2cor::core::aerosol::Aerosol;
use sen2cor::core::reflectance::Model;
use sen2cor::core::season::Season;
use sen2cor::core::table::AtmosphereTable;
use sen2cor::io::auxiliary::lut_file;
use sen2cor::io::bytes::FileSource;
use serde_json::{Value, json};
use setting::Setting;
use simplex::Fit;
use statistics::{Statistics, pooled};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

type Failure = Box<dyn Error + Send + Sync>;

/// Limits for model `sen2cor`: error over all bands, and of each.
const LIMITS: (f64, f64) = (0.0040, 0.0065);

/// How many of the best fits for flat ground are followed on sloping ground.
const FOLLOWED: usize = 2;

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
        let named = |e: Failure| format!("{}: {e}", path.display());
        let chip = Chip::read(path).map_err(named)?;
        for model in Model::ALL {
            results.push(validate(&chip, model).map_err(named)?);
        }
    }
    if let Some(path) = json_file {
        let text = serde_json::to_string_pretty(&json!({ "chips": results }))?;
        std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

fn validate(chip: &Chip, model: Model) -> Result<Value, Failure> {
    let table = table(model)?;
    let mut settings = Vec::new();
    for season in [Season::Summer, Season::Winter] {
        // The season has no influence on the physical model.
        if model == Model::Sen2cor || season == Season::Summer {
            for aerosol in Aerosol::ALL {
                settings.push(Setting { chip, table: &table, model, season, aerosol, rugged: false });
            }
        }
    }
    let mut found = side_by_side(&settings, |setting| Ok((setting, search::flat(&setting)?)))?;
    found.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    if chip.rugged {
        let likely: Vec<_> = found.iter().take(FOLLOWED).copied().collect();
        found.extend(side_by_side(&likely, |(setting, (_, fit))| {
            let rugged = Setting { rugged: true, ..setting };
            Ok((rugged, search::sloping(&rugged, fit)?))
        })?);
    }
    found.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    let (setting, (_, fit)) = found.first().ok_or("nothing was fitted")?;
    Ok(report(setting, fit, &setting.statistics(fit)?))
}

/// Runs fits at the same time.
fn side_by_side<'a, T: Copy + Send>(
    inputs: &[T],
    fit: impl Fn(T) -> Result<(Setting<'a>, Found), Failure> + Sync,
) -> Result<Vec<(Setting<'a>, Found)>, Failure> {
    std::thread::scope(|scope| {
        let fit = &fit;
        let runs: Vec<_> = inputs.iter().map(|&input| scope.spawn(move || fit(input))).collect();
        runs.into_iter().map(|run| run.join().map_err(|_| "a fit did not end")?).collect()
    })
}

fn report(setting: &Setting<'_>, fit: &Fit, statistics: &[Statistics]) -> Value {
    let (rmse, chip) = (pooled(statistics), setting.chip);
    let [zenith, aot, water, azimuth] = fit.0;
    let ground = if setting.rugged { format!("terrain, azimuth {azimuth:.0}") } else { "flat".to_owned() };
    println!(
        "{} {}: rmse {rmse:.4}; {} {}, sun zenith {zenith:.1}, aot {aot:.3}, water {water:.2} cm, {ground}",
        chip.name, setting.model, setting.season, setting.aerosol,
    );
    let mut bands = serde_json::Map::new();
    for (pair, s) in chip.pairs.iter().zip(statistics) {
        println!("  {:4} bias {:8.4}  rmse {:7.4}  r {:6.4}", pair.band.name(), s.bias, s.rmse, s.r);
        bands.insert(pair.band.name().to_owned(), json!({"bias": s.bias, "rmse": s.rmse, "r": s.r}));
    }
    if setting.model == Model::Sen2cor {
        let within = rmse <= LIMITS.0 && statistics.iter().all(|s| s.rmse <= LIMITS.1);
        println!("  {}", if within { "within the limits" } else { "NOT within the limits" });
    }
    json!({
        "chip": chip.name, "model": setting.model.name(), "rmse": rmse, "bands": bands,
        "season": setting.season.name(), "aerosol": setting.aerosol.name(), "sun_zenith_deg": zenith,
        "aot_550": aot, "water_vapour_cm": water, "terrain": setting.rugged,
        "sun_azimuth_deg": setting.rugged.then_some(azimuth),
    })
}

fn table(model: Model) -> Result<AtmosphereTable, Failure> {
    let name = if model == Model::Physical { "s2_physical.s2lut" } else { "s2_parity.s2lut" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/lut").join(name);
    Ok(lut_file::read(&FileSource::open(&path)?)?)
}
