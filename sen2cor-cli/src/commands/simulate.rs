//! `sen2cor simulate`

use super::{conclude, context, executor, generation_time};
use crate::arguments::SimulateArguments;
use crate::signals::Stop;
use indicatif::ProgressBar;
use sen2cor::{Simulation, Simulator};
use std::process::ExitCode;

pub(crate) fn run(arguments: &SimulateArguments, stop: &Stop, bar: &ProgressBar) -> anyhow::Result<ExitCode> {
    let simulation = Simulation {
        size_px: arguments.size,
        aot_550: arguments.aot_550,
        water_vapour_cm: arguments.water_vapour_cm,
        ozone_du: arguments.ozone_du,
        sun_zenith_deg: arguments.sun_zenith_deg,
        elevation_km: arguments.elevation_km,
        aerosol: arguments.aerosol,
        model: arguments.model,
        baseline: arguments.baseline,
        spacecraft: arguments.spacecraft,
        seed: arguments.seed,
        generation_time: generation_time(arguments.generation_time)?,
    };
    let mut simulator = Simulator::new(simulation, &arguments.output_dir)
        .with_executor(executor(&arguments.execution)?)
        .with_context(context(stop, bar, arguments.execution.memory_budget))
        .with_overwrite(arguments.overwrite);
    if let Some(folder) = &arguments.truth {
        simulator = simulator.with_truth(folder);
    }
    let report = simulator.run()?;
    conclude(&report, &arguments.execution, bar)
}
