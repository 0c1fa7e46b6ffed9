//! How many units are handed over at a time.
//!
//! To hand over a unit and to hear of its end takes a microsecond with threads and a hundred with processes. That is
//! nothing for a unit of milliseconds, so these go one by one and no worker waits for the last of them. Units of
//! microseconds go together, as many as the last ones have shown to fit.

use crate::stage::Batch;
use std::ops::Range;
use std::time::Duration;

/// Batches that take less are made larger, those that take more smaller.
const SHORT: Duration = Duration::from_micros(100);
const LONG: Duration = Duration::from_millis(1);

/// Most units of a batch.
const MOST: usize = 128;

/// How many units of a stage are handed over at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchSize(usize);

impl Default for BatchSize {
    fn default() -> Self {
        Self(1)
    }
}

impl BatchSize {
    /// Takes note that so many units took so long.
    pub(super) fn learn(&mut self, count: usize, took: Duration) {
        if took > LONG {
            self.0 = (count / 2).clamp(1, self.0);
        } else if took < SHORT && count >= self.0 {
            self.0 = (2 * self.0).min(MOST);
        }
    }

    /// The first of the units that are left, as many as fit, in one row. Towards the end they become fewer, so that all
    /// workers are busy until then.
    pub(super) fn next(self, left: &[usize], workers: usize) -> Range<usize> {
        let most = self.0.min(left.len() / (2 * workers.max(1))).max(1);
        let first = left.first().copied().unwrap_or_default();
        let count =
            left.iter().take(most).zip(first..).take_while(|(unit, number)| **unit == *number).count();
        first..first + count
    }
}

/// Jobs that are with the workers.
#[derive(Debug, Default)]
pub(super) struct InFlight(Vec<Handed>);

#[derive(Debug)]
struct Handed {
    batch: Batch,
    /// Units that have not come back.
    left: usize,
}

impl InFlight {
    /// Number of jobs of which something has not come back.
    pub(super) fn jobs(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, batch: Batch) {
        self.0.push(Handed { batch, left: batch.count });
    }

    /// Takes note of a job, or a part of one, that has come back.
    pub(super) fn done(&mut self, part: Batch) {
        let holds = |job: &Handed| job.batch.stage == part.stage && job.batch.units().contains(&part.first);
        let Some(place) = self.0.iter().position(holds) else { return };
        self.0[place].left = self.0[place].left.saturating_sub(part.count);
        if self.0[place].left == 0 {
            self.0.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_units_are_short_and_shrink_when_they_are_not() {
        let mut size = BatchSize::default();
        let many: Vec<usize> = (0..100_000).collect();
        size.learn(1, Duration::from_millis(50));
        assert_eq!(size.next(&many, 2), 0..1, "long units go one by one");
        for _ in 0..20 {
            let count = size.next(&many, 2).len();
            size.learn(count, Duration::from_nanos(300 * count as u64));
        }
        assert_eq!(size.next(&many[5..], 2), 5..5 + MOST);
        size.learn(MOST, Duration::from_millis(64));
        assert_eq!(size.next(&many, 2).len(), MOST / 2);
        for _ in 0..20 {
            let count = size.next(&many, 2).len();
            size.learn(count, Duration::from_millis(count as u64 * 2));
        }
        assert_eq!(size.next(&many, 2), 0..1);
    }

    #[test]
    fn a_batch_is_a_row_and_leaves_work_for_the_other_workers() {
        let size = BatchSize(64);
        let with_gaps: Vec<usize> = (0..10).chain(20..1000).collect();
        assert_eq!(size.next(&with_gaps, 2), 0..10, "up to the gap");
        assert_eq!(size.next(&with_gaps[10..], 2), 20..84);
        let few: Vec<usize> = (3..15).collect();
        assert_eq!(size.next(&few, 2), 3..6);
        assert_eq!(size.next(&few[11..], 2), 14..15);
    }

    #[test]
    fn jobs_count_until_their_last_part_is_back() {
        let mut jobs = InFlight::default();
        jobs.add(Batch { stage: 1, first: 0, count: 3 });
        jobs.add(Batch { stage: 2, first: 0, count: 3 });
        jobs.done(Batch::one(1, 2));
        jobs.done(Batch::one(1, 0));
        jobs.done(Batch { stage: 2, first: 0, count: 3 });
        assert_eq!(jobs.jobs(), 1);
        jobs.done(Batch::one(9, 0));
        assert_eq!(jobs.jobs(), 1, "not one of them");
        jobs.done(Batch::one(1, 1));
        assert_eq!(jobs.jobs(), 0);
    }
}
