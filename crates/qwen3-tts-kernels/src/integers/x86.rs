//! AVX2 and AVX-512: 16 or 32 products at a time.

use super::{BLOCK, CHAINS, Integers, MAX_PARTS, pairs, words};
use crate::vector::{Avx2, Avx512};
use std::arch::x86_64::*;

/// Defines the integers of a register width from their name, the name of the floats, the type of a
/// register and its instructions.
macro_rules! integers {
    ($(#[$doc:meta])* $Name:ident: $Floats:ident $Register:ty;
        $zero:ident $load:ident $splat16:ident $splat32:ident $and:ident $or:ident $shift:ident
        $shift_sums:ident $add:ident $multiply_pairs:ident $multiply_pairs_add:ident $to_floats:ident) => {
        $(#[$doc])*
        pub(crate) struct $Name<const VNNI: bool>;

        // SAFETY (of every block below): the callers vouch for the CPU and the memory.
        #[allow(clippy::undocumented_unsafe_blocks)]
        impl<const VNNI: bool> Integers for $Name<VNNI> {
            type Floats = $Floats;
            type Weights = $Register;
            type Inputs = $Register;
            type Sums = $Register;

            const COLUMNS: usize = 2;

            #[inline(always)]
            fn arrange(bits: usize, x: &[i16; BLOCK]) -> [i16; BLOCK] {
                pairs(bits, x)
            }

            #[inline(always)]
            unsafe fn zero() -> $Register {
                unsafe { $zero() }
            }

            #[inline(always)]
            unsafe fn weights<const BITS: usize>(from: *const u8) -> [$Register; MAX_PARTS] {
                unsafe {
                    let mut weights = Self::scaled_weights::<BITS>(from);
                    if BITS == 4 {
                        for i in 0..words(4) {
                            weights[4 * i + 1] = $shift::<4>(weights[4 * i + 1]);
                        }
                    }
                    weights
                }
            }

            #[inline(always)]
            unsafe fn scaled_weights<const BITS: usize>(
                from: *const u8,
            ) -> [$Register; MAX_PARTS] {
                unsafe {
                    let word = |i: usize| $load(from.cast::<$Register>().add(i));
                    let mut weights = [$zero(); MAX_PARTS];
                    match BITS {
                        4 => {
                            let mask = $splat16(15);
                            for i in 0..words(4) {
                                let word = word(i);
                                weights[4 * i] = $and(word, mask);
                                // Times 16, which saves a shift.
                                weights[4 * i + 1] = $and(word, $splat16(15 << 4));
                                weights[4 * i + 2] = $and($shift::<8>(word), mask);
                                weights[4 * i + 3] = $shift::<12>(word);
                            }
                        }
                        6 => {
                            let (mask, high) = ($splat16(63), $splat16(48));
                            let word = [word(0), word(1), word(2)];
                            for i in 0..words(6) {
                                weights[2 * i] = $and(word[i], mask);
                                weights[2 * i + 1] = $and($shift::<6>(word[i]), mask);
                            }
                            let last = [$shift::<8>(word[2]), $shift::<10>(word[2])];
                            for i in 0..2 {
                                weights[6 + i] = $or($shift::<12>(word[i]), $and(last[i], high));
                            }
                        }
                        8 => {
                            let mask = $splat16(255);
                            for i in 0..words(8) {
                                let word = word(i);
                                weights[2 * i] = $and(word, mask);
                                weights[2 * i + 1] = $shift::<8>(word);
                            }
                        }
                        _ => unreachable!("numbers of {BITS} bits"),
                    }
                    weights
                }
            }

            #[inline(always)]
            unsafe fn total<const BITS: usize>([a, b, c, d]: [$Register; CHAINS]) -> $Register {
                unsafe {
                    // A multiple of 16, so the shift is exact. Groups of up to 128 have 32 such
                    // products, of up to 15·16·32639 each: less than 2³¹ together.
                    let b = if BITS == 4 { $shift_sums::<4>(b) } else { b };
                    $add($add(a, b), $add(c, d))
                }
            }

            #[inline(always)]
            unsafe fn inputs(x: *const i16) -> $Register {
                unsafe { $splat32(x.cast::<i32>().read_unaligned()) }
            }

            #[inline(always)]
            unsafe fn dot(weights: $Register, x: $Register, sums: $Register) -> $Register {
                unsafe {
                    match VNNI {
                        true => $multiply_pairs_add(sums, weights, x),
                        false => $add(sums, $multiply_pairs(weights, x)),
                    }
                }
            }

            #[inline(always)]
            unsafe fn add(a: $Register, b: $Register) -> $Register {
                unsafe { $add(a, b) }
            }

            #[inline(always)]
            unsafe fn to_floats(sums: $Register) -> $Floats {
                unsafe { $Floats($to_floats(sums)) }
            }
        }
    };
}

integers! {
    /// AVX2, or AVX-VNNI, which adds products in the instruction that multiplies.
    Avx2Integers: Avx2 __m256i;
    _mm256_setzero_si256 _mm256_loadu_si256 _mm256_set1_epi16 _mm256_set1_epi32 _mm256_and_si256
    _mm256_or_si256 _mm256_srli_epi16 _mm256_srai_epi32 _mm256_add_epi32 _mm256_madd_epi16 _mm256_dpwssd_avx_epi32
    _mm256_cvtepi32_ps
}

integers! {
    /// AVX-512 BW, or its VNNI, which adds products in the instruction that multiplies.
    Avx512Integers: Avx512 __m512i;
    _mm512_setzero_si512 _mm512_loadu_si512 _mm512_set1_epi16 _mm512_set1_epi32 _mm512_and_si512
    _mm512_or_si512 _mm512_srli_epi16 _mm512_srai_epi32 _mm512_add_epi32 _mm512_madd_epi16 _mm512_dpwssd_epi32
    _mm512_cvtepi32_ps
}
