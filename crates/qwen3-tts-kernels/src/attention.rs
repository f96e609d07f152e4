//! Causal grouped-query attention.

use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::dot::Dots;
use crate::math;
use crate::pool::SharedMut;
use crate::vector::{Vector, prefetch};

/// Shape of the arguments of [`attention`].
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Number of query heads; a multiple of `kv_heads`.
    pub heads: usize,
    /// Number of key and value heads.
    pub kv_heads: usize,
    /// Number of elements of a head.
    pub head_dim: usize,
    /// Factor of the scores before the softmax.
    pub scale: f32,
    /// Maximum number of keys that a query attends to, its own included; `None` for no limit.
    pub window: Option<usize>,
}

/// Number of keys processed together; they and their values stay in L1 and L2 for all heads of a
/// group.
const KEYS: usize = 32;

/// Number of heads of a group processed together.
const HEADS: usize = 4;

/// Computes y = softmax(scale · q·keysᵀ)·values: `scaled_dot_product_attention` with a causal
/// mask, in float32.
///
/// q and y are \[n_q, heads, head_dim\], keys and values \[n_k, kv_heads, head_dim\]. Query i is at
/// the position of key n_k − n_q + i and attends to the keys up to and including it, at most
/// `window` of them; head h uses key head h / (heads / kv_heads). The result of a query depends on
/// the keys it attends to only, bit for bit. It is NaN if one of its scores is NaN or infinite.
///
/// # Panics
/// Panics if a length does not fit the shape, there are fewer keys than queries, or the window
/// is 0.
#[track_caller]
pub fn attention(
    context: &Context,
    q: &[f32],
    keys: &[f32],
    values: &[f32],
    shape: AttentionShape,
    y: &mut [f32],
) {
    let AttentionShape { heads, kv_heads, head_dim, window, .. } = shape;
    assert!(heads > 0 && kv_heads > 0 && head_dim > 0, "an empty {shape:?}");
    assert_eq!(heads % kv_heads, 0, "heads in {shape:?}");
    assert_ne!(window, Some(0), "window in {shape:?}");
    assert_eq!(q.len() % (heads * head_dim), 0, "length of q for {shape:?}");
    assert_eq!(keys.len() % (kv_heads * head_dim), 0, "length of keys for {shape:?}");
    let (n_q, n_k) = (q.len() / (heads * head_dim), keys.len() / (kv_heads * head_dim));
    assert_eq!(values.len(), keys.len(), "length of values");
    assert_eq!(y.len(), q.len(), "length of y");
    assert!(n_q <= n_k, "{n_q} queries have {n_k} keys");
    let y = SharedMut(y.as_mut_ptr());
    context.pool().run(n_q * kv_heads, |task| {
        let (query, kv_head) = (task / kv_heads, task % kv_heads);
        let end = n_k - n_q + query + 1;
        let start = end - window.unwrap_or(end).min(end);
        dispatch::run(context, Group { q, keys, values, shape, y, query, kv_head, start, end });
    });
}

/// The heads of one query that share a key head, with keys start .. end.
struct Group<'a> {
    q: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    shape: AttentionShape,
    y: SharedMut,
    query: usize,
    kv_head: usize,
    start: usize,
    end: usize,
}

/// Running softmax of one head; y holds Σ e^(score − max)·value.
#[derive(Clone, Copy)]
struct Softmax {
    max: f32,
    sum: f32,
}

impl Kernel for Group<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let group = self.shape.heads / self.shape.kv_heads;
        let first = self.kv_head * group;
        for head in (first..first + group).step_by(HEADS) {
            // SAFETY: the heads exist.
            unsafe { self.heads::<V>(head, HEADS.min(first + group - head)) };
        }
    }
}

