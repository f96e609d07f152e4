//! Products with quantised rows, dequantised in registers.
//!
//! The weight that enters a product is `q·scale + bias`, rounded once where the CPU can; the
//! products are added in the order of [`Dots`](crate::dot::Dots), so a token's result is the same
//! whether its weights pass through registers or through a panel.

use super::{Affine, Bits, Floats, Parameter};
use crate::dot::{Dots, TILE};
use crate::vector::{MAX_TILE_TOKENS, Vector};

/// Rows that are dequantised at a time for many tokens: few enough to stay in the second cache.
const PANEL: usize = 16;

/// y\[t, n\] = Σₖ x\[t, k\]·w\[row + n, k\] for `rows` rows n and all tokens t.
pub(crate) struct AffineRows<'a> {
    pub(crate) weight: Affine<'a>,
    pub(crate) row: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) x: *const f32,
    pub(crate) tokens: usize,
    pub(crate) y: *mut f32,
    /// The distance from y\[t, n\] to y\[t + 1, n\].
    pub(crate) y_token: usize,
}

impl AffineRows<'_> {
    /// # Safety
    /// The CPU has the instruction set of `V`; the weight has been checked against its shape and
    /// has these rows; x and y are as [`Dots::run`] wants them.
    #[inline(always)]
    pub(crate) unsafe fn run<V: Vector>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.weight.bits {
                Bits::Four => self.typed::<V, 4>(),
                Bits::Six => self.typed::<V, 6>(),
                Bits::Eight => self.typed::<V, 8>(),
            }
        }
    }

    /// # Safety
    /// As [`AffineRows::run`]; the weight has `BITS` bits.
    #[inline(always)]
    unsafe fn typed<V: Vector, const BITS: usize>(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.weight.scales, self.weight.biases) {
                (Floats::F32(scales), Floats::F32(biases)) => {
                    self.raw::<_, BITS>(scales, biases).run::<V>(self);
                }
                (Floats::Bf16(scales), Floats::Bf16(biases)) => {
                    self.raw::<_, BITS>(scales, biases).run::<V>(self);
                }
                _ => unreachable!("scales and biases of two types"),
            }
        }
    }

    fn raw<P, const BITS: usize>(&self, scales: &[P], biases: &[P]) -> Raw<P, BITS> {
        Raw {
            packed: self.weight.packed.as_ptr(),
            scales: scales.as_ptr(),
            biases: biases.as_ptr(),
            group_size: self.weight.group_size,
            cols: self.cols,
        }
    }
}

/// The matrix as pointers, with its types known.
struct Raw<P, const BITS: usize> {
    packed: *const u8,
    scales: *const P,
    biases: *const P,
    group_size: usize,
    cols: usize,
}

impl<P: Parameter, const BITS: usize> Raw<P, BITS> {
    /// # Safety
    /// As [`AffineRows::run`].
    #[inline(always)]
    unsafe fn run<V: Vector>(&self, task: &AffineRows<'_>) {
        const { assert!(V::TILE_TOKENS <= MAX_TILE_TOKENS && MAX_TILE_TOKENS == 6) };
        // SAFETY: the caller's promise; as many tokens as are said.
        unsafe {
            match task.tokens {
                0 => {}
                1 => self.rows::<V, 1>(task),
                2 => self.rows::<V, 2>(task),
                3 if V::TILE_TOKENS >= 3 => self.rows::<V, 3>(task),
                4 if V::TILE_TOKENS >= 4 => self.rows::<V, 4>(task),
                _ => self.panels::<V>(task),
            }
        }
    }

    /// # Safety
    /// As [`AffineRows::run`]; there are `T` tokens.
    #[inline(always)]
    unsafe fn rows<V: Vector, const T: usize>(&self, task: &AffineRows<'_>) {
        let whole = task.rows - task.rows % TILE;
        let mut n = 0;
        // SAFETY: n + the tile's height stays within the rows.
        unsafe {
            while n < whole {
                self.tile::<V, TILE, T>(task, n);
                n += TILE;
            }
            while n < task.rows {
                self.tile::<V, 1, T>(task, n);
                n += 1;
            }
        }
    }

