//! The error of every fallible operation of this crate.

mod field;
mod kind;

use std::path::PathBuf;

use qwen3_tts_config::ConfigError;
use qwen3_tts_files::{MissingFile, WrongFile, reason};

use crate::audio::AudioError;
#[cfg(feature = "hub")]
use crate::checkpoint::HubError;
use crate::voice::VoiceFileError;

pub use kind::ErrorKind;

/// The reason why an operation failed, in one line.
///
/// [`Error::kind`] sorts the variants into the few classes that a program reacts to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request is impossible, or this model cannot honour it.
    #[error("{0}")]
    Request(String),

    /// A field of the request is invalid, or this model cannot honour it.
    #[error("{reason}")]
    Field {
        /// Name of the field of [`SpeechRequest`](crate::SpeechRequest) or of
        /// [`Sampling`](crate::Sampling).
        field: &'static str,
        /// Expected and found.
        reason: String,
    },

    /// A mark in the text of the request is invalid, or this model cannot honour it.
    #[error("line {line}, column {column} of the text: {reason}")]
    Markup {
        /// Line of the mark, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// Expected and found.
        reason: String,
    },

    /// The model does not have the speaker or the language that the request names.
    #[error(transparent)]
    UnknownName(ConfigError),

    /// This build does not support the kind of model, or a property of its codec.
    #[error("{0}")]
    Unsupported(String),

    /// The name of a model is neither a directory nor, with the feature `hub`, a hub id.
    #[error("there is no model \"{name}\": {reason}")]
    ModelNotFound {
        /// The name that was asked for.
        name: String,
        /// The kind of name that was expected.
        reason: &'static str,
    },

    /// A file of the checkpoint is missing.
    #[error("{file} is missing{}", explanation(reason.as_ref()))]
    MissingFile {
        /// The file.
        file: String,
        /// The reason, if its directory shows one.
        reason: Option<MissingFile>,
    },

    /// A file is not what its name says, or is incomplete.
    #[error("{file}: {source}")]
    WrongFile {
        /// The file.
        file: String,
        /// The file that was found.
        source: WrongFile,
    },

    /// The checkpoint is a speech tokenizer only, and the request needs a talker.
    #[error(
        "{file}: a speech tokenizer alone, which encodes and decodes but does not speak; name a \
         whole checkpoint, such as Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"
    )]
    SpeechTokenizerAlone {
        /// Its configuration.
        file: String,
    },

    /// A file cannot be read.
    #[error("cannot read {file}: {}{}", reason(source), damage_hint(source))]
    Read {
        /// The file.
        file: String,
        /// The error of the operating system.
        source: std::io::Error,
    },

    /// A configuration file is invalid.
    #[error("{file}: {source}")]
    Config {
        /// The file.
        file: String,
        /// The defect.
        source: ConfigError,
    },

    /// A file of the text tokenizer is invalid.
    #[error("{file}: not a valid tokenizer file ({reason}); fetch it again")]
    Tokenizer {
        /// The file.
        file: String,
        /// The defect.
        reason: String,
    },

    /// A file of speech codes is invalid, or its codes do not fit the codec.
    #[error("{file}: {reason}")]
    Codes {
        /// The file.
        file: String,
        /// The defect.
        reason: String,
    },

    /// A recording is invalid, or cannot serve as reference audio.
    #[error("{file}: {source}")]
    Audio {
        /// The file.
        file: String,
        /// The defect.
        source: AudioError,
    },

    /// A voice file is invalid.
    #[error("{file}: {source}")]
    VoiceFile {
        /// The file.
        file: String,
        /// The defect.
        source: VoiceFileError,
    },

    /// The weights are invalid, the device is not available, or a result is not finite.
    #[error(transparent)]
    Nn(qwen3_tts_nn::Error),

    /// The talker refused a prompt or its parameters.
    #[error(transparent)]
    Talker(qwen3_tts_talker::Error),

    /// The codec refused codes or samples.
    #[error(transparent)]
    Codec(qwen3_tts_codec::Error),

    /// The speaker encoder refused its configuration or a recording.
    #[error(transparent)]
    SpeakerEncoder(qwen3_tts_speaker::Error),

    /// Text was pushed into a speech that has ended.
    #[error("the speech has ended: no text can be added to it")]
    SpeechEnded,

    /// The request was cancelled before its end.
    #[error("the request was cancelled")]
    Cancelled,

    /// The queue of requests is full.
    #[error(
        "{present} requests are waiting or being spoken already: try again later, or allow more \
         of them to wait"
    )]
    Busy {
        /// Number of requests that are waiting or being spoken.
        present: usize,
    },

    /// The thread of the model has ended.
    #[error("the model has been shut down: load it again")]
    Stopped,

    /// A defect of this program.
    #[error("internal error: {0}; please report it")]
    Internal(String),

    /// An output file cannot be written.
    #[error("cannot write {}: {}", path.display(), reason(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },

    /// A model of the hub is neither cached nor could it be downloaded.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] HubError),
}

fn explanation(reason: Option<&MissingFile>) -> String {
    match reason {
        Some(reason) => format!(": {reason}"),
        None => "; a model directory needs all files of the published checkpoint".to_owned(),
    }
}

// An error of the arithmetic is `Error::Nn`, whichever model it came through.

impl From<qwen3_tts_nn::Error> for Error {
    fn from(error: qwen3_tts_nn::Error) -> Self {
        Self::Nn(error)
    }
}

impl From<qwen3_tts_talker::Error> for Error {
    fn from(error: qwen3_tts_talker::Error) -> Self {
        match error {
            qwen3_tts_talker::Error::Nn(error) => Self::Nn(error),
            error => Self::Talker(error),
        }
    }
}

impl From<qwen3_tts_codec::Error> for Error {
    fn from(error: qwen3_tts_codec::Error) -> Self {
        match error {
            qwen3_tts_codec::Error::Nn(error) => Self::Nn(error),
            error => Self::Codec(error),
        }
    }
}

impl From<qwen3_tts_speaker::Error> for Error {
    fn from(error: qwen3_tts_speaker::Error) -> Self {
        match error {
            qwen3_tts_speaker::Error::Nn(error) => Self::Nn(error),
            error => Self::SpeakerEncoder(error),
        }
    }
}

/// Result of the functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Returns what to do about a file that is there and cannot be read.
fn damage_hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => {
            "; if it is damaged, fetch it again"
        }
        _ => "",
    }
}
