//! Who has which part of the memory that planes share, and which parts are worth having again.
//!
//! The first touch of memory is dear: the system has to find, clear and map every page of it, in each process that uses it.
//! Pages that another plane has had cost none of that. So planes are ranges of few large *segments*. A segment takes only
//! addresses until its pages are touched. A range that is freed stays *warm* for planes to come; what is in use and what is
//! warm together are never more than was in use at some time: then pages are given back to the system, and are *cold* again
//! and zero.
//!
//! All sizes here are in pages.

use std::cmp::Reverse;

/// Where a plane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Number of the segment, never used twice.
    pub(super) segment: u64,
    /// First page.
    pub(super) first: u64,
    pub(super) pages: u64,
}

impl Range {
    pub(super) fn end(&self) -> u64 {
        self.first.saturating_add(self.pages)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Used,
    Warm,
    Cold,
}

/// Adjacent pages in the same state.
#[derive(Clone, Copy, Debug)]
struct Extent {
    first: u64,
    pages: u64,
    state: State,
}

#[derive(Debug)]
struct Segment<M> {
    number: u64,
    memory: M,
    /// All pages of the segment, in their order.
    extents: Vec<Extent>,
}

/// The segments.
#[derive(Debug)]
pub(super) struct Arena<M> {
    segments: Vec<Segment<M>>,
    used: u64,
    warm: u64,
    /// Most that was in use at a time, since nothing was.
    most: u64,
}

impl<M> Default for Arena<M> {
    fn default() -> Self {
        Self { segments: Vec::new(), used: 0, warm: 0, most: 0 }
    }
}

impl<M: Clone> Arena<M> {
    /// A range that nobody uses, with as many warm pages as can be, or none of them if it has to be zero.
    pub(super) fn take(&mut self, pages: u64, zero: bool) -> Option<(Range, M)> {
        let places = self.segments.iter().enumerate().flat_map(|(index, segment)| {
            let places = segment.places(pages, zero);
            // The rows that fit best, and of those the first one: so large rows stay whole.
            places.map(move |(warm, row, first)| (warm, Reverse(row), Reverse(index), Reverse(first)))
        });
        let (_, _, Reverse(index), Reverse(first)) = places.max()?;
        let segment = &mut self.segments[index];
        let range = Range { segment: segment.number, first, pages };
        self.warm -= segment.set(range, State::Used);
        self.used += pages;
        self.most = self.most.max(self.used);
        Some((range, segment.memory.clone()))
    }

    /// Adds a segment, nothing of which was ever touched.
    pub(super) fn add(&mut self, number: u64, memory: M, pages: u64) {
        let extents = vec![Extent { first: 0, pages, state: State::Cold }];
        self.segments.push(Segment { number, memory, extents });
    }

    /// Frees a range. When nothing is used any more, all segments go: they are for the caller to drop, outside of any lock.
    #[must_use]
    pub(super) fn give_back(&mut self, range: Range) -> Vec<M> {
        if let Some(segment) = self.segments.iter_mut().find(|segment| segment.number == range.segment) {
            segment.set(range, State::Warm);
            self.used -= range.pages;
            self.warm += range.pages;
        }
        if self.used > 0 {
            return Vec::new();
        }
        std::mem::take(self).segments.into_iter().map(|segment| segment.memory).collect()
    }

    /// Gives back what is warm beyond what was in use at some time, small pieces first. `cool` lets pages go, and says
    /// whether it could; then they are zero.
    pub(super) fn cool(&mut self, mut cool: impl FnMut(&M, Range) -> bool) {
        while self.used + self.warm > self.most {
            let too_much = self.used + self.warm - self.most;
            let warm = |segment: &Segment<M>| {
                let extents = segment.extents.iter().filter(|extent| extent.state == State::Warm);
                extents.map(|extent| (extent.pages, extent.first)).min()
            };
            let smallest = self.segments.iter_mut().filter_map(|segment| Some((warm(segment)?, segment)));
            let Some(((pages, first), segment)) = smallest.min_by_key(|(smallest, _)| *smallest) else {
                return;
            };
            let range = Range { segment: segment.number, first, pages: pages.min(too_much) };
            if !cool(&segment.memory, range) {
                return;
            }
            segment.set(range, State::Cold);
            self.warm -= range.pages;
        }
    }
}

impl<M> Segment<M> {
    /// Where so many pages can go: number of warm ones among them, length of the free row, first page.
    fn places(&self, pages: u64, zero: bool) -> impl Iterator<Item = (u64, u64, u64)> {
        let is_free = move |e: &Extent| e.state == State::Cold || (e.state == State::Warm && !zero);
        let rows =
            self.extents.chunk_by(move |a, b| is_free(a) && is_free(b)).filter(move |row| is_free(&row[0]));
        rows.flat_map(move |row| {
            let (first, last) = (row[0].first, row[row.len() - 1]);
            let end = last.first + last.pages;
            let warm = move |from: u64| {
                let inside =
                    |e: &Extent| (e.first + e.pages).min(from + pages).saturating_sub(e.first.max(from));
                row.iter().filter(|e| e.state == State::Warm).map(inside).sum()
            };
            // At the beginning of an extent, or so that it ends with the row.
            let starts = row.iter().map(|e| e.first).chain(end.checked_sub(pages));
            let fits = starts.filter(move |&start| start >= first && start + pages <= end);
            fits.map(move |start| (warm(start), end - first, start))
        })
    }

