//! NEON: 8 products at a time, or 16 of bytes with the dot product extension.

use super::{Integers, STEP};
use crate::vector::Neon;
use std::arch::aarch64::*;
use std::arch::asm;

/// Unpacks the 32 4-bit integers in 16 bytes.
///
/// # Safety
/// The CPU has NEON, and `from` is valid for reading 16 bytes.
#[inline(always)]
unsafe fn nibbles(from: *const u8) -> [uint8x16_t; 2] {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        let bytes = vld1q_u8(from);
        let (even, odd) = (vandq_u8(bytes, vdupq_n_u8(15)), vshrq_n_u8::<4>(bytes));
        [vzip1q_u8(even, odd), vzip2q_u8(even, odd)]
    }
}

/// Unpacks the 32 6-bit integers in 24 bytes.
///
/// # Safety
/// The CPU has NEON, and `from` is valid for reading 24 bytes.
#[inline(always)]
unsafe fn six_bits(from: *const u8) -> [uint8x16_t; 2] {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        // Three bytes hold four integers.
        let uint8x8x3_t(first, second, third) = vld3_u8(from);
        let low = |bytes| vand_u8(bytes, vdup_n_u8(63));
        let numbers = [
            low(first),
            low(vsli_n_u8::<2>(vshr_n_u8::<6>(first), second)),
            low(vsli_n_u8::<4>(vshr_n_u8::<4>(second), third)),
            vshr_n_u8::<2>(third),
        ];
        let zip = |a, b| vcombine_u8(vzip1_u8(a, b), vzip2_u8(a, b));
        let (even, odd) = (zip(numbers[0], numbers[2]), zip(numbers[1], numbers[3]));
        [vzip1q_u8(even, odd), vzip2q_u8(even, odd)]
    }
}

/// Unpacks [`STEP`] integers of `BITS` bits.
///
/// # Safety
/// The CPU has NEON, and `from` is valid for reading `STEP · BITS / 8` bytes.
#[inline(always)]
pub(super) unsafe fn numbers<const BITS: usize>(from: *const u8) -> [uint8x16_t; 2] {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        match BITS {
            4 => nibbles(from),
            6 => six_bits(from),
            8 => [vld1q_u8(from), vld1q_u8(from.add(16))],
            _ => unreachable!("numbers of {BITS} bits"),
        }
    }
}

// SAFETY (of every block below): the callers vouch for the CPU and the memory.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Integers for Neon {
    type Floats = Neon;
    type Weights = [uint8x16_t; 2];
    type Sums = int32x4_t;

    #[inline(always)]
    unsafe fn zero() -> int32x4_t {
        unsafe { vdupq_n_s32(0) }
    }

    #[inline(always)]
    unsafe fn weights<const BITS: usize>(from: *const u8) -> [uint8x16_t; 2] {
        unsafe { numbers::<BITS>(from) }
    }

    #[inline(always)]
    unsafe fn dot(weights: [uint8x16_t; 2], x: *const i16, sums: int32x4_t) -> int32x4_t {
        unsafe {
            let mut sums = sums;
            for i in 0..2 {
                let eights = [vmovl_u8(vget_low_u8(weights[i])), vmovl_high_u8(weights[i])];
                for j in 0..2 {
                    let (w, x) =
                        (vreinterpretq_s16_u16(eights[j]), vld1q_s16(x.add(16 * i + 8 * j)));
                    sums = vmlal_s16(sums, vget_low_s16(w), vget_low_s16(x));
                    sums = vmlal_high_s16(sums, w, x);
                }
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn to_floats(sums: int32x4_t) -> Neon {
        unsafe { Neon(vcvtq_f32_s32(sums)) }
    }
}

/// NEON with dot products of signed bytes. An activation is 256·high + low.
pub(crate) struct Dotprod;

/// Adds to each sum the products of four bytes.
///
/// # Safety
/// The CPU has dot products.
#[inline(always)]
unsafe fn dot_bytes(sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: the caller vouches for the CPU; only the register changes. The intrinsic is not
    // stable yet.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

// SAFETY (of every block below): the callers vouch for the CPU and the memory.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Integers for Dotprod {
    type Floats = Neon;
    type Weights = [int8x16_t; 2];
    /// Sums of the high bytes, and of the low bytes.
    type Sums = [int32x4_t; 2];

    /// Returns 128 for 8 bits, which makes unsigned bytes signed.
    fn zero_point(bits: usize) -> u8 {
        if bits == 8 { 128 } else { 0 }
    }

    /// Puts all low bytes before all high bytes.
    #[inline(always)]
    fn arrange(x: [i16; STEP]) -> [i16; STEP] {
        let mut bytes = [0; 2 * STEP];
        for i in 0..STEP {
            let low = x[i] as i8;
            bytes[i] = low as u8;
            bytes[STEP + i] = ((x[i] - i16::from(low)) >> 8) as u8;
        }
        unsafe { std::mem::transmute::<[u8; 2 * STEP], [i16; STEP]>(bytes) }
    }

    #[inline(always)]
    unsafe fn zero() -> [int32x4_t; 2] {
        unsafe { [vdupq_n_s32(0); 2] }
    }

    #[inline(always)]
    unsafe fn weights<const BITS: usize>(from: *const u8) -> [int8x16_t; 2] {
        unsafe {
            let zero_point = vdupq_n_u8(Self::zero_point(BITS));
            let [first, second] = numbers::<BITS>(from);
            let centred = |q| vreinterpretq_s8_u8(vsubq_u8(q, zero_point));
            [centred(first), centred(second)]
        }
    }

    #[inline(always)]
    unsafe fn dot(weights: [int8x16_t; 2], x: *const i16, sums: [int32x4_t; 2]) -> [int32x4_t; 2] {
        unsafe {
            let x = x.cast::<i8>();
            let (low, high) = (x, x.add(STEP));
            let mut sums = sums;
            for i in 0..2 {
                sums[0] = dot_bytes(sums[0], weights[i], vld1q_s8(high.add(16 * i)));
                sums[1] = dot_bytes(sums[1], weights[i], vld1q_s8(low.add(16 * i)));
            }
            sums
        }
    }

    #[inline(always)]
    unsafe fn to_floats(sums: [int32x4_t; 2]) -> Neon {
        unsafe { Neon(vcvtq_f32_s32(vaddq_s32(vshlq_n_s32::<8>(sums[0]), sums[1]))) }
    }
}
