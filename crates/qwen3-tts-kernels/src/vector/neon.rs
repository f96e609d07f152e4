//! NEON: 4 lanes per register.

use super::{DotTile, Vector, operators};
use half::bf16;
use std::arch::aarch64::*;

const LANES: usize = 4;

#[derive(Clone, Copy)]
pub(crate) struct Neon(pub(crate) float32x4_t);

operators! { Neon:
    Add add vaddq_f32;
    Sub sub vsubq_f32;
    Mul mul vmulq_f32;
    Div div vdivq_f32;
}

// SAFETY (of every block below): the constructors' callers vouch for the CPU and the memory;
// elsewhere `self` proves that the CPU has NEON.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Vector for Neon {
    const LANES: usize = LANES;
    // `Twice` halves these rows and tokens; its tiles then leave few of the 32 registers free.
    const TILE_ROWS: usize = 6;
    type Sum = Self;
    const DOT_TILE: DotTile = DotTile { rows: 4, tokens: 4 };
    const PANELS: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { Self(vdupq_n_f32(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(vld1q_f32(from)) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        let mut all = [0.0; LANES];
        unsafe {
            std::ptr::copy_nonoverlapping(from, all.as_mut_ptr(), n);
            Self::load(all.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        unsafe { Self(vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(from.cast())))) }
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
        unsafe { Self(vcvtq_f32_s32(vmovl_s16(vld1_s16(from)))) }
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
        unsafe { vst1q_f32(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        let mut all = [0.0; LANES];
        unsafe {
            self.store(all.as_mut_ptr());
            std::ptr::copy_nonoverlapping(all.as_ptr(), to, n);
        }
    }

    #[inline(always)]
    fn like(self, value: f32) -> Self {
        unsafe { Self::splat(value) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        unsafe { Self(vfmaq_f32(addend.0, self.0, factor.0)) }
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        unsafe { Self(vbslq_f32(vcltq_f32(self.0, other.0), self.0, other.0)) }
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        unsafe { Self(vbslq_f32(vcgtq_f32(self.0, other.0), self.0, other.0)) }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        unsafe { Self(vabsq_f32(self.0)) }
    }

    #[inline(always)]
    fn round(self) -> Self {
        unsafe { Self(vrndnq_f32(self.0)) }
    }

    #[inline(always)]
    fn exp2_whole(self) -> Self {
        unsafe {
            let biased = vaddq_s32(vcvtq_s32_f32(self.0), vdupq_n_s32(127));
            Self(vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased)))
        }
    }

    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        unsafe { vpadds_f32(vadd_f32(vget_low_f32(self.0), vget_high_f32(self.0))) }
    }

    #[inline(always)]
    fn reduce_max(self) -> f32 {
        unsafe { vmaxvq_f32(self.0) }
    }
}
