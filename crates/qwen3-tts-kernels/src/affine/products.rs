//! Products of quantised matrices with quantised activations.
//!
//! With w = scale·q + bias and x ≈ s·ξ in each group g,
//! Σₖ x·w ≈ Σ_g s·scale·Σ q·ξ + s·bias·Σ ξ, where Σ q·ξ is exact in 32 bits. The floats of a row are
//! added group by group, in one lane, so a product depends on its two rows only: not on the number
//! of tokens or threads.

use std::mem::MaybeUninit;

use super::activations::Activations;
use super::tiles::AffineTiles;
use super::{Bits, GROUP_SIZES};
use crate::dispatch::IntegerKernel;
use crate::dot::Element;
use crate::integers::{BLOCK, CHAINS, Integers};
use crate::vector::Vector;
use half::bf16;

/// Number of tiles whose products share a load of the activations.
pub(crate) const TILES: usize = 2;

/// Number of tokens that share a load of the weights.
const TOKENS: usize = 4;

/// Number of tokens whose activations and sums stay in L1 while a group of weights is unpacked.
const PASS: usize = 64;

/// Maximum number of parts of a group.
const MAX_PARTS: usize = GROUP_SIZES[2] / 2;

/// y\[t, r\] = Σₖ x\[t, k\]·w\[r, k\] for all tokens t and the rows r of `n` tiles.
pub(crate) struct Products<'a> {
    pub(crate) weight: &'a AffineTiles,
    /// First tile.
    pub(crate) first: usize,
    pub(crate) n: usize,
    pub(crate) x: &'a Activations,
    /// y\[0, 0\]; the next token is [`AffineTiles::rows`] further.
    pub(crate) y: *mut f32,
}

impl IntegerKernel for Products<'_> {
    /// # Safety
    /// The weight is packed for as many lanes and has these tiles; x has its columns, in groups of
    /// its size, arranged for its bits; y is valid for writing, and no other thread accesses it
    /// at the rows of these tiles.
    #[inline(always)]
    unsafe fn run<I: Integers>(self) {
        // SAFETY: upheld by the caller.
        unsafe {
            match self.weight.bits() {
                Bits::Four => self.all::<I, 4>(),
                Bits::Six => self.all::<I, 6>(),
                Bits::Eight => self.all::<I, 8>(),
            }
        }
    }
}

/// Scale and bias of each row of a group.
#[derive(Clone, Copy)]
struct Parameters<V> {
    scale: V,
    bias: V,
}

/// A group of `R` tiles, unpacked.
struct Group<'a, I: Integers, const R: usize> {
    parameters: [Parameters<I::Floats>; R],
    weights: &'a [[I::Weights; R]],
}

