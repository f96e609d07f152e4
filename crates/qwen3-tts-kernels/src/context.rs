//! The threads and the instruction set that kernels run on.

use std::fmt;

use crate::isa::Isa;
use crate::memory::WeightMemory;
use crate::pool::Pool;

/// A thread pool and an instruction set: the first argument of every kernel.
///
/// `Send` and `Sync`: threads may share a context. While one of them uses the pool, the others run
/// their kernels on their own thread only, as [`Pool::run`] describes.
pub struct Context {
    pool: Pool,
    /// Available, so a context proves that the CPU has this instruction set.
    isa: Isa,
    weight_memory: WeightMemory,
}

impl Context {
    /// Returns a context with `threads` threads, the caller included, and the best instruction set
    /// of this CPU.
    ///
    /// The environment variable `QWEN3_TTS_ISA` selects another instruction set by its
    /// [name](Isa::name). It is read once per process, and ignored if the architecture does not
    /// know the name or the CPU lacks the set. See [`Pool::new`] for the number of threads.
    pub fn new(threads: usize) -> Context {
        Context::with_isa(threads, Isa::preferred())
    }

    /// Returns a context with `threads` threads and the instruction set `isa`, or the best of this
    /// CPU if it lacks that: for tests and measurements.
    pub fn with_isa(threads: usize, isa: Isa) -> Context {
        let isa = if isa.is_available() { isa } else { Isa::detect() };
        Context { pool: Pool::new(threads), isa, weight_memory: WeightMemory::default() }
    }

    /// Returns the thread pool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Returns the memory for packed weights.
    pub(crate) fn weight_memory(&self) -> &WeightMemory {
        &self.weight_memory
    }

    /// Returns the instruction set.
    pub fn isa(&self) -> Isa {
        self.isa
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("threads", &self.pool.threads())
            .field("isa", &self.isa)
            .finish()
    }
}
