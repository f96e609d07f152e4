//! A speech under way.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use qwen3_tts_pipeline::{Error, Speech, SpeechControl, SpeechEvent};

use crate::error::OrRaise;
use crate::output::{self, character_ranges};
use crate::process::Process;
use crate::{notifier, wait};

type Next = Option<Result<SpeechEvent, Error>>;

/// A speech under way: an event at a time, waiting or with a callback.
#[pyclass(frozen, module = "qwen3_tts._native")]
pub struct Stream {
    speech: Mutex<Speech>,
    control: SpeechControl,
    /// Ranges of the pieces in characters of the text.
    ranges: Vec<Range<usize>>,
    process: Process,
    #[pyo3(get)]
    sample_rate: u32,
    #[pyo3(get)]
    seed: u64,
}

impl Stream {
    /// Wraps a speech.
    pub fn new(speech: Speech, process: Process) -> Self {
        let pieces = speech.pieces().iter().map(|piece| piece.range.clone());
        Self {
            ranges: character_ranges(speech.text(), pieces),
            control: speech.control(),
            sample_rate: speech.sample_rate(),
            seed: speech.seed(),
            speech: Mutex::new(speech),
            process,
        }
    }

    fn speech(&self) -> MutexGuard<'_, Speech> {
        self.speech.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_event(&self, context: &mut Context<'_>) -> Poll<Next> {
        self.speech().poll_event(context)
    }

    /// Returns an event: `(samples, piece, first_frame, n_frames)` or the dictionary of a piece.
    fn event<'py>(&self, py: Python<'py>, next: Next) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(event) = next.transpose().or_raise(py)? else { return Ok(None) };
        match event {
            SpeechEvent::Chunk(chunk) => {
                let samples = PyArray1::from_vec(py, chunk.samples);
                let chunk = (samples, chunk.piece, chunk.first_frame, chunk.n_frames);
                Ok(Some(chunk.into_pyobject(py)?.into_any()))
            }
            SpeechEvent::Piece(piece) => {
                Ok(Some(output::piece(py, &piece, &self.ranges)?.into_any()))
            }
            _ => Ok(Some(py.None().into_bound(py))),
        }
    }
}

#[pymethods]
impl Stream {
    /// Waits for the next event; `None` after the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.process.check()?;
        let next = wait::until(py, |context| self.poll_event(context))?;
        self.event(py, next)
    }

    /// Returns `(True, event)` if there is an event. Otherwise returns `(False, None)` and calls
    /// `callback` on another thread when it is worth while to ask again.
    fn poll<'py>(
        &self,
        py: Python<'py>,
        callback: Py<PyAny>,
    ) -> PyResult<(bool, Option<Bound<'py, PyAny>>)> {
        self.process.check()?;
        let waker = notifier::waker(callback);
        match py.detach(|| self.poll_event(&mut Context::from_waker(&waker))) {
            Poll::Ready(next) => Ok((true, self.event(py, next)?)),
            Poll::Pending => Ok((false, None)),
        }
    }

    /// Ends the speech after the current frame.
    fn cancel(&self) -> PyResult<()> {
        self.process.check()?;
        self.control.cancel();
        Ok(())
    }

    /// Returns frames, expected frames, the most frames, ended pieces and active pieces.
    fn progress(&self) -> (usize, usize, usize, usize, usize) {
        let progress = self.control.progress();
        (
            progress.frames,
            progress.expected_frames,
            progress.max_frames,
            progress.ended_pieces,
            progress.active_pieces,
        )
    }

    /// Returns the ranges of the pieces in characters of the text.
    fn pieces(&self) -> Vec<(usize, usize)> {
        self.ranges.iter().map(|range| (range.start, range.end)).collect()
    }

    /// Returns all of the speech but its audio; `None` before the end and after an error.
    fn output<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let output = py.detach(|| self.speech().output().cloned());
        output.map(|output| output::speech(py, &output, &self.ranges)).transpose()
    }
}
