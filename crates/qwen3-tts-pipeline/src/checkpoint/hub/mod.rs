//! Models by name: a directory, the Hugging Face cache, or a download into that cache.
//!
//! The cache is the one that every Hugging Face library uses, at `$HF_HUB_CACHE`, else
//! `$HF_HOME/hub`, else `~/.cache/huggingface/hub`; a complete snapshot in it is used as it is,
//! without asking the network. `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` mean what they mean
//! there.

mod cache;
mod download;
mod environment;
mod error;

use std::path::{Path, PathBuf};

use cache::Repository;
pub use download::Progress;
pub use environment::Environment;
pub use error::HubError;

/// The local directory of `model`: itself if it is a directory, else the snapshot of that name in
/// the cache, downloaded first if it is not complete.
///
/// `progress` hears of every piece of a download.
///
/// # Errors
/// If there is no such model, here or on the hub, or no network to fetch it.
pub fn resolve(
    model: &str,
    environment: &Environment,
    progress: &mut dyn FnMut(&Progress<'_>),
) -> Result<PathBuf, HubError> {
    if let Some(directory) = find(model, environment)? {
        return Ok(directory);
    }
    if environment.offline {
        return Err(error::unavailable(model, "HF_HUB_OFFLINE is set"));
    }
    download::download(&Repository::new(model, environment)?, environment, progress)
}

/// As [`resolve`], without the network: `None` if the model would have to be downloaded.
///
/// # Errors
/// If `model` is neither a directory nor a possible name on the hub.
pub fn find(model: &str, environment: &Environment) -> Result<Option<PathBuf>, HubError> {
    match local_directory(model)? {
        Some(directory) => Ok(Some(directory)),
        None => Ok(Repository::new(model, environment)?.complete_snapshot()),
    }
}

fn local_directory(model: &str) -> Result<Option<PathBuf>, HubError> {
    let path = Path::new(model);
    if path.is_dir() {
        return Ok(Some(path.to_owned()));
    }
    if path.exists() {
        return Err(HubError::NotADirectory { path: path.to_owned() });
    }
    Ok(None)
}
