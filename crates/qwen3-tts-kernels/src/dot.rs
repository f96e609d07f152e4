//! Tiles of dot products: the core of `linear`, attention scores and narrow convolutions.
//!
//! A product is one chain of multiply-adds over the [`Vector::Sum`]s of both rows, the same in every
//! tile, so its value depends on its two rows only: not on the number of tokens or threads.

pub(crate) mod panel;

use crate::vector::{MAX_TILE_TOKENS, Vector, prefetch};
use half::bf16;
use std::ops::Range;

/// Number of rows that fill tiles of 1, 2 and 4 rows.
pub(crate) const TILE: usize = 4;

/// Maximum number of tokens that pass a tile's rows one group after the other.
const TOKENS: usize = 8;

/// Number of bytes of a cache line.
const LINE: usize = 64;

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
    /// Computes the products, with weights as they lie.
    ///
    /// # Safety
    /// The CPU has the instruction set of `V`; w and x are valid for reading and y for writing
    /// according to the shape, and no other thread accesses y there.
    #[inline(always)]
    pub(crate) unsafe fn run<V: Vector>(&self) {
        let together = match V::DOT_TILE.tokens {
            _ if self.tokens <= TOKENS => TOKENS,
            tile => TOKENS / tile * tile,
        };
        for token in (0..self.tokens).step_by(together) {
            let tokens = token..self.tokens.min(token + together);
            // SAFETY: the tokens exist.
            unsafe {
                // Later tokens find the weights in the caches.
                if token == 0 && self.w_pitch == self.depth {
                    self.rows::<V, true>(tokens);
                } else {
                    self.rows::<V, false>(tokens);
                }
            }
        }
    }

    /// # Safety
    /// As [`Dots::run`]; the tokens exist.
    #[inline(always)]
    unsafe fn rows<V: Vector, const AHEAD: bool>(&self, tokens: Range<usize>) {
        let height = V::DOT_TILE.rows;
        let whole = self.rows - self.rows % height;
        // SAFETY: row + the tile's height stays within rows.
        unsafe {
            for row in (0..whole).step_by(height) {
                match height {
                    2 => self.groups::<V, 2, AHEAD>(row, tokens.clone()),
                    4 => self.groups::<V, 4, AHEAD>(row, tokens.clone()),
                    _ => unreachable!("no such tile"),
                }
            }
            for row in whole..self.rows {
                self.groups::<V, 1, false>(row, tokens.clone());
            }
        }
    }

    /// # Safety
    /// As [`Dots::run`]; rows row .. row + R and the tokens exist.
    #[inline(always)]
    unsafe fn groups<V: Vector, const R: usize, const AHEAD: bool>(
        &self,
        row: usize,
        tokens: Range<usize>,
    ) {
        const { assert!(V::DOT_TILE.tokens <= MAX_TILE_TOKENS && MAX_TILE_TOKENS == 6) };
        let max = V::DOT_TILE.tokens;
        let mut token = tokens.start;
        while token < tokens.end {
            let width = even_group(tokens.end - token, max);
            // SAFETY: token + width <= tokens.end.
            unsafe {
                match width {
                    1 => self.tile::<V::Sum, R, 1, AHEAD>(row, token),
                    2 => self.tile::<V::Sum, R, 2, AHEAD>(row, token),
                    3 if max >= 3 => self.tile::<V::Sum, R, 3, AHEAD>(row, token),
                    4 if max >= 4 => self.tile::<V::Sum, R, 4, AHEAD>(row, token),
                    5 if max >= 5 => self.tile::<V::Sum, R, 5, AHEAD>(row, token),
                    _ if max >= 6 => self.tile::<V::Sum, R, 6, AHEAD>(row, token),
                    _ => unreachable!("wider than the tile"),
                }
            }
            token += width;
        }
    }

    /// Computes a tile and, with `AHEAD`, prefetches the next one line after line: the rows of a tile
    /// are streams too short or too many for hardware prefetchers.
    ///
    /// # Safety
    /// As [`Dots::run`]; rows row .. row + R and tokens token .. token + T exist.
    #[inline(always)]
    unsafe fn tile<V: Vector, const R: usize, const T: usize, const AHEAD: bool>(
        &self,
        row: usize,
        token: usize,
    ) {
        // SAFETY: all offsets are within rows of `depth` elements that exist.
        unsafe {
            let w = self.w.add(row * self.w_pitch);
            let x = self.x.add(token * self.x_pitch);
            let next = w.wrapping_add(R * self.depth);
            let mut sums = [[V::splat(0.0); T]; R];
            let whole = self.depth - self.depth % V::LANES;
            let mut k = 0;
            while k < whole {
                if AHEAD {
                    for line in (0..R * V::LANES * size_of::<W>()).step_by(LINE) {
                        prefetch(next.wrapping_add(R * k).wrapping_byte_add(line));
                    }
                }
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

/// Returns the number of tokens of the next group: groups of at most `max` that are as even as
/// possible, since a group of one token is slow.
#[inline(always)]
fn even_group(tokens: usize, max: usize) -> usize {
    tokens.div_ceil(tokens.div_ceil(max))
}
