//! Who runs which unit: the decisions of a process pool, without any input or output.
//!
//! Events go in, actions come out; whoever moves the bytes carries them out in order. So every situation, also those that
//! are rare in life, can be tested without a process.
//!
//! - A batch of units is with one worker at a time. A worker runs its batches in the order in which it gets them.
//! - No worker is idle while a batch waits. A worker gets a second one in advance only if both are of stages with short
//!   ones, since the second one waits even if another worker becomes idle.
//! - A worker that is lost gives its batches back. Each unit of the one it was running has had one attempt more, and goes
//!   alone from then on, so that the guilty one shows; a unit that has lost [`MOST_ATTEMPTS`] workers is given up.
//! - Nothing is sent to a busy worker but batches, so that a full pipe cannot hold up the others: what it may forget is
//!   told with its next batch.

use crate::stage::Batch;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

/// A unit that has lost so many workers is given up.
pub(crate) const MOST_ATTEMPTS: u32 = 3;

/// Batches shorter than this are sent in advance.
const SHORT: Duration = Duration::from_millis(5);

/// Batches that a worker holds of a stage with short ones.
const AHEAD: usize = 2;

/// A worker that is lost so often without finishing a unit is not started again.
const MOST_FALSE_STARTS: u32 = 10;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// A flow wants units to be run.
    Submit { line: u64, batch: Batch },
    /// A worker has started and said hello.
    Up { worker: usize },
    /// A worker has finished a batch, well or not.
    Done { worker: usize, batch: Batch, wall: Duration },
    /// A worker has ended and was waited for.
    Lost { worker: usize, how: String },
    /// A worker cannot be started.
    Gone { worker: usize, why: String },
    /// A flow does not want its units any more.
    Abandon { line: u64 },
    /// A stage is finished.
    Close { stage: u64 },
    /// Memory of planes is freed.
    Freed { memory: u64 },
    /// Time has passed.
    Tick,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Tell a worker of a stage.
    Stage { worker: usize, stage: u64 },
    /// Give units to a worker.
    Run { worker: usize, batch: Batch },
    /// Tell a worker what it may forget.
    Forget { worker: usize, stages: Vec<u64>, memories: Vec<u64> },
    /// Hand the result that came with the event to a flow.
    Deliver { line: u64 },
    /// Tell a flow that a unit cannot be run.
    GiveUp { line: u64, unit: Batch, attempts: u32, how: String },
    /// End a worker.
    Kill { worker: usize },
    /// Tell a flow that no worker has any of its units any more.
    Abandoned { line: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Down,
    Up,
    Gone,
}

#[derive(Debug)]
struct Worker {
    state: State,
    /// The first one is running.
    assigned: VecDeque<Batch>,
    /// Since when.
    since: Duration,
    /// It has been told to end.
    ending: bool,
    /// It was ended because of units of other flows.
    innocent: bool,
    knows: HashSet<u64>,
    forget_stages: Vec<u64>,
    forget_memories: Vec<u64>,
    /// How often it was lost without having finished a unit.
    false_starts: u32,
    /// Why it was ended, if it was.
    verdict: Option<String>,
}

#[derive(Debug)]
struct Stage {
    line: u64,
    /// The last batch was short.
    short: bool,
}

/// The decisions of a pool.
#[derive(Debug)]
pub(crate) struct Coordinator {
    workers: Vec<Worker>,
    queue: VecDeque<Batch>,
    stages: HashMap<u64, Stage>,
    /// Of units that have lost a worker.
    attempts: HashMap<Batch, u32>,
    abandoning: Vec<u64>,
    unit_limit: Option<Duration>,
    /// Why the last worker could not be started.
    why_gone: String,
}

