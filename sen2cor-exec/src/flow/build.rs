//! Declaring a flow.

use super::ready::Ready;
use crate::error::ExecError;
use crate::kernel::Kernel;
use crate::plane::{FrozenPlane, Layout, PlaneSpec};
use sen2cor_core::grid::Tiling;
use std::any::Any;
use std::marker::PhantomData;

/// A plane that a stage of the flow will write, or that was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaneHandle(pub(super) usize);

/// A value that a step will compute, or the partial results of a stage in block order. A stage of which only a part is run
/// has none.
#[derive(Debug)]
pub struct Value<T> {
    pub(super) node: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Value<T> {}

/// Something that must be there before a step or a stage can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// A plane.
    Plane(PlaneHandle),
    /// The result of a step or stage.
    Node(usize),
}

impl From<PlaneHandle> for Need {
    fn from(plane: PlaneHandle) -> Self {
        Self::Plane(plane)
    }
}

impl<T> From<Value<T>> for Need {
    fn from(value: Value<T>) -> Self {
        Self::Node(value.node)
    }
}

/// Serialised parameters and the halo they ask for; `None`: the stage is skipped.
pub(super) type Prepared = Option<(Vec<u8>, u32)>;
type Prepare<'r, E> = Box<dyn FnOnce(&Ready<'_>) -> Result<Prepared, E> + 'r>;
type Step<'r, E> = Box<dyn FnOnce(&Ready<'_>) -> Result<Box<dyn Any>, E> + 'r>;
type Collect = fn(&[Vec<u8>]) -> Result<Box<dyn Any>, rmp_serde::decode::Error>;

pub(super) struct StageNode<'r, E> {
    pub(super) kernel: &'static str,
    pub(super) tiling: Tiling,
    /// Where the tiling begins in the inputs, cells.
    pub(super) origin_cells: (u32, u32),
    /// How far around its block a unit looks at most, cells; `None`: not known before the stage begins.
    pub(super) reach_cells: Option<u32>,
    /// The units that run; `None`: all.
    pub(super) units: Option<Vec<usize>>,
    pub(super) inputs: Vec<PlaneHandle>,
    pub(super) tables: Vec<PlaneHandle>,
    pub(super) outputs: Vec<PlaneHandle>,
    pub(super) prepare: Option<Prepare<'r, E>>,
    pub(super) collect: Collect,
}

impl<E> StageNode<'_, E> {
    /// Whether the units that run, each of which overwrites its block, leave nothing of an output out.
    pub(super) fn overwrites(&self, output: &PlaneSpec) -> bool {
        let covered = match output.layout {
            Layout::Grid { resolution, channels } => {
                let (rows, cols) = self.tiling.extent().shape(resolution);
                (rows, cols * usize::from(channels)) == output.shape
            }
            Layout::Slots => self.tiling.len() == output.shape.0,
        };
        covered && self.units.is_none()
    }
}

pub(super) enum Work<'r, E> {
    Stage(StageNode<'r, E>),
    Step(Option<Step<'r, E>>),
}

pub(super) struct Node<'r, E> {
    pub(super) label: String,
    pub(super) needs: Vec<Need>,
    pub(super) work: Work<'r, E>,
}

pub(super) struct PlaneDecl {
    pub(super) spec: PlaneSpec,
    pub(super) maker: Option<usize>,
    pub(super) imported: Option<FrozenPlane>,
    pub(super) keep: bool,
}

/// A graph of stages and steps. `E` is the error of its steps.
pub struct Flow<'r, E = ExecError> {
    pub(super) nodes: Vec<Node<'r, E>>,
    pub(super) planes: Vec<PlaneDecl>,
}

impl<E> Default for Flow<'_, E> {
    fn default() -> Self {
        Self { nodes: Vec::new(), planes: Vec::new() }
    }
}

impl<'r, E: From<ExecError> + 'r> Flow<'r, E> {
    /// An empty flow.
    pub fn new() -> Self {
        Self::default()
    }

    /// Brings a plane that exists already.
    pub fn import(&mut self, plane: FrozenPlane) -> PlaneHandle {
        let spec = plane.reference().spec;
        self.planes.push(PlaneDecl { spec, maker: None, imported: Some(plane), keep: false });
        PlaneHandle(self.planes.len() - 1)
    }

    /// Begins the declaration of a stage; `label` names it in messages, and its first word groups it in reports.
    pub fn stage<K: Kernel>(
        &mut self,
        label: impl Into<String>,
        tiling: Tiling,
    ) -> StageBuilder<'_, 'r, K, E> {
        StageBuilder {
            flow: self,
            label: label.into(),
            tiling,
            origin_cells: (0, 0),
            reach_cells: None,
            needs: Vec::new(),
            inputs: Vec::new(),
            tables: Vec::new(),
            outputs: Vec::new(),
            kernel: PhantomData,
        }
    }

    /// A small computation of the coordinator: reduce partial results, make parameters, write a file. It runs in the
    /// coordinator's thread as soon as its needs are there.
    pub fn step<T: 'static>(
        &mut self,
        label: impl Into<String>,
        needs: &[Need],
        compute: impl FnOnce(&Ready<'_>) -> Result<T, E> + 'r,
    ) -> Value<T> {
        let step: Step<'r, E> = Box::new(move |ready| Ok(Box::new(compute(ready)?) as Box<dyn Any>));
        self.push(label.into(), needs.to_vec(), Work::Step(Some(step)))
    }

    /// Keeps a plane after its last reader, so that it can be taken from the finished flow.
    pub fn keep(&mut self, plane: PlaneHandle) {
        if let Some(declared) = self.planes.get_mut(plane.0) {
            declared.keep = true;
        }
    }

    fn push<T>(&mut self, label: String, needs: Vec<Need>, work: Work<'r, E>) -> Value<T> {
        let node = self.nodes.len();
        self.nodes.push(Node { label, needs, work });
        Value { node, kind: PhantomData }
    }
}

