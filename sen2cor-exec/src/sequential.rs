//! One unit after the other in the calling thread: the reference that the others are compared with.

use crate::error::ExecError;
use crate::executor::{Completion, Executor, Runner, run_here};
use crate::kernel::Registry;
use crate::plane::{HeapStore, PlaneStore};
use crate::stage::Job;
use std::collections::VecDeque;
use std::time::Duration;

/// Runs units in the calling thread.
#[derive(Clone, Copy, Debug)]
pub struct Sequential {
    registry: Registry,
}

impl Sequential {
    /// An executor that knows these kernels.
    pub const fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

impl Executor for Sequential {
    fn name(&self) -> &'static str {
        "sequential"
    }

    fn store(&self) -> &dyn PlaneStore {
        &HeapStore
    }

    fn slots(&self) -> usize {
        1
    }

    fn ahead(&self) -> usize {
        // Units run while they are waited for: nothing is gained by a queue.
        1
    }

    fn open(&self) -> Box<dyn Runner + '_> {
        Box::new(Queue { registry: self.registry, jobs: VecDeque::new() })
    }
}

struct Queue {
    registry: Registry,
    jobs: VecDeque<Job>,
}

impl Runner for Queue {
    fn submit(&mut self, job: Job) -> Result<(), ExecError> {
        self.jobs.push_back(job);
        Ok(())
    }

    fn next(&mut self, _: Duration) -> Result<Option<Completion>, ExecError> {
        let job = self.jobs.pop_front().ok_or(ExecError::Stopped { name: "sequential" })?;
        Ok(Some(run_here(self.registry, &job, 0)))
    }

    fn abandon(&mut self) {
        self.jobs.clear();
    }
}
