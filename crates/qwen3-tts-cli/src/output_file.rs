//! Output files that are complete or absent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Path of an output file, known to be writable.
///
/// The bytes go to a temporary file beside it, which is renamed when all of them are on disk. An
/// interruption leaves no partial file and keeps an existing one.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    /// True for a pipe or a device, which is written in place.
    special: bool,
}

impl OutputFile {
    /// Checks that `path` can be written, without changing an existing file.
    pub fn check(path: impl Into<PathBuf>) -> Result<Self> {
        let given = path.into();
        let checked = Self::probe(&given);
        checked.map_err(|error| Failure::request(message(&given, &error)))
    }

    /// Writes the whole file. If it fails, nothing is left behind.
    pub fn write(self, bytes: &[u8]) -> Result {
        let mut stream = self.begin()?;
        stream.write(bytes)?;
        stream.finish()
    }

    /// Returns true for a pipe or a device, where written bytes cannot be changed.
    pub fn is_special(&self) -> bool {
        self.special
    }

    /// Opens the file for writing in several steps.
    pub fn begin(self) -> Result<OutputStream> {
        let opened = match self.special {
            true => OpenOptions::new().write(true).open(&self.path).map(Target::Special),
            false => PartFile::beside(&self.path).map(Target::Part),
        };
        match opened {
            Ok(target) => Ok(OutputStream { path: self.path, target }),
            Err(error) => Err(failure(&self.path, &error)),
        }
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
        // Of a symbolic link, its target is replaced.
        let path = fs::canonicalize(given)?;
        let special = !found.is_file();
        if !special {
            OpenOptions::new().append(true).open(&path)?;
            drop(PartFile::beside(&path)?);
        }
        Ok(Self { path, special })
    }
}

/// A file that is being written. If dropped before [`Self::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct OutputStream {
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Part(PartFile),
    Special(File),
}

impl OutputStream {
    /// Returns the path of the temporary file, for cleanup when a process exits without dropping.
    pub fn part_path(&self) -> Option<&Path> {
        match &self.target {
            Target::Part(part) => Some(&part.path),
            Target::Special(_) => None,
        }
    }

    /// Returns true if [`Self::rewrite_start`] can be called: not on a pipe or a device.
    pub fn can_rewrite(&self) -> bool {
        matches!(self.target, Target::Part(_))
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result {
        let written = self.file().write_all(bytes);
        written.map_err(|error| failure(&self.path, &error))
    }

    /// Overwrites the first bytes.
    pub fn rewrite_start(&mut self, bytes: &[u8]) -> Result {
        let file = self.file();
        let written = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(bytes))
            .and_then(|()| file.seek(SeekFrom::End(0)));
        written.map(drop).map_err(|error| failure(&self.path, &error))
    }

    /// Completes the file and gives it its name. If it fails, nothing is left behind.
    pub fn finish(self) -> Result {
        let Self { path, target } = self;
        let finished = match target {
            Target::Part(part) => part.file.sync_all().and_then(|()| part.rename(&path)),
            Target::Special(mut file) => file.flush(),
        };
        finished.map_err(|error| failure(&path, &error))
    }

    fn file(&mut self) -> &mut File {
        match &mut self.target {
            Target::Part(part) => &mut part.file,
            Target::Special(file) => file,
        }
    }
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::Other(message(path, error))
}

fn message(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

/// A temporary file beside the final one, removed on drop unless it was renamed.
#[derive(Debug)]
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
        // Fails after a rename, when there is nothing left to remove.
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
    fn a_stream_gets_its_name_when_it_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let mut stream = OutputFile::check(&path).unwrap().begin().unwrap();
        stream.write(b"head").unwrap();
        stream.write(b" body").unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(stream.part_path().unwrap()).unwrap(), b"head body");
        assert!(stream.can_rewrite());
        stream.rewrite_start(b"HEAD").unwrap();
        stream.write(b" end").unwrap();
        stream.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"HEAD body end");
        // A dropped stream leaves the existing file.
        let mut stream = OutputFile::check(&path).unwrap().begin().unwrap();
        stream.write(b"half").unwrap();
        drop(stream);
        assert_eq!(fs::read(&path).unwrap(), b"HEAD body end");
        assert_eq!(names(dir.path()), ["a.wav"]);
    }

    #[test]
    fn unwritable_paths_are_refused_first() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().to_owned(), dir.path().join("no/such/a.wav"), PathBuf::new()] {
            let error = OutputFile::check(&path).unwrap_err().reason();
            assert!(error.starts_with("cannot write"), "{error}");
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