impl Coordinator {
    /// A pool of so many workers, none of which has started yet.
    pub(crate) fn new(workers: usize, unit_limit: Option<Duration>) -> Self {
        let worker = || Worker {
            state: State::Down,
            assigned: VecDeque::new(),
            since: Duration::ZERO,
            ending: false,
            innocent: false,
            knows: HashSet::new(),
            forget_stages: Vec::new(),
            forget_memories: Vec::new(),
            false_starts: 0,
            verdict: None,
        };
        Self {
            workers: (0..workers).map(|_| worker()).collect(),
            queue: VecDeque::new(),
            stages: HashMap::new(),
            attempts: HashMap::new(),
            abandoning: Vec::new(),
            unit_limit,
            why_gone: String::new(),
        }
    }

    /// Takes note of an event at a time and appends what is to be done.
    pub(crate) fn on(&mut self, now: Duration, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Submit { line, batch } => {
                self.stages.entry(batch.stage).or_insert(Stage { line, short: false });
                self.queue.push_back(batch);
            }
            Event::Up { worker } => self.workers[worker].state = State::Up,
            Event::Done { worker, batch, wall } => self.done(now, worker, batch, wall, actions),
            Event::Lost { worker, how } => self.lost(worker, &how, actions),
            Event::Gone { worker, why } => {
                self.workers[worker].state = State::Gone;
                self.why_gone = why;
            }
            Event::Abandon { line } => self.abandon(line, actions),
            Event::Close { stage } => self.close(stage),
            Event::Freed { memory } => {
                let up = self.workers.iter_mut().filter(|w| w.state == State::Up && !w.ending);
                up.for_each(|w| w.forget_memories.push(memory));
            }
            Event::Tick => self.end_overdue(now, actions),
        }
        self.assign(now, actions);
        for worker in 0..self.workers.len() {
            if self.workers[worker].assigned.is_empty() {
                self.tell_to_forget(worker, actions);
            }
        }
        self.say_abandoned(actions);
    }

    /// Whether a worker that was lost is to be started again.
    pub(crate) fn restarts(&self, worker: usize) -> bool {
        self.workers[worker].false_starts < MOST_FALSE_STARTS
    }

    fn done(
        &mut self,
        now: Duration,
        worker: usize,
        batch: Batch,
        wall: Duration,
        actions: &mut Vec<Action>,
    ) {
        let state = &mut self.workers[worker];
        if state.ending {
            // Its end is on the way, and with it the units come back.
            return;
        }
        if state.assigned.front() != Some(&batch) {
            state.ending = true;
            state.verdict =
                Some(format!("reported unit {} of stage {} out of turn", batch.first, batch.stage));
            actions.push(Action::Kill { worker });
            return;
        }
        state.assigned.pop_front();
        state.since = now;
        state.false_starts = 0;
        if !self.attempts.is_empty() {
            for unit in batch.singly() {
                self.attempts.remove(&unit);
            }
        }
        if let Some(stage) = self.stages.get_mut(&batch.stage) {
            stage.short = wall < SHORT;
            actions.push(Action::Deliver { line: stage.line });
        }
    }

    fn lost(&mut self, worker: usize, how: &str, actions: &mut Vec<Action>) {
        let state = &mut self.workers[worker];
        state.state = State::Down;
        state.ending = false;
        state.knows.clear();
        state.forget_stages.clear();
        state.forget_memories.clear();
        let innocent = std::mem::take(&mut state.innocent);
        state.false_starts += u32::from(!innocent);
        let how = state.verdict.take().unwrap_or_else(|| how.to_owned());
        let mut assigned = std::mem::take(&mut state.assigned);
        let running = assigned.pop_front();
        for batch in assigned.into_iter().rev() {
            if self.stages.contains_key(&batch.stage) {
                self.queue.push_front(batch);
            }
        }
        let Some(batch) = running else { return };
        let Some(line) = self.stages.get(&batch.stage).map(|stage| stage.line) else { return };
        if innocent {
            self.queue.push_front(batch);
            return;
        }
        for unit in batch.singly().rev() {
            let attempts = self.attempts.entry(unit).or_default();
            *attempts += 1;
            if *attempts < MOST_ATTEMPTS {
                self.queue.push_front(unit);
            } else {
                let attempts = *attempts;
                self.attempts.remove(&unit);
                actions.push(Action::GiveUp { line, unit, attempts, how: how.clone() });
            }
        }
    }

    fn abandon(&mut self, line: u64, actions: &mut Vec<Action>) {
        let of_line = |batch: &Batch, stages: &HashMap<u64, Stage>| {
            stages.get(&batch.stage).is_some_and(|stage| stage.line == line)
        };
        let stages = &self.stages;
        self.queue.retain(|batch| !of_line(batch, stages));
        self.attempts.retain(|unit, _| !of_line(unit, stages));
        for (worker, state) in self.workers.iter_mut().enumerate() {
            if !state.ending && state.assigned.iter().any(|batch| of_line(batch, stages)) {
                state.ending = true;
                state.innocent = true;
                actions.push(Action::Kill { worker });
            }
        }
        let closed: Vec<u64> = stages.iter().filter(|(_, s)| s.line == line).map(|(&id, _)| id).collect();
        for stage in closed {
            self.close(stage);
        }
        self.abandoning.push(line);
    }

    fn close(&mut self, stage: u64) {
        self.stages.remove(&stage);
        for worker in &mut self.workers {
            if worker.knows.remove(&stage) {
                worker.forget_stages.push(stage);
            }
        }
    }

    fn end_overdue(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let Some(limit) = self.unit_limit else { return };
        for (worker, state) in self.workers.iter_mut().enumerate() {
            let overdue = !state.assigned.is_empty() && now.saturating_sub(state.since) > limit;
            if overdue && !state.ending {
                state.ending = true;
                state.verdict = Some(format!("no answer within {} s", limit.as_secs_f64()));
                actions.push(Action::Kill { worker });
            }
        }
    }

    fn assign(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while let Some(&batch) = self.queue.front() {
            let Some(worker) = self.worker_for(batch) else { break };
            self.queue.pop_front();
            let state = &mut self.workers[worker];
            if state.assigned.is_empty() {
                state.since = now;
            }
            state.assigned.push_back(batch);
            if state.knows.insert(batch.stage) {
                actions.push(Action::Stage { worker, stage: batch.stage });
            }
            self.tell_to_forget(worker, actions);
            actions.push(Action::Run { worker, batch });
        }
        if self.workers.iter().all(|w| w.state == State::Gone) {
            for batch in std::mem::take(&mut self.queue) {
                let Some(line) = self.stages.get(&batch.stage).map(|stage| stage.line) else { continue };
                let how = &self.why_gone;
                let give_up = |unit| Action::GiveUp { line, unit, attempts: 0, how: how.clone() };
                actions.extend(batch.singly().map(give_up));
            }
        }
    }

    /// An idle worker, or one that may have the batch in advance.
    fn worker_for(&self, batch: Batch) -> Option<usize> {
        let short = |batch: &Batch| self.stages.get(&batch.stage).is_some_and(|stage| stage.short);
        let most = if short(&batch) { AHEAD } else { 1 };
        let usable = |w: &Worker| {
            w.state == State::Up && !w.ending && w.assigned.len() < most && w.assigned.iter().all(short)
        };
        let candidates = self.workers.iter().enumerate().filter(|(_, w)| usable(w));
        candidates.min_by_key(|(_, w)| w.assigned.len()).map(|(index, _)| index)
    }

    fn tell_to_forget(&mut self, worker: usize, actions: &mut Vec<Action>) {
        let state = &mut self.workers[worker];
        if state.state != State::Up || (state.forget_stages.is_empty() && state.forget_memories.is_empty()) {
            return;
        }
        let stages = std::mem::take(&mut state.forget_stages);
        let memories = std::mem::take(&mut state.forget_memories);
        actions.push(Action::Forget { worker, stages, memories });
    }

    fn say_abandoned(&mut self, actions: &mut Vec<Action>) {
        // Units of other flows do not count, but a worker that is ending may still be writing.
        let clear = self.workers.iter().all(|w| !w.ending);
        if clear {
            actions.extend(self.abandoning.drain(..).map(|line| Action::Abandoned { line }));
        }
    }
}
