//! Planes: the images and tables that stages hand to each other.
//!
//! A plane is open while one stage writes it ([`OpenPlane`], not clonable) and frozen afterwards ([`FrozenPlane`], shared
//! by all readers). Where its bytes live is the business of a [`PlaneStore`]: on the heap for threads, in shared memory
//! or files for other processes. [`PlaneRef`] is what a stage plan says of a plane: enough for a worker to find it.

mod arena;
mod heap;
mod shared;

pub use heap::HeapStore;
pub(crate) use heap::fill_row;
pub(crate) use shared::{Mapping, OnFree, SharedStore};

use crate::error::ExecError;
use ndarray::{Array2, ArrayView2};
use sen2cor_core::grid::{Block, Extent, Resolution, Window};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Type of a plane's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the variants are the names of the types")]
pub enum Dtype {
    U8,
    U16,
    F32,
}

impl Dtype {
    /// Bytes per sample.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::F32 => 4,
        }
    }

    /// Rust's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::F32 => "f32",
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for f32 {}
}

/// A type that planes can hold. Sealed: every bit pattern of these types is a value, which the views rely on.
pub trait Sample: sealed::Sealed + Copy + Default + Send + Sync + 'static {
    /// The matching [`Dtype`].
    const DTYPE: Dtype;
}

impl Sample for u8 {
    const DTYPE: Dtype = Dtype::U8;
}
impl Sample for u16 {
    const DTYPE: Dtype = Dtype::U16;
}
impl Sample for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

/// Which part of a plane belongs to which unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// An image of the tile: a unit owns the pixels of its block. `channels` samples stand side by side in a pixel.
    Grid {
        /// Grid of the image.
        resolution: Resolution,
        /// Samples per pixel.
        channels: u8,
    },
    /// One row per unit, for results whose size is not known beforehand, such as encoded tiles.
    Slots,
}

/// Size and type of a plane that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaneSpec {
    /// Type of the samples.
    pub dtype: Dtype,
    /// Rows and columns; the columns count samples, not pixels.
    pub shape: (usize, usize),
    /// Who owns which part.
    pub layout: Layout,
}

impl PlaneSpec {
    /// An image with one sample per pixel.
    pub fn grid<T: Sample>(extent: Extent, resolution: Resolution) -> Self {
        Self::grid_with_channels::<T>(extent, resolution, 1)
    }

    /// An image with several samples per pixel, side by side.
    pub fn grid_with_channels<T: Sample>(extent: Extent, resolution: Resolution, channels: u8) -> Self {
        let (rows, cols) = extent.shape(resolution);
        Self {
            dtype: T::DTYPE,
            shape: (rows, cols * usize::from(channels)),
            layout: Layout::Grid { resolution, channels },
        }
    }

    /// A row of `capacity` samples for each of `units` units.
    pub const fn slots<T: Sample>(units: usize, capacity: usize) -> Self {
        Self { dtype: T::DTYPE, shape: (units, capacity), layout: Layout::Slots }
    }

    /// Size in memory.
    pub const fn bytes(&self) -> u64 {
        self.shape.0 as u64 * self.shape.1 as u64 * self.dtype.bytes() as u64
    }

    /// The rows and columns (in samples) that belong to a block, or to a unit for slots.
    pub(crate) fn window(&self, block: Block, unit: usize) -> Window {
        match self.layout {
            Layout::Grid { resolution, channels } => {
                let w = block.on(resolution);
                let channels = usize::from(channels);
                Window { row: w.row, col: w.col * channels, rows: w.rows, cols: w.cols * channels }
            }
            Layout::Slots => Window { row: unit, col: 0, rows: 1, cols: self.shape.1 },
        }
    }

    /// Whether a window lies inside.
    pub(crate) const fn contains(&self, w: Window) -> bool {
        w.row + w.rows <= self.shape.0 && w.col + w.cols <= self.shape.1
    }
}

/// Where the bytes of a plane live, for workers that are told by message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Location {
    /// In the memory of this process.
    Heap {
        /// Number of the plane, never used twice in a process.
        id: u64,
    },
    /// In memory or a file that other processes of this user can map.
    Path {
        /// Number of the plane, never used twice in a process.
        id: u64,
        /// Number of its memory, which it shares with others and inherits from earlier ones.
        memory: u64,
        /// Where it begins there, bytes.
        offset: u64,
        /// What a worker opens.
        path: PathBuf,
    },
}

impl Location {
    /// Number of the plane, never used twice in a process.
    pub const fn id(&self) -> u64 {
        match self {
            Self::Heap { id } | Self::Path { id, .. } => *id,
        }
    }
}

/// A number that no plane and no memory of this process has had.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What a stage plan says of a plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaneRef {
    /// Where it lives.
    pub location: Location,
    /// What it is.
    pub spec: PlaneSpec,
}

/// Memory of a plane.
///
/// # Safety
/// `pointer` must be valid for reads and writes of `len` bytes, aligned to 8 bytes and initialised, and must stay so,
/// at the same address, for as long as the value lives.
#[allow(unsafe_code, reason = "the contract that the views of unit_io.rs rest on")]
pub(crate) unsafe trait PlaneMemory: Send + Sync {
    /// Start of the memory.
    fn pointer(&self) -> *mut u8;
    /// Number of bytes.
    fn len(&self) -> usize;
    /// Whether other processes are likely to have touched pages that this one has not.
    fn is_shared(&self) -> bool {
        false
    }
}

