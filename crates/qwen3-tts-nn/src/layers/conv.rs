//! Causal convolutions over time, as steps with explicit state.

use crate::backend::conv::ConvShape;
use crate::error::Result;
use crate::tensor::Device;
use crate::tensor::PackedConv;
use crate::tensor::Tensor;
use crate::weights::Weights;

/// The inputs of a convolution before the first one, and after the last one if its stride does not
/// divide the length.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Zeros.
    #[default]
    Zero,
    /// Copies of the first input, or of the last one.
    Replicate,
}

/// The last inputs of a convolution, which the next step reads again. A clone continues on its own.
#[derive(Clone)]
pub struct ConvState {
    /// `[1, context, in_channels]`; `None` if no context is needed, and before the
    /// first input of a replicating convolution.
    tail: Option<Tensor>,
}

/// A convolution that reads present and past inputs only: the reference's
/// `Qwen3TTSTokenizerV2CausalConvNet` and `MimiConv1d`, which pad
/// `(taps − 1)·dilation + 1 − stride` inputs on the left.
#[derive(Clone)]
pub struct CausalConv1d {
    weight: PackedConv,
    bias: Option<Tensor>,
    in_channels: usize,
    /// Number of earlier inputs that the first output of a step reads.
    context: usize,
    stride: usize,
    padding: Padding,
    device: Device,
}

/// The sizes of a dense convolution.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConvConfig {
    /// Number of input channels.
    pub in_channels: usize,
    /// Number of output channels.
    pub out_channels: usize,
    /// Kernel size.
    pub taps: usize,
    /// Inputs from one output to the next.
    pub stride: usize,
    /// Inputs from one tap to the next.
    pub dilation: usize,
    /// True if there is a bias.
    pub bias: bool,
    /// Inputs before the first one.
    pub padding: Padding,
}

impl ConvConfig {
    /// Returns a convolution with stride and dilation 1, a bias, and zeros before the first input.
    pub fn new(in_channels: usize, out_channels: usize, taps: usize) -> Self {
        let padding = Padding::Zero;
        Self { in_channels, out_channels, taps, stride: 1, dilation: 1, bias: true, padding }
    }

    /// Returns the same sizes with another dilation.
    pub fn dilation(self, dilation: usize) -> Self {
        Self { dilation, ..self }
    }

    /// Returns the same sizes with another stride.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Returns the same sizes without a bias.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// Returns the same sizes with another padding.
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    pub(crate) fn shape(&self) -> ConvShape {
        ConvShape {
            out_channels: self.out_channels,
            in_channels: self.in_channels,
            taps: self.taps,
            stride: self.stride,
            dilation: self.dilation,
            depthwise: false,
        }
    }
}

impl CausalConv1d {
    /// Reads `weight` `[out, in, taps]` and `bias` `[out]`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    ///
    /// # Panics
    /// Panics if the stride is longer than the kernel.
    pub fn load(weights: &Weights, config: ConvConfig, device: &Device) -> Result<Self> {
        let span = (config.taps - 1) * config.dilation + 1;
        assert!(config.stride <= span, "a stride of {} over {span} inputs", config.stride);
        let bias = match config.bias {
            true => Some(weights.tensor("bias", &[config.out_channels], device)?),
            false => None,
        };
        Ok(Self {
            weight: weights.conv("weight", config.shape(), device)?,
            bias,
            in_channels: config.in_channels,
            context: span - config.stride,
            stride: config.stride,
            padding: config.padding,
            device: device.clone(),
        })
    }

