//! Causal grouped-query attention.

use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::dot::Dots;
use crate::key_values::{BLOCK, Block, Blocks, KeyValues, Stored};
use crate::math;
use crate::pool::SharedMut;
use crate::vector::{Vector, prefetch};

/// Options of [`attention`].
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Number of query heads; a multiple of the key heads.
    pub heads: usize,
    /// Factor of the scores before the softmax.
    pub scale: f32,
    /// Maximum number of keys that a query attends to, its own included; `None` for no limit.
    pub window: Option<usize>,
}

/// Number of heads of a group that share a pass over the keys.
const HEADS: usize = 4;

/// Number of heads whose sums are kept in registers together: each element of a key or value is
/// loaded once for them.
const TOGETHER: usize = 2;

/// Number of keys between prefetches; a whole block at once would occupy all of the core's buffers
/// for reads from memory. A divisor of [`BLOCK`].
const STRIP: usize = 8;

/// Number of bytes of a cache line.
const LINE: usize = 64;

/// Computes y = softmax(scale · q·keysᵀ)·values: `scaled_dot_product_attention` with a causal
/// mask, in float32.
///
/// q and y are \[n_q, heads, head_dim\]. The queries belong to the last n_q positions of
/// `key_values`, which are appended before the call: each attends to the keys up to its own, at
/// most `window` of them; head h uses key head h / (heads / kv_heads). The result of a query
/// depends on its position and the keys it attends to only, bit for bit. It is NaN if one of its
/// scores is NaN or infinite.
///
/// # Panics
/// Panics if a length does not fit the shape, there are fewer keys than queries, a key that a query
/// attends to was dropped, or the window is 0.
#[track_caller]
pub fn attention(
    context: &Context,
    q: &[f32],
    key_values: &KeyValues,
    shape: AttentionShape,
    y: &mut [f32],
) {
    let (kv_heads, head_dim) = (key_values.kv_heads(), key_values.head_dim());
    let AttentionShape { heads, window, .. } = shape;
    assert!(heads > 0 && kv_heads > 0 && head_dim > 0, "an empty {shape:?}");
    assert_eq!(heads % kv_heads, 0, "heads in {shape:?} for {kv_heads} key heads");
    assert_ne!(window, Some(0), "window in {shape:?}");
    assert_eq!(q.len() % (heads * head_dim), 0, "length of q for {shape:?}");
    assert_eq!(y.len(), q.len(), "length of y");
    let (n_q, n_k) = (q.len() / (heads * head_dim), key_values.len());
    assert!(n_q <= n_k, "{n_q} queries have {n_k} keys");
    let first = (n_k - n_q + 1).saturating_sub(window.unwrap_or(usize::MAX));
    assert!(n_q == 0 || key_values.dropped() <= first, "keys from {first} on were dropped");
    let y = SharedMut(y.as_mut_ptr());
    let queries = Queries { q, shape, kv_heads, head_dim, n_q, n_k, y };
    match key_values.blocks() {
        Blocks::F32(blocks) => queries.attend(context, blocks, key_values.dropped()),
        Blocks::I16(blocks) => queries.attend(context, blocks, key_values.dropped()),
    }
}

/// The queries of a call.
#[derive(Clone, Copy)]
struct Queries<'a> {
    q: &'a [f32],
    shape: AttentionShape,
    kv_heads: usize,
    head_dim: usize,
    n_q: usize,
    n_k: usize,
    y: SharedMut,
}

impl Queries<'_> {
    /// Lets the queries attend to blocks, the first of which begins at position `origin`.
    fn attend<T: Stored>(self, context: &Context, blocks: &[Block<T>], origin: usize) {
        let group = self.shape.heads / self.kv_heads;
        context.pool().run(self.n_q * self.kv_heads, |task| {
            let (query, kv_head) = (task / self.kv_heads, task % self.kv_heads);
            let end = self.n_k - self.n_q + query + 1;
            let start = end - self.shape.window.unwrap_or(end).min(end);
            let (start, end) = (start - origin, end - origin);
            let offset = (query * self.shape.heads + kv_head * group) * self.head_dim;
            let queries = self;
            dispatch::run(context, Group { queries, blocks, kv_head, group, offset, start, end });
        });
    }
}

