//! Which file a path leads to, so that no output overwrites an input or another output.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use qwen3_tts_files::resolve;
use qwen3_tts_pipeline::ModelFiles;

use crate::failure::{Failure, Result};

/// The files of a command. Different spellings, symbolic links and hard links of a file are the same
/// file.
#[derive(Default)]
pub struct DistinctFiles {
    inputs: HashMap<Key, String>,
    outputs: HashMap<Key, String>,
    /// Name of the input that is on standard input.
    stdin: Option<String>,
}

/// Identity of a file.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Device and inode of a file that exists.
    #[cfg(unix)]
    Inode(u64, u64),
    /// Resolved path of a file that does not exist yet, or on a system without inodes.
    Path(PathBuf),
}

impl DistinctFiles {
    /// Adds a file that is read. `name` says what it is, such as the flag that names it.
    ///
    /// # Errors
    /// Returns a failure if an output would overwrite it, or if it is the second one on standard
    /// input.
    pub fn input(&mut self, name: &str, path: &Path) -> Result {
        if is_stdin(path)
            && let Some(first) = self.stdin.replace(name.to_owned())
        {
            return Err(Failure::request(format!(
                "{first} and {name} are both on standard input: name a file for one of them"
            )));
        }
        let Some(key) = Key::of(if path == Path::new("-") { STDIN.as_ref() } else { path }) else {
            return Ok(());
        };
        let label = label(name, path);
        if let Some(output) = self.outputs.get(&key) {
            return Err(overwrites(output, &label));
        }
        self.inputs.insert(key, label);
        Ok(())
    }

    /// Adds a file that is written.
    ///
    /// # Errors
    /// Returns a failure if it is also an input, or another output.
    pub fn output(&mut self, name: &str, path: &Path) -> Result {
        let Some(key) = Key::of(if is_stdout(path) { STDOUT.as_ref() } else { path }) else {
            return Ok(());
        };
        let label = label(name, path);
        if let Some(input) = self.inputs.get(&key) {
            return Err(overwrites(&label, input));
        }
        match self.outputs.insert(key, label.clone()) {
            None => Ok(()),
            Some(other) => Err(Failure::request(format!(
                "two outputs go to the same file, {other} and {label}: give each a file of its own"
            ))),
        }
    }

    /// Adds the files of a model.
    ///
    /// # Errors
    /// As [`Self::input`].
    pub fn model(&mut self, files: &ModelFiles) -> Result {
        let Some(directory) = files.path() else { return Ok(()) };
        files.sizes().iter().try_for_each(|(name, _)| self.input("--model", &directory.join(name)))
    }
}

impl Key {
    /// Returns `None` if the path leads nowhere, or to a device that takes any number of outputs.
    fn of(path: &Path) -> Option<Self> {
        let Ok(found) = fs::metadata(path) else { return resolve(path).ok().map(Self::absent) };
        Self::existing(path, &found)
    }

    #[cfg(unix)]
    fn existing(_: &Path, found: &fs::Metadata) -> Option<Self> {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let is_device = found.file_type().is_char_device();
        (!is_device).then(|| Self::Inode(found.dev(), found.ino()))
    }

    #[cfg(not(unix))]
    fn existing(path: &Path, _: &fs::Metadata) -> Option<Self> {
        resolve(path).ok().map(Self::absent)
    }

    fn absent(resolved: PathBuf) -> Self {
        // The file systems of these systems usually ignore the case of names.
        match std::env::consts::OS {
            "macos" | "windows" => Self::Path(resolved.to_string_lossy().to_lowercase().into()),
            _ => Self::Path(resolved),
        }
    }
}

const STDIN: &str = "/dev/stdin";
const STDOUT: &str = "/dev/stdout";

/// Returns true if the path names standard input.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new(STDIN)
}

/// Returns true if the path names standard output.
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new(STDOUT)
}

/// Returns size and time of change of a file, by which it is recognised later.
pub fn stamp(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    let changed = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!("{} bytes of {}.{:09}", found.len(), changed.as_secs(), changed.subsec_nanos()))
}

/// Returns the FNV-1a hash in hexadecimal, which is the same on every machine.
pub fn fingerprint(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn label(name: &str, path: &Path) -> String {
    format!("{name} {}", path.display())
}

fn overwrites(output: &str, input: &str) -> Failure {
    Failure::request(format!("{output} would overwrite {input}: choose another output"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn standard_input_is_read_once() {
        let mut files = DistinctFiles::default();
        files.input("the text", Path::new("-")).unwrap();
        let said = files.input("--ref-audio", Path::new("/dev/stdin")).unwrap_err().reason();
        assert!(said.contains("the text and --ref-audio are both on standard input"), "{said}");
    }

    #[test]
    fn other_spellings_and_links_are_the_same_file() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("a"), "").unwrap();
        fs::hard_link(at("a"), at("hard")).unwrap();
        symlink("a", at("soft")).unwrap();
        symlink("../a", at("folder/soft")).unwrap();
        symlink("folder", at("linked")).unwrap();
        for other in ["folder/../a", "hard", "soft", "folder/soft", "linked/soft", "./a"] {
            let mut files = DistinctFiles::default();
            files.input("--in", &at("a")).unwrap();
            let said = files.output("--out", &at(other)).unwrap_err().reason();
            assert!(said.contains("--in") && said.contains("--out") && said.contains(other));
            // In the other order too.
            let mut files = DistinctFiles::default();
            files.output("--out", &at(other)).unwrap();
            files.input("--in", &at("a")).unwrap_err();
            files.output("--more", &at("a")).unwrap_err();
        }
        // Of files that do not exist yet.
        symlink("new", at("dangling")).unwrap();
        for other in ["folder/../new", "dangling", "linked/../new"] {
            let mut files = DistinctFiles::default();
            files.output("--one", &at("new")).unwrap();
            let said = files.output("--two", &at(other)).unwrap_err().reason();
            assert!(said.contains("two outputs"), "{said}");
        }
        let mut files = DistinctFiles::default();
        for name in ["a", "new", "folder/a", "folder/new"] {
            files.output("-o", &at(name)).unwrap();
        }
        files.input("--in", &at("hard")).unwrap_err();
    }
}
