//! Missing files, and the reasons found in their directories.

use std::path::Path;

/// The reason why a file is missing, as far as its directory shows it, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MissingFile {
    /// A download of the file did not finish.
    #[error("its download did not finish ({found} is there): fetch it again")]
    Unfinished {
        /// Name of the part that is there.
        found: String,
    },
    /// The file is a link to a missing file.
    #[error("it is a link to a file that is not there: fetch it again")]
    BrokenLink,
    /// The weights are in a format of `torch.save`.
    #[error("{found} is there: `qwen3-tts convert` makes safetensors files of it")]
    Pickled {
        /// Name of the file.
        found: String,
    },
    /// The weights are in the format of llama.cpp.
    #[error("{found} is there, and GGUF cannot be read: take a checkpoint with safetensors files")]
    Gguf {
        /// Name of the file.
        found: String,
    },
}

/// Endings that programs give to a file while they fetch it.
const UNFINISHED: [&str; 6] =
    [".incomplete", ".part", ".partial", ".crdownload", ".download", ".aria2"];

/// Endings of the files that `torch.save` writes.
const PICKLED: [&str; 3] = [".bin", ".pt", ".pth"];

impl MissingFile {
    /// Looks for the reason why `path` is missing.
    pub fn explain(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        if path.is_symlink() {
            return Some(Self::BrokenLink);
        }
        let names = siblings(path);
        let unfinished = |found: &&String| {
            let rest = found.strip_prefix(name);
            rest.is_some_and(|rest| UNFINISHED.contains(&rest))
        };
        if let Some(found) = names.iter().find(unfinished) {
            return Some(Self::Unfinished { found: found.clone() });
        }
        if !name.ends_with(".safetensors") {
            return None;
        }
        let ending = |endings: &[&str]| {
            names.iter().find(|name| endings.iter().any(|end| name.ends_with(end))).cloned()
        };
        let pickled = ending(&PICKLED).map(|found| Self::Pickled { found });
        pickled.or_else(|| ending(&[".gguf"]).map(|found| Self::Gguf { found }))
    }
}

/// Returns the names of the files in the directory of `path`, sorted.
fn siblings(path: &Path) -> Vec<String> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let entries = std::fs::read_dir(dir.unwrap_or(Path::new(".")));
    let names = entries.into_iter().flatten().flatten();
    let mut names: Vec<String> =
        names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_in_the_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let weights = dir.path().join("model.safetensors");
        assert_eq!(MissingFile::explain(&weights), None);
        let found = |name: &str| {
            std::fs::write(dir.path().join(name), "x").unwrap();
            MissingFile::explain(&weights).unwrap()
        };
        let gguf = "qwen3-tts-q8_0.gguf".to_owned();
        assert_eq!(found(&gguf), MissingFile::Gguf { found: gguf.clone() });
        let bin = "pytorch_model.bin".to_owned();
        assert_eq!(found(&bin), MissingFile::Pickled { found: bin.clone() });
        let part = "model.safetensors.incomplete".to_owned();
        assert_eq!(found(&part), MissingFile::Unfinished { found: part.clone() });
        assert_eq!(MissingFile::explain(&dir.path().join("config.json")), None);
        assert_eq!(MissingFile::explain(&dir.path().join("none/model.safetensors")), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_broken_link_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("config.json");
        std::os::unix::fs::symlink("../../blobs/0123", &link).unwrap();
        assert_eq!(MissingFile::explain(&link), Some(MissingFile::BrokenLink));
    }
}
