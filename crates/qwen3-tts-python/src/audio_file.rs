//! Audio files.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use qwen3_tts_audio::{Encoder, Encoding, Format, Metadata, SampleFormat};

use crate::error::{OrRaise, invalid_request};
use crate::fields::{COUNT, TEXT, field};

/// Returns the names of the formats.
#[pyfunction]
pub fn formats() -> Vec<&'static str> {
    Format::names()
}

/// An audio file on its way: samples in, bytes out.
#[pyclass(frozen, module = "qwen3_tts._native")]
pub struct AudioFile(Mutex<Option<Encoder>>);

/// How an audio file is written, by name.
struct Settings<'a, 'py>(&'a Bound<'py, PyDict>);

impl Settings<'_, '_> {
    fn encoding(&self, path: Option<&Path>) -> PyResult<Encoding> {
        let py = self.0.py();
        let format = match self.text("format")? {
            Some(name) => name.parse::<Format>().or_raise(py)?,
            None => path.map_or(Ok(None), Format::of_path).or_raise(py)?.unwrap_or(Format::Wav),
        };
        let mut encoding = Encoding::new(format);
        if let Some(name) = self.text("sample_format")? {
            let sample_format = name.parse::<SampleFormat>().or_raise(py)?;
            encoding = encoding.with_sample_format(sample_format).or_raise(py)?;
        }
        if let Some(rate) = field(self.0, "sample_rate", COUNT)? {
            encoding = encoding.with_sample_rate(rate).or_raise(py)?;
        }
        if let Some(rate) = field(self.0, "bitrate", COUNT)? {
            encoding = encoding.with_bitrate(rate).or_raise(py)?;
        }
        Ok(encoding)
    }

    fn metadata(&self) -> PyResult<Metadata> {
        let mut metadata = Metadata::default();
        metadata.title = self.text("title")?;
        Ok(metadata)
    }

    fn text(&self, name: &str) -> PyResult<Option<String>> {
        field(self.0, name, TEXT)
    }
}

#[pymethods]
impl AudioFile {
    /// Begins a file of mono samples at `rate`, in the format of the settings or of the path's ending.
    #[new]
    fn new(
        py: Python<'_>,
        rate: u32,
        path: Option<PathBuf>,
        settings: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let settings = Settings(settings);
        let encoding = settings.encoding(path.as_deref())?;
        let encoder = Encoder::new(&encoding, rate, settings.metadata()?).or_raise(py)?;
        Ok(Self(Mutex::new(Some(encoder))))
    }

    /// Adds samples and returns the next bytes.
    fn push<'py>(
        &self,
        py: Python<'py>,
        samples: PyReadonlyArray1<'py, f32>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let samples = samples.as_array().to_vec();
        let bytes = py.detach(|| {
            let mut encoder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            encoder.as_mut().map(|encoder| encoder.push(&samples))
        });
        let bytes = bytes.ok_or_else(|| invalid_request(py, "the audio file is finished"))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Returns the last bytes, and the first ones that are to be written over those at the start.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let encoder = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let encoder = encoder.ok_or_else(|| invalid_request(py, "the audio file is finished"))?;
        let finished = py.detach(|| encoder.finish());
        Ok((PyBytes::new(py, &finished.rest), PyBytes::new(py, &finished.head)))
    }
}