/// The shared inside of a plane.
pub(crate) struct Plane {
    pub(crate) reference: PlaneRef,
    memory: Box<dyn PlaneMemory>,
}

impl Plane {
    pub(crate) fn new(reference: PlaneRef, memory: Box<dyn PlaneMemory>) -> Self {
        assert!(memory.len() as u64 >= reference.spec.bytes(), "memory smaller than the plane");
        Self { reference, memory }
    }

    pub(crate) fn spec(&self) -> &PlaneSpec {
        &self.reference.spec
    }

    pub(crate) fn pointer(&self) -> *mut u8 {
        self.memory.pointer()
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.memory.is_shared()
    }

    fn check_type<T: Sample>(&self) -> Result<(), ExecError> {
        if self.spec().dtype == T::DTYPE {
            Ok(())
        } else {
            Err(ExecError::WrongType { is: self.spec().dtype.name(), asked: T::DTYPE.name() })
        }
    }
}

/// A plane that one stage is about to write. It can be neither cloned nor read.
pub struct OpenPlane(pub(crate) Arc<Plane>);

impl OpenPlane {
    /// Ends the writing.
    pub fn freeze(self) -> FrozenPlane {
        FrozenPlane(self.0)
    }

    /// What the plane is and where.
    pub fn reference(&self) -> &PlaneRef {
        &self.0.reference
    }
}

impl fmt::Debug for OpenPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenPlane").field(&self.0.reference).finish()
    }
}

/// A plane that is complete. Cloning shares the memory.
#[derive(Clone)]
pub struct FrozenPlane(pub(crate) Arc<Plane>);

impl fmt::Debug for FrozenPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FrozenPlane").field(&self.0.reference).finish()
    }
}

impl FrozenPlane {
    /// What the plane is and where.
    pub fn reference(&self) -> &PlaneRef {
        &self.0.reference
    }

    /// Size in memory.
    pub fn bytes(&self) -> u64 {
        self.0.spec().bytes()
    }

    /// The whole plane.
    ///
    /// # Errors
    /// If its samples are of another type.
    pub fn view<T: Sample>(&self) -> Result<ArrayView2<'_, T>, ExecError> {
        self.0.check_type::<T>()?;
        Ok(heap::whole_view(&self.0))
    }

    /// A copy of the whole plane.
    ///
    /// # Errors
    /// If its samples are of another type.
    pub fn to_array<T: Sample>(&self) -> Result<Array2<T>, ExecError> {
        Ok(self.view::<T>()?.to_owned())
    }

    /// A plane with the contents of an array.
    ///
    /// # Errors
    /// If the store has no room.
    pub fn from_array<T: Sample>(
        store: &dyn PlaneStore,
        array: &Array2<T>,
        resolution: Resolution,
    ) -> Result<Self, ExecError> {
        let layout = Layout::Grid { resolution, channels: 1 };
        let plane = store.create_to_fill(PlaneSpec { dtype: T::DTYPE, shape: array.dim(), layout })?;
        heap::fill(&plane.0, array);
        Ok(plane.freeze())
    }

    /// A plane with one row of bytes, for tables.
    ///
    /// # Errors
    /// If the store has no room.
    pub fn from_bytes(store: &dyn PlaneStore, bytes: &[u8]) -> Result<Self, ExecError> {
        let plane = store.create_to_fill(PlaneSpec::slots::<u8>(1, bytes.len()))?;
        fill_row(&plane.0, bytes);
        Ok(plane.freeze())
    }
}

/// Makes planes that the workers of an executor can reach.
pub trait PlaneStore: Send + Sync {
    /// A new plane, all zero.
    ///
    /// # Errors
    /// If there is no room for it.
    fn create(&self, spec: PlaneSpec) -> Result<OpenPlane, ExecError>;

    /// A new plane for somebody who overwrites all that is ever read of it. What stands in it at first may be anything; in
    /// builds with debug assertions it is never the same, so that tests find who relies on it.
    ///
    /// # Errors
    /// If there is no room for it.
    fn create_to_fill(&self, spec: PlaneSpec) -> Result<OpenPlane, ExecError> {
        let plane = self.create(spec)?;
        heap::soil(&plane.0);
        Ok(plane)
    }

    /// Whether the workers can reach planes at this location.
    fn reaches(&self, location: &Location) -> bool;
}

/// The plane itself if the workers of a store can reach it, else a copy that they can.
///
/// # Errors
/// If there is no room for the copy.
pub(crate) fn within_reach(store: &dyn PlaneStore, plane: &FrozenPlane) -> Result<FrozenPlane, ExecError> {
    if store.reaches(&plane.reference().location) {
        return Ok(plane.clone());
    }
    let copy = store.create_to_fill(*plane.0.spec())?;
    heap::copy(&plane.0, &copy.0);
    Ok(copy.freeze())
}
