//! The threads and the instruction set that kernels run on.

use std::fmt;

use crate::isa::Isa;
use crate::pool::Pool;

/// A thread pool and an instruction set: the first argument of every kernel.
///
/// `Send` and `Sync`: threads may share a context. While one of them is in a kernel, the others
/// run theirs on their own thread alone, as [`Pool::run`] says.
pub struct Context {
    pool: Pool,
    /// At most [`Isa::detect`], so that a context is the proof that the CPU has it.
    isa: Isa,
}

impl Context {
    /// Returns a context with `threads` threads, the caller included, and the best instruction set
    /// of this CPU.
    ///
    /// The environment variable `QWEN3_TTS_ISA` selects a lower instruction set by its
    /// [name](Isa::name). It is read once per process; a name that is unknown on this architecture,
    /// or above what the CPU has, changes nothing. See [`Pool::new`] for the number of threads.
    pub fn new(threads: usize) -> Context {
        Context::with_isa(threads, Isa::preferred())
    }

    /// Returns a context with `threads` threads and the instruction set `isa`, or the best of this
    /// CPU if that is lower: for tests and measurements.
    pub fn with_isa(threads: usize, isa: Isa) -> Context {
        Context { pool: Pool::new(threads), isa: isa.min(Isa::detect()) }
    }

    /// Returns the thread pool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Returns the instruction set, which this CPU has.
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
