//! Quantisation of weights to affine groups.

use super::{Bits, Floats, GROUP_SIZES, Parameter};
use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::dot::Element;
use crate::pool::SharedMut;
use crate::vector::Vector;

/// Weights in affine groups, with scales and biases of type `P`.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineGroups<P = f32> {
    /// q, packed as in [`Affine::packed`](crate::Affine::packed).
    pub packed: Vec<u8>,
    /// Scale of each group.
    pub scales: Vec<P>,
    /// Bias of each group.
    pub biases: Vec<P>,
}

/// Number of weights per task.
const TASK_WEIGHTS: usize = 64 * 1024;

/// Quantises whole groups of weights as MLX's `quantize` does, bit for bit. Scales and biases are
/// computed in float32 and rounded to `P` at the end, as MLX does for weights of that type.
///
/// Of the smallest and the largest weight of a group, the one further from 0 is kept exactly, and
/// the scale is adjusted so that 0 is kept exactly too. The scale of a group with a NaN or an
/// infinite weight is not finite either.
///
/// # Panics
/// Panics if `group_size` is not one of [`GROUP_SIZES`], or does not divide the number of weights.
#[track_caller]
pub fn quantize<P: Parameter>(
    context: &Context,
    weights: Floats<'_>,
    bits: Bits,
    group_size: usize,
) -> AffineGroups<P> {
    assert!(GROUP_SIZES.contains(&group_size), "groups of {group_size}");
    assert_eq!(weights.len() % group_size, 0, "weights left over by the groups");
    let groups = weights.len() / group_size;
    let mut all = AffineGroups {
        packed: Vec::with_capacity(weights.len() * bits.get() / 8),
        scales: Vec::with_capacity(groups),
        biases: Vec::with_capacity(groups),
    };
    let to = Target {
        packed: SharedMut(all.packed.as_mut_ptr()),
        scales: SharedMut(all.scales.as_mut_ptr()),
        biases: SharedMut(all.biases.as_mut_ptr()),
    };
    let task_groups = TASK_WEIGHTS / group_size;
    context.pool().run(groups.div_ceil(task_groups), |task| {
        let first = task * task_groups;
        let n = task_groups.min(groups - first);
        dispatch::run(context, Groups { weights, bits, group_size, first, n, to });
    });
    // SAFETY: the tasks have written every group.
    unsafe {
        all.packed.set_len(weights.len() * bits.get() / 8);
        all.scales.set_len(groups);
        all.biases.set_len(groups);
    }
    all
}

/// Destination of the groups; each is written by one task.
struct Target<P> {
    packed: SharedMut<u8>,
    scales: SharedMut<P>,
    biases: SharedMut<P>,
}

impl<P> Clone for Target<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Target<P> {}

/// `n` groups from `first` on.
struct Groups<'a, P> {
    weights: Floats<'a>,
    bits: Bits,
    group_size: usize,
    first: usize,
    n: usize,
    to: Target<P>,
}

impl<P: Parameter> Kernel for Groups<'_, P> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the groups exist, there is room for them, and no other task writes them.
        unsafe {
            match (self.weights, self.bits) {
                (Floats::F32(from), Bits::Four) => self.typed::<V, _, 4>(from),
                (Floats::F32(from), Bits::Six) => self.typed::<V, _, 6>(from),
                (Floats::F32(from), Bits::Eight) => self.typed::<V, _, 8>(from),
                (Floats::Bf16(from), Bits::Four) => self.typed::<V, _, 4>(from),
                (Floats::Bf16(from), Bits::Six) => self.typed::<V, _, 6>(from),
                (Floats::Bf16(from), Bits::Eight) => self.typed::<V, _, 8>(from),
            }
        }
    }
}

impl<P: Parameter> Groups<'_, P> {
    /// # Safety
    /// The CPU has the instruction set of `V`; the groups exist, and no other task writes them.
    #[inline(always)]
    unsafe fn typed<V: Vector, W: Element, const BITS: usize>(&self, from: &[W]) {
        for group in self.first..self.first + self.n {
            let start = group * self.group_size;
            // SAFETY: upheld by the caller.
            unsafe {
                let weights = from.as_ptr().add(start);
                let (scale, bias) = scale_and_bias::<V, W, BITS>(weights, self.group_size);
                self.to.scales.at(group).write(P::narrow(scale));
                self.to.biases.at(group).write(P::narrow(bias));
                let packed = self.to.packed.at(start * BITS / 8);
                pack::<V, W, BITS>(weights, self.group_size, scale, bias, packed);
            }
        }
    }
}

/// Returns the largest q.
const fn levels(bits: usize) -> f32 {
    ((1u32 << bits) - 1) as f32
}

/// Returns the scale and the bias of a group.
///
/// # Safety
/// The CPU has the instruction set of `V`; `from` is valid for reading `n` weights, whole vectors.
#[inline(always)]
unsafe fn scale_and_bias<V: Vector, W: Element, const BITS: usize>(
    from: *const W,
    n: usize,
) -> (f32, f32) {
    // SAFETY: upheld by the caller.
    let (min, max, nothing) = unsafe {
        let mut min = V::splat(f32::INFINITY);
        let mut max = V::splat(f32::INFINITY);
        let mut nothing = V::splat(0.0);
        let mut i = 0;
        while i < n {
            let w: V = W::load(from.add(i));
            min = w.min(min);
            // The maximum, as the minimum of the negated weights, since there is no `reduce_min`.
            max = (nothing.like(0.0) - w).min(max);
            nothing = w.mul_add(nothing.like(0.0), nothing);
            i += V::LANES;
        }
        let zero = nothing.like(0.0);
        (-(zero - min).reduce_max(), (zero - max).reduce_max(), nothing.reduce_sum())
    };
    let size = ((max - min) / levels(BITS)).max(1e-7);
    let (scale, edge) = if min.abs() > max.abs() { (size, min) } else { (-size, max) };
    let q0 = (edge / scale).round_ties_even();
    let (scale, bias) = if q0 == 0.0 { (scale, 0.0) } else { (edge / q0, edge) };
    // 0 times a weight is 0, or NaN if it is not finite.
    (scale + nothing, bias)
}

/// Quantises and packs a group.
///
/// # Safety
/// The CPU has the instruction set of `V`; `from` is valid for reading `n` weights, whole vectors
/// and at most the largest group; `to` is valid for writing their packed integers.
#[inline(always)]
unsafe fn pack<V: Vector, W: Element, const BITS: usize>(
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
