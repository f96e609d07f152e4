//! Feed-forward layers.

use super::linear::Linear;
use crate::error::Result;
use crate::tensor::Device;
use crate::tensor::Tensor;
use crate::weights::Weights;

/// The kinds of feed-forward layers.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlpKind {
    /// `down_proj(silu(gate_proj(x))·up_proj(x))`
    /// ([Shazeer 2020](https://arxiv.org/abs/2002.05202)).
    SwiGlu,
    /// `fc2(gelu(fc1(x)))`.
    Gelu,
}

/// The feed-forward layer of a transformer: the reference's `Qwen3TTSTalkerTextMLP` and
/// `MimiMLP`.
#[derive(Clone)]
#[non_exhaustive]
pub enum Mlp {
    /// See [`MlpKind::SwiGlu`].
    SwiGlu {
        /// `[inner, hidden]`.
        gate_proj: Linear,
        /// `[inner, hidden]`.
        up_proj: Linear,
        /// `[hidden, inner]`.
        down_proj: Linear,
    },
    /// See [`MlpKind::Gelu`].
    Gelu {
        /// `[inner, hidden]`.
        fc1: Linear,
        /// `[hidden, inner]`.
        fc2: Linear,
    },
}

impl Mlp {
    /// Reads the projections of a layer of this kind.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load(
        weights: &Weights,
        kind: MlpKind,
        hidden: usize,
        inner: usize,
        device: &Device,
    ) -> Result<Self> {
        let up = |name: &str| Linear::load(&weights.under(name), hidden, inner, device);
        let down = |name: &str| Linear::load(&weights.under(name), inner, hidden, device);
        Ok(match kind {
            MlpKind::SwiGlu => Self::SwiGlu {
                gate_proj: up("gate_proj")?,
                up_proj: up("up_proj")?,
                down_proj: down("down_proj")?,
            },
            MlpKind::Gelu => Self::Gelu { fc1: up("fc1")?, fc2: down("fc2")? },
        })
    }

    /// Applies the layer to `[…, hidden]`; same shape out.
    #[track_caller]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Self::SwiGlu { gate_proj, up_proj, down_proj } => {
                let [gate, up] = Linear::forward_many([gate_proj, up_proj], x);
                down_proj.forward(&gate.silu_mul(&up))
            }
            Self::Gelu { fc1, fc2 } => fc2.forward(&fc1.forward(x).gelu()),
        }
    }
}
