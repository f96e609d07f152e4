//! The integers that a weight is rounded to.

/// Returns the largest q.
pub(super) const fn levels(bits: usize) -> f32 {
    ((1u32 << bits) - 1) as f32
}
