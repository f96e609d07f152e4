//! Mean and standard deviation of each channel over time.

use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::math;
use crate::pool::SharedMut;
use crate::vector::Vector;

/// Number of channels per task, a multiple of every vector width.
const BLOCK: usize = 128;

/// Computes the statistics of attentive pooling: mean\[c\] = Σₜ w·x\[t, c\] and
/// deviation\[c\] = √max(Σₜ w·(x\[t, c\] − mean\[c\])², floor), with weights w of
/// softmaxₜ(logits\[t, c\]), or 1 / rows without logits. Sums are float64.
///
/// x and logits are \[rows, channels\], mean and deviation \[channels\]. A channel with a logit
/// that is not finite gives NaN.
///
/// # Panics
/// Panics if a length does not fit the shapes.
#[track_caller]
pub fn statistics(
    context: &Context,
    x: &[f32],
    logits: Option<&[f32]>,
    floor: f32,
    mean: &mut [f32],
    deviation: &mut [f32],
) {
    let channels = mean.len();
    assert!(channels > 0 || x.is_empty(), "rows without channels");
    assert_eq!(x.len() % channels.max(1), 0, "x is not whole rows of {channels} channels");
    assert_eq!(deviation.len(), channels, "length of the deviation");
    if let Some(logits) = logits {
        assert_eq!(logits.len(), x.len(), "length of the logits");
    }
    let (mean, deviation) = (SharedMut(mean.as_mut_ptr()), SharedMut(deviation.as_mut_ptr()));
    context.pool().run(channels.div_ceil(BLOCK), |task| {
        let first = task * BLOCK;
        let width = BLOCK.min(channels - first);
        // SAFETY: each task has channels of its own.
        let (mean, deviation) = unsafe {
            (
                std::slice::from_raw_parts_mut(mean.at(first), width),
                std::slice::from_raw_parts_mut(deviation.at(first), width),
            )
        };
        dispatch::run(context, Block { x, logits, channels, first, floor, mean, deviation });
    });
}

/// The channels of one task: `mean.len()` of them from `first` on.
struct Block<'a> {
    x: &'a [f32],
    logits: Option<&'a [f32]>,
    channels: usize,
    first: usize,
    floor: f32,
    mean: &'a mut [f32],
    deviation: &'a mut [f32],
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let width = self.mean.len();
        let largest = self.largest();
        let (mut total, mut mean, mut square) = ([0f64; BLOCK], [0f64; BLOCK], [0f64; BLOCK]);
        // SAFETY: upheld by the caller.
        unsafe {
            self.each_row::<V>(&largest, |x, weight| {
                for c in 0..width {
                    total[c] += f64::from(weight[c]);
                    mean[c] += f64::from(weight[c]) * f64::from(x[c]);
                }
            });
            (0..width).for_each(|c| mean[c] /= total[c]);
            self.each_row::<V>(&largest, |x, weight| {
                for c in 0..width {
                    let offset = f64::from(x[c]) - mean[c];
                    square[c] += f64::from(weight[c]) * (offset * offset);
                }
            });
        }
        for c in 0..width {
            // `exp` of NaN is a number, so NaN must be restored here.
            let sane = largest[c].is_finite();
            self.mean[c] = if sane { mean[c] as f32 } else { f32::NAN };
            self.deviation[c] = (square[c] / total[c]).max(f64::from(self.floor)).sqrt() as f32;
        }
    }
}

impl Block<'_> {
    /// Returns the largest logit of each channel, or NaN if one of its logits is NaN.
    #[inline(always)]
    fn largest(&self) -> [f32; BLOCK] {
        let Some(logits) = self.logits else { return [0.0; BLOCK] };
        let mut largest = [f32::NEG_INFINITY; BLOCK];
        for row in logits.chunks_exact(self.channels) {
            for (largest, &logit) in largest.iter_mut().zip(&row[self.first..][..self.mean.len()]) {
                *largest = if logit > *largest || logit.is_nan() { logit } else { *largest };
            }
        }
        largest
    }

    /// Calls `visit` with the values and the unnormalised weights of each row.
    ///
    /// # Safety
    /// The CPU has the instruction set of `V`.
    #[inline(always)]
    unsafe fn each_row<V: Vector>(
        &self,
        largest: &[f32; BLOCK],
        mut visit: impl FnMut(&[f32], &[f32; BLOCK]),
    ) {
        let width = self.mean.len();
        let mut weight = [1.0; BLOCK];
        for (row, x) in self.x.chunks_exact(self.channels).enumerate() {
            if let Some(logits) = self.logits {
                let start = row * self.channels + self.first;
                weight[..width].copy_from_slice(&logits[start..start + width]);
                for i in (0..width).step_by(V::LANES) {
                    // SAFETY: both arrays are whole vectors long.
                    unsafe {
                        let offset =
                            V::load(weight.as_ptr().add(i)) - V::load(largest.as_ptr().add(i));
                        math::exp(offset).store(weight.as_mut_ptr().add(i));
                    }
                }
            }
            visit(&x[self.first..self.first + width], &weight);
        }
    }
}
