//! Planes that other processes can map: in anonymous shared memory, or in files.
//!
//! On Linux a segment is a memfd, sealed so that nobody can change its size, which workers open as `/proc/PID/fd/N`. It has
//! no name that could be left behind, and the kernel frees it with its last user. Where that does not work (other
//! systems, a closed `/proc`), it is a file in a private folder.
//!
//! A worker that was lost may leave its block half written; the unit is then run again, or the plane is dropped unread.
//!
//! Planes are ranges of few large segments (`arena.rs`), which every process maps once. A plane that will be overwritten as a
//! whole is put where others were before, whose pages all processes have at hand.
#![allow(unsafe_code, reason = "the contract of plane memory; the block says why it is sound")]

use super::arena::{Arena, Range};
use super::{Location, OpenPlane, Plane, PlaneMemory, PlaneRef, PlaneSpec, PlaneStore, next_number};
use crate::error::ExecError;
use memmap2::MmapRaw;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tempfile::TempDir;

/// Called with the number of memory that is gone, so that workers let go of it too.
pub(crate) type OnFree = Arc<dyn Fn(u64) + Send + Sync>;

/// Makes planes that other processes can map.
pub(crate) struct SharedStore(Arc<Home>);

/// Where memory comes from, and where it returns to.
struct Home {
    place: Place,
    arena: Mutex<Arena<Arc<SharedMemory>>>,
    on_free: OnFree,
}

enum Place {
    #[cfg(target_os = "linux")]
    Memory,
    Folder(TempDir),
}

impl SharedStore {
    /// A store in anonymous memory.
    ///
    /// # Errors
    /// If the system has none that other processes can open.
    pub(crate) fn in_memory(on_free: &OnFree) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            sealed_memory(8)?;
            Ok(Self::at(Place::Memory, on_free))
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = on_free;
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// A store of files in a new folder, readable for this user only, which is removed with the store.
    pub(crate) fn in_files(on_free: &OnFree) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sen2cor-planes-").tempdir()?;
        Ok(Self::at(Place::Folder(folder), on_free))
    }

    fn at(place: Place, on_free: &OnFree) -> Self {
        Self(Arc::new(Home { place, arena: Mutex::default(), on_free: Arc::clone(on_free) }))
    }

    /// The folder of the files; `None` for memory.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.0.place {
            #[cfg(target_os = "linux")]
            Place::Memory => None,
            Place::Folder(folder) => Some(folder.path()),
        }
    }

    /// A new plane, all zero, whose memory no other plane has: for a worker of which nobody knows yet when it lets go.
    pub(crate) fn create_apart(&self, spec: PlaneSpec) -> Result<OpenPlane, ExecError> {
        let (bytes, pages) = (spec.bytes(), pages_of(&spec));
        let failed = |source| ExecError::NoPlane { bytes, source };
        let memory = self.0.open(pages).map_err(failed)?;
        let range = Range { segment: memory.number, first: 0, pages };
        memory.reserve(range).map_err(failed)?;
        Ok(Lease { memory, range, home: Weak::new() }.plane(spec))
    }

    fn create_in_arena(&self, spec: PlaneSpec, zero: bool) -> Result<OpenPlane, ExecError> {
        let (bytes, pages) = (spec.bytes(), pages_of(&spec));
        let failed = |source| ExecError::NoPlane { bytes, source };
        let there = self.0.arena().take(pages, zero);
        let (range, memory) = match there {
            Some(found) => found,
            None => self.0.grow(pages, zero).map_err(failed)?,
        };
        // It returns from now on.
        let lease = Lease { memory, range, home: Arc::downgrade(&self.0) };
        self.0.arena().cool(SharedMemory::cool);
        lease.memory.reserve(range).map_err(failed)?;
        Ok(lease.plane(spec))
    }
}

impl PlaneStore for SharedStore {
    fn create(&self, spec: PlaneSpec) -> Result<OpenPlane, ExecError> {
        self.create_in_arena(spec, true)
    }

    fn create_to_fill(&self, spec: PlaneSpec) -> Result<OpenPlane, ExecError> {
        let plane = self.create_in_arena(spec, false)?;
        super::heap::soil(&plane.0);
        Ok(plane)
    }

    fn reaches(&self, location: &Location) -> bool {
        matches!(location, Location::Path { .. })
    }
}