/// The heads of one query that share a key head, with keys start .. end.
struct Group<'a, T> {
    queries: Queries<'a>,
    blocks: &'a [Block<T>],
    kv_head: usize,
    /// Number of heads.
    group: usize,
    /// Offset of the first head in q and y.
    offset: usize,
    start: usize,
    end: usize,
}

/// Keys and values of one head: consecutive positions of a block.
#[derive(Clone, Copy)]
struct Chunk<'a, T> {
    keys: &'a [T],
    values: &'a [T],
    /// Scales of the keys and of the values; empty if elements have none.
    scales: [&'a [f32]; 2],
    count: usize,
    /// The first position.
    key: usize,
    /// True if the query attends to no earlier keys.
    first: bool,
}

/// Running softmax of one head; y holds Σ e^(score − max)·value.
#[derive(Clone, Copy)]
struct Softmax {
    max: f32,
    sum: f32,
}

impl<T: Stored> Kernel for Group<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for head in (0..self.group).step_by(HEADS) {
            // SAFETY: the heads exist.
            unsafe { self.heads::<V>(head, HEADS.min(self.group - head)) };
        }
    }
}

impl<'a, T: Stored> Group<'a, T> {
    /// Computes heads head .. head + n of the group, n at most [`HEADS`].
    ///
    /// # Safety
    /// As [`Kernel::run`]; the heads exist.
    #[inline(always)]
    unsafe fn heads<V: Vector>(&self, head: usize, n: usize) {
        let head_dim = self.queries.head_dim;
        let offset = self.offset + head * head_dim;
        let mut states = [Softmax { max: f32::NEG_INFINITY, sum: 0.0 }; HEADS];
        let mut key = self.start;
        while key < self.end {
            let chunk = self.chunk(key);
            for i in (0..n).step_by(TOGETHER) {
                let offset = offset + i * head_dim;
                // SAFETY: the heads exist; only this task writes them in y.
                unsafe {
                    match n - i {
                        1 => self.add::<V, 1>(chunk, offset, &mut states[i..]),
                        _ => self.add::<V, TOGETHER>(chunk, offset, &mut states[i..]),
                    }
                }
            }
            key += chunk.count;
        }
        for (i, state) in states[..n].iter().enumerate() {
            // SAFETY: as above.
            unsafe {
                let y = self.queries.y.at(offset + i * head_dim);
                scale::<V>(y, head_dim, 1.0 / state.sum);
            }
        }
    }

