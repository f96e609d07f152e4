//! The vector of f32 lanes that kernels are written over, with one implementation per instruction
//! set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod twice;

#[cfg(target_arch = "aarch64")]
pub(crate) use self::neon::Neon;
#[cfg(target_arch = "x86_64")]
pub(crate) use self::{avx2::Avx2, avx512::Avx512};
pub(crate) use self::{portable::Portable, twice::Twice};

use half::bf16;
use std::ops::{Add, Div, Mul, Sub};

/// f32 lanes.
///
/// Only the constructors are unsafe. A vector exists only where a constructor was allowed to run,
/// so a value proves that the CPU has the instructions, and arithmetic on it is safe.
pub(crate) trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// Number of lanes.
    const LANES: usize;
    /// Number of rows of the convolution's register tile, which is 3 vectors wide: as many as the
    /// registers hold, at most [`MAX_TILE_ROWS`].
    const TILE_ROWS: usize;
    /// Vector of the sums of dot products: several registers if a tile has few sums.
    type Sum: Vector;
    /// Tile of dot products, in sums: 2 or 4 rows.
    const DOT_TILE: DotTile;
    /// True if dot products with many tokens are faster with a panel of weights. Then a sum has two
    /// of this vector.
    const PANELS: bool;

    /// Sets all lanes to `value`.
    ///
    /// # Safety
    /// The CPU has the instruction set of this type (true of all constructors).
    unsafe fn splat(value: f32) -> Self;

    /// Loads `LANES` values, of any alignment.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` values.
    unsafe fn load(from: *const f32) -> Self;

    /// Loads the first `n` lanes; the others are 0.
    ///
    /// # Safety
    /// `from` is valid for reading `n` values; `n < LANES`.
    unsafe fn load_part(from: *const f32, n: usize) -> Self;

    /// Loads `LANES` values and widens them to f32.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` values.
    unsafe fn load_bf16(from: *const bf16) -> Self;

    /// Loads the first `n` lanes and widens them; the others are 0.
    ///
    /// # Safety
    /// `from` is valid for reading `n` values; `n < LANES`.
    unsafe fn load_bf16_part(from: *const bf16, n: usize) -> Self;

    /// Loads `LANES` integers and converts them to f32.
    ///
    /// # Safety
    /// `from` is valid for reading `LANES` values.
    unsafe fn load_i16(from: *const i16) -> Self;

    /// Loads the first `n` lanes and converts them; the others are 0.
    ///
    /// # Safety
    /// `from` is valid for reading `n` values; `n < LANES`.
    unsafe fn load_i16_part(from: *const i16, n: usize) -> Self;

    /// Writes `LANES` values.
    ///
    /// # Safety
    /// `to` is valid for writing `LANES` values.
    unsafe fn store(self, to: *mut f32);

    /// Writes the first `n` lanes.
    ///
    /// # Safety
    /// `to` is valid for writing `n` values; `n < LANES`.
    unsafe fn store_part(self, to: *mut f32, n: usize);

    /// Sets all lanes to `value`; `self` proves that the instructions exist.
    fn like(self, value: f32) -> Self;

    /// Returns `self · factor + addend`, rounded once if the CPU has the instruction.
    fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// Returns the smaller of each two lanes, or that of `other` if one is NaN.
    fn min(self, other: Self) -> Self;

    /// Returns the larger of each two lanes, or that of `other` if one is NaN.
    fn max(self, other: Self) -> Self;

    /// Returns the absolute value of each lane.
    fn abs(self) -> Self;

    /// Rounds each lane to the nearest integer: exact for |lane| < 2²², finite for any finite lane.
    fn round(self) -> Self;

    /// Returns 2 to the power of each lane, which must be an integer in −126 ..= 127.
    fn exp2_whole(self) -> Self;

    /// Returns the sum of all lanes, always added in the same order.
    fn reduce_sum(self) -> f32;

    /// Returns the maximum of all lanes.
    fn reduce_max(self) -> f32;
}

/// Maximum of [`Vector::LANES`].
pub(crate) const MAX_LANES: usize = 16;
/// Maximum of [`Vector::TILE_ROWS`].
pub(crate) const MAX_TILE_ROWS: usize = 9;
/// Rows and tokens whose dot products are computed together.
#[derive(Clone, Copy)]
pub(crate) struct DotTile {
    pub(crate) rows: usize,
    /// At most [`MAX_TILE_TOKENS`].
    pub(crate) tokens: usize,
}

/// Maximum of [`DotTile::tokens`].
pub(crate) const MAX_TILE_TOKENS: usize = 6;

/// Prefetches the cache line at `from` into L2. Any address is allowed.
#[inline(always)]
pub(crate) fn prefetch<T>(from: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64, and a prefetch never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(from.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch never faults, and changes neither memory nor flags.
    unsafe {
        use std::arch::asm;
        asm!("prfm pldl2keep, [{}]", in(reg) from, options(nostack, readonly, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = from;
}

/// Implements `Add`, `Sub`, `Mul` and `Div` of a vector type with functions on its inner value.
macro_rules! operators {
    ($vector:ident: $($op:ident $method:ident $with:expr;)*) => {$(
        impl std::ops::$op for $vector {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: the values prove that the CPU has the instruction set.
                #[allow(unused_unsafe)]
                unsafe { Self($with(self.0, other.0)) }
            }
        }
    )*};
}
use operators;
