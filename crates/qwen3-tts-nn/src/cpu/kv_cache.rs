//! Keys and values as growing rows, of which a window drops the oldest.

use crate::backend::attention::AttentionSpec;

/// Rows `[position, kv_heads, head_dim]` of keys and values.
#[derive(Clone)]
pub(crate) struct CpuKvCache {
    keys: Vec<f32>,
    values: Vec<f32>,
    row: usize,
    window: Option<usize>,
    /// Positions that the window has dropped from the front.
    dropped: usize,
}

impl CpuKvCache {
    pub(super) fn new(spec: AttentionSpec) -> Self {
        let row = spec.kv_heads * spec.head_dim;
        Self { keys: Vec::new(), values: Vec::new(), row, window: spec.window, dropped: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.dropped + self.keys.len() / self.row
    }

    pub(super) fn append(&mut self, keys: &[f32], values: &[f32]) {
        self.drop_unseen();
        self.keys.extend_from_slice(keys);
        self.values.extend_from_slice(values);
    }

    /// Returns all keys and values that the queries appended last, or later ones, attend to.
    pub(super) fn views(&self) -> (&[f32], &[f32]) {
        (&self.keys, &self.values)
    }

    /// Drops the rows that no later query attends to, once they are as many as those that remain, so
    /// that each row is moved at most once on average.
    fn drop_unseen(&mut self) {
        let Some(window) = self.window else { return };
        let held = self.keys.len() / self.row;
        if held >= 2 * window {
            let unseen = held - (window - 1);
            self.keys.drain(..unseen * self.row);
            self.values.drain(..unseen * self.row);
            self.dropped += unseen;
        }
    }
}
