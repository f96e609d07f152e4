//! NEON: 8 products at a time, or 16 of bytes with the dot product extension.

use super::{BLOCK, Integers, MAX_PARTS, pairs, words};
use crate::vector::Neon;
use std::arch::aarch64::*;
use std::arch::asm;

/// Unpacks a block to pairs of columns.
///
/// # Safety
/// As [`Integers::weights`]; the CPU has NEON.
#[inline(always)]
unsafe fn unpack_pairs<const BITS: usize>(from: *const u8) -> [uint16x8_t; MAX_PARTS] {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        let word = |i: usize| vld1q_u16(from.cast::<u16>().add(8 * i));
        let mut weights = [vdupq_n_u16(0); MAX_PARTS];
        match BITS {
            4 => {
                let mask = vdupq_n_u16(15);
                for i in 0..words(4) {
                    let word = word(i);
                    weights[4 * i] = vandq_u16(word, mask);
                    weights[4 * i + 1] = vandq_u16(vshrq_n_u16::<4>(word), mask);
                    weights[4 * i + 2] = vandq_u16(vshrq_n_u16::<8>(word), mask);
                    weights[4 * i + 3] = vshrq_n_u16::<12>(word);
                }
            }
            6 => {
                let mask = vdupq_n_u16(63);
                let word = [word(0), word(1), word(2)];
                for i in 0..words(6) {
                    weights[2 * i] = vandq_u16(word[i], mask);
                    weights[2 * i + 1] = vandq_u16(vshrq_n_u16::<6>(word[i]), mask);
                }
                let high = vdupq_n_u16(48);
                let last = [vshrq_n_u16::<8>(word[2]), vshrq_n_u16::<10>(word[2])];
                for i in 0..2 {
                    let four = vshrq_n_u16::<12>(word[i]);
                    weights[6 + i] = vorrq_u16(four, vandq_u16(last[i], high));
                }
            }
            8 => {
                let mask = vdupq_n_u16(255);
                for i in 0..words(8) {
                    let word = word(i);
                    weights[2 * i] = vandq_u16(word, mask);
                    weights[2 * i + 1] = vshrq_n_u16::<8>(word);
                }
            }
            _ => unreachable!("numbers of {BITS} bits"),
        }
        weights
    }
}

