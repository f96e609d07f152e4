//! Depthwise convolution: every channel has its own taps.

use super::output_rows;
use crate::dispatch::{self, Kernel};
use crate::isa::{Isa, isa};
use crate::pool::Pool;
use crate::vector::Vector;

/// Elements of y in one task.
const PIECE: usize = 8 * 1024;

/// y\[t, c\] = bias\[c\] + Σⱼ w\[j, c\]·x\[t + j·dilation, c\]: `torch.nn.Conv1d` with as many
/// groups as channels, stride 1 and no padding, on channels-last rows.
///
/// weight is \[taps, channels\], x \[len, channels\] with its left context, y \[n, channels\] with
/// n = len − (taps − 1)·dilation.
///
/// # Panics
/// If channels, taps or dilation is 0, or a length does not fit the shapes.
#[allow(clippy::too_many_arguments)]
#[track_caller]
pub fn depthwise_conv1d(
    pool: &Pool,
    x: &[f32],
    weight: &[f32],
    taps: usize,
    channels: usize,
    bias: Option<&[f32]>,
    dilation: usize,
    y: &mut [f32],
) {
    by_isa(isa(), pool, x, weight, taps, channels, bias, dilation, y);
}

/// [`depthwise_conv1d`] with the instruction set `isa`.
#[allow(clippy::too_many_arguments)]
#[track_caller]
pub fn by_isa(
    isa: Isa,
    pool: &Pool,
    x: &[f32],
    weight: &[f32],
    taps: usize,
    channels: usize,
    bias: Option<&[f32]>,
    dilation: usize,
    y: &mut [f32],
) {
    assert!(channels > 0 && taps > 0, "an empty weight [{taps}, {channels}]");
    assert_eq!(weight.len(), taps * channels, "length of weight [{taps}, {channels}]");
    assert_eq!(x.len() % channels, 0, "x is not whole rows of {channels} channels");
    let rows = output_rows(x.len() / channels, taps, 1, dilation);
    assert_eq!(y.len(), rows * channels, "length of y for {rows} rows of {channels} channels");
    if let Some(bias) = bias {
        assert_eq!(bias.len(), channels, "length of the bias");
    }
    let piece = (PIECE / channels).max(1) * channels;
    pool.pieces(y, piece, |offset, y| {
        let x = &x[offset..];
        dispatch::run(isa, Rows { x, weight, taps, channels, bias, dilation, y });
    });
}

/// Whole rows of y; x begins under the first of them.
struct Rows<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    taps: usize,
    channels: usize,
    bias: Option<&'a [f32]>,
    dilation: usize,
    y: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let mut channel = 0;
        // SAFETY: the channels exist.
        unsafe {
            while channel < self.channels {
                let width = V::LANES.min(self.channels - channel);
                if width == V::LANES {
                    self.column::<V, true>(channel, width);
                } else {
                    self.column::<V, false>(channel, width);
                }
                channel += width;
            }
        }
    }
}

impl Rows<'_> {
    /// All rows of `width` channels; `WHOLE` says that this is a whole vector.
    ///
    /// # Safety
    /// As [`Kernel::run`]; the channels exist.
    #[inline(always)]
    unsafe fn column<V: Vector, const WHOLE: bool>(&mut self, channel: usize, width: usize) {
        // SAFETY: every offset is a row or tap that exists, plus channel .. channel + width.
        unsafe {
            let load = Load::<WHOLE>(width);
            let bias = match self.bias {
                Some(bias) => load.load(bias.as_ptr().add(channel)),
                None => V::splat(0.0),
            };
            for row in (0..self.y.len()).step_by(self.channels) {
                let mut sum = bias;
                for tap in 0..self.taps {
                    let w: V = load.load(self.weight.as_ptr().add(tap * self.channels + channel));
                    let at = row + tap * self.dilation * self.channels + channel;
                    sum = w.mul_add(load.load(self.x.as_ptr().add(at)), sum);
                }
                let y = self.y.as_mut_ptr().add(row + channel);
                if WHOLE { sum.store(y) } else { sum.store_part(y, width) }
            }
        }
    }
}

/// Loads a whole vector, or so many lanes of one.
#[derive(Clone, Copy)]
struct Load<const WHOLE: bool>(usize);

impl<const WHOLE: bool> Load<WHOLE> {
    /// # Safety
    /// As [`Vector::load`] or [`Vector::load_part`].
    #[inline(always)]
    unsafe fn load<V: Vector>(self, from: *const f32) -> V {
        // SAFETY: the caller's promise.
        unsafe { if WHOLE { V::load(from) } else { V::load_part(from, self.0) } }
    }
}
