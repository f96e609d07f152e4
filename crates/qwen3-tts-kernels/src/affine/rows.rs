//! Rows of a quantised matrix with the activations that they are multiplied by.

use super::activations::Activations;
use super::{Affine, Floats};
use crate::dot::Element;
use crate::vector::Vector;

/// Distance in bytes at which weights are prefetched: far enough to hide the latency of memory.
pub(super) const AHEAD: usize = 8192;

/// y\[t, n\] = Σₖ x\[t, k\]·w\[row + n, k\] for `rows` rows n and all tokens t.
pub(crate) struct AffineRows<'a> {
    pub(crate) weight: Affine<'a>,
    pub(crate) row: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) x: &'a Activations,
    pub(crate) tokens: usize,
    pub(crate) y: *mut f32,
    /// The distance from y\[t, n\] to y\[t + 1, n\].
    pub(crate) y_token: usize,
}

/// `n` scales or biases from `at` on, the other lanes 0.
///
/// # Safety
/// The CPU has the instruction set of `V`; the values exist, at most a vector of them.
#[inline(always)]
pub(super) unsafe fn load<V: Vector>(values: Floats<'_>, at: usize, n: usize) -> V {
    // SAFETY: the caller's promise.
    unsafe {
        match values {
            Floats::F32(values) => part(values.as_ptr().add(at), n),
            Floats::Bf16(values) => part(values.as_ptr().add(at), n),
        }
    }
}

/// The first `n` lanes from memory, the others 0.
///
/// # Safety
/// The CPU has the instruction set of `V`; the values exist, at most a vector of them.
#[inline(always)]
pub(super) unsafe fn part<V: Vector, E: Element>(from: *const E, n: usize) -> V {
    // SAFETY: the caller's promise.
    unsafe { if n == V::LANES { E::load(from) } else { E::load_part(from, n) } }
}
