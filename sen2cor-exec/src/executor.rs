//! The border between a flow and whoever runs its units.

use crate::cpu::thread_cpu;
use crate::error::{ExecError, KernelError};
use crate::kernel::Registry;
use crate::plane::PlaneStore;
use crate::stage::UnitJob;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Runs units. Object-safe: a program chooses one at run time.
pub trait Executor: Send + Sync {
    /// Short name, as on the command line.
    fn name(&self) -> &'static str;

    /// Where planes must live so that the workers reach them.
    fn store(&self) -> &dyn PlaneStore;

    /// Number of units that can run at the same time.
    fn slots(&self) -> usize;

    /// Number of units that are best handed over at a time: enough that no worker waits for the next one.
    fn ahead(&self) -> usize {
        2 * self.slots()
    }

    /// CPU time that workers outside this process have used so far, without those that have ended.
    fn workers_cpu(&self) -> Duration {
        Duration::ZERO
    }

    /// Opens a line of its own for one flow, so that several flows can share the workers.
    fn open(&self) -> Box<dyn Runner + '_>;
}

/// The line of one flow to the workers of an executor.
pub trait Runner {
    /// Hands over a unit. Does not wait for it.
    ///
    /// # Errors
    /// If the workers are gone.
    fn submit(&mut self, job: UnitJob) -> Result<(), ExecError>;

    /// Waits until any submitted unit is done, `None` if that takes longer than `patience`. Must only be called while a
    /// unit is submitted. An executor that runs units in the calling thread does not look at the time.
    ///
    /// # Errors
    /// If the workers are gone.
    fn next(&mut self, patience: Duration) -> Result<Option<Completion>, ExecError>;

    /// Says that a stage is finished: workers may forget it.
    fn close_stage(&mut self, _stage: u64) {}

    /// Says that nothing that was submitted is wanted any more. Returns when none of it runs.
    fn abandon(&mut self);
}

/// How long a coordinator waits before it looks again whether it is asked to stop.
pub(crate) const PATIENCE: Duration = Duration::from_millis(20);

/// A unit that is done.
#[derive(Debug)]
pub struct Completion {
    /// [`StagePlan::id`](crate::StagePlan::id) of its stage.
    pub stage: u64,
    /// Number of the block.
    pub unit: usize,
    /// Number of the worker that ran it.
    pub worker: usize,
    /// The serialised partial result, and the bytes that the unit has filled in slots.
    pub result: Result<(Vec<u8>, u64), UnitFailure>,
    /// CPU time of the unit.
    pub cpu: Duration,
    /// When it started.
    pub started: Instant,
    /// When it was done.
    pub ended: Instant,
}

/// Why a unit did not finish.
#[derive(Clone, Debug)]
pub enum UnitFailure {
    /// The kernel said so.
    Kernel(KernelError),
    /// The kernel panicked.
    Panic(String),
    /// The unit has lost so many workers that it is not tried again.
    Lost {
        /// How many.
        attempts: u32,
        /// How the last one ended.
        how: String,
    },
}

/// Runs a unit in the calling thread and reports it, panics included.
pub(crate) fn run_here(registry: Registry, job: &UnitJob, worker: usize) -> Completion {
    let (started, cpu) = (Instant::now(), thread_cpu());
    // A kernel that panics leaves its block half written; the flow ends and its planes are dropped unread.
    let result = catch_unwind(AssertUnwindSafe(|| job.stage().run_unit(registry, job.unit())));
    Completion {
        stage: job.plan().id,
        unit: job.unit(),
        worker,
        result: match result {
            Ok(result) => result.map_err(UnitFailure::Kernel),
            Err(panic) => Err(UnitFailure::Panic(panic_message(panic.as_ref()))),
        },
        cpu: thread_cpu().saturating_sub(cpu),
        started,
        ended: Instant::now(),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}
