//! What a run has done: products, time, memory, and what the user should know.

use crate::quality::QualityRecord;
use crate::trace::{Trace, group, union};
use sen2cor_exec::{Executor, Finished, Span, StageRecord, process_usage};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Cost of a group of stages, e.g. all that decode.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageSummary {
    /// First word of the labels of the stages.
    pub stage: String,
    /// CPU time of all units, in all threads.
    pub cpu_s: f64,
    /// Time during which at least one unit of the group was running.
    pub wall_s: f64,
    /// Bytes of the planes or files that the group wrote.
    pub bytes: u64,
}

/// Cost of the whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// CPU time of the process and its children, user and system.
    pub cpu_s: f64,
    /// Time from beginning to end.
    pub wall_s: f64,
    /// Largest resident memory of the process itself; worker processes have their own.
    pub peak_bytes: u64,
    /// Largest resident memory of one worker process, with the planes that it shares with others; none without such
    /// workers or where the system does not tell.
    pub worker_peak_bytes: Option<u64>,
    /// Most bytes that were reserved for planes at a time; memory that is never touched is not resident.
    pub peak_plane_bytes: u64,
    /// Share of the time of the workers in which they ran units, from the first to the last unit.
    pub busy_share: f64,
}

/// What was used for a value that can come from several places.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueUsed {
    /// What it is, with its unit, e.g. `ozone_du`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it came from.
    pub source: String,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// Finished products, one per tile.
    pub products: Vec<PathBuf>,
    /// Those among them that were there before, and were not made again.
    pub recognised: Vec<PathBuf>,
    /// Name and number of workers of the executor.
    pub executor: String,
    /// Number of units that could run at the same time.
    pub workers: usize,
    /// What was used for the correction.
    pub values: Vec<ValueUsed>,
    /// Every fallback and every warning.
    pub quality: QualityRecord,
    /// Cost by groups of stages, in the order in which they first ran.
    pub stages: Vec<StageSummary>,
    /// Cost of the whole run.
    pub totals: Totals,
    /// Where the time went.
    #[serde(skip)]
    pub trace: Trace,
}

/// Measures a run from its beginning on.
pub(crate) struct Meter {
    executor: Arc<dyn Executor>,
    started: Instant,
    cpu_before: Duration,
    records: Vec<StageRecord>,
    peak_plane_bytes: u64,
    plane_bytes: Vec<(Instant, u64)>,
}

impl Meter {
    pub(crate) fn start(executor: Arc<dyn Executor>) -> Self {
        Self {
            started: Instant::now(),
            cpu_before: process_usage().cpu + executor.workers_cpu(),
            executor,
            records: Vec::new(),
            peak_plane_bytes: 0,
            plane_bytes: Vec::new(),
        }
    }

    /// Takes over what is known of a flow that has run.
    pub(crate) fn add_flow(&mut self, finished: &mut Finished) {
        self.records.append(&mut finished.records);
        self.plane_bytes.append(&mut finished.plane_bytes);
        self.peak_plane_bytes = self.peak_plane_bytes.max(finished.peak_plane_bytes);
    }

    /// Measures something that is no flow, under a label of its own.
    pub(crate) fn measure<T>(&mut self, label: &str, work: impl FnOnce() -> T) -> T {
        let (started, cpu) = (Instant::now(), process_usage().cpu);
        let result = work();
        let cpu = process_usage().cpu.saturating_sub(cpu);
        let span = Span { unit: 0, count: 1, worker: None, started, ended: Instant::now(), cpu };
        let label = label.to_owned();
        self.records.push(StageRecord { label, kernel: None, units: 1, cpu, spans: vec![span], bytes: 0 });
        result
    }

    /// Where the time went so far.
    pub(crate) fn trace(&self) -> Trace {
        Trace::new(self.started, self.executor.as_ref(), &self.records, &self.plane_bytes)
    }

    pub(crate) fn totals(&self) -> Totals {
        let usage = process_usage();
        let cpu = usage.cpu + self.executor.workers_cpu();
        Totals {
            cpu_s: cpu.saturating_sub(self.cpu_before).as_secs_f64(),
            wall_s: self.started.elapsed().as_secs_f64(),
            peak_bytes: usage.peak_bytes,
            worker_peak_bytes: self.executor.worker_peak_bytes(),
            peak_plane_bytes: self.peak_plane_bytes,
            busy_share: self.trace().busy_share(),
        }
    }

    /// Cost by the first word of the labels.
    pub(crate) fn stages(&self) -> Vec<StageSummary> {
        let mut groups: Vec<(String, Vec<&StageRecord>)> = Vec::new();
        // What was left out of a flow has no label.
        for record in self.records.iter().filter(|r| r.units > 0 && !r.label.is_empty()) {
            let name = group(&record.label);
            match groups.iter_mut().find(|(group, _)| group == name) {
                Some((_, members)) => members.push(record),
                None => groups.push((name.to_owned(), vec![record])),
            }
        }
        groups.into_iter().map(|(stage, members)| summarise(stage, &members)).collect()
    }
}

fn summarise(stage: String, members: &[&StageRecord]) -> StageSummary {
    let intervals = members.iter().flat_map(|r| r.spans.iter().map(|s| (s.started, s.ended))).collect();
    StageSummary {
        stage,
        cpu_s: members.iter().map(|r| r.cpu.as_secs_f64()).sum(),
        wall_s: union(intervals).as_secs_f64(),
        bytes: members.iter().map(|r| r.bytes).sum(),
    }
}