    /// Changes the state of a range; how many of its pages were warm.
    fn set(&mut self, range: Range, state: State) -> u64 {
        let (mut extents, mut warm) = (Vec::with_capacity(self.extents.len() + 2), 0);
        let mut put = |first: u64, end: u64, state: State| {
            let pages = end.saturating_sub(first);
            match extents.last_mut() {
                _ if pages == 0 => {}
                Some(Extent { pages: before, state: same, .. }) if *same == state => *before += pages,
                _ => extents.push(Extent { first, pages, state }),
            }
        };
        for extent in &self.extents {
            let end = extent.first + extent.pages;
            let (from, to) = (range.first.clamp(extent.first, end), range.end().clamp(extent.first, end));
            put(extent.first, from, extent.state);
            put(from, to, state);
            put(to, end, extent.state);
            warm += if extent.state == State::Warm { to - from } else { 0 };
        }
        self.extents = extents;
        warm
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;
    use proptest::prelude::*;

    fn arena() -> Arena<&'static str> {
        let mut arena = Arena::default();
        arena.add(7, "segment", 100);
        arena
    }

    fn first(arena: &mut Arena<&'static str>, pages: u64, zero: bool) -> u64 {
        arena.take(pages, zero).unwrap().0.first
    }

    #[test]
    fn warm_pages_are_used_again_and_neighbours_join() {
        let mut arena = arena();
        let ranges = [10, 20, 30].map(|pages| arena.take(pages, false).unwrap().0);
        assert_eq!(ranges.map(|range| range.first), [0, 10, 30]);
        assert!(arena.give_back(ranges[0]).is_empty() && arena.give_back(ranges[1]).is_empty());
        assert_eq!(first(&mut arena, 30, false), 0, "two that are free side by side");
        assert_eq!(first(&mut arena, 5, false), 60, "nothing warm is left");
        assert!(arena.give_back(ranges[2]).is_empty());
        assert_eq!(first(&mut arena, 5, true), 65, "warm pages are not zero");
        assert_eq!(first(&mut arena, 25, false), 30);
        assert!(arena.take(50, false).is_none(), "no room");
    }

    #[test]
    fn what_is_warm_beyond_the_most_that_was_used_is_let_go() {
        let mut arena = arena();
        let small = arena.take(10, false).unwrap().0;
        let large = arena.take(40, false).unwrap().0;
        let mut gone = Vec::new();
        assert!(arena.give_back(large).is_empty());
        // Zero pages have to be cold ones: 30 more than there were.
        let zero = arena.take(30, true).unwrap().0;
        arena.cool(|_, range| {
            gone.push(range);
            true
        });
        assert_eq!(gone, [Range { pages: 30, ..large }]);
        assert_eq!((arena.used, arena.warm, arena.most), (40, 10, 50));
        assert!(arena.give_back(zero).is_empty());
        assert_eq!(arena.give_back(small), ["segment"]);
        assert!(arena.take(1, false).is_none());
    }

    proptest! {
        /// Whatever is asked for in whatever order, with pages that remember who has them.
        #[test]
        fn ranges_never_overlap_and_memory_is_bounded(
            steps in prop::collection::vec((0u8..5, 1u64..40, any::<prop::sample::Index>()), 0..200),
        ) {
            let (mut arena, mut taken) = (Arena::<u64>::default(), Vec::<(Range, u64)>::new());
            // Of each page whether it was touched, by segment.
            let mut touched = std::collections::HashMap::<u64, Vec<bool>>::new();
            let mut most = 0;
            for (kind, pages, which) in steps {
                if kind < 3 {
                    let zero = kind == 0;
                    if arena.take(pages, zero).is_none_or(|(range, memory)| {
                        taken.push((range, memory));
                        false
                    }) {
                        let number = touched.len() as u64;
                        arena.add(number, number, 50);
                        touched.insert(number, vec![false; 50]);
                        taken.push(arena.take(pages, zero).unwrap());
                    }
                    let (range, memory) = *taken.last().unwrap();
                    prop_assert_eq!(range.segment, memory);
                    let others = taken[..taken.len() - 1].iter().map(|(other, _)| other);
                    for other in others.filter(|other| other.segment == range.segment) {
                        prop_assert!(other.end() <= range.first || range.end() <= other.first);
                    }
                    let page = &mut touched.get_mut(&memory).unwrap()[range.first as usize..range.end() as usize];
                    prop_assert!(!zero || page.iter().all(|touched| !touched), "not zero");
                    page.fill(true);
                } else if !taken.is_empty() {
                    let (range, _) = taken.swap_remove(which.index(taken.len()));
                    let gone = arena.give_back(range);
                    prop_assert_eq!(gone.is_empty(), !taken.is_empty());
                    for number in gone {
                        touched.get_mut(&number).unwrap().fill(false);
                        most = 0;
                    }
                }
                arena.cool(|memory, range| {
                    touched.get_mut(memory).unwrap()[range.first as usize..range.end() as usize].fill(false);
                    true
                });
                most = most.max(taken.iter().map(|(range, _)| range.pages).sum());
                let all = touched.values().flatten().filter(|touched| **touched).count() as u64;
                prop_assert!(all <= most, "{all} pages are touched, {most} were in use");
            }
        }
    }
}
