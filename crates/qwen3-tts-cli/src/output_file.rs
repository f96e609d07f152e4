//! Output files that are complete or absent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use qwen3_tts_files::{check_replaceable, is_open_file, parent, resolve, sweep};

use crate::failure::{Failure, Result};
use crate::part_file::PartFile;

/// Path of an output file, known to be writable.
///
/// The bytes go to a temporary file beside it, which is renamed when all of them are on disk. An
/// interruption leaves no partial file and keeps an existing one. A symbolic link is followed: its
/// target is written, and the link stays.
#[derive(Debug)]
pub struct OutputFile {
    /// As it was given.
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A regular file at the resolved path.
    Regular(PathBuf),
    /// A pipe, a device or an open file of this process, which is written in place.
    Stream,
}

impl OutputFile {
    /// Checks that `path` can be written, without changing an existing file. Temporary files that
    /// killed runs left beside it are removed.
    pub fn check(path: impl Into<PathBuf>) -> Result<Self> {
        let output = Self::at(path)?;
        if let Place::Regular(path) = &output.place {
            sweep(parent(path));
            let checked = PartFile::create(parent(path))
                .and_then(|part| check_replaceable(path, part.path()));
            checked.map_err(|error| Failure::writing(&output.path, &error))?;
        }
        Ok(output)
    }

    /// Names a file in a directory that is known to be writable.
    pub fn at(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        match Place::of(&path) {
            Ok(place) => Ok(Self { path, place }),
            Err(error) => Err(Failure::writing(&path, &error)),
        }
    }

    /// Writes the whole file. If it fails, nothing is left behind.
    pub fn write(self, bytes: &[u8]) -> Result {
        let mut stream = self.begin()?;
        stream.write(bytes)?;
        stream.finish()
    }

    /// Returns true for a pipe or a device, where written bytes cannot be changed.
    pub fn is_special(&self) -> bool {
        matches!(self.place, Place::Stream)
    }

    /// Opens the file for writing in several steps.
    pub fn begin(self) -> Result<OutputStream> {
        let opened = match self.place {
            Place::Stream => open_stream(&self.path).map(Target::Stream),
            Place::Regular(path) => {
                PartFile::create(parent(&path)).map(|part| Target::Part(part, path))
            }
        };
        match opened {
            Ok(target) => Ok(OutputStream { path: self.path, target }),
            Err(error) => Err(failure(&self.path, &error)),
        }
    }
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name is empty"));
        }
        let Ok(found) = fs::metadata(path) else { return resolve(path).map(Self::Regular) };
        if found.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if is_open_file(path) {
            // Behind a redirection there may be a file, whose earlier content must stay.
            return Ok(Self::Stream);
        }
        if found.is_file() {
            // Fails if the file is read-only, which a replacement would ignore.
            OpenOptions::new().write(true).open(path)?;
            return resolve(path).map(Self::Regular);
        }
        // A pipe is opened when it is written: its reader may wait for another file first.
        if !is_pipe(&found) {
            open_stream(path)?;
        }
        Ok(Self::Stream)
    }
}

#[cfg(unix)]
fn is_pipe(found: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&found.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &fs::Metadata) -> bool {
    false
}

fn open_stream(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}

/// A file that is being written. If dropped before [`Self::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct OutputStream {
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Part(PartFile, PathBuf),
    Stream(File),
}

impl OutputStream {
    /// Returns true if [`Self::rewrite_start`] can be called: not on a pipe or a device.
    pub fn can_rewrite(&self) -> bool {
        matches!(self.target, Target::Part(..))
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
        let finished = match self.target {
            Target::Part(part, path) => part.persist(&path).map(drop),
            Target::Stream(mut file) => file.flush(),
        };
        finished.map_err(|error| failure(&self.path, &error))
    }

    fn file(&mut self) -> &mut File {
        match &mut self.target {
            Target::Part(part, _) => part.file(),
            Target::Stream(file) => file,
        }
    }
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::ReaderGone,
        _ => Failure::writing(path, error),
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
        assert_eq!(names(dir.path()).len(), 1, "a temporary file");
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
