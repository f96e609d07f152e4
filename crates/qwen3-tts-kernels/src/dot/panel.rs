//! Dot products with many tokens.
//!
//! A few rows at a time are widened into a panel, which all tokens then pass. Both are cut along
//! the depth, so that a panel stays in L2 and the tokens of a tile stay in L1; sums that are not
//! complete at a cut are kept as vectors. So every sum is that of [`Dots::run`], bit for bit.

use super::{Dots, Element, LINE, even_group};
use crate::vector::{Vector, prefetch};
use std::hint::black_box;
use std::mem::MaybeUninit;

/// Number of rows in a tile. With [`TOKENS`] it has 12 sums, of 16 registers.
const R: usize = 3;
/// Maximum number of tokens in a tile.
const TOKENS: usize = 4;

/// Number of rows in a panel.
pub(crate) const ROWS: usize = 8 * R;
/// Maximum number of elements of a row in a panel: 4 KiB.
const DEPTH: usize = 1024;
/// Number of floats for incomplete sums.
const SUMS: usize = 32 * 1024;

/// Memory for a panel and incomplete sums, aligned to cache lines.
#[repr(align(64))]
struct Scratch {
    panel: [f32; ROWS * DEPTH],
    sums: [f32; SUMS],
}

impl<W: Element> Dots<W> {
    /// Computes what [`Dots::run`] computes, in panels: for many tokens.
    ///
    /// # Safety
    /// As [`Dots::run`].
    #[inline(always)]
    pub(crate) unsafe fn run_in_panels<V: Vector>(&self) {
        const { assert!(!V::PANELS || V::Sum::LANES == 2 * V::LANES) };
        const { assert!(DEPTH.is_multiple_of(2 * V::LANES)) };
        let mut scratch = MaybeUninit::<Scratch>::uninit();
        let scratch = scratch.as_mut_ptr();
        let cuts = self.depth.div_ceil(DEPTH).max(1);
        let cut = self.depth.div_ceil(cuts).next_multiple_of(2 * V::LANES);
        // Sums that are complete after the only cut are not kept.
        let together = if cuts == 1 { self.tokens } else { SUMS / (2 * ROWS * V::LANES) };
        for token in (0..self.tokens).step_by(together.max(1)) {
            let tokens = together.min(self.tokens - token);
            let panels = self.rows.div_ceil(ROWS) * cuts;
            for panel in 0..panels {
                let (row, from) = (panel / cuts * ROWS, panel % cuts * cut);
                let rows = ROWS.min(self.rows - row);
                let len = cut.min(self.depth - from);
                // SAFETY: the rows, tokens and elements exist, and the memory suffices for them.
                unsafe {
                    let next = panel + 1;
                    let next =
                        self.w.wrapping_add(next / cuts * ROWS * self.w_pitch + next % cuts * cut);
                    let (panel, sums) = (&raw mut (*scratch).panel, &raw mut (*scratch).sums);
                    let (panel, sums) = (panel.cast(), sums.cast());
                    let part =
                        Part { dots: self, row, rows, token, tokens, from, len, panel, sums, next };
                    part.fill::<V>();
                    part.multiply::<V>();
                }
            }
        }
    }
}

/// Elements from .. from + len of some rows and tokens.
struct Part<'a, W> {
    dots: &'a Dots<W>,
    row: usize,
    rows: usize,
    token: usize,
    tokens: usize,
    from: usize,
    len: usize,
    /// By tiles of rows: first the elements of the even vectors, then those of the odd ones; a
    /// vector of each row after the other. Zeros follow the rows and the elements.
    panel: *mut f32,
    /// By groups of tokens and tiles of rows.
    sums: *mut f32,
    /// The weights of the panel after this one.
    next: *const W,
}

