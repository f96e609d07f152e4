//! The errors of reading a recording.

use std::borrow::Cow;

/// A defect of a recording. The message follows the name of the recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The format is unknown, or the file is not a recording.
    #[error("not a recording that can be read: {ACCEPTED}")]
    UnknownFormat,
    /// The format is known and cannot be read.
    #[error("it is {found}, which is not read: {ACCEPTED}")]
    Foreign {
        /// Name of the format.
        found: &'static str,
    },
    /// The codec within a known container is unknown.
    #[error(
        "its audio is {found}, which is not decoded; convert it to WAV, for example with ffmpeg"
    )]
    UnknownCodec {
        /// Name of the codec, if it is known.
        found: Cow<'static, str>,
    },
    /// The name is not that of a file.
    #[error("it is {found}, not a file: download it, and name the file")]
    NotAFile {
        /// The kind of name.
        found: &'static str,
    },
    /// The operating system failed to read the file.
    #[error("cannot be read: {0}")]
    Io(#[source] std::io::Error),
    /// The recording cannot be decoded to its end.
    #[error("damaged {seconds:.2} s from its start ({reason}); copy or export it again")]
    Damaged {
        /// Length in seconds of the part that was decoded.
        seconds: f64,
        /// The error of the decoder.
        reason: String,
    },
    /// The sample rate is outside the accepted range.
    #[error("the sample rate is {found} Hz; expected {min} to {max} Hz: convert it to 24000 Hz")]
    SampleRate {
        /// Sample rate in Hz.
        found: u32,
        /// Lowest accepted rate in Hz.
        min: u32,
        /// Highest accepted rate in Hz.
        max: u32,
    },
    /// The number of channels is outside the accepted range.
    #[error("it has {found} channels; expected 1 to {max}: convert it to mono")]
    Channels {
        /// Number of channels.
        found: usize,
        /// Largest accepted number of channels.
        max: usize,
    },
    /// The recording has no samples.
    #[error("it has no audio: record or export it again")]
    Empty,
    /// The recording is too short for a voice.
    #[error("too short: {found:.2} s; expected at least {needed} s: record more")]
    TooShort {
        /// Length in seconds.
        found: f64,
        /// Smallest accepted length in seconds.
        needed: f64,
    },
    /// The recording is silent.
    #[error(
        "silent: its peak is {peak_dbfs:.0} dBFS; expected at least −60 dBFS: record it louder"
    )]
    Silent {
        /// Level of the loudest sample in dBFS; −∞ if all are zero.
        peak_dbfs: f64,
    },
    /// A sample is NaN or infinite.
    #[error("damaged: the sample {seconds:.3} s from its start is {value}; export it again")]
    NonFinite {
        /// Position in seconds from the start.
        seconds: f64,
        /// Value of the sample.
        value: f32,
    },
}

/// End of messages: the formats that are read.
const ACCEPTED: &str = "expected WAV, AIFF, CAF, FLAC, MP3, AAC, OGG, M4A or WebM; convert it to \
                        WAV, for example with ffmpeg";

impl AudioError {
    /// Returns [`AudioError::Damaged`].
    pub(super) fn damaged(seconds: f64, reason: impl Into<String>) -> Self {
        Self::Damaged { seconds, reason: reason.into() }
    }
}
