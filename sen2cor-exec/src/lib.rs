//! The execution model of sen2cor: what runs where, and why the result is always the same.
//!
//! A [`Kernel`] is a named function of a few image windows. It sees arrays; it never sees threads, processes or files
//! of other units. A *stage* is a kernel with parameters, run once for every block of a
//! [`Tiling`](sen2cor_core::grid::Tiling); its result is a set of planes and one small partial result per block, handed
//! over in block order. A [`Flow`] is a graph of stages and of small steps between them. An [`Executor`] runs units
//! (one kernel on one block); it knows nothing of graphs.
//!
//! Why every executor gives the same bits:
//! - blocks come from options, never from the number of workers;
//! - a plane is written by one stage, each pixel by one unit, and is read only when that stage is finished;
//! - partial results are reduced in block order.
//!
//! Nothing that crosses the executor's border is a closure: a stage is plain data ([`StagePlan`]), a kernel is found by
//! its name in a plain table ([`Registry`]), parameters and partial results are serialised. So workers may live in
//! other threads, in other processes or on other machines.
//!
//! ```
//! use ndarray::array;
//! use sen2cor_core::grid::{Extent, Resolution, Tiling};
//! use sen2cor_exec::{
//!     ExecError, Flow, FrozenPlane, HeapStore, Kernel, KernelEntry, KernelError, PlaneSpec, Registry, RunContext,
//!     Sequential, UnitIo,
//! };
//!
//! struct Double;
//! impl Kernel for Double {
//!     const NAME: &'static str = "example.double/1";
//!     type Params = ();
//!     type Partial = ();
//!     fn run((): &(), io: &mut UnitIo<'_>) -> Result<(), KernelError> {
//!         let input = io.input::<u16>(0)?;
//!         let mut output = io.output::<u16>(0)?;
//!         output.zip_mut_with(&input, |out, value| *out = 2 * value);
//!         Ok(())
//!     }
//! }
//!
//! const KERNELS: Registry = Registry(&[KernelEntry::of::<Double>()]);
//! let extent = Extent::of_shape(2, 2, Resolution::R10);
//! let mut flow = Flow::<ExecError>::new();
//! let plane = FrozenPlane::from_array(&HeapStore, &array![[1u16, 2], [3, 4]], Resolution::R10)?;
//! let source = flow.import(plane);
//! let mut stage = flow.stage::<Double>("double", Tiling::square(extent, 1)).input(source);
//! let doubled = stage.output(PlaneSpec::grid::<u16>(extent, Resolution::R10));
//! stage.run(());
//! flow.keep(doubled);
//! let finished = flow.run(&Sequential::new(KERNELS), &RunContext::default())?;
//! assert_eq!(finished.plane(doubled)?.view::<u16>()?, array![[2, 4], [6, 8]]);
//! # Ok::<(), ExecError>(())
//! ```

mod context;
mod cpu;
mod error;
mod executor;
mod flow;
mod kernel;
mod plane;
mod processes;
mod sequential;
mod stage;
mod threads;
mod unit_io;

pub use context::{CancelToken, Event, Observer, RunContext};
pub use cpu::{ProcessUsage, children_cpu, process_usage, usable_memory_bytes};
pub use error::{ErrorKind, ExecError, KernelError};
pub use executor::{Completion, Executor, Outcome, Runner, UnitFailure};
pub use flow::{Finished, Flow, Need, PlaneHandle, Ready, Span, StageBuilder, StageRecord, Value};
pub use kernel::{Kernel, KernelEntry, Registry};
pub use plane::{
    Dtype, FrozenPlane, HeapStore, Layout, Location, OpenPlane, PlaneRef, PlaneSpec, PlaneStore, Sample,
};
pub use processes::{Processes, ProcessesBuilder, run_if_asked, serve_stdio};
pub use sequential::Sequential;
pub use stage::{Batch, Job, StagePlan, StageRun};
pub use threads::Threads;
pub use unit_io::UnitIo;
