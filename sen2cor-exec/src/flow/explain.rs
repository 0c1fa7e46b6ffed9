//! The printed form of a flow.

use super::build::{Flow, Need, Work};
use crate::error::ExecError;
use std::fmt::Write as _;

impl<'r, E: From<ExecError> + 'r> Flow<'r, E> {
    /// The graph as text: one line per stage and step, with its kernel, units, needs and the bytes it writes.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let _ = write!(text, "{index:>4} {}", node.label);
            if let Work::Stage(stage) = &node.work {
                let bytes: u64 = stage.outputs.iter().map(|p| self.planes[p.0].spec.bytes()).sum();
                let _ = write!(
                    text,
                    " [{} x {}, writes {} KiB]",
                    stage.kernel,
                    stage.tiling.len(),
                    bytes.div_ceil(1024)
                );
            }
            let mut makers: Vec<usize> = node.needs.iter().filter_map(|need| self.maker(*need)).collect();
            makers.sort_unstable();
            makers.dedup();
            if !makers.is_empty() {
                let list: Vec<String> = makers.iter().map(ToString::to_string).collect();
                let _ = write!(text, " after {}", list.join(", "));
            }
            text.push('\n');
        }
        text
    }

    /// The node that a need waits for; `None` for imported planes.
    pub(super) fn maker(&self, need: Need) -> Option<usize> {
        match need {
            Need::Node(node) => Some(node),
            Need::Plane(plane) => self.planes.get(plane.0).and_then(|p| p.maker),
        }
    }
}
