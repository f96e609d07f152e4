//! Recordings to clone or to encode.

use std::path::PathBuf;

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use qwen3_tts_pipeline::{AudioLimits, ReferenceAudio};

use crate::error::{OrRaise, invalid_request};
use crate::wait;

/// A recording, as mono samples at 24 kHz.
#[pyclass(frozen, module = "qwen3_tts._native")]
pub struct Recording(ReferenceAudio);

impl Recording {
    /// Returns the samples and what is known of them.
    pub fn audio(&self) -> &ReferenceAudio {
        &self.0
    }
}

/// The kinds of recordings.
#[derive(FromPyObject)]
enum Source<'py> {
    Bytes(pyo3::pybacked::PyBackedBytes),
    Samples(PyReadonlyArray1<'py, f32>),
    Path(PathBuf),
}

#[pymethods]
impl Recording {
    /// Reads a file, the bytes of a file, or mono samples at `sample_rate`.
    #[new]
    #[pyo3(signature = (source, sample_rate, max_seconds, for_cloning))]
    fn new(
        py: Python<'_>,
        source: Source<'_>,
        sample_rate: u32,
        max_seconds: f64,
        for_cloning: bool,
    ) -> PyResult<Self> {
        let limits = if for_cloning { AudioLimits::default() } else { AudioLimits::any() };
        if max_seconds.is_nan() || max_seconds <= 0.0 {
            return Err(invalid_request(py, "max_seconds: expected more than 0"));
        }
        let limits = limits.max_seconds(max_seconds);
        let name = "the recording";
        let audio = match source {
            Source::Path(path) => wait::run(py, move || ReferenceAudio::read(path, &limits))?,
            Source::Bytes(bytes) => {
                wait::run(py, move || ReferenceAudio::from_bytes(&bytes, name, &limits))?
            }
            Source::Samples(samples) => {
                let samples = samples.as_array().to_vec();
                wait::run(py, move || {
                    ReferenceAudio::from_samples(samples, sample_rate, name, &limits)
                })?
            }
        };
        audio.or_raise(py).map(Self)
    }

    /// Returns the recording with silence after it.
    fn with_trailing_silence(&self, py: Python<'_>, seconds: f64) -> PyResult<Self> {
        self.0.clone().with_trailing_silence(seconds).or_raise(py).map(Self)
    }

    #[getter]
    fn samples<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        PyArray1::from_slice(py, &self.0.samples)
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.0.warnings.iter().map(ToString::to_string).collect()
    }
}
