//! Upsampling from the frame rate to the input rate of the vocoder.

use qwen3_tts_nn::{CausalConvTranspose1d, ConvState, Device, Result, Tensor, Weights};

use crate::convnext::ConvNeXtBlock;

/// One of the decoder's `upsample.{i}`: a transposed convolution and a ConvNeXt block.
pub(crate) struct Upsample {
    conv: CausalConvTranspose1d,
    block: ConvNeXtBlock,
}

#[derive(Clone)]
pub(crate) struct UpsampleState {
    conv: ConvState,
    block: ConvState,
}

impl Upsample {
    pub(crate) fn load(
        weights: &Weights,
        dim: usize,
        factor: usize,
        device: &Device,
    ) -> Result<Self> {
        let conv = weights.under("0.conv");
        Ok(Self {
            conv: CausalConvTranspose1d::load(&conv, dim, dim, factor, factor, device)?,
            block: ConvNeXtBlock::load(&weights.under("1"), dim, device)?,
        })
    }

    pub(crate) fn new_state(&self) -> UpsampleState {
        UpsampleState { conv: self.conv.new_state(), block: self.block.new_state() }
    }

    /// Upsamples `[1, n, dim]` to `[1, n·factor, dim]`.
    pub(crate) fn step(&self, x: &Tensor, state: &mut UpsampleState) -> Tensor {
        let x = self.conv.step(x, &mut state.conv);
        self.block.step(&x, &mut state.block)
    }
}
