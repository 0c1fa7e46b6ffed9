//! Units on a pool of threads of its own.

use crate::cpu::workers_or_all;
use crate::error::ExecError;
use crate::executor::{Completion, Executor, Runner, run_here};
use crate::kernel::Registry;
use crate::plane::{HeapStore, PlaneStore};
use crate::stage::Job;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
        let workers = workers_or_all(workers);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .thread_name(|index| format!("worker-{index}"))
            .build()
            .map_err(|e| ExecError::NoWorkers { reason: e.to_string() })?;
        Ok(Self { registry, pool })
    }
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
        Box::new(Line { threads: self, sender, receiver, unwanted: Arc::default() })
    }
}

struct Line<'a> {
    threads: &'a Threads,
    sender: Sender<Completion>,
    receiver: Receiver<Completion>,
    /// Set when they are not wanted any more.
    unwanted: Arc<AtomicBool>,
}

impl Runner for Line<'_> {
    fn submit(&mut self, job: Job) -> Result<(), ExecError> {
        let (registry, sender) = (self.threads.registry, self.sender.clone());
        let unwanted = Arc::clone(&self.unwanted);
        // First in, first out: the flow decides the order, not the pool.
        self.threads.pool.spawn_fifo(move || {
            if unwanted.load(Ordering::Relaxed) {
                return;
            }
            let worker = rayon::current_thread_index().unwrap_or_default();
            let completion = run_here(registry, &job, worker);
            // The stage must be let go before the flow hears of it, since the flow then frees the planes.
            drop(job);
            // Nobody listens any more after an error; the result is not wanted then.
            let _ = sender.send(completion);
        });
        Ok(())
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Completion>, ExecError> {
        match self.receiver.recv_timeout(patience) {
            Ok(completion) => Ok(Some(completion)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(ExecError::Stopped { name: "threads" }),
        }
    }

    fn abandon(&mut self) {
        self.unwanted.store(true, Ordering::Relaxed);
        // Units that run cannot be stopped. Those that wait come up one after the other, see the flag, and let go of
        // their end of the channel; when all have, the channel is closed.
        let (closed, _) = unbounded();
        self.sender = closed;
        while self.receiver.recv().is_ok() {}
    }
}
