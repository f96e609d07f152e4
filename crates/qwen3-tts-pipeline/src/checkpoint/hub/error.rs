//! The errors of finding and downloading a model.

use std::path::PathBuf;

/// The reason why a model has no local directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The name is that of a file.
    #[error("{} is a file; name the directory that holds the checkpoint's files", path.display())]
    NotADirectory {
        /// The file.
        path: PathBuf,
    },

    /// The name is neither a directory nor a valid hub id.
    #[error(
        "there is no directory \"{name}\", and it is not the name of a model on the hub, \
         such as Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice"
    )]
    NotAModel {
        /// The name that was asked for.
        name: String,
    },

    /// The model is not in the cache, and `HF_HUB_OFFLINE` forbids a download.
    #[error(
        "model {model} is not in the cache and HF_HUB_OFFLINE is set; on a machine with a \
         network, run `huggingface-cli download {model} --local-dir DIR` and name that DIR"
    )]
    NotCached {
        /// The model.
        model: String,
    },

    /// The server has no such model or file, or denies access to it.
    #[error("model {model} cannot be downloaded from {endpoint}: {reason}")]
    Refused {
        /// The model.
        model: String,
        /// The server.
        endpoint: String,
        /// The server's answer, and what to do about it.
        reason: &'static str,
    },

    /// The download failed.
    #[error(
        "model {model} is not in the cache and cannot be downloaded ({reason}); on a machine with \
         a network, run `huggingface-cli download {model} --local-dir DIR` and name that DIR"
    )]
    Unavailable {
        /// The model.
        model: String,
        /// The server and the failure.
        reason: String,
    },

    /// The hub has a repository of this name, but it is no checkpoint of this family.
    #[error("{model} on the hub lacks {missing}; is it a Qwen3-TTS model?")]
    NotACheckpoint {
        /// The model.
        model: String,
        /// The missing files, separated by commas.
        missing: String,
    },

    /// The cache cannot be written.
    #[error("cannot write {}: {source}; set HF_HUB_CACHE to a directory with room", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

impl HubError {
    pub(super) fn cache(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Cache { path: path.to_owned(), source }
    }
}
