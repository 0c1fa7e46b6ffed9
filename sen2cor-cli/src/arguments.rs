//! What can be typed on the command line.

use crate::drop_in::L2aProcessArguments;
use crate::option_arguments::OptionArguments;
use crate::quantities::{seconds, size};
use clap::{Args, Parser, Subcommand, ValueEnum};
use sen2cor::{Aerosol, Model, ProcessingBaseline, Spacecraft, Strategy, Timestamp};
use std::path::PathBuf;
use std::time::Duration;

/// Sentinel-2 Level-2A processor: scene classification and atmospheric correction of Level-1C products.
#[derive(Debug, Parser)]
#[command(name = "sen2cor", version, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) log: LogArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a Level-2A product from a Level-1C product.
    Process(Box<ProcessArguments>),
    /// Tell what is in a Level-1C product.
    Inspect(InspectArguments),
    /// Print names and addresses of the elevation tiles that a product needs. Nothing is downloaded.
    DemTiles(InspectArguments),
    /// Compare the files of a product, of either level, with its manifest.
    Verify(VerifyArguments),
    /// Write a Level-1C product of a built-in scene whose true surface reflectance is known.
    Simulate(SimulateArguments),
    /// Simulate a product, process it and say where to look.
    Demo(DemoArguments),
    /// Process with the arguments and parameter files of the original's `L2A_Process`.
    L2aProcess(Box<L2aProcessArguments>),
    /// Print the options of a run: as they are in effect, or as a schema.
    Options(Box<OptionsArguments>),
    /// Print a script that lets a shell complete command lines.
    Completions(CompletionsArguments),
    /// Print the manual page.
    Man(ManArguments),
    /// Run the same product by every strategy and number of workers, and compare time, memory and results.
    Compare(CompareArguments),
    /// Run units for another process of this program, which starts it.
    #[command(hide = true)]
    Worker(WorkerArguments),
}

#[derive(Args, Debug)]
pub(crate) struct CompareArguments {
    /// The Level-1C product that is processed.
    #[arg(required_unless_present = "simulate", conflicts_with = "simulate")]
    pub(crate) input: Option<PathBuf>,
    /// Simulate a product with this edge in pixels of 10 m instead.
    #[arg(long, value_name = "SIZE")]
    pub(crate) simulate: Option<u32>,
    /// Strategies to compare.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "sequential,threads,processes")]
    pub(crate) executors: Vec<Strategy>,
    /// Numbers of workers, such as 1,2,4 [default: powers of two up to all processors].
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) workers: Vec<usize>,
    /// How often everything is run, in turns.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) repeat: usize,
    /// Write all figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draw the run times, with those of the stages, as a picture.
    #[arg(long, value_name = "FILE.svg|.png")]
    pub(crate) plot: Option<PathBuf>,
    /// Keep the products.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Folder for products while they are compared [default: that for temporary files].
    #[arg(long, value_name = "DIR")]
    pub(crate) work_dir: Option<PathBuf>,
    /// Options of `process`, behind two dashes, for all runs.
    #[arg(last = true, value_name = "OPTIONS")]
    pub(crate) options: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct WorkerArguments {
    /// Exchange messages on stdin and stdout.
    #[arg(long, required = true)]
    stdio: bool,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LogArguments {
    /// Form of the log on stderr.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Plain)]
    pub(crate) log_format: LogFormat,
    /// Least severe message that is logged.
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Info)]
    pub(crate) log_level: LogLevel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Plain,
    /// One JSON object per line.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ExecutionArguments {
    /// How units of work are run. The result is the same, bit by bit.
    #[arg(
        long,
        value_name = "sequential|threads|processes",
        default_value_t = Strategy::Threads,
        help_heading = "Execution"
    )]
    pub(crate) executor: Strategy,
    /// Number of threads or processes; 0 stands for all processors that this process may use.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Execution")]
    pub(crate) workers: usize,
    /// Memory that images may take at a time, e.g. 4GiB or 800MB [default: three quarters of the memory that this
    /// process may use]. Less memory means that fewer stages run at the same time.
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Execution")]
    pub(crate) memory_budget: Option<u64>,
    /// End a worker process that takes longer for one unit of work, and run the unit again.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Execution")]
    pub(crate) unit_timeout: Option<Duration>,
    /// Write where the time went, one row per worker, as a trace for chrome://tracing or ui.perfetto.dev.
    #[arg(long, value_name = "FILE", help_heading = "Execution")]
    pub(crate) trace: Option<PathBuf>,
    /// Write what the run has cost, as JSON.
    #[arg(long, value_name = "FILE", help_heading = "Execution")]
    pub(crate) summary: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ProcessArguments {
    /// The Level-1C product: its folder, its MTD_MSIL1C.xml or a zip archive of it.
    pub(crate) input: PathBuf,
    /// Folder in which the product is made. Default: the folder that holds the input.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: OptionArguments,
    #[command(flatten)]
    pub(crate) execution: ExecutionArguments,
    /// Print the graph of the run with the bytes that each stage writes, and stop.
    #[arg(long, help_heading = "Execution")]
    pub(crate) explain: bool,
}

