//! Dot products of small integers, one implementation an instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512Vnni;

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

    /// # Safety
    /// The CPU has the instruction set of this type (so for all functions).
    unsafe fn zero() -> Self::Sums;

    /// [`STEP`] unsigned numbers of `BITS` bits (4, 6 or 8), packed from the lowest bit of the
    /// first byte on.
    ///
    /// # Safety
    /// `from` is good for reading `STEP · BITS / 8` bytes, and no more.
    unsafe fn weights<const BITS: usize>(from: *const u8) -> Self::Weights;

    /// Adds the products of weights and activations, each to one of the sums.
    ///
    /// # Safety
    /// `x` is good for reading [`STEP`] activations.
    unsafe fn dot(weights: Self::Weights, x: *const i16, sums: Self::Sums) -> Self::Sums;

    /// # Safety
    /// See [`Integers::zero`].
    unsafe fn to_floats(sums: Self::Sums) -> Self::Floats;
}
