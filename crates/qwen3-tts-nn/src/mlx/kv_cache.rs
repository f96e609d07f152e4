//! Keys and values in a buffer with room to grow, or the last ones of a window.

use mlx_rs::ops::indexing::TryIndexMutOp;
use mlx_rs::{Array, ops};

use super::arrays::{narrow, ok, size};
use crate::backend::attention::AttentionSpec;

/// Positions that a buffer grows by.
const STEP: usize = 256;

/// The axis of time.
const TIME: usize = 2;

/// Keys and values `[1, kv_heads, time, head_dim]`.
///
/// Arrays are values: a clone shares them until one of the two continues. MLX writes new positions
/// in place if nothing else holds the buffer.
#[derive(Clone)]
pub(crate) struct MlxKvCache {
    buffers: Option<[Array; 2]>,
    /// Positions in the buffers that are in use.
    held: usize,
    /// Positions that the window has dropped from the front.
    dropped: usize,
    window: Option<usize>,
}

impl MlxKvCache {
    pub(super) fn new(spec: AttentionSpec) -> Self {
        Self { buffers: None, held: 0, dropped: 0, window: spec.window }
    }

    pub(super) fn len(&self) -> usize {
        self.dropped + self.held
    }

    /// Appends keys and values of the same shape; returns all that their queries may attend to.
    pub(super) fn append(&mut self, new: [Array; 2]) -> [Array; 2] {
        match self.window {
            Some(window) => self.append_to_window(new, window),
            None => self.append_in_place(new),
        }
    }

    fn append_in_place(&mut self, new: [Array; 2]) -> [Array; 2] {
        let start = self.held;
        self.held += time(&new[0]);
        let [keys, values] = match self.buffers.take() {
            Some([keys, values]) => [Some(keys), Some(values)],
            None => [None, None],
        };
        let [new_keys, new_values] = &new;
        let buffers = [put(keys, new_keys, start), put(values, new_values, start)];
        let seen = [0, 1].map(|i| narrow(&buffers[i], TIME, 0, self.held));
        self.buffers = Some(buffers);
        seen
    }

    /// Appends to a window, which is short enough to be copied.
    fn append_to_window(&mut self, new: [Array; 2], window: usize) -> [Array; 2] {
        let seen = match &self.buffers {
            None => new,
            Some(held) => {
                let join = |i: usize| ops::concatenate(&[&held[i], &new[i]], size(TIME));
                [0, 1].map(|i| ok(join(i)))
            }
        };
        let n = time(&seen[0]);
        let keep = n.min(window - 1);
        self.dropped += n - keep;
        self.held = keep;
        // A copy, so that the last positions do not keep all the others alive.
        let tail = |x: &Array| ok(narrow(x, TIME, n - keep, keep).contiguous());
        self.buffers = (keep > 0).then(|| [tail(&seen[0]), tail(&seen[1])]);
        seen
    }
}

/// Writes `new` into the buffer from `start` on, and grows it first if need be.
fn put(buffer: Option<Array>, new: &Array, start: usize) -> Array {
    let end = start + time(new);
    let mut buffer = match buffer {
        None => silence(new, end),
        Some(buffer) if end > time(&buffer) => {
            let more = silence(new, end - time(&buffer));
            ok(ops::concatenate(&[&buffer, &more], size(TIME)))
        }
        Some(buffer) => buffer,
    };
    ok(buffer.try_index_mut((.., .., size(start)..size(end)), new));
    buffer
}

/// Returns zeros like `x` for at least `n` positions.
fn silence(x: &Array, n: usize) -> Array {
    let mut shape = x.shape().to_vec();
    shape[TIME] = size(n.next_multiple_of(STEP));
    ok(ops::zeros_dtype(&shape, x.dtype()))
}

fn time(x: &Array) -> usize {
    x.shape()[TIME] as usize
}
