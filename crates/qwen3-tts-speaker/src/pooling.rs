//! Pooling of a sequence to one vector.

use qwen3_tts_nn::{ConvConfig, Device, Result, SameConv1d, Tensor, Weights};

/// Mean and standard deviation of each channel over time, with weights from an attention that sees
/// the whole recording: the reference's `AttentiveStatisticsPooling`
/// ([Okabe et al. 2018](https://arxiv.org/abs/1803.10963)).
pub(crate) struct AttentiveStatisticsPooling {
    /// The part of `tdnn` for the channels of each time step.
    tdnn_instant: SameConv1d,
    /// The part of `tdnn` for mean and standard deviation, which the reference repeats at each time
    /// step.
    tdnn_whole: SameConv1d,
    conv: SameConv1d,
}

impl AttentiveStatisticsPooling {
    /// Minimum variance under the root of the standard deviations.
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

    /// Maps `[1, time, channels]` to `[1, 1, 2·channels]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let whole = self.tdnn_whole.forward(&statistics(x, None));
        let attention = self.tdnn_instant.forward(x).add(&whole).relu().tanh();
        statistics(x, Some(&self.conv.forward(&attention)))
    }
}

/// Returns mean and standard deviation in one row.
fn statistics(x: &Tensor, logits: Option<&Tensor>) -> Tensor {
    let (mean, deviation) = x.statistics(logits, AttentiveStatisticsPooling::VARIANCE_FLOOR);
    Tensor::cat(&[&mean, &deviation], 2)
}
