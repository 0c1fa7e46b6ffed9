//! The coordinator of the process pool against a model of workers, in every order of events that chance finds.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::coordinator::{Action, Coordinator, Event, MOST_ATTEMPTS};
use crate::stage::Batch;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

const LINE: u64 = 1;

/// What chance does next. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Chance {
    Submit { stage: u64, count: usize },
    Finish { worker: usize, short: bool },
    Lose { worker: usize },
    Start { worker: usize },
    Free { memory: u64 },
}

fn chances() -> impl Strategy<Value = Vec<Chance>> {
    let one = prop_oneof![
        4 => (0u64..3, 1usize..5).prop_map(|(stage, count)| Chance::Submit { stage, count }),
        4 => (0usize..4, any::<bool>()).prop_map(|(worker, short)| Chance::Finish { worker, short }),
        1 => (0usize..4).prop_map(|worker| Chance::Lose { worker }),
        2 => (0usize..4).prop_map(|worker| Chance::Start { worker }),
        1 => (0u64..9).prop_map(|memory| Chance::Free { memory }),
    ];
    prop::collection::vec(one, 0..150)
}

/// A process as the coordinator must see it.
#[derive(Default)]
struct Process {
    up: bool,
    killed: bool,
    batches: VecDeque<Batch>,
    stages: HashSet<u64>,
}

impl Process {
    fn units(&self) -> impl Iterator<Item = Batch> {
        self.batches.iter().flat_map(|batch| batch.singly())
    }
}

/// Carries out actions on model processes and checks each of them.
struct World {
    coordinator: Coordinator,
    processes: Vec<Process>,
    now: Duration,
    submitted: usize,
    next_unit: HashMap<u64, usize>,
    /// Single units from here on.
    lost: HashMap<Batch, u32>,
    delivered: HashSet<Batch>,
    given_up: HashMap<Batch, u32>,
    abandoned: Vec<u64>,
    /// Units of a flow that has abandoned them, still at workers.
    unwanted: HashSet<Batch>,
}

impl World {
    fn new(workers: usize, limit: Option<Duration>) -> Self {
        Self {
            coordinator: Coordinator::new(workers, limit),
            processes: (0..workers).map(|_| Process::default()).collect(),
            now: Duration::ZERO,
            submitted: 0,
            next_unit: HashMap::new(),
            lost: HashMap::new(),
            delivered: HashSet::new(),
            given_up: HashMap::new(),
            abandoned: Vec::new(),
            unwanted: HashSet::new(),
        }
    }

    fn on(&mut self, event: Event) {
        let finished = if let Event::Done { batch, .. } = event { Some(batch) } else { None };
        let mut actions = Vec::new();
        self.coordinator.on(self.now, event, &mut actions);
        for action in actions {
            self.carry_out(action, finished);
        }
        self.check_that_nobody_idles();
    }

    fn carry_out(&mut self, action: Action, finished: Option<Batch>) {
        match action {
            Action::Stage { worker, stage } => {
                assert!(self.processes[worker].up, "a stage for a worker that is down");
                assert!(self.processes[worker].stages.insert(stage), "a stage was told twice");
            }
            Action::Run { worker, batch } => {
                for unit in batch.singly() {
                    assert!(self.processes.iter().all(|p| p.units().all(|u| u != unit)), "at two workers");
                    assert!(!self.delivered.contains(&unit) && !self.given_up.contains_key(&unit));
                }
                let lost = |unit| self.lost.contains_key(&unit);
                assert!(batch.count == 1 || !batch.singly().any(lost), "not alone after a loss");
                let process = &mut self.processes[worker];
                assert!(process.up && !process.killed, "a unit for a worker that is down");
                assert!(process.stages.contains(&batch.stage), "a unit of a stage that was not told");
                process.batches.push_back(batch);
                assert!(process.batches.len() <= 2, "too many units in advance");
            }
            Action::Forget { worker, stages, .. } => {
                let process = &mut self.processes[worker];
                assert!(process.up, "a message for a worker that is down");
                for stage in stages {
                    assert!(process.stages.remove(&stage), "an unknown stage is to be forgotten");
                    assert!(process.batches.iter().all(|b| b.stage != stage), "a stage in use is forgotten");
                }
            }
            Action::Deliver { line } => {
                assert_eq!(line, LINE);
                for unit in finished.unwrap().singly() {
                    assert!(self.delivered.insert(unit), "{unit:?} came twice");
                }
            }
            Action::GiveUp { unit, attempts, .. } => {
                assert!(self.given_up.insert(unit, attempts).is_none(), "{unit:?} was given up twice");
            }
            Action::Kill { worker } => self.processes[worker].killed = true,
            Action::Abandoned { line } => {
                assert!(self.processes.iter().all(|p| !p.killed), "a worker still writes");
                self.abandoned.push(line);
            }
        }
    }

