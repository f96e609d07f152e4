//! AVX2 and FMA: 8 lanes.

use super::{DotTile, Twice, Vector, operators};
use half::bf16;
use std::arch::x86_64::*;

const LANES: usize = 8;

#[derive(Clone, Copy)]
pub(crate) struct Avx2(pub(crate) __m256);

operators! { Avx2:
    Add add _mm256_add_ps;
    Sub sub _mm256_sub_ps;
    Mul mul _mm256_mul_ps;
    Div div _mm256_div_ps;
}

/// Returns a mask with all bits set in the first `n` lanes.
///
/// # Safety
/// The CPU has AVX2; `n <= LANES`.
#[inline(always)]
unsafe fn mask(n: usize) -> __m256i {
    const BITS: [i32; 2 * LANES] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: the window of LANES values starts at most LANES in.
    unsafe { _mm256_loadu_si256(BITS.as_ptr().add(LANES - n).cast()) }
}

// SAFETY (of every block below): the constructors' callers vouch for the CPU and the memory;
// elsewhere `self` proves that the CPU has AVX2 and FMA.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Vector for Avx2 {
    const LANES: usize = LANES;
    const TILE_ROWS: usize = 3;
    type Sum = Twice<Self>;
    const DOT_TILE: DotTile = DotTile { rows: 2, tokens: 3 };
    const PANELS: bool = true;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { Self(_mm256_set1_ps(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm256_loadu_ps(from)) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        unsafe { Self(_mm256_maskload_ps(from, mask(n))) }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        unsafe {
            let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide)))
        }
    }

    #[inline(always)]
    unsafe fn load_bf16_part(from: *const bf16, n: usize) -> Self {
        let mut all = [bf16::ZERO; LANES];
        unsafe {
            std::ptr::copy_nonoverlapping(from, all.as_mut_ptr(), n);
            Self::load_bf16(all.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn load_i16(from: *const i16) -> Self {
        unsafe {
            let wide = _mm256_cvtepi16_epi32(_mm_loadu_si128(from.cast()));
            Self(_mm256_cvtepi32_ps(wide))
        }
    }

    #[inline(always)]
    unsafe fn load_i16_part(from: *const i16, n: usize) -> Self {
        let mut all = [0; LANES];
        unsafe {
            std::ptr::copy_nonoverlapping(from, all.as_mut_ptr(), n);
            Self::load_i16(all.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        unsafe { _mm256_maskstore_ps(to, mask(n), self.0) }
    }

    #[inline(always)]
    fn like(self, value: f32) -> Self {
        unsafe { Self::splat(value) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        unsafe { Self(_mm256_fmadd_ps(self.0, factor.0, addend.0)) }
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        unsafe { Self(_mm256_min_ps(self.0, other.0)) }
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        unsafe { Self(_mm256_max_ps(self.0, other.0)) }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        unsafe { Self(_mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0)) }
    }

    #[inline(always)]
    fn round(self) -> Self {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        unsafe { Self(_mm256_round_ps::<NEAREST>(self.0)) }
    }

    #[inline(always)]
    fn exp2_whole(self) -> Self {
        unsafe {
            let biased = _mm256_add_epi32(_mm256_cvtps_epi32(self.0), _mm256_set1_epi32(127));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased)))
        }
    }

    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        unsafe {
            let four =
                _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn reduce_max(self) -> f32 {
        unsafe {
            let four =
                _mm_max_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
}
