//! Normalisation of rows.

use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::vector::Vector;

/// Approximate number of elements per task.
const PIECE: usize = 16 * 1024;

/// Computes y = weight·x / √(mean(x²) + eps) for each row: `Qwen3TTSRMSNorm`.
///
/// x and y are \[rows, channels\], weight \[channels\].
///
/// # Panics
/// Panics if a length does not fit the shapes.
#[track_caller]
pub fn rms_norm(context: &Context, x: &[f32], weight: &[f32], eps: f32, y: &mut [f32]) {
    norm(context, x, weight, None, eps, y);
}

/// Computes y = weight·(x − mean(x)) / √(var(x) + eps) + bias for each row: `torch.nn.LayerNorm`.
///
/// x and y are \[rows, channels\], weight and bias \[channels\].
///
/// # Panics
/// Panics if a length does not fit the shapes.
#[track_caller]
pub fn layer_norm(
    context: &Context,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    eps: f32,
    y: &mut [f32],
) {
    assert_eq!(bias.len(), weight.len(), "length of the bias");
    norm(context, x, weight, Some(bias), eps, y);
}

#[track_caller]
fn norm(
    context: &Context,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    eps: f32,
    y: &mut [f32],
) {
    let channels = weight.len();
    assert!(channels > 0 || x.is_empty(), "rows without channels");
    assert_eq!(x.len(), y.len(), "length of x and y");
    assert_eq!(x.len() % channels.max(1), 0, "x is not whole rows of {channels} channels");
    let piece = (PIECE / channels.max(1)).max(1) * channels;
    context.pool().pieces(y, piece, |offset, y| {
        let rows = x[offset..offset + y.len()].chunks_exact(channels);
        for (x, y) in rows.zip(y.chunks_exact_mut(channels)) {
            dispatch::run(context, Row { x, weight, bias, eps, y });
        }
    });
}

/// One row, which is centred if there is a bias.
struct Row<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    eps: f32,
    y: &'a mut [f32],
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let n = self.x.len();
        let whole = n - n % V::LANES;
        let rest = n - whole;
        let (x, weight, y) = (self.x.as_ptr(), self.weight.as_ptr(), self.y.as_mut_ptr());
        // SAFETY: all slices have n elements.
        unsafe {
            let mean = if self.bias.is_some() { sum::<V>(self.x) / n as f32 } else { 0.0 };
            let mean = V::splat(mean);
            let variance = square_sum::<V>(self.x, mean) / n as f32;
            // Where the squares overflow, the last term makes the row NaN rather than 0.
            let scale = V::splat(1.0 / (variance + self.eps).sqrt() + 0.0 * variance);
            for i in (0..whole).step_by(V::LANES) {
                let value = (V::load(x.add(i)) - mean) * scale * V::load(weight.add(i));
                let bias = self.bias.map(|bias| V::load(bias.as_ptr().add(i)));
                (if let Some(bias) = bias { value + bias } else { value }).store(y.add(i));
            }
            if rest > 0 {
                let weight = V::load_part(weight.add(whole), rest);
                let value = (V::load_part(x.add(whole), rest) - mean) * scale * weight;
                let bias = self.bias.map(|bias| V::load_part(bias.as_ptr().add(whole), rest));
                let value = if let Some(bias) = bias { value + bias } else { value };
                value.store_part(y.add(whole), rest);
            }
        }
    }
}

/// Returns Σ x.
///
/// # Safety
/// The CPU has the instruction set of `V`.
#[inline(always)]
unsafe fn sum<V: Vector>(x: &[f32]) -> f32 {
    // SAFETY: upheld by the caller; the slice is read within its length.
    unsafe {
        let mut sums = [V::splat(0.0); 4];
        let whole = x.len() - x.len() % V::LANES;
        for (step, i) in (0..whole).step_by(V::LANES).enumerate() {
            sums[step % 4] = sums[step % 4] + V::load(x.as_ptr().add(i));
        }
        if whole < x.len() {
            sums[0] = sums[0] + V::load_part(x.as_ptr().add(whole), x.len() - whole);
        }
        ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_sum()
    }
}

/// Returns Σ (x − mean)².
///
/// # Safety
/// The CPU has the instruction set of `V`.
#[inline(always)]
unsafe fn square_sum<V: Vector>(x: &[f32], mean: V) -> f32 {
    // SAFETY: upheld by the caller; the slice is read within its length.
    unsafe {
        let mut sums = [V::splat(0.0); 4];
        let whole = x.len() - x.len() % V::LANES;
        for (step, i) in (0..whole).step_by(V::LANES).enumerate() {
            let x = V::load(x.as_ptr().add(i)) - mean;
            sums[step % 4] = x.mul_add(x, sums[step % 4]);
        }
        let mut rest = 0.0;
        for &x in &x[whole..] {
            // Lanes past the end would count as (0 − mean)².
            let x = V::splat(x) - mean;
            rest += (x * x).reduce_max();
        }
        ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_sum() + rest
    }
}
