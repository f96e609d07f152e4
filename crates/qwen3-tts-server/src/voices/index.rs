//! The list of voices, which reads each file once as long as it stays the same.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};

use qwen3_tts_config::ModelSize;
use qwen3_tts_pipeline::ClonedVoice;

use super::directory::{Directory, Entry, Stamp};
use super::error::VoiceError;
use super::id::VoiceId;
use crate::models::Need;

/// A registered voice as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceEntry {
    /// Id, which is the name too.
    pub id: VoiceId,
    /// Time of registration in seconds since 1970.
    pub created_at: u64,
    /// Size of the file in bytes.
    pub file_size: u64,
    /// Size of the models that it fits.
    pub model_size: ModelSize,
    /// Number of values of its speaker embedding.
    pub embedding_dim: usize,
    /// True if speech continues the recording, false if the voice is its speaker embedding only.
    pub in_context: bool,
}

impl VoiceEntry {
    /// Describes a voice and its file.
    pub fn new(id: VoiceId, stamp: Stamp, voice: &ClonedVoice) -> Self {
        Self {
            id,
            created_at: stamp.seconds(),
            file_size: stamp.bytes,
            model_size: voice.tts_model_size,
            embedding_dim: voice.speaker_embedding.len(),
            in_context: voice.reference.is_some(),
        }
    }

    /// Returns the kind of model that speaks with it.
    pub fn need(&self) -> Need {
        Need::Cloned { size: self.model_size, width: self.embedding_dim }
    }
}

/// Files of the directory by name, as they were when they were last listed.
#[derive(Debug, Default)]
pub struct Index(Mutex<HashMap<OsString, Known>>);

#[derive(Debug, Clone)]
struct Known {
    stamp: Option<Stamp>,
    /// The voice; `None` for a file that is not one.
    entry: Option<VoiceEntry>,
}

/// A listing.
#[derive(Debug, Default)]
pub struct Listing {
    /// Voices, by id.
    pub voices: Vec<VoiceEntry>,
    /// Files that are not voices and were not in an earlier listing, with the reasons.
    pub ignored: Vec<(OsString, String)>,
}

impl Index {
    /// Lists the voices of a directory.
    ///
    /// # Errors
    /// Returns [`VoiceError::Directory`] if the directory cannot be read.
    pub fn list(&self, directory: &Directory) -> Result<Listing, VoiceError> {
        let entries = directory.entries()?;
        let mut listing = Listing::default();
        // No caller panics while it holds the lock but for a defect that is reported already.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *known);
        for file in entries {
            let unchanged = before.remove(&file.name).filter(|old| old.stamp == file.stamp);
            let now = match unchanged {
                Some(old) => old,
                None => match examine(directory, &file) {
                    Ok(Some(entry)) => Known { stamp: file.stamp, entry: Some(entry) },
                    Ok(None) => continue,
                    Err(reason) => {
                        listing.ignored.push((file.name.clone(), reason));
                        Known { stamp: file.stamp, entry: None }
                    }
                },
            };
            listing.voices.extend(now.entry.clone());
            known.insert(file.name, now);
        }
        listing.voices.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(listing)
    }
}

/// Reads a file; `None` if it was removed since. The error is the reason to ignore it.
fn examine(directory: &Directory, file: &Entry) -> Result<Option<VoiceEntry>, String> {
    let (Some(id), Some(stamp)) = (file.id(), file.stamp) else {
        return Err("it is not a voice file: expected a name of letters, digits, - and _, and \
                    the extension .voice"
            .to_owned());
    };
    let voice = directory.read(&id).map_err(|error| error.to_string())?;
    Ok(voice.map(|voice| VoiceEntry::new(id, stamp, &voice)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::sample;
    use super::*;

    fn ids(listing: &Listing) -> Vec<&str> {
        listing.voices.iter().map(|voice| voice.id.as_str()).collect()
    }

    #[test]
    fn a_listing_sees_what_another_replica_did() {
        let temp = tempfile::tempdir().unwrap();
        let (here, there) =
            (Directory::open(temp.path()).unwrap(), Directory::open(temp.path()).unwrap());
        let index = Index::default();
        let id = |text| VoiceId::exact(text).unwrap();
        assert!(index.list(&here).unwrap().voices.is_empty());
        there.write(&id("mia"), &sample::bytes(1.0), false).unwrap();
        there.write(&id("ann"), &sample::bytes(1.0), false).unwrap();
        let listing = index.list(&here).unwrap();
        assert_eq!(ids(&listing), ["ann", "mia"]);
        assert!(listing.voices[0].in_context && listing.voices[0].embedding_dim == 1024);

        let mut alone = sample::voice(2.0);
        alone.reference = None;
        there.write(&id("ann"), &alone.to_bytes("ann").unwrap(), true).unwrap();
        assert!(!index.list(&here).unwrap().voices[0].in_context);
        there.remove(&id("ann")).unwrap();
        assert_eq!(ids(&index.list(&here).unwrap()), ["mia"]);
    }

    #[test]
    fn foreign_and_damaged_files_are_named_once() {
        let temp = tempfile::tempdir().unwrap();
        let directory = Directory::open(temp.path()).unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(temp.path().join(name), bytes).unwrap();
        let whole = sample::bytes(1.0);
        write("ann.voice", &whole);
        write("torn.voice", &whole[..whole.len() / 2]);
        write("notes.txt", b"notes");
        write("Jürgen.voice", &whole);
        write("default.voice", &whole);
        fs::create_dir(temp.path().join("old.voice")).unwrap();
        let index = Index::default();
        let listing = index.list(&directory).unwrap();
        assert_eq!(ids(&listing), ["ann"]);
        let mut ignored: Vec<_> = listing.ignored.iter().map(|(name, _)| name.clone()).collect();
        ignored.sort();
        assert_eq!(
            ignored,
            ["Jürgen.voice", "default.voice", "notes.txt", "old.voice", "torn.voice"]
        );
        assert!(index.list(&directory).unwrap().ignored.is_empty());
        // Its repair is seen, and another damage is told again.
        write("torn.voice", &whole);
        assert_eq!(ids(&index.list(&directory).unwrap()), ["ann", "torn"]);
        write("torn.voice", &whole[..100]);
        let again = index.list(&directory).unwrap();
        assert_eq!((ids(&again), again.ignored.len()), (vec!["ann"], 1));
    }
}
