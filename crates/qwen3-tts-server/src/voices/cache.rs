//! Voices in memory, by least recent use.

use std::hash::Hash;
use std::sync::Arc;

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use qwen3_tts_pipeline::ClonedVoice;

/// A cache of voices, bounded in bytes. The voice that was not used for the longest time leaves it
/// first.
#[derive(Clone)]
pub struct VoiceCache<K>(Cache<K, Arc<ClonedVoice>>);

impl<K: Hash + Eq + Send + Sync + 'static> VoiceCache<K> {
    /// Creates a cache that holds at most `bytes` bytes.
    pub fn new(bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, voice: &Arc<ClonedVoice>| weight(voice))
            .eviction_policy(EvictionPolicy::lru());
        Self(cache.build())
    }

    /// Returns the voice of a key, or makes it. Of several callers at once, one makes it and the
    /// others wait; an error is not kept.
    ///
    /// # Errors
    /// Returns the error of `make`.
    pub async fn get_or_make<E>(
        &self,
        key: K,
        make: impl Future<Output = Result<ClonedVoice, E>>,
    ) -> Result<Arc<ClonedVoice>, E>
    where
        E: Clone + Send + Sync + 'static,
    {
        let made = self.0.try_get_with(key, async { make.await.map(Arc::new) }).await;
        made.map_err(|error| E::clone(&error))
    }

    /// Adds a voice.
    pub async fn insert(&self, key: K, voice: Arc<ClonedVoice>) {
        self.0.insert(key, voice).await;
    }
}

/// Returns the memory of a voice in bytes.
fn weight(voice: &ClonedVoice) -> u32 {
    const VALUE: usize = size_of::<f32>();
    let reference = voice.reference.as_ref().map_or(0, |reference| {
        let frame = |frame: &Vec<u32>| size_of::<Vec<u32>>() + frame.capacity() * VALUE;
        reference.codes.iter().map(frame).sum::<usize>() + reference.transcript.len()
    });
    let bytes = size_of::<ClonedVoice>() + voice.speaker_embedding.len() * VALUE + reference;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::super::sample;
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_voice_that_many_want_at_once_is_made_once() {
        let cache = VoiceCache::new(1 << 20);
        let made = Arc::new(AtomicUsize::new(0));
        let callers = (0..16).map(|_| {
            let (cache, made) = (cache.clone(), Arc::clone(&made));
            tokio::spawn(async move {
                let make = async {
                    made.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Ok::<_, Infallible>(sample::voice(1.0))
                };
                cache.get_or_make("ann", make).await.unwrap()
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            assert_eq!(*caller.await.unwrap(), sample::voice(1.0));
        }
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_error_is_not_kept() {
        let cache = VoiceCache::new(1 << 20);
        let failed = cache.get_or_make("ann", async { Err("no disk") }).await;
        assert_eq!(failed, Err("no disk"));
        let made = cache.get_or_make("ann", async { Ok::<_, &str>(sample::voice(1.0)) }).await;
        assert_eq!(*made.unwrap(), sample::voice(1.0));
    }

    #[tokio::test]
    async fn the_voice_of_the_least_recent_use_leaves_first() {
        let three = 3 * u64::from(weight(&sample::voice(0.0)));
        let cache = VoiceCache::new(three);
        for key in 0..3 {
            cache.insert(key, Arc::new(sample::voice(0.0))).await;
        }
        cache.0.run_pending_tasks().await;
        assert!(cache.0.get(&0).await.is_some());
        cache.insert(3, Arc::new(sample::voice(0.0))).await;
        cache.0.run_pending_tasks().await;
        let kept: Vec<_> = (0..4).filter(|key| cache.0.contains_key(key)).collect();
        assert_eq!(kept, [0, 2, 3]);
        assert!(cache.0.weighted_size() <= three);
    }

    #[test]
    fn codes_and_embedding_have_weight() {
        let mut voice = sample::voice(1.0);
        let in_context = weight(&voice);
        assert!(in_context > 4 * (1024 + 25 * 16));
        voice.reference = None;
        assert!(weight(&voice) > 4 * 1024 && weight(&voice) < in_context);
    }
}
