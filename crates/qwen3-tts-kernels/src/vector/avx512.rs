//! AVX-512 F, BW, DQ and VL: 16 lanes.

use super::{DotTile, Vector, operators};
use half::bf16;
use std::arch::x86_64::*;

#[derive(Clone, Copy)]
pub(crate) struct Avx512(pub(crate) __m512);

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

// SAFETY (of every block below): the constructors' callers vouch for the CPU and the memory;
// elsewhere `self` proves that the CPU has AVX-512.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Vector for Avx512 {
    const LANES: usize = 16;
    const TILE_ROWS: usize = 8;
    type Sum = Self;
    const DOT_TILE: DotTile = DotTile { rows: 4, tokens: 6 };
    const PANELS: bool = false;

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
    unsafe fn load_i16(from: *const i16) -> Self {
        unsafe {
            let wide = _mm512_cvtepi16_epi32(_mm256_loadu_si256(from.cast()));
            Self(_mm512_cvtepi32_ps(wide))
        }
    }

    #[inline(always)]
    unsafe fn load_i16_part(from: *const i16, n: usize) -> Self {
        unsafe {
            let wide = _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask(n), from));
            Self(_mm512_cvtepi32_ps(wide))
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
