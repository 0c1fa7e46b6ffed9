//! The border between a flow and whoever runs its units.

use crate::cpu::thread_cpu;
use crate::error::{ExecError, KernelError};
use crate::kernel::Registry;
use crate::plane::PlaneStore;
use crate::stage::{Batch, Job};
use std::cell::Cell;
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

    /// Number of jobs that are best handed over at a time: enough that no worker waits for the next one.
    fn ahead(&self) -> usize {
        2 * self.slots()
    }

    /// CPU time that workers outside this process have used so far, without those that have ended.
    fn workers_cpu(&self) -> Duration {
        Duration::ZERO
    }

    /// Largest resident memory that one worker outside this process has had so far, without those that have ended; planes
    /// that it shares with others count.
    fn worker_peak_bytes(&self) -> Option<u64> {
        None
    }

    /// Opens a line of its own for one flow, so that several flows can share the workers.
    fn open(&self) -> Box<dyn Runner + '_>;
}

/// The line of one flow to the workers of an executor.
pub trait Runner {
    /// Hands over units. Does not wait for them.
    ///
    /// # Errors
    /// If the workers are gone.
    fn submit(&mut self, job: Job) -> Result<(), ExecError>;

    /// Waits until any submitted units are done, `None` if that takes longer than `patience`. Must only be called while
    /// some are submitted. The units of a job may come back in several parts. An executor that runs units in the calling thread does not look at the time.
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

/// Units that are done.
#[derive(Debug)]
pub struct Completion {
    /// Which ones: a job or a part of it.
    pub batch: Batch,
    /// Number of the worker that ran them.
    pub worker: usize,
    /// What they brought, or the number of the block that failed and why.
    pub result: Result<Outcome, (usize, UnitFailure)>,
    /// CPU time of all of them.
    pub cpu: Duration,
    /// When the first one started.
    pub started: Instant,
    /// When the last one was done.
    pub ended: Instant,
}

/// What units have brought, apart from their blocks of planes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The serialised partial result of each unit.
    pub partials: Vec<Vec<u8>>,
    /// Bytes that all of them have filled in slots.
    pub slot_bytes: u64,
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

/// Runs units in the calling thread and reports them, panics included.
pub(crate) fn run_here(registry: Registry, job: &Job, worker: usize) -> Completion {
    let batch = job.batch();
    let (started, cpu) = (Instant::now(), thread_cpu());
    let at = Cell::new(batch.first);
    // A kernel that panics leaves its block half written; the flow ends and its planes are dropped unread.
    let result = catch_unwind(AssertUnwindSafe(|| job.stage().run_units(registry, batch.units(), &at)));
    let result = match result {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => Err(UnitFailure::Kernel(error)),
        Err(panic) => Err(UnitFailure::Panic(panic_message(panic.as_ref()))),
    };
    Completion {
        batch,
        worker,
        result: result.map_err(|failure| (at.get(), failure)),
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
