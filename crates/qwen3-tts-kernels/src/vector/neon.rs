//! NEON: 4 lanes a register.

use super::Vector;
use half::bf16;
use std::arch::aarch64::*;
use std::array::from_fn;

/// The most registers of a vector.
const MAX: usize = 2;

/// Lanes in `N` registers.
///
/// A multiply-add takes four cycles and a core begins two to four of them in each, so one register
/// a sum leaves most of them idle where few sums are under way; with two, the tiles still fit into
/// the 32 registers, and sums have the order of other instruction sets with eight lanes.
#[derive(Clone, Copy)]
pub(crate) struct Neon<const N: usize>(pub(crate) [float32x4_t; N]);

/// Implements an operator by a function on registers.
macro_rules! operator {
    ($op:ident $method:ident $with:ident) => {
        impl<const N: usize> std::ops::$op for Neon<N> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: the values prove that the CPU has NEON.
                Self(from_fn(|i| unsafe { $with(self.0[i], other.0[i]) }))
            }
        }
    };
}
operator!(Add add vaddq_f32);
operator!(Sub sub vsubq_f32);
operator!(Mul mul vmulq_f32);
operator!(Div div vdivq_f32);

// SAFETY (of every block below): the constructors' callers vouch for the CPU and the memory;
// elsewhere `self` proves that the CPU has NEON.
#[allow(clippy::undocumented_unsafe_blocks)]
impl<const N: usize> Vector for Neon<N> {
    const LANES: usize = 4 * N;
    const TILE_ROWS: usize = 4;
    const TILE_TOKENS: usize = 2;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { Self([vdupq_n_f32(value); N]) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(from_fn(|i| unsafe { vld1q_f32(from.add(4 * i)) }))
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        let mut all = [0.0; 4 * MAX];
        unsafe {
            std::ptr::copy_nonoverlapping(from, all.as_mut_ptr(), n);
            Self::load(all.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        // Zeros below the bits of a bfloat16 make it a float32.
        let widen = |half| unsafe { vreinterpretq_f32_u32(vshll_n_u16::<16>(half)) };
        Self(from_fn(|i| unsafe { widen(vld1_u16(from.add(4 * i).cast())) }))
    }

    #[inline(always)]
    unsafe fn load_bf16_part(from: *const bf16, n: usize) -> Self {
        let mut all = [bf16::ZERO; 4 * MAX];
        unsafe {
            std::ptr::copy_nonoverlapping(from, all.as_mut_ptr(), n);
            Self::load_bf16(all.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        for i in 0..N {
            unsafe { vst1q_f32(to.add(4 * i), self.0[i]) }
        }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        let mut all = [0.0; 4 * MAX];
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
        Self(from_fn(|i| unsafe { vfmaq_f32(addend.0[i], self.0[i], factor.0[i]) }))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        let min = |a, b| unsafe { vbslq_f32(vcltq_f32(a, b), a, b) };
        Self(from_fn(|i| min(self.0[i], other.0[i])))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        let max = |a, b| unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) };
        Self(from_fn(|i| max(self.0[i], other.0[i])))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(|lanes| unsafe { vabsq_f32(lanes) }))
    }

    #[inline(always)]
    fn round(self) -> Self {
        Self(self.0.map(|lanes| unsafe { vrndnq_f32(lanes) }))
    }

    #[inline(always)]
    fn exp2_whole(self) -> Self {
        Self(self.0.map(|lanes| unsafe {
            let biased = vaddq_s32(vcvtq_s32_f32(lanes), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))
        }))
    }

    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        unsafe {
            let mut four = self.0[0];
            for i in 1..N {
                four = vaddq_f32(four, self.0[i]);
            }
            vpadds_f32(vadd_f32(vget_low_f32(four), vget_high_f32(four)))
        }
    }

    #[inline(always)]
    fn reduce_max(self) -> f32 {
        unsafe {
            let mut four = self.0[0];
            for i in 1..N {
                four = vmaxq_f32(four, self.0[i]);
            }
            vmaxvq_f32(four)
        }
    }
}
