//! Causal convolutions over time, as steps with explicit state.

use crate::backend::conv::ConvShape;
use crate::error::Result;
use crate::tensor::Device;
use crate::tensor::PackedConv;
use crate::tensor::Tensor;
use crate::weights::Weights;

/// What a convolution sees before the first input, and after the last where its stride does not
/// divide the length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Zeros.
    #[default]
    Zero,
    /// The first, or the last, input again.
    Replicate,
}

/// The last inputs of a convolution, which the next step still needs. A clone continues on its
/// own.
#[derive(Clone)]
pub struct ConvState {
    /// `[1, context, in_channels]`; `None` where no context is needed, and before the first input.
    tail: Option<Tensor>,
}

impl ConvState {
    /// The same state, computed now: see [`Tensor::computed`].
    pub fn computed(self) -> Self {
        Self { tail: self.tail.map(Tensor::computed) }
    }
}

/// A convolution that sees the present and the past only: the reference's
/// `Qwen3TTSTokenizerV2CausalConvNet` and `MimiConv1d`, which pad
/// `(taps − 1)·dilation + 1 − stride` inputs on the left.
#[derive(Clone)]
pub struct CausalConv1d {
    weight: PackedConv,
    bias: Option<Tensor>,
    in_channels: usize,
    /// Inputs before a step's own that its first output reads.
    context: usize,
    stride: usize,
    padding: Padding,
    device: Device,
}

/// The sizes of a dense [`CausalConv1d`]; stride and dilation 1 and a bias unless said otherwise.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConvConfig {
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// The kernel size.
    pub taps: usize,
    /// Inputs from one output to the next.
    pub stride: usize,
    /// Inputs from one tap to the next.
    pub dilation: usize,
    /// Whether there is a bias.
    pub bias: bool,
    /// What is seen before the first input.
    pub padding: Padding,
}

impl ConvConfig {
    /// Stride and dilation 1, a bias, zeros before the first input.
    pub fn new(in_channels: usize, out_channels: usize, taps: usize) -> Self {
        let padding = Padding::Zero;
        Self { in_channels, out_channels, taps, stride: 1, dilation: 1, bias: true, padding }
    }

    /// The same with another dilation.
    pub fn dilation(self, dilation: usize) -> Self {
        Self { dilation, ..self }
    }

    /// The same with another stride.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// The same without a bias.
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// The same with another padding.
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
    /// When a tensor is missing or misshapen.
    ///
    /// # Panics
    /// When the stride is longer than the kernel.
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
    /// When a tensor is missing or misshapen.
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

    /// The state before the first input.
    pub fn new_state(&self) -> ConvState {
        let silence = || Tensor::zeros(&[1, self.context, self.in_channels], &self.device);
        ConvState { tail: (self.context > 0 && self.padding == Padding::Zero).then(silence) }
    }

    /// `x` `[1, time, in]` continues the input; `[1, ⌈time / stride⌉, out]`. A step whose time is
    /// no multiple of the stride is padded, and ends the input.
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

    /// `n` inputs that are not there, beside the input `edge` `[1, 1, in]`.
    fn pad(&self, edge: &Tensor, n: usize) -> Tensor {
        match self.padding {
            Padding::Zero => Tensor::zeros(&[1, n, self.in_channels], &self.device),
            Padding::Replicate => Tensor::cat(&vec![edge; n], 1),
        }
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

/// `[out, taps, in]` to `[stride·out, steps, in]`, the oldest step first.
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
