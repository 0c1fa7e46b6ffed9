//! Running a flow.
//!
//! The coordinator keeps a little more units at the workers than these can run, deeper stages first: an image is
//! finished, encoded and freed before the next one is begun. Steps run in between. The order of execution cannot show in
//! the result: a plane has one writer, and partial results are collected by block number.

use super::build::{Flow, Need, Node, PlaneDecl, StageNode, Work};
use super::ready::{Finished, Ready, StageRecord};
use crate::context::{Event, RunContext};
use crate::cpu::thread_cpu;
use crate::error::ExecError;
use crate::executor::{Completion, Executor, Runner, UnitFailure};
use crate::plane::{FrozenPlane, Layout};
use crate::stage::{StagePlan, StageRun, UnitJob};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static NEXT_STAGE: AtomicU64 = AtomicU64::new(1);

enum State {
    /// Needs are missing.
    Waiting(usize),
    Ready,
    Running(Running),
    Done,
    Skipped,
}

struct Running {
    stage: Arc<StageRun>,
    next_unit: usize,
    left: usize,
    partials: Vec<Vec<u8>>,
}

struct Coordinator<'a, 'r, E> {
    executor: &'a dyn Executor,
    ctx: &'a RunContext,
    nodes: Vec<Node<'r, E>>,
    plane_decls: Vec<PlaneDecl>,
    states: Vec<State>,
    /// Nodes that wait for a node.
    followers: Vec<Vec<usize>>,
    /// Nodes from deep to shallow: the order in which they are served.
    order: Vec<usize>,
    planes: Vec<Option<FrozenPlane>>,
    readers: Vec<usize>,
    values: Vec<Option<Box<dyn Any>>>,
    records: Vec<StageRecord>,
    in_flight: usize,
    live_bytes: u64,
    peak_bytes: u64,
}

