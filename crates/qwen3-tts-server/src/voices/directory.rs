//! The directory of voices: one file `ID.voice` for each voice.
//!
//! Several replicas may share it. A file gets its name when it is complete, so a reader finds a whole
//! voice or none, and every look-up asks the file system. There are no lock files.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use qwen3_tts_files::{PartFile, is_part_name, reason, regular};
use qwen3_tts_pipeline::ClonedVoice;

use super::error::VoiceError;
use super::id::VoiceId;

/// Extension of voice files.
const EXTENSION: &str = "voice";
/// Age of a temporary file that no upload is writing any more.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Size in bytes of the largest file that is read, more than that of any voice file.
const MAX_BYTES: u64 = 32 << 20;

/// A directory of voice files.
#[derive(Debug, Clone)]
pub struct Directory(PathBuf);

/// Facts of a file that change when it is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last change.
    pub modified: SystemTime,
    /// Number of the file on its file system; 0 where there are none.
    inode: u64,
}

/// A name in the directory.
pub struct Entry {
    /// Name of the file.
    pub name: OsString,
    /// Facts of the file; `None` if it is not a regular file.
    pub stamp: Option<Stamp>,
}

impl Entry {
    /// Returns the id of the voice, if the name is that of one.
    pub fn id(&self) -> Option<VoiceId> {
        let path = Path::new(&self.name);
        let is_voice = path.extension() == Some(OsStr::new(EXTENSION)) && self.stamp.is_some();
        let stem = path.file_stem().and_then(OsStr::to_str);
        stem.filter(|_| is_voice).and_then(VoiceId::exact)
    }
}

impl Directory {
    /// Opens a directory, and creates it if its parent exists. Temporary files that a killed process
    /// left in it are removed.
    ///
    /// # Errors
    /// Returns the error of the system.
    pub fn open(path: &Path) -> io::Result<Self> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let directory = Self(path.to_owned());
        for entry in fs::read_dir(path)? {
            directory.remove_if_abandoned(&entry?.path());
        }
        Ok(directory)
    }

    /// Removes a temporary file by its age alone: locks are not seen by other machines on every
    /// network file system.
    fn remove_if_abandoned(&self, path: &Path) {
        let is_part = path.file_name().is_some_and(is_part_name);
        let age = fs::metadata(path).and_then(|facts| facts.modified()).ok();
        let age = age.and_then(|modified| modified.elapsed().ok());
        if is_part && age.is_some_and(|age| age > ABANDONED) {
            // Another replica may have removed it.
            let _ = fs::remove_file(path);
        }
    }

    /// Returns the facts of the file of a voice; `None` if the file does not exist.
    ///
    /// # Errors
    /// Returns [`VoiceError::Directory`] if the file system does not answer.
    pub fn stamp(&self, id: &VoiceId) -> Result<Option<Stamp>, VoiceError> {
        match regular(&self.file(id)) {
            Ok(facts) => Ok(Some(Stamp::of(&facts))),
            // Not a file, but a folder or a pipe: none of ours.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                Ok(None)
            }
            Err(error) => Err(reading(&error)),
        }
    }

    /// Reads the file of a voice; `None` if the file does not exist.
    ///
    /// # Errors
    /// Returns [`VoiceError::Damaged`] if the file is not a voice, and [`VoiceError::Directory`] if
    /// it cannot be read.
    pub fn read(&self, id: &VoiceId) -> Result<Option<ClonedVoice>, VoiceError> {
        let mut bytes = Vec::new();
        let file = File::open(self.file(id));
        match file.and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(reading(&error)),
        }
        let name = format!("{id}.{EXTENSION}");
        let voice = ClonedVoice::from_bytes(&bytes, &name);
        let damaged = |error: qwen3_tts_pipeline::Error| VoiceError::Damaged {
            id: id.to_string(),
            reason: error.to_string(),
        };
        voice.map(Some).map_err(damaged)
    }

    /// Returns all names but those of temporary files.
    ///
    /// # Errors
    /// Returns [`VoiceError::Directory`] if the directory cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, VoiceError> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(|error| reading(&error))? {
            let name = entry.map_err(|error| reading(&error))?.file_name();
            if is_part_name(&name) {
                continue;
            }
            match fs::metadata(self.0.join(&name)) {
                // Removed since.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                facts => {
                    let facts = facts.ok().filter(Metadata::is_file);
                    entries.push(Entry { name, stamp: facts.as_ref().map(Stamp::of) });
                }
            }
        }
        Ok(entries)
    }

    /// Writes the file of a voice. Of two writers of one id at once, one wins.
    ///
    /// # Errors
    /// Returns [`VoiceError::Exists`] if there is a file and `replace` is false, and
    /// [`VoiceError::Directory`] if the file cannot be written.
    pub fn write(&self, id: &VoiceId, bytes: &[u8], replace: bool) -> Result<Stamp, VoiceError> {
        let write = || {
            let mut part = PartFile::create(&self.0)?;
            part.file().write_all(bytes)?;
            let file = match replace {
                true => part.persist(&self.file(id))?,
                false => part.persist_new(&self.file(id))?,
            };
            Ok(Stamp::of(&file.metadata()?))
        };
        write().map_err(|error: io::Error| match error.kind() {
            ErrorKind::AlreadyExists => VoiceError::Exists { id: id.to_string() },
            _ => writing(&error),
        })
    }

    /// Removes the file of a voice. Returns false if the file does not exist.
    ///
    /// # Errors
    /// Returns [`VoiceError::Directory`] if the file cannot be removed.
    pub fn remove(&self, id: &VoiceId) -> Result<bool, VoiceError> {
        match fs::remove_file(self.file(id)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(writing(&error)),
        }
    }

    fn file(&self, id: &VoiceId) -> PathBuf {
        self.0.join(format!("{id}.{EXTENSION}"))
    }
}