    /// Returns the keys and values from `key` on, to the end of its block.
    #[inline(always)]
    fn chunk(&self, key: usize) -> Chunk<'a, T> {
        let (block, from) = (&self.blocks[key / BLOCK], key % BLOCK);
        let count = (BLOCK - from).min(self.end - key);
        let dim = self.queries.head_dim;
        let (keys, values) = block.head(self.kv_head, dim).split_at(BLOCK * dim);
        let rows = from * dim..(from + count) * dim;
        let scales = if T::SCALED {
            let (keys, values) = block.scales(self.kv_head).split_at(BLOCK);
            [&keys[from..from + count], &values[from..from + count]]
        } else {
            [&[][..]; 2]
        };
        let first = key == self.start;
        Chunk { keys: &keys[rows.clone()], values: &values[rows], scales, count, key, first }
    }

    /// Prefetches rows of the block after `key`: [`STRIP`] keys from `row` on and their values.
    #[inline(always)]
    fn prefetch(&self, key: usize, row: usize) {
        let block = key / BLOCK + 1;
        if block * BLOCK >= self.end {
            return;
        }
        let dim = self.queries.head_dim;
        let head = self.blocks[block].head(self.kv_head, dim);
        for from in [row, BLOCK + row] {
            for line in head[from * dim..][..STRIP * dim].chunks(LINE / size_of::<T>()) {
                prefetch(line.as_ptr());
            }
        }
    }

    /// Adds a chunk to the `H` heads at `offset`, which have the first of `states`.
    ///
    /// # Safety
    /// As [`Kernel::run`]; the heads exist.
    #[inline(always)]
    unsafe fn add<V: Vector, const H: usize>(
        &self,
        chunk: Chunk<'a, T>,
        offset: usize,
        states: &mut [Softmax],
    ) {
        let Queries { head_dim, shape, y, .. } = self.queries;
        let [key_scales, value_scales] = chunk.scales;
        // SAFETY: upheld by the caller.
        unsafe {
            let mut scores = self.scores::<V, H>(chunk, offset);
            let y = y.at(offset);
            for (h, (scores, state)) in scores.iter_mut().zip(states).enumerate() {
                multiply(scores, key_scales);
                let shrink = state.take::<V>(scores, chunk.count, shape.scale);
                if !chunk.first && shrink != 1.0 {
                    scale::<V>(y.add(h * head_dim), head_dim, shrink);
                }
                multiply(scores, value_scales);
            }
            WeightedSum { weights: &scores, chunk, dim: head_dim, y }.run::<V>();
        }
    }

    /// Returns the dot products of a chunk's keys with `H` heads, without their scales.
    ///
    /// # Safety
    /// As [`Kernel::run`]; the heads exist.
    #[inline(always)]
    unsafe fn scores<V: Vector, const H: usize>(
        &self,
        chunk: Chunk<'a, T>,
        offset: usize,
    ) -> [[f32; BLOCK]; H] {
        let Queries { q, head_dim, n_q, .. } = self.queries;
        let mut scores = [[0.0; BLOCK]; H];
        let to: *mut f32 = scores.as_mut_ptr().cast();
        for row in (0..chunk.count).step_by(STRIP) {
            // Several queries find the keys in the caches.
            if n_q == 1 && offset == self.offset {
                self.prefetch(chunk.key, row);
            }
            // SAFETY: the rows and the heads exist.
            unsafe {
                let dots = Dots {
                    w: chunk.keys.as_ptr().add(row * head_dim),
                    w_pitch: head_dim,
                    rows: STRIP.min(chunk.count - row),
                    x: q.as_ptr().add(offset),
                    x_pitch: head_dim,
                    tokens: H,
                    depth: head_dim,
                    y: to.add(row),
                    y_token: BLOCK,
                    y_row: 1,
                };
                dots.run::<V>();
            }
        }
        scores
    }
}

/// Multiplies the first numbers by `factors`.
#[inline(always)]
fn multiply(numbers: &mut [f32; BLOCK], factors: &[f32]) {
    for (number, factor) in numbers.iter_mut().zip(factors) {
        *number *= factor;
    }
}

impl Softmax {
    /// Turns the first `count` dot products into weights e^(score − max). Returns the factor for
    /// the sums of earlier keys.
    ///
    /// # Safety
    /// The CPU has the instruction set of `V`.
    #[inline(always)]
    unsafe fn take<V: Vector>(
        &mut self,
        scores: &mut [f32; BLOCK],
        count: usize,
        factor: f32,
    ) -> f32 {
        const { assert!(BLOCK.is_multiple_of(V::LANES)) };
        // Whole vectors are computed; NaN past `count` is ignored by the maximum and cleared below.
        scores[count..].fill(f32::NAN);
        let used = count.next_multiple_of(V::LANES);
        // SAFETY: `used` is at most BLOCK.
        unsafe {
            let factor = V::splat(factor);
            let mut max = V::splat(f32::NEG_INFINITY);
            let mut negated_min = max;
            for i in (0..used).step_by(V::LANES) {
                let score = V::load(scores.as_ptr().add(i)) * factor;
                max = score.max(max);
                negated_min = (score.like(0.0) - score).max(negated_min);
            }
            let max = max.reduce_max().max(self.max);
            // NaN if the minimum is −∞, whose weight would be 0; 0 otherwise.
            let poison = 0.0 * negated_min.reduce_max().max(0.0);
            let mut sum = V::splat(poison);
            let shift = V::splat(-max);
            for i in (0..used).step_by(V::LANES) {
                let at = scores.as_mut_ptr().add(i);
                math::exp(V::load(at).mul_add(factor, shift)).store(at);
            }
            scores[count..].fill(0.0);
            for i in (0..used).step_by(V::LANES) {
                sum = sum + V::load(scores.as_ptr().add(i));
            }
            let shrink = if self.sum == 0.0 { 0.0 } else { (self.max - max).exp() };
            *self = Softmax { max, sum: self.sum * shrink + sum.reduce_sum() };
            shrink
        }
    }
}