impl Home {
    fn arena(&self) -> MutexGuard<'_, Arena<Arc<SharedMemory>>> {
        self.arena.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a range in a new segment.
    fn grow(&self, pages: u64, zero: bool) -> io::Result<(Range, Arc<SharedMemory>)> {
        let room = pages.saturating_mul(SEGMENT_PLANES).max(SEGMENT_PAGES);
        // Where addresses are scarce, so many as are needed have to do.
        let segment = self.open(room).or_else(|_| self.open(pages))?;
        let mut arena = self.arena();
        arena.add(segment.number, Arc::clone(&segment), segment.map.len() as u64 / PAGE);
        arena.take(pages, zero).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    fn open(&self, pages: u64) -> io::Result<Arc<SharedMemory>> {
        let (number, bytes) = (next_number(), pages.saturating_mul(PAGE));
        let (file, path, is_file) = match &self.place {
            #[cfg(target_os = "linux")]
            Place::Memory => {
                let (file, path) = sealed_memory(bytes)?;
                (file, path, false)
            }
            Place::Folder(folder) => {
                let path = folder.path().join(format!("planes-{number}"));
                let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
                file.set_len(bytes)?;
                (file, path, true)
            }
        };
        let map = MmapRaw::map_raw(&file)?;
        let owner = Owner { file, is_file, on_free: Arc::clone(&self.on_free) };
        Ok(Arc::new(SharedMemory { map, number, path, owner: Some(owner) }))
    }
}

/// What memory is handed out in. A multiple of the page size of the machine, unless that is larger, which costs some reuse only.
const PAGE: u64 = 4096;

/// A segment takes addresses, not memory, before it is touched: so it can be large, and planes of any size follow each
/// other in it. It has so many pages, or room for so many planes like the one that it is made for.
const SEGMENT_PAGES: u64 = (1 << 30) / PAGE;
const SEGMENT_PLANES: u64 = 16;

/// Pages of a plane; never none, so that planes differ in their places.
fn pages_of(spec: &PlaneSpec) -> u64 {
    spec.bytes().div_ceil(PAGE).max(1)
}

/// Anonymous memory whose size can no longer be changed, and the path under which other processes open it.
#[cfg(target_os = "linux")]
fn sealed_memory(bytes: u64) -> io::Result<(File, PathBuf)> {
    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use std::os::fd::AsRawFd;
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = File::from(memfd_create("sen2cor-plane", flags)?);
    file.set_len(bytes)?;
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
    Ok((file, path))
}

/// Memory that another process has made, mapped here for all planes that have it one after the other.
#[derive(Clone)]
pub(crate) struct Mapping(Arc<SharedMemory>);

impl Mapping {
    /// Maps the memory of a plane.
    pub(crate) fn open(reference: &PlaneRef) -> io::Result<Self> {
        let Location::Path { memory, path, .. } = &reference.location else {
            return Err(io::Error::other("a plane on the heap of another process"));
        };
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let map = MmapRaw::map_raw(&file)?;
        Ok(Self(Arc::new(SharedMemory { map, number: *memory, path: path.clone(), owner: None })))
    }

    /// A plane in this memory.
    pub(crate) fn plane(&self, reference: &PlaneRef) -> io::Result<Arc<Plane>> {
        let Location::Path { offset, .. } = reference.location else {
            return Err(io::Error::other("a plane on the heap of another process"));
        };
        let range = Range { segment: self.0.number, first: offset / PAGE, pages: pages_of(&reference.spec) };
        let (end, found) = (range.end().saturating_mul(PAGE), self.0.map.len() as u64);
        if offset % PAGE != 0 || end > found {
            let path = self.0.path.display();
            return Err(io::Error::other(format!(
                "{path} has {found} bytes, a plane at {offset} needs {end}"
            )));
        }
        let lease = Lease { memory: Arc::clone(&self.0), range, home: Weak::new() };
        Ok(Arc::new(Plane::new(reference.clone(), Box::new(lease))))
    }
}

/// A segment of memory that several processes map.
struct SharedMemory {
    map: MmapRaw,
    number: u64,
    path: PathBuf,
    /// Only where the memory was made. Dropped after the mapping.
    owner: Option<Owner>,
}

/// Keeps memory reachable for other processes.
struct Owner {
    file: File,
    /// It is a file that has to be removed.
    is_file: bool,
    on_free: OnFree,
}

impl SharedMemory {
    /// Gives a part of a file its blocks: writing to a mapping of a full disk would end the process.
    fn reserve(&self, range: Range) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(Owner { file, is_file: true, .. }) = &self.owner {
            let (start, bytes) = bytes_of(range)?;
            nix::fcntl::posix_fallocate(file, start, bytes)?;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = range;
        Ok(())
    }

