//! What a kernel sees of its unit: windows of planes.
//!
//! Soundness of the views: an input plane is frozen, so nobody writes it. An output plane belongs to one stage
//! ([`OpenPlane`] cannot be cloned and the flow makes it for that stage alone), so it is no input at the same time. Inside
//! the stage, units write disjoint windows, because blocks come from a [`Tiling`](sen2cor_core::grid::Tiling) that is
//! checked against the plane's grid, and slots are rows of their own. A unit is given to one worker at a time. Each
//! output can be taken once per unit.
#![allow(unsafe_code, reason = "raw views of plane memory; each block says why it is sound")]

use crate::error::KernelError;
use crate::plane::{Layout, OpenPlane, Plane, Sample};
use crate::stage::StageRun;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};
use sen2cor_core::grid::{Block, Extent, Resolution, Window};

/// The planes of a stage as one unit sees them.
pub struct UnitIo<'a> {
    stage: &'a StageRun,
    unit: usize,
    block: Block,
    grown: Block,
    taken: Vec<bool>,
    slot_bytes: u64,
}

impl<'a> UnitIo<'a> {
    pub(crate) fn new(stage: &'a StageRun, unit: usize) -> Self {
        let plan = stage.plan();
        let block = plan.tiling.block(unit);
        Self {
            stage,
            unit,
            block,
            grown: block.grow(plan.halo_cells, plan.tiling.extent()),
            taken: vec![false; stage.outputs().len()],
            slot_bytes: 0,
        }
    }

    /// Number of the unit in its stage.
    pub fn unit(&self) -> usize {
        self.unit
    }

    /// The block of this unit, without halo.
    pub fn block(&self) -> Block {
        self.block
    }

    /// Extent of the tile.
    pub fn extent(&self) -> Extent {
        self.stage.plan().tiling.extent()
    }

    /// The pixels of the block on a grid.
    pub fn window(&self, resolution: Resolution) -> Window {
        self.block.on(resolution)
    }

    /// The pixels of the block with its halo on a grid: what [`UnitIo::input`] shows of planes of that grid.
    pub fn window_with_halo(&self, resolution: Resolution) -> Window {
        self.grown.on(resolution)
    }

    /// Row and column at which the block starts inside its window with halo.
    pub fn inner(&self, resolution: Resolution) -> (usize, usize) {
        let (inner, outer) = (self.window(resolution), self.window_with_halo(resolution));
        (inner.row - outer.row, inner.col - outer.col)
    }

    /// Tells how many bytes of its slots a unit has filled, for the report: slots are larger than what comes to stand in
    /// them.
    pub fn filled(&mut self, bytes: u64) {
        self.slot_bytes += bytes;
    }

    pub(crate) fn slot_bytes(&self) -> u64 {
        self.slot_bytes
    }

    /// Number of inputs.
    pub fn input_count(&self) -> usize {
        self.stage.inputs().len()
    }

    /// The block and its halo of input `slot`, on the plane's own grid.
    ///
    /// # Errors
    /// If there is no such input or its samples are of another type.
    pub fn input<T: Sample>(&self, slot: usize) -> Result<ArrayView2<'a, T>, KernelError> {
        let stage: &'a StageRun = self.stage;
        let plane = &*stage.inputs().get(slot).ok_or_else(|| no_plane("input", slot))?.0;
        let area = self.grown.shifted(stage.plan().origin_cells);
        let window = plane.spec().window(area, self.unit);
        check::<T>(plane, window)?;
        Ok(read(plane, window))
    }

    /// The whole of table `slot`.
    ///
    /// # Errors
    /// If there is no such table or its samples are of another type.
    pub fn table<T: Sample>(&self, slot: usize) -> Result<ArrayView2<'a, T>, KernelError> {
        let stage: &'a StageRun = self.stage;
        let plane = &*stage.tables().get(slot).ok_or_else(|| no_plane("table", slot))?.0;
        let (rows, cols) = plane.spec().shape;
        let window = Window { row: 0, col: 0, rows, cols };
        check::<T>(plane, window)?;
        Ok(read(plane, window))
    }

    /// The block of output `slot`, to be filled completely. Every output can be taken once.
    ///
    /// # Errors
    /// If there is no such output, its samples are of another type or it was taken before.
    pub fn output<T: Sample>(&mut self, slot: usize) -> Result<ArrayViewMut2<'a, T>, KernelError> {
        let stage: &'a StageRun = self.stage;
        let open: &'a OpenPlane = stage.outputs().get(slot).ok_or_else(|| no_plane("output", slot))?;
        let plane = &*open.0;
        let window = plane.spec().window(self.block, self.unit);
        check::<T>(plane, window)?;
        if let Layout::Grid { resolution, .. } = plane.spec().layout
            && !self.stage.plan().tiling.fits(resolution)
        {
            return Err(KernelError::internal(format!(
                "blocks of output {slot} overlap on the {resolution} grid"
            )));
        }
        match self.taken.get_mut(slot) {
            Some(taken) if !*taken => *taken = true,
            _ => return Err(KernelError::internal(format!("output {slot} was taken twice"))),
        }
        if plane.is_shared() && matches!(plane.spec().layout, Layout::Grid { .. }) {
            touch::<T>(plane, window);
        }
        let cols = plane.spec().shape.1;
        // SAFETY: `check` made sure of the type and that the window lies inside the plane's memory. The plane has no
        // reader and the window no other writer: see the head of this file; `taken` keeps this unit from asking twice.
        Ok(unsafe {
            let start = plane.pointer().cast::<T>().add(window.row * cols + window.col);
            ArrayViewMut2::from_shape_ptr((window.rows, window.cols).strides((cols, 1)), start)
        })
    }
}

fn no_plane(what: &str, slot: usize) -> KernelError {
    KernelError::internal(format!("the stage has no {what} {slot}"))
}

fn check<T: Sample>(plane: &Plane, window: Window) -> Result<(), KernelError> {
    let spec = plane.spec();
    if spec.dtype != T::DTYPE {
        return Err(KernelError::internal(format!(
            "a plane of {} samples was opened as {}",
            spec.dtype.name(),
            T::DTYPE.name()
        )));
    }
    if !spec.contains(window) {
        return Err(KernelError::internal(format!("{window:?} lies outside a plane of {:?}", spec.shape)));
    }
    Ok(())
}

/// Reads a sample of each page of a window that is about to be written. Where another process has touched the pages already,
/// the system maps sixteen of them at the first one that is read, but only one that is written.
fn touch<T: Sample>(plane: &Plane, window: Window) {
    const PAGE: usize = 4096;
    let cols = plane.spec().shape.1;
    for row in window.row..window.row + window.rows {
        let row_start = row * cols + window.col;
        for col in (0..window.cols).step_by(PAGE / size_of::<T>()).chain(window.cols.checked_sub(1)) {
            // SAFETY: the caller has checked type and bounds with `check`. Nobody else writes the window, and the view
            // through which this unit will does not exist yet.
            unsafe { plane.pointer().cast::<T>().add(row_start + col).read_volatile() };
        }
    }
}

fn read<T: Sample>(plane: &Plane, window: Window) -> ArrayView2<'_, T> {
    let cols = plane.spec().shape.1;
    // SAFETY: the caller has checked type and bounds with `check`; only frozen planes are read, and they have no writer.
    unsafe {
        let start = plane.pointer().cast::<T>().add(window.row * cols + window.col);
        ArrayView2::from_shape_ptr((window.rows, window.cols).strides((cols, 1)), start)
    }
}
