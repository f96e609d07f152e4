//! Vector quantisation: the nearest row of a codebook.

use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::vector::Vector;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Computes indices\[t\] = argminₙ Σ_d (x\[t, d\] − codebook\[n, d\])², the first on ties:
/// `EuclideanCodebook.quantize`.
///
/// x is \[rows, dim\], codebook \[n, dim\].
///
/// # Panics
/// Panics if `dim` is 0, the codebook is empty or a length does not fit the shapes.
#[track_caller]
pub fn nearest(context: &Context, x: &[f32], codebook: &[f32], dim: usize, indices: &mut [u32]) {
    assert!(dim > 0 && !codebook.is_empty(), "an empty codebook");
    assert_eq!(codebook.len() % dim, 0, "codebook is not whole rows of {dim}");
    assert_eq!(x.len(), indices.len() * dim, "length of x");
    let found: Vec<AtomicU32> = indices.iter().map(|_| AtomicU32::new(0)).collect();
    context.pool().run(found.len(), |t| {
        let x = &x[t * dim..(t + 1) * dim];
        found[t].store(dispatch::run(context, Nearest { x, codebook }), Relaxed);
    });
    for (index, found) in indices.iter_mut().zip(found) {
        *index = found.into_inner();
    }
}

struct Nearest<'a> {
    x: &'a [f32],
    codebook: &'a [f32],
}

impl Kernel for Nearest<'_> {
    type Output = u32;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> u32 {
        let mut best = (f32::INFINITY, 0);
        for (n, code) in self.codebook.chunks_exact(self.x.len()).enumerate() {
            // SAFETY: upheld by the caller; both slices have the same length.
            let distance = unsafe { distance::<V>(self.x.as_ptr(), code.as_ptr(), code.len()) };
            if distance < best.0 {
                best = (distance, n as u32);
            }
        }
        best.1
    }
}

/// Returns Σ (x − y)².
///
/// # Safety
/// The CPU has the instruction set of `V`; x and y have n elements.
#[inline(always)]
unsafe fn distance<V: Vector>(x: *const f32, y: *const f32, n: usize) -> f32 {
    // SAFETY: upheld by the caller.
    unsafe {
        let mut sums = [V::splat(0.0); 4];
        let whole = n - n % V::LANES;
        for (step, i) in (0..whole).step_by(V::LANES).enumerate() {
            let difference = V::load(x.add(i)) - V::load(y.add(i));
            sums[step % 4] = difference.mul_add(difference, sums[step % 4]);
        }
        if whole < n {
            let rest = n - whole;
            let difference = V::load_part(x.add(whole), rest) - V::load_part(y.add(whole), rest);
            sums[0] = difference.mul_add(difference, sums[0]);
        }
        ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_sum()
    }
}
