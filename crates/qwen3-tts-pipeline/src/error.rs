//! Everything that can go wrong between a model directory and speech.

use std::path::PathBuf;

use qwen3_tts_config::ConfigError;

use crate::{AudioError, VoiceFileError};

/// Why nothing was spoken, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request asks for something impossible, or that this model does not do.
    #[error("{0}")]
    Request(String),

    /// A speaker or a language that the model does not have.
    #[error(transparent)]
    Voice(ConfigError),

    /// A file of the checkpoint is not there.
    #[error("{file} is missing; a model directory needs all files of the published checkpoint")]
    MissingFile {
        /// The file.
        file: String,
    },

    /// A file is there and cannot be read.
    #[error("cannot read {file}: {source}; if it is damaged, fetch it again")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },

    /// A configuration file was refused.
    #[error("{file}: {source}")]
    Config {
        /// The file.
        file: String,
        /// What is wrong in it.
        source: ConfigError,
    },

    /// A file of the text tokenizer is damaged.
    #[error("{file}: not a valid tokenizer file ({reason}); fetch it again")]
    Tokenizer {
        /// The file.
        file: String,
        /// What is wrong in it.
        reason: String,
    },

    /// A file of speech codes was refused.
    #[error("{file}: {reason}")]
    Codes {
        /// The file.
        file: String,
        /// What is wrong in it.
        reason: String,
    },

    /// A recording was refused.
    #[error("{file}: {source}")]
    Audio {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: AudioError,
    },

    /// A voice file was refused.
    #[error("{file}: {source}")]
    VoiceFile {
        /// The file.
        file: String,
        /// What is wrong in it.
        source: VoiceFileError,
    },

    /// The weights were refused.
    #[error(transparent)]
    Weights(#[from] qwen3_tts_nn::Error),

    /// Text came for a speech that goes on no more.
    #[error("the speech has ended: no text can be added to it")]
    SpeechEnded,

    /// An engine has as many requests as it takes.
    #[error("the engine has {present} requests already: try again later, or let more of them wait")]
    Busy {
        /// The requests that wait or are under way.
        present: usize,
    },

    /// The thread that speaks is not there any more.
    #[error("the engine has stopped: start another one")]
    Stopped,

    /// A mistake in this program.
    #[error("internal error: {0}; please report it")]
    Internal(String),

    /// An output cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A model is neither here nor could it be fetched.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] crate::checkpoint::hub::HubError),
}

impl From<qwen3_tts_talker::Error> for Error {
    fn from(error: qwen3_tts_talker::Error) -> Self {
        match error {
            qwen3_tts_talker::Error::Nn(error) => Self::Weights(error),
            error => Self::Request(error.to_string()),
        }
    }
}

impl From<qwen3_tts_codec::Error> for Error {
    fn from(error: qwen3_tts_codec::Error) -> Self {
        match error {
            qwen3_tts_codec::Error::Nn(error) => Self::Weights(error),
            error => Self::Request(error.to_string()),
        }
    }
}

impl From<qwen3_tts_speaker::Error> for Error {
    fn from(error: qwen3_tts_speaker::Error) -> Self {
        match error {
            qwen3_tts_speaker::Error::Nn(error) => Self::Weights(error),
            error => Self::Request(error.to_string()),
        }
    }
}

/// Result of the functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
