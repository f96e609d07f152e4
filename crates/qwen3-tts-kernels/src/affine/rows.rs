//! Rows of a quantised matrix, with the activations to multiply them by.

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
    /// Distance from y\[t, n\] to y\[t + 1, n\].
    pub(crate) y_token: usize,
}

/// Loads `n` scales or biases from `at` on; the other lanes are 0.
///
/// # Safety
/// The CPU has the instruction set of `V`; the values exist, and n is at most `V::LANES`.
#[inline(always)]
pub(super) unsafe fn load<V: Vector>(values: Floats<'_>, at: usize, n: usize) -> V {
    // SAFETY: upheld by the caller.
    unsafe {
        match values {
            Floats::F32(values) => part(values.as_ptr().add(at), n),
            Floats::Bf16(values) => part(values.as_ptr().add(at), n),
        }
    }
}

/// Loads the first `n` lanes from memory; the others are 0.
///
/// # Safety
/// The CPU has the instruction set of `V`; the values exist, and n is at most `V::LANES`.
#[inline(always)]
pub(super) unsafe fn part<V: Vector, E: Element>(from: *const E, n: usize) -> V {
    // SAFETY: upheld by the caller.
    unsafe { if n == V::LANES { E::load(from) } else { E::load_part(from, n) } }
}