/// A stage in the making.
#[must_use = "a stage runs only after `run` or `run_with`"]
pub struct StageBuilder<'f, 'r, K: Kernel, E> {
    flow: &'f mut Flow<'r, E>,
    label: String,
    tiling: Tiling,
    origin_cells: (u32, u32),
    reach_cells: Option<u32>,
    needs: Vec<Need>,
    inputs: Vec<PlaneHandle>,
    tables: Vec<PlaneHandle>,
    outputs: Vec<PlaneHandle>,
    kernel: PhantomData<K>,
}

impl<'r, K: Kernel, E: From<ExecError> + 'r> StageBuilder<'_, 'r, K, E> {
    /// A plane of which each unit sees its block and halo.
    pub fn input(mut self, plane: PlaneHandle) -> Self {
        self.inputs.push(plane);
        self
    }

    /// Several inputs, in their order.
    pub fn inputs(mut self, planes: impl IntoIterator<Item = PlaneHandle>) -> Self {
        self.inputs.extend(planes);
        self
    }

    /// A plane of which each unit sees all.
    pub fn table(mut self, plane: PlaneHandle) -> Self {
        self.tables.push(plane);
        self
    }

    /// The tiling is that of a part of the inputs which begins at this row and column, cells.
    pub fn origin(mut self, (row, col): (u32, u32)) -> Self {
        self.origin_cells = (row, col);
        self
    }

    /// How far around its block a unit looks at most, metres, for stages whose parameters are made when they begin. Without it
    /// the stage is taken to need all of its inputs.
    pub fn reach_m(mut self, metres: u32) -> Self {
        self.reach_cells = Some(halo_cells(metres));
        self
    }

    /// Something else that must be there first.
    pub fn after(mut self, need: impl Into<Need>) -> Self {
        self.needs.push(need.into());
        self
    }

    /// A plane that the stage writes. Every plane has exactly one stage that does.
    pub fn output(&mut self, spec: PlaneSpec) -> PlaneHandle {
        let handle = PlaneHandle(self.flow.planes.len());
        let maker = Some(self.flow.nodes.len());
        self.flow.planes.push(PlaneDecl { spec, maker, imported: None, keep: false });
        self.outputs.push(handle);
        handle
    }

    /// Ends the declaration with parameters that are known now. The value holds the partial results in block order.
    pub fn run(self, params: K::Params) -> Value<Vec<K::Partial>>
    where
        K::Params: 'r,
    {
        let reach_m = K::halo_m(&params);
        self.reach_m(reach_m).run_with(&[], move |_| Ok(Some(params)))
    }

    /// Ends the declaration with parameters that are made from `needs` when these are there; `None` skips the stage.
    pub fn run_with(
        mut self,
        needs: &[Need],
        make: impl FnOnce(&Ready<'_>) -> Result<Option<K::Params>, E> + 'r,
    ) -> Value<Vec<K::Partial>> {
        self.needs.extend_from_slice(needs);
        self.needs.extend(self.inputs.iter().chain(&self.tables).map(|&plane| Need::Plane(plane)));
        let (label, reach) = (self.label.clone(), self.reach_cells);
        let prepare = Box::new(move |ready: &Ready<'_>| {
            let Some(params) = make(ready)? else { return Ok(None) };
            let halo = halo_cells(K::halo_m(&params));
            if let Some(reach) = reach.filter(|reach| halo > *reach) {
                let reason = format!("it looks {halo} cells around its blocks, {reach} were announced");
                return Err(ExecError::Wire { stage: label, reason }.into());
            }
            let bytes = rmp_serde::to_vec_named(&params)
                .map_err(|e| ExecError::Wire { stage: label, reason: e.to_string() })?;
            Ok(Some((bytes, halo)))
        });
        let stage = StageNode {
            kernel: K::NAME,
            tiling: self.tiling,
            origin_cells: self.origin_cells,
            reach_cells: self.reach_cells,
            units: None,
            inputs: self.inputs,
            tables: self.tables,
            outputs: self.outputs,
            prepare: Some(prepare),
            collect: collect::<K>,
        };
        self.flow.push(self.label, self.needs, Work::Stage(stage))
    }
}

/// Metres to cells of 10 m, in steps of 60 m so that every grid begins with a whole pixel.
const fn halo_cells(metres: u32) -> u32 {
    metres.div_ceil(60) * 6
}

fn collect<K: Kernel>(partials: &[Vec<u8>]) -> Result<Box<dyn Any>, rmp_serde::decode::Error> {
    let typed: Vec<K::Partial> =
        partials.iter().map(|p| rmp_serde::from_slice(p)).collect::<Result<_, _>>()?;
    Ok(Box::new(typed))
}
