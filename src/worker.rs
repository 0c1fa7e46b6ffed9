//! The worker's side of [`Strategy::Processes`](crate::Strategy::Processes).
//!
//! Worker processes run the same program as their host, as `PROGRAM worker --stdio`. So a program that links this crate and
//! wants worker processes makes one call at the top of its `main`:
//!
//! ```no_run
//! use sen2cor::{Execution, Processor, Strategy};
//!
//! fn main() -> sen2cor::Result<()> {
//!     sen2cor::worker::run_if_asked();
//!     let execution = Execution { strategy: Strategy::Processes, ..Execution::default() };
//!     let report = Processor::new("S2B_MSIL1C_20240305T104819_N0510_R051_T31TCJ_20240305T125347.SAFE")
//!         .with_executor(execution.start()?)
//!         .run()?;
//!     println!("{}", report.products[0].display());
//!     Ok(())
//! }
//! ```
//!
//! Or it names the command `sen2cor` of the same build as [`Execution::worker_program`](crate::Execution::worker_program).

use crate::kernels::KERNELS;
use std::process::ExitCode;

/// Names this build; workers of another one are refused.
pub const BUILD: &str = env!("SEN2COR_BUILD");

/// Turns this process into a worker, and ends it when its host is done, if its arguments are `worker --stdio`. Returns at
/// once otherwise. Nothing may be written to stdout before.
pub fn run_if_asked() {
    sen2cor_exec::run_if_asked(KERNELS, BUILD);
}

/// Serves a host on stdin and stdout until it is done.
pub fn serve() -> ExitCode {
    sen2cor_exec::serve_stdio(KERNELS, BUILD)
}
