//! Lanes in an array: plain Rust that compilers vectorise for any CPU.

use super::{DotTile, Vector, operators};
use half::bf16;

const LANES: usize = 8;

/// 1.5 · 2²³: added to a value below 2²², it shifts the fraction out of the mantissa.
const ROUNDER: f32 = 12_582_912.0;

#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; LANES]);

#[inline(always)]
fn zip(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

operators! { Portable:
    Add add (|a, b| zip(a, b, |a, b| a + b));
    Sub sub (|a, b| zip(a, b, |a, b| a - b));
    Mul mul (|a, b| zip(a, b, |a, b| a * b));
    Div div (|a, b| zip(a, b, |a, b| a / b));
}

impl Vector for Portable {
    const LANES: usize = LANES;
    const TILE_ROWS: usize = 2;
    type Sum = Self;
    const DOT_TILE: DotTile = DotTile { rows: 4, tokens: 2 };
    const PANELS: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for LANES values; an array of f32 has their alignment.
        Self(unsafe { from.cast::<[f32; LANES]>().read() })
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        // SAFETY: only the first n values are read.
        Self(std::array::from_fn(|i| if i < n { unsafe { *from.add(i) } } else { 0.0 }))
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        // SAFETY: the caller vouches for LANES values.
        Self(std::array::from_fn(|i| unsafe { widen(*from.add(i)) }))
    }

    #[inline(always)]
    unsafe fn load_bf16_part(from: *const bf16, n: usize) -> Self {
        // SAFETY: only the first n values are read.
        Self(std::array::from_fn(|i| if i < n { unsafe { widen(*from.add(i)) } } else { 0.0 }))
    }

    #[inline(always)]
    unsafe fn load_i16(from: *const i16) -> Self {
        // SAFETY: the caller vouches for LANES values.
        Self(std::array::from_fn(|i| f32::from(unsafe { *from.add(i) })))
    }

    #[inline(always)]
    unsafe fn load_i16_part(from: *const i16, n: usize) -> Self {
        // SAFETY: only the first n values are read.
        Self(std::array::from_fn(|i| if i < n { f32::from(unsafe { *from.add(i) }) } else { 0.0 }))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for LANES values.
        unsafe { to.cast::<[f32; LANES]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        for i in 0..n {
            // SAFETY: the caller vouches for n values.
            unsafe { *to.add(i) = self.0[i] }
        }
    }

    #[inline(always)]
    fn like(self, value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // Without an FMA instruction, `f32::mul_add` is a slow library call.
        if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
            Self(std::array::from_fn(|i| self.0[i].mul_add(factor.0[i], addend.0[i])))
        } else {
            self * factor + addend
        }
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| if a < b { a } else { b }))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |a, b| if a > b { a } else { b }))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    #[inline(always)]
    fn round(self) -> Self {
        Self(self.0.map(|x| (x + ROUNDER) - ROUNDER))
    }

    #[inline(always)]
    fn exp2_whole(self) -> Self {
        let exponent = |x: f32| (x + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits());
        Self(self.0.map(|x| f32::from_bits(exponent(x).wrapping_add(127) << 23)))
    }

    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        let x = self.0;
        ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
    }

    #[inline(always)]
    fn reduce_max(self) -> f32 {
        self.0.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}

#[inline(always)]
fn widen(value: bf16) -> f32 {
    f32::from_bits(u32::from(value.to_bits()) << 16)
}
