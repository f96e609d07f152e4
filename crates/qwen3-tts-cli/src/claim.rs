//! Files that belong to one run at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use qwen3_tts_files::{is_at, parent};

use crate::failure::{Failure, Result};
use crate::part_file::PartFile;

/// A file that no other run reads or writes as long as this is held. The system releases it if the
/// run is killed.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    file: File,
}

/// Time to wait for another run, which may have been killed and takes a moment to end.
const PATIENCE: Duration = Duration::from_secs(1);

impl Claim {
    /// Claims the file at `path`. Returns `None` if no such file exists.
    ///
    /// # Errors
    /// Returns a failure if another run holds it.
    pub fn existing(path: &Path) -> Result<Option<Self>> {
        let begin = Instant::now();
        loop {
            let Some(file) = open(path)? else { return Ok(None) };
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => {
                    return Ok(Some(Self { path: path.to_owned(), file }));
                }
                // The run that held it has just removed or replaced it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if begin.elapsed() > PATIENCE => {
                    return Err(in_use(path));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PATIENCE / 50),
                Err(TryLockError::Error(error)) => return Err(no_locks(path, &error)),
            }
        }
    }

    /// Creates the file, held from the beginning.
    ///
    /// # Errors
    /// Returns a failure if another run has created it in the meantime.
    pub fn create(path: &Path, bytes: &[u8]) -> Result<Self> {
        let file = match part(path, bytes)?.persist_new(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(in_use(path)),
            Err(error) => return Err(Failure::writing(path, &error)),
        };
        Ok(Self { path: path.to_owned(), file })
    }

    /// Replaces the file by a new one, which is held too.
    pub fn replace(self, bytes: &[u8]) -> Result<Self> {
        let file = part(&self.path, bytes)?.persist(&self.path);
        let file = file.map_err(|error| Failure::writing(&self.path, &error))?;
        Ok(Self { path: self.path, file })
    }

    /// Reads the whole file.
    pub fn read(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.file.read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|error| Failure::reading(&self.path, &error))
    }

    /// Reads the whole file, whatever was read or written before.
    pub fn read_again(&mut self) -> Result<Vec<u8>> {
        let rewound = self.file.rewind();
        rewound.map_err(|error| Failure::reading(&self.path, &error))?;
        self.read()
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result {
        let written = self.file.write_all(bytes);
        written.map_err(|error| Failure::writing(&self.path, &error))
    }

    /// Removes the file.
    pub fn remove(self) -> Result {
        fs::remove_file(&self.path).map_err(|error| Failure::writing(&self.path, &error))
    }
}

fn open(path: &Path) -> Result<Option<File>> {
    let is_absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    match fs::metadata(path) {
        Err(error) if is_absent(&error) => return Ok(None),
        Ok(found) if !found.is_file() => {
            return Err(Failure::request(format!("{} is not a file", path.display())));
        }
        _ => {}
    }
    match OpenOptions::new().read(true).append(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Failure::writing(path, &error)),
    }
}

fn part(path: &Path, bytes: &[u8]) -> Result<PartFile> {
    let created = PartFile::create(parent(path));
    let mut part = created.map_err(|error| Failure::writing(path, &error))?;
    if !part.is_locked() {
        return Err(no_locks(path, &io::ErrorKind::Unsupported.into()));
    }
    let written = part.file().write_all(bytes);
    written.map(|()| part).map_err(|error| Failure::writing(path, &error))
}

fn in_use(path: &Path) -> Failure {
    Failure::request(format!(
        "{} is in use by another run: wait until that has ended, or choose another output",
        path.display()
    ))
}

fn no_locks(path: &Path, error: &io::Error) -> Failure {
    Failure::request(format!(
        "cannot lock {} against other runs: {error}; choose an output on another file system",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_held_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        assert!(Claim::existing(&path).unwrap().is_none());
        let first = Claim::create(&path, b"one").unwrap();
        for refused in [Claim::existing(&path).map(drop), Claim::create(&path, b"two").map(drop)] {
            let said = refused.unwrap_err().reason();
            assert!(said.contains("another run") && said.contains("state"), "{said}");
        }
        let mut first = first.replace(b"three").unwrap();
        Claim::existing(&path).unwrap_err();
        first.append(b" four").unwrap();
        drop(first);
        let mut next = Claim::existing(&path).unwrap().unwrap();
        assert_eq!(next.read().unwrap(), b"three four");
        next.remove().unwrap();
        assert!(!path.exists());
    }
}
