//! Dot products of small integers, one implementation an instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod i8mm;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Dotprod;

use crate::vector::Vector;

/// How many products a step has: a divisor of every group of weights.
pub(crate) const STEP: usize = 32;

/// Sums of products of quantised weights, at most 255, with activations of 16 bits: exact for a
/// whole group, which has at most 128.
pub(crate) trait Integers {
    /// The floats that the sums become.
    type Floats: Vector;
    /// [`STEP`] weights.
    type Weights: Copy;
    /// Sums in 32 bits, as many as a vector of floats has lanes.
    type Sums: Copy;

    /// What [`Integers::weights`] takes away from numbers of `bits` bits.
    fn zero_point(_bits: usize) -> u8 {
        0
    }

    /// [`STEP`] activations as [`Integers::dot`] reads them.
    #[inline(always)]
    fn arrange(x: [i16; STEP]) -> [i16; STEP] {
        x
    }

    /// # Safety
    /// The CPU has the instruction set of this type (so for all functions).
    unsafe fn zero() -> Self::Sums;

    /// [`STEP`] unsigned numbers of `BITS` bits (4, 6 or 8), packed from the lowest bit of the
    /// first byte on, less the zero point.
    ///
    /// # Safety
    /// `from` is good for reading `STEP · BITS / 8` bytes, and no more.
    unsafe fn weights<const BITS: usize>(from: *const u8) -> Self::Weights;

    /// Adds the products of weights and activations, each to one of the sums.
    ///
    /// # Safety
    /// `x` is good for reading [`STEP`] activations, arranged for this type.
    unsafe fn dot(weights: Self::Weights, x: *const i16, sums: Self::Sums) -> Self::Sums;

    /// # Safety
    /// See [`Integers::zero`].
    unsafe fn to_floats(sums: Self::Sums) -> Self::Floats;
}
