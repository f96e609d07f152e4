//! Temporary files and folders: their names, their locks, and the removal of those that killed
//! processes left behind.
//!
//! A process holds a lock on each of its temporary files. The system releases it when the process
//! ends, in whatever way, so a temporary file without a lock has no owner.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::place::is_at;

const PREFIX: &str = ".qwen3-tts-";
const SUFFIX: &str = ".part";
/// Number of random characters between them.
const RANDOM: usize = 10;

/// A temporary file, removed on drop unless it gets its final name.
#[derive(Debug)]
pub struct PartFile {
    file: NamedTempFile,
    is_locked: bool,
}

impl PartFile {
    /// Creates a file in `directory`, on whose file system it stays.
    ///
    /// # Errors
    /// Returns the error of the system if no file can be created there.
    pub fn create(directory: &Path) -> io::Result<Self> {
        loop {
            let file = builder(0o666).tempfile_in(directory)?;
            if let Some(is_locked) = locked(file.as_file(), file.path()) {
                return Ok(Self { file, is_locked });
            }
        }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the open file.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Returns false on a file system without locks.
    pub fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Gives the file its final name, once its bytes are on disk. It replaces a file of that name
    /// and takes over its permissions. The lock is held as long as the returned file is open.
    ///
    /// # Errors
    /// Returns the error of the system; the temporary file is removed.
    pub fn persist(self, path: &Path) -> io::Result<File> {
        if let Ok(replaced) = fs::metadata(path) {
            // Not every file system has permissions.
            let _ = self.file.as_file().set_permissions(replaced.permissions());
        }
        self.file.as_file().sync_all()?;
        self.file.persist(path).map_err(|failed| failed.error)
    }

    /// As [`Self::persist`], but fails if there is a file of that name.
    ///
    /// # Errors
    /// Returns an error of kind [`AlreadyExists`](io::ErrorKind::AlreadyExists) in that case, and
    /// otherwise as [`Self::persist`].
    pub fn persist_new(self, path: &Path) -> io::Result<File> {
        self.file.as_file().sync_all()?;
        self.file.persist_noclobber(path).map_err(|failed| failed.error)
    }
}

/// A temporary folder, removed on drop unless it gets its final name.
#[derive(Debug)]
pub struct PartFolder {
    folder: TempDir,
    /// Holds the lock, on systems that open folders.
    _lock: Option<File>,
}

impl PartFolder {
    /// Creates a folder in `directory`, on whose file system it stays.
    ///
    /// # Errors
    /// Returns the error of the system if no folder can be created there.
    pub fn create(directory: &Path) -> io::Result<Self> {
        loop {
            let folder = builder(0o777).tempdir_in(directory)?;
            let Ok(lock) = File::open(folder.path()) else {
                return Ok(Self { folder, _lock: None });
            };
            if locked(&lock, folder.path()).is_some() {
                return Ok(Self { folder, _lock: Some(lock) });
            }
        }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder its final name.
    ///
    /// # Errors
    /// Returns the error of the system; the temporary folder is removed.
    pub fn persist(self, path: &Path) -> io::Result<()> {
        fs::rename(self.folder.path(), path)?;
        // There is nothing left to remove.
        let _ = self.folder.keep();
        Ok(())
    }
}

fn builder(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM);
    // As of any file: what the process's mask leaves of them.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

/// Locks a new file. Returns false if its file system has no locks, and `None` if another process
/// took it for one that was left behind.
fn locked(file: &File, path: &Path) -> Option<bool> {
    match file.try_lock() {
        Ok(()) => is_at(file, path).then_some(true),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(_)) => Some(false),
    }
}

/// Removes the temporary files and folders that killed processes left in `directory`. Others, and
/// those that cannot be removed, are left alone.
pub fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if is_part_name(&entry.file_name()) && (kind.is_file() || kind.is_dir()) {
            remove_if_left(&entry.path(), kind.is_file());
        }
    }
}

fn remove_if_left(path: &Path, is_file: bool) {
    // Some file systems lock only files that are open for writing.
    let part = OpenOptions::new().read(true).write(is_file).open(path);
    if part.is_ok_and(|part| part.try_lock().is_ok()) {
        let _ = if is_file { fs::remove_file(path) } else { fs::remove_dir_all(path) };
    }
}

/// Returns true for the names of temporary files and folders.
pub fn is_part_name(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
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
        // As a killed process leaves it, and files that this program does not write.
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
    fn only_folders_that_nobody_holds_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join(".qwen3-tts-0123456789.part");
        fs::create_dir_all(left.join("folder")).unwrap();
        let held = PartFolder::create(dir.path()).unwrap();
        fs::write(held.path().join("file"), "whole").unwrap();
        sweep(dir.path());
        assert!(!left.exists());
        held.persist(&dir.path().join("out")).unwrap();
        assert_eq!(fs::read(dir.path().join("out/file")).unwrap(), b"whole");
        drop(PartFolder::create(dir.path()).unwrap());
        assert_eq!(names(dir.path()), ["out"]);
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
