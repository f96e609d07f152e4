//! Models by name: a directory, a snapshot in the Hugging Face cache, or a download into it.

mod cache;
mod certificates;
mod client;
mod content;
mod download;
mod error;
mod name;
mod pace;
mod part;
mod progress;
mod proxy;
mod retry;
mod settings;

use std::path::{Path, PathBuf};

use cache::Repository;
use download::Existing;
pub use error::HubError;
use name::{MAIN, ModelName};
pub use progress::DownloadProgress;
pub use settings::Hub;

impl Hub {
    /// Returns the local directory of `model`: the directory of that path if there is one, else the
    /// cached snapshot of the model with that name, downloaded first if it is not complete.
    ///
    /// Calls `progress` after each block of a download, and before each wait.
    ///
    /// # Errors
    /// Returns an error if `model` is neither a directory nor a checkpoint on the hub, or if the
    /// download fails. A later call resumes an interrupted download.
    pub fn resolve(
        &self,
        model: &str,
        progress: &mut dyn FnMut(&DownloadProgress),
    ) -> Result<PathBuf, HubError> {
        let repository = match self.locate(model)? {
            Place::Directory(directory) => return Ok(directory),
            Place::Repository(repository) => repository,
        };
        if let Some(snapshot) = repository.complete_snapshot() {
            return Ok(snapshot);
        }
        if self.offline {
            return Err(HubError::NotCached { model: repository.name.to_string() });
        }
        download::download(&repository, self, Existing::Check, progress)
    }

    /// Returns the local directory of `model` as [`Self::resolve`] does, but without the network:
    /// `None` if the model would have to be downloaded.
    ///
    /// # Errors
    /// Returns an error if `model` is neither a directory nor a valid name of a model.
    pub fn find(&self, model: &str) -> Result<Option<PathBuf>, HubError> {
        Ok(match self.locate(model)? {
            Place::Directory(directory) => Some(directory),
            Place::Repository(repository) => repository.complete_snapshot(),
        })
    }

    /// Returns the ids of the models in the cache, of any kind and complete or not, in alphabetical
    /// order.
    pub fn models(&self) -> Vec<String> {
        let mut models = cache::cached_models(&self.cache);
        models.sort();
        models
    }

    /// Downloads the files that the hub has for `model` now, and returns the snapshot. Cached files
    /// are checked against the hub; damaged ones are replaced.
    ///
    /// Offline, or if the hub is out of reach, returns a complete snapshot from the cache. Returns a
    /// directory as it is.
    ///
    /// # Errors
    /// Returns an error as [`Self::resolve`] does.
    pub fn download(
        &self,
        model: &str,
        progress: &mut dyn FnMut(&DownloadProgress),
    ) -> Result<PathBuf, HubError> {
        let repository = match self.locate(model)? {
            Place::Directory(directory) => return Ok(directory),
            Place::Repository(repository) => repository,
        };
        let downloaded = match self.offline {
            true => Err(HubError::NotCached { model: repository.name.to_string() }),
            false => download::download(&repository, self, Existing::Check, progress),
        };
        let error = match downloaded {
            Err(error @ (HubError::NotCached { .. } | HubError::Unavailable { .. })) => error,
            other => return other,
        };
        match repository.complete_snapshot() {
            None => Err(error),
            Some(snapshot) => {
                if !self.offline {
                    progress(&DownloadProgress::UsingCache { reason: error.to_string() });
                }
                Ok(snapshot)
            }
        }
    }

    /// Downloads every file of `model` again, and returns the snapshot. Returns a directory as it is.
    ///
    /// # Errors
    /// Returns an error as [`Self::resolve`] does, and [`HubError::Offline`] if the network must not
    /// be used.
    pub fn download_again(
        &self,
        model: &str,
        progress: &mut dyn FnMut(&DownloadProgress),
    ) -> Result<PathBuf, HubError> {
        match self.locate(model)? {
            Place::Directory(directory) => Ok(directory),
            Place::Repository(repository) if self.offline => {
                Err(HubError::Offline { model: repository.name.to_string() })
            }
            Place::Repository(repository) => {
                download::download(&repository, self, Existing::Replace, progress)
            }
        }
    }

    fn locate(&self, model: &str) -> Result<Place, HubError> {
        let path = Path::new(model);
        if path.is_dir() {
            let repository = Repository::at(path, MAIN).map(Place::Repository);
            return Ok(repository.unwrap_or_else(|| Place::Directory(path.to_owned())));
        }
        if path.exists() {
            return Err(HubError::NotADirectory { path: path.to_owned() });
        }
        if let Some((folder, revision)) = model.rsplit_once('@')
            && Path::new(folder).is_dir()
        {
            let path = Path::new(folder);
            return Repository::at(path, revision).map(Place::Repository).ok_or_else(|| {
                HubError::NoRevisions { path: path.to_owned(), revision: revision.to_owned() }
            });
        }
        let known = cache::cached_models(&self.cache);
        let name = ModelName::parse(model, &self.endpoint, &known)?;
        Ok(Place::Repository(Repository::new(name, &self.cache)))
    }
}

/// Place of a model.
enum Place {
    Directory(PathBuf),
    Repository(Repository),
}
