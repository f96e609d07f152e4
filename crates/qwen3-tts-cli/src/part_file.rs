//! Temporary files beside the outputs: their names, their locks, and the removal of those that killed
//! runs left behind.
//!
//! A run holds a lock on each of its temporary files. The system releases it when the run ends, in
//! whatever way, so that a temporary file without a lock belongs to nobody.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use crate::identity::is_at;
use crate::interrupt::{self, Incomplete};

const PREFIX: &str = ".qwen3-tts-";
const SUFFIX: &str = ".part";
/// Number of random characters between them.
const RANDOM: usize = 10;

/// A temporary file, removed when it is dropped and when the command is interrupted.
#[derive(Debug)]
pub struct PartFile {
    file: NamedTempFile,
    /// False on a file system without locks.
    is_locked: bool,
    incomplete: Incomplete,
}

impl PartFile {
    /// Creates a file in `directory`.
    pub fn create(directory: &Path) -> io::Result<Self> {
        loop {
            let (file, incomplete) = interrupt::creating(|| builder().tempfile_in(directory))?;
            match file.as_file().try_lock() {
                Ok(()) if is_at(file.as_file(), file.path()) => {
                    return Ok(Self { file, is_locked: true, incomplete });
                }
                // Another run took it for one that was left behind.
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(_)) => {
                    return Ok(Self { file, is_locked: false, incomplete });
                }
            }
        }
    }

    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    pub fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Gives the file its final name, once its bytes are on disk. It replaces a file of that name
    /// and takes over its permissions. The lock is held as long as the returned file is open.
    pub fn persist(self, path: &Path) -> io::Result<File> {
        if let Ok(replaced) = fs::metadata(path) {
            // Not every file system has permissions.
            let _ = self.file.as_file().set_permissions(replaced.permissions());
        }
        self.file.as_file().sync_all()?;
        let Self { file, incomplete, .. } = self;
        incomplete.complete(|| file.persist(path).map_err(|failed| failed.error))
    }

    /// As [`Self::persist`], but fails if there is a file of that name.
    pub fn persist_new(self, path: &Path) -> io::Result<File> {
        self.file.as_file().sync_all()?;
        let Self { file, incomplete, .. } = self;
        incomplete.complete(|| file.persist_noclobber(path).map_err(|failed| failed.error))
    }
}

fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM);
    // As of any file: what the process's mask leaves of them.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// Removes the temporary files that killed runs left in `directory`.
pub fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_part_name(&entry.file_name()) {
            remove_if_left(&entry.path());
        }
    }
}

/// Returns true for the names of temporary files.
pub fn is_part_name(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn remove_if_left(path: &Path) {
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return };
    if file.try_lock().is_ok() {
        // It may be gone by now.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names(directory: &Path) -> Vec<std::ffi::OsString> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn only_files_that_nobody_holds_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let mut held = PartFile::create(dir.path()).unwrap();
        assert!(names(dir.path()).iter().all(|name| is_part_name(name)));
        // As a killed run leaves it, and files that this program does not write.
        let left = dir.path().join(".qwen3-tts-0123456789.part");
        let others = [".qwen3-tts-notes.part", ".a.wav.7.part", ".qwen3-tts-0123456789.wav"];
        fs::write(&left, "half").unwrap();
        others.iter().for_each(|name| fs::write(dir.path().join(name), "precious").unwrap());
        sweep(dir.path());
        assert!(!left.exists());
        assert_eq!(names(dir.path()).len(), 1 + others.len());
        held.file().write_all(b"whole").unwrap();
        held.persist(&dir.path().join("a.wav")).unwrap();
        assert_eq!(fs::read(dir.path().join("a.wav")).unwrap(), b"whole");
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        PartFile::create(dir.path()).unwrap().persist(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_new_file_replaces_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        PartFile::create(dir.path()).unwrap().persist_new(&path).unwrap();
        let error = PartFile::create(dir.path()).unwrap().persist_new(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(names(dir.path()), ["a"]);
    }
}
