//! Voice files, which keep what the encoders made of a recording.
//!
//! A voice file is one safetensors file:
//!
//! | tensor | type | shape | content |
//! |---|---|---|---|
//! | `speaker_embedding` | F32 | `[hidden_size]` | the speaker embedding |
//! | `codes` | U32 | `[frames, codebooks]` | the recording, for a voice in context |
//!
//! Its metadata are `format` (`qwen3-tts-voice`), `version` (`1`), `tts_model_size` as in the
//! model's `config.json`, `created_with`, and, together with `codes`, `transcript`.

mod error;
mod format;
mod read;
mod write;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use qwen3_tts_files::{PartFile, is_open_file, parent, resolve, sweep};

use super::cloned::ClonedVoice;
use crate::{Error, Result};
pub use error::VoiceFileError;
use format::{MAX_BYTES, VERSION};

impl ClonedVoice {
    /// Version of the voice files that are written, and the newest one that is read.
    pub const FORMAT_VERSION: u32 = VERSION;

    /// Writes a voice file. The file gets its name when it is complete.
    ///
    /// # Errors
    /// Returns [`Error::VoiceFile`] if the voice would not reload, and [`Error::Write`] if the file
    /// cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes(&path.display().to_string())?;
        write_whole(path, &bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// Returns the bytes of a voice file, which are a function of the voice alone. Error messages
    /// call the file `name`.
    ///
    /// # Errors
    /// Returns [`Error::VoiceFile`] if the voice would not reload.
    pub fn to_bytes(&self, name: &str) -> Result<Vec<u8>> {
        let written = write::write(self);
        let bytes = written.and_then(|bytes| read::read(&bytes).map(|_| bytes));
        bytes.map_err(|source| Error::VoiceFile { file: name.to_owned(), source })
    }

    /// Reads a voice file and checks everything in it.
    ///
    /// # Errors
    /// Returns [`Error::Read`] if the file cannot be read, and [`Error::VoiceFile`] if it is not a
    /// voice file, is damaged, or has a newer version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|source| Error::Read { file: file.clone(), source })?;
        Self::from_bytes(&bytes, &file)
    }

    /// Reads the bytes of a voice file. Error messages call the file `name`.
    ///
    /// # Errors
    /// Returns [`Error::VoiceFile`] as [`Self::load`] does.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self> {
        read::read(bytes).map_err(|source| Error::VoiceFile { file: name.to_owned(), source })
    }
}

/// Writes a file under another name beside it, and renames it when it is complete. If the path is a
/// link, its target is written. Pipes and devices are written in place.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let found = fs::metadata(path).ok();
    let is_stream = found.as_ref().is_some_and(|found| !found.is_file() && !found.is_dir());
    if is_stream || is_open_file(path) {
        return OpenOptions::new().append(true).open(path)?.write_all(bytes);
    }
    if found.is_some() {
        // Fails if the file is read-only, which a replacement would ignore.
        OpenOptions::new().write(true).open(path)?;
    }
    let path = resolve(path)?;
    sweep(parent(&path));
    let mut part = PartFile::create(parent(&path))?;
    part.file().write_all(bytes)?;
    part.persist(&path).map(drop)
}