    /// Gives the pages of a range back to the system, for all processes; false if that cannot be done here. They read as
    /// zero then.
    fn cool(self: &Arc<Self>, range: Range) -> bool {
        #[cfg(target_os = "linux")]
        if let (Some(owner), Ok((start, bytes))) = (&self.owner, bytes_of(range)) {
            use nix::fcntl::{FallocateFlags, fallocate};
            let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
            return fallocate(&owner.file, flags, start, bytes).is_ok();
        }
        let _ = range;
        false
    }
}

/// Start and length of a range, as files have them.
#[cfg(target_os = "linux")]
fn bytes_of(range: Range) -> io::Result<(i64, i64)> {
    let bytes = |pages: u64| i64::try_from(pages * PAGE).map_err(|_| io::ErrorKind::FileTooLarge);
    Ok((bytes(range.first)?, bytes(range.pages)?))
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        let Some(owner) = &self.owner else { return };
        if owner.is_file {
            // A file that cannot be removed goes with its folder.
            let _ = std::fs::remove_file(&self.path);
        }
        (owner.on_free)(self.number);
    }
}

/// Memory while a plane has it. Whoever drops the last handle of a plane says with it that no worker uses the plane any more:
/// a flow does so when all units have come back, or all workers that had some are gone.
struct Lease {
    memory: Arc<SharedMemory>,
    range: Range,
    /// Nowhere in a worker.
    home: Weak<Home>,
}

impl Lease {
    fn plane(self, spec: PlaneSpec) -> OpenPlane {
        let SharedMemory { number, path, .. } = &*self.memory;
        let offset = self.range.first * PAGE;
        let location = Location::Path { id: next_number(), memory: *number, offset, path: path.clone() };
        OpenPlane(Arc::new(Plane::new(PlaneRef { location, spec }, Box::new(self))))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else { return };
        let all = home.arena().give_back(self.range);
        drop(all);
    }
}

// SAFETY: a shared mapping stays at its address until it is dropped, which the handle in the lease prevents. It begins at a page
// and its bytes are initialised: zero at first, later those of a plane that was there before. The range lies inside, as the
// arena or `Mapping::plane` have seen to, and belongs to this plane alone. It is writable. It cannot lose its pages for
// good: a memfd is sealed against shrinking, a file lies in a folder of this user that nobody else writes to; pages that are
// given back belong to no plane. Who writes and who reads at a time is decided by the coordinator, for all processes
// together, as `unit_io.rs` says.
unsafe impl PlaneMemory for Lease {
    fn pointer(&self) -> *mut u8 {
        self.memory.map.as_mut_ptr().wrapping_add((self.range.first * PAGE) as usize)
    }

