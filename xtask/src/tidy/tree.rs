//! The files of the workspace, read once.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The files of the workspace.
#[derive(Default)]
pub struct Tree {
    /// Sorted by path.
    pub files: Vec<File>,
}

/// One file.
pub struct File {
    /// Relative to the workspace, with `/` between parts.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Content, if it is text.
    pub text: Option<String>,
}

/// Build outputs and files of tools, which are not part of the workspace.
const SKIPPED: [&str; 4] = ["target", ".git", "__pycache__", ".DS_Store"];

impl Tree {
    /// Reads the workspace at `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.add(root, "")?;
        tree.files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(tree)
    }

    fn add(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if SKIPPED.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                self.add(&entry.path(), &format!("{path}/"))?;
            } else {
                let bytes = entry.metadata()?.len();
                let text =
                    fs::read(entry.path()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                self.files.push(File { path, bytes, text });
            }
        }
        Ok(())
    }

    /// Returns the Rust files under `crates/`, with their text.
    pub fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        let of_crates = self.files.iter().filter(|file| file.path.starts_with("crates/"));
        let rust = of_crates.filter(|file| file.path.ends_with(".rs"));
        rust.filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }

    /// Returns the text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path)?.text.as_deref()
    }

    /// Returns the names of the directories under `crates/`.
    pub fn crates(&self) -> Vec<&str> {
        let paths = self.files.iter().filter_map(|file| file.path.strip_prefix("crates/"));
        let mut names: Vec<&str> = paths.filter_map(|path| Some(path.split_once('/')?.0)).collect();
        names.dedup();
        names
    }
}
