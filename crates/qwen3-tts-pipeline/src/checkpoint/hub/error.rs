//! Why a model could not be found or fetched.

use std::path::PathBuf;

/// Why there is no local directory for a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The name is a file.
    #[error("{} is a file; name the directory that holds the checkpoint's files", path.display())]
    NotADirectory {
        /// The file.
        path: PathBuf,
    },

    /// The name is neither a directory nor a model of the hub.
    #[error(
        "there is no directory \"{name}\", and it is not the name of a model on the hub, \
         as Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"
    )]
    NotAModel {
        /// The name asked for.
        name: String,
    },

    /// The model is not in the cache and cannot be fetched.
    #[error(
        "model {model} is not here and cannot be downloaded ({reason}); where there is a network, \
         run `huggingface-cli download {model} --local-dir DIR` and name that DIR"
    )]
    Unavailable {
        /// The model.
        model: String,
        /// What stands in the way.
        reason: String,
    },

    /// The hub has a repository of this name that is no checkpoint of this family.
    #[error("{model} on the hub lacks {missing}; is it a Qwen3-TTS model?")]
    NotACheckpoint {
        /// The model.
        model: String,
        /// The files it lacks.
        missing: String,
    },

    /// The cache cannot be written.
    #[error("cannot write {}: {source}; set HF_HUB_CACHE to a directory with room", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

pub(super) fn unavailable(model: &str, reason: impl ToString) -> HubError {
    HubError::Unavailable { model: model.to_owned(), reason: reason.to_string() }
}

pub(super) fn cache(path: &std::path::Path, source: std::io::Error) -> HubError {
    HubError::Cache { path: path.to_owned(), source }
}
