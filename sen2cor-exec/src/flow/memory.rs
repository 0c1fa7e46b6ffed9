//! Memory of planes: what a flow needs at least, and whether a stage may begin.
//!
//! With a budget, a stage may begin if its outputs fit now and if, after it, everything that is left could still be run one
//! stage at a time within the budget. So a flow never comes to a state in which every stage waits for memory (the
//! banker's rule: Dijkstra, EWD 623), and whatever fits runs at the same time.

use super::build::{Node, PlaneDecl, Work};
use super::run::planes_read;

/// What each node writes and reads, and who comes after whom.
pub(super) struct Memory {
    nodes: Vec<Needs>,
    bytes: Vec<u64>,
    keep: Vec<bool>,
    made: Vec<bool>,
    followers: Vec<Vec<usize>>,
}

struct Needs {
    writes: Vec<usize>,
    reads: Vec<usize>,
    makers: usize,
}

/// Which nodes are finished, which are running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    Running,
    Finished,
}

impl Memory {
    pub(super) fn new<E>(nodes: &[Node<'_, E>], planes: &[PlaneDecl], makers: &[Vec<usize>]) -> Self {
        let needs = nodes.iter().zip(makers).map(|(node, makers)| Needs {
            writes: match &node.work {
                Work::Stage(stage) => stage.outputs.iter().map(|plane| plane.0).collect(),
                Work::Step(_) => Vec::new(),
            },
            reads: planes_read(&node.needs).collect(),
            makers: makers.len(),
        });
        let mut followers = vec![Vec::new(); nodes.len()];
        for (node, makers) in makers.iter().enumerate() {
            for &maker in makers {
                followers[maker].push(node);
            }
        }
        Self {
            nodes: needs.collect(),
            // Planes that are brought along exist anyway.
            bytes: planes.iter().map(|p| if p.imported.is_some() { 0 } else { p.spec.bytes() }).collect(),
            keep: planes.iter().map(|p| p.keep).collect(),
            made: planes.iter().map(|p| p.imported.is_some()).collect(),
            followers,
        }
    }

    /// Bytes of the planes that a node writes.
    pub(super) fn written_by(&self, node: usize) -> u64 {
        self.nodes[node].writes.iter().map(|&plane| self.bytes[plane]).sum()
    }

    /// Bytes of all planes together.
    pub(super) fn all(&self) -> u64 {
        self.bytes.iter().sum()
    }

    /// Most bytes at a time if everything that is not finished runs one node at a time, after what is running.
    pub(super) fn need(&self, progress: &[Progress]) -> u64 {
        let mut state = State::new(self, progress);
        let mut peak = state.live;
        let running = (0..self.nodes.len()).filter(|&node| progress[node] == Progress::Running);
        running.for_each(|node| state.finish(self, node));
        while let Some(node) = state.next(self) {
            peak = peak.max(state.live + self.written_by(node));
            state.start(self, node);
            state.finish(self, node);
        }
        peak
    }

    /// What a flow needs at least.
    pub(super) fn minimum(&self) -> u64 {
        self.need(&vec![Progress::Waiting; self.nodes.len()])
    }
}

/// A flow that is played through without doing anything.
struct State {
    live: u64,
    exists: Vec<bool>,
    readers: Vec<usize>,
    missing: Vec<usize>,
    ready: Vec<usize>,
}

impl State {
    fn new(memory: &Memory, progress: &[Progress]) -> Self {
        let count = memory.nodes.len();
        let mut state = Self {
            live: 0,
            exists: memory.made.clone(),
            readers: vec![0; memory.bytes.len()],
            missing: memory.nodes.iter().map(|node| node.makers).collect(),
            ready: Vec::new(),
        };
        for (node, _) in progress.iter().enumerate().filter(|(_, p)| **p != Progress::Finished) {
            memory.nodes[node].reads.iter().for_each(|&plane| state.readers[plane] += 1);
        }
        for node in (0..count).filter(|&node| progress[node] == Progress::Finished) {
            memory.followers[node].iter().for_each(|&follower| state.missing[follower] -= 1);
        }
        for node in (0..count).filter(|&node| progress[node] != Progress::Waiting) {
            let running = progress[node] == Progress::Running;
            for &plane in &memory.nodes[node].writes {
                state.exists[plane] = running || state.readers[plane] > 0 || memory.keep[plane];
                state.live += if state.exists[plane] { memory.bytes[plane] } else { 0 };
            }
        }
        state.ready = (0..count)
            .filter(|&node| progress[node] == Progress::Waiting && state.missing[node] == 0)
            .collect();
        state
    }

    /// The node that leaves the least memory in use when it is finished.
    fn next(&mut self, memory: &Memory) -> Option<usize> {
        let freed = |node: usize| -> u64 {
            let last = memory.nodes[node].reads.iter().filter(|&&p| self.exists[p] && self.readers[p] == 1);
            last.filter(|&&p| !memory.keep[p]).map(|&p| memory.bytes[p]).sum()
        };
        let growth = |node: usize| i128::from(memory.written_by(node)) - i128::from(freed(node));
        let best = (0..self.ready.len()).min_by_key(|&at| (growth(self.ready[at]), self.ready[at]))?;
        Some(self.ready.swap_remove(best))
    }

    fn start(&mut self, memory: &Memory, node: usize) {
        for &plane in &memory.nodes[node].writes {
            self.exists[plane] = true;
            self.live += memory.bytes[plane];
        }
    }

    fn finish(&mut self, memory: &Memory, node: usize) {
        for &plane in &memory.nodes[node].reads {
            self.readers[plane] -= 1;
            self.free_if_unused(memory, plane);
        }
        for &plane in &memory.nodes[node].writes {
            self.free_if_unused(memory, plane);
        }
        for &follower in &memory.followers[node] {
            self.missing[follower] -= 1;
            if self.missing[follower] == 0 {
                self.ready.push(follower);
            }
        }
    }

    fn free_if_unused(&mut self, memory: &Memory, plane: usize) {
        if self.exists[plane] && self.readers[plane] == 0 && !memory.keep[plane] {
            self.exists[plane] = false;
            self.live -= memory.bytes[plane];
        }
    }
}
