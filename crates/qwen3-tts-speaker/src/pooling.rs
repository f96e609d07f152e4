//! From a sequence to one vector.

use qwen3_tts_nn::{ConvConfig, Device, Result, SameConv1d, Tensor, Weights};

/// Mean and deviation of each channel, over instants weighted by attention that sees the whole
/// recording: the reference's `AttentiveStatisticsPooling`
/// ([Okabe et al. 2018](https://arxiv.org/abs/1803.10963)).
pub(crate) struct AttentiveStatisticsPooling {
    /// `tdnn`, of the channels of each instant.
    tdnn_instant: SameConv1d,
    /// `tdnn`, of mean and deviation, which the reference repeats at each instant.
    tdnn_whole: SameConv1d,
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
        let [tdnn_instant, tdnn_whole] =
            SameConv1d::load_split(&weights.under("tdnn.conv"), tdnn, channels, device)?;
        let conv = ConvConfig::new(attention_channels, channels, 1);
        let conv = SameConv1d::load(&weights.under("conv"), conv, device)?;
        Ok(Self { tdnn_instant, tdnn_whole, conv })
    }

    /// `[1, time, channels]` to `[1, 1, 2·channels]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let whole = self.tdnn_whole.forward(&statistics(x, None));
        let attention = self.tdnn_instant.forward(x).add(&whole).relu().tanh();
        statistics(x, Some(&self.conv.forward(&attention)))
    }
}

/// Mean and deviation in one row.
fn statistics(x: &Tensor, logits: Option<&Tensor>) -> Tensor {
    let (mean, deviation) = x.statistics(logits, AttentiveStatisticsPooling::VARIANCE_FLOOR);
    Tensor::cat(&[&mean, &deviation], 2)
}
