//! Kernels: named functions of image windows, and the plain table in which workers find them.

use crate::error::KernelError;
use crate::unit_io::UnitIo;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Work on one block. Implementations name the planes and call one pure function.
///
/// A kernel must overwrite its whole block in every output (of a slot, what is ever read) and depend on nothing but its
/// parameters, inputs and the block, so that a unit can be run again after a worker was lost. An output is not zero at first.
pub trait Kernel: 'static {
    /// Stable name with a version, e.g. `classify.scene/1`; workers find the kernel by it.
    const NAME: &'static str;
    /// Small, serialisable parameters; large tables travel as planes.
    type Params: Serialize + DeserializeOwned;
    /// Small result of a block, reduced by the recipe in block order; `()` for most.
    type Partial: Serialize + DeserializeOwned;

    /// How far around its block the kernel looks, metres; rounded up to 60 m.
    fn halo_m(_: &Self::Params) -> u32 {
        0
    }

    /// Does the work.
    ///
    /// # Errors
    /// Whatever keeps the kernel from filling its outputs.
    fn run(params: &Self::Params, io: &mut UnitIo<'_>) -> Result<Self::Partial, KernelError>;
}

type ErasedRun = fn(&[u8], &mut UnitIo<'_>) -> Result<Vec<u8>, KernelError>;

/// A kernel without its types: bytes in, bytes out.
#[derive(Clone, Copy, Debug)]
pub struct KernelEntry {
    /// [`Kernel::NAME`].
    pub name: &'static str,
    run: ErasedRun,
}

impl KernelEntry {
    /// The entry of a kernel.
    pub const fn of<K: Kernel>() -> Self {
        Self { name: K::NAME, run: run_erased::<K> }
    }

    /// Runs the kernel with serialised parameters.
    ///
    /// # Errors
    /// The kernel's own, or that the parameters are not those of this kernel.
    pub fn run(&self, params: &[u8], io: &mut UnitIo<'_>) -> Result<Vec<u8>, KernelError> {
        (self.run)(params, io)
    }
}

fn run_erased<K: Kernel>(params: &[u8], io: &mut UnitIo<'_>) -> Result<Vec<u8>, KernelError> {
    let params: K::Params = rmp_serde::from_slice(params)
        .map_err(|e| KernelError::internal(format!("parameters of {}: {e}", K::NAME)))?;
    let partial = K::run(&params, io)?;
    rmp_serde::to_vec_named(&partial)
        .map_err(|e| KernelError::internal(format!("result of {}: {e}", K::NAME)))
}

/// All kernels of a program: a plain table, the same in every worker.
#[derive(Clone, Copy, Debug)]
pub struct Registry(pub &'static [KernelEntry]);

impl Registry {
    /// The kernel of this name.
    pub fn find(&self, name: &str) -> Option<&'static KernelEntry> {
        self.0.iter().find(|entry| entry.name == name)
    }

    /// Names of all kernels.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|entry| entry.name)
    }
}
