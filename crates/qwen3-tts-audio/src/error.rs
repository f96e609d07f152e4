//! Errors of choosing how audio is written.

/// [`Result`](std::result::Result) with the [`Error`] of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why audio cannot be written as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name is not that of a format.
    #[error("unknown audio format {found:?}; expected {valid}")]
    UnknownFormat {
        /// The name.
        found: String,
        /// Names of the formats.
        valid: String,
    },
    /// A name is not that of a sample format.
    #[error("unknown sample format {found:?}; expected {valid}")]
    UnknownSampleFormat {
        /// The name.
        found: String,
        /// Names of the sample formats.
        valid: String,
    },
    /// The ending of a file name is not that of a format.
    #[error("the ending .{found} is not one of {valid}")]
    UnknownEnding {
        /// The ending, without its dot.
        found: String,
        /// Endings of the formats, with dots.
        valid: String,
    },
    /// A format does not have this sample format.
    #[error("{format} has no sample format {found}; {valid}")]
    SampleFormat {
        /// Name of the format.
        format: String,
        /// Name of the sample format.
        found: &'static str,
        /// Those that it has.
        valid: String,
    },
    /// A format does not have this sample rate.
    #[error("{format} has no sample rate of {found} Hz; expected {valid}")]
    SampleRate {
        /// Name of the format.
        format: String,
        /// The rate in Hz.
        found: u32,
        /// Those that it has.
        valid: String,
    },
    /// A format does not have this bit rate.
    #[error("{format} has no bit rate of {found} kbit/s; {valid}")]
    Bitrate {
        /// Name of the format.
        format: String,
        /// The rate in kbit/s.
        found: u32,
        /// Those that it has.
        valid: String,
    },
    /// A speed is out of range.
    #[error("the speed is {found}; expected {valid}")]
    Speed {
        /// The speed.
        found: String,
        /// The range.
        valid: String,
    },
    /// A loudness is out of range.
    #[error("the loudness is {found} LUFS; expected {valid}")]
    Loudness {
        /// The loudness in LUFS.
        found: String,
        /// The range.
        valid: String,
    },
}
