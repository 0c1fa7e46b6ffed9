//! What a run is told from outside: when to stop, whom to tell of its progress, how much memory to use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks a run to stop. Clones ask the same run.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks the run to stop. It ends after the units that are running.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself, for signal handlers.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// Something that happened in a run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A flow begins.
    FlowStarted {
        /// Units of all its stages.
        units: usize,
    },
    /// A stage or step begins.
    Started {
        /// Its label.
        label: &'a str,
    },
    /// A unit is done.
    UnitDone {
        /// Label of its stage.
        label: &'a str,
    },
    /// A stage or step is complete.
    Finished {
        /// Its label.
        label: &'a str,
        /// CPU time of all its units.
        cpu_s: f64,
    },
}

/// Is told of events, in the thread of the coordinator.
pub trait Observer: Send + Sync {
    /// Takes note of an event.
    fn event(&self, event: &Event<'_>);
}

/// What a run is told from outside.
#[derive(Clone, Default)]
pub struct RunContext {
    /// Asks the run to stop.
    pub cancel: CancelToken,
    /// Is told of progress.
    pub observer: Option<Arc<dyn Observer>>,
    /// Bytes that planes may take. A stage whose outputs would exceed it, or would leave too little for the rest, waits
    /// until planes are freed. A flow that cannot run with it is refused. `None`: no limit.
    pub plane_budget_bytes: Option<u64>,
}

impl RunContext {
    pub(crate) fn tell(&self, event: &Event<'_>) {
        if let Some(observer) = &self.observer {
            observer.event(event);
        }
    }
}
