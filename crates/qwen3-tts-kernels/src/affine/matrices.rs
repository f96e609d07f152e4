//! [`AffineRows`] with byte matrix products: four rows at once, one in each lane of the floats.

use super::Bits;
use super::rows::{AHEAD, AffineRows, load};
use crate::integers::STEP;
use crate::integers::i8mm::{columns, join, multiply, pair};
use crate::vector::{Neon, prefetch};
use std::arch::aarch64::*;

/// Number of rows in a tile, and of lanes in a vector.
const ROWS: usize = 4;
/// Number of tokens in a tile.
const TOKENS: usize = 4;

impl AffineRows<'_> {
    /// # Safety
    /// As [`IntegerKernel::run`](crate::dispatch::IntegerKernel::run); the CPU has dot products and
    /// matrix products of bytes.
    #[inline(always)]
    pub(super) unsafe fn by_matrices(&self) {
        // SAFETY: upheld by the caller. A group of 32 is one step, the others are pairs of steps.
        unsafe {
            match (self.weight.bits, self.weight.group_size > STEP) {
                (Bits::Four, false) => self.matrices::<4, 1>(),
                (Bits::Four, true) => self.matrices::<4, 2>(),
                (Bits::Six, false) => self.matrices::<6, 1>(),
                (Bits::Six, true) => self.matrices::<6, 2>(),
                (Bits::Eight, false) => self.matrices::<8, 1>(),
                (Bits::Eight, true) => self.matrices::<8, 2>(),
            }
        }
    }

    /// # Safety
    /// As [`AffineRows::by_matrices`]; the weight has `BITS` bits, and groups of whole `STEPS`.
    #[inline(always)]
    unsafe fn matrices<const BITS: usize, const STEPS: usize>(&self) {
        let mut token = 0;
        while token < self.tokens {
            let n = match self.tokens - token {
                n @ (1 | 2) => n,
                3 => 2,
                _ => TOKENS,
            };
            for row in (0..self.rows).step_by(ROWS) {
                // SAFETY: the rows and tokens exist.
                unsafe {
                    match n {
                        1 => self.matrix_tile::<BITS, STEPS, 1>(row, token),
                        2 => self.matrix_tile::<BITS, STEPS, 2>(row, token),
                        _ => self.matrix_tile::<BITS, STEPS, TOKENS>(row, token),
                    }
                }
            }
            token += n;
        }
    }

    /// # Safety
    /// As [`AffineRows::matrices`]; row `row` and tokens token .. token + T exist.
    #[inline(always)]
    unsafe fn matrix_tile<const BITS: usize, const STEPS: usize, const T: usize>(
        &self,
        row: usize,
        token: usize,
    ) {
        let group_size = self.weight.group_size;
        let groups = self.cols / group_size;
        // Rows past the end repeat the last row.
        let rows: [usize; ROWS] = std::array::from_fn(|r| self.row + (row + r).min(self.rows - 1));
        // SAFETY: the rows and tokens exist, each of whole groups.
        unsafe {
            let row_bytes = self.cols * BITS / 8;
            let packed = rows.map(|row| self.weight.packed.as_ptr().add(row * row_bytes));
            let x: [*const i16; T] = std::array::from_fn(|t| self.x.row(token + t));
            let x_scales: [*const f32; T] = std::array::from_fn(|t| self.x.scales(token + t, 0));
            let x_sums: [*const f32; T] = std::array::from_fn(|t| self.x.sums(token + t, 0));
            let mut sums = [vdupq_n_f32(0.0); T];
            let mut group = 0;
            while group < groups {
                let n = (groups - group).min(ROWS);
                let mut scales = [vdupq_n_f32(0.0); ROWS];
                let mut biases = scales;
                for r in 0..ROWS {
                    let at = rows[r] * groups + group;
                    scales[r] = load::<Neon>(self.weight.scales, at, n).0;
                    biases[r] = load::<Neon>(self.weight.biases, at, n).0;
                }
                let (scales, biases) = (transposed(scales), transposed(biases));
                for i in 0..n {
                    let mut factors = [vdupq_n_f32(0.0); T];
                    for t in 0..T {
                        sums[t] = vfmaq_n_f32(sums[t], biases[i], *x_sums[t].add(group + i));
                        factors[t] = vmulq_n_f32(scales[i], *x_scales[t].add(group + i));
                    }
                    let start = (group + i) * group_size;
                    for chunk in 0..group_size / (STEPS * STEP) {
                        let k = start + chunk * STEPS * STEP;
                        let mut weights = [[[vdupq_n_u8(0); 4]; STEPS]; 2];
                        for p in 0..2 {
                            let from = [packed[2 * p], packed[2 * p + 1]];
                            for step in 0..STEPS {
                                let at = (k + step * STEP) * BITS / 8;
                                weights[p][step] = pair::<BITS>([from[0].add(at), from[1].add(at)]);
                            }
                            prefetch(from[0].wrapping_add(k * BITS / 8 + AHEAD));
                            prefetch(from[1].wrapping_add(k * BITS / 8 + AHEAD));
                        }
                        for t in 0..T {
                            let mut dots = [vdupq_n_s32(0); 2];
                            for step in 0..STEPS {
                                let x = columns(x[t].add(k + step * STEP));
                                for c in 0..x.len() {
                                    dots[0] = multiply(dots[0], weights[0][step][c], x[c]);
                                    dots[1] = multiply(dots[1], weights[1][step][c], x[c]);
                                }
                            }
                            sums[t] = vfmaq_f32(sums[t], vcvtq_f32_s32(join(dots)), factors[t]);
                        }
                    }
                }
                group += n;
            }
            for t in 0..T {
                let mut lanes = [0.0; ROWS];
                vst1q_f32(lanes.as_mut_ptr(), sums[t]);
                let n = (self.rows - row).min(ROWS);
                let y = self.y.add((token + t) * self.y_token + row);
                std::ptr::copy_nonoverlapping(lanes.as_ptr(), y, n);
            }
        }
    }
}

/// # Safety
/// The CPU has NEON.
#[inline(always)]
unsafe fn transposed(rows: [float32x4_t; ROWS]) -> [float32x4_t; ROWS] {
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let [a, b, c, d] = rows;
        let [first, third] = halves(vtrn1q_f32(a, b), vtrn1q_f32(c, d));
        let [second, fourth] = halves(vtrn2q_f32(a, b), vtrn2q_f32(c, d));
        [first, second, third, fourth]
    }
}

/// Returns the first halves of two vectors, and their second halves.
///
/// # Safety
/// The CPU has NEON.
#[inline(always)]
unsafe fn halves(a: float32x4_t, b: float32x4_t) -> [float32x4_t; 2] {
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let (a, b) = (vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b));
        [vreinterpretq_f32_f64(vtrn1q_f64(a, b)), vreinterpretq_f32_f64(vtrn2q_f64(a, b))]
    }
}
