//! Units in worker processes of this machine.
//!
//! Workers are children of this process that run the same program (or another one of the same build) as
//! `PROGRAM worker --stdio`. Pixels stay in memory that all of them map; through the pipes go only messages of some ten
//! bytes per batch of units. A worker that crashes, hangs or is killed takes no unit with it: its units are run again
//! elsewhere.
//!
//! | file | what it does |
//! | --- | --- |
//! | `wire.rs`, `frame.rs` | the messages and their form |
//! | `coordinator.rs` | decides, without input or output |
//! | `pool.rs`, `child.rs` | move the bytes, start and end processes |
//! | `worker.rs`, `os.rs` | the other side |

mod child;
mod coordinator;
#[cfg(test)]
mod coordinator_tests;
mod frame;
mod os;
mod pool;
mod wire;
mod worker;
#[cfg(all(test, unix))]
mod worker_tests;

pub use worker::{run_if_asked, serve_stdio};

use crate::cpu::{peak_of_process, workers_or_all};
use crate::error::ExecError;
use crate::executor::{Completion, Executor, Runner};
use crate::kernel::Registry;
use crate::plane::{OnFree, PlaneStore, SharedStore};
use crate::stage::Job;
use child::{Recipe, Refusal};
use coordinator::Event;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use pool::{News, Pool};
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use wire::ToWorker;

/// How long workers that have nothing to do may take to end.
const GOODBYE: Duration = Duration::from_millis(500);

/// Runs units in child processes. They end with this value.
pub struct Processes {
    pool: Arc<Pool>,
    store: Arc<SharedStore>,
    workers: usize,
    threads: Vec<JoinHandle<()>>,
    /// Closed when the pool ends.
    watching: Option<Sender<()>>,
    ended: Receiver<()>,
}

/// Says how worker processes are made. Nothing is started before [`ProcessesBuilder::start`].
#[derive(Clone, Debug)]
pub struct ProcessesBuilder {
    registry: Registry,
    build: String,
    workers: usize,
    program: Option<PathBuf>,
    unit_limit: Option<Duration>,
    files: bool,
}

impl ProcessesBuilder {
    /// Number of workers; 0, the default, means one for every processor that this process may use.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// The executable that is started as `PROGRAM worker --stdio`. Default: the one that runs now, which must call
    /// [`run_if_asked`] at the beginning of its `main`.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// A worker that takes longer for one unit is ended and the unit run again. Default: no limit.
    #[must_use]
    pub fn unit_limit(mut self, limit: Option<Duration>) -> Self {
        self.unit_limit = limit;
        self
    }

    /// Keeps planes in files even where they could be shared in memory.
    #[must_use]
    pub fn planes_in_files(mut self, files: bool) -> Self {
        self.files = files;
        self
    }

    /// Starts the workers and waits for their greetings. Where planes in memory cannot be shared, files in the folder
    /// for temporary files are used.
    ///
    /// # Errors
    /// If no worker can be started, or the program is no worker of this build.
    pub fn start(self) -> Result<Processes, ExecError> {
        let no_workers = |reason: String| ExecError::NoWorkers { reason };
        let program = match &self.program {
            Some(program) => program.clone(),
            None => std::env::current_exe().map_err(|e| no_workers(format!("which program this is: {e}")))?,
        };
        let recipe = Recipe { registry: self.registry, build: self.build.clone(), program };
        if !self.files {
            match self.start_with(recipe.clone(), SharedStore::in_memory) {
                Some(Err(Refusal::NoPlanes(_))) | None => {}
                Some(started) => return started.map_err(|refusal| no_workers(refusal.to_string())),
            }
        }
        match self.start_with(recipe, SharedStore::in_files) {
            Some(started) => started.map_err(|refusal| no_workers(refusal.to_string())),
            None => Err(no_workers("no folder for planes".to_owned())),
        }
    }

    fn start_with(
        &self,
        recipe: Recipe,
        store: impl FnOnce(&OnFree) -> io::Result<SharedStore>,
    ) -> Option<Result<Processes, Refusal>> {
        let workers = workers_or_all(self.workers);
        let pool = Pool::new(recipe, workers, self.unit_limit);
        let weak: Weak<Pool> = Arc::downgrade(&pool);
        let on_free: OnFree = Arc::new(move |memory| {
            if let Some(pool) = weak.upgrade() {
                pool.on(Event::Freed { memory }, None);
            }
        });
        let store = Arc::new(store(&on_free).ok()?);
        Some(Processes::begin(pool, store, workers, self.unit_limit))
    }
}

impl Processes {
    /// Workers that know these kernels. `build` names the program, so that two builds do not mix.
    pub fn builder(registry: Registry, build: impl Into<String>) -> ProcessesBuilder {
        ProcessesBuilder {
            registry,
            build: build.into(),
            workers: 0,
            program: None,
            unit_limit: None,
            files: false,
        }
    }

