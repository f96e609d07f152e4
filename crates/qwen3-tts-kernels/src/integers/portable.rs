//! Integers in arrays.

use super::{Integers, STEP};
use crate::vector::{Portable, Vector};

const LANES: usize = Portable::LANES;

impl Integers for Portable {
    type Floats = Portable;
    type Weights = [i16; STEP];
    type Sums = [i32; LANES];

    #[inline(always)]
    unsafe fn zero() -> [i32; LANES] {
        [0; LANES]
    }

    #[inline(always)]
    unsafe fn weights<const BITS: usize>(from: *const u8) -> [i16; STEP] {
        const { assert!(BITS <= 8) };
        let mut weights = [0; STEP];
        for (eight, weights) in weights.chunks_exact_mut(8).enumerate() {
            let mut bytes = [0; 8];
            // SAFETY: eight integers fill BITS bytes, and the caller vouches for STEP integers.
            unsafe {
                let from = from.add(eight * BITS);
                std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), BITS);
            }
            let (word, mask) = (u64::from_le_bytes(bytes), (1 << BITS) - 1);
            for (i, weight) in weights.iter_mut().enumerate() {
                *weight = (word >> (i * BITS) & mask) as i16;
            }
        }
        weights
    }

    #[inline(always)]
    unsafe fn dot(weights: [i16; STEP], x: *const i16, mut sums: [i32; LANES]) -> [i32; LANES] {
        // SAFETY: the caller vouches for STEP activations; an array has their alignment.
        let x = unsafe { x.cast::<[i16; STEP]>().read() };
        let product = |i: usize| i32::from(weights[i]) * i32::from(x[i]);
        for half in [0, STEP / 2] {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum += product(half + 2 * i) + product(half + 2 * i + 1);
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn to_floats(sums: [i32; LANES]) -> Portable {
        let floats = sums.map(|sum| sum as f32);
        // SAFETY: the array has as many values as the vector has lanes.
        unsafe { Portable::load(floats.as_ptr()) }
    }
}
