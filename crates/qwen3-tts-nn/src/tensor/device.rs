//! Where tensors live and operations run.

use crate::backend::{Backend, On};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::mlx::Mlx;

/// The type of the numbers between layers, on a device that leaves a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// float32, whatever the weights are: results are those of the CPU but for rounding.
    #[default]
    Float32,
    /// The type of the checkpoint's embeddings, usually bf16, which halves what goes through
    /// memory: what a table gives has the type of the table, and what meets it takes that type.
    /// Norms and softmax are computed in float32 inside, logits are chosen from in float32.
    Checkpoint,
}

/// A place to compute: handed to the loaders of a model, which then never asks for it again.
///
/// Clones are handles to the same device: tensors of one model share its threads.
#[derive(Clone, Debug)]
pub struct Device {
    pub(crate) repr: On<Cpu, Mlx>,
}

impl Device {
    /// The CPU with `threads` threads, at least one and never more than the machine has.
    pub fn cpu(threads: usize) -> Self {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        Self { repr: On::Cpu(Cpu::new(threads.clamp(1, available))) }
    }

    /// The CPU with as many threads as the machine has.
    pub fn default_cpu() -> Self {
        Self::cpu(usize::MAX)
    }

    /// MLX in float32: [`Device::mlx_in`] with [`Precision::Float32`].
    ///
    /// # Errors
    /// As [`Device::mlx_in`].
    pub fn mlx() -> Result<Self> {
        Self::mlx_in(Precision::Float32)
    }

    /// MLX: the GPU of a Mac with Apple silicon; on Linux MLX's own CPU library, which proves the
    /// arithmetic and is not fast.
    ///
    /// Operations then only note what is to be computed; reading back computes it. A model and its
    /// tensors belong to one thread.
    ///
    /// # Errors
    /// [`Error::DeviceMissing`](crate::Error::DeviceMissing) when this program was built without
    /// the feature `mlx`, or MLX finds no device.
    pub fn mlx_in(precision: Precision) -> Result<Self> {
        Ok(Self { repr: On::Mlx(Mlx::new(precision)?) })
    }

    /// Every device that this program was built with and this machine has, the CPU first.
    pub fn all() -> Vec<Self> {
        [Ok(Self::default_cpu()), Self::mlx()].into_iter().flatten().collect()
    }

    /// Gives back memory that no tensor holds any more, where a device keeps some for later. Worth
    /// a call after a request.
    pub fn trim(&self) {
        on_device!(self, b => b.trim());
    }

    /// The name used on the command line: `cpu` or `mlx`.
    pub fn name(&self) -> &'static str {
        match &self.repr {
            On::Cpu(_) => "cpu",
            On::Mlx(_) => "mlx",
        }
    }

    /// The number of threads that compute, as far as it can be chosen: 1 on MLX.
    pub fn threads(&self) -> usize {
        match &self.repr {
            On::Cpu(cpu) => cpu.pool().threads(),
            On::Mlx(_) => 1,
        }
    }
}
