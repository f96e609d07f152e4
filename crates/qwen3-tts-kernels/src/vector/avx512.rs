//! AVX-512 F, BW, DQ and VL: 16 lanes.

use super::{Vector, operators};
use half::bf16;
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

operators! { Avx512:
    Add add _mm512_add_ps;
    Sub sub _mm512_sub_ps;
    Mul mul _mm512_mul_ps;
    Div div _mm512_div_ps;
}

#[inline(always)]
fn mask(n: usize) -> __mmask16 {
    (1 << n) - 1
}

/// # Safety
/// The CPU has AVX-512.
#[inline(always)]
unsafe fn widen(values: __m256i) -> Avx512 {
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let wide = _mm512_cvtepu16_epi32(values);
        Avx512(_mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide)))
    }
}

/// The sixteen numbers of 4 bits in two words.
///
/// # Safety
/// The CPU has AVX-512, and `from` is good for reading 2 words of any alignment.
#[inline(always)]
unsafe fn nibbles(from: *const i32) -> __m512i {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        let first = _mm512_set1_epi32(from.read_unaligned());
        let words = _mm512_mask_set1_epi32(first, 0xff00, from.add(1).read_unaligned());
        let shifts = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
        _mm512_and_si512(_mm512_srlv_epi32(words, shifts), _mm512_set1_epi32(15))
    }
}

/// The sixteen numbers of 6 bits in twelve bytes.
///
/// # Safety
/// The CPU has AVX-512, and `from` is good for reading 12 bytes.
#[inline(always)]
unsafe fn six_bits(from: *const u8) -> __m512i {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        let low = _mm_loadl_epi64(from.cast());
        let bytes = _mm_insert_epi32::<2>(low, from.add(8).cast::<i32>().read_unaligned());
        let bytes = _mm256_broadcastsi128_si256(bytes);
        // Number i starts in byte 6·i / 8 and ends in the next at the latest.
        let pairs = _mm256_setr_epi8(
            0, 1, 0, 1, 1, 2, 2, 3, 3, 4, 3, 4, 4, 5, 5, 6, //
            6, 7, 6, 7, 7, 8, 8, 9, 9, 10, 9, 10, 10, 11, 11, 12,
        );
        let words = _mm512_cvtepu16_epi32(_mm256_shuffle_epi8(bytes, pairs));
        let shifts = _mm512_setr_epi32(0, 6, 4, 2, 0, 6, 4, 2, 0, 6, 4, 2, 0, 6, 4, 2);
        _mm512_and_si512(_mm512_srlv_epi32(words, shifts), _mm512_set1_epi32(63))
    }
}

// SAFETY (of every block below): the constructors' callers vouch for the CPU and the memory;
// elsewhere `self` proves that the CPU has AVX-512.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Vector for Avx512 {
    const LANES: usize = 16;
    const TILE_ROWS: usize = 8;
    const TILE_TOKENS: usize = 6;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { Self(_mm512_set1_ps(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm512_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        unsafe { Self(_mm512_maskz_loadu_ps(mask(n), from)) }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        unsafe { widen(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_bf16_part(from: *const bf16, n: usize) -> Self {
        unsafe { widen(_mm256_maskz_loadu_epi16(mask(n), from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_packed<const BITS: usize>(from: *const u8) -> Self {
        unsafe {
            let numbers = match BITS {
                4 => nibbles(from.cast()),
                6 => six_bits(from),
                8 => _mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast())),
                _ => unreachable!("numbers of {BITS} bits"),
            };
            Self(_mm512_cvtepi32_ps(numbers))
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        unsafe { _mm512_mask_storeu_ps(to, mask(n), self.0) }
    }

    #[inline(always)]
    fn like(self, value: f32) -> Self {
        unsafe { Self::splat(value) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        unsafe { Self(_mm512_fmadd_ps(self.0, factor.0, addend.0)) }
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        unsafe { Self(_mm512_min_ps(self.0, other.0)) }
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        unsafe { Self(_mm512_max_ps(self.0, other.0)) }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        unsafe { Self(_mm512_abs_ps(self.0)) }
    }

    #[inline(always)]
    fn round(self) -> Self {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        unsafe { Self(_mm512_roundscale_ps::<NEAREST>(self.0)) }
    }

    #[inline(always)]
    fn exp2_whole(self) -> Self {
        unsafe { Self(_mm512_scalef_ps(_mm512_set1_ps(1.0), self.0)) }
    }

    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self.0) }
    }

    #[inline(always)]
    fn reduce_max(self) -> f32 {
        unsafe { _mm512_reduce_max_ps(self.0) }
    }
}
