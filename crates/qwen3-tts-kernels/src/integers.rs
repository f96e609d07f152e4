//! Dot products of small integers, with one implementation per instruction set.

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

/// Number of products in a step: a divisor of every group size.
pub(crate) const STEP: usize = 32;

/// Sums of products of quantised weights (at most 255) and 16-bit activations, exact for a whole
/// group of up to 128.
pub(crate) trait Integers {
    /// Floats that the sums are converted to.
    type Floats: Vector;
    /// [`STEP`] weights.
    type Weights: Copy;
    /// 32-bit sums, one for each lane of [`Integers::Floats`].
    type Sums: Copy;

    /// Returns the zero point that [`Integers::weights`] subtracts from integers of `bits` bits.
    fn zero_point(_bits: usize) -> u8 {
        0
    }

    /// Arranges [`STEP`] activations in the order in which [`Integers::dot`] reads them.
    #[inline(always)]
    fn arrange(x: [i16; STEP]) -> [i16; STEP] {
        x
    }

    /// Returns sums of 0.
    ///
    /// # Safety
    /// The CPU has the instruction set of this type (true of all unsafe functions below).
    unsafe fn zero() -> Self::Sums;

    /// Unpacks [`STEP`] unsigned integers of `BITS` bits (4, 6 or 8), which begin at the lowest bit
    /// of the first byte, and subtracts the zero point.
    ///
    /// # Safety
    /// `from` is valid for reading `STEP · BITS / 8` bytes.
    unsafe fn weights<const BITS: usize>(from: *const u8) -> Self::Weights;

    /// Adds the products of weights and activations, each to one of the sums.
    ///
    /// # Safety
    /// `x` is valid for reading [`STEP`] activations, arranged for this type.
    unsafe fn dot(weights: Self::Weights, x: *const i16, sums: Self::Sums) -> Self::Sums;

    /// Converts the sums to floats.
    ///
    /// # Safety
    /// See [`Integers::zero`].
    unsafe fn to_floats(sums: Self::Sums) -> Self::Floats;
}