    fn len(&self) -> usize {
        (self.range.pages * PAGE) as usize
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;
    use crate::plane::FrozenPlane;
    use std::sync::Mutex;

    fn stores() -> (Vec<SharedStore>, Arc<Mutex<Vec<u64>>>) {
        let freed = Arc::new(Mutex::new(Vec::new()));
        let on_free: OnFree = {
            let freed = Arc::clone(&freed);
            Arc::new(move |id| freed.lock().unwrap().push(id))
        };
        let stores = SharedStore::in_memory(&on_free).into_iter().chain(SharedStore::in_files(&on_free));
        (stores.collect(), freed)
    }

    fn open_shared(reference: &PlaneRef) -> io::Result<Arc<Plane>> {
        Mapping::open(reference)?.plane(reference)
    }

    fn place_of(plane: &PlaneRef) -> (u64, u64) {
        let Location::Path { memory, offset, .. } = plane.location else { panic!("on the heap") };
        (memory, offset)
    }

    #[test]
    fn a_second_mapping_sees_what_the_first_one_wrote_and_the_end_is_told() {
        let (stores, freed) = stores();
        for store in &stores {
            let plane = FrozenPlane::from_bytes(store, b"some bytes").unwrap();
            let other = FrozenPlane(open_shared(plane.reference()).unwrap());
            assert_eq!(other.view::<u8>().unwrap().as_slice().unwrap(), b"some bytes");
            let (memory, _) = place_of(plane.reference());
            drop(plane);
            assert_eq!(freed.lock().unwrap().last(), Some(&memory));
            // The mapping outlives the owner.
            assert_eq!(other.view::<u8>().unwrap()[[0, 0]], b's');
            assert!(open_shared(other.reference()).is_err(), "the plane can still be opened");
        }
    }

    #[test]
    fn memory_goes_to_the_next_plane_that_is_overwritten_and_to_no_other() {
        let (stores, freed) = stores();
        for store in &stores {
            let spec = PlaneSpec::slots::<u8>(2, 5000);
            // What is in use at the same time may be spare later.
            let [stays, other, plane] = [0; 3].map(|_| store.create(spec).unwrap());
            let (first, mapping) = (plane.reference().clone(), Mapping::open(plane.reference()).unwrap());
            crate::plane::fill_row(&plane.0, &[7; 10_000]);
            drop(other);
            drop(plane);
            let zeroed = store.create(spec).unwrap().freeze();
            assert!(zeroed.view::<u8>().unwrap().iter().all(|byte| *byte == 0));
            let apart = store.create_apart(spec).unwrap();
            assert_ne!(place_of(apart.reference()), place_of(&first));
            let second = store.create_to_fill(spec).unwrap();
            assert_eq!(place_of(second.reference()), place_of(&first), "the last one freed");
            assert_ne!(second.reference().location.id(), first.location.id());
            crate::plane::fill_row(&second.0, &[9; 10_000]);
            let seen = FrozenPlane(mapping.plane(second.reference()).unwrap());
            assert!(seen.view::<u8>().unwrap().iter().all(|byte| *byte == 9), "the mapping holds for both");
            drop((second, zeroed, stays, apart));
            assert!(freed.lock().unwrap().contains(&place_of(&first).0), "kept though nothing is in use");
        }
    }

    #[test]
    fn a_plane_that_does_not_lie_in_its_memory_is_refused() {
        let (stores, _) = stores();
        for store in &stores {
            let plane = FrozenPlane::from_bytes(store, &[7; 100]).unwrap();
            let mut large = plane.reference().clone();
            large.spec.shape.1 = 2 << 30;
            assert!(open_shared(&large).err().unwrap().to_string().contains("needs 2147483648"));
            for place in [u64::MAX, u64::MAX / PAGE * PAGE, 1, 1 << 30] {
                let mut outside = plane.reference().clone();
                let Location::Path { offset, .. } = &mut outside.location else { panic!("on the heap") };
                *offset = place;
                assert!(open_shared(&outside).err().unwrap().to_string().contains("a plane at"));
            }
        }
    }

    #[test]
    fn pages_that_are_let_go_take_no_memory_and_are_zero() {
        use std::os::unix::fs::MetadataExt;
        let (stores, _) = stores();
        for store in &stores {
            let spec = PlaneSpec::slots::<u8>(1, 1 << 20);
            let [stays, plane] = [0; 2].map(|_| store.create(spec).unwrap());
            crate::plane::fill_row(&plane.0, &vec![7; 1 << 20]);
            crate::plane::fill_row(&stays.0, &vec![7; 1 << 20]);
            let Location::Path { path, .. } = plane.reference().location.clone() else {
                panic!("on the heap")
            };
            let taken = || std::fs::metadata(&path).unwrap().blocks() * 512;
            assert!((2 << 20..3 << 20).contains(&taken()), "{} bytes", taken());
            drop(plane);
            assert!(taken() >= 2 << 20, "it is spare");
            // New planes that must be zero have new memory, for which the other goes, or the memory that went.
            for _ in 0..3 {
                let zero = store.create(spec).unwrap();
                crate::plane::fill_row(&zero.0, &vec![7; 1 << 20]);
                assert!((2 << 20..3 << 20).contains(&taken()), "{} bytes", taken());
            }
            let zero = store.create(spec).unwrap().freeze();
            assert!(zero.view::<u8>().unwrap().iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn the_folder_goes_with_its_store() {
        let (stores, _) = stores();
        let folders: Vec<PathBuf> = stores.iter().filter_map(|s| s.folder().map(Path::to_owned)).collect();
        assert!(!folders.is_empty() && folders.iter().all(|folder| folder.exists()));
        drop(stores);
        assert!(folders.iter().all(|folder| !folder.exists()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nobody_can_shrink_a_plane_in_memory() {
        let (file, _) = sealed_memory(4096).unwrap();
        assert!(file.set_len(10).is_err());
        assert!(file.set_len(10_000).is_err());
    }
}
