//! Errors of configuring and computing a spectrogram.

/// [`Result`](std::result::Result) with the [`Error`] of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why a configuration or a signal was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is out of range.
    #[error("{field}: expected {expected}, found {found}")]
    Config {
        /// Name of the parameter.
        field: &'static str,
        /// Valid values.
        expected: String,
        /// Value of the parameter.
        found: String,
    },
    /// A signal is too short for the padding, or for one frame.
    #[error("the signal has {found} samples, expected at least {needed}: take a longer one")]
    TooShort {
        /// Number of samples.
        found: usize,
        /// Minimum number of samples.
        needed: usize,
    },
    /// A sample is NaN or infinite.
    #[error("sample {index} is {value}, expected a finite number: the recording is damaged")]
    NonFinite {
        /// Index of the sample.
        index: usize,
        /// Value of the sample.
        value: f32,
    },
}

impl Error {
    /// Returns [`Error::Config`] unless the value of a parameter `holds`.
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
