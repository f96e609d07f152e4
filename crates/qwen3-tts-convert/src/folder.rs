//! A directory that appears under its name when it is complete.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use qwen3_tts_files::{PartFolder, parent, sweep};

use crate::error::{Error, Result};
use crate::source::PYTORCH_ENDINGS;

/// A directory that is written beside its final name, and removed unless it is finished.
pub struct NewFolder {
    target: PathBuf,
    draft: PartFolder,
}

impl NewFolder {
    /// Creates the draft of `target`, and the parent directory if need be. Drafts that killed runs
    /// left there are removed.
    pub fn beside(target: &Path) -> Result<Self> {
        if target.file_name().is_none() {
            let source =
                io::Error::new(io::ErrorKind::InvalidInput, "the path ends without a name");
            return Err(Error::creating(target)(source));
        }
        let parent = parent(target);
        fs::create_dir_all(parent).map_err(Error::creating(parent))?;
        sweep(parent);
        let draft = PartFolder::create(parent).map_err(Error::creating(target))?;
        Ok(Self { target: target.to_owned(), draft })
    }

    /// Returns the path of the draft.
    pub fn path(&self) -> &Path {
        self.draft.path()
    }

    /// Writes a text file.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path().join(name);
        fs::write(&path, text).map_err(Error::writing(&path))
    }

    /// Copies the files of a checkpoint that are neither config.json nor weights, and its folders
    /// whole; of a folder in `converted`, the weights are left out too.
    pub fn copy_other_files(&self, from: &Path, converted: &[&str]) -> Result<()> {
        copy(from, self.path(), &|name| name == "config.json" || is_weights(name), converted)
    }

    /// Renames the draft to the target.
    pub fn finish(self) -> Result<()> {
        check_output(&self.target)?;
        self.draft.persist(&self.target).map_err(Error::writing(&self.target))
    }
}

fn is_weights(name: &str) -> bool {
    let endings = [".safetensors", ".safetensors.index.json", ".bin.index.json"];
    endings.iter().chain(&PYTORCH_ENDINGS).any(|ending| name.ends_with(ending))
}

/// Copies a directory without hidden files and without those that `left_out` names.
fn copy(from: &Path, to: &Path, left_out: &dyn Fn(&str) -> bool, converted: &[&str]) -> Result<()> {
    for entry in fs::read_dir(from).map_err(Error::reading(from))? {
        let entry = entry.map_err(Error::reading(from))?;
        let (name, path) = (entry.file_name(), entry.path());
        let text = name.to_string_lossy();
        if text.starts_with('.') || left_out(&text) {
            continue;
        }
        let target = to.join(&name);
        // Links are followed: downloaded checkpoints consist of them.
        if path.is_dir() {
            fs::create_dir(&target).map_err(Error::writing(&target))?;
            let part = converted.contains(&&*text);
            copy(&path, &target, &|name| part && is_weights(name), &[])?;
        } else {
            copy_file(&path, &target)?;
        }
    }
    Ok(())
}

/// Copies a file; an error names the file that is at fault.
fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let source = qwen3_tts_files::regular(from).and_then(|_| fs::File::open(from));
    let mut source = source.map_err(Error::reading(from))?;
    let mut target = fs::File::create(to).map_err(Error::writing(to))?;
    io::copy(&mut source, &mut target).map_err(Error::writing(to))?;
    Ok(())
}

/// Refuses an output that exists, as [`convert`](crate::convert) does.
///
/// # Errors
/// Returns [`Error::OutputExists`] if there is a file, a directory or a link at `output`.
pub fn check_output(output: impl AsRef<Path>) -> Result<()> {
    let path = output.as_ref();
    if fs::symlink_metadata(path).is_ok() {
        return Err(Error::OutputExists { path: path.to_owned() });
    }
    Ok(())
}
