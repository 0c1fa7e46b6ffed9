//! Planes on the heap of this process, and the raw views that planes of any store are read through.
#![allow(unsafe_code, reason = "raw views of plane memory; each block says why it is sound")]

use super::{Location, OpenPlane, Plane, PlaneMemory, PlaneRef, PlaneSpec, PlaneStore, Sample, next_number};
use crate::error::ExecError;
use ndarray::{Array2, ArrayView2};
use std::cell::UnsafeCell;
use std::sync::Arc;

/// Keeps planes on the heap of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapStore;

impl PlaneStore for HeapStore {
    fn create(&self, spec: PlaneSpec) -> Result<OpenPlane, ExecError> {
        let bytes = spec.bytes();
        let memory = HeapMemory::zeroed(bytes).ok_or(ExecError::NoMemory { bytes })?;
        let location = Location::Heap { id: next_number() };
        Ok(OpenPlane(Arc::new(Plane::new(PlaneRef { location, spec }, Box::new(memory)))))
    }

    fn reaches(&self, _: &Location) -> bool {
        // Whatever this process can view, its threads can.
        true
    }
}

/// Words of 8 bytes, so that every sample type is aligned.
struct HeapMemory {
    words: Box<[UnsafeCell<u64>]>,
}

impl HeapMemory {
    /// Zeroed memory, or `None` where the allocator has none.
    fn zeroed(bytes: u64) -> Option<Self> {
        let words = usize::try_from(bytes.div_ceil(8)).ok()?;
        if words == 0 {
            return Some(Self { words: Box::new([]) });
        }
        let layout = std::alloc::Layout::array::<UnsafeCell<u64>>(words).ok()?;
        // SAFETY: the layout is not empty. The memory is zeroed, hence initialised for `UnsafeCell<u64>`, which has the
        // layout of `u64`, and it was made with the layout that a box of this slice frees it with.
        let words = unsafe {
            #[expect(clippy::cast_ptr_alignment, reason = "the layout asks for the alignment of the words")]
            let start = std::alloc::alloc_zeroed(layout).cast::<UnsafeCell<u64>>();
            if start.is_null() {
                return None;
            }
            Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, words))
        };
        Some(Self { words })
    }
}

// SAFETY: the memory is only reached through `pointer`, by views whose makers keep writers apart (see `unit_io.rs`).
unsafe impl Sync for HeapMemory {}

// SAFETY: a boxed slice stays at its address; it is initialised, aligned to 8 bytes and `UnsafeCell` allows writing
// through a shared reference.
unsafe impl PlaneMemory for HeapMemory {
    fn pointer(&self) -> *mut u8 {
        UnsafeCell::raw_get(self.words.as_ptr()).cast()
    }

    fn len(&self) -> usize {
        self.words.len() * 8
    }
}

/// View of a whole plane that nobody writes any more. The caller has checked the type.
pub(super) fn whole_view<T: Sample>(plane: &Plane) -> ArrayView2<'_, T> {
    assert_eq!(plane.spec().dtype, T::DTYPE);
    // SAFETY: the memory holds rows x cols samples (checked when the plane was made), is initialised and aligned, every
    // bit pattern is a value of `T`, and only frozen planes, which have no writer, get here.
    unsafe { ArrayView2::from_shape_ptr(plane.spec().shape, plane.pointer().cast::<T>()) }
}

/// Copies an array of the plane's shape into a plane that has not been shared yet.
pub(super) fn fill<T: Sample>(plane: &Plane, array: &Array2<T>) {
    assert_eq!(plane.spec().shape, array.dim());
    assert_eq!(plane.spec().dtype, T::DTYPE);
    let start = plane.pointer().cast::<T>();
    for (index, value) in array.iter().enumerate() {
        // SAFETY: as many samples fit as the array has (same shape and type), and the caller holds the only handle.
        unsafe { start.add(index).write(*value) };
    }
}

/// Copies bytes into a plane of that many bytes that nobody else writes or reads at the time.
pub(crate) fn fill_row(plane: &Plane, bytes: &[u8]) {
    assert_eq!(plane.spec().bytes(), bytes.len() as u64);
    // SAFETY: the plane holds exactly this many bytes, and the caller says that nobody else uses them.
    unsafe { plane.pointer().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

/// Fills a plane that has not been shared yet with something else each time, in builds with debug assertions.
pub(super) fn soil(plane: &Plane) {
    if cfg!(debug_assertions) {
        // Odd steps: no byte comes back for 256 planes, and none is zero twice in a row.
        let byte = (next_number() as u8).wrapping_mul(151);
        // SAFETY: the plane holds this many bytes, any of which is a value, and the caller holds the only handle.
        unsafe { plane.pointer().write_bytes(byte, plane.spec().bytes() as usize) };
    }
}

/// Copies a frozen plane into one of the same size that has not been shared yet.
pub(super) fn copy(from: &Plane, to: &Plane) {
    let bytes = from.spec().bytes();
    assert_eq!(bytes, to.spec().bytes());
    // SAFETY: both planes hold this many bytes, which fit the address space since they are mapped; they are different
    // planes, the first has no writer, and the caller holds the only handle of the second.
    unsafe { to.pointer().copy_from_nonoverlapping(from.pointer(), bytes as usize) };
}
