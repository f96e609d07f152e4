//! Depthwise convolution.

use super::output_rows;
use crate::context::Context;
use crate::dispatch::{self, Kernel};
use crate::vector::Vector;

/// Number of elements of y per task.
const PIECE: usize = 8 * 1024;

/// Weights and parameters of [`depthwise_conv1d`].
#[derive(Clone, Copy, Debug)]
pub struct DepthwiseConv1d<'a> {
    /// w \[taps, channels\].
    pub weight: &'a [f32],
    /// Kernel size, at least 1.
    pub taps: usize,
    /// Number of channels, at least 1.
    pub channels: usize,
    /// \[channels\].
    pub bias: Option<&'a [f32]>,
    /// Number of rows of x from one tap to the next, at least 1.
    pub dilation: usize,
}

/// Computes y\[t, c\] = bias\[c\] + Σⱼ w\[j, c\]·x\[t + j·dilation, c\]: `torch.nn.Conv1d` with one
/// group per channel, stride 1 and no padding, on channels-last rows.
///
/// x is \[len, channels\] and already holds its left context; y is \[n, channels\] with
/// n = len − (taps − 1)·dilation, or n = 0 if len is too short for one window.
///
/// # Panics
/// Panics if channels, taps or dilation is 0, or a length does not fit the shapes.
#[track_caller]
pub fn depthwise_conv1d(context: &Context, x: &[f32], conv: DepthwiseConv1d<'_>, y: &mut [f32]) {
    let DepthwiseConv1d { weight, taps, channels, bias, dilation } = conv;
    assert!(channels > 0 && taps > 0, "an empty weight [{taps}, {channels}]");
    assert_eq!(weight.len(), taps * channels, "length of weight [{taps}, {channels}]");
    assert_eq!(x.len() % channels, 0, "x is not whole rows of {channels} channels");
    let rows = output_rows(x.len() / channels, taps, 1, dilation);
    assert_eq!(y.len(), rows * channels, "length of y for {rows} rows of {channels} channels");
    if let Some(bias) = bias {
        assert_eq!(bias.len(), channels, "length of the bias");
    }
    let piece = (PIECE / channels).max(1) * channels;
    context.pool().pieces(y, piece, |offset, y| {
        dispatch::run(context, Rows { x: &x[offset..], conv, y });
    });
}

/// Whole rows of y; x begins at the window of the first.
struct Rows<'a> {
    x: &'a [f32],
    conv: DepthwiseConv1d<'a>,
    y: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let mut channel = 0;
        // SAFETY: the channels exist.
        unsafe {
            while channel < self.conv.channels {
                let width = V::LANES.min(self.conv.channels - channel);
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
    /// Computes `width` channels of all rows; `WHOLE` is true for a whole vector.
    ///
    /// # Safety
    /// As [`Kernel::run`]; the channels exist.
    #[inline(always)]
    unsafe fn column<V: Vector, const WHOLE: bool>(&mut self, channel: usize, width: usize) {
        let DepthwiseConv1d { weight, taps, channels, bias, dilation } = self.conv;
        // SAFETY: every offset is an existing row or tap plus channel .. channel + width.
        unsafe {
            let load = Load::<WHOLE>(width);
            let bias = match bias {
                Some(bias) => load.load(bias.as_ptr().add(channel)),
                None => V::splat(0.0),
            };
            for row in (0..self.y.len()).step_by(channels) {
                let mut sum = bias;
                for tap in 0..taps {
                    let w: V = load.load(weight.as_ptr().add(tap * channels + channel));
                    let at = row + tap * dilation * channels + channel;
                    sum = w.mul_add(load.load(self.x.as_ptr().add(at)), sum);
                }
                let y = self.y.as_mut_ptr().add(row + channel);
                if WHOLE { sum.store(y) } else { sum.store_part(y, width) }
            }
        }
    }
}

/// Loader of a whole vector, or of this number of lanes.
#[derive(Clone, Copy)]
struct Load<const WHOLE: bool>(usize);

impl<const WHOLE: bool> Load<WHOLE> {
    /// # Safety
    /// As [`Vector::load`] or [`Vector::load_part`].
    #[inline(always)]
    unsafe fn load<V: Vector>(self, from: *const f32) -> V {
        // SAFETY: upheld by the caller.
        unsafe { if WHOLE { V::load(from) } else { V::load_part(from, self.0) } }
    }
}