impl<W: Element> Part<'_, W> {
    /// Returns the number of elements with the zeros that follow: whole pairs of vectors.
    #[inline(always)]
    fn padded<V: Vector>(&self) -> usize {
        self.len.next_multiple_of(2 * V::LANES)
    }

    /// Widens the rows into the panel.
    ///
    /// # Safety
    /// As [`Dots::run`]; the rows and elements exist.
    #[inline(always)]
    unsafe fn fill<V: Vector>(&self) {
        let padded = self.padded::<V>();
        for row in 0..self.rows.next_multiple_of(R) {
            // SAFETY: the panel has whole tiles of `padded` elements per row.
            let to = unsafe { self.panel.add(row / R * R * padded + row % R * V::LANES) };
            let from = self.dots.w.wrapping_add((self.row + row) * self.dots.w_pitch + self.from);
            let len = if row < self.rows { self.len } else { 0 };
            let whole = len - len % (2 * V::LANES);
            let odd = R * padded / 2;
            for k in (0..padded).step_by(2 * V::LANES) {
                let from = from.wrapping_add(k);
                // SAFETY: only elements that exist are read.
                unsafe {
                    let pair: [V; 2] = if k < whole {
                        [W::load(from), W::load(from.add(V::LANES))]
                    } else {
                        [0, V::LANES].map(|i| part(from.wrapping_add(i), len.saturating_sub(k + i)))
                    };
                    let to = to.add(k / 2 * R);
                    pair[0].store(to);
                    pair[1].store(to.add(odd));
                }
            }
        }
    }

    /// Multiplies all tokens by the panel.
    ///
    /// # Safety
    /// As [`Dots::run`]; the tokens exist, and the panel is filled.
    #[inline(always)]
    unsafe fn multiply<V: Vector>(&self) {
        let mut token = 0;
        while token < self.tokens {
            let width = even_group(self.tokens - token, TOKENS);
            // SAFETY: token + width is at most the number of tokens.
            unsafe {
                match width {
                    1 => self.group::<V, 1>(token),
                    2 => self.group::<V, 2>(token),
                    3 => self.group::<V, 3>(token),
                    4 => self.group::<V, 4>(token),
                    _ => unreachable!("wider than the tile"),
                }
            }
            token += width;
        }
    }

    /// Multiplies `T` tokens by the panel.
    ///
    /// # Safety
    /// As [`Part::multiply`]; tokens token .. token + T of the part exist.
    #[inline(always)]
    unsafe fn group<V: Vector, const T: usize>(&self, token: usize) {
        for row in (0..self.rows).step_by(R) {
            self.prefetch(token * self.rows + row * T, R * T);
            // SAFETY: the tile's rows are in the panel.
            unsafe { self.tile::<V, T>(row, token) };
        }
    }

    /// Prefetches a part of the next panel's weights: those for `products` of all products, from
    /// `first` on.
    #[inline(always)]
    fn prefetch(&self, first: usize, products: usize) {
        let line = LINE / size_of::<W>();
        let lines = self.len.div_ceil(line);
        let all = self.rows * self.tokens;
        let share = |product: usize| product * self.rows * lines / all;
        for i in share(first)..share(first + products) {
            let offset = i / lines * self.dots.w_pitch + i % lines * line;
            prefetch(self.next.wrapping_add(offset));
        }
    }

    /// # Safety
    /// As [`Part::group`]; row is the first of a tile.
    #[inline(always)]
    unsafe fn tile<V: Vector, const T: usize>(&self, row: usize, token: usize) {
        let odd = R * self.padded::<V>() / 2;
        let complete = self.from + self.len == self.dots.depth;
        let slot = if self.from == 0 && complete { 0 } else { token * ROWS + row * T };
        // SAFETY: the tile's rows are in the panel, and `sums` has two vectors for each row and
        // token if there are several cuts, and for each of a tile at least.
        unsafe {
            let panel = self.panel.add(row * self.padded::<V>());
            let sums = self.sums.add(2 * V::LANES * slot);
            self.chain::<V, T, 0>(panel, token, sums);
            self.chain::<V, T, 1>(panel.add(odd), token, sums.add(R * T * V::LANES));
            if complete {
                self.write::<V, T>(row, token, sums);
            }
        }
    }

    /// Writes complete sums to y, for the rows that exist.
    ///
    /// # Safety
    /// As [`Part::tile`]; `sums` are those of the tile.
    #[inline(always)]
    unsafe fn write<V: Vector, const T: usize>(&self, row: usize, token: usize, sums: *const f32) {
        let dots = self.dots;
        for r in 0..R.min(self.rows - row) {
            for t in 0..T {
                // SAFETY: upheld by the caller.
                unsafe {
                    let even = sums.add((r * T + t) * V::LANES);
                    let sum = V::load(even) + V::load(even.add(R * T * V::LANES));
                    let at =
                        (self.token + token + t) * dots.y_token + (self.row + row + r) * dots.y_row;
                    *dots.y.add(at) = sum.reduce_sum();
                }
            }
        }
    }

    /// Adds the products of the even vectors (`CHAIN` 0) or the odd ones (1).
    ///
    /// # Safety
    /// As [`Part::tile`]; `panel` and `kept` are those of the tile and the chain.
    #[inline(always)]
    unsafe fn chain<V: Vector, const T: usize, const CHAIN: usize>(
        &self,
        mut panel: *const f32,
        token: usize,
        kept: *mut f32,
    ) {
        let whole = self.len - self.len % (2 * V::LANES);
        let first = self.from + CHAIN * V::LANES;
        let mut x = [self.dots.x; T];
        for t in 0..T {
            x[t] = x[t].wrapping_add((self.token + token + t) * self.dots.x_pitch + first);
        }
        // Otherwise the compiler computes the addresses anew in each round.
        let x = black_box(x);
        // SAFETY: all elements that are read are within the panel and the rows of x.
        unsafe {
            let mut sums = [[V::splat(0.0); T]; R];
            if self.from > 0 {
                sums = load(kept);
            }
            let mut k = 0;
            while k < whole {
                let mut weights = [V::splat(0.0); R];
                for r in 0..R {
                    weights[r] = V::load(panel.add(r * V::LANES));
                }
                for t in 0..T {
                    let x = V::load(x[t].wrapping_add(k));
                    for r in 0..R {
                        sums[r][t] = weights[r].mul_add(x, sums[r][t]);
                    }
                }
                panel = panel.add(R * V::LANES);
                k += 2 * V::LANES;
            }
            if whole < self.len {
                let rest = (self.len - whole).saturating_sub(CHAIN * V::LANES);
                for t in 0..T {
                    let x: V = part(x[t].wrapping_add(k), rest);
                    for r in 0..R {
                        let weight = V::load(panel.add(r * V::LANES));
                        sums[r][t] = weight.mul_add(x, sums[r][t]);
                    }
                }
            }
            store(sums, kept);
        }
    }
}

