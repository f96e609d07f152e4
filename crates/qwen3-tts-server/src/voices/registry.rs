//! Registered voices: a directory, and the voices of it that are in memory.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use qwen3_tts_pipeline::ClonedVoice;
use tokio::sync::Mutex;
use tracing::warn;

use super::blocking::blocking;
use super::cache::VoiceCache;
use super::directory::{Directory, Stamp};
use super::error::VoiceError;
use super::id::VoiceId;
use super::index::{Index, VoiceEntry};

/// The voices of a directory.
pub struct Registry {
    directory: Directory,
    index: Arc<Index>,
    /// Voices by id and by the facts of their files, so that a replaced file is read again.
    cache: VoiceCache<(VoiceId, Stamp)>,
    most: usize,
    /// Held while a voice is added, so that two do not take the last place.
    adding: Mutex<()>,
}

impl Registry {
    /// Opens a directory for at most `most` voices, of which up to `cache_bytes` stay in memory.
    /// Files in it that are not voices are named in the log.
    ///
    /// # Errors
    /// Returns the error of the system if there is no such directory and it cannot be created.
    pub fn open(path: &Path, most: usize, cache_bytes: u64) -> io::Result<Self> {
        let (directory, index) = (Directory::open(path)?, Arc::new(Index::default()));
        let listing = index.list(&directory).map_err(io::Error::other)?;
        warn_of(&listing.ignored);
        Ok(Self {
            directory,
            index,
            cache: VoiceCache::new(cache_bytes),
            most,
            adding: Mutex::default(),
        })
    }

    /// Returns the voice of a name, if it exists.
    ///
    /// # Errors
    /// Returns [`VoiceError::Damaged`] if its file is damaged, and [`VoiceError::Directory`] if the
    /// file system does not answer.
    pub async fn find(&self, name: &str) -> Result<Option<Arc<ClonedVoice>>, VoiceError> {
        let Some((id, stamp)) = self.locate(name).await? else { return Ok(None) };
        self.load(id, stamp).await
    }

    /// Lists all voices by id. Files that are not voices are named in the log, once.
    ///
    /// # Errors
    /// Returns [`VoiceError::Directory`] if the directory cannot be read.
    pub async fn list(&self) -> Result<Vec<VoiceEntry>, VoiceError> {
        let (directory, index) = (self.directory.clone(), Arc::clone(&self.index));
        let listing = blocking(move || index.list(&directory)).await?;
        warn_of(&listing.ignored);
        Ok(listing.voices)
    }

    /// Checks that a voice can be added, before its recording is encoded. [`Self::add`] decides.
    ///
    /// # Errors
    /// Returns [`VoiceError::Exists`] if the id is taken and `replace` is false, and
    /// [`VoiceError::Full`] if there are as many voices as allowed.
    pub async fn check_room(&self, id: &VoiceId, replace: bool) -> Result<(), VoiceError> {
        let (directory, id, most) = (self.directory.clone(), id.clone(), self.most);
        blocking(move || match directory.stamp(&id)? {
            Some(_) if replace => Ok(()),
            Some(_) => Err(VoiceError::Exists { id: id.to_string() }),
            None => {
                let entries = directory.entries()?;
                let voices = entries.iter().filter(|entry| entry.id().is_some()).count();
                if voices < most { Ok(()) } else { Err(VoiceError::Full { most }) }
            }
        })
        .await
    }

    /// Adds a voice, or replaces the one of this id.
    ///
    /// # Errors
    /// Returns errors as [`Self::check_room`] does, also if another replica was faster, and
    /// [`VoiceError::Directory`] if the file cannot be written.
    pub async fn add(
        &self,
        id: &VoiceId,
        voice: ClonedVoice,
        replace: bool,
    ) -> Result<VoiceEntry, VoiceError> {
        let _alone = self.adding.lock().await;
        self.check_room(id, replace).await?;
        let voice = Arc::new(voice);
        let (directory, file_id, content) = (self.directory.clone(), id.clone(), voice.clone());
        let stamp = blocking(move || {
            let bytes = content.to_bytes(file_id.as_str()).map_err(|error| {
                VoiceError::Damaged { id: file_id.to_string(), reason: error.to_string() }
            })?;
            directory.write(&file_id, &bytes, replace)
        })
        .await?;
        let entry = VoiceEntry::new(id.clone(), stamp, &voice);
        self.cache.insert((id.clone(), stamp), voice).await;
        Ok(entry)
    }

