//! Units on a pool of threads of its own.

use crate::error::ExecError;
use crate::executor::{Completion, Executor, Runner, run_here};
use crate::kernel::Registry;
use crate::plane::{HeapStore, PlaneStore};
use crate::stage::UnitJob;
use crossbeam::channel::{Receiver, Sender, unbounded};

/// Runs units on a rayon pool that belongs to this executor; the global pool is never touched.
pub struct Threads {
    registry: Registry,
    pool: rayon::ThreadPool,
}

impl Threads {
    /// A pool of `workers` threads; 0 means one for every processor that this process may use.
    ///
    /// # Errors
    /// If the system refuses the threads.
    pub fn new(registry: Registry, workers: usize) -> Result<Self, ExecError> {
        let workers = if workers == 0 { available_workers() } else { workers };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .thread_name(|index| format!("worker-{index}"))
            .build()
            .map_err(|e| ExecError::NoWorkers { reason: e.to_string() })?;
        Ok(Self { registry, pool })
    }
}

/// Processors that this process may use: affinity and cgroup quotas are respected.
fn available_workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Executor for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn store(&self) -> &dyn PlaneStore {
        &HeapStore
    }

    fn slots(&self) -> usize {
        self.pool.current_num_threads()
    }

    fn open(&self) -> Box<dyn Runner + '_> {
        let (sender, receiver) = unbounded();
        Box::new(Line { threads: self, sender, receiver })
    }
}

struct Line<'a> {
    threads: &'a Threads,
    sender: Sender<Completion>,
    receiver: Receiver<Completion>,
}

impl Runner for Line<'_> {
    fn submit(&mut self, job: UnitJob) -> Result<(), ExecError> {
        let (registry, sender) = (self.threads.registry, self.sender.clone());
        // First in, first out: the flow decides the order, not the pool.
        self.threads.pool.spawn_fifo(move || {
            let completion = run_here(registry, &job);
            // The stage must be let go before the flow hears of it, since the flow then frees the planes.
            drop(job);
            // Nobody listens any more after an error; the result is not wanted then.
            let _ = sender.send(completion);
        });
        Ok(())
    }

    fn next(&mut self) -> Result<Completion, ExecError> {
        self.receiver.recv().map_err(|_| ExecError::Stopped { name: "threads" })
    }
}
