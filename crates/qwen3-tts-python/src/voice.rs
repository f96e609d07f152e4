//! Cloned voices.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use qwen3_tts_config::ModelSize;
use qwen3_tts_pipeline::{ClonedVoice, VoiceReference};

use crate::error::{OrRaise, invalid_request};
use crate::output::{codes_array, codes_of};

/// A voice cloned from a recording.
#[pyclass(frozen, eq, module = "qwen3_tts._native")]
#[derive(PartialEq)]
pub struct Voice(Arc<ClonedVoice>);

impl Voice {
    /// Returns the voice for a request.
    pub fn shared(&self) -> Arc<ClonedVoice> {
        Arc::clone(&self.0)
    }
}

impl From<ClonedVoice> for Voice {
    fn from(voice: ClonedVoice) -> Self {
        Self(Arc::new(voice))
    }
}

#[pymethods]
impl Voice {
    /// Makes a voice of its parts: the speaker embedding, and codes (frames, codebooks) with their
    /// transcript for a voice in context.
    #[new]
    #[pyo3(signature = (speaker_embedding, model_size, codes=None, transcript=None))]
    fn new(
        py: Python<'_>,
        speaker_embedding: PyReadonlyArray1<'_, f32>,
        model_size: &str,
        codes: Option<PyReadonlyArray2<'_, i64>>,
        transcript: Option<String>,
    ) -> PyResult<Self> {
        let size = ModelSize::ALL.into_iter().find(|size| size.name() == model_size);
        let unknown = || {
            let names = ModelSize::ALL.map(ModelSize::name).join(" or ");
            invalid_request(py, format!("model_size: expected {names}, not {model_size:?}"))
        };
        let size = size.ok_or_else(unknown)?;
        let codes = codes.map(|codes| codes_of(py, &codes)).transpose()?;
        let reference = match (codes, transcript) {
            (Some(codes), Some(transcript)) => Some(VoiceReference::new(codes.codes, transcript)),
            (None, None) => None,
            _ => return Err(invalid_request(py, "codes and transcript belong together")),
        };
        let embedding = speaker_embedding.as_array().to_vec();
        Ok(ClonedVoice::new(embedding, reference, size).into())
    }

    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        ClonedVoice::load(path).or_raise(py).map(Self::from)
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        self.0.save(path).or_raise(py)
    }

    #[getter]
    fn speaker_embedding<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        PyArray1::from_slice(py, &self.0.speaker_embedding)
    }

    #[getter]
    fn codes<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyArray2<i64>>>> {
        self.0.reference.as_ref().map(|reference| codes_array(py, &reference.codes)).transpose()
    }

    #[getter]
    fn transcript(&self) -> Option<&str> {
        self.0.reference.as_ref().map(|reference| &*reference.transcript)
    }

    #[getter]
    fn model_size(&self) -> &'static str {
        self.0.tts_model_size.name()
    }

    #[getter]
    fn created_with(&self) -> &str {
        &self.0.created_with
    }
}
