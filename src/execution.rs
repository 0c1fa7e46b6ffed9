//! How units of work are run, as a value.

use crate::error::{Error, Result};
use crate::kernels::KERNELS;
use crate::worker::BUILD;
use sen2cor_exec::{Executor, Flow, Processes, RunContext, Sequential, Threads, usable_memory_bytes};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// The ways of running units. The result is the same, bit by bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// One unit after the other in the calling thread.
    Sequential,
    /// A pool of threads.
    #[default]
    Threads,
    /// Worker processes; see [`worker`](crate::worker).
    Processes,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sequential, Self::Threads, Self::Processes];

    /// Name as on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Threads => "threads",
            Self::Processes => "processes",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.into_iter().find(|strategy| strategy.name() == text);
        found.ok_or_else(|| format!("expected {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// How a run is executed. The default is threads on all processors that the process may use.
///
/// ```
/// use sen2cor::{Execution, Strategy};
///
/// let execution = Execution { strategy: Strategy::Threads, workers: 2, ..Execution::default() };
/// assert_eq!(execution.start()?.slots(), 2);
/// # Ok::<(), sen2cor::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Execution {
    /// The way of running units.
    pub strategy: Strategy,
    /// Number of workers; 0 stands for all processors that this process may use. `Sequential` has one.
    pub workers: usize,
    /// A worker process that takes longer for one unit is ended, and the unit run again. `Processes` only.
    pub unit_limit: Option<Duration>,
    /// The executable that is started as worker process. Default: the one that runs now, which must call
    /// [`run_if_asked`](crate::worker::run_if_asked). `Processes` only.
    pub worker_program: Option<PathBuf>,
    /// Keeps the planes of `Processes` in files of the folder for temporary files even where they could be shared in
    /// memory.
    pub planes_in_files: bool,
}

impl Execution {
    /// Starts the workers. They end with the executor.
    ///
    /// # Errors
    /// If they cannot be started.
    pub fn start(&self) -> Result<Arc<dyn Executor>> {
        Ok(match self.strategy {
            Strategy::Sequential => Arc::new(Sequential::new(KERNELS)),
            Strategy::Threads => Arc::new(Threads::new(KERNELS, self.workers)?),
            Strategy::Processes => {
                let mut builder = Processes::builder(KERNELS, BUILD)
                    .workers(self.workers)
                    .unit_limit(self.unit_limit)
                    .planes_in_files(self.planes_in_files);
                if let Some(program) = &self.worker_program {
                    builder = builder.program(program);
                }
                Arc::new(builder.start()?)
            }
        })
    }
}

/// The executor that was set, else threads on all processors.
pub(crate) fn executor_or_threads(set: Option<&Arc<dyn Executor>>) -> Result<Arc<dyn Executor>> {
    set.map_or_else(|| Execution::default().start(), |executor| Ok(Arc::clone(executor)))
}

/// Share of the usable memory that planes may take if nothing else is said.
const SHARE_OF_MEMORY: (u64, u64) = (3, 4);

/// A context that limits the planes of a flow: to what was asked for, else to a share of the memory that this process may
/// use. Only the first may be too small to run at all.
pub(crate) fn with_budget(context: &RunContext, flow: &Flow<'_, Error>) -> RunContext {
    let mut context = context.clone();
    if context.plane_budget_bytes.is_none()
        && let Some(usable) = usable_memory_bytes()
    {
        let (share, of) = SHARE_OF_MEMORY;
        let (budget, minimum) = (usable / of * share, flow.minimum_plane_bytes());
        if minimum > budget {
            tracing::warn!(
                "the planes of this run need {} MiB at least; this process may use {} MiB of memory",
                minimum >> 20,
                usable >> 20
            );
        }
        context.plane_budget_bytes = Some(budget.max(minimum));
    }
    context
}

/// The absolute path of a folder. Places of files travel to workers as text.
pub(crate) fn utf8_folder(folder: &Path) -> Result<PathBuf> {
    let absolute =
        std::path::absolute(folder).map_err(|e| Error::output_io(folder, "finding the absolute path", e))?;
    if absolute.to_str().is_none() {
        let reason = "a path that is not UTF-8 cannot be used".to_owned();
        return Err(Error::output(sen2cor_io::Error::Format { file: absolute, reason }));
    }
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_have_the_names_of_their_executors() {
        for strategy in [Strategy::Sequential, Strategy::Threads] {
            let execution = Execution { strategy, workers: 1, ..Execution::default() };
            assert_eq!(execution.start().map(|e| e.name()).ok(), Some(strategy.name()));
            assert_eq!(strategy.name().parse(), Ok(strategy));
        }
        assert!("fibres".parse::<Strategy>().is_err_and(|e| e.contains("processes")));
    }
}
