//! Audio files.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qwen3_tts_audio::{Encoder, Encoding, Format, Metadata};

use crate::error::{OrRaise, invalid_request};

/// Returns the names of the formats.
#[pyfunction]
pub fn formats() -> Vec<&'static str> {
    Format::names()
}

/// An audio file on its way: samples in, bytes out.
#[pyclass(frozen, module = "qwen3_tts._native")]
pub struct AudioFile(Mutex<Option<Encoder>>);

#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Settings {
    format: Option<String>,
    sample_format: Option<String>,
    sample_rate: Option<u32>,
    bitrate: Option<u32>,
    title: Option<String>,
    voice: Option<String>,
    model: Option<String>,
}

impl Settings {
    fn encoding(&self, path: Option<&PathBuf>) -> qwen3_tts_audio::Result<Encoding> {
        let named = self.format.as_deref().map(str::parse).transpose()?;
        let of_path = || path.map_or(Ok(None), |path| Format::of_path(path));
        let format = match named {
            Some(format) => format,
            None => of_path()?.unwrap_or(Format::Wav),
        };
        let mut encoding = Encoding::new(format);
        if let Some(name) = &self.sample_format {
            encoding = encoding.with_sample_format(name.parse()?)?;
        }
        if let Some(rate) = self.sample_rate {
            encoding = encoding.with_sample_rate(rate)?;
        }
        if let Some(rate) = self.bitrate {
            encoding = encoding.with_bitrate(rate)?;
        }
        Ok(encoding)
    }

    fn metadata(self) -> Metadata {
        let mut metadata = Metadata::default();
        metadata.title = self.title;
        metadata.voice = self.voice;
        metadata.model = self.model;
        metadata
    }
}

#[pymethods]
impl AudioFile {
    /// Begins a file of mono samples at `rate`, in the format of the settings or of the path's ending.
    #[new]
    #[pyo3(signature = (rate, path, settings))]
    fn new(py: Python<'_>, rate: u32, path: Option<PathBuf>, settings: Settings) -> PyResult<Self> {
        let encoding = settings.encoding(path.as_ref()).or_raise(py)?;
        let encoder = Encoder::new(&encoding, rate, settings.metadata()).or_raise(py)?;
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
