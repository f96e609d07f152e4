//! Models by name: a directory, a snapshot in the Hugging Face cache, or a download into it.
//!
//! The cache is the one that all Hugging Face libraries share: `$HF_HUB_CACHE`, else
//! `$HF_HOME/hub`, else `~/.cache/huggingface/hub`. A complete snapshot in it is used as it is,
//! without a request to the network. `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` have the same
//! meaning as in those libraries.

mod cache;
mod download;
mod environment;
mod error;

use std::path::{Path, PathBuf};

use cache::Repository;
pub use download::Progress;
pub use environment::Environment;
pub use error::HubError;

/// Returns the local directory of `model`: the directory of that path if there is one, else the
/// cached snapshot of the model with that hub id, downloaded first if it is not complete.
///
/// Calls `progress` after each block of a download.
///
/// # Errors
/// Returns an error if `model` is neither a directory nor a checkpoint on the hub, or if the
/// download fails. A later call resumes an interrupted download.
pub fn resolve(
    model: &str,
    environment: &Environment,
    progress: &mut dyn FnMut(&Progress<'_>),
) -> Result<PathBuf, HubError> {
    if let Some(directory) = find(model, environment)? {
        return Ok(directory);
    }
    if environment.offline {
        return Err(HubError::NotCached { model: model.to_owned() });
    }
    download::download(&Repository::new(model, environment)?, environment, progress)
}

/// Returns the local directory of `model` as [`resolve`] does, but without the network: `None` if
/// the model would have to be downloaded.
///
/// # Errors
/// Returns [`HubError::NotADirectory`] or [`HubError::NotAModel`] if `model` is neither a directory
/// nor a valid hub id.
pub fn find(model: &str, environment: &Environment) -> Result<Option<PathBuf>, HubError> {
    let path = Path::new(model);
    if path.is_dir() {
        return Ok(Some(path.to_owned()));
    }
    if path.exists() {
        return Err(HubError::NotADirectory { path: path.to_owned() });
    }
    Ok(Repository::new(model, environment)?.complete_snapshot())
}
