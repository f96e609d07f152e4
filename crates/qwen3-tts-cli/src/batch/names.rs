//! Names of the files that a batch writes: below its directory, and each written once.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Component, Path};

use qwen3_tts_files::is_part_name;

use crate::args::Shard;

/// Maximum length in bytes of a name in the usual file systems.
const MAX_NAME: usize = 255;

/// Returns the name of the manifest of a whole batch, or of a share of it.
pub fn manifest(shard: Option<Shard>) -> String {
    match shard {
        None => "manifest.jsonl".to_owned(),
        Some(Shard { index, count }) => format!("manifest-{index}-of-{count}.jsonl"),
    }
}

/// Returns true for the names of manifests, in upper or lower case.
fn is_manifest(file: &str) -> bool {
    let file = file.to_lowercase();
    file.starts_with("manifest") && file.ends_with(".jsonl")
}

/// The names that lines have taken, in lower case: many file systems ignore the case.
#[derive(Default)]
pub struct Names {
    /// Files, with the line that writes each.
    files: HashMap<String, usize>,
    folders: HashSet<String>,
}

impl Names {
    /// Takes the name of a line's file.
    ///
    /// # Errors
    /// Returns the reason if it is not the name of a file below the directory, or if another line
    /// writes the same file.
    pub fn take(&mut self, name: &str, line: usize) -> Result<(), String> {
        let refuse = |reason: &str| format!("`file` is {:?}{reason}", shortened(name));
        let parts = parts(name).map_err(refuse)?;
        let paths: Vec<String> =
            (1..=parts.len()).map(|n| parts[..n].join("/").to_lowercase()).collect();
        let Some((file, folders)) = paths.split_last() else { return Err(refuse(" is empty")) };
        if let Some(other) = self.files.get(file) {
            return Err(refuse(&format!(", which line {other} writes too")));
        }
        if let Some(other) = folders.iter().find_map(|folder| self.files.get(folder)) {
            return Err(refuse(&format!(", but line {other} writes a file of its folder's name")));
        }
        if self.folders.contains(file) {
            return Err(refuse(", which is a folder of an earlier line"));
        }
        self.files.insert(file.clone(), line);
        self.folders.extend(folders.iter().cloned());
        Ok(())
    }
}

/// Returns the parts of a path below the directory, or the reason why it is not one.
fn parts(name: &str) -> Result<Vec<&str>, &'static str> {
    const PLACE: &str = "; expected the name of a file in the output directory or a folder in it";
    if name.is_empty() {
        return Err("; expected the name of a file");
    }
    if name.contains('\0') {
        return Err(", with a NUL character");
    }
    if name.contains('\\') {
        return Err(", with a backslash; write / after the name of a folder");
    }
    if name.ends_with('/') {
        return Err("; expected the name of a file, not of a folder");
    }
    let mut parts = Vec::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str().unwrap_or_default()),
            Component::CurDir => {}
            _ => return Err(PLACE),
        }
    }
    match parts.last() {
        None => Err(PLACE),
        Some(_) if parts.iter().any(|part| part.len() > MAX_NAME) => {
            Err("; a name has at most 255 bytes")
        }
        Some(file)
            if is_manifest(parts[0]) || is_manifest(file) || is_part_name(OsStr::new(file)) =>
        {
            Err(", a name that the batch needs for its own files")
        }
        Some(_) => Ok(parts),
    }
}

fn shortened(name: &str) -> String {
    match name.chars().count() {
        0..=80 => name.to_owned(),
        _ => format!("{}…", name.chars().take(80).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_once_whatever_its_case() {
        let mut names = Names::default();
        for name in ["a.wav", "b/a.wav", "./c/d/e.wav", "Ä.wav"] {
            names.take(name, 1).unwrap();
        }
        for (name, word) in [
            ("a.wav", "line 1 writes too"),
            ("A.WAV", "line 1 writes too"),
            ("B//a.wav", "line 1 writes too"),
            ("b/./A.wav", "line 1 writes too"),
            ("ä.wav", "line 1 writes too"),
            ("a.wav/b.wav", "its folder's name"),
            ("C/D", "a folder of an earlier line"),
        ] {
            let said = names.take(name, 2).unwrap_err();
            assert!(said.contains(word) && said.starts_with("`file` is \""), "{said}");
        }
        names.take("b/c.wav", 2).unwrap();
    }

    #[test]
    fn names_stay_below_the_directory() {
        for name in [
            "",
            "/",
            "/a.wav",
            "..",
            "../a.wav",
            "a/../../b.wav",
            "a/..",
            "a/",
            ".",
            "a\\b.wav",
            "a\0.wav",
            "manifest.jsonl",
            "MANIFEST.JSONL",
            "manifest-1-of-2.jsonl",
            "manifest-1-of-2.jsonl/a.wav",
        ] {
            Names::default().take(name, 1).unwrap_err();
        }
        let long = format!("{}.wav", "a".repeat(252));
        let said = Names::default().take(&long, 1).unwrap_err();
        assert!(said.contains("at most 255 bytes") && said.len() < 200, "{said}");
    }
}