/// Adds Σⱼ weights\[h, j\]·values\[j\] to y\[h\] for H heads, or replaces y by it in the first chunk;
/// rows have `dim` elements.
struct WeightedSum<'a, T, const H: usize> {
    weights: &'a [[f32; BLOCK]; H],
    chunk: Chunk<'a, T>,
    dim: usize,
    y: *mut f32,
}

impl<T: Stored, const H: usize> WeightedSum<'_, T, H> {
    /// # Safety
    /// The CPU has the instruction set of `V`; y has H rows, which no other thread accesses.
    #[inline(always)]
    unsafe fn run<V: Vector>(&self) {
        let mut d = 0;
        // SAFETY: upheld by the caller; d + width stays within dim.
        unsafe {
            while d + 4 * V::LANES <= self.dim {
                self.columns::<V, 4>(d);
                d += 4 * V::LANES;
            }
            while d + V::LANES <= self.dim {
                self.columns::<V, 1>(d);
                d += V::LANES;
            }
            if d < self.dim {
                self.rest::<V>(d);
            }
        }
    }

    /// Computes N vectors of columns from d on.
    ///
    /// # Safety
    /// As [`WeightedSum::run`]; the columns exist.
    #[inline(always)]
    unsafe fn columns<V: Vector, const N: usize>(&self, d: usize) {
        // SAFETY: upheld by the caller.
        unsafe {
            let y = self.y.add(d);
            let mut sums = [[V::splat(0.0); N]; H];
            if !self.chunk.first {
                for h in 0..H {
                    for n in 0..N {
                        sums[h][n] = V::load(y.add(h * self.dim + n * V::LANES));
                    }
                }
            }
            let values = self.chunk.values.as_ptr().add(d);
            for j in 0..self.chunk.count {
                let mut weights = [V::splat(0.0); H];
                for h in 0..H {
                    weights[h] = V::splat(self.weights[h][j]);
                }
                for n in 0..N {
                    let value: V = T::load(values.add(j * self.dim + n * V::LANES));
                    for h in 0..H {
                        sums[h][n] = weights[h].mul_add(value, sums[h][n]);
                    }
                }
            }
            for h in 0..H {
                for n in 0..N {
                    sums[h][n].store(y.add(h * self.dim + n * V::LANES));
                }
            }
        }
    }

    /// Computes the columns from d on, fewer than a vector.
    ///
    /// # Safety
    /// As [`WeightedSum::run`]; 0 < dim − d < LANES.
    #[inline(always)]
    unsafe fn rest<V: Vector>(&self, d: usize) {
        let rest = self.dim - d;
        for h in 0..H {
            // SAFETY: upheld by the caller.
            unsafe {
                let y = self.y.add(h * self.dim + d);
                let first = self.chunk.first;
                let mut sum = if first { V::splat(0.0) } else { V::load_part(y, rest) };
                for j in 0..self.chunk.count {
                    let values = self.chunk.values.as_ptr().add(j * self.dim + d);
                    let value: V = T::load_part(values, rest);
                    sum = V::splat(self.weights[h][j]).mul_add(value, sum);
                }
                sum.store_part(y, rest);
            }
        }
    }
}

/// Multiplies y by a factor.
///
/// # Safety
/// The CPU has the instruction set of `V`; y has `dim` elements.
#[inline(always)]
unsafe fn scale<V: Vector>(y: *mut f32, dim: usize, factor: f32) {
    // SAFETY: upheld by the caller.
    unsafe {
        let factor = V::splat(factor);
        let whole = dim - dim % V::LANES;
        for d in (0..whole).step_by(V::LANES) {
            (V::load(y.add(d)) * factor).store(y.add(d));
        }
        if whole < dim {
            let value = V::load_part(y.add(whole), dim - whole) * factor;
            value.store_part(y.add(whole), dim - whole);
        }
    }
}