#[derive(Args, Debug)]
pub(crate) struct InspectArguments {
    /// The Level-1C product: its folder, its MTD_MSIL1C.xml or a zip archive of it.
    pub(crate) input: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// The product, Level-1C or Level-2A: its folder or a zip archive of it.
    pub(crate) product: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct SimulateArguments {
    /// Folder in which the product is made.
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    pub(crate) output_dir: PathBuf,
    /// Edge of the scene in pixels of 10 m, a multiple of 6, 60 to 10980.
    #[arg(long, value_name = "N", default_value_t = 1098)]
    pub(crate) size: u32,
    /// Aerosol optical depth at 550 nm above the ground, 0 to 1.8.
    #[arg(long, value_name = "X", default_value_t = 0.2)]
    pub(crate) aot_550: f64,
    /// Water vapour column above the ground, 0 to 7 cm.
    #[arg(long, value_name = "X", default_value_t = 2.0)]
    pub(crate) water_vapour_cm: f64,
    /// Ozone column, 100 to 600 Dobson units.
    #[arg(long, value_name = "X", default_value_t = 331.0)]
    pub(crate) ozone_du: f64,
    /// Sun zenith angle, 0 to 82 degrees.
    #[arg(long, value_name = "X", default_value_t = 40.0)]
    pub(crate) sun_zenith_deg: f64,
    /// Elevation of the ground, 0 to 5 km.
    #[arg(long, value_name = "X", default_value_t = 0.1)]
    pub(crate) elevation_km: f64,
    /// Aerosol type.
    #[arg(long, value_name = "rural|maritime", default_value_t = Aerosol::Rural)]
    pub(crate) aerosol: Aerosol,
    /// Model of the atmosphere.
    #[arg(long, value_name = "sen2cor|physical", default_value_t = Model::Physical)]
    pub(crate) model: Model,
    /// Processing baseline of the product, 02.04 or later.
    #[arg(long, value_name = "DD.DD", default_value = "05.10")]
    pub(crate) baseline: ProcessingBaseline,
    /// Spacecraft.
    #[arg(long, value_name = "S2A|S2B|S2C|S2D", default_value_t = Spacecraft::S2A)]
    pub(crate) spacecraft: Spacecraft,
    /// Which scene: any number.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write the true surface reflectance of each band on its own grid, the truth of the classes and the clear pixels
    /// as .npy files into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) truth: Option<PathBuf>,
    /// Replace a product of the same name.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Time that goes into names and metadata, e.g. 2026-01-31T12:00:00Z. Default: SOURCE_DATE_EPOCH if it is set, else
    /// now.
    #[arg(long, value_name = "TIME")]
    pub(crate) generation_time: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) execution: ExecutionArguments,
}

#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// Folder for the products and pictures.
    #[arg(long, short, value_name = "DIR", default_value = "sen2cor-demo")]
    pub(crate) output_dir: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct OptionsArguments {
    /// Print the options that are in effect as a configuration file in TOML, with their meaning. This is what happens
    /// without any flag.
    #[arg(long)]
    pub(crate) print: bool,
    /// Print the JSON schema of configuration files.
    #[arg(long, conflicts_with = "print")]
    pub(crate) schema: bool,
    #[command(flatten)]
    pub(crate) options: OptionArguments,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ManArguments {
    /// A command, whose page is printed instead of that of the program.
    pub(crate) command: Option<String>,
    /// Write all pages into this folder.
    #[arg(long, short, value_name = "DIR", conflicts_with = "command")]
    pub(crate) output_dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }
}
