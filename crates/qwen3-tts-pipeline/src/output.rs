//! Output files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A place to write a file to, known to be writable.
///
/// The bytes go to a file beside it that takes its name when all of them are on disk, so that an
/// interruption leaves neither half a file nor a lost one.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    /// A pipe or a device, which can only be written to as it is.
    special: bool,
}

impl OutputFile {
    /// Makes sure that `path` can be written, without touching what may be there.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn check(path: impl Into<PathBuf>) -> Result<Self> {
        let given = path.into();
        let checked = Self::probe(&given);
        checked.map_err(|source| Error::Write { path: given, source })
    }

    /// Writes the whole file.
    ///
    /// # Errors
    /// [`Error::Write`]; then nothing is left behind.
    pub fn write(self, bytes: &[u8]) -> Result<()> {
        let written = if self.special {
            OpenOptions::new().write(true).open(&self.path).and_then(|mut f| f.write_all(bytes))
        } else {
            PartFile::beside(&self.path).and_then(|mut part| {
                part.file.write_all(bytes)?;
                part.file.sync_all()?;
                part.rename(&self.path)
            })
        };
        written.map_err(|source| Error::Write { path: self.path, source })
    }

    fn probe(given: &Path) -> io::Result<Self> {
        if given.as_os_str().is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name is empty"));
        }
        let Ok(found) = fs::metadata(given) else {
            drop(PartFile::beside(given)?);
            return Ok(Self { path: given.to_owned(), special: false });
        };
        if found.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        // Behind a link, the file it points at is the one to replace.
        let path = fs::canonicalize(given)?;
        let special = !found.is_file();
        if !special {
            OpenOptions::new().append(true).open(&path)?;
            drop(PartFile::beside(&path)?);
        }
        Ok(Self { path, special })
    }
}

/// A file beside the one to come, gone unless it is renamed.
struct PartFile {
    path: PathBuf,
    file: File,
}

impl PartFile {
    fn beside(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "it does not name a file")
        })?;
        let mut part = std::ffi::OsString::from(".");
        part.push(name);
        part.push(format!(".{}.part", std::process::id()));
        let path = path.with_file_name(part);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self { path, file })
    }

    fn rename(self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_check_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        OutputFile::check(dir.path().join("a.wav")).unwrap();
        assert!(names(dir.path()).is_empty());
        fs::write(dir.path().join("b.wav"), "old").unwrap();
        OutputFile::check(dir.path().join("b.wav")).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("b.wav")).unwrap(), "old");
    }

    #[test]
    fn the_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        fs::write(&path, "an older and longer file").unwrap();
        OutputFile::check(&path).unwrap().write(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["a.wav"]);
    }

    #[test]
    fn what_cannot_be_written_is_known_before() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().to_owned(), dir.path().join("no/such/a.wav"), PathBuf::new()] {
            let error = OutputFile::check(&path).unwrap_err().to_string();
            assert!(error.starts_with("cannot write") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_device_is_written_and_not_replaced() {
        let null = Path::new("/dev/null");
        if null.exists() {
            OutputFile::check(null).unwrap().write(b"gone").unwrap();
            assert!(!fs::metadata(null).unwrap().is_file());
        }
    }
}
