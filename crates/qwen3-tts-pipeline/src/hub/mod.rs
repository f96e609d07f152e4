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
    if let Some(directory) = local_directory(model)? {
        return Ok(directory);
    }
    let repository = Repository::new(model, environment)?;
    if let Some(snapshot) = repository.complete_snapshot() {
        return Ok(snapshot);
    }
    if environment.offline {
        return Err(error::unavailable(model, "HF_HUB_OFFLINE is set"));
    }
    download::download(&repository, environment, progress)
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
