//! AVX2: 16 products at a time.

use super::Integers;
use crate::vector::Avx2;
use std::arch::x86_64::*;

/// Unpacks the sixteen 4-bit integers in 8 bytes.
///
/// # Safety
/// The CPU has AVX2, and `from` is valid for reading 8 bytes.
#[inline(always)]
unsafe fn nibbles(from: *const u8) -> __m256i {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        let bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()));
        let both = _mm256_or_si256(bytes, _mm256_slli_epi32::<12>(bytes));
        _mm256_and_si256(both, _mm256_set1_epi16(15))
    }
}

/// Unpacks the sixteen 6-bit integers in the 12 bytes that begin `SKIP` bytes after `from`.
///
/// # Safety
/// The CPU has AVX2, and `from` is valid for reading 16 bytes.
#[inline(always)]
unsafe fn six_bits<const SKIP: i8>(from: *const u8) -> __m256i {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        let bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128(from.cast()));
        // Integer i starts in byte 6·i / 8 and ends in the next byte at the latest.
        let pairs = _mm256_setr_epi8(
            0, 1, 0, 1, 1, 2, 2, 3, 3, 4, 3, 4, 4, 5, 5, 5, //
            6, 7, 6, 7, 7, 8, 8, 9, 9, 10, 9, 10, 10, 11, 11, 11,
        );
        let words = _mm256_shuffle_epi8(bytes, _mm256_add_epi8(pairs, _mm256_set1_epi8(SKIP)));
        // AVX2 has no per-lane shift of 16 bits; a product moves each integer to the top instead.
        let to_top = _mm256_set1_epi64x(0x0100_0040_0010_0400);
        _mm256_srli_epi16::<10>(_mm256_mullo_epi16(words, to_top))
    }
}

// SAFETY (of every block below): the callers vouch for the CPU and the memory.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Integers for Avx2 {
    type Floats = Avx2;
    type Weights = [__m256i; 2];
    type Sums = __m256i;

    #[inline(always)]
    unsafe fn zero() -> __m256i {
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    unsafe fn weights<const BITS: usize>(from: *const u8) -> [__m256i; 2] {
        unsafe {
            let bytes = |from: *const u8| _mm256_cvtepu8_epi16(_mm_loadu_si128(from.cast()));
            match BITS {
                4 => [nibbles(from), nibbles(from.add(8))],
                6 => [six_bits::<0>(from), six_bits::<4>(from.add(8))],
                8 => [bytes(from), bytes(from.add(16))],
                _ => unreachable!("numbers of {BITS} bits"),
            }
        }
    }

    #[inline(always)]
    unsafe fn dot(weights: [__m256i; 2], x: *const i16, sums: __m256i) -> __m256i {
        unsafe {
            let first = _mm256_madd_epi16(weights[0], _mm256_loadu_si256(x.cast()));
            let second = _mm256_madd_epi16(weights[1], _mm256_loadu_si256(x.add(16).cast()));
            _mm256_add_epi32(_mm256_add_epi32(sums, first), second)
        }
    }

    #[inline(always)]
    unsafe fn to_floats(sums: __m256i) -> Avx2 {
        unsafe { Avx2(_mm256_cvtepi32_ps(sums)) }
    }
}
