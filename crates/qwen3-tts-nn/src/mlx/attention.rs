//! Attention on MLX's fused kernel.

use mlx_rs::fast::{ScaledDotProductAttentionMask, scaled_dot_product_attention};
use mlx_rs::{Array, ops};

use super::arrays::{narrow, ok, size};
use super::kv_cache::MlxKvCache;
use crate::backend::attention::AttentionSpec;

/// Number of windowed queries computed at once, so that memory grows in proportion to the length of
/// a sequence.
const BLOCK: usize = 512;

const TIME: usize = 2;

/// Appends keys and values, then lets the queries `[1, time, heads, head_dim]` attend to everything
/// in the cache; `[1, time, heads·head_dim]` out.
pub(super) fn attention(
    cache: &mut MlxKvCache,
    q: &Array,
    k: &Array,
    v: &Array,
    spec: AttentionSpec,
) -> Array {
    let n_queries = q.shape()[1] as usize;
    let by_head = |x: &Array, heads: usize| {
        let x = x.reshape(&[1, size(n_queries), size(heads), size(spec.head_dim)]);
        ok(ok(x).transpose_axes(&[0, 2, 1, 3]))
    };
    let q = by_head(q, spec.heads);
    let [k, v] = cache.append([by_head(k, spec.kv_heads), by_head(v, spec.kv_heads)]);
    let scale = 1.0 / (spec.head_dim as f32).sqrt();
    let y = match spec.window {
        None => causal(&q, &k, &v, scale),
        Some(window) => windowed(&q, &k, &v, scale, window),
    };
    let merged = [1, size(n_queries), size(spec.heads * spec.head_dim)];
    ok(ok(y.transpose_axes(&[0, 2, 1, 3])).reshape(&merged))
}

/// Attends without a window: the last query attends to every key.
fn causal(q: &Array, k: &Array, v: &Array, scale: f32) -> Array {
    let mask = (q.shape()[TIME] > 1).then_some(ScaledDotProductAttentionMask::Causal);
    ok(scaled_dot_product_attention(q, k, v, scale, mask, None))
}

/// Attends with a window: each query attends to at most `window` keys, the last one to the last
/// keys.
fn windowed(q: &Array, k: &Array, v: &Array, scale: f32, window: usize) -> Array {
    let (n_queries, n_keys) = (q.shape()[TIME] as usize, k.shape()[TIME] as usize);
    let before = n_keys - n_queries;
    let block = |start: usize| {
        let n = BLOCK.min(n_queries - start);
        // The keys from the first one of the block's first query to the last one of its last.
        let first = (before + start + 1).saturating_sub(window);
        let last = before + start + n;
        let q = narrow(q, TIME, start, n);
        let [k, v] = [k, v].map(|x| narrow(x, TIME, first, last - first));
        let mask = mask(n, last - first, window);
        ok(scaled_dot_product_attention(q, k, v, scale, &mask, None))
    };
    let blocks: Vec<Array> = (0..n_queries).step_by(BLOCK).map(block).collect();
    match blocks.as_slice() {
        [one] => one.clone(),
        blocks => ok(ops::concatenate(blocks, size(TIME))),
    }
}

/// Returns the mask `[n, n_keys]` of queries at the last `n` positions: true if query `i` attends
/// to key `j`.
fn mask(n: usize, n_keys: usize, window: usize) -> Array {
    let sees = |i: usize, j: usize| {
        let position = n_keys - n + i;
        j <= position && j + window > position
    };
    let mask: Vec<bool> = (0..n).flat_map(|i| (0..n_keys).map(move |j| sees(i, j))).collect();
    Array::from_slice(&mask, &[size(n), size(n_keys)])
}
