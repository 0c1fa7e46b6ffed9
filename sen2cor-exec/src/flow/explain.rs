//! The printed form of a flow.

use super::build::{Flow, Need, Work};
use super::memory::Memory;
use crate::error::ExecError;
use std::fmt::Write as _;

impl<'r, E: From<ExecError> + 'r> Flow<'r, E> {
    /// The graph as text: one line per stage and step, with its kernel, units, needs and the bytes that its planes
    /// reserve. The last line says what all planes need.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        let makers = self.makers();
        let memory = Memory::new(&self.nodes, &self.planes, &makers);
        for (index, node) in self.nodes.iter().enumerate() {
            if self.is_left_out(index) {
                continue;
            }
            let _ = write!(text, "{index:>4} {}", node.label);
            if let Work::Stage(stage) = &node.work {
                let (kernel, all) = (stage.kernel, stage.tiling.len());
                let units = stage.units.as_ref().map_or(all.to_string(), |u| format!("{} of {all}", u.len()));
                let _ = write!(text, " [{kernel} x {units}, writes {}]", kib(memory.written_by(index)));
            }
            if !makers[index].is_empty() {
                let list: Vec<String> = makers[index].iter().map(ToString::to_string).collect();
                let _ = write!(text, " after {}", list.join(", "));
            }
            text.push('\n');
        }
        let (least, all) = (memory.minimum(), memory.all());
        let _ = writeln!(text, "planes: {} in all, at least {} at a time", kib(all), kib(least));
        text
    }

    /// Bytes that the planes need at least, if stages run one after the other.
    pub fn minimum_plane_bytes(&self) -> u64 {
        Memory::new(&self.nodes, &self.planes, &self.makers()).minimum()
    }

    /// The node that a need waits for; `None` for imported planes.
    pub(super) fn maker(&self, need: Need) -> Option<usize> {
        match need {
            Need::Node(node) => Some(node),
            Need::Plane(plane) => self.planes.get(plane.0).and_then(|p| p.maker),
        }
    }
}

fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