    /// Reads `weight` `[channels, 1, taps]` and `bias` `[channels]`: one filter for each channel.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load_depthwise(
        weights: &Weights,
        channels: usize,
        taps: usize,
        device: &Device,
    ) -> Result<Self> {
        let shape = ConvShape {
            in_channels: 1,
            depthwise: true,
            ..ConvConfig::new(channels, channels, taps).shape()
        };
        Ok(Self {
            weight: weights.conv("weight", shape, device)?,
            bias: Some(weights.tensor("bias", &[channels], device)?),
            in_channels: channels,
            context: taps - 1,
            stride: 1,
            padding: Padding::Zero,
            device: device.clone(),
        })
    }

    /// Returns the state before the first input.
    pub fn new_state(&self) -> ConvState {
        let silence = || Tensor::zeros(&[1, self.context, self.in_channels], &self.device);
        ConvState { tail: (self.context > 0 && self.padding == Padding::Zero).then(silence) }
    }

    /// Continues the input with `x` `[1, time, in]`; `[1, ⌈time / stride⌉, out]` out. If time is no
    /// multiple of the stride, the step is padded, and it must be the last one.
    #[track_caller]
    pub fn step(&self, x: &Tensor, state: &mut ConvState) -> Tensor {
        let shape = x.shape();
        assert!(
            shape.rank() == 3 && shape[1] > 0 && shape[2] == self.in_channels,
            "convolution of {} channels on {shape:?}",
            self.in_channels
        );
        let fill = shape[1].next_multiple_of(self.stride) - shape[1];
        let before = match (self.context, &state.tail) {
            (0, _) => None,
            (context, None) => Some(self.pad(&x.narrow(1, 0, 1), context)),
            (_, Some(tail)) => Some(tail.clone()),
        };
        let after = (fill > 0).then(|| self.pad(&x.last_step(), fill));
        let x = match (&before, &after) {
            (None, None) => x.clone(),
            _ => Tensor::cat(&before.iter().chain([x]).chain(&after).collect::<Vec<_>>(), 1),
        };
        state.tail = before.map(|_| x.narrow(1, x.dim(1) - self.context, self.context));
        x.conv1d(&self.weight, self.bias.as_ref())
    }

    /// Returns `n` padding inputs beside the input `edge` `[1, 1, in]`.
    fn pad(&self, edge: &Tensor, n: usize) -> Tensor {
        match self.padding {
            Padding::Zero => Tensor::zeros(&[1, n, self.in_channels], &self.device),
            Padding::Replicate => Tensor::cat(&vec![edge; n], 1),
        }
    }
}

/// An upsampling by `stride` that reads present and past inputs only: the reference's
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
    /// As [`Weights::tensor`].
    pub fn load(
        weights: &Weights,
        in_channels: usize,
        out_channels: usize,
        taps: usize,
        stride: usize,
        device: &Device,
    ) -> Result<Self> {
        let values = weights.conv_transpose_values("weight", in_channels, out_channels, taps)?;
        let bias = weights.to_vec("bias", &[out_channels])?.repeat(stride);
        let steps = taps.div_ceil(stride);
        let shape = ConvConfig::new(in_channels, stride * out_channels, steps).shape();
        let weight = phase_weight(&values, out_channels, taps, stride, shape);
        let phases = CausalConv1d {
            weight: PackedConv::pack(&weight, shape, device),
            bias: Some(Tensor::from_vec(bias, &[stride * out_channels], device)),
            in_channels,
            context: steps - 1,
            stride: 1,
            padding: Padding::Zero,
            device: device.clone(),
        };
        Ok(Self { phases, stride, out_channels })
    }

    /// Returns the state before the first input: zeros.
    pub fn new_state(&self) -> ConvState {
        self.phases.new_state()
    }

    /// Continues the input with `x` `[1, time, in]`; `[1, time·stride, out]` out.
    #[track_caller]
    pub fn step(&self, x: &Tensor, state: &mut ConvState) -> Tensor {
        let y = self.phases.step(x, state);
        y.reshape(&[1, x.dim(1) * self.stride, self.out_channels])
    }
}

/// Rearranges `[out, taps, in]` to `[stride·out, steps, in]`, the oldest step first.
fn phase_weight(
    values: &[f32],
    out_channels: usize,
    taps: usize,
    stride: usize,
    shape: ConvShape,
) -> Vec<f32> {
    let inputs = shape.in_channels;
    let mut weight = Vec::with_capacity(shape.out_channels * shape.taps * inputs);
    for phase in 0..stride {
        for out in 0..out_channels {
            for age in (0..shape.taps).rev() {
                let tap = phase + age * stride;
                match tap < taps {
                    true => weight.extend(&values[(out * taps + tap) * inputs..][..inputs]),
                    false => weight.resize(weight.len() + inputs, 0.0),
                }
            }
        }
    }
    weight
}