/// Loads incomplete sums.
///
/// # Safety
/// The CPU has the instruction set of `V`; `from` is valid for reading them.
#[inline(always)]
unsafe fn load<V: Vector, const T: usize>(from: *const f32) -> [[V; T]; R] {
    // SAFETY: upheld by the caller.
    unsafe {
        let mut sums = [[V::splat(0.0); T]; R];
        for r in 0..R {
            for t in 0..T {
                sums[r][t] = V::load(from.add((r * T + t) * V::LANES));
            }
        }
        sums
    }
}

/// Stores incomplete sums.
///
/// # Safety
/// `to` is valid for writing them.
#[inline(always)]
unsafe fn store<V: Vector, const T: usize>(sums: [[V; T]; R], to: *mut f32) {
    for r in 0..R {
        for t in 0..T {
            // SAFETY: upheld by the caller.
            unsafe { sums[r][t].store(to.add((r * T + t) * V::LANES)) };
        }
    }
}

/// Loads up to `V::LANES` of `n` elements; the others are 0.
///
/// # Safety
/// The CPU has the instruction set of `V`; `from` is valid for reading `n` elements.
#[inline(always)]
unsafe fn part<V: Vector, W: Element>(from: *const W, n: usize) -> V {
    // SAFETY: upheld by the caller.
    unsafe { if n < V::LANES { W::load_part(from, n) } else { W::load(from) } }
}
