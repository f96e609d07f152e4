//! Keys and values, of which a window drops the oldest.

use qwen3_tts_kernels::{Context, KeyValues};

use crate::backend::attention::AttentionSpec;

/// Keys and values that queries attend to.
#[derive(Clone)]
pub(crate) struct CpuKvCache {
    key_values: KeyValues,
    window: Option<usize>,
}

impl CpuKvCache {
    pub(super) fn new(spec: AttentionSpec) -> Self {
        let key_values = KeyValues::new(spec.kv_heads, spec.head_dim, spec.kv_type);
        Self { key_values, window: spec.window }
    }

    /// Returns the number of positions, those that the window has dropped included.
    pub(super) fn len(&self) -> usize {
        self.key_values.len()
    }

    /// Appends keys and values, and drops what neither their queries nor later ones attend to.
    pub(super) fn append(&mut self, context: &Context, keys: &[f32], values: &[f32]) {
        if let Some(window) = self.window {
            self.key_values.drop_before((self.len() + 1).saturating_sub(window));
        }
        self.key_values.append(context, keys, values);
    }

    /// Returns all keys and values that the queries appended last, or later ones, attend to.
    pub(super) fn key_values(&self) -> &KeyValues {
        &self.key_values
    }
}
