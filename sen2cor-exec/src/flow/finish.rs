//! What follows when a unit, a stage or a step of a flow is done.

use super::build::Work;
use super::ready::{Ready, Span};
use super::run::{Coordinator, State, planes_read};
use crate::context::Event;
use crate::cpu::thread_cpu;
use crate::error::ExecError;
use crate::executor::{Completion, Outcome, Runner, UnitFailure};
use std::sync::Arc;
use std::time::Instant;

impl<'r, E: From<ExecError> + 'r> Coordinator<'_, 'r, E> {
    pub(super) fn complete(&mut self, completion: Completion, runner: &mut dyn Runner) -> Result<(), E> {
        let batch = completion.batch;
        self.in_flight.done(batch);
        let Some(&node) = self.running.get(&batch.stage) else { return Ok(()) };
        let failed = |(block, failure)| self.failed(node, block, failure);
        let Outcome { partials, slot_bytes } = completion.result.map_err(failed)?;
        for _ in &partials {
            self.ctx.tell(&Event::UnitDone { label: &self.nodes[node].label });
        }
        let record = &mut self.records[node];
        record.cpu += completion.cpu;
        record.units += batch.count;
        record.bytes += slot_bytes;
        record.spans.push(Span {
            unit: batch.first,
            count: batch.count,
            worker: Some(completion.worker),
            started: completion.started,
            ended: completion.ended,
            cpu: completion.cpu,
        });
        let State::Running(running) = &mut self.states[node] else { return Ok(()) };
        running.size.learn(batch.count, completion.ended.saturating_duration_since(completion.started));
        running.left -= batch.count;
        for (slot, partial) in running.partials[batch.units()].iter_mut().zip(partials) {
            *slot = partial;
        }
        if running.left == 0 { self.close_stage(node, runner) } else { Ok(()) }
    }

    fn failed(&self, node: usize, block: usize, failure: UnitFailure) -> ExecError {
        let stage = self.nodes[node].label.clone();
        match failure {
            UnitFailure::Kernel(source) => ExecError::Kernel { stage, block, source },
            UnitFailure::Panic(message) => ExecError::Panic { stage, block, message },
            UnitFailure::Lost { attempts: 0, how } => ExecError::NoWorkers { reason: how },
            UnitFailure::Lost { attempts, how } => {
                let kernel = self.records[node].kernel.unwrap_or_default().to_owned();
                ExecError::WorkersLost { stage, kernel, block, attempts, how }
            }
        }
    }

    /// Freezes the outputs of a stage whose units are all done.
    pub(super) fn close_stage(&mut self, node: usize, runner: &mut dyn Runner) -> Result<(), E> {
        let State::Running(running) = std::mem::replace(&mut self.states[node], State::Done) else {
            return Ok(());
        };
        let id = running.stage.plan().id;
        self.running.remove(&id);
        runner.close_stage(id);
        let (label, Work::Stage(stage)) = (&self.nodes[node].label, &self.nodes[node].work) else {
            return Ok(());
        };
        let wire = |reason: String| ExecError::Wire { stage: label.clone(), reason };
        if stage.units.is_none() {
            let value = (stage.collect)(&running.partials).map_err(|e| wire(e.to_string()))?;
            self.values[node] = Some(value);
        }
        let run =
            Arc::try_unwrap(running.stage).map_err(|_| wire("a worker still holds the stage".to_owned()))?;
        for (handle, plane) in stage.outputs.iter().zip(run.freeze()) {
            self.planes[handle.0] = Some(plane);
        }
        self.finish_node(node, State::Done);
        Ok(())
    }

    /// Runs the deepest step that is ready. False if there is none.
    pub(super) fn run_step(&mut self) -> Result<bool, E> {
        let Some(rank) = self.open_steps.pop_first() else { return Ok(false) };
        let node = self.by_rank[rank];
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
        record.spans.push(Span {
            unit: 0,
            count: 1,
            worker: None,
            started,
            ended: Instant::now(),
            cpu: record.cpu,
        });
        self.finish_node(node, State::Done);
        Ok(true)
    }

    /// Frees what nobody reads any more and wakes those who waited.
    pub(super) fn finish_node(&mut self, node: usize, state: State) {
        if !matches!(state, State::Skipped) {
            let record = &self.records[node];
            self.ctx
                .tell(&Event::Finished { label: &self.nodes[node].label, cpu_s: record.cpu.as_secs_f64() });
        }
        self.states[node] = state;
        self.memory_is_full = false;
        let before = self.live_bytes;
        for plane in planes_read(&self.nodes[node].needs) {
            self.readers[plane] -= 1;
            self.free_if_unused(plane);
        }
        if let Work::Stage(stage) = &self.nodes[node].work {
            let written: Vec<usize> = stage.outputs.iter().map(|p| p.0).collect();
            for plane in written {
                self.free_if_unused(plane);
            }
        }
        if self.live_bytes != before {
            self.plane_bytes.push((Instant::now(), self.live_bytes));
        }
        for follower in self.followers[node].clone() {
            if let State::Waiting(missing) = &mut self.states[follower] {
                *missing -= 1;
                if *missing == 0 {
                    self.wake(follower);
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
