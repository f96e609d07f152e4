//! Integers in arrays.

use super::{BLOCK, Integers, MAX_PARTS, pairs, words};
use crate::vector::{Portable, Vector};

const LANES: usize = Portable::LANES;

/// The pairs of each row.
type Pairs = [[i16; 2]; LANES];

/// The words of each row.
type Words = [u32; LANES];

impl Integers for Portable {
    type Floats = Portable;
    type Weights = Pairs;
    type Inputs = [i16; 2];
    type Sums = [i32; LANES];

    const COLUMNS: usize = 2;

    #[inline(always)]
    fn arrange(bits: usize, x: &[i16; BLOCK]) -> [i16; BLOCK] {
        pairs(bits, x)
    }

    #[inline(always)]
    unsafe fn zero() -> [i32; LANES] {
        [0; LANES]
    }

    #[inline(always)]
    unsafe fn weights<const BITS: usize>(from: *const u8) -> [Pairs; MAX_PARTS] {
        // SAFETY: the caller vouches for the words of the block; they need no alignment.
        let word = |i: usize| unsafe { from.cast::<Words>().add(i).read_unaligned() };
        let mut weights = [[[0; 2]; LANES]; MAX_PARTS];
        let parts = 16 / BITS;
        for i in 0..words(BITS) {
            for part in 0..parts {
                weights[i * parts + part] =
                    word(i).map(|word| halves::<BITS>(word >> (part * BITS)));
            }
        }
        if BITS == 6 {
            let last = word(2);
            for (i, shift) in [(0, 8), (1, 10)] {
                let four = word(i).map(|word| word >> 12 & 0x000f_000f);
                let both: Words =
                    std::array::from_fn(|row| four[row] | last[row] >> shift & 0x0030_0030);
                weights[6 + i] = both.map(halves::<BITS>);
            }
        }
        weights
    }

    #[inline(always)]
    unsafe fn inputs(x: *const i16) -> [i16; 2] {
        // SAFETY: the caller vouches for the activations.
        unsafe { [*x, *x.add(1)] }
    }

    #[inline(always)]
    unsafe fn dot(weights: Pairs, x: [i16; 2], mut sums: [i32; LANES]) -> [i32; LANES] {
        for (sum, w) in sums.iter_mut().zip(weights) {
            *sum += i32::from(w[0]) * i32::from(x[0]) + i32::from(w[1]) * i32::from(x[1]);
        }
        sums
    }

    #[inline(always)]
    unsafe fn add(a: [i32; LANES], b: [i32; LANES]) -> [i32; LANES] {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn to_floats(sums: [i32; LANES]) -> Portable {
        let floats = sums.map(|sum| sum as f32);
        // SAFETY: the array has as many values as the vector has lanes.
        unsafe { Portable::load(floats.as_ptr()) }
    }
}

/// Returns the lowest `BITS` bits of both halves of a word.
#[inline(always)]
fn halves<const BITS: usize>(word: u32) -> [i16; 2] {
    let mask = (1 << BITS) - 1;
    [word & mask, word >> 16 & mask].map(|half| half as i16)
}