    /// As many units are at workers as can be.
    fn check_that_nobody_idles(&self) {
        let units = self.processes.iter().flat_map(Process::units);
        let held = units.filter(|unit| !self.unwanted.contains(unit)).count();
        let waiting = self.submitted - held - self.delivered.len() - self.given_up.len();
        let idle = self.processes.iter().filter(|p| p.up && !p.killed && p.batches.is_empty()).count();
        assert!(waiting == 0 || idle == 0, "{waiting} units wait beside {idle} idle workers");
    }

    fn submit(&mut self, stage: u64, count: usize) {
        let number = self.next_unit.entry(stage).or_default();
        let batch = Batch { stage, first: *number, count };
        *number += count;
        self.submitted += count;
        self.on(Event::Submit { line: LINE, batch });
    }

    fn finish(&mut self, worker: usize, wall: Duration) {
        if let Some(batch) = self.processes[worker].batches.pop_front() {
            self.on(Event::Done { worker, batch, wall });
        }
    }

    fn lose(&mut self, worker: usize) {
        let process = std::mem::take(&mut self.processes[worker]);
        if process.up {
            if let Some(batch) = process.batches.front().filter(|_| !process.killed) {
                batch.singly().for_each(|unit| *self.lost.entry(unit).or_default() += 1);
            }
            self.on(Event::Lost { worker, how: "by chance".to_owned() });
        }
    }

    fn start(&mut self, worker: usize) {
        if !self.processes[worker].up {
            self.processes[worker].up = true;
            self.on(Event::Up { worker });
        }
    }

    fn happen(&mut self, chance: &Chance) {
        let workers = self.processes.len();
        match *chance {
            Chance::Submit { stage, count } => self.submit(stage, count),
            Chance::Finish { worker, short } => {
                self.finish(worker % workers, Duration::from_millis(if short { 1 } else { 100 }));
            }
            Chance::Lose { worker } => self.lose(worker % workers),
            Chance::Start { worker } => self.start(worker % workers),
            Chance::Free { memory } => self.on(Event::Freed { memory }),
        }
    }

    /// Lets everything come to its end, without further losses.
    fn settle(&mut self) {
        (0..self.processes.len()).for_each(|worker| self.start(worker));
        while self.processes.iter().any(|p| !p.batches.is_empty()) {
            (0..self.processes.len()).for_each(|worker| self.finish(worker, Duration::ZERO));
        }
    }
}

proptest! {
    #[test]
    fn every_unit_comes_back_once_whatever_happens(workers in 1usize..4, chances in chances()) {
        let mut world = World::new(workers, None);
        for chance in &chances {
            world.happen(chance);
        }
        world.settle();
        prop_assert_eq!(world.delivered.len() + world.given_up.len(), world.submitted);
        for (unit, attempts) in &world.given_up {
            prop_assert_eq!(*attempts, MOST_ATTEMPTS);
            prop_assert_eq!(world.lost[unit], MOST_ATTEMPTS);
        }
        // What was not given up has lost fewer workers.
        prop_assert!(world.delivered.iter().all(|unit| world.lost.get(unit).is_none_or(|&n| n < MOST_ATTEMPTS)));
    }

    #[test]
    fn what_is_abandoned_is_gone_when_that_is_said(workers in 1usize..4, chances in chances()) {
        let mut world = World::new(workers, None);
        for chance in &chances {
            world.happen(chance);
        }
        world.unwanted = world.processes.iter().flat_map(Process::units).collect();
        world.submitted = world.delivered.len() + world.given_up.len();
        let mut actions = Vec::new();
        world.coordinator.on(world.now, Event::Abandon { line: LINE }, &mut actions);
        for action in actions {
            world.carry_out(action, None);
        }
        let killed: Vec<usize> = (0..workers).filter(|&w| world.processes[w].killed).collect();
        prop_assert_eq!(world.abandoned.is_empty(), !killed.is_empty());
        prop_assert!(world.processes.iter().all(|p| p.killed || p.batches.is_empty()));
        for worker in killed {
            world.lose(worker);
            world.start(worker);
        }
        prop_assert_eq!(&world.abandoned, &[LINE]);
        // The pool is as good as new.
        world.submit(7, 1);
        world.settle();
        prop_assert!(world.delivered.contains(&Batch::one(7, 0)));
    }
}

