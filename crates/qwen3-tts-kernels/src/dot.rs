//! Tiles of dot products: the core of `linear`, attention scores and narrow convolutions.
//!
//! A product is one chain of multiply-adds over the vectors of both rows, the same in every tile,
//! so its value depends on its two rows only: not on the number of tokens or threads.

use crate::vector::{MAX_TILE_TOKENS, Vector};
use half::bf16;

/// Number of rows in a tile.
pub(crate) const TILE: usize = 4;

/// A stored element of a weight matrix.
pub(crate) trait Element: Copy {
    /// # Safety
    /// As [`Vector::load`].
    unsafe fn load<V: Vector>(from: *const Self) -> V;

    /// # Safety
    /// As [`Vector::load_part`].
    unsafe fn load_part<V: Vector>(from: *const Self, n: usize) -> V;
}

impl Element for f32 {
    #[inline(always)]
    unsafe fn load<V: Vector>(from: *const f32) -> V {
        // SAFETY: upheld by the caller.
        unsafe { V::load(from) }
    }

    #[inline(always)]
    unsafe fn load_part<V: Vector>(from: *const f32, n: usize) -> V {
        // SAFETY: upheld by the caller.
        unsafe { V::load_part(from, n) }
    }
}

impl Element for bf16 {
    #[inline(always)]
    unsafe fn load<V: Vector>(from: *const bf16) -> V {
        // SAFETY: upheld by the caller.
        unsafe { V::load_bf16(from) }
    }

    #[inline(always)]
    unsafe fn load_part<V: Vector>(from: *const bf16, n: usize) -> V {
        // SAFETY: upheld by the caller.
        unsafe { V::load_bf16_part(from, n) }
    }
}

/// y\[t, n\] = Σₖ x\[t, k\]·w\[n, k\] for `rows` rows n and `tokens` rows t, all of `depth`
/// elements; the pitches are the distances between rows, in elements.
#[derive(Clone, Copy)]
pub(crate) struct Dots<W> {
    pub(crate) w: *const W,
    pub(crate) w_pitch: usize,
    pub(crate) rows: usize,
    pub(crate) x: *const f32,
    pub(crate) x_pitch: usize,
    pub(crate) tokens: usize,
    pub(crate) depth: usize,
    pub(crate) y: *mut f32,
    /// Distance from y\[t, n\] to y\[t + 1, n\].
    pub(crate) y_token: usize,
    /// Distance from y\[t, n\] to y\[t, n + 1\].
    pub(crate) y_row: usize,
}

impl<W: Element> Dots<W> {
    /// # Safety
    /// The CPU has the instruction set of `V`; w and x are valid for reading and y for writing
    /// according to the shape, and no other thread accesses y there.
    #[inline(always)]
    pub(crate) unsafe fn run<V: Vector>(&self) {
        // A group of tokens stays in L1 while the rows pass.
        let mut token = 0;
        while token < self.tokens {
            let width = (self.tokens - token).min(V::TILE_TOKENS);
            // SAFETY: token + width <= tokens.
            unsafe { self.tokens::<V>(token, width) };
            token += width;
        }
    }

    /// # Safety
    /// As [`Dots::run`]; the tokens exist, and `width` is at most `V::TILE_TOKENS`.
    #[inline(always)]
    unsafe fn tokens<V: Vector>(&self, token: usize, width: usize) {
        const { assert!(V::TILE_TOKENS <= MAX_TILE_TOKENS && MAX_TILE_TOKENS == 6) };
        // SAFETY: upheld by the caller.
        unsafe {
            match width {
                1 => self.rows::<V, 1>(token),
                2 => self.rows::<V, 2>(token),
                3 if V::TILE_TOKENS >= 3 => self.rows::<V, 3>(token),
                4 if V::TILE_TOKENS >= 4 => self.rows::<V, 4>(token),
                5 if V::TILE_TOKENS >= 5 => self.rows::<V, 5>(token),
                _ if V::TILE_TOKENS >= 6 => self.rows::<V, 6>(token),
                _ => unreachable!("wider than the tile"),
            }
        }
    }

    /// # Safety
    /// As [`Dots::run`]; tokens token .. token + T exist.
    #[inline(always)]
    unsafe fn rows<V: Vector, const T: usize>(&self, token: usize) {
        let whole = self.rows - self.rows % TILE;
        let mut row = 0;
        // SAFETY: row + the tile's height stays within rows.
        unsafe {
            while row < whole {
                self.tile::<V, TILE, T>(row, token);
                row += TILE;
            }
            while row < self.rows {
                self.tile::<V, 1, T>(row, token);
                row += 1;
            }
        }
    }

    /// # Safety
    /// As [`Dots::run`]; rows row .. row + R and tokens token .. token + T exist.
    #[inline(always)]
    unsafe fn tile<V: Vector, const R: usize, const T: usize>(&self, row: usize, token: usize) {
        // SAFETY: all offsets are within rows of `depth` elements that exist.
        unsafe {
            let w = self.w.add(row * self.w_pitch);
            let x = self.x.add(token * self.x_pitch);
            let mut sums = [[V::splat(0.0); T]; R];
            let whole = self.depth - self.depth % V::LANES;
            let mut k = 0;
            while k < whole {
                let mut weights = [V::splat(0.0); R];
                for r in 0..R {
                    weights[r] = W::load(w.add(r * self.w_pitch + k));
                }
                for t in 0..T {
                    let x = V::load(x.add(t * self.x_pitch + k));
                    for r in 0..R {
                        sums[r][t] = weights[r].mul_add(x, sums[r][t]);
                    }
                }
                k += V::LANES;
            }
            let rest = self.depth - whole;
            if rest > 0 {
                for t in 0..T {
                    let x = V::load_part(x.add(t * self.x_pitch + k), rest);
                    for r in 0..R {
                        let weight: V = W::load_part(w.add(r * self.w_pitch + k), rest);
                        sums[r][t] = weight.mul_add(x, sums[r][t]);
                    }
                }
            }
            for t in 0..T {
                for r in 0..R {
                    let y = self.y.add((token + t) * self.y_token + (row + r) * self.y_row);
                    *y = sums[r][t].reduce_sum();
                }
            }
        }
    }
}
