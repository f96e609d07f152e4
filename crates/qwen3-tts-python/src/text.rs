//! Text that is spoken while it is being written.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use qwen3_tts_pipeline::IncrementalText;

use crate::error::{OrRaise, invalid_request};
use crate::process::Process;

/// The writing end of a text that is spoken while it is being written.
#[pyclass(frozen, module = "qwen3_tts._native")]
pub struct Text {
    text: Mutex<Option<IncrementalText>>,
    process: Process,
}

impl Text {
    /// Wraps the writing end.
    pub fn new(text: IncrementalText, process: Process) -> Self {
        Self { text: Mutex::new(Some(text)), process }
    }
}

#[pymethods]
impl Text {
    fn push(&self, py: Python<'_>, part: &str) -> PyResult<()> {
        self.process.check()?;
        let pushed = py.detach(|| {
            let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
            text.as_mut().map(|text| text.push(part))
        });
        let finished = || invalid_request(py, "the text is finished: nothing can be added to it");
        pushed.ok_or_else(finished)?.or_raise(py)
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.process.check()?;
        let finished = py.detach(|| {
            let text = self.text.lock().unwrap_or_else(PoisonError::into_inner).take();
            text.map_or(Ok(()), IncrementalText::finish)
        });
        finished.or_raise(py)
    }
}
