//! Results of a flow: what steps see while it runs, and what is left when it is finished.

use super::build::{PlaneHandle, Value};
use crate::error::ExecError;
use crate::plane::FrozenPlane;
use std::any::Any;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// The results that are there. A step may only rely on what it named as a need.
pub struct Ready<'a> {
    pub(super) planes: &'a [Option<FrozenPlane>],
    pub(super) values: &'a [Option<Box<dyn Any>>],
    pub(super) wrote: Cell<u64>,
}

impl<'a> Ready<'a> {
    pub(super) fn new(planes: &'a [Option<FrozenPlane>], values: &'a [Option<Box<dyn Any>>]) -> Self {
        Self { planes, values, wrote: Cell::new(0) }
    }

    /// Tells how many bytes a step has written to files, for the report.
    pub fn wrote(&self, bytes: u64) {
        self.wrote.set(self.wrote.get() + bytes);
    }

    /// A value.
    ///
    /// # Errors
    /// If it is not there, because its stage was skipped or it was not named as a need.
    pub fn get<T: 'static>(&self, value: Value<T>) -> Result<&T, ExecError> {
        find_value(self.values, value)
    }

    /// A plane.
    ///
    /// # Errors
    /// If it is not there, because its stage was skipped or it was not named as a need.
    pub fn plane(&self, handle: PlaneHandle) -> Result<&FrozenPlane, ExecError> {
        find_plane(self.planes, handle)
    }

    /// Whether a plane is there, that is, its stage was not skipped.
    pub fn has(&self, handle: PlaneHandle) -> bool {
        self.plane(handle).is_ok()
    }
}

fn find_value<T: 'static>(values: &[Option<Box<dyn Any>>], value: Value<T>) -> Result<&T, ExecError> {
    values
        .get(value.node)
        .and_then(Option::as_ref)
        .and_then(|v| v.downcast_ref())
        .ok_or_else(|| ExecError::NotReady { what: format!("the value of node {}", value.node) })
}

fn find_plane(planes: &[Option<FrozenPlane>], handle: PlaneHandle) -> Result<&FrozenPlane, ExecError> {
    planes
        .get(handle.0)
        .and_then(Option::as_ref)
        .ok_or_else(|| ExecError::NotReady { what: format!("plane {}", handle.0) })
}

/// What a stage or step has cost.
#[derive(Clone, Debug)]
pub struct StageRecord {
    /// Its label.
    pub label: String,
    /// Name of the kernel; `None` for steps.
    pub kernel: Option<&'static str>,
    /// Number of units.
    pub units: usize,
    /// CPU time of all units.
    pub cpu: Duration,
    /// When units were running, and where; units that were handed over together have one span.
    pub spans: Vec<Span>,
    /// Bytes of the images, slots or files that it wrote.
    pub bytes: u64,
}

/// When and where units or a step ran.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Number of the first unit.
    pub unit: usize,
    /// Number of units.
    pub count: usize,
    /// Number of the worker; `None` for the coordinator, which runs the steps.
    pub worker: Option<usize>,
    /// From when.
    pub started: Instant,
    /// Until when.
    pub ended: Instant,
    /// CPU time of the units.
    pub cpu: Duration,
}

/// A flow that has run.
pub struct Finished {
    pub(super) planes: Vec<Option<FrozenPlane>>,
    pub(super) values: Vec<Option<Box<dyn Any>>>,
    /// What each stage and step has cost, in the order of their declaration.
    pub records: Vec<StageRecord>,
    /// Most bytes that planes took at a time.
    pub peak_plane_bytes: u64,
    /// Bytes that planes took, whenever that changed.
    pub plane_bytes: Vec<(Instant, u64)>,
}

impl Finished {
    /// A value.
    ///
    /// # Errors
    /// If it is not there, because its stage was skipped.
    pub fn get<T: 'static>(&self, value: Value<T>) -> Result<&T, ExecError> {
        find_value(&self.values, value)
    }

    /// A plane that was kept.
    ///
    /// # Errors
    /// If it was not kept or its stage was skipped.
    pub fn plane(&self, handle: PlaneHandle) -> Result<&FrozenPlane, ExecError> {
        find_plane(&self.planes, handle)
    }
}
