//! AVX-512: 32 products at a time.
//!
//! VNNI's instruction for 16 bits would only save an addition; it multiplies no faster, and
//! multiplications are the bottleneck.

use super::Integers;
use crate::vector::Avx512;
use std::arch::x86_64::*;

/// Unpacks the 32 4-bit integers in 16 bytes.
///
/// # Safety
/// The CPU has AVX-512, and `from` is valid for reading 16 bytes.
#[inline(always)]
unsafe fn nibbles(from: *const u8) -> __m512i {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        let bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()));
        let both = _mm512_or_si512(bytes, _mm512_slli_epi32::<12>(bytes));
        _mm512_and_si512(both, _mm512_set1_epi16(15))
    }
}

/// Byte positions of the 32 6-bit integers. A quarter of the register holds 8 of them (6 bytes) and
/// sees 16 bytes from byte 0 or 8 on.
const PAIRS: [u8; 64] = {
    // Integer i starts in byte 6·i / 8 and ends in the next byte at the latest.
    let pairs = [0, 1, 0, 1, 1, 2, 2, 3, 3, 4, 3, 4, 4, 5, 5, 5];
    let starts = [0, 6, 12 - 8, 18 - 8];
    let mut all = [0; 64];
    let mut i = 0;
    while i < all.len() {
        all[i] = starts[i / 16] + pairs[i % 16];
        i += 1;
    }
    all
};

/// Unpacks the 32 6-bit integers in 24 bytes.
///
/// # Safety
/// The CPU has AVX-512, and `from` is valid for reading 24 bytes.
#[inline(always)]
unsafe fn six_bits(from: *const u8) -> __m512i {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        let first = _mm512_castsi128_si512(_mm_loadu_si128(from.cast()));
        let second = _mm512_castsi128_si512(_mm_loadu_si128(from.add(8).cast()));
        let bytes = _mm512_shuffle_i32x4::<0>(first, second);
        let words = _mm512_shuffle_epi8(bytes, _mm512_loadu_si512(PAIRS.as_ptr().cast()));
        let shifts = _mm512_set1_epi64(0x0002_0004_0006_0000);
        _mm512_and_si512(_mm512_srlv_epi16(words, shifts), _mm512_set1_epi16(63))
    }
}

// SAFETY (of every block below): the callers vouch for the CPU and the memory.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Integers for Avx512 {
    type Floats = Avx512;
    type Weights = __m512i;
    type Sums = __m512i;

    #[inline(always)]
    unsafe fn zero() -> __m512i {
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn weights<const BITS: usize>(from: *const u8) -> __m512i {
        unsafe {
            match BITS {
                4 => nibbles(from),
                6 => six_bits(from),
                8 => _mm512_cvtepu8_epi16(_mm256_loadu_si256(from.cast())),
                _ => unreachable!("numbers of {BITS} bits"),
            }
        }
    }

    #[inline(always)]
    unsafe fn dot(weights: __m512i, x: *const i16, sums: __m512i) -> __m512i {
        unsafe {
            let products = _mm512_madd_epi16(weights, _mm512_loadu_si512(x.cast()));
            _mm512_add_epi32(sums, products)
        }
    }

    #[inline(always)]
    unsafe fn to_floats(sums: __m512i) -> Avx512 {
        unsafe { Avx512(_mm512_cvtepi32_ps(sums)) }
    }
}
