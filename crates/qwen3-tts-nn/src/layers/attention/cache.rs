//! The keys and values that attention has seen.

use crate::attention::AttentionConfig;
use crate::backend::{Backend, On};
use crate::cpu::CpuKvCache;
use crate::device::Device;
use crate::mlx::MlxKvCache;

/// Keys and values of one sequence in one layer. It grows with the sequence, without a cap; with
/// a window it forgets what no later query can see. A clone continues the sequence on its own.
#[derive(Clone)]
pub struct KvCache {
    pub(crate) repr: On<CpuKvCache, MlxKvCache>,
}

impl KvCache {
    /// An empty cache.
    pub fn new(config: &AttentionConfig, device: &Device) -> Self {
        on_device!(device, b => b.new_cache(config.spec()))
    }

    /// The number of positions seen so far, those that a window has dropped included.
    pub fn len(&self) -> usize {
        on_backend!(self, B => B::cache_len(B::of_cache(self)))
    }

    /// The same cache, computed now: see [`Tensor::computed`](crate::Tensor::computed).
    pub fn computed(self) -> Self {
        on_backend!(self, B => B::compute_cache(B::of_cache(&self)));
        self
    }

    /// Whether nothing has been seen yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
