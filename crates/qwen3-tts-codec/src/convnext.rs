//! The residual block after each upsampling of the latent.

use qwen3_tts_nn::{CausalConv1d, ConvState, Device, LayerNorm, Linear, Result, Tensor, Weights};

/// `x + γ·pwconv2(gelu(pwconv1(norm(dwconv(x)))))`, the reference's
/// `Qwen3TTSTokenizerV2ConvNeXtBlock` ([Liu et al. 2022](https://arxiv.org/abs/2201.03545)).
pub(crate) struct ConvNeXtBlock {
    dwconv: CausalConv1d,
    norm: LayerNorm,
    pwconv1: Linear,
    pwconv2: Linear,
    gamma: Tensor,
}

impl ConvNeXtBlock {
    const TAPS: usize = 7;
    const EXPANSION: usize = 4;
    const EPS: f32 = 1e-6;

    pub(crate) fn load(weights: &Weights, dim: usize, device: &Device) -> Result<Self> {
        let inner = Self::EXPANSION * dim;
        let dwconv = weights.under("dwconv.conv");
        Ok(Self {
            dwconv: CausalConv1d::load_depthwise(&dwconv, dim, Self::TAPS, device)?,
            norm: LayerNorm::load(&weights.under("norm"), dim, Self::EPS, device)?,
            pwconv1: Linear::load_with_bias(&weights.under("pwconv1"), dim, inner, device)?,
            pwconv2: Linear::load_with_bias(&weights.under("pwconv2"), inner, dim, device)?,
            gamma: weights.tensor("gamma", &[dim], device)?,
        })
    }

    pub(crate) fn new_state(&self) -> ConvState {
        self.dwconv.new_state()
    }

    pub(crate) fn step(&self, x: &Tensor, state: &mut ConvState) -> Tensor {
        let y = self.norm.forward(&self.dwconv.step(x, state));
        let y = self.pwconv2.forward(&self.pwconv1.forward(&y).gelu());
        x.scaled_add(&y, &self.gamma)
    }
}
