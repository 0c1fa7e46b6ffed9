//! The transport of a process pool: threads that move bytes between the coordinator and its workers.
//!
//! Each worker has a thread here, which starts it, reads its answers and waits for its end; a worker that is lost is
//! started again by the same thread. (On Linux a worker ends with the thread that has started it.) Whoever has news takes
//! the lock, asks the coordinator what to do, and does it. Under the lock nothing is waited for: messages to workers are
//! small, and only workers that read get any.

use super::child::{self, Link, Recipe, Refusal};
use super::coordinator::{Action, Coordinator, Event};
use super::frame;
use super::wire::{Cost, FromWorker, ToWorker};
use crate::cpu::cpu_of_process;
use crate::executor::{Completion, Outcome, UnitFailure};
use crate::plane::SharedStore;
use crate::stage::Batch;
use crossbeam::channel::{Receiver, Sender};
use serde_bytes::ByteBuf;
use std::collections::HashMap;
use std::io::{self, Write};
use std::process::{Child, ChildStdin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Tries to start a worker in a row, and the time between them.
const STARTS: u32 = 3;
const BETWEEN_STARTS: Duration = Duration::from_millis(100);

/// What a flow hears.
pub(super) enum News {
    Completion(Completion),
    Abandoned,
}

/// What the threads of a pool share.
pub(super) struct Pool {
    recipe: Recipe,
    inner: Mutex<Inner>,
    /// Apart from the rest, so that a worker can be ended at any time.
    children: Vec<Mutex<Option<Child>>>,
    closing: AtomicBool,
    began: Instant,
}

struct Inner {
    coordinator: Coordinator,
    pipes: Vec<Option<ChildStdin>>,
    /// The messages that tell of stages.
    stages: HashMap<u64, Vec<u8>>,
    lines: HashMap<u64, Sender<News>>,
    buffer: Vec<u8>,
    actions: Vec<Action>,
}

impl Pool {
    pub(super) fn new(recipe: Recipe, workers: usize, unit_limit: Option<Duration>) -> Arc<Self> {
        let inner = Inner {
            coordinator: Coordinator::new(workers, unit_limit),
            pipes: (0..workers).map(|_| None).collect(),
            stages: HashMap::new(),
            lines: HashMap::new(),
            buffer: Vec::new(),
            actions: Vec::new(),
        };
        Arc::new(Self {
            recipe,
            inner: Mutex::new(inner),
            children: (0..workers).map(|_| Mutex::new(None)).collect(),
            closing: AtomicBool::new(false),
            began: Instant::now(),
        })
    }

    /// Takes note of an event and does what is to be done; `completion` is what the event brings, if anything.
    pub(super) fn on(&self, event: Event, completion: Option<Completion>) {
        self.act(&mut lock(&self.inner), event, completion);
    }

    fn act(&self, inner: &mut Inner, event: Event, mut completion: Option<Completion>) {
        let mut actions = std::mem::take(&mut inner.actions);
        inner.coordinator.on(self.began.elapsed(), event, &mut actions);
        for action in actions.drain(..) {
            match action {
                Action::Stage { worker, stage } => inner.send_stage(worker, stage),
                Action::Run { worker, batch: Batch { stage, first, count } } => {
                    inner.send(worker, &ToWorker::Run { stage, first, count });
                }
                Action::Forget { worker, stages, memories } => {
                    inner.send(worker, &ToWorker::Forget { stages, memories });
                }
                Action::Deliver { line } => {
                    if let Some(completion) = completion.take() {
                        inner.tell(line, News::Completion(completion));
                    }
                }
                Action::GiveUp { line, unit, attempts, how } => {
                    inner.tell(line, News::Completion(given_up(unit, attempts, how)));
                }
                Action::Kill { worker } => self.kill(worker),
                Action::Abandoned { line } => inner.tell(line, News::Abandoned),
            }
        }
        inner.actions = actions;
    }

    /// Lets a flow listen.
    pub(super) fn add_line(&self, line: u64, sender: Sender<News>) {
        lock(&self.inner).lines.insert(line, sender);
    }

    pub(super) fn remove_line(&self, line: u64) {
        lock(&self.inner).lines.remove(&line);
    }

    /// Brings the message that tells workers of a stage.
    pub(super) fn add_stage(&self, stage: u64, message: Vec<u8>) {
        lock(&self.inner).stages.insert(stage, message);
    }

    pub(super) fn close_stage(&self, stage: u64) {
        let mut inner = lock(&self.inner);
        inner.stages.remove(&stage);
        self.act(&mut inner, Event::Close { stage }, None);
    }

    fn kill(&self, worker: usize) {
        if let Some(child) = lock(&self.children[worker]).as_mut() {
            // It may have ended by itself; whoever reads from it waits for it.
            let _ = child.kill();
        }
    }

    /// CPU time of the workers that are alive.
    pub(super) fn cpu(&self) -> Duration {
        let cpu = |child: &Mutex<Option<Child>>| lock(child).as_ref().and_then(|c| cpu_of_process(c.id()));
        self.children.iter().filter_map(cpu).sum()
    }

    /// Process ids of the workers that are alive.
    pub(super) fn ids(&self) -> Vec<u32> {
        self.children.iter().filter_map(|child| lock(child).as_ref().map(Child::id)).collect()
    }

    /// Asks all workers to end. Their threads return when they have.
    pub(super) fn say_goodbye(&self) {
        self.closing.store(true, Ordering::SeqCst);
        let mut inner = lock(&self.inner);
        for worker in 0..inner.pipes.len() {
            inner.send(worker, &ToWorker::Bye);
            inner.pipes[worker] = None;
        }
    }

    /// Ends all workers that are left.
    pub(super) fn kill_all(&self) {
        (0..self.children.len()).for_each(|worker| self.kill(worker));
    }

    /// The life of a worker and of its successors. Says on `first` how the first start went.
    pub(super) fn run_worker(
        &self,
        worker: usize,
        store: &Weak<SharedStore>,
        first: &Sender<Option<Refusal>>,
    ) {
        let mut report = Some(first);
        while !self.closing.load(Ordering::SeqCst) {
            let Some(strong) = store.upgrade() else { return };
            let tries = if report.is_some() { 1 } else { STARTS };
            let started = self.start(&strong, tries);
            drop(strong);
            let link = match started {
                Ok(link) => link,
                Err(refusal) => {
                    let why = refusal.to_string();
                    report.take().map(|first| first.send(Some(refusal)));
                    self.on(Event::Gone { worker, why }, None);
                    return;
                }
            };
            let Some(how) = self.serve(worker, link, report.take()) else { return };
            let mut inner = lock(&self.inner);
            inner.pipes[worker] = None;
            self.act(&mut inner, Event::Lost { worker, how: how.clone() }, None);
            if !inner.coordinator.restarts(worker) {
                self.act(&mut inner, Event::Gone { worker, why: how }, None);
                return;
            }
        }
    }

    fn start(&self, store: &SharedStore, tries: u32) -> Result<Link, Refusal> {
        let mut last = self.recipe.start(store);
        for _ in 1..tries {
            if last.is_ok() || self.closing.load(Ordering::SeqCst) {
                break;
            }
            std::thread::sleep(BETWEEN_STARTS);
            last = self.recipe.start(store);
        }
        last
    }

    /// Reads what a worker says until its end; how it ended. `None` if the pool is closing.
    fn serve(&self, worker: usize, link: Link, first: Option<&Sender<Option<Refusal>>>) -> Option<String> {
        let Link { child, stdin, mut stdout } = link;
        {
            let mut inner = lock(&self.inner);
            inner.pipes[worker] = Some(stdin);
            *lock(&self.children[worker]) = Some(child);
            if self.closing.load(Ordering::SeqCst) {
                inner.pipes[worker] = None;
            } else {
                self.act(&mut inner, Event::Up { worker }, None);
            }
        }
        first.map(|first| first.send(None));
        let mut buffer = Vec::new();
        let mut oddity = None;
        loop {
            match frame::read::<FromWorker>(&mut stdout, &mut buffer) {
                Ok(Some(message)) => self.report(worker, message),
                Ok(None) => break,
                Err(error) => {
                    oddity = Some(error.to_string());
                    break;
                }
            }
        }
        let mut ended = lock(&self.children[worker]).take();
        let graceful = self.closing.load(Ordering::SeqCst) && oddity.is_none();
        let status = match ended.as_mut() {
            // It has been told, and has closed its stdout: it is about to end by itself.
            Some(child) if graceful => child.wait().ok(),
            Some(child) => child::end(child),
            None => None,
        };
        if self.closing.load(Ordering::SeqCst) {
            return None;
        }
        Some(oddity.unwrap_or_else(|| child::how_it_ended(status)))
    }

    fn report(&self, worker: usize, message: FromWorker) {
        let (batch, result, cost) = match message {
            FromWorker::Hello(_) => return,
            FromWorker::Done { stage, first, partials, slot_bytes, cost } => {
                let partials: Vec<Vec<u8>> = partials.into_iter().map(ByteBuf::into_vec).collect();
                let batch = Batch { stage, first, count: partials.len() };
                (batch, Ok(Outcome { partials, slot_bytes }), cost)
            }
            FromWorker::Failed { stage, first, count, unit, failure, cost } => {
                (Batch { stage, first, count }, Err((unit, failure.into())), cost)
            }
        };
        let completion = completion(worker, batch, result, cost);
        let wall = Duration::from_nanos(cost.wall_ns);
        self.on(Event::Done { worker, batch, wall }, Some(completion));
    }

    /// Looks at the time now and then until the other end of the channel is gone.
    pub(super) fn watch(&self, interval: Duration, until: &Receiver<()>) {
        while until.recv_timeout(interval).is_err_and(|e| e.is_timeout()) {
            self.on(Event::Tick, None);
        }
    }
}

impl Inner {
    fn send_stage(&mut self, worker: usize, stage: u64) {
        if let (Some(message), Some(pipe)) = (self.stages.get(&stage), self.pipes[worker].as_mut()) {
            written(pipe.write_all(message));
        }
    }

    fn send(&mut self, worker: usize, message: &ToWorker) {
        let Some(pipe) = self.pipes[worker].as_mut() else { return };
        written(frame::encode(message, &mut self.buffer).and_then(|()| pipe.write_all(&self.buffer)));
    }

    fn tell(&self, line: u64, news: News) {
        if let Some(sender) = self.lines.get(&line) {
            // A flow that has ended does not listen any more.
            let _ = sender.send(news);
        }
    }
}

/// A worker that cannot be written to has ended; whoever reads from it notices.
fn written(_: io::Result<()>) {}

fn completion(
    worker: usize,
    batch: Batch,
    result: Result<Outcome, (usize, UnitFailure)>,
    cost: Cost,
) -> Completion {
    let ended = Instant::now();
    // Clocks of processes differ; the way of the message is short.
    let started = ended.checked_sub(Duration::from_nanos(cost.wall_ns)).unwrap_or(ended);
    Completion { batch, worker, result, cpu: Duration::from_nanos(cost.cpu_ns), started, ended }
}

fn given_up(unit: Batch, attempts: u32, how: String) -> Completion {
    completion(0, unit, Err((unit.first, UnitFailure::Lost { attempts, how })), Cost::default())
}

/// A thread that panics here leaves nothing half done that others rely on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
