//! Quantisation of weights to affine groups.

mod edges;
mod least_squares;
mod levels;
mod nearest;
mod pack;

use self::edges::Edges;
use self::least_squares::Block;
use self::pack::pack;
use super::{Affine, Bits, Floats, GROUP_SIZES, Parameter};
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

impl<P: Parameter> AffineGroups<P> {
    /// Returns the groups as a matrix.
    pub fn view(&self, bits: Bits, group_size: usize) -> Affine<'_> {
        let (scales, biases) = (P::floats(&self.scales), P::floats(&self.biases));
        Affine { bits, group_size, packed: &self.packed, scales, biases }
    }

    /// Checks that all scales are finite.
    ///
    /// # Errors
    /// Returns the first that is not.
    pub fn check_finite(&self) -> Result<(), NonFiniteScale> {
        let mut scales = self.scales.iter().map(|&scale| scale.into()).enumerate();
        match scales.find(|(_, scale)| !scale.is_finite()) {
            Some((group, scale)) => Err(NonFiniteScale { group, scale }),
            None => Ok(()),
        }
    }
}

/// A scale that is not finite: its group has a NaN or an infinite weight, or overflows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonFiniteScale {
    /// Index of the group, in the order of the weights.
    pub group: usize,
    /// The scale.
    pub scale: f32,
}

/// Rule by which the scale and the bias of a group are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// MLX's `quantize`, bit for bit: of the smallest and the largest weight of a group, the one
    /// further from 0 is kept exactly, and the scale is adjusted so that 0 is kept exactly too.
    /// Scale and bias are rounded to their type after the weights are rounded to integers.
    Nearest,
    /// Scale and bias are rounded to their type before the weights are rounded to integers. With 4
    /// and 6 bits they are the ones with the smallest sum of squared errors that a search of fixed
    /// length finds; with 8 bits they follow from the smallest and the largest weight.
    #[default]
    LeastSquares,
}

/// Number of weights per task.
const TASK_WEIGHTS: usize = 64 * 1024;

/// Quantises whole groups of weights. Scales and biases are computed in float32 and rounded to `P`.
///
/// The result does not depend on the instruction set or the number of threads. The scale of a group
/// with a NaN or an infinite weight is not finite either.
///
/// # Panics
/// Panics if the group size is not one of [`GROUP_SIZES`], or does not divide the number of weights.
#[track_caller]
pub fn quantize<P: Parameter>(
    context: &Context,
    weights: Floats<'_>,
    bits: Bits,
    group_size: usize,
    rounding: Rounding,
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
        dispatch::run(context, Groups { weights, bits, group_size, rounding, first, n, to });
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
    rounding: Rounding,
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
    unsafe fn typed<V: Vector, W: Element + Into<f32>, const BITS: usize>(&self, from: &[W]) {
        // SAFETY: upheld by the caller.
        unsafe {
            match (self.rounding, BITS) {
                (Rounding::Nearest, _) => self.each::<V, W, BITS>(from, nearest::fit::<BITS>),
                (Rounding::LeastSquares, 8) => {
                    self.each::<V, W, BITS>(from, least_squares::range::<P, BITS>);
                }
                (Rounding::LeastSquares, _) => self.least_squares::<V, W, BITS>(from),
            }
        }
    }

    /// Quantises one group after the other, with the scale and bias that follow from its edges.
    ///
    /// # Safety
    /// As [`Self::typed`].
    #[inline(always)]
    unsafe fn each<V: Vector, W: Element, const BITS: usize>(
        &self,
        from: &[W],
        fit: impl Fn(&Edges) -> (f32, f32),
    ) {
        for group in self.first..self.first + self.n {
            // SAFETY: upheld by the caller.
            unsafe {
                let weights = from.as_ptr().add(group * self.group_size);
                let (scale, bias) = fit(&Edges::of::<V, W>(weights, self.group_size));
                self.write::<V, W, BITS>(from, group, scale, bias);
            }
        }
    }

    /// # Safety
    /// As [`Self::typed`].
    #[inline(always)]
    unsafe fn least_squares<V: Vector, W: Element + Into<f32>, const BITS: usize>(
        &self,
        from: &[W],
    ) {
        let mut block: Block = [0.0; _];
        for first in (self.first..self.first + self.n).step_by(V::LANES) {
            let n = V::LANES.min(self.first + self.n - first);
            let weights = &from[first * self.group_size..][..n * self.group_size];
            lay_side_by_side::<V, W>(weights, self.group_size, &mut block);
            // SAFETY: upheld by the caller.
            unsafe {
                let fit = least_squares::fit::<V, P, BITS>(&block, self.group_size);
                for i in 0..n {
                    self.write::<V, W, BITS>(from, first + i, fit.scale[i], fit.bias[i]);
                }
            }
        }
    }

    /// Rounds and writes the weights of a group, with this scale and bias.
    ///
    /// # Safety
    /// As [`Self::typed`].
    #[inline(always)]
    unsafe fn write<V: Vector, W: Element, const BITS: usize>(
        &self,
        from: &[W],
        group: usize,
        scale: f32,
        bias: f32,
    ) {
        let start = group * self.group_size;
        // SAFETY: upheld by the caller.
        unsafe {
            self.to.scales.at(group).write(P::narrow(scale));
            self.to.biases.at(group).write(P::narrow(bias));
            let packed = self.to.packed.at(start * BITS / 8);
            pack::<V, W, BITS>(from.as_ptr().add(start), self.group_size, scale, bias, packed);
        }
    }
}

/// Transposes groups, at most `V::LANES`, so that each has a lane.
#[inline(always)]
fn lay_side_by_side<V: Vector, W: Copy + Into<f32>>(
    groups: &[W],
    group_size: usize,
    block: &mut Block,
) {
    for (lane, group) in groups.chunks_exact(group_size).enumerate() {
        for (to, &w) in block[lane..].iter_mut().step_by(V::LANES).zip(group) {
            *to = w.into();
        }
    }
}
