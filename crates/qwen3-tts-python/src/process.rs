//! The process that a model was loaded in.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// The process that a model was loaded in. A process that is forked from it has the model's memory, but
/// not its threads, and would wait for them for ever.
#[derive(Clone, Copy)]
pub struct Process(u32);

impl Process {
    /// Returns the current process.
    pub fn current() -> Self {
        Self(std::process::id())
    }

    /// Checks that this is still the process.
    ///
    /// # Errors
    /// Returns a `RuntimeError` in a forked process.
    pub fn check(self) -> PyResult<()> {
        if self.0 == std::process::id() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "the model was loaded before this process was forked: load it in each process, or use \
             multiprocessing's start method \"spawn\"",
        ))
    }
}