    /// Removes a voice and returns its id; `None` if it does not exist.
    ///
    /// # Errors
    /// Returns [`VoiceError::Directory`] if its file cannot be removed.
    pub async fn remove(&self, name: &str) -> Result<Option<VoiceId>, VoiceError> {
        let Some((id, _)) = self.locate(name).await? else { return Ok(None) };
        let (directory, file_id) = (self.directory.clone(), id.clone());
        let is_removed = blocking(move || directory.remove(&file_id)).await?;
        Ok(is_removed.then_some(id))
    }

    /// Finds the file of a name.
    async fn locate(&self, name: &str) -> Result<Option<(VoiceId, Stamp)>, VoiceError> {
        let meant: Vec<_> = VoiceId::meant_by(name).collect();
        if meant.is_empty() {
            return Ok(None);
        }
        let directory = self.directory.clone();
        blocking(move || {
            for id in meant {
                if let Some(stamp) = directory.stamp(&id)? {
                    return Ok(Some((id, stamp)));
                }
            }
            Ok(None)
        })
        .await
    }

    async fn load(
        &self,
        id: VoiceId,
        stamp: Stamp,
    ) -> Result<Option<Arc<ClonedVoice>>, VoiceError> {
        let (directory, file_id) = (self.directory.clone(), id.clone());
        let read = blocking(move || {
            let gone = || VoiceError::missing(file_id.as_str());
            directory.read(&file_id)?.ok_or_else(gone)
        });
        match self.cache.get_or_make((id, stamp), read).await {
            // Removed since it was found.
            Err(VoiceError::NotFound { .. }) => Ok(None),
            found => found.map(Some),
        }
    }
}

