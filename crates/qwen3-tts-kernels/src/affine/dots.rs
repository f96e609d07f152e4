//! Products of quantised rows with quantised activations.
//!
//! With w = scale·q + bias and x ≈ s·ξ in each group g,
//! Σₖ x·w ≈ Σ_g s·scale·Σ q·ξ + s·bias·Σ ξ, where Σ q·ξ is exact in 32 bits. The floats are added
//! in the same order in every tile, so a product depends on its two rows only: not on the number of
//! tokens or threads.

use super::Bits;
use super::rows::{AHEAD, AffineRows, load, part};
use crate::dispatch::IntegerKernel;
use crate::dot::TILE;
use crate::integers::{Integers, STEP};
use crate::vector::{Vector, prefetch};

/// Number of tokens in a tile.
const TOKENS: usize = 4;
/// Maximum number of lanes of any vector.
const MAX_LANES: usize = 16;

impl IntegerKernel for AffineRows<'_> {
    /// # Safety
    /// The weight has been checked against its shape and has these rows; x has rows of `cols` for
    /// the tokens, in groups of the weight's size; y is valid for writing, and no other thread
    /// accesses it there.
    #[inline(always)]
    unsafe fn run<I: Integers>(self) {
        const { assert!(I::Floats::LANES <= MAX_LANES) };
        // SAFETY: upheld by the caller. A group of 32 is one step, the others are pairs of steps.
        unsafe {
            match (self.weight.bits, self.weight.group_size > STEP) {
                (Bits::Four, false) => self.all::<I, 4, 1>(),
                (Bits::Four, true) => self.all::<I, 4, 2>(),
                (Bits::Six, false) => self.all::<I, 6, 1>(),
                (Bits::Six, true) => self.all::<I, 6, 2>(),
                (Bits::Eight, false) => self.all::<I, 8, 1>(),
                (Bits::Eight, true) => self.all::<I, 8, 2>(),
            }
        }
    }

    /// # Safety
    /// As [`AffineRows::run`].
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    unsafe fn run_i8mm(self) {
        // SAFETY: upheld by the caller.
        unsafe { self.by_matrices() }
    }
}

impl AffineRows<'_> {
    /// # Safety
    /// As [`AffineRows::run`]; the weight has `BITS` bits, and groups of whole `STEPS`.
    #[inline(always)]
    unsafe fn all<I: Integers, const BITS: usize, const STEPS: usize>(&self) {
        let mut token = 0;
        while token < self.tokens {
            // SAFETY: each arm takes at most the remaining tokens.
            token += unsafe {
                match self.tokens - token {
                    1 => self.rows::<I, BITS, STEPS, 1>(token),
                    2 | 3 => self.rows::<I, BITS, STEPS, 2>(token),
                    _ => self.rows::<I, BITS, STEPS, TOKENS>(token),
                }
            };
        }
    }

    /// Returns `T`.
    ///
    /// # Safety
    /// As [`AffineRows::all`]; tokens token .. token + T exist.
    #[inline(always)]
    unsafe fn rows<I: Integers, const BITS: usize, const STEPS: usize, const T: usize>(
        &self,
        token: usize,
    ) -> usize {
        let whole = self.rows - self.rows % TILE;
        // SAFETY: row + the tile's height stays within the rows.
        unsafe {
            for row in (0..whole).step_by(TILE) {
                self.tile::<I, BITS, STEPS, TILE, T>(row, token);
            }
            for row in whole..self.rows {
                for t in 0..T {
                    self.tile::<I, BITS, STEPS, 1, 1>(row, token + t);
                }
            }
        }
        T
    }

    /// # Safety
    /// As [`AffineRows::all`]; rows row .. row + R and tokens token .. token + T exist.
    #[inline(always)]
    unsafe fn tile<
        I: Integers,
        const BITS: usize,
        const STEPS: usize,
        const R: usize,
        const T: usize,
    >(
        &self,
        row: usize,
        token: usize,
    ) {
        let group_size = self.weight.group_size;
        let groups = self.cols / group_size;
        let chunks = group_size / (STEPS * STEP);
        let row_bytes = self.cols * BITS / 8;
        // SAFETY: the rows and tokens exist, each of whole groups.
        unsafe {
            let packed = self.weight.packed.as_ptr().add((self.row + row) * row_bytes);
            let x: [*const i16; T] = std::array::from_fn(|t| self.x.row(token + t));
            let mut sums = [[I::Floats::splat(0.0); T]; R];
            let mut factors = [[[0.0; MAX_LANES]; T]; R];
            let mut group = 0;
            while group < groups {
                let n = (groups - group).min(I::Floats::LANES);
                for r in 0..R {
                    let at = (self.row + row + r) * groups + group;
                    let scale: I::Floats = load(self.weight.scales, at, n);
                    let mut bias: I::Floats = load(self.weight.biases, at, n);
                    if I::zero_point(BITS) != 0 {
                        bias = scale.mul_add(I::Floats::splat(I::zero_point(BITS).into()), bias);
                    }
                    for t in 0..T {
                        let s: I::Floats = part(self.x.scales(token + t, group), n);
                        (scale * s).store(factors[r][t].as_mut_ptr());
                        let sum = part(self.x.sums(token + t, group), n);
                        sums[r][t] = bias.mul_add(sum, sums[r][t]);
                    }
                }
                // One flat loop: with nested loops, the compiler broadcasts all factors to vectors
                // beforehand and spills them to the stack.
                for chunk in 0..n * chunks {
                    let k = group * group_size + chunk * STEPS * STEP;
                    for r in 0..R {
                        let from = packed.add(r * row_bytes + k * BITS / 8);
                        prefetch(from.wrapping_add(AHEAD));
                        let mut weights = [I::weights::<BITS>(from); STEPS];
                        for i in 1..STEPS {
                            weights[i] = I::weights::<BITS>(from.add(i * STEP * BITS / 8));
                        }
                        for t in 0..T {
                            let mut dot = I::zero();
                            for i in 0..STEPS {
                                dot = I::dot(weights[i], x[t].add(k + i * STEP), dot);
                            }
                            let factor = I::Floats::splat(factors[r][t][chunk / chunks]);
                            sums[r][t] = I::to_floats(dot).mul_add(factor, sums[r][t]);
                        }
                    }
                }
                group += n;
            }
            for t in 0..T {
                for r in 0..R {
                    *self.y.add((token + t) * self.y_token + row + r) = sums[r][t].reduce_sum();
                }
            }
        }
    }
}
