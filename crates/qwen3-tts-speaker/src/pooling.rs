//! From a sequence to one vector.

use qwen3_tts_nn::{ConvConfig, Device, Result, SameConv1d, Tensor, Weights};

use crate::blocks::TimeDelayNetBlock;

/// Mean and deviation of each channel, over instants weighted by attention that sees the whole
/// recording: the reference's `AttentiveStatisticsPooling`
/// ([Okabe et al. 2018](https://arxiv.org/abs/1803.10963)).
pub(crate) struct AttentiveStatisticsPooling {
    tdnn: TimeDelayNetBlock,
    conv: SameConv1d,
}

impl AttentiveStatisticsPooling {
    /// Under the root of the deviations.
    const VARIANCE_FLOOR: f32 = 1e-12;

    pub(crate) fn load(
        weights: &Weights,
        channels: usize,
        attention_channels: usize,
        device: &Device,
    ) -> Result<Self> {
        let tdnn = ConvConfig::new(3 * channels, attention_channels, 1);
        let conv = ConvConfig::new(attention_channels, channels, 1);
        Ok(Self {
            tdnn: TimeDelayNetBlock::load(&weights.under("tdnn"), tdnn, device)?,
            conv: SameConv1d::load(&weights.under("conv"), conv, device)?,
        })
    }

    /// `[1, time, channels]` to `[1, 1, 2·channels]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let (mean, deviation) = x.statistics(None, Self::VARIANCE_FLOOR);
        let whole = Tensor::cat(&vec![&Tensor::cat(&[&mean, &deviation], 2); x.dim(1)], 1);
        let context = Tensor::cat(&[x, &whole], 2);
        let logits = self.conv.forward(&self.tdnn.forward(&context).tanh());
        let (mean, deviation) = x.statistics(Some(&logits), Self::VARIANCE_FLOOR);
        Tensor::cat(&[&mean, &deviation], 2)
    }
}
