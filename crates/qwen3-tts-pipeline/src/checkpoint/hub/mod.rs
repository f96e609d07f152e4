//! Models by name: a directory, a snapshot in the Hugging Face cache, or a download into it.

mod cache;
mod download;
mod error;
mod settings;

use std::path::{Path, PathBuf};

use cache::Repository;
pub use download::DownloadProgress;
pub use error::HubError;
pub use settings::Hub;

impl Hub {
    /// Returns the local directory of `model`: the directory of that path if there is one, else the
    /// cached snapshot of the model with that hub id, downloaded first if it is not complete.
    ///
    /// Calls `progress` after each block of a download.
    ///
    /// # Errors
    /// Returns an error if `model` is neither a directory nor a checkpoint on the hub, or if the
    /// download fails. A later call resumes an interrupted download.
    pub fn resolve(
        &self,
        model: &str,
        progress: &mut dyn FnMut(&DownloadProgress),
    ) -> Result<PathBuf, HubError> {
        if let Some(directory) = self.find(model)? {
            return Ok(directory);
        }
        if self.offline {
            return Err(HubError::NotCached { model: model.to_owned() });
        }
        download::download(&Repository::new(model, self)?, self, progress)
    }

    /// Returns the local directory of `model` as [`Self::resolve`] does, but without the network:
    /// `None` if the model would have to be downloaded.
    ///
    /// # Errors
    /// Returns [`HubError::NotADirectory`] or [`HubError::NotAModel`] if `model` is neither a
    /// directory nor a valid hub id.
    pub fn find(&self, model: &str) -> Result<Option<PathBuf>, HubError> {
        let path = Path::new(model);
        if path.is_dir() {
            return Ok(Some(path.to_owned()));
        }
        if path.exists() {
            return Err(HubError::NotADirectory { path: path.to_owned() });
        }
        Ok(Repository::new(model, self)?.complete_snapshot())
    }
}
