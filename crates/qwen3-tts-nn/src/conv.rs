//! Causal convolutions over time, as steps with explicit state.

use crate::backend::Backend;
use crate::device::Device;
use crate::error::Result;
use crate::layout::PackedConv;
use crate::tensor::Tensor;
use crate::weights::{Weights, pack_conv};

/// The sizes of a dense or depthwise convolution of stride 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvShape {
    pub out_channels: usize,
    /// Input channels that one output channel reads: 1 for a depthwise convolution.
    pub in_channels: usize,
    pub taps: usize,
    pub dilation: usize,
    pub depthwise: bool,
}

/// The last inputs of a convolution, which the next step still needs. A clone continues on its
/// own.
#[derive(Clone)]
pub struct ConvState {
    /// `[1, context, in_channels]`; `None` where one tap needs no context.
    tail: Option<Tensor>,
}

/// A convolution that sees the present and the past only: the reference's
/// `Qwen3TTSTokenizerV2CausalConvNet` with stride 1, which pads `(taps − 1)·dilation` zeros on
/// the left.
#[derive(Clone)]
pub struct CausalConv1d {
    weight: PackedConv,
    bias: Option<Tensor>,
    in_channels: usize,
    context: usize,
    device: Device,
}

impl CausalConv1d {
    /// Reads `weight` `[out, in, taps]` and `bias` `[out]`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(
        weights: &Weights,
        in_channels: usize,
        out_channels: usize,
        taps: usize,
        dilation: usize,
        device: &Device,
    ) -> Result<Self> {
        let shape = ConvShape { out_channels, in_channels, taps, dilation, depthwise: false };
        let bias = Some(weights.tensor("bias", &[out_channels], device)?);
        let weight = weights.conv("weight", shape, device)?;
        Ok(Self {
            weight,
            bias,
            in_channels,
            context: (taps - 1) * dilation,
            device: device.clone(),
        })
    }

    /// Reads `weight` `[channels, 1, taps]` and `bias` `[channels]`: one filter for each channel.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load_depthwise(
        weights: &Weights,
        channels: usize,
        taps: usize,
        device: &Device,
    ) -> Result<Self> {
        let shape = ConvShape {
            out_channels: channels,
            in_channels: 1,
            taps,
            dilation: 1,
            depthwise: true,
        };
        let bias = Some(weights.tensor("bias", &[channels], device)?);
        let weight = weights.conv("weight", shape, device)?;
        Ok(Self { weight, bias, in_channels: channels, context: taps - 1, device: device.clone() })
    }

    /// The state before the first input: silence.
    pub fn new_state(&self) -> ConvState {
        let silence = || Tensor::zeros(&[1, self.context, self.in_channels], &self.device);
        ConvState { tail: (self.context > 0).then(silence) }
    }

    /// `x` `[1, time, in]` continues the input; `[1, time, out]`.
    #[track_caller]
    pub fn step(&self, x: &Tensor, state: &mut ConvState) -> Tensor {
        assert_eq!(x.shape().last(), self.in_channels, "convolution of {:?}", x.shape());
        let joined = state.tail.as_ref().map(|tail| Tensor::cat(&[tail, x], 1));
        let x = joined.as_ref().unwrap_or(x);
        state.tail = joined.as_ref().map(|x| x.narrow(1, x.dim(1) - self.context, self.context));
        on_backend!(x, B => B::conv1d(B::of(x), B::of_conv(&self.weight), self.bias.as_ref()))
    }
}

/// An upsampling by `stride` that sees the present and the past only: the reference's
/// `Qwen3TTSTokenizerV2CausalTransConvNet`, a transposed convolution whose last
/// `taps − stride` outputs are trimmed.
///
/// Output `t·stride + p` is `Σ_m x[t − m]·w[p + m·stride]`: a causal convolution with
/// `⌈taps / stride⌉` taps and `stride·out` channels, whose rows are then cut into `stride` rows.
/// So there is no overlap to carry, and a bias is added exactly once.
#[derive(Clone)]
pub struct CausalConvTranspose1d {
    phases: CausalConv1d,
    stride: usize,
    out_channels: usize,
}

impl CausalConvTranspose1d {
    /// Reads `weight` `[in, out, taps]` and `bias` `[out]`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(
        weights: &Weights,
        in_channels: usize,
        out_channels: usize,
        taps: usize,
        stride: usize,
        device: &Device,
    ) -> Result<Self> {
        let published = weights.to_vec("weight", &[in_channels, out_channels, taps])?;
        let bias = weights.to_vec("bias", &[out_channels])?.repeat(stride);
        let steps = taps.div_ceil(stride);
        let shape = ConvShape {
            out_channels: stride * out_channels,
            in_channels,
            taps: steps,
            dilation: 1,
            depthwise: false,
        };
        let weight = phase_weight(&published, out_channels, taps, stride, shape);
        let phases = CausalConv1d {
            weight: pack_conv(&weight, shape, device),
            bias: Some(Tensor::from_vec(bias, &[stride * out_channels], device)),
            in_channels,
            context: steps - 1,
            device: device.clone(),
        };
        Ok(Self { phases, stride, out_channels })
    }

    /// The state before the first input: silence.
    pub fn new_state(&self) -> ConvState {
        self.phases.new_state()
    }

    /// `x` `[1, time, in]` continues the input; `[1, time·stride, out]`.
    #[track_caller]
    pub fn step(&self, x: &Tensor, state: &mut ConvState) -> Tensor {
        let y = self.phases.step(x, state);
        y.reshape(&[1, x.dim(1) * self.stride, self.out_channels])
    }
}

/// `[in, out, taps]` to `[stride·out, steps, in]`, the oldest step first.
fn phase_weight(
    published: &[f32],
    out_channels: usize,
    taps: usize,
    stride: usize,
    shape: ConvShape,
) -> Vec<f32> {
    let mut weight = Vec::with_capacity(shape.out_channels * shape.taps * shape.in_channels);
    for phase in 0..stride {
        for out in 0..out_channels {
            for age in (0..shape.taps).rev() {
                let tap = phase + age * stride;
                weight.extend((0..shape.in_channels).map(|input| match tap < taps {
                    true => published[(input * out_channels + out) * taps + tap],
                    false => 0.0,
                }));
            }
        }
    }
    weight
}
