//! Errors of the pipeline as exceptions of `qwen3_tts.errors`.

use std::fmt::Display;

use pyo3::prelude::*;
use qwen3_tts_pipeline::{Error, ErrorKind};

/// Returns the exception of an error's kind.
pub fn exception(py: Python<'_>, error: &Error) -> PyErr {
    raise(py, class_of(error.kind()), error)
}

/// Returns an exception for a request that is impossible.
pub fn invalid_request(py: Python<'_>, message: impl Display) -> PyErr {
    raise(py, class_of(ErrorKind::InvalidRequest), message)
}

/// Returns an exception of a class of `qwen3_tts.errors`.
pub fn raise(py: Python<'_>, class: &str, message: impl Display) -> PyErr {
    let errors = py.import("qwen3_tts.errors");
    let raised = errors.and_then(|errors| errors.getattr(class)?.call1((message.to_string(),)));
    raised.map_or_else(|error| error, PyErr::from_value)
}

/// Converts an error of the pipeline to its exception.
pub trait OrRaise<T> {
    /// Returns the value.
    ///
    /// # Errors
    /// Returns the exception of the error's kind.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for Result<T, Error> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error))
    }
}

impl<T> OrRaise<T> for Result<T, qwen3_tts_audio::Error> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| invalid_request(py, error))
    }
}

fn class_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest => "InvalidRequestError",
        ErrorKind::NotFound => "NotFoundError",
        ErrorKind::InvalidModel => "InvalidModelError",
        ErrorKind::Busy => "BusyError",
        ErrorKind::Cancelled => "CancelledError",
        ErrorKind::Unsupported => "UnsupportedError",
        ErrorKind::Io => "IoError",
        _ => "InternalError",
    }
}
