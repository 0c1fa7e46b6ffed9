//! Where the time of a run went: one row per worker, for the trace viewers of browsers.

use sen2cor_exec::{Executor, StageRecord};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Gaps shorter than this are no waiting, s.
const SHORTEST_WAIT_S: f64 = 1e-4;

/// The timeline of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    executor: String,
    workers: usize,
    slices: Vec<Slice>,
    /// When (s) and how many bytes.
    plane_bytes: Vec<(f64, u64)>,
}

/// Units that were handed over together, a step, or waiting.
#[derive(Clone, Debug, PartialEq)]
struct Slice {
    label: String,
    /// `None`: the coordinator.
    worker: Option<usize>,
    /// Number of the first unit, and of units.
    unit: usize,
    count: usize,
    start_s: f64,
    end_s: f64,
    cpu_s: f64,
}

impl Trace {
    pub(crate) fn new(
        origin: Instant,
        executor: &dyn Executor,
        records: &[StageRecord],
        plane_bytes: &[(Instant, u64)],
    ) -> Self {
        let since = |time: Instant| time.saturating_duration_since(origin).as_secs_f64();
        let slices = records.iter().flat_map(|record| {
            record.spans.iter().map(move |span| Slice {
                label: record.label.clone(),
                worker: span.worker,
                unit: span.unit,
                count: span.count,
                start_s: since(span.started),
                end_s: since(span.ended),
                cpu_s: span.cpu.as_secs_f64(),
            })
        });
        Self {
            executor: executor.name().to_owned(),
            workers: executor.slots(),
            slices: slices.collect(),
            plane_bytes: plane_bytes.iter().map(|&(time, bytes)| (since(time), bytes)).collect(),
        }
    }

    /// Share of the time of all workers, from the first unit to the last, in which they ran units.
    pub fn busy_share(&self) -> f64 {
        let busy: f64 = self.of_workers().map(|slice| slice.end_s - slice.start_s).sum();
        let (from, to) = self.working_time();
        let all = (to - from) * self.workers as f64;
        if all > 0.0 { (busy / all).min(1.0) } else { 1.0 }
    }

    /// Writes the trace in the JSON form of Chrome's trace viewer, which others such as Perfetto read too: one row per
    /// worker, one for the coordinator, a counter of the bytes of planes. Where a worker had nothing to do, its row says
    /// `waiting`.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn write_chrome(&self, into: &mut impl Write) -> io::Result<()> {
        let title = format!("sen2cor, {} x {}", self.executor, self.workers);
        let mut events = vec![name("process_name", 0, &title), name("thread_name", 0, "coordinator")];
        for worker in 0..self.workers {
            events.push(name("thread_name", worker + 1, &format!("worker {worker}")));
        }
        events.extend(self.slices.iter().map(|slice| event(slice, group(&slice.label))));
        events.extend(self.waits().iter().map(|wait| event(wait, "waiting")));
        for &(time_s, bytes) in &self.plane_bytes {
            let value = json!({ "MB": bytes as f64 / 1e6 });
            events.push(json!({ "name": "planes", "ph": "C", "pid": 1, "ts": time_s * 1e6, "args": value }));
        }
        let all = json!({ "displayTimeUnit": "ms", "traceEvents": events });
        serde_json::to_writer(&mut *into, &all)?;
        into.write_all(b"\n")
    }

    fn of_workers(&self) -> impl Iterator<Item = &Slice> {
        self.slices.iter().filter(|slice| slice.worker.is_some())
    }

    /// From the first unit to the last.
    fn working_time(&self) -> (f64, f64) {
        let from = self.of_workers().map(|slice| slice.start_s).fold(f64::INFINITY, f64::min);
        let to = self.of_workers().map(|slice| slice.end_s).fold(0.0, f64::max);
        (from.min(to), to)
    }

    /// When workers had nothing to do between the first unit and the last.
    fn waits(&self) -> Vec<Slice> {
        let (from, to) = self.working_time();
        let mut waits = Vec::new();
        for worker in 0..self.workers {
            let mut spans: Vec<(f64, f64)> = self
                .of_workers()
                .filter(|s| s.worker == Some(worker))
                .map(|s| (s.start_s, s.end_s))
                .collect();
            spans.sort_by(|a, b| a.0.total_cmp(&b.0));
            spans.push((to, to));
            let mut until = from;
            for (start_s, end_s) in spans {
                if start_s - until > SHORTEST_WAIT_S {
                    let label = "waiting".to_owned();
                    let worker = Some(worker);
                    waits.push(Slice {
                        label,
                        worker,
                        unit: 0,
                        count: 0,
                        start_s: until,
                        end_s: start_s,
                        cpu_s: 0.0,
                    });
                }
                until = until.max(end_s);
            }
        }
        waits
    }
}

