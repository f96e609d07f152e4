//! Rounding weights to integers, given a scale and a bias, and packing them.

use super::levels::levels;
use crate::affine::GROUP_SIZES;
use crate::dot::Element;
use crate::vector::Vector;

/// Quantises and packs a group.
///
/// # Safety
/// The CPU has the instruction set of `V`; `from` is valid for reading `n` weights, whole vectors
/// and at most the largest group; `to` is valid for writing their packed integers.
#[inline(always)]
pub(super) unsafe fn pack<V: Vector, W: Element, const BITS: usize>(
    from: *const W,
    n: usize,
    scale: f32,
    bias: f32,
    to: *mut u8,
) {
    let mut q = [0.0f32; GROUP_SIZES[2]];
    let mut i = 0;
    while i < n {
        // SAFETY: upheld by the caller.
        unsafe {
            let (scale, bias) = (V::splat(scale), V::splat(bias));
            let steps = ((W::load::<V>(from.add(i)) - bias) / scale).round();
            let most = V::splat(levels(BITS));
            // NaN maps to 0.
            steps.max(V::splat(0.0)).min(most).store(q.as_mut_ptr().add(i));
        }
        i += V::LANES;
    }
    // SAFETY: q lies in 0 ..= 255; there are n integers, and room for n·BITS / 8 bytes.
    unsafe {
        let q = |i: usize| q.get_unchecked(i).to_int_unchecked::<i32>() as u8;
        match BITS {
            4 => (0..n / 2).for_each(|i| *to.add(i) = q(2 * i) | q(2 * i + 1) << 4),
            8 => (0..n).for_each(|i| *to.add(i) = q(i)),
            // Eight weights of BITS bits fill BITS bytes.
            _ => (0..n / 8).for_each(|i| {
                let word =
                    (0..8).fold(0u64, |word, j| word | u64::from(q(8 * i + j)) << (j * BITS));
                let bytes = word.to_le_bytes();
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.add(i * BITS), BITS);
            }),
        }
    }
}
