//! Temporary files that an interruption removes.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::interrupt::{self, Incomplete};

/// A temporary file, removed when it is dropped and when the command is interrupted.
#[derive(Debug)]
pub struct PartFile {
    file: qwen3_tts_files::PartFile,
    incomplete: Incomplete,
}

impl PartFile {
    /// Creates a file in `directory`.
    pub fn create(directory: &Path) -> io::Result<Self> {
        let created = interrupt::creating(|| {
            let file = qwen3_tts_files::PartFile::create(directory)?;
            Ok((file.path().to_owned(), file))
        });
        created.map(|(file, incomplete)| Self { file, incomplete })
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    pub fn file(&mut self) -> &mut File {
        self.file.file()
    }

    /// Returns false on a file system without locks.
    pub fn is_locked(&self) -> bool {
        self.file.is_locked()
    }

    /// Gives the file its final name. It replaces a file of that name. The lock is held as long as
    /// the returned file is open.
    pub fn persist(self, path: &Path) -> io::Result<File> {
        self.incomplete.complete(|| self.file.persist(path))
    }

    /// As [`Self::persist`], but fails if there is a file of that name.
    pub fn persist_new(self, path: &Path) -> io::Result<File> {
        self.incomplete.complete(|| self.file.persist_new(path))
    }
}