fn warn_of(ignored: &[(OsString, String)]) {
    for (file, reason) in ignored {
        warn!(?file, reason, "a file in the directory of voices is ignored");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::sample;
    use super::*;

    const MIB: u64 = 1 << 20;

    fn id(text: &str) -> VoiceId {
        VoiceId::exact(text).unwrap()
    }

    #[tokio::test]
    async fn another_replica_is_seen_at_once() {
        let temp = tempfile::tempdir().unwrap();
        let here = Registry::open(temp.path(), 10, MIB).unwrap();
        let there = Registry::open(temp.path(), 10, MIB).unwrap();
        assert_eq!(here.find("ann").await, Ok(None));
        there.add(&id("ann"), sample::voice(1.0), false).await.unwrap();
        assert_eq!(*here.find("ann").await.unwrap().unwrap(), sample::voice(1.0));
        there.add(&id("ann"), sample::voice(2.0), true).await.unwrap();
        assert_eq!(*here.find("ann").await.unwrap().unwrap(), sample::voice(2.0));
        assert!(here.find("ANN").await.unwrap().is_some());
        assert_eq!(there.remove("Ann").await, Ok(Some(id("ann"))));
        assert_eq!(here.find("ann").await, Ok(None));
        assert_eq!(here.remove("ann").await, Ok(None));
    }

    #[tokio::test]
    async fn a_voice_is_read_once() {
        let temp = tempfile::tempdir().unwrap();
        let registry = Registry::open(temp.path(), 10, MIB).unwrap();
        sample::voice(1.0).save(temp.path().join("ann.voice")).unwrap();
        let first = registry.find("ann").await.unwrap().unwrap();
        let second = registry.find("ann").await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[tokio::test]
    async fn a_file_that_was_copied_there_has_the_name_of_its_stem() {
        let temp = tempfile::tempdir().unwrap();
        let registry = Registry::open(temp.path(), 10, MIB).unwrap();
        sample::voice(1.0).save(temp.path().join("Ann-2.voice")).unwrap();
        assert_eq!(registry.list().await.unwrap()[0].id.as_str(), "Ann-2");
        assert!(registry.find("Ann-2").await.unwrap().is_some());
        assert_eq!(registry.remove("Ann-2").await, Ok(Some(id("Ann-2"))));
    }

    #[tokio::test]
    async fn a_damaged_file_is_not_listed_and_its_use_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let registry = Registry::open(temp.path(), 10, MIB).unwrap();
        fs::write(temp.path().join("torn.voice"), &sample::bytes(1.0)[..500]).unwrap();
        assert!(registry.list().await.unwrap().is_empty());
        let error = registry.find("torn").await.unwrap_err();
        assert!(matches!(&error, VoiceError::Damaged { id, .. } if id == "torn"), "{error}");
        assert!(!error.to_string().contains(&temp.path().display().to_string()), "{error}");
        // It can be replaced.
        registry.add(&id("torn"), sample::voice(1.0), true).await.unwrap();
        assert!(registry.find("torn").await.unwrap().is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn uploads_at_the_same_moment_do_not_exceed_the_limit() {
        let temp = tempfile::tempdir().unwrap();
        let registry = Arc::new(Registry::open(temp.path(), 3, MIB).unwrap());
        let adding = (0..16).map(|n| {
            let registry = Arc::clone(&registry);
            let new = id(&format!("v{n}"));
            tokio::spawn(async move { registry.add(&new, sample::voice(1.0), false).await })
        });
        let mut n_added = 0;
        for added in adding.collect::<Vec<_>>() {
            match added.await.unwrap() {
                Ok(_) => n_added += 1,
                Err(error) => assert_eq!(error, VoiceError::Full { most: 3 }),
            }
        }
        assert_eq!((n_added, registry.list().await.unwrap().len()), (3, 3));
    }

    #[tokio::test]
    async fn there_are_at_most_as_many_voices_as_allowed() {
        let temp = tempfile::tempdir().unwrap();
        let registry = Registry::open(temp.path(), 2, MIB).unwrap();
        registry.add(&id("a"), sample::voice(1.0), false).await.unwrap();
        registry.add(&id("b"), sample::voice(1.0), false).await.unwrap();
        let full = registry.add(&id("c"), sample::voice(1.0), false).await;
        assert_eq!(full, Err(VoiceError::Full { most: 2 }));
        let taken = registry.check_room(&id("a"), false).await;
        assert_eq!(taken, Err(VoiceError::Exists { id: "a".to_owned() }));
        registry.add(&id("a"), sample::voice(2.0), true).await.unwrap();
        registry.remove("b").await.unwrap();
        registry.add(&id("c"), sample::voice(1.0), false).await.unwrap();
    }

    #[tokio::test]
    async fn a_path_finds_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let registry = Registry::open(&temp.path().join("voices"), 2, MIB).unwrap();
        sample::voice(1.0).save(temp.path().join("outside.voice")).unwrap();
        let outside = temp.path().join("outside");
        for name in ["../outside", outside.to_str().unwrap(), "..\\outside", "outside"] {
            assert_eq!(registry.find(name).await, Ok(None), "{name}");
            assert_eq!(registry.remove(name).await, Ok(None), "{name}");
        }
        assert!(temp.path().join("outside.voice").exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_directory_that_went_away_is_an_error_of_the_server() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("voices");
        let registry = Registry::open(&path, 2, MIB).unwrap();
        fs::remove_dir(&path).unwrap();
        assert_eq!(registry.find("ann").await, Ok(None));
        let error = registry.list().await.unwrap_err();
        assert!(error.to_string().contains("cannot be read: not found"), "{error}");
        let error = registry.add(&id("ann"), sample::voice(1.0), false).await.unwrap_err();
        assert!(matches!(error, VoiceError::Directory { .. }), "{error}");
    }
}
