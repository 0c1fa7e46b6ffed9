//! What a run has done: products, time, memory, and what the user should know.

use crate::quality::QualityRecord;
use sen2cor_exec::{StageRecord, process_usage};
use serde::Serialize;
use std::path::PathBuf;
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
    /// Largest resident memory of the process.
    pub peak_bytes: u64,
    /// Most bytes that were reserved for planes at a time; memory that is never touched is not resident.
    pub peak_plane_bytes: u64,
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
}

/// Measures a run from its beginning on.
pub(crate) struct Meter {
    started: Instant,
    cpu_before: Duration,
    records: Vec<StageRecord>,
    peak_plane_bytes: u64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            cpu_before: process_usage().cpu,
            records: Vec::new(),
            peak_plane_bytes: 0,
        }
    }

    /// Adds the records of a flow.
    pub(crate) fn add_flow(&mut self, records: Vec<StageRecord>, peak_plane_bytes: u64) {
        self.records.extend(records);
        self.peak_plane_bytes = self.peak_plane_bytes.max(peak_plane_bytes);
    }

    /// Measures something that is no flow, under a label of its own.
    pub(crate) fn measure<T>(&mut self, label: &str, work: impl FnOnce() -> T) -> T {
        let (started, cpu) = (Instant::now(), process_usage().cpu);
        let result = work();
        self.records.push(StageRecord {
            label: label.to_owned(),
            kernel: None,
            units: 1,
            cpu: process_usage().cpu.saturating_sub(cpu),
            intervals: vec![(started, Instant::now())],
            bytes: 0,
        });
        result
    }

    pub(crate) fn totals(&self) -> Totals {
        let usage = process_usage();
        Totals {
            cpu_s: usage.cpu.saturating_sub(self.cpu_before).as_secs_f64(),
            wall_s: self.started.elapsed().as_secs_f64(),
            peak_bytes: usage.peak_bytes,
            peak_plane_bytes: self.peak_plane_bytes,
        }
    }

    /// Cost by the first word of the labels.
    pub(crate) fn stages(&self) -> Vec<StageSummary> {
        let mut groups: Vec<(String, Vec<&StageRecord>)> = Vec::new();
        for record in self.records.iter().filter(|r| r.units > 0) {
            let name = record.label.split_whitespace().next().unwrap_or_default();
            match groups.iter_mut().find(|(group, _)| group == name) {
                Some((_, members)) => members.push(record),
                None => groups.push((name.to_owned(), vec![record])),
            }
        }
        groups.into_iter().map(|(stage, members)| summarise(stage, &members)).collect()
    }
}

fn summarise(stage: String, members: &[&StageRecord]) -> StageSummary {
    let intervals = members.iter().flat_map(|r| r.intervals.iter().copied()).collect();
    StageSummary {
        stage,
        cpu_s: members.iter().map(|r| r.cpu.as_secs_f64()).sum(),
        wall_s: union(intervals).as_secs_f64(),
        bytes: members.iter().map(|r| r.bytes).sum(),
    }
}

/// Length of the union of intervals.
fn union(mut intervals: Vec<(Instant, Instant)>) -> Duration {
    intervals.sort_unstable();
    let mut total = Duration::ZERO;
    let mut covered: Option<Instant> = None;
    for (start, end) in intervals {
        let from = covered.map_or(start, |until| until.max(start));
        total += end.saturating_duration_since(from);
        covered = Some(covered.map_or(end, |until| until.max(end)));
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_units_count_once() {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        let intervals = vec![(at(0), at(10)), (at(5), at(12)), (at(6), at(7)), (at(20), at(25))];
        assert_eq!(union(intervals), Duration::from_millis(17));
    }
}
