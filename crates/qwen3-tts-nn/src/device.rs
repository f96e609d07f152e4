//! Where tensors live and operations run.

use crate::backend::On;
use crate::cpu::Cpu;

/// A place to compute: handed to the loaders of a model, which then never asks for it again.
///
/// Clones are handles to the same device: tensors of one model share its threads.
#[derive(Clone, Debug)]
pub struct Device {
    pub(crate) repr: On<Cpu>,
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

    /// The name used on the command line: `cpu`.
    pub fn name(&self) -> &'static str {
        match &self.repr {
            On::Cpu(_) => "cpu",
        }
    }

    /// The number of threads that compute.
    pub fn threads(&self) -> usize {
        match &self.repr {
            On::Cpu(cpu) => cpu.pool().threads(),
        }
    }
}