impl Stamp {
    fn of(facts: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(facts);
        #[cfg(not(unix))]
        let inode = 0;
        // Every system that this program runs on has times of files.
        let modified = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Self { bytes: facts.len(), modified, inode }
    }

    /// Returns the time of the last change in seconds since 1970.
    pub fn seconds(&self) -> u64 {
        let since = self.modified.duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }
}

fn reading(error: &io::Error) -> VoiceError {
    VoiceError::Directory { action: "read", reason: reason(error) }
}

fn writing(error: &io::Error) -> VoiceError {
    VoiceError::Directory { action: "written", reason: reason(error) }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn id(text: &str) -> VoiceId {
        VoiceId::exact(text).unwrap()
    }

    fn names(directory: &Directory) -> Vec<OsString> {
        let entries = fs::read_dir(&directory.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let directory = Directory::open(&temp.path().join("voices")).unwrap();
        let ann = id("ann");
        assert_eq!(directory.stamp(&ann), Ok(None));
        assert_eq!(directory.read(&ann), Ok(None));
        let stamp = directory.write(&ann, &sample::bytes(1.0), false).unwrap();
        assert_eq!(directory.stamp(&ann), Ok(Some(stamp)));
        assert_eq!(directory.read(&ann), Ok(Some(sample::voice(1.0))));
        assert_eq!(names(&directory), ["ann.voice"]);
        assert_eq!(directory.remove(&ann), Ok(true));
        assert_eq!(directory.remove(&ann), Ok(false));
        assert!(names(&directory).is_empty());
    }

    #[test]
    fn a_voice_is_replaced_only_on_request() {
        let temp = tempfile::tempdir().unwrap();
        let directory = Directory::open(temp.path()).unwrap();
        let ann = id("ann");
        let old = directory.write(&ann, &sample::bytes(1.0), false).unwrap();
        let refused = directory.write(&ann, &sample::bytes(2.0), false);
        assert_eq!(refused, Err(VoiceError::Exists { id: "ann".to_owned() }));
        assert_eq!(directory.read(&ann), Ok(Some(sample::voice(1.0))));
        let new = directory.write(&ann, &sample::bytes(2.0), true).unwrap();
        assert_ne!(old, new);
        assert_eq!(directory.read(&ann), Ok(Some(sample::voice(2.0))));
        assert_eq!(names(&directory), ["ann.voice"]);
    }

    #[test]
    fn of_many_uploads_of_one_name_one_wins_whole() {
        let temp = tempfile::tempdir().unwrap();
        let replicas: Vec<_> = (0..4).map(|_| Directory::open(temp.path()).unwrap()).collect();
        for round in 0..20 {
            let ann = id(&format!("ann{round}"));
            let written: Vec<_> = std::thread::scope(|scope| {
                let writers = replicas.iter().enumerate().map(|(n, replica)| {
                    let ann = &ann;
                    scope.spawn(move || replica.write(ann, &sample::bytes(n as f32), false))
                });
                let writers: Vec<_> = writers.collect();
                writers.into_iter().map(|writer| writer.join().unwrap().is_ok()).collect()
            });
            let winner = written.iter().position(|&won| won).unwrap();
            assert_eq!(written.iter().filter(|&&won| won).count(), 1);
            assert_eq!(replicas[0].read(&ann), Ok(Some(sample::voice(winner as f32))));
        }
        assert_eq!(names(&replicas[0]).len(), 20);
    }

    #[test]
    fn a_reader_finds_a_whole_voice_while_others_replace_it() {
        let temp = tempfile::tempdir().unwrap();
        let directory = Directory::open(temp.path()).unwrap();
        let ann = id("ann");
        directory.write(&ann, &sample::bytes(0.0), false).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for n in 0..50 {
                    directory.write(&ann, &sample::bytes(n as f32), true).unwrap();
                }
            });
            while !writer.is_finished() {
                assert!(directory.read(&ann).unwrap().is_some());
                assert_eq!(directory.entries().unwrap().len(), 1);
            }
        });
    }

    #[test]
    fn temporary_files_go_by_their_age() {
        let temp = tempfile::tempdir().unwrap();
        let path = |name: &str| temp.path().join(name);
        let (old, new) = (".qwen3-tts-0123456789.part", ".qwen3-tts-abcdefghij.part");
        let foreign = "precious.part";
        for name in [old, new, foreign] {
            fs::write(path(name), "half").unwrap();
        }
        for name in [old, foreign] {
            let file = File::options().write(true).open(path(name)).unwrap();
            file.set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
        }
        let directory = Directory::open(temp.path()).unwrap();
        assert!(!path(old).exists() && path(new).exists() && path(foreign).exists());
        let listed: Vec<_> = directory.entries().unwrap().into_iter().map(|e| e.name).collect();
        assert_eq!(listed, [foreign]);
    }

    #[test]
    fn a_mistyped_directory_is_not_created_with_its_parents() {
        let temp = tempfile::tempdir().unwrap();
        let error = Directory::open(&temp.path().join("a/b")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Directory::open(&file).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn folders_and_pipes_are_no_voices() {
        let temp = tempfile::tempdir().unwrap();
        let directory = Directory::open(temp.path()).unwrap();
        fs::create_dir(temp.path().join("folder.voice")).unwrap();
        let pipe = temp.path().join("pipe.voice");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for name in ["folder", "pipe"] {
            assert_eq!(directory.stamp(&id(name)), Ok(None), "{name}");
        }
        assert!(directory.entries().unwrap().iter().all(|entry| entry.id().is_none()));
    }
}
