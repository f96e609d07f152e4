//! Byte matrix products: two rows of weights times the two bytes of each activation.

use super::neon::numbers;
use std::arch::aarch64::*;
use std::arch::asm;

/// Sums of two rows of weights with high and low bytes: row 0 high, row 0 low, row 1 high, row 1
/// low.
pub(crate) type PairSums = int32x4_t;

/// [`STEP`](super::STEP) weights of two rows, in four blocks of eight columns: first row, then
/// second.
pub(crate) type Pair = [uint8x16_t; 4];

/// [`STEP`](super::STEP) activations in the same blocks: high bytes, then low bytes.
pub(crate) type Columns = [int8x16_t; 4];

/// Unpacks [`STEP`](super::STEP) unsigned integers of `BITS` bits of each row. The even ones of
/// every 16 columns come first, which takes the fewest instructions to combine the rows.
///
/// # Safety
/// The CPU has NEON, and the rows are valid for reading `STEP · BITS / 8` bytes.
#[inline(always)]
pub(crate) unsafe fn pair<const BITS: usize>(rows: [*const u8; 2]) -> Pair {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        if BITS == 4 {
            let (a, b) = (vld1q_u8(rows[0]), vld1q_u8(rows[1]));
            let (a, b) = (vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b));
            let first = vreinterpretq_u8_u64(vzip1q_u64(a, b));
            let second = vreinterpretq_u8_u64(vzip2q_u64(a, b));
            let low = vdupq_n_u8(15);
            return [
                vandq_u8(first, low),
                vshrq_n_u8::<4>(first),
                vandq_u8(second, low),
                vshrq_n_u8::<4>(second),
            ];
        }
        let (a, b) = (numbers::<BITS>(rows[0]), numbers::<BITS>(rows[1]));
        [vuzp1q_u8(a[0], b[0]), vuzp2q_u8(a[0], b[0]), vuzp1q_u8(a[1], b[1]), vuzp2q_u8(a[1], b[1])]
    }
}

/// Loads [`STEP`](super::STEP) activations, arranged for [`Dotprod`](super::Dotprod).
///
/// # Safety
/// The CPU has NEON, and `x` is valid for reading them.
#[inline(always)]
pub(crate) unsafe fn columns(x: *const i16) -> Columns {
    // SAFETY: the caller vouches for the CPU and the memory.
    unsafe {
        let x = x.cast::<i8>();
        let (low, high) = ([vld1q_s8(x), vld1q_s8(x.add(16))], x.add(32));
        let high = [vld1q_s8(high), vld1q_s8(high.add(16))];
        [
            vuzp1q_s8(high[0], low[0]),
            vuzp2q_s8(high[0], low[0]),
            vuzp1q_s8(high[1], low[1]),
            vuzp2q_s8(high[1], low[1]),
        ]
    }
}

/// Adds the products of eight columns.
///
/// # Safety
/// The CPU has matrix products of bytes.
#[inline(always)]
pub(crate) unsafe fn multiply(sums: PairSums, weights: uint8x16_t, x: int8x16_t) -> PairSums {
    let mut sums = sums;
    // SAFETY: the caller vouches for the CPU; only the register changes. The intrinsic is not
    // stable yet.
    unsafe {
        asm!(
            "usmmla {sums:v}.4s, {weights:v}.16b, {x:v}.16b",
            sums = inout(vreg) sums,
            weights = in(vreg) weights,
            x = in(vreg) x,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// Returns 256 times the sums with high bytes plus the sums with low bytes, of four rows.
///
/// # Safety
/// The CPU has NEON.
#[inline(always)]
pub(crate) unsafe fn join([first, second]: [PairSums; 2]) -> int32x4_t {
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let (high, low) = (vuzp1q_s32(first, second), vuzp2q_s32(first, second));
        vaddq_s32(vshlq_n_s32::<8>(high), low)
    }
}
