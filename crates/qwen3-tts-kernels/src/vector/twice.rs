//! Two vectors side by side.

use super::{DotTile, Vector};
use half::bf16;

/// A vector with twice the lanes of `V`.
///
/// A multiply-add has a latency of about four cycles, and a core can start several per cycle. With
/// one register per sum and few sums at a time, most of these slots stay idle; sums of two
/// registers fill them.
#[derive(Clone, Copy)]
pub(crate) struct Twice<V>(V, V);

/// Implements an operator with that of the halves.
macro_rules! halves {
    ($($op:ident $method:ident $sign:tt;)*) => {$(
        impl<V: Vector> std::ops::$op for Twice<V> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0 $sign other.0, self.1 $sign other.1)
            }
        }
    )*};
}
halves! { Add add +; Sub sub -; Mul mul *; Div div /; }

// SAFETY (of every block below): the callers' guarantees hold for each half.
#[allow(clippy::undocumented_unsafe_blocks)]
impl<V: Vector> Vector for Twice<V> {
    const LANES: usize = 2 * V::LANES;
    const TILE_ROWS: usize = V::TILE_ROWS / 2;
    type Sum = Self;
    const DOT_TILE: DotTile = DotTile { rows: 4, tokens: V::DOT_TILE.tokens / 2 };
    const PANELS: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { Self(V::splat(value), V::splat(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(V::load(from), V::load(from.add(V::LANES))) }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        unsafe {
            match n.checked_sub(V::LANES) {
                Some(more) => Self(V::load(from), V::load_part(from.add(V::LANES), more)),
                None => Self(V::load_part(from, n), V::splat(0.0)),
            }
        }
    }

    #[inline(always)]
    unsafe fn load_bf16(from: *const bf16) -> Self {
        unsafe { Self(V::load_bf16(from), V::load_bf16(from.add(V::LANES))) }
    }

    #[inline(always)]
    unsafe fn load_bf16_part(from: *const bf16, n: usize) -> Self {
        unsafe {
            match n.checked_sub(V::LANES) {
                Some(more) => Self(V::load_bf16(from), V::load_bf16_part(from.add(V::LANES), more)),
                None => Self(V::load_bf16_part(from, n), V::splat(0.0)),
            }
        }
    }

    #[inline(always)]
    unsafe fn load_i16(from: *const i16) -> Self {
        unsafe { Self(V::load_i16(from), V::load_i16(from.add(V::LANES))) }
    }

    #[inline(always)]
    unsafe fn load_i16_part(from: *const i16, n: usize) -> Self {
        unsafe {
            match n.checked_sub(V::LANES) {
                Some(more) => Self(V::load_i16(from), V::load_i16_part(from.add(V::LANES), more)),
                None => Self(V::load_i16_part(from, n), V::splat(0.0)),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe {
            self.0.store(to);
            self.1.store(to.add(V::LANES));
        }
    }

    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        unsafe {
            match n.checked_sub(V::LANES) {
                Some(more) => {
                    self.0.store(to);
                    self.1.store_part(to.add(V::LANES), more);
                }
                None => self.0.store_part(to, n),
            }
        }
    }

    #[inline(always)]
    fn like(self, value: f32) -> Self {
        Self(self.0.like(value), self.1.like(value))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(self.0.mul_add(factor.0, addend.0), self.1.mul_add(factor.1, addend.1))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0), self.1.min(other.1))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0), self.1.max(other.1))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs(), self.1.abs())
    }

    #[inline(always)]
    fn round(self) -> Self {
        Self(self.0.round(), self.1.round())
    }

    #[inline(always)]
    fn exp2_whole(self) -> Self {
        Self(self.0.exp2_whole(), self.1.exp2_whole())
    }

    #[inline(always)]
    fn reduce_sum(self) -> f32 {
        (self.0 + self.1).reduce_sum()
    }

    #[inline(always)]
    fn reduce_max(self) -> f32 {
        self.0.reduce_max().max(self.1.reduce_max())
    }
}