fn name(what: &str, row: usize, text: &str) -> Value {
    json!({ "name": what, "ph": "M", "pid": 1, "tid": row, "args": { "name": text } })
}

fn event(slice: &Slice, category: &str) -> Value {
    json!({
        "name": slice.label,
        "cat": category,
        "ph": "X",
        "pid": 1,
        "tid": slice.worker.map_or(0, |worker| worker + 1),
        "ts": slice.start_s * 1e6,
        "dur": (slice.end_s - slice.start_s) * 1e6,
        "args": { "block": slice.unit, "blocks": slice.count, "cpu_ms": slice.cpu_s * 1e3 },
    })
}

/// The first word of a label, without a colon.
pub(crate) fn group(label: &str) -> &str {
    label.split_whitespace().next().unwrap_or_default().trim_end_matches(':')
}

/// Length of the union of intervals.
pub(crate) fn union(mut intervals: Vec<(Instant, Instant)>) -> Duration {
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
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn slice(worker: Option<usize>, start_s: f64, end_s: f64) -> Slice {
        Slice { label: "encode B02".to_owned(), worker, unit: 3, count: 1, start_s, end_s, cpu_s: 0.5 }
    }

    fn trace() -> Trace {
        let slices = vec![
            slice(None, 0.0, 0.5),
            slice(Some(0), 1.0, 2.0),
            slice(Some(1), 1.5, 4.0),
            slice(Some(0), 3.0, 4.0),
        ];
        Trace { executor: "threads".to_owned(), workers: 2, slices, plane_bytes: vec![(1.0, 2_000_000)] }
    }

    #[test]
    fn overlapping_units_count_once() {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        let intervals = vec![(at(0), at(10)), (at(5), at(12)), (at(6), at(7)), (at(20), at(25))];
        assert_eq!(union(intervals), Duration::from_millis(17));
    }

    #[test]
    fn waiting_is_what_is_left_of_each_row() {
        let waits: Vec<_> = trace().waits().iter().map(|w| (w.worker, w.start_s, w.end_s)).collect();
        assert_eq!(waits, [(Some(0), 2.0, 3.0), (Some(1), 1.0, 1.5)]);
        assert!((trace().busy_share() - 4.5 / 6.0).abs() < 1e-12);
        assert_eq!(Trace::default().busy_share(), 1.0);
    }

    #[test]
    fn a_trace_is_what_viewers_read() {
        let mut text = Vec::new();
        trace().write_chrome(&mut text).unwrap();
        let read: Value = serde_json::from_slice(&text).unwrap();
        let events = read["traceEvents"].as_array().unwrap();
        let of = |kind: &str| events.iter().filter(|e| e["ph"] == kind).count();
        assert_eq!((of("M"), of("X"), of("C")), (4, 6, 1));
        let unit = events.iter().find(|e| e["ts"] == 1_500_000.0).unwrap();
        assert_eq!((unit["tid"].as_u64(), unit["cat"].as_str()), (Some(2), Some("encode")));
        assert_eq!(unit["dur"], 2_500_000.0);
    }
}
