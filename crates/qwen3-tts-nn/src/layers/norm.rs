//! Normalisation over the channels.

use crate::backend::Backend;
use crate::error::Result;
use crate::tensor::Device;
use crate::tensor::Tensor;
use crate::tensor::dispatch::on_backend;
use crate::weights::Weights;

/// `w·x / sqrt(mean(x²) + ε)`, the reference's `Qwen3TTSRMSNorm`
/// ([Zhang and Sennrich 2019](https://arxiv.org/abs/1910.07467)).
#[derive(Clone)]
pub struct RmsNorm {
    weight: Tensor,
    eps: f32,
}

impl RmsNorm {
    /// Reads `weight` `[channels]`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load(weights: &Weights, channels: usize, eps: f32, device: &Device) -> Result<Self> {
        Ok(Self { weight: weights.tensor("weight", &[channels], device)?, eps })
    }

    /// Normalises `[…, channels]`; same shape out.
    #[track_caller]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        assert_eq!(x.shape().last(), self.weight.dim(0), "rms_norm of {:?}", x.shape());
        on_backend!(x, B => {
            Tensor::on::<B>(B::rms_norm(x.of::<B>(), self.weight.of::<B>(), self.eps))
        })
    }
}

/// `w·(x − mean) / sqrt(var + ε) + b`, PyTorch's `nn.LayerNorm`.
#[derive(Clone)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f32,
}

impl LayerNorm {
    /// Reads `weight` and `bias`, both `[channels]`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load(weights: &Weights, channels: usize, eps: f32, device: &Device) -> Result<Self> {
        let weight = weights.tensor("weight", &[channels], device)?;
        let bias = weights.tensor("bias", &[channels], device)?;
        Ok(Self { weight, bias, eps })
    }

    /// Normalises `[…, channels]`; same shape out.
    #[track_caller]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        assert_eq!(x.shape().last(), self.weight.dim(0), "layer_norm of {:?}", x.shape());
        on_backend!(x, B => {
            let (weight, bias) = (self.weight.of::<B>(), self.bias.of::<B>());
            Tensor::on::<B>(B::layer_norm(x.of::<B>(), weight, bias, self.eps))
        })
    }
}

/// The kinds of normalisation.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// [`RmsNorm`].
    Rms,
    /// [`LayerNorm`].
    Layer,
}

/// A normalisation of the kind that a configuration names.
#[derive(Clone)]
#[non_exhaustive]
pub enum Norm {
    /// With a weight.
    Rms(RmsNorm),
    /// With a weight and a bias.
    Layer(LayerNorm),
}

impl Norm {
    /// Reads the tensors of a norm of this kind.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load(
        weights: &Weights,
        kind: NormKind,
        channels: usize,
        eps: f32,
        device: &Device,
    ) -> Result<Self> {
        match kind {
            NormKind::Rms => RmsNorm::load(weights, channels, eps, device).map(Self::Rms),
            NormKind::Layer => LayerNorm::load(weights, channels, eps, device).map(Self::Layer),
        }
    }

    /// Normalises `[…, channels]`; same shape out.
    #[track_caller]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Self::Rms(norm) => norm.forward(x),
            Self::Layer(norm) => norm.forward(x),
        }
    }
}
