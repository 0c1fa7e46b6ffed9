//! Running a flow: what is handed to the executor, and when.
//!
//! The coordinator keeps a little more units at the workers than these can run, deeper stages first: an image is
//! finished, encoded and freed before the next one is begun. Steps run in between. The order of execution cannot show in
//! the result: a plane has one writer, and partial results are collected by block number.

use super::batch::{BatchSize, InFlight};
use super::build::{Flow, Need, Node, PlaneDecl, Work};
use super::memory::{Memory, Progress};
use super::ready::{Finished, Ready, StageRecord};
use crate::context::{Event, RunContext};
use crate::error::ExecError;
use crate::executor::{Executor, PATIENCE, Runner};
use crate::plane::{FrozenPlane, Layout, within_reach};
use crate::stage::{Job, StagePlan, StageRun};
use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static NEXT_STAGE: AtomicU64 = AtomicU64::new(1);

pub(super) enum State {
    /// Needs are missing.
    Waiting(usize),
    Ready,
    Running(Running),
    Done,
    Skipped,
}

pub(super) struct Running {
    pub(super) stage: Arc<StageRun>,
    /// The units that run.
    units: Vec<usize>,
    /// How many of them have been handed over.
    begun: usize,
    /// How many at a time.
    pub(super) size: BatchSize,
    pub(super) left: usize,
    pub(super) partials: Vec<Vec<u8>>,
}

pub(super) struct Coordinator<'a, 'r, E> {
    executor: &'a dyn Executor,
    pub(super) ctx: &'a RunContext,
    pub(super) nodes: Vec<Node<'r, E>>,
    pub(super) plane_decls: Vec<PlaneDecl>,
    pub(super) states: Vec<State>,
    /// Nodes that wait for a node.
    pub(super) followers: Vec<Vec<usize>>,
    /// Place of each node from deep to shallow, and the nodes in this order.
    pub(super) rank: Vec<usize>,
    pub(super) by_rank: Vec<usize>,
    /// Ranks of stages that can begin or have units left.
    pub(super) open_stages: BTreeSet<usize>,
    /// Ranks of steps that can begin.
    pub(super) open_steps: BTreeSet<usize>,
    /// The node of a stage that is running.
    pub(super) running: HashMap<u64, usize>,
    pub(super) planes: Vec<Option<FrozenPlane>>,
    pub(super) readers: Vec<usize>,
    pub(super) values: Vec<Option<Box<dyn Any>>>,
    pub(super) records: Vec<StageRecord>,
    pub(super) in_flight: InFlight,
    memory: Memory,
    /// No stage may begin before a plane is freed.
    pub(super) memory_is_full: bool,
    pub(super) live_bytes: u64,
    pub(super) plane_bytes: Vec<(Instant, u64)>,
}

impl<'r, E: From<ExecError> + 'r> Flow<'r, E> {
    /// Runs everything and returns the kept planes, the values and what it has cost.
    ///
    /// # Errors
    /// The first error of a kernel or step, that the run was cancelled, or that the planes may not take as much memory as
    /// they need. When it returns, nothing of the flow runs any more.
    pub fn run(self, executor: &dyn Executor, ctx: &RunContext) -> Result<Finished, E> {
        let mut coordinator = Coordinator::new(self, executor, ctx)?;
        coordinator.check_budget()?;
        let mut runner = executor.open();
        let outcome = coordinator.work(runner.as_mut());
        if outcome.is_err() {
            runner.abandon();
        }
        drop(runner);
        outcome?;
        Ok(Finished {
            planes: coordinator.planes,
            values: coordinator.values,
            records: coordinator.records,
            peak_plane_bytes: coordinator.plane_bytes.iter().map(|p| p.1).max().unwrap_or(0),
            plane_bytes: coordinator.plane_bytes,
        })
    }

    /// For each node the nodes that it waits for.
    pub(super) fn makers(&self) -> Vec<Vec<usize>> {
        let makers_of = |node: &Node<'r, E>| {
            let mut makers: Vec<usize> = node.needs.iter().filter_map(|need| self.maker(*need)).collect();
            makers.sort_unstable();
            makers.dedup();
            makers
        };
        self.nodes.iter().map(makers_of).collect()
    }
}

/// Length of the longest way from a node without needs.
fn depths(makers: &[Vec<usize>]) -> Vec<usize> {
    let mut depths = vec![0; makers.len()];
    for (node, needs) in makers.iter().enumerate() {
        // Handles exist only after their makers, so makers come first.
        depths[node] = needs.iter().map(|&maker| depths[maker] + 1).max().unwrap_or(0);
    }
    depths
}

