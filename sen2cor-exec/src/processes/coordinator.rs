//! Who runs which unit: the decisions of a process pool, without any input or output.
//!
//! Events go in, actions come out; whoever moves the bytes carries them out in order. So every situation, also those that
//! are rare in life, can be tested without a process.
//!
//! - A unit is with one worker at a time. A worker runs its units in the order in which it gets them.
//! - No worker is idle while a unit waits. A worker gets a second unit in advance only if the units of that stage are
//!   short, since the second one waits even if another worker becomes idle.
//! - A worker that is lost gives its units back. The unit it was running has had one attempt more; a unit that has lost
//!   [`MOST_ATTEMPTS`] workers is given up.
//! - Nothing is sent to a busy worker but units, so that a full pipe cannot hold up the others: what it may forget is
//!   told with its next unit.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

/// A unit that has lost so many workers is given up.
pub(crate) const MOST_ATTEMPTS: u32 = 3;

/// Units shorter than this are sent in advance.
const SHORT: Duration = Duration::from_millis(5);

/// Units that a worker holds of a stage with short ones.
const AHEAD: usize = 2;

/// A worker that is lost so often without finishing a unit is not started again.
const MOST_FALSE_STARTS: u32 = 10;

/// A stage and the number of a block.
pub(crate) type Unit = (u64, usize);

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// A flow wants a unit to be run.
    Submit { line: u64, unit: Unit },
    /// A worker has started and said hello.
    Up { worker: usize },
    /// A worker has finished a unit, well or not.
    Done { worker: usize, unit: Unit, wall: Duration },
    /// A worker has ended and was waited for.
    Lost { worker: usize, how: String },
    /// A worker cannot be started.
    Gone { worker: usize, why: String },
    /// A flow does not want its units any more.
    Abandon { line: u64 },
    /// A stage is finished.
    Close { stage: u64 },
    /// A plane is freed.
    Freed { plane: u64 },
    /// Time has passed.
    Tick,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Tell a worker of a stage.
    Stage { worker: usize, stage: u64 },
    /// Give a unit to a worker.
    Unit { worker: usize, unit: Unit },
    /// Tell a worker what it may forget.
    Forget { worker: usize, stages: Vec<u64>, planes: Vec<u64> },
    /// Hand the result that came with the event to a flow.
    Deliver { line: u64 },
    /// Tell a flow that a unit cannot be run.
    GiveUp { line: u64, unit: Unit, attempts: u32, how: String },
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
    assigned: VecDeque<Unit>,
    /// Since when.
    since: Duration,
    /// It has been told to end.
    ending: bool,
    /// It was ended because of units of other flows.
    innocent: bool,
    knows: HashSet<u64>,
    forget_stages: Vec<u64>,
    forget_planes: Vec<u64>,
    /// How often it was lost without having finished a unit.
    false_starts: u32,
    /// Why it was ended, if it was.
    verdict: Option<String>,
}

#[derive(Debug)]
struct Stage {
    line: u64,
    /// The last unit was short.
    short: bool,
}

