//! Dot products of small integers, with one implementation per instruction set.

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Dotprod;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2Integers, Avx512Integers};

use crate::vector::Vector;

/// Number of columns in a block: a divisor of every group size, and whole 32-bit words at any
/// number of bits.
pub(crate) const BLOCK: usize = 16;

/// Maximum number of [`Integers::Weights`] in a block.
pub(crate) const MAX_PARTS: usize = BLOCK / 2;

/// Number of sums of a product of one token, enough to hide the latency of an addition.
pub(crate) const CHAINS: usize = 4;

/// Sums of products of quantised weights (at most 255) and 16-bit activations, exact for a whole
/// group of up to 128. Each lane has a row of weights of its own, and all lanes the same
/// activations.
pub(crate) trait Integers {
    /// Floats that the sums are converted to: one lane per row.
    type Floats: Vector;
    /// [`Integers::COLUMNS`] weights of each row.
    type Weights: Copy;
    /// As many activations, for every row.
    type Inputs: Copy;
    /// A 32-bit sum per row.
    type Sums: Copy;

    /// Number of columns of [`Integers::Weights`]: 2 or 4.
    const COLUMNS: usize;

    /// Returns the zero point that [`Integers::weights`] subtracts from integers of `bits` bits.
    fn zero_point(_bits: usize) -> u8 {
        0
    }

    /// Arranges the activations of a block for weights of `bits` bits.
    fn arrange(bits: usize, x: &[i16; BLOCK]) -> [i16; BLOCK];

    /// Returns sums of 0.
    ///
    /// # Safety
    /// The CPU has the instruction set of this type (true of all unsafe functions below).
    unsafe fn zero() -> Self::Sums;

    /// Unpacks a block of every row: unsigned integers of `BITS` bits (4, 6 or 8), less the zero
    /// point. The first BLOCK / COLUMNS parts are the weights, the others 0.
    ///
    /// # Safety
    /// `from` is valid for reading the block of as many rows as there are lanes, as
    /// [`words`] describes it.
    unsafe fn weights<const BITS: usize>(from: *const u8) -> [Self::Weights; MAX_PARTS];

    /// Unpacks a block as [`Integers::weights`] does, in fewer instructions: the weights of part i are
    /// multiplied by a power of two that depends on i % [`CHAINS`].
    ///
    /// # Safety
    /// As [`Integers::weights`].
    #[inline(always)]
    unsafe fn scaled_weights<const BITS: usize>(from: *const u8) -> [Self::Weights; MAX_PARTS] {
        // SAFETY: upheld by the caller.
        unsafe { Self::weights::<BITS>(from) }
    }

    /// Adds up the sums of a group, of which sum i is that of parts i, i + [`CHAINS`] and so on of
    /// [`Integers::scaled_weights`]; the result has no powers of two.
    ///
    /// # Safety
    /// See [`Integers::zero`].
    #[inline(always)]
    unsafe fn total<const BITS: usize>(sums: [Self::Sums; CHAINS]) -> Self::Sums {
        let [a, b, c, d] = sums;
        // SAFETY: upheld by the caller.
        unsafe { Self::add(Self::add(a, b), Self::add(c, d)) }
    }

    /// Loads the activations that belong to a part of the weights.
    ///
    /// # Safety
    /// `x` is valid for reading [`Integers::COLUMNS`] activations, arranged for this type.
    unsafe fn inputs(x: *const i16) -> Self::Inputs;

    /// Adds the products of each row.
    ///
    /// # Safety
    /// See [`Integers::zero`].
    unsafe fn dot(weights: Self::Weights, inputs: Self::Inputs, sums: Self::Sums) -> Self::Sums;

    /// Adds sums to sums.
    ///
    /// # Safety
    /// See [`Integers::zero`].
    unsafe fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums;

    /// Converts the sums to floats.
    ///
    /// # Safety
    /// See [`Integers::zero`].
    unsafe fn to_floats(sums: Self::Sums) -> Self::Floats;
}

/// Number of 32-bit words of one row in a block of `bits` bits. The words of all rows lie side by
/// side: a block in memory is \[words, rows\].
pub(crate) const fn words(bits: usize) -> usize {
    BLOCK * bits / 32
}

/// Writes the words of one row of a block, given as MLX packs its integers, as
/// [`Integers::weights`] expects them.
///
/// With 4 and 8 bits a word is MLX's. Six bits fill three words of two halves: each half begins
/// with two integers, and the four bits that are left of each hold two more, the upper bits of
/// which are in the last word. Integer i + 8 always lies 16 bits above integer i.
#[inline(always)]
pub(crate) fn store_row(bits: usize, from: &[u8], mut store: impl FnMut(usize, u32)) {
    let word = |i: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| from[4 * i + byte]));
    if bits != 6 {
        return (0..words(bits)).for_each(|i| store(i, word(i)));
    }
    let all = (0..words(bits)).rev().fold(0, |all: u128, i| all << 32 | u128::from(word(i)));
    let halves = |i: usize| {
        let q = |i: usize| (all >> (6 * i) & 63) as u32;
        q(i) | q(i + 8) << 16
    };
    let low = |i: usize| halves(i) & 0x000f_000f;
    let high = |i: usize| halves(i) >> 4 & 0x0003_0003;
    store(0, halves(0) | halves(1) << 6 | low(6) << 12);
    store(1, halves(2) | halves(3) << 6 | low(7) << 12);
    store(2, halves(4) | halves(5) << 6 | high(6) << 12 | high(7) << 14);
}

/// Returns the column of activation `i` of a block whose weights are unpacked to pairs: the two
/// halves of a 32-bit word, shifted by as many integers.
#[inline(always)]
const fn pair_column(bits: usize, i: usize) -> usize {
    // Six bits are shifted within three words.
    let together = if bits == 6 { BLOCK } else { 32 / bits };
    let (pair, half) = (i / 2, i % 2);
    let pairs = together / 2;
    pair / pairs * together + pair % pairs + half * pairs
}

/// Arranges activations for weights that are unpacked to pairs.
#[inline(always)]
fn pairs(bits: usize, x: &[i16; BLOCK]) -> [i16; BLOCK] {
    std::array::from_fn(|i| x[pair_column(bits, i)])
}