impl<'a, 'r, E: From<ExecError> + 'r> Coordinator<'a, 'r, E> {
    fn new(flow: Flow<'r, E>, executor: &'a dyn Executor, ctx: &'a RunContext) -> Result<Self, E> {
        let makers = flow.makers();
        let memory = Memory::new(&flow.nodes, &flow.planes, &makers);
        let depths = depths(&makers);
        let mut by_rank: Vec<usize> = (0..flow.nodes.len()).collect();
        by_rank.sort_by_key(|&node| (std::cmp::Reverse(depths[node]), node));
        let mut rank = vec![0; flow.nodes.len()];
        by_rank.iter().enumerate().for_each(|(place, &node)| rank[node] = place);
        let mut followers = vec![Vec::new(); flow.nodes.len()];
        for (node, needs) in makers.iter().enumerate() {
            for &maker in needs {
                followers[maker].push(node);
            }
        }
        let mut readers = vec![0; flow.planes.len()];
        for plane in flow.nodes.iter().flat_map(|node| planes_read(&node.needs)) {
            readers[plane] += 1;
        }
        let imported = |plane: &PlaneDecl| {
            plane.imported.as_ref().map(|p| within_reach(executor.store(), p)).transpose()
        };
        let planes = flow.planes.iter().map(imported).collect::<Result<_, ExecError>>()?;
        let mut coordinator = Self {
            executor,
            ctx,
            states: makers.iter().map(|m| State::Waiting(m.len())).collect(),
            followers,
            rank,
            by_rank,
            open_stages: BTreeSet::new(),
            open_steps: BTreeSet::new(),
            running: HashMap::new(),
            planes,
            readers,
            values: flow.nodes.iter().map(|_| None).collect(),
            records: flow.nodes.iter().map(empty_record).collect(),
            nodes: flow.nodes,
            plane_decls: flow.planes,
            in_flight: InFlight::default(),
            memory,
            memory_is_full: false,
            live_bytes: 0,
            plane_bytes: Vec::new(),
        };
        (0..coordinator.nodes.len()).filter(|&n| makers[n].is_empty()).for_each(|n| coordinator.wake(n));
        Ok(coordinator)
    }

    fn check_budget(&self) -> Result<(), E> {
        let Some(budget) = self.ctx.plane_budget_bytes else { return Ok(()) };
        let minimum = self.memory.minimum();
        if minimum > budget { Err(ExecError::BudgetTooSmall { budget, minimum }.into()) } else { Ok(()) }
    }

    /// Takes note that everything which a node needs is there.
    pub(super) fn wake(&mut self, node: usize) {
        self.states[node] = State::Ready;
        let open = match &self.nodes[node].work {
            Work::Stage(_) => &mut self.open_stages,
            Work::Step(_) => &mut self.open_steps,
        };
        open.insert(self.rank[node]);
    }

    fn work(&mut self, runner: &mut dyn Runner) -> Result<(), E> {
        let units =
            self.nodes.iter().map(|n| if let Work::Stage(s) = &n.work { s.unit_count() } else { 0 }).sum();
        self.ctx.tell(&Event::FlowStarted { units });
        let most = self.executor.ahead();
        loop {
            if self.ctx.cancel.is_cancelled() {
                return Err(ExecError::Cancelled.into());
            }
            // First the workers get something to do, then the coordinator does its own work beside them.
            while self.in_flight.jobs() < most && self.submit_one(runner)? {}
            if self.run_step()? {
                continue;
            }
            if self.in_flight.jobs() == 0 {
                let left = self.open_stages.first().map(|&rank| &self.nodes[self.by_rank[rank]].label);
                let what = |label: &String| format!("memory for stage {label:?}");
                return left.map_or(Ok(()), |label| Err(ExecError::NotReady { what: what(label) }.into()));
            }
            if let Some(completion) = runner.next(PATIENCE)? {
                self.complete(completion, runner)?;
            }
        }
    }

    /// Hands over the next units of the deepest stage that has any. False if there is none.
    fn submit_one(&mut self, runner: &mut dyn Runner) -> Result<bool, E> {
        loop {
            let Some(node) = self.next_stage() else { return Ok(false) };
            if matches!(self.states[node], State::Ready) && !self.start_stage(node, runner)? {
                // Skipped, or without any unit: look again.
                continue;
            }
            if let State::Running(running) = &mut self.states[node] {
                let units = running.size.next(&running.units[running.begun..], self.executor.slots());
                running.begun += units.len();
                let job = Job::new(Arc::clone(&running.stage), units);
                if running.begun == running.units.len() {
                    self.open_stages.remove(&self.rank[node]);
                }
                self.in_flight.add(job.batch());
                runner.submit(job)?;
                return Ok(true);
            }
        }
    }

    fn next_stage(&mut self) -> Option<usize> {
        for &rank in &self.open_stages {
            let node = self.by_rank[rank];
            if matches!(self.states[node], State::Running(_))
                || (!self.memory_is_full && self.may_begin(node))
            {
                return Some(node);
            }
        }
        self.memory_is_full = true;
        None
    }

    /// Whether the planes of a stage fit, and what is left can still be run after it.
    fn may_begin(&self, node: usize) -> bool {
        let Some(budget) = self.ctx.plane_budget_bytes else { return true };
        if self.memory.all() <= budget {
            return true;
        }
        if self.live_bytes + self.memory.written_by(node) > budget {
            return false;
        }
        let mut progress: Vec<Progress> = self.states.iter().map(State::progress).collect();
        progress[node] = Progress::Running;
        self.memory.need(&progress) <= budget
    }

    /// Makes the parameters and planes of a stage. False if it has no unit to run.
    fn start_stage(&mut self, node: usize, runner: &mut dyn Runner) -> Result<bool, E> {
        let inputs_missing = planes_read(&self.nodes[node].needs).any(|plane| self.planes[plane].is_none());
        let ready = Ready::new(&self.planes, &self.values);
        let Work::Stage(stage) = &mut self.nodes[node].work else { return Ok(false) };
        let prepared = match stage.prepare.take() {
            Some(prepare) if !inputs_missing => prepare(&ready)?,
            _ => None,
        };
        let Some((params, halo_cells)) = prepared else {
            self.open_stages.remove(&self.rank[node]);
            self.finish_node(node, State::Skipped);
            return Ok(false);
        };
        self.ctx.tell(&Event::Started { label: &self.nodes[node].label });
        let run = self.open_stage(node, params, halo_cells)?;
        self.running.insert(run.plan().id, node);
        let all = run.plan().tiling.len();
        let units = match &self.nodes[node].work {
            Work::Stage(stage) => stage.units.clone().unwrap_or_else(|| (0..all).collect()),
            Work::Step(_) => Vec::new(),
        };
        let (left, partials) = (units.len(), vec![Vec::new(); all]);
        let running =
            Running { stage: Arc::new(run), units, begun: 0, size: BatchSize::default(), left, partials };
        self.states[node] = State::Running(running);
        if left == 0 {
            self.open_stages.remove(&self.rank[node]);
            self.close_stage(node, runner)?;
        }
        Ok(left > 0)
    }

    fn open_stage(&mut self, node: usize, params: Vec<u8>, halo_cells: u32) -> Result<StageRun, E> {
        let Work::Stage(stage) = &self.nodes[node].work else {
            return Err(ExecError::NotReady { what: "a stage".to_owned() }.into());
        };
        let frozen = |handles: &[super::PlaneHandle]| -> Vec<FrozenPlane> {
            handles.iter().filter_map(|p| self.planes[p.0].clone()).collect()
        };
        let mut outputs = Vec::new();
        for handle in &stage.outputs {
            let spec = self.plane_decls[handle.0].spec;
            let store = self.executor.store();
            outputs.push(if stage.overwrites(&spec) {
                store.create_to_fill(spec)?
            } else {
                store.create(spec)?
            });
            self.live_bytes += spec.bytes();
            // Slots are mostly empty: their units tell what they have filled.
            if matches!(spec.layout, Layout::Grid { .. }) {
                self.records[node].bytes += spec.bytes();
            }
        }
        self.plane_bytes.push((Instant::now(), self.live_bytes));
        let plan = StagePlan {
            id: NEXT_STAGE.fetch_add(1, Ordering::Relaxed),
            kernel: stage.kernel.to_owned(),
            params,
            tiling: stage.tiling,
            halo_cells,
            origin_cells: stage.origin_cells,
            inputs: Vec::new(),
            tables: Vec::new(),
            outputs: Vec::new(),
        };
        Ok(StageRun::new(plan, frozen(&stage.inputs), frozen(&stage.tables), outputs))
    }
}

impl State {
    fn progress(&self) -> Progress {
        match self {
            Self::Waiting(_) | Self::Ready => Progress::Waiting,
            Self::Running(_) => Progress::Running,
            Self::Done | Self::Skipped => Progress::Finished,
        }
    }
}

/// Planes among needs, each once.
pub(super) fn planes_read(needs: &[Need]) -> impl Iterator<Item = usize> + use<> {
    let mut planes: Vec<usize> =
        needs.iter().filter_map(|need| if let Need::Plane(p) = need { Some(p.0) } else { None }).collect();
    planes.sort_unstable();
    planes.dedup();
    planes.into_iter()
}

fn empty_record<E>(node: &Node<'_, E>) -> StageRecord {
    StageRecord {
        label: node.label.clone(),
        kernel: if let Work::Stage(stage) = &node.work { Some(stage.kernel) } else { None },
        units: 0,
        cpu: Duration::ZERO,
        spans: Vec::new(),
        bytes: 0,
    }
}