#[test]
fn a_worker_that_takes_too_long_is_ended_once() {
    let mut world = World::new(2, Some(Duration::from_secs(3)));
    (0..2).for_each(|worker| world.start(worker));
    world.submit(0, 1);
    world.now = Duration::from_secs(3);
    world.on(Event::Tick);
    assert!(!world.processes[0].killed);
    world.now = Duration::from_secs(4);
    world.on(Event::Tick);
    assert!(world.processes[0].killed && !world.processes[1].killed);
    let mut actions = Vec::new();
    world.coordinator.on(world.now, Event::Tick, &mut actions);
    assert_eq!(actions, [], "it was ended again");
}

#[test]
fn a_unit_that_hangs_everywhere_is_given_up_with_the_reason() {
    let mut coordinator = Coordinator::new(1, Some(Duration::from_secs(1)));
    let mut said = Vec::new();
    coordinator.on(Duration::ZERO, Event::Submit { line: LINE, batch: Batch::one(5, 0) }, &mut said);
    for attempt in 1..=u64::from(MOST_ATTEMPTS) {
        coordinator.on(Duration::from_secs(10 * attempt), Event::Up { worker: 0 }, &mut said);
        coordinator.on(Duration::from_secs(10 * attempt + 2), Event::Tick, &mut said);
        let lost = Event::Lost { worker: 0, how: "signal 9".to_owned() };
        coordinator.on(Duration::from_secs(10 * attempt + 3), lost, &mut said);
    }
    let how = "no answer within 1 s".to_owned();
    let given_up = Action::GiveUp { line: LINE, unit: Batch::one(5, 0), attempts: MOST_ATTEMPTS, how };
    assert_eq!(said.last(), Some(&given_up));
}

#[test]
fn the_unit_of_a_batch_that_loses_workers_shows_and_the_others_are_done() {
    let mut world = World::new(1, None);
    world.start(0);
    world.submit(0, 4);
    let guilty = Batch::one(0, 2);
    while world.processes[0].batches.front().is_some() {
        if world.processes[0].units().next() == Some(guilty) || world.lost.is_empty() {
            world.lose(0);
            world.start(0);
        } else {
            world.finish(0, Duration::ZERO);
        }
    }
    assert_eq!(world.given_up, HashMap::from([(guilty, MOST_ATTEMPTS)]));
    assert_eq!(world.delivered.len(), 3);
    assert_eq!(world.lost[&guilty], MOST_ATTEMPTS);
}

#[test]
fn a_worker_that_never_does_anything_is_not_started_for_ever() {
    let mut world = World::new(1, None);
    let mut starts = 0;
    while world.coordinator.restarts(0) {
        world.start(0);
        world.lose(0);
        starts += 1;
        assert!(starts < 100);
    }
    world.submit(0, 1);
    let gone = Event::Gone { worker: 0, why: "no such program".to_owned() };
    world.on(gone);
    assert_eq!(world.given_up.get(&Batch::one(0, 0)), Some(&0));
}

#[test]
fn long_units_are_not_sent_in_advance() {
    let mut world = World::new(2, None);
    (0..2).for_each(|worker| world.start(worker));
    (0..6).for_each(|_| world.submit(0, 1));
    assert!(world.processes.iter().all(|p| p.batches.len() == 1));
    world.finish(0, Duration::from_micros(5));
    assert!(world.processes.iter().all(|p| p.batches.len() == 2), "short ones are");
    world.finish(0, Duration::from_millis(50));
    assert_eq!(world.processes[0].batches.len(), 1);
}
