//! One model's folder in the Hugging Face cache.

use std::fs;
use std::path::PathBuf;

use super::error::HubError;
use super::settings::Hub;
use crate::ModelFiles;

/// The folder `models--{owner}--{name}`: `refs/main` names a commit, `snapshots/{commit}` holds its
/// files.
pub(super) struct Repository {
    /// `owner/name`.
    pub id: String,
    folder: PathBuf,
}

impl Repository {
    pub fn new(id: &str, hub: &Hub) -> Result<Self, HubError> {
        let parts: Vec<_> = id.split('/').collect();
        if parts.len() != 2 || !parts.iter().all(|part| is_name(part)) {
            return Err(HubError::NotAModel { name: id.to_owned() });
        }
        let folder = hub.cache.join(format!("models--{}", parts.join("--")));
        Ok(Self { id: id.to_owned(), folder })
    }

    /// Returns the snapshot that `refs/main` names, if it has all files of a checkpoint.
    pub fn complete_snapshot(&self) -> Option<PathBuf> {
        let commit = fs::read_to_string(self.reference()).ok()?;
        let commit = commit.trim();
        let snapshot = self.snapshot(commit);
        let complete = is_commit(commit) && ModelFiles::directory(&snapshot).missing().is_empty();
        complete.then_some(snapshot)
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// Points `refs/main` at `commit`.
    pub fn set_main(&self, commit: &str) -> Result<(), HubError> {
        let reference = self.reference();
        let refs = self.folder.join("refs");
        fs::create_dir_all(&refs).map_err(|error| HubError::cache(&refs, error))?;
        let part = refs.join(format!(".main.{}.part", std::process::id()));
        fs::write(&part, commit)
            .and_then(|()| fs::rename(&part, &reference))
            .map_err(|error| HubError::cache(&reference, error))
    }

    fn reference(&self) -> PathBuf {
        self.folder.join("refs").join("main")
    }
}

/// Returns true if `part` is valid as the owner or the name of a model, and as the name of a file in
/// the folder that it is joined to.
pub(super) fn is_name(part: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !part.is_empty() && part.len() < 100 && !part.starts_with('.') && part.chars().all(fits)
}

/// Returns true if `text` is a Git commit hash.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit())
}