    /// # Safety
    /// As [`AffineRows::run`]; rows n .. n + R of the task exist, and T tokens.
    #[inline(always)]
    unsafe fn tile<V: Vector, const R: usize, const T: usize>(
        &self,
        task: &AffineRows<'_>,
        n: usize,
    ) {
        let row = task.row + n;
        // SAFETY: every row has `cols` weights and x has `cols` values a token; groups and
        // vectors divide `cols`.
        unsafe {
            let mut sums = [[V::splat(0.0); T]; R];
            let mut k = 0;
            while k < self.cols {
                let mut groups = [Group { scale: V::splat(0.0), bias: V::splat(0.0) }; R];
                for r in 0..R {
                    groups[r] = self.group(row + r, k);
                }
                let end = k + self.group_size;
                while k < end {
                    let mut weights = [V::splat(0.0); R];
                    for r in 0..R {
                        weights[r] = self.weights(row + r, k, groups[r]);
                    }
                    for t in 0..T {
                        let x = V::load(task.x.add(t * self.cols + k));
                        for r in 0..R {
                            sums[r][t] = weights[r].mul_add(x, sums[r][t]);
                        }
                    }
                    k += V::LANES;
                }
            }
            for t in 0..T {
                for r in 0..R {
                    *task.y.add(t * task.y_token + n + r) = sums[r][t].reduce_sum();
                }
            }
        }
    }

    /// Dequantises [`PANEL`] rows at a time for many tokens.
    ///
    /// # Safety
    /// As [`AffineRows::run`].
    #[inline(always)]
    unsafe fn panels<V: Vector>(&self, task: &AffineRows<'_>) {
        let mut panel = vec![0.0; PANEL.min(task.rows) * self.cols];
        let mut n = 0;
        while n < task.rows {
            let rows = (task.rows - n).min(PANEL);
            // SAFETY: the rows exist, and the panel has room for them.
            unsafe {
                for r in 0..rows {
                    self.dequantize::<V>(task.row + n + r, panel.as_mut_ptr().add(r * self.cols));
                }
                let dots = Dots {
                    w: panel.as_ptr(),
                    w_pitch: self.cols,
                    rows,
                    x: task.x,
                    x_pitch: self.cols,
                    tokens: task.tokens,
                    depth: self.cols,
                    y: task.y.add(n),
                    y_token: task.y_token,
                    y_row: 1,
                };
                dots.run::<V>();
            }
            n += rows;
        }
    }

    /// # Safety
    /// The CPU has the instruction set of `V`; the row exists; `to` has room for it.
    #[inline(always)]
    unsafe fn dequantize<V: Vector>(&self, row: usize, to: *mut f32) {
        let mut k = 0;
        while k < self.cols {
            // SAFETY: groups and vectors divide `cols`.
            unsafe {
                let group = self.group::<V>(row, k);
                let end = k + self.group_size;
                while k < end {
                    self.weights(row, k, group).store(to.add(k));
                    k += V::LANES;
                }
            }
        }
    }

    /// The group of weight \[row, k\].
    ///
    /// # Safety
    /// The CPU has the instruction set of `V`, and the weight exists.
    #[inline(always)]
    unsafe fn group<V: Vector>(&self, row: usize, k: usize) -> Group<V> {
        let group = (row * self.cols + k) / self.group_size;
        // SAFETY: there is a scale and a bias for each group.
        unsafe {
            Group {
                scale: V::splat((*self.scales.add(group)).widen()),
                bias: V::splat((*self.biases.add(group)).widen()),
            }
        }
    }

    /// The weights \[row, k ..\] of a group.
    ///
    /// # Safety
    /// The CPU has the instruction set of `V`, and the weights exist.
    #[inline(always)]
    unsafe fn weights<V: Vector>(&self, row: usize, k: usize, group: Group<V>) -> V {
        let byte = (row * self.cols + k) * BITS / 8;
        // SAFETY: a vector of weights is a whole number of bytes, and they exist.
        let q = unsafe { V::load_packed::<BITS>(self.packed.add(byte)) };
        q.mul_add(group.scale, group.bias)
    }
}

/// What the weights of a group share, in all lanes.
#[derive(Clone, Copy)]
struct Group<V> {
    scale: V,
    bias: V,
}