/// The decisions of a pool.
#[derive(Debug)]
pub(crate) struct Coordinator {
    workers: Vec<Worker>,
    queue: VecDeque<Unit>,
    stages: HashMap<u64, Stage>,
    attempts: HashMap<Unit, u32>,
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
            forget_planes: Vec::new(),
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
            Event::Submit { line, unit } => {
                self.stages.entry(unit.0).or_insert(Stage { line, short: false });
                self.queue.push_back(unit);
            }
            Event::Up { worker } => self.workers[worker].state = State::Up,
            Event::Done { worker, unit, wall } => self.done(now, worker, unit, wall, actions),
            Event::Lost { worker, how } => self.lost(worker, &how, actions),
            Event::Gone { worker, why } => {
                self.workers[worker].state = State::Gone;
                self.why_gone = why;
            }
            Event::Abandon { line } => self.abandon(line, actions),
            Event::Close { stage } => self.close(stage),
            Event::Freed { plane } => {
                let up = self.workers.iter_mut().filter(|w| w.state == State::Up && !w.ending);
                up.for_each(|w| w.forget_planes.push(plane));
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

    fn done(&mut self, now: Duration, worker: usize, unit: Unit, wall: Duration, actions: &mut Vec<Action>) {
        let state = &mut self.workers[worker];
        if state.ending {
            // Its end is on the way, and with it the unit comes back.
            return;
        }
        if state.assigned.front() != Some(&unit) {
            state.ending = true;
            state.verdict = Some(format!("reported unit {} of stage {} out of turn", unit.1, unit.0));
            actions.push(Action::Kill { worker });
            return;
        }
        state.assigned.pop_front();
        state.since = now;
        state.false_starts = 0;
        self.attempts.remove(&unit);
        if let Some(stage) = self.stages.get_mut(&unit.0) {
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
        state.forget_planes.clear();
        let innocent = std::mem::take(&mut state.innocent);
        state.false_starts += u32::from(!innocent);
        let how = state.verdict.take().unwrap_or_else(|| how.to_owned());
        let mut assigned = std::mem::take(&mut state.assigned);
        let running = assigned.pop_front();
        for unit in assigned.into_iter().rev() {
            if self.stages.contains_key(&unit.0) {
                self.queue.push_front(unit);
            }
        }
        let Some(unit) = running else { return };
        let Some(stage) = self.stages.get(&unit.0) else { return };
        let attempts = self.attempts.entry(unit).or_default();
        *attempts += u32::from(!innocent);
        if *attempts < MOST_ATTEMPTS {
            self.queue.push_front(unit);
        } else {
            let (line, attempts) = (stage.line, *attempts);
            self.attempts.remove(&unit);
            actions.push(Action::GiveUp { line, unit, attempts, how });
        }
    }

    fn abandon(&mut self, line: u64, actions: &mut Vec<Action>) {
        let of_line = |unit: &Unit, stages: &HashMap<u64, Stage>| {
            stages.get(&unit.0).is_some_and(|stage| stage.line == line)
        };
        let stages = &self.stages;
        self.queue.retain(|unit| !of_line(unit, stages));
        self.attempts.retain(|unit, _| !of_line(unit, stages));
        for (worker, state) in self.workers.iter_mut().enumerate() {
            if !state.ending && state.assigned.iter().any(|unit| of_line(unit, stages)) {
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
        while let Some(&unit) = self.queue.front() {
            let Some(worker) = self.worker_for(unit) else { break };
            self.queue.pop_front();
            let state = &mut self.workers[worker];
            if state.assigned.is_empty() {
                state.since = now;
            }
            state.assigned.push_back(unit);
            if state.knows.insert(unit.0) {
                actions.push(Action::Stage { worker, stage: unit.0 });
            }
            self.tell_to_forget(worker, actions);
            actions.push(Action::Unit { worker, unit });
        }
        if self.workers.iter().all(|w| w.state == State::Gone) {
            for unit in std::mem::take(&mut self.queue) {
                if let Some(stage) = self.stages.get(&unit.0) {
                    let how = self.why_gone.clone();
                    actions.push(Action::GiveUp { line: stage.line, unit, attempts: 0, how });
                }
            }
        }
    }

    /// An idle worker, or one that may have the unit in advance.
    fn worker_for(&self, unit: Unit) -> Option<usize> {
        let short = self.stages.get(&unit.0).is_some_and(|stage| stage.short);
        let most = if short { AHEAD } else { 1 };
        let usable = |w: &Worker| w.state == State::Up && !w.ending && w.assigned.len() < most;
        let candidates = self.workers.iter().enumerate().filter(|(_, w)| usable(w));
        candidates.min_by_key(|(_, w)| w.assigned.len()).map(|(index, _)| index)
    }

    fn tell_to_forget(&mut self, worker: usize, actions: &mut Vec<Action>) {
        let state = &mut self.workers[worker];
        if state.state != State::Up || (state.forget_stages.is_empty() && state.forget_planes.is_empty()) {
            return;
        }
        let stages = std::mem::take(&mut state.forget_stages);
        let planes = std::mem::take(&mut state.forget_planes);
        actions.push(Action::Forget { worker, stages, planes });
    }

    fn say_abandoned(&mut self, actions: &mut Vec<Action>) {
        // Units of other flows do not count, but a worker that is ending may still be writing.
        let clear = self.workers.iter().all(|w| !w.ending);
        if clear {
            actions.extend(self.abandoning.drain(..).map(|line| Action::Abandoned { line }));
        }
    }
}
