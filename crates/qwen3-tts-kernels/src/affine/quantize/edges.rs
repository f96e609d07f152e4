//! The range of the weights of a group.

use crate::dot::Element;
use crate::vector::Vector;

/// The least and the largest weight.
pub(super) struct Edges {
    pub min: f32,
    pub max: f32,
    /// 0, or NaN if a weight is not finite.
    pub nothing: f32,
}

impl Edges {
    /// Returns the edges of a group.
    ///
    /// # Safety
    /// The CPU has the instruction set of `V`; `from` is valid for reading `n` weights, whole
    /// vectors.
    #[inline(always)]
    pub unsafe fn of<V: Vector, W: Element>(from: *const W, n: usize) -> Self {
        // SAFETY: upheld by the caller.
        unsafe {
            let mut min = V::splat(f32::INFINITY);
            let mut max = V::splat(f32::INFINITY);
            let mut nothing = V::splat(0.0);
            let mut i = 0;
            while i < n {
                let w: V = W::load(from.add(i));
                min = w.min(min);
                // The maximum, as the minimum of the negated weights, since there is no
                // `reduce_min`.
                max = (nothing.like(0.0) - w).min(max);
                nothing = w.mul_add(nothing.like(0.0), nothing);
                i += V::LANES;
            }
            let zero = nothing.like(0.0);
            Self {
                min: -(zero - min).reduce_max(),
                max: (zero - max).reduce_max(),
                nothing: nothing.reduce_sum(),
            }
        }
    }
}
