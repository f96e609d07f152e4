//! One model's folder in the Hugging Face cache.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use qwen3_tts_files::{PartFile, parent, sweep};

use super::error::HubError;
use super::name::{MAIN, ModelName, is_commit};
use crate::ModelFiles;

/// The folder `models--{owner}--{name}`: `refs/{revision}` names a commit, `snapshots/{commit}`
/// holds its files.
pub(super) struct Repository {
    pub name: ModelName,
    folder: PathBuf,
}

impl Repository {
    pub fn new(name: ModelName, cache: &Path) -> Self {
        let folder = cache.join(folder_of(&name.id));
        Self { name, folder }
    }

    /// Returns the repository that lies in `folder`, if that is one of a cache.
    pub fn at(folder: &Path, revision: &str) -> Option<Self> {
        let id = id_of(folder.file_name()?.to_str()?)?;
        let name = ModelName::new(&id, revision)?;
        let is_repository =
            folder.join("snapshots").is_dir() && !folder.join("config.json").exists();
        is_repository.then(|| Self { name, folder: folder.to_owned() })
    }

    /// Returns the snapshot of the revision, if it has all files of a checkpoint.
    pub fn complete_snapshot(&self) -> Option<PathBuf> {
        let revision = &self.name.revision;
        let commit = match is_commit(revision) {
            true => revision.clone(),
            false => fs::read_to_string(self.reference()).ok()?.trim().to_owned(),
        };
        let snapshot = self.snapshot(&commit);
        let complete = is_commit(&commit) && ModelFiles::directory(&snapshot).missing().is_empty();
        complete.then_some(snapshot)
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// Points the revision at `commit`.
    pub fn set_reference(&self, commit: &str) -> Result<(), HubError> {
        if self.name.revision == commit {
            return Ok(());
        }
        let reference = self.reference();
        let folder = parent(&reference);
        fs::create_dir_all(folder)
            .map(|()| sweep(folder))
            .and_then(|()| PartFile::create(folder))
            .and_then(|mut part| part.file().write_all(commit.as_bytes()).map(|()| part))
            .and_then(|part| part.persist(&reference))
            .map(drop)
            .map_err(|error| HubError::cache(&reference, error))
    }

    fn reference(&self) -> PathBuf {
        self.folder.join("refs").join(&self.name.revision)
    }
}

/// Returns the ids of the models in a cache.
pub(super) fn cached_models(cache: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(cache) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| id_of(&name)).filter(|id| ModelName::new(id, MAIN).is_some()).collect()
}

fn folder_of(id: &str) -> String {
    format!("models--{}", id.replace('/', "--"))
}

fn id_of(folder: &str) -> Option<String> {
    folder.strip_prefix("models--")?.split_once("--").map(|(owner, name)| format!("{owner}/{name}"))
}
