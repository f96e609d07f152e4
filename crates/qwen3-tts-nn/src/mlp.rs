//! Feed-forward layers.

use crate::device::Device;
use crate::error::Result;
use crate::linear::Linear;
use crate::tensor::Tensor;
use crate::weights::Weights;

/// `down_proj(silu(gate_proj(x))·up_proj(x))`, the reference's `Qwen3TTSTalkerTextMLP`
/// ([Shazeer 2020](https://arxiv.org/abs/2002.05202)).
#[derive(Clone)]
pub struct SwiGlu {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl SwiGlu {
    /// Reads `gate_proj`, `up_proj` and `down_proj`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights, hidden: usize, inner: usize, device: &Device) -> Result<Self> {
        Ok(Self {
            gate_proj: Linear::load(&weights.under("gate_proj"), hidden, inner, device)?,
            up_proj: Linear::load(&weights.under("up_proj"), hidden, inner, device)?,
            down_proj: Linear::load(&weights.under("down_proj"), inner, hidden, device)?,
        })
    }

    /// `[…, hidden]` to the same shape.
    #[track_caller]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let [gate, up] = Linear::forward_many([&self.gate_proj, &self.up_proj], x);
        self.down_proj.forward(&gate.silu_mul(&up))
    }
}