    /// Process ids of the workers that are alive.
    pub fn worker_ids(&self) -> Vec<u32> {
        self.pool.ids()
    }

    /// The folder in which planes are kept; `None` if they are in memory.
    pub fn planes_folder(&self) -> Option<PathBuf> {
        self.store.folder().map(ToOwned::to_owned)
    }

    fn begin(
        pool: Arc<Pool>,
        store: Arc<SharedStore>,
        workers: usize,
        unit_limit: Option<Duration>,
    ) -> Result<Self, Refusal> {
        let (first, firsts) = unbounded();
        let (running, ended) = bounded::<()>(0);
        let mut threads = Vec::new();
        for worker in 0..workers {
            let (pool, store) = (Arc::clone(&pool), Arc::downgrade(&store));
            let (first, running) = (first.clone(), running.clone());
            threads.push(named(format!("link-{worker}"), move || {
                pool.run_worker(worker, &store, &first);
                drop(running);
            })?);
        }
        let mut watching = None;
        if let Some(limit) = unit_limit {
            let (keep, until) = bounded(0);
            let interval = (limit / 8).clamp(Duration::from_millis(5), Duration::from_secs(1));
            let pool = Arc::clone(&pool);
            threads.push(named("watch".to_owned(), move || pool.watch(interval, &until))?);
            watching = Some(keep);
        }
        drop((first, running));
        let processes = Self { pool, store, workers, threads, watching, ended };
        let refusals: Vec<Refusal> = (0..workers).filter_map(|_| firsts.recv().ok().flatten()).collect();
        // One worker less is a pool that is slower than it should be, without anybody knowing why.
        refusals.into_iter().next().map_or(Ok(processes), Err)
    }
}

fn named(name: String, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Refusal> {
    std::thread::Builder::new().name(name).spawn(work).map_err(|e| Refusal::Other(e.to_string()))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlanes(why) => write!(f, "planes cannot be shared with workers: {why}"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.pool.say_goodbye();
        self.watching = None;
        // Nobody sends here: the channel closes when the last worker has ended.
        if self.ended.recv_timeout(GOODBYE).is_err_and(|e| e.is_timeout()) {
            self.pool.kill_all();
        }
        for thread in self.threads.drain(..) {
            // A panic there has been printed; here only its end matters.
            let _ = thread.join();
        }
    }
}

impl Executor for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn store(&self) -> &dyn PlaneStore {
        self.store.as_ref()
    }

    fn slots(&self) -> usize {
        self.workers
    }

    fn workers_cpu(&self) -> Duration {
        self.pool.cpu()
    }

    fn worker_peak_bytes(&self) -> Option<u64> {
        self.pool.ids().into_iter().filter_map(peak_of_process).max()
    }

    fn open(&self) -> Box<dyn Runner + '_> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = unbounded();
        self.pool.add_line(id, sender);
        Box::new(Line { pool: &self.pool, id, receiver, stages: HashSet::new() })
    }
}

/// The line of one flow.
struct Line<'a> {
    pool: &'a Pool,
    id: u64,
    receiver: Receiver<News>,
    stages: HashSet<u64>,
}

impl Runner for Line<'_> {
    fn submit(&mut self, job: Job) -> Result<(), ExecError> {
        let plan = job.plan();
        if self.stages.insert(plan.id) {
            let mut message = Vec::new();
            frame::encode(&ToWorker::Stage(plan.clone()), &mut message)
                .map_err(|e| ExecError::Wire { stage: plan.kernel.clone(), reason: e.to_string() })?;
            self.pool.add_stage(plan.id, message);
        }
        let batch = job.batch();
        // The workers have mappings of their own; here the planes belong to the flow alone.
        drop(job);
        self.pool.on(Event::Submit { line: self.id, batch }, None);
        Ok(())
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Completion>, ExecError> {
        match self.receiver.recv_timeout(patience) {
            Ok(News::Completion(completion)) => Ok(Some(completion)),
            Ok(News::Abandoned) | Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(ExecError::Stopped { name: "processes" }),
        }
    }

    fn close_stage(&mut self, stage: u64) {
        if self.stages.remove(&stage) {
            self.pool.close_stage(stage);
        }
    }

    fn abandon(&mut self) {
        self.pool.on(Event::Abandon { line: self.id }, None);
        while !matches!(self.receiver.recv(), Ok(News::Abandoned) | Err(_)) {}
        self.stages.drain().for_each(|stage| self.pool.close_stage(stage));
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.stages.is_empty() {
            // The flow ends in a panic. Its planes go next, so nobody may write them any more.
            self.abandon();
        }
        self.pool.remove_line(self.id);
    }
}