impl Products<'_> {
    /// # Safety
    /// As [`Products::run`]; the weight has `BITS` bits.
    #[inline(always)]
    unsafe fn all<I: Integers, const BITS: usize>(&self) {
        let tokens = self.x.tokens();
        let (mut tile, end) = (self.first, self.first + self.n);
        // SAFETY: the tiles and the tokens exist.
        unsafe {
            while tile < end {
                let pair = end - tile >= TILES;
                if tokens == 1 {
                    self.one_token::<I, BITS>(tile);
                    tile += 1;
                    continue;
                }
                for token in (0..tokens).step_by(PASS) {
                    match pair {
                        true => self.pass::<I, BITS, TILES>(tile, token),
                        false => self.pass::<I, BITS, 1>(tile, token),
                    }
                }
                tile += if pair { TILES } else { 1 };
            }
        }
    }

    /// Multiplies one tile by one token, each weight straight from the stream.
    ///
    /// # Safety
    /// As [`Products::all`]; the tile exists.
    #[inline(always)]
    unsafe fn one_token<I: Integers, const BITS: usize>(&self, tile: usize) {
        // SAFETY: the tile has these groups, each of whole blocks.
        unsafe {
            let mut sums = I::Floats::splat(0.0);
            let groups = self.weight.tile(tile).chunks_exact(self.weight.group_bytes());
            for (group, from) in groups.enumerate() {
                let (parameters, mut from) = self.parameters::<I, BITS>(from.as_ptr());
                let mut x = self.x.group(group, 0);
                let mut dots = [I::zero(); CHAINS];
                for _ in 0..self.weight.group_size() / BLOCK {
                    let weights = I::scaled_weights::<BITS>(from);
                    for i in 0..BLOCK / I::COLUMNS {
                        let inputs = I::inputs(x.add(i * I::COLUMNS));
                        dots[i % CHAINS] = I::dot(weights[i], inputs, dots[i % CHAINS]);
                    }
                    from = from.add(BLOCK * BITS / 8 * I::Floats::LANES);
                    x = x.add(BLOCK);
                }
                let dots = I::total::<BITS>(dots);
                sums = self.accumulate::<I>(sums, dots, parameters, (group, 0));
            }
            self.store(sums, tile, 0);
        }
    }

    /// Multiplies `R` tiles by up to [`PASS`] tokens.
    ///
    /// # Safety
    /// As [`Products::all`]; the tiles and the token exist.
    #[inline(always)]
    unsafe fn pass<I: Integers, const BITS: usize, const R: usize>(
        &self,
        tile: usize,
        token: usize,
    ) {
        let tokens = PASS.min(self.x.tokens() - token);
        // SAFETY: the tiles and tokens exist; a group has at most MAX_PARTS parts.
        unsafe {
            let mut sums = [[I::Floats::splat(0.0); R]; PASS];
            let mut room = [[MaybeUninit::uninit(); R]; MAX_PARTS];
            for group in 0..self.weight.cols() / self.weight.group_size() {
                let weights = self.unpack::<I, BITS, R>(tile, group, &mut room);
                let mut t = 0;
                while t < tokens {
                    let (at, sums) = ((group, token + t), &mut sums[t..]);
                    t += match tokens - t {
                        1 => self.tokens::<I, R, 1>(&weights, at, sums),
                        2 => self.tokens::<I, R, 2>(&weights, at, sums),
                        3 => self.tokens::<I, R, 3>(&weights, at, sums),
                        _ => self.tokens::<I, R, TOKENS>(&weights, at, sums),
                    };
                }
            }
            for (t, sums) in sums[..tokens].iter().enumerate() {
                for (r, sums) in sums.iter().enumerate() {
                    self.store(*sums, tile + r, token + t);
                }
            }
        }
    }

    /// # Safety
    /// As [`Products::pass`]; the group exists.
    #[inline(always)]
    unsafe fn unpack<'a, I: Integers, const BITS: usize, const R: usize>(
        &self,
        tile: usize,
        group: usize,
        room: &'a mut [[MaybeUninit<I::Weights>; R]; MAX_PARTS],
    ) -> Group<'a, I, R> {
        let parts = BLOCK / I::COLUMNS;
        let blocks = self.weight.group_size() / BLOCK;
        // SAFETY: the group has these blocks; each part that is returned has been written.
        unsafe {
            let zero = I::Floats::splat(0.0);
            let mut parameters = [Parameters { scale: zero, bias: zero }; R];
            for r in 0..R {
                let from = &self.weight.tile(tile + r)[group * self.weight.group_bytes()..];
                let (of_group, mut from) = self.parameters::<I, BITS>(from.as_ptr());
                parameters[r] = of_group;
                for block in 0..blocks {
                    let weights = I::weights::<BITS>(from);
                    for i in 0..parts {
                        room.get_unchecked_mut(block * parts + i)[r].write(weights[i]);
                    }
                    from = from.add(BLOCK * BITS / 8 * I::Floats::LANES);
                }
            }
            let weights = std::slice::from_raw_parts(room.as_ptr().cast(), blocks * parts);
            Group { parameters, weights }
        }
    }

    /// Adds the products of a group and `T` tokens to their sums; returns `T`.
    ///
    /// # Safety
    /// As [`Products::pass`]; `at` is a group and the first token, and there are sums for each.
    #[inline(always)]
    unsafe fn tokens<I: Integers, const R: usize, const T: usize>(
        &self,
        weights: &Group<'_, I, R>,
        at: (usize, usize),
        sums: &mut [[I::Floats; R]],
    ) -> usize {
        let (group, token) = at;
        // SAFETY: upheld by the caller.
        unsafe {
            let mut x: [*const i16; T] = std::array::from_fn(|t| self.x.group(group, token + t));
            let mut dots = [[I::zero(); R]; T];
            for weights in weights.weights {
                for t in 0..T {
                    let inputs = I::inputs(x[t]);
                    for r in 0..R {
                        dots[t][r] = I::dot(weights[r], inputs, dots[t][r]);
                    }
                    x[t] = x[t].add(I::COLUMNS);
                }
            }
            for t in 0..T {
                let sums = sums.get_unchecked_mut(t);
                for r in 0..R {
                    let parameters = weights.parameters[r];
                    let at = (group, token + t);
                    sums[r] = self.accumulate::<I>(sums[r], dots[t][r], parameters, at);
                }
            }
        }
        T
    }

    /// Adds the products of a group and a token, `at`, to the sums.
    ///
    /// # Safety
    /// The CPU has the instruction set of `I`; the group and the token exist.
    #[inline(always)]
    unsafe fn accumulate<I: Integers>(
        &self,
        sums: I::Floats,
        dots: I::Sums,
        parameters: Parameters<I::Floats>,
        at: (usize, usize),
    ) -> I::Floats {
        // SAFETY: upheld by the caller.
        unsafe {
            let [s, sum] = self.x.scale_and_sum(at.0, at.1);
            let factor = parameters.scale * I::Floats::splat(s);
            let sums = I::to_floats(dots).mul_add(factor, sums);
            parameters.bias.mul_add(I::Floats::splat(sum), sums)
        }
    }

    /// Loads the scales and biases of a group; also returns where its integers begin.
    ///
    /// # Safety
    /// The CPU has the instruction set of `I`; `from` is a group of this weight.
    #[inline(always)]
    unsafe fn parameters<I: Integers, const BITS: usize>(
        &self,
        from: *const u8,
    ) -> (Parameters<I::Floats>, *const u8) {
        // SAFETY: the group begins with as many scales as there are lanes, and as many biases.
        unsafe {
            let (scale, bias, integers) = match self.weight.half() {
                true => pair::<I::Floats, bf16>(from),
                false => pair::<I::Floats, f32>(from),
            };
            let bias = match I::zero_point(BITS) {
                0 => bias,
                zero => scale.mul_add(I::Floats::splat(zero.into()), bias),
            };
            (Parameters { scale, bias }, integers)
        }
    }

    /// Stores the outputs of a tile.
    ///
    /// # Safety
    /// The tile and the token exist; y as for [`Products::run`].
    #[inline(always)]
    unsafe fn store<V: Vector>(&self, sums: V, tile: usize, token: usize) {
        let rows = self.weight.rows();
        let left = rows - tile * V::LANES;
        // SAFETY: upheld by the caller.
        unsafe {
            let y = self.y.add(token * rows + tile * V::LANES);
            if left >= V::LANES { sums.store(y) } else { sums.store_part(y, left) }
        }
    }
}

/// Loads two vectors; also returns the end of the second.
///
/// # Safety
/// The CPU has the instruction set of `V`; `from` is valid for reading both, of any alignment.
#[inline(always)]
unsafe fn pair<V: Vector, E: Element>(from: *const u8) -> (V, V, *const u8) {
    let values = from.cast::<E>();
    // SAFETY: upheld by the caller; loads of vectors take any alignment.
    unsafe {
        let second = values.add(V::LANES);
        (E::load(values), E::load(second), second.add(V::LANES).cast())
    }
}
