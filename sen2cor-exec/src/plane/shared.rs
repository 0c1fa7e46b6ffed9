//! Planes that other processes can map: in anonymous shared memory, or in files.
//!
//! On Linux a plane is a memfd, sealed so that nobody can change its size, which workers open as `/proc/PID/fd/N`. It has
//! no name that could be left behind, and the kernel frees it with its last user. Where that does not work (other
//! systems, a closed `/proc`), a plane is a file in a private folder.
//!
//! A worker that was lost may leave its block half written; the unit is then run again, or the plane is dropped unread.
#![allow(unsafe_code, reason = "the contract of plane memory; the block says why it is sound")]

use super::{Location, OpenPlane, Plane, PlaneMemory, PlaneRef, PlaneSpec, PlaneStore, next_plane_id};
use crate::error::ExecError;
use memmap2::MmapRaw;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Called with the number of a plane that is gone, so that workers let go of it too.
pub(crate) type OnFree = Arc<dyn Fn(u64) + Send + Sync>;

/// Makes planes that other processes can map.
pub(crate) struct SharedStore {
    place: Place,
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
            Ok(Self { place: Place::Memory, on_free: Arc::clone(on_free) })
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
        Ok(Self { place: Place::Folder(folder), on_free: Arc::clone(on_free) })
    }

    /// The folder of the files; `None` for memory.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.place {
            #[cfg(target_os = "linux")]
            Place::Memory => None,
            Place::Folder(folder) => Some(folder.path()),
        }
    }

    fn open(&self, bytes: u64) -> io::Result<(File, u64, PathBuf, Option<PathBuf>)> {
        let id = next_plane_id();
        match &self.place {
            #[cfg(target_os = "linux")]
            Place::Memory => {
                let (file, path) = sealed_memory(bytes)?;
                Ok((file, id, path, None))
            }
            Place::Folder(folder) => {
                let path = folder.path().join(format!("plane-{id}"));
                let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
                reserve(&file, bytes)?;
                Ok((file, id, path.clone(), Some(path)))
            }
        }
    }
}

impl PlaneStore for SharedStore {
    fn create(&self, spec: PlaneSpec) -> Result<OpenPlane, ExecError> {
        let bytes = spec.bytes();
        let failed = |source: io::Error| ExecError::NoPlane { bytes, source };
        // A mapping cannot be empty.
        let (file, id, path, remove) = self.open(bytes.max(8)).map_err(failed)?;
        let map = MmapRaw::map_raw(&file).map_err(failed)?;
        let owner = Owner { id, _file: file, remove, on_free: Arc::clone(&self.on_free) };
        let memory = SharedMemory { map, _owner: Some(owner) };
        let reference = PlaneRef { location: Location::Path { id, path }, spec };
        Ok(OpenPlane(Arc::new(Plane::new(reference, Box::new(memory)))))
    }

    fn reaches(&self, location: &Location) -> bool {
        matches!(location, Location::Path { .. })
    }
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

/// Gives a file its size and its blocks at once: writing to a mapping of a full disk would end the process.
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let bytes = i64::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge)?;
        nix::fcntl::posix_fallocate(file, 0, bytes)?;
        Ok(())
    }
    #[cfg(not(target_os = "linux"))]
    {
        file.set_len(bytes)
    }
}

/// Maps a plane that another process has made.
pub(crate) fn open_shared(reference: &PlaneRef) -> io::Result<Arc<Plane>> {
    let Location::Path { path, .. } = &reference.location else {
        return Err(io::Error::other("a plane on the heap of another process"));
    };
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let (expected, found) = (reference.spec.bytes().max(8), file.metadata()?.len());
    if found != expected {
        return Err(io::Error::other(format!("{} has {found} bytes, the plane {expected}", path.display())));
    }
    let memory = SharedMemory { map: MmapRaw::map_raw(&file)?, _owner: None };
    Ok(Arc::new(Plane::new(reference.clone(), Box::new(memory))))
}

struct SharedMemory {
    map: MmapRaw,
    /// Only where the plane was made. Dropped after the mapping.
    _owner: Option<Owner>,
}

/// Keeps a plane reachable for other processes, and tells when it is gone.
struct Owner {
    id: u64,
    _file: File,
    remove: Option<PathBuf>,
    on_free: OnFree,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(path) = &self.remove {
            // A file that cannot be removed goes with its folder.
            let _ = std::fs::remove_file(path);
        }
        (self.on_free)(self.id);
    }
}

// SAFETY: a shared mapping stays at its address until it is dropped, begins at a page and its bytes are initialised: those
// of a file, zero at first. It is writable. It cannot lose its pages: a memfd is sealed against shrinking, a file lies in a
// folder of this user that nobody else writes to. Who writes and who reads at a time is decided by the coordinator, for
// all processes together, as `unit_io.rs` says.
unsafe impl PlaneMemory for SharedMemory {
    fn pointer(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    fn len(&self) -> usize {
        self.map.len()
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

    #[test]
    fn a_second_mapping_sees_what_the_first_one_wrote_and_the_end_is_told() {
        let (stores, freed) = stores();
        for store in &stores {
            let plane = FrozenPlane::from_bytes(store, b"some bytes").unwrap();
            let other = FrozenPlane(open_shared(plane.reference()).unwrap());
            assert_eq!(other.view::<u8>().unwrap().as_slice().unwrap(), b"some bytes");
            let Location::Path { id, .. } = plane.reference().location.clone() else { panic!("on the heap") };
            drop(plane);
            assert_eq!(freed.lock().unwrap().last(), Some(&id));
            // The mapping outlives the owner.
            assert_eq!(other.view::<u8>().unwrap()[[0, 0]], b's');
            assert!(open_shared(other.reference()).is_err(), "the plane can still be opened");
        }
    }

    #[test]
    fn a_plane_of_another_size_is_refused() {
        let (stores, _) = stores();
        for store in &stores {
            let plane = FrozenPlane::from_bytes(store, &[7; 100]).unwrap();
            let mut wrong = plane.reference().clone();
            wrong.spec.shape.1 = 200;
            assert!(open_shared(&wrong).err().unwrap().to_string().contains("200"));
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
