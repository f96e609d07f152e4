//! Why a signal has no spectrogram.

/// A specialised [`Result`](std::result::Result).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a configuration or a signal was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter has a value that gives no transform.
    #[error("{field}: expected {expected}, found {found}")]
    Config {
        /// The parameter.
        field: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A signal is too short for the padding, or for one frame.
    #[error("the signal has {found} samples, expected at least {needed}: take a longer one")]
    TooShort {
        /// The number of samples.
        found: usize,
        /// The smallest number of samples that gives a frame.
        needed: usize,
    },
    /// A sample is NaN or infinite.
    #[error("sample {index} is {value}, expected a finite number: the recording is damaged")]
    NonFinite {
        /// The sample, from 0.
        index: usize,
        /// Its value.
        value: f32,
    },
}

impl Error {
    /// `Ok` if a parameter's value `holds`.
    pub(crate) fn config(
        holds: bool,
        field: &'static str,
        expected: impl ToString,
        found: impl ToString,
    ) -> Result<()> {
        let error =
            || Self::Config { field, expected: expected.to_string(), found: found.to_string() };
        if holds { Ok(()) } else { Err(error()) }
    }
}
