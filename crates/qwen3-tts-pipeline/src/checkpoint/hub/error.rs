//! The errors of finding and downloading a model.

use std::io;
use std::path::{Path, PathBuf};

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

    /// A revision is asked of a directory.
    #[error(
        "{} is a directory, which has no revision \"{revision}\"; revisions belong to models on the \
         hub",
        path.display()
    )]
    NoRevisions {
        /// The directory.
        path: PathBuf,
        /// The revision that was asked for.
        revision: String,
    },

    /// The name is neither a directory nor a valid hub id.
    #[error(
        "there is no directory \"{name}\", and it is not the name of a model on the hub; {hint}"
    )]
    NotAModel {
        /// The name that was asked for.
        name: String,
        /// Suggestion of another name.
        hint: String,
    },

    /// The model is not in the cache, and `HF_HUB_OFFLINE` forbids a download.
    #[error(
        "model {model} is not in the cache and HF_HUB_OFFLINE is set; on a machine with a network, \
         run `{}` and name that DIR",
        download_elsewhere(model)
    )]
    NotCached {
        /// The model, with its revision if that is not `main`.
        model: String,
    },

    /// A download was asked for, and `HF_HUB_OFFLINE` forbids it.
    #[error("model {model} cannot be downloaded again while HF_HUB_OFFLINE is set; unset it")]
    Offline {
        /// The model, with its revision if that is not `main`.
        model: String,
    },

    /// The server has no such model, revision or file, or denies access to it.
    #[error("model {model} cannot be downloaded from {url}: {reason}")]
    Refused {
        /// The model, with its revision if that is not `main`.
        model: String,
        /// The URL, without credentials.
        url: String,
        /// The server's answer, and what to do about it.
        reason: String,
    },

    /// The download failed: the network, or the server, does not answer as it should.
    #[error(
        "model {model} cannot be downloaded ({url}: {reason}); try again, or on another machine run \
         `{}` and name that DIR",
        download_elsewhere(model)
    )]
    Unavailable {
        /// The model, with its revision if that is not `main`.
        model: String,
        /// The URL, without credentials.
        url: String,
        /// The failure.
        reason: String,
    },

    /// The server sent something other than the file.
    #[error("{url} did not give {file}: {reason}")]
    Content {
        /// Path of the file in the checkpoint.
        file: String,
        /// The URL, without credentials.
        url: String,
        /// Received and expected content, and a remedy.
        reason: String,
    },

    /// The hub has a repository of this name, but it is no checkpoint of this family.
    #[error("{model} on the hub lacks {missing}; is it a Qwen3-TTS model?")]
    NotACheckpoint {
        /// The model, with its revision if that is not `main`.
        model: String,
        /// The missing files, separated by commas.
        missing: String,
    },

    /// An environment variable has an invalid value.
    #[error("{variable} is \"{value}\"; expected {expected}")]
    Setting {
        /// Name of the environment variable.
        variable: &'static str,
        /// Its value, without credentials.
        value: String,
        /// Valid values.
        expected: String,
    },

    /// The cache cannot be written.
    #[error("cannot write {}: {source}; set HF_HUB_CACHE to a directory with room", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl HubError {
    pub(super) fn cache(path: &Path, source: io::Error) -> Self {
        Self::Cache { path: path.to_owned(), source }
    }
}

/// Returns the command that downloads `model`, which may be `name@revision`, into a directory.
fn download_elsewhere(model: &str) -> String {
    match model.split_once('@') {
        Some((id, revision)) => {
            format!("hf download {id} --revision {revision} --local-dir DIR")
        }
        None => format!("hf download {model} --local-dir DIR"),
    }
}
