//! Leaves out of a flow what nobody asked for.

use super::build::{Flow, Need, Work};
use crate::error::ExecError;
use crate::plane::PlaneSpec;
use std::any::Any;

/// What stands for a node that was left out, so that the numbers of the others stay.
const LEFT_OUT: &str = "";

impl<'r, E: From<ExecError> + 'r> Flow<'r, E> {
    /// Keeps the nodes that `roots` depend on; all others run nothing and their values and planes never come to be.
    /// Planes that are [kept](Flow::keep) are no roots by themselves.
    pub fn prune(&mut self, roots: &[Need]) {
        let mut needed = vec![false; self.nodes.len()];
        let mut open: Vec<usize> = roots.iter().filter_map(|need| self.maker(*need)).collect();
        while let Some(index) = open.pop() {
            let Some(seen) = needed.get_mut(index) else { continue };
            if !std::mem::replace(seen, true) {
                open.extend(self.nodes[index].needs.iter().filter_map(|need| self.maker(*need)));
            }
        }
        for (node, _) in self.nodes.iter_mut().zip(&needed).filter(|(_, needed)| !**needed) {
            LEFT_OUT.clone_into(&mut node.label);
            node.needs.clear();
            node.work = Work::Step(Some(Box::new(|_| Ok(Box::new(()) as Box<dyn Any>))));
        }
        for plane in &mut self.planes {
            if plane.maker.is_some_and(|maker| !needed[maker]) {
                (plane.maker, plane.keep, plane.spec) = (None, false, PlaneSpec::slots::<u8>(1, 1));
            }
        }
    }

    /// Whether a node was left out.
    pub(super) fn is_left_out(&self, index: usize) -> bool {
        self.nodes.get(index).is_some_and(|node| node.label == LEFT_OUT)
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
        flow.prune(&[c.into()]);
        assert!(!flow.explain().contains("d after"));
        let finished = flow.run(&Sequential::new(Registry(&[])), &RunContext::default()).unwrap();
        assert_eq!(*finished.get(c).unwrap(), "c");
        assert!(finished.get(d).is_err());
        drop(finished);
        assert_eq!(ran.into_inner(), ["a", "c"]);
    }
}
