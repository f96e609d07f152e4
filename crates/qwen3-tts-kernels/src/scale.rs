//! Scales of floats that are rounded to 16-bit integers.

use crate::vector::Vector;

/// 2⁻¹⁰⁰: lower bound of the largest |x|, so that the inverse of a scale is finite.
const TINY: f32 = 1.0 / (1u128 << 100) as f32;

/// Returns the scale that maps the largest |x| to `most`, NaN if an element is not finite.
///
/// # Safety
/// The CPU has the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn scale<V: Vector>(x: &[f32], most: f32) -> f32 {
    // SAFETY: upheld by the caller.
    unsafe {
        let zero = V::splat(0.0);
        let (mut largest, mut nothing) = (zero, zero);
        for x in x.chunks(V::LANES) {
            let x = load::<V>(x);
            largest = x.abs().max(largest);
            // 0 times an element is 0, or NaN if it is not finite.
            nothing = x.mul_add(zero, nothing);
        }
        largest.reduce_max().max(TINY) / most + nothing.reduce_sum()
    }
}

/// Loads `x`, at most one vector; the other lanes are 0.
///
/// # Safety
/// The CPU has the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn load<V: Vector>(x: &[f32]) -> V {
    // SAFETY: upheld by the caller.
    unsafe {
        if x.len() == V::LANES { V::load(x.as_ptr()) } else { V::load_part(x.as_ptr(), x.len()) }
    }
}