// SAFETY (of every block below): the callers vouch for the CPU and the memory.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Integers for Neon {
    type Floats = Neon;
    type Weights = int16x8_t;
    type Inputs = int16x8_t;
    /// Two sums of each row: rows 0 and 1, then rows 2 and 3.
    type Sums = [int32x4_t; 2];

    const COLUMNS: usize = 2;

    #[inline(always)]
    fn arrange(bits: usize, x: &[i16; BLOCK]) -> [i16; BLOCK] {
        pairs(bits, x)
    }

    #[inline(always)]
    unsafe fn zero() -> [int32x4_t; 2] {
        unsafe { [vdupq_n_s32(0); 2] }
    }

    #[inline(always)]
    unsafe fn weights<const BITS: usize>(from: *const u8) -> [int16x8_t; MAX_PARTS] {
        unsafe { unpack_pairs::<BITS>(from).map(|pairs| vreinterpretq_s16_u16(pairs)) }
    }

    #[inline(always)]
    unsafe fn inputs(x: *const i16) -> int16x8_t {
        unsafe { vreinterpretq_s16_s32(vdupq_n_s32(x.cast::<i32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot(weights: int16x8_t, x: int16x8_t, sums: [int32x4_t; 2]) -> [int32x4_t; 2] {
        unsafe {
            [
                vmlal_s16(sums[0], vget_low_s16(weights), vget_low_s16(x)),
                vmlal_high_s16(sums[1], weights, x),
            ]
        }
    }

    #[inline(always)]
    unsafe fn add(a: [int32x4_t; 2], b: [int32x4_t; 2]) -> [int32x4_t; 2] {
        unsafe { [vaddq_s32(a[0], b[0]), vaddq_s32(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn to_floats(sums: [int32x4_t; 2]) -> Neon {
        unsafe { Neon(vcvtq_f32_s32(vpaddq_s32(sums[0], sums[1]))) }
    }
}

/// NEON with dot products of signed bytes. An activation is 256·high + low.
pub(crate) struct Dotprod;

/// Returns the column of weight `i` of a block that is unpacked to four columns at a time: the
/// bytes of a 32-bit word, shifted by as many integers.
#[inline(always)]
const fn byte_column(bits: usize, i: usize) -> usize {
    let (part, byte) = (i / 4, i % 4);
    match bits {
        4 => part / 2 * 8 + part % 2 + 2 * byte,
        // Two pairs, of columns that lie half a block apart.
        6 => 2 * part + byte % 2 + byte / 2 * (BLOCK / 2),
        _ => i,
    }
}

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
    type Weights = int8x16_t;
    /// High bytes and low bytes.
    type Inputs = [int8x16_t; 2];
    /// Sums of the high bytes, and of the low bytes.
    type Sums = [int32x4_t; 2];

    const COLUMNS: usize = 4;

    /// Returns 128 for 8 bits, which makes unsigned bytes signed.
    fn zero_point(bits: usize) -> u8 {
        if bits == 8 { 128 } else { 0 }
    }

    /// Puts the low bytes of four activations before their high bytes.
    #[inline(always)]
    fn arrange(bits: usize, x: &[i16; BLOCK]) -> [i16; BLOCK] {
        let mut bytes = [0; 2 * BLOCK];
        for i in 0..BLOCK {
            let x = x[byte_column(bits, i)];
            let low = x as i8;
            let at = i / 4 * 8 + i % 4;
            bytes[at] = low as u8;
            bytes[at + 4] = ((x - i16::from(low)) >> 8) as u8;
        }
        unsafe { std::mem::transmute::<[u8; 2 * BLOCK], [i16; BLOCK]>(bytes) }
    }

    #[inline(always)]
    unsafe fn zero() -> [int32x4_t; 2] {
        unsafe { [vdupq_n_s32(0); 2] }
    }

    #[inline(always)]
    unsafe fn weights<const BITS: usize>(from: *const u8) -> [int8x16_t; MAX_PARTS] {
        unsafe {
            let word = |i: usize| vld1q_u8(from.add(16 * i));
            let mut weights = [vdupq_n_u8(0); MAX_PARTS];
            match BITS {
                4 => {
                    for i in 0..words(4) {
                        weights[2 * i] = vandq_u8(word(i), vdupq_n_u8(15));
                        weights[2 * i + 1] = vshrq_n_u8::<4>(word(i));
                    }
                }
                6 => {
                    let pairs = unpack_pairs::<6>(from);
                    for i in 0..MAX_PARTS / 2 {
                        let both = vsliq_n_u16::<8>(pairs[2 * i], pairs[2 * i + 1]);
                        weights[i] = vreinterpretq_u8_u16(both);
                    }
                }
                8 => {
                    for i in 0..words(8) {
                        weights[i] = vsubq_u8(word(i), vdupq_n_u8(Self::zero_point(8)));
                    }
                }
                _ => unreachable!("numbers of {BITS} bits"),
            }
            weights.map(|weights| vreinterpretq_s8_u8(weights))
        }
    }

    #[inline(always)]
    unsafe fn inputs(x: *const i16) -> [int8x16_t; 2] {
        unsafe {
            let four = |i: usize| vdupq_n_s32(x.cast::<i32>().add(i).read_unaligned());
            [vreinterpretq_s8_s32(four(1)), vreinterpretq_s8_s32(four(0))]
        }
    }

    #[inline(always)]
    unsafe fn dot(weights: int8x16_t, x: [int8x16_t; 2], sums: [int32x4_t; 2]) -> [int32x4_t; 2] {
        unsafe { [dot_bytes(sums[0], weights, x[0]), dot_bytes(sums[1], weights, x[1])] }
    }

    #[inline(always)]
    unsafe fn add(a: [int32x4_t; 2], b: [int32x4_t; 2]) -> [int32x4_t; 2] {
        unsafe { [vaddq_s32(a[0], b[0]), vaddq_s32(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn to_floats(sums: [int32x4_t; 2]) -> Neon {
        unsafe { Neon(vcvtq_f32_s32(vaddq_s32(vshlq_n_s32::<8>(sums[0]), sums[1]))) }
    }
}
