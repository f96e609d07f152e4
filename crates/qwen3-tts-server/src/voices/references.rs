//! Recordings that come with a request, cloned once as long as they are in memory.

use std::sync::Arc;

use qwen3_tts_pipeline::ClonedVoice;
use sha2::{Digest, Sha256};

use super::blocking::blocking;
use super::cache::VoiceCache;
use super::data_url;
use super::recording::Recording;
use crate::error::ApiResult;
use crate::models::LoadedModel;

/// Voices of recordings that came with requests.
pub struct References {
    cache: VoiceCache<Key>,
    max_bytes: usize,
}

/// Hash of all that a voice depends on.
type Key = [u8; 32];

impl References {
    /// Takes recordings of at most `max_bytes`. Voices stay in memory up to `cache_bytes`.
    pub fn new(max_bytes: usize, cache_bytes: u64) -> Self {
        Self { cache: VoiceCache::new(cache_bytes), max_bytes }
    }

    /// Returns the voice of a recording: a data URL, and its transcript for a voice in context.
    ///
    /// # Errors
    /// Returns an error that names the field if it is not a recording that can be used.
    pub async fn voice(
        &self,
        model: &Arc<LoadedModel>,
        url: String,
        transcript: Option<String>,
    ) -> ApiResult<Arc<ClonedVoice>> {
        let (name, max_bytes) = (model.name.clone(), self.max_bytes);
        let (key, url, transcript) = blocking(move || {
            let key = key(&name, &url, transcript.as_deref());
            (key, url, transcript)
        })
        .await;
        let make = async {
            let bytes = blocking(move || data_url::decode(&url, max_bytes)).await?;
            let recording = Recording { field: "ref_audio", bytes, transcript };
            let (voice, warnings) = recording.clone_voice(model).await?;
            for warning in warnings {
                tracing::warn!(warning, "a recording of a request has defects");
            }
            Ok(voice)
        };
        self.cache.get_or_make(key, make).await
    }
}

fn key(model: &str, url: &str, transcript: Option<&str>) -> Key {
    let mut hash = Sha256::new();
    for part in [Some(model), transcript, Some(url)] {
        // The lengths keep two different triples from having the same bytes.
        hash.update(part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
        hash.update(part.unwrap_or_default());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_depends_on_recording_transcript_and_model() {
        let keys = [
            key("a", "data:1", None),
            key("b", "data:1", None),
            key("a", "data:2", None),
            key("a", "data:1", Some("")),
            key("a", "data:1", Some("Hello.")),
            key("a", "Hello.data:1", Some("")),
        ];
        let different: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        assert_eq!(key("a", "data:1", Some("Hello.")), keys[4]);
    }
}
