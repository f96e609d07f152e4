//! The keys and values of earlier positions.

use super::config::AttentionConfig;
use crate::backend::Backend;
use crate::tensor::Device;
use crate::tensor::dispatch::{Member, OfKvCache, On, mixed_devices, on_backend};

/// Keys and values of one sequence in one layer. The cache grows with the sequence, without a
/// limit; with a window it drops what no later query attends to. A clone continues the sequence on
/// its own.
#[derive(Clone)]
pub struct KvCache {
    repr: On<OfKvCache>,
}

impl KvCache {
    /// Returns an empty cache.
    pub fn new(config: &AttentionConfig, device: &Device) -> Self {
        Self { repr: on_backend!(device, B => B::wrap(device.of::<B>().new_cache(config.spec()))) }
    }

    /// Returns the number of positions so far, those that a window has dropped included.
    pub fn len(&self) -> usize {
        on_backend!(self, B => B::cache_len(self.of::<B>()))
    }

    /// Returns true if there was no position yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[track_caller]
    fn of<B: Member>(&self) -> &B::KvCache {
        B::get(&self.repr).unwrap_or_else(|| mixed_devices())
    }

    /// Returns the cache of backend `B`, which must hold it.
    #[track_caller]
    pub(super) fn of_mut<B: Member>(&mut self) -> &mut B::KvCache {
        B::get_mut(&mut self.repr).unwrap_or_else(|| mixed_devices())
    }
}
