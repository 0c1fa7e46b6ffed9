//! Leaves out of a flow what nobody asked for: stages, and of the stages that stay the units whose blocks nobody reads.

use super::build::{Flow, Need, PlaneHandle, StageNode, Work};
use crate::error::ExecError;
use crate::plane::{Layout, PlaneSpec};
use sen2cor_core::grid::Block;
use std::any::Any;

/// What stands for a node that was left out, so that the numbers of the others stay.
const LEFT_OUT: &str = "";

/// What is asked for of a node.
#[derive(Clone, Default)]
struct Demand {
    is_needed: bool,
    /// The units of a stage; one for a step.
    units: Vec<bool>,
}

impl Demand {
    fn all(&mut self) {
        self.is_needed = true;
        self.units.fill(true);
    }

    fn unit(&mut self, unit: usize) {
        self.is_needed = true;
        if let Some(unit) = self.units.get_mut(unit) {
            *unit = true;
        }
    }
}

impl<'r, E: From<ExecError> + 'r> Flow<'r, E> {
    /// Keeps what `roots` and the `parts` of planes depend on. Other nodes run nothing, and their values and planes never come
    /// to be. Of a stage only those units run whose blocks are read, with the halos of its readers; whoever reads a plane as a
    /// table, or the partial results, needs all. Planes that are [kept](Flow::keep) are no roots by themselves.
    pub fn prune(&mut self, roots: &[Need], parts: &[(PlaneHandle, Block)]) {
        let demands = self.demands(roots, parts);
        for (node, demand) in self.nodes.iter_mut().zip(&demands) {
            if !demand.is_needed {
                LEFT_OUT.clone_into(&mut node.label);
                node.needs.clear();
                node.work = Work::Step(Some(Box::new(|_| Ok(Box::new(()) as Box<dyn Any>))));
            } else if let Work::Stage(stage) = &mut node.work {
                let units = || demand.units.iter().enumerate().filter(|(_, unit)| **unit);
                let is_whole = units().count() == demand.units.len();
                stage.units = (!is_whole).then(|| units().map(|(index, _)| index).collect());
            }
        }
        for plane in &mut self.planes {
            if plane.maker.is_some_and(|maker| !demands[maker].is_needed) {
                (plane.maker, plane.keep, plane.spec) = (None, false, PlaneSpec::slots::<u8>(1, 1));
            }
        }
    }

    fn demands(&self, roots: &[Need], parts: &[(PlaneHandle, Block)]) -> Vec<Demand> {
        let units = |work: &Work<'r, E>| match work {
            Work::Stage(stage) => stage.tiling.len(),
            Work::Step(_) => 1,
        };
        let empty = |units| Demand { is_needed: false, units: vec![false; units] };
        let mut demands: Vec<Demand> = self.nodes.iter().map(|node| empty(units(&node.work))).collect();
        for maker in roots.iter().filter_map(|need| self.maker(*need)) {
            demands[maker].all();
        }
        for (plane, block) in parts {
            self.ask(&mut demands, *plane, *block);
        }
        // Handles exist only after their makers, so those who need something come last.
        for index in (0..self.nodes.len()).rev().collect::<Vec<_>>() {
            let demand = demands[index].clone();
            if !demand.is_needed {
                continue;
            }
            let node = &self.nodes[index];
            let in_part = |need: &Need| matches!((&node.work, need), (Work::Stage(s), Need::Plane(p)) if s.is_input_alone(*p));
            for maker in node.needs.iter().filter(|n| !in_part(n)).filter_map(|need| self.maker(*need)) {
                demands[maker].all();
            }
            if let Work::Stage(stage) = &node.work {
                self.ask_inputs(&mut demands, stage, &demand);
            }
        }
        demands
    }

    /// What the units of a stage need of its inputs.
    fn ask_inputs(&self, demands: &mut [Demand], stage: &StageNode<'r, E>, demand: &Demand) {
        for input in &stage.inputs {
            let Some(maker) = self.maker(Need::Plane(*input)) else { continue };
            let Some(reach) = stage.reach_cells else {
                demands[maker].all();
                continue;
            };
            for (unit, _) in demand.units.iter().enumerate().filter(|(_, unit)| **unit) {
                if matches!(self.planes[input.0].spec.layout, Layout::Slots) {
                    demands[maker].unit(unit);
                    continue;
                }
                let block = stage.tiling.block(unit).grow(reach, stage.tiling.extent());
                self.ask(demands, *input, block.shifted(stage.origin_cells));
            }
        }
    }

    /// Asks for a part of an image.
    fn ask(&self, demands: &mut [Demand], plane: PlaneHandle, block: Block) {
        let Some(maker) = self.maker(Need::Plane(plane)) else { return };
        let Work::Stage(stage) = &self.nodes[maker].work else { return };
        demands[maker].is_needed = true;
        stage.tiling.touching(block).for_each(|unit| demands[maker].unit(unit));
    }

    /// Whether a node was left out.
    pub(super) fn is_left_out(&self, index: usize) -> bool {
        self.nodes.get(index).is_some_and(|node| node.label == LEFT_OUT)
    }
}

impl<E> StageNode<'_, E> {
    /// Whether a plane is an input, and no table as well.
    fn is_input_alone(&self, plane: PlaneHandle) -> bool {
        self.inputs.contains(&plane) && !self.tables.contains(&plane)
    }

    /// Number of units that run.
    pub(super) fn unit_count(&self) -> usize {
        self.units.as_ref().map_or(self.tiling.len(), Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Registry, RunContext, Sequential};

    #[test]
    fn only_what_the_roots_need_is_run() {
        let ran = std::cell::RefCell::new(Vec::new());
        let mut flow = Flow::<ExecError>::new();
        let note = |name: &'static str| {
            ran.borrow_mut().push(name);
            name
        };
        let a = flow.step("a", &[], |_| Ok(note("a")));
        let b = flow.step("b", &[], |_| Ok(note("b")));
        let c = flow.step("c", &[a.into()], |_| Ok(note("c")));
        let d = flow.step("d", &[b.into(), c.into()], |_| Ok(note("d")));
        flow.prune(&[c.into()], &[]);
        assert!(!flow.explain().contains("d after"));
        let finished = flow.run(&Sequential::new(Registry(&[])), &RunContext::default()).unwrap();
        assert_eq!(*finished.get(c).unwrap(), "c");
        assert!(finished.get(d).is_err());
        drop(finished);
        assert_eq!(ran.into_inner(), ["a", "c"]);
    }
}