impl<'r, E: From<ExecError> + 'r> Flow<'r, E> {
    /// Runs everything and returns the kept planes, the values and what it has cost.
    ///
    /// # Errors
    /// The first error of a kernel or step, or that the run was cancelled. Units that are running are waited for.
    pub fn run(self, executor: &dyn Executor, ctx: &RunContext) -> Result<Finished, E> {
        let mut coordinator = Coordinator::new(self, executor, ctx);
        let mut runner = executor.open();
        let outcome = coordinator.work(runner.as_mut());
        if outcome.is_err() {
            // Let the workers finish what they hold, so that nothing runs on after the call.
            while coordinator.in_flight > 0 && runner.next().is_ok() {
                coordinator.in_flight -= 1;
            }
        }
        outcome?;
        Ok(Finished {
            planes: coordinator.planes,
            values: coordinator.values,
            records: coordinator.records,
            peak_plane_bytes: coordinator.peak_bytes,
        })
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
    fn new(flow: Flow<'r, E>, executor: &'a dyn Executor, ctx: &'a RunContext) -> Self {
        let makers: Vec<Vec<usize>> = flow
            .nodes
            .iter()
            .map(|node| {
                let mut makers: Vec<usize> = node.needs.iter().filter_map(|need| flow.maker(*need)).collect();
                makers.sort_unstable();
                makers.dedup();
                makers
            })
            .collect();
        let depths = depths(&makers);
        let mut order: Vec<usize> = (0..flow.nodes.len()).collect();
        order.sort_by_key(|&node| (std::cmp::Reverse(depths[node]), node));
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
        let planes: Vec<Option<FrozenPlane>> = flow.planes.iter().map(|p| p.imported.clone()).collect();
        let states = makers.iter().map(|m| if m.is_empty() { State::Ready } else { State::Waiting(m.len()) });
        Self {
            executor,
            ctx,
            states: states.collect(),
            followers,
            order,
            planes,
            readers,
            values: flow.nodes.iter().map(|_| None).collect(),
            records: flow.nodes.iter().map(empty_record).collect(),
            nodes: flow.nodes,
            plane_decls: flow.planes,
            in_flight: 0,
            live_bytes: 0,
            peak_bytes: 0,
        }
    }

    fn work(&mut self, runner: &mut dyn Runner) -> Result<(), E> {
        let units =
            self.nodes.iter().map(|n| if let Work::Stage(s) = &n.work { s.tiling.len() } else { 0 }).sum();
        self.ctx.tell(&Event::FlowStarted { units });
        let slots = self.executor.slots();
        // One slot means that units run while we wait for them: nothing is gained by a queue then.
        let most = if slots == 1 { 1 } else { 2 * slots };
        loop {
            if self.ctx.cancel.is_cancelled() {
                return Err(ExecError::Cancelled.into());
            }
            while self.in_flight < most && self.submit_one(runner)? {}
            if self.run_step()? {
                continue;
            }
            if self.in_flight == 0 {
                return Ok(());
            }
            let completion = runner.next()?;
            self.in_flight -= 1;
            self.complete_unit(completion)?;
        }
    }

    /// Hands over the next unit of the deepest stage that has one. False if there is none.
    fn submit_one(&mut self, runner: &mut dyn Runner) -> Result<bool, E> {
        loop {
            let Some(node) = self.next_stage() else { return Ok(false) };
            if matches!(self.states[node], State::Ready) && !self.start_stage(node)? {
                // Skipped, or without any unit: look again.
                continue;
            }
            if let State::Running(running) = &mut self.states[node] {
                let job = UnitJob::new(Arc::clone(&running.stage), running.next_unit);
                running.next_unit += 1;
                runner.submit(job)?;
                self.in_flight += 1;
                return Ok(true);
            }
        }
    }

    fn next_stage(&self) -> Option<usize> {
        let mut waits_for_memory = None;
        for &node in &self.order {
            let Work::Stage(stage) = &self.nodes[node].work else { continue };
            match &self.states[node] {
                State::Running(running) if running.next_unit < stage.tiling.len() => return Some(node),
                State::Ready if self.fits(stage) => return Some(node),
                State::Ready => waits_for_memory = waits_for_memory.or(Some(node)),
                _ => {}
            }
        }
        // With nothing at the workers, nothing will be freed: the budget gives way.
        if self.in_flight == 0 { waits_for_memory } else { None }
    }

    fn fits(&self, stage: &StageNode<'r, E>) -> bool {
        let bytes: u64 = stage.outputs.iter().map(|p| self.plane_decls[p.0].spec.bytes()).sum();
        self.ctx.plane_budget_bytes.is_none_or(|budget| self.live_bytes + bytes <= budget)
    }

    /// Makes the parameters and planes of a stage. False if it has no unit to run.
    fn start_stage(&mut self, node: usize) -> Result<bool, E> {
        let inputs_missing = planes_read(&self.nodes[node].needs).any(|plane| self.planes[plane].is_none());
        let ready = Ready::new(&self.planes, &self.values);
        let Work::Stage(stage) = &mut self.nodes[node].work else { return Ok(false) };
        let prepared = match stage.prepare.take() {
            Some(prepare) if !inputs_missing => prepare(&ready)?,
            _ => None,
        };
        let Some((params, halo_cells)) = prepared else {
            self.finish_node(node, State::Skipped);
            return Ok(false);
        };
        self.ctx.tell(&Event::Started { label: &self.nodes[node].label });
        let run = self.open_stage(node, params, halo_cells)?;
        let units = run.plan().tiling.len();
        let running =
            Running { stage: Arc::new(run), next_unit: 0, left: units, partials: vec![Vec::new(); units] };
        self.states[node] = State::Running(running);
        if units == 0 {
            self.close_stage(node)?;
        }
        Ok(units > 0)
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
            outputs.push(self.executor.store().create(spec)?);
            self.live_bytes += spec.bytes();
            // Slots are mostly empty: their units tell what they have filled.
            if matches!(spec.layout, Layout::Grid { .. }) {
                self.records[node].bytes += spec.bytes();
            }
        }
        self.peak_bytes = self.peak_bytes.max(self.live_bytes);
        let plan = StagePlan {
            id: NEXT_STAGE.fetch_add(1, Ordering::Relaxed),
            kernel: stage.kernel.to_owned(),
            params,
            tiling: stage.tiling,
            halo_cells,
            inputs: Vec::new(),
            tables: Vec::new(),
            outputs: Vec::new(),
        };
        Ok(StageRun::new(plan, frozen(&stage.inputs), frozen(&stage.tables), outputs))
    }

    fn complete_unit(&mut self, completion: Completion) -> Result<(), E> {
        let Some(node) = self
            .states
            .iter()
            .position(|state| matches!(state, State::Running(r) if r.stage.plan().id == completion.stage))
        else {
            return Ok(());
        };
        let (label, block) = (&self.nodes[node].label, completion.unit);
        let (partial, slot_bytes) = completion.result.map_err(|failure| match failure {
            UnitFailure::Kernel(source) => ExecError::Kernel { stage: label.clone(), block, source },
            UnitFailure::Panic(message) => ExecError::Panic { stage: label.clone(), block, message },
        })?;
        self.ctx.tell(&Event::UnitDone { label });
        let record = &mut self.records[node];
        record.cpu += completion.cpu;
        record.units += 1;
        record.bytes += slot_bytes;
        record.intervals.push((completion.started, completion.ended));
        let State::Running(running) = &mut self.states[node] else { return Ok(()) };
        running.partials[completion.unit] = partial;
        running.left -= 1;
        if running.left == 0 { self.close_stage(node) } else { Ok(()) }
    }

    /// Freezes the outputs of a stage whose units are all done.
    fn close_stage(&mut self, node: usize) -> Result<(), E> {
        let State::Running(running) = std::mem::replace(&mut self.states[node], State::Done) else {
            return Ok(());
        };
        let (label, Work::Stage(stage)) = (&self.nodes[node].label, &self.nodes[node].work) else {
            return Ok(());
        };
        let wire = |reason: String| ExecError::Wire { stage: label.clone(), reason };
        self.values[node] = Some((stage.collect)(&running.partials).map_err(|e| wire(e.to_string()))?);
        let run =
            Arc::try_unwrap(running.stage).map_err(|_| wire("a worker still holds the stage".to_owned()))?;
        for (handle, plane) in stage.outputs.iter().zip(run.freeze()) {
            self.planes[handle.0] = Some(plane);
        }
        self.finish_node(node, State::Done);
        Ok(())
    }

    /// Runs the deepest step that is ready. False if there is none.
    fn run_step(&mut self) -> Result<bool, E> {
        let ready_step = |&&node: &&usize| {
            matches!((&self.states[node], &self.nodes[node].work), (State::Ready, Work::Step(_)))
        };
        let Some(&node) = self.order.iter().find(ready_step) else { return Ok(false) };
        self.ctx.tell(&Event::Started { label: &self.nodes[node].label });
        let (started, cpu) = (Instant::now(), thread_cpu());
        let Work::Step(step) = &mut self.nodes[node].work else { return Ok(false) };
        if let Some(step) = step.take() {
            let ready = Ready::new(&self.planes, &self.values);
            let value = step(&ready)?;
            self.records[node].bytes += ready.wrote.get();
            self.values[node] = Some(value);
        }
        let record = &mut self.records[node];
        record.cpu = thread_cpu().saturating_sub(cpu);
        record.units = 1;
        record.intervals.push((started, Instant::now()));
        self.finish_node(node, State::Done);
        Ok(true)
    }

    /// Frees what nobody reads any more and wakes those who waited.
    fn finish_node(&mut self, node: usize, state: State) {
        if !matches!(state, State::Skipped) {
            let record = &self.records[node];
            self.ctx
                .tell(&Event::Finished { label: &self.nodes[node].label, cpu_s: record.cpu.as_secs_f64() });
        }
        self.states[node] = state;
        let read: Vec<usize> = planes_read(&self.nodes[node].needs).collect();
        for plane in read {
            self.readers[plane] -= 1;
            self.free_if_unused(plane);
        }
        if let Work::Stage(stage) = &self.nodes[node].work {
            let written: Vec<usize> = stage.outputs.iter().map(|p| p.0).collect();
            for plane in written {
                self.free_if_unused(plane);
            }
        }
        for follower in self.followers[node].clone() {
            if let State::Waiting(missing) = &mut self.states[follower] {
                *missing -= 1;
                if *missing == 0 {
                    self.states[follower] = State::Ready;
                }
            }
        }
    }

    fn free_if_unused(&mut self, plane: usize) {
        let declared = &self.plane_decls[plane];
        if self.readers[plane] == 0
            && !declared.keep
            && self.planes[plane].take().is_some()
            && declared.imported.is_none()
        {
            self.live_bytes -= declared.spec.bytes();
        }
    }
}

/// Planes among needs, each once.
fn planes_read(needs: &[Need]) -> impl Iterator<Item = usize> {
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
        intervals: Vec::new(),
        bytes: 0,
    }
}
