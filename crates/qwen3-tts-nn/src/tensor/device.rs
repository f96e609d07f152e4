//! Devices: where tensors live and operations run.

use std::fmt;

use super::dispatch::{self, Member, OfDevice, On, mixed_devices, on_backend};
use crate::backend::Backend;
use crate::backend::precision::Precision;
use crate::cpu::Cpu;
use crate::error::Result;

/// A device, which a model's loader takes once.
///
/// A clone is a handle to the same device: all tensors of a model share its threads.
///
/// `Device` is `Send` and `Sync`.
#[derive(Clone)]
pub struct Device {
    pub(crate) repr: On<OfDevice>,
}

impl Device {
    /// Returns the CPU with `threads` threads, at least one and at most as many as the machine has.
    pub fn cpu(threads: usize) -> Self {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        Self { repr: Cpu::wrap(Cpu::new(threads.clamp(1, available))) }
    }

    /// Returns the CPU with as many threads as the machine has.
    pub fn default_cpu() -> Self {
        Self::cpu(usize::MAX)
    }

    /// Returns MLX in float32: [`Device::mlx_in`] with [`Precision::Float32`].
    ///
    /// # Errors
    /// As [`Device::mlx_in`].
    pub fn mlx() -> Result<Self> {
        Self::mlx_in(Precision::Float32)
    }

    /// Returns MLX: the GPU of a Mac with Apple silicon. On Linux this is MLX's own CPU library,
    /// which tests the arithmetic and is not fast.
    ///
    /// MLX is lazy: operations build a graph, and reading a tensor back computes it. A graph is
    /// bound to the thread that built it, so a model is used on the thread that loaded it, and its
    /// tensors and states stay there too.
    ///
    /// # Errors
    /// Returns [`Error::DeviceMissing`](crate::Error::DeviceMissing) if this program was built
    /// without the feature `mlx`, or if MLX finds no device.
    pub fn mlx_in(precision: Precision) -> Result<Self> {
        Ok(Self { repr: dispatch::mlx(precision)? })
    }

    /// Returns every device that is compiled in and that this machine has, the CPU first.
    pub fn all() -> Vec<Self> {
        [Ok(Self::default_cpu()), Self::mlx()].into_iter().flatten().collect()
    }

    /// Frees memory that the device keeps for later tensors. Worth a call after a request.
    pub fn trim(&self) {
        on_backend!(self, B => self.of::<B>().trim());
    }

    /// Returns the name on the command line: `cpu` or `mlx`.
    pub fn name(&self) -> &'static str {
        on_backend!(self, B => B::NAME)
    }

    /// Returns the number of threads that compute: 1 on MLX, which chooses it itself.
    pub fn threads(&self) -> usize {
        on_backend!(self, B => self.of::<B>().threads())
    }

    /// Returns the backend, which must be `B`.
    #[track_caller]
    pub(crate) fn of<B: Member>(&self) -> &B {
        B::get(&self.repr).unwrap_or_else(|| mixed_devices())
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({}, {} threads)", self.name(), self.threads())
    }
}