impl Group<'_> {
    /// Computes heads head .. head + n, n at most [`HEADS`].
    ///
    /// # Safety
    /// As [`Kernel::run`]; the heads exist.
    #[inline(always)]
    unsafe fn heads<V: Vector>(&self, head: usize, n: usize) {
        let AttentionShape { heads, kv_heads, head_dim, .. } = self.shape;
        let mut states = [Softmax { max: f32::NEG_INFINITY, sum: 0.0 }; HEADS];
        let mut key = self.start;
        while key < self.end {
            let count = KEYS.min(self.end - key);
            let from = (key * kv_heads + self.kv_head) * head_dim;
            self.prefetch(from + count * kv_heads * head_dim, KEYS.min(self.end - key - count));
            for i in 0..n {
                let offset = (self.query * heads + head + i) * head_dim;
                // SAFETY: keys key .. key + count and the head exist; only this task writes the
                // head in y.
                unsafe { self.chunk::<V>(offset, from, count, key == self.start, &mut states[i]) };
            }
            key += count;
        }
        for i in 0..n {
            let offset = (self.query * heads + head + i) * head_dim;
            // SAFETY: as above.
            unsafe { scale::<V>(self.y.at(offset), head_dim, 1.0 / states[i].sum) };
        }
    }

    /// Prefetches the `count` keys and values that begin at `from`. They lie a page apart, which
    /// hardware prefetchers do not cross.
    #[inline(always)]
    fn prefetch(&self, from: usize, count: usize) {
        let AttentionShape { kv_heads, head_dim, .. } = self.shape;
        for row in 0..count {
            for line in (0..head_dim).step_by(16) {
                let at = from + row * kv_heads * head_dim + line;
                prefetch(self.keys.as_ptr().wrapping_add(at));
                prefetch(self.values.as_ptr().wrapping_add(at));
            }
        }
    }

    /// Adds `count` keys, which begin at `from`, to the head at `offset`.
    ///
    /// # Safety
    /// As [`Kernel::run`]; the keys and the head exist, and count is at most [`KEYS`].
    #[inline(always)]
    unsafe fn chunk<V: Vector>(
        &self,
        offset: usize,
        from: usize,
        count: usize,
        first: bool,
        state: &mut Softmax,
    ) {
        let AttentionShape { kv_heads, head_dim, scale: factor, .. } = self.shape;
        let pitch = kv_heads * head_dim;
        let mut scores = [0.0; KEYS];
        // SAFETY: upheld by the caller.
        unsafe {
            let dots = Dots {
                w: self.keys.as_ptr().add(from),
                w_pitch: pitch,
                rows: count,
                x: self.q.as_ptr().add(offset),
                x_pitch: head_dim,
                tokens: 1,
                depth: head_dim,
                y: scores.as_mut_ptr(),
                y_token: 0,
                y_row: 1,
            };
            dots.run::<V>();
            let y = self.y.at(offset);
            let shrink = state.take::<V>(&mut scores, count, factor);
            if !first && shrink != 1.0 {
                scale::<V>(y, head_dim, shrink);
            }
            let values = self.values.as_ptr().add(from);
            weighted_sum::<V>(&scores[..count], values, pitch, head_dim, first, y);
        }
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
        scores: &mut [f32; KEYS],
        count: usize,
        factor: f32,
    ) -> f32 {
        const { assert!(KEYS.is_multiple_of(V::LANES)) };
        // Whole vectors are computed; NaN past `count` is ignored by the maximum and cleared below.
        scores[count..].fill(f32::NAN);
        let used = count.next_multiple_of(V::LANES);
        // SAFETY: `used` is at most KEYS.
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

/// Adds Σⱼ weights\[j\]·values\[j\] to y, or replaces y by it if `first`; rows have `dim` elements.
///
/// # Safety
/// The CPU has the instruction set of `V`; there is a row for each weight, and y has `dim`
/// elements.
#[inline(always)]
unsafe fn weighted_sum<V: Vector>(
    weights: &[f32],
    values: *const f32,
    pitch: usize,
    dim: usize,
    first: bool,
    y: *mut f32,
) {
    let mut d = 0;
    // SAFETY: upheld by the caller; d + width stays within dim.
    unsafe {
        while d + 4 * V::LANES <= dim {
            weighted_columns::<V, 4>(weights, values.add(d), pitch, first, y.add(d));
            d += 4 * V::LANES;
        }
        while d + V::LANES <= dim {
            weighted_columns::<V, 1>(weights, values.add(d), pitch, first, y.add(d));
            d += V::LANES;
        }
        if d < dim {
            let rest = dim - d;
            let mut sum = if first { V::splat(0.0) } else { V::load_part(y.add(d), rest) };
            for (j, &weight) in weights.iter().enumerate() {
                let value = V::load_part(values.add(j * pitch + d), rest);
                sum = V::splat(weight).mul_add(value, sum);
            }
            sum.store_part(y.add(d), rest);
        }
    }
}

/// Computes [`weighted_sum`] for N vectors of columns.
///
/// # Safety
/// As [`weighted_sum`].
#[inline(always)]
unsafe fn weighted_columns<V: Vector, const N: usize>(
    weights: &[f32],
    values: *const f32,
    pitch: usize,
    first: bool,
    y: *mut f32,
) {
    // SAFETY: upheld by the caller.
    unsafe {
        let mut sums = [V::splat(0.0); N];
        if !first {
            for n in 0..N {
                sums[n] = V::load(y.add(n * V::LANES));
            }
        }
        for (j, &weight) in weights.iter().enumerate() {
            let weight = V::splat(weight);
            for n in 0..N {
                let value = V::load(values.add(j * pitch + n * V::LANES));
                sums[n] = weight.mul_add(value, sums[n]);
            }
        }
        for n in 0..N {
            sums[n].store(y.add(n * V::LANES));
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
