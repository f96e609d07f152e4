//! Output files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
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
        let mut stream = self.begin()?;
        stream.write(bytes)?;
        stream.finish()
    }

    /// Whether it is a pipe or a device, where nothing that was written can be changed.
    pub fn is_special(&self) -> bool {
        self.special
    }

    /// Begins a file whose bytes come one after the other.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn begin(self) -> Result<OutputStream> {
        let opened = match self.special {
            true => OpenOptions::new().write(true).open(&self.path).map(Target::Special),
            false => PartFile::beside(&self.path).map(Target::Part),
        };
        match opened {
            Ok(target) => Ok(OutputStream { path: self.path, target }),
            Err(source) => Err(Error::Write { path: self.path, source }),
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

/// A file that is being written. Dropped before [`Self::finish`], it leaves nothing behind.
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
    /// Where the bytes are until the file is complete: for those who end a process in which nothing
    /// is dropped any more.
    pub fn part_path(&self) -> Option<&Path> {
        match &self.target {
            Target::Part(part) => Some(&part.path),
            Target::Special(_) => None,
        }
    }

    /// Whether [`Self::rewrite_start`] can be called: not on a pipe or a device.
    pub fn can_rewrite(&self) -> bool {
        matches!(self.target, Target::Part(_))
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file().write_all(bytes);
        written.map_err(|source| self.failed(source))
    }

    /// Puts other bytes where the first ones are.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn rewrite_start(&mut self, bytes: &[u8]) -> Result<()> {
        let file = self.file();
        let written = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(bytes))
            .and_then(|()| file.seek(SeekFrom::End(0)));
        written.map(drop).map_err(|source| self.failed(source))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Error::Write`]; then nothing is left behind.
    pub fn finish(self) -> Result<()> {
        let Self { path, target } = self;
        let finished = match target {
            Target::Part(part) => part.file.sync_all().and_then(|()| part.rename(&path)),
            Target::Special(mut file) => file.flush(),
        };
        finished.map_err(|source| Error::Write { path, source })
    }

    fn file(&mut self) -> &mut File {
        match &mut self.target {
            Target::Part(part) => &mut part.file,
            Target::Special(file) => file,
        }
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write { path: self.path.clone(), source }
    }
}

/// A file beside the one to come, gone unless it is renamed.
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
    fn a_file_that_grows_has_its_name_at_the_end() {
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
        // One that is given up leaves what was there.
        let mut stream = OutputFile::check(&path).unwrap().begin().unwrap();
        stream.write(b"half").unwrap();
        drop(stream);
        assert_eq!(fs::read(&path).unwrap(), b"HEAD body end");
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
