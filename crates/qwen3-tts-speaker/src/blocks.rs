//! The blocks of an ECAPA-TDNN ([Desplanques et al. 2020](https://arxiv.org/abs/2005.07143)).

use qwen3_tts_nn::{ConvConfig, Device, Result, SameConv1d, Tensor, Weights};

/// `relu(conv(x))`, the reference's `TimeDelayNetBlock`.
pub(crate) struct TimeDelayNetBlock {
    conv: SameConv1d,
}

impl TimeDelayNetBlock {
    pub(crate) fn load(weights: &Weights, config: ConvConfig, device: &Device) -> Result<Self> {
        Ok(Self { conv: SameConv1d::load(&weights.under("conv"), config, device)? })
    }

    pub(crate) fn min_time(&self) -> usize {
        self.conv.min_time()
    }

    /// Maps `[1, time, in]` to `[1, time, out]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        self.conv.forward(x).relu()
    }
}

/// Convolutions of channel groups, each with the result of the group before added to its input: the
/// reference's `Res2NetBlock` ([Gao et al. 2019](https://arxiv.org/abs/1904.01169)). The first
/// group is unchanged.
struct Res2NetBlock {
    blocks: Vec<TimeDelayNetBlock>,
    slice: usize,
}

impl Res2NetBlock {
    fn load(weights: &Weights, config: &SeRes2NetConfig, device: &Device) -> Result<Self> {
        let slice = config.channels / config.scale;
        let conv = ConvConfig::new(slice, slice, config.kernel_size).dilation(config.dilation);
        let block = |i| TimeDelayNetBlock::load(&weights.under("blocks").under(i), conv, device);
        Ok(Self { blocks: (0..config.scale - 1).map(block).collect::<Result<_>>()?, slice })
    }

    /// Maps `[1, time, channels]` to the same shape.
    fn forward(&self, x: &Tensor) -> Tensor {
        let slice = |i: usize| x.narrow(2, i * self.slice, self.slice);
        let mut outputs = vec![slice(0)];
        for (i, block) in self.blocks.iter().enumerate() {
            let input = match i {
                0 => slice(1),
                _ => slice(i + 1).add(&outputs[i]),
            };
            outputs.push(block.forward(&input));
        }
        Tensor::cat(&outputs.iter().collect::<Vec<_>>(), 2)
    }
}

/// Channel gain from its mean over time (squeeze-and-excitation), the reference's
/// `SqueezeExcitationBlock` ([Hu et al. 2018](https://arxiv.org/abs/1709.01507)).
struct SqueezeExcitationBlock {
    conv1: SameConv1d,
    conv2: SameConv1d,
}

impl SqueezeExcitationBlock {
    fn load(weights: &Weights, config: &SeRes2NetConfig, device: &Device) -> Result<Self> {
        let conv = |name: &str, inputs, outputs| {
            SameConv1d::load(&weights.under(name), ConvConfig::new(inputs, outputs, 1), device)
        };
        let (channels, se_channels) = (config.channels, config.se_channels);
        Ok(Self {
            conv1: conv("conv1", channels, se_channels)?,
            conv2: conv("conv2", se_channels, channels)?,
        })
    }

    /// Returns the gain of each channel: `[1, time, channels]` to `[1, 1, channels]`.
    fn gate(&self, x: &Tensor) -> Tensor {
        let (mean, _) = x.statistics(None, 0.0);
        self.conv2.forward(&self.conv1.forward(&mean).relu()).sigmoid()
    }
}

/// Sizes of a [`SqueezeExcitationRes2NetBlock`].
pub(crate) struct SeRes2NetConfig {
    pub channels: usize,
    pub kernel_size: usize,
    pub dilation: usize,
    pub scale: usize,
    pub se_channels: usize,
}

/// `x + se_block(tdnn2(res2net_block(tdnn1(x))))`, the reference's class of the same name.
pub(crate) struct SqueezeExcitationRes2NetBlock {
    tdnn1: TimeDelayNetBlock,
    res2net_block: Res2NetBlock,
    tdnn2: TimeDelayNetBlock,
    se_block: SqueezeExcitationBlock,
}

impl SqueezeExcitationRes2NetBlock {
    pub(crate) fn load(
        weights: &Weights,
        config: &SeRes2NetConfig,
        device: &Device,
    ) -> Result<Self> {
        let pointwise = ConvConfig::new(config.channels, config.channels, 1);
        let tdnn = |name: &str| TimeDelayNetBlock::load(&weights.under(name), pointwise, device);
        Ok(Self {
            tdnn1: tdnn("tdnn1")?,
            res2net_block: Res2NetBlock::load(&weights.under("res2net_block"), config, device)?,
            tdnn2: tdnn("tdnn2")?,
            se_block: SqueezeExcitationBlock::load(&weights.under("se_block"), config, device)?,
        })
    }

    pub(crate) fn min_time(&self) -> usize {
        self.res2net_block.blocks.iter().map(TimeDelayNetBlock::min_time).max().unwrap_or(1)
    }

    /// Maps `[1, time, channels]` to the same shape.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let y = self.res2net_block.forward(&self.tdnn1.forward(x));
        let y = self.tdnn2.forward(&y);
        x.scaled_add(&y, &self.se_block.gate(&y))
    }
}
