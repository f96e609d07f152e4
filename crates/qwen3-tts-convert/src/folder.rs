//! A directory that appears under its name when it is complete.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::source::PYTORCH_ENDINGS;

/// A directory being written beside its final name; what is not finished is removed.
pub struct NewFolder {
    target: PathBuf,
    draft: PathBuf,
    done: bool,
}

impl NewFolder {
    /// Starts to write `target`.
    pub fn beside(target: &Path) -> Result<Self> {
        let name = target.file_name().context("the output has no name")?.to_string_lossy();
        let draft = target.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        if let Some(parent) = target.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
        }
        fs::create_dir(&draft).with_context(|| format!("creating {}", draft.display()))?;
        Ok(Self { target: target.to_owned(), draft, done: false })
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.draft
    }

    /// Writes a text file.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.draft.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// Copies what is not part of the main weights, with the folders below; of those that are in
    /// `converted`, not the weights either.
    pub fn copy_other_files(&self, from: &Path, converted: &[&str]) -> Result<()> {
        let left_out = |name: &str| name == "config.json" || is_weights(name);
        copy(from, &self.draft, &left_out, converted)
    }

    /// Gives it its name.
    pub fn finish(mut self) -> Result<()> {
        ensure!(!self.target.exists(), "{} has appeared meanwhile", self.target.display());
        fs::rename(&self.draft, &self.target)
            .with_context(|| format!("naming {}", self.target.display()))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.done {
            // The error that brought us here is the one to report.
            _ = fs::remove_dir_all(&self.draft);
        }
    }
}

fn is_weights(name: &str) -> bool {
    let endings = [".safetensors", ".safetensors.index.json", ".bin.index.json"];
    endings.iter().chain(&PYTORCH_ENDINGS).any(|ending| name.ends_with(ending))
}

fn copy(from: &Path, to: &Path, left_out: &dyn Fn(&str) -> bool, converted: &[&str]) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("listing {}", from.display()))? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let text = name.to_string_lossy();
        if text.starts_with('.') || left_out(&text) {
            continue;
        }
        let target = to.join(&name);
        // Links are followed: downloaded checkpoints consist of them.
        if path.is_dir() {
            fs::create_dir(&target).with_context(|| format!("creating {}", target.display()))?;
            let part = converted.contains(&&*text);
            copy(&path, &target, &|name| part && is_weights(name), &[])?;
        } else {
            fs::copy(&path, &target).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}
