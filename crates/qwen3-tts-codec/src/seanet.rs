//! The encoder's convolutions, from samples to the rate of the transformer.

use qwen3_tts_config::EncoderConfig;
use qwen3_tts_nn::{CausalConv1d, ConvConfig, ConvState, Device, Result, Tensor, Weights};

/// The SEANet encoder, the reference's `MimiEncoder`: stages of residual units, each followed by
/// a strided convolution into twice the channels.
pub(crate) struct SeanetEncoder {
    conv_in: CausalConv1d,
    stages: Vec<Stage>,
    conv_out: CausalConv1d,
}

struct Stage {
    units: Vec<ResnetBlock>,
    downsample: CausalConv1d,
}

pub(crate) struct SeanetState {
    conv_in: ConvState,
    stages: Vec<StageState>,
    conv_out: ConvState,
}

struct StageState {
    units: Vec<[ConvState; 2]>,
    downsample: ConvState,
}

impl SeanetEncoder {
    /// Reads `layers.{i}`; activations count as layers.
    pub(crate) fn load(config: &EncoderConfig, weights: &Weights, device: &Device) -> Result<Self> {
        let mut layers = Layers { weights: weights.under("layers"), next: 0 };
        let filters = config.num_filters;
        let first = ConvConfig::new(config.audio_channels, filters, config.kernel_size);
        let conv_in = layers.conv(first, device)?;
        let mut channels = filters;
        let mut stages = Vec::new();
        for &ratio in config.upsampling_ratios.iter().rev() {
            let units = (0..config.num_residual_layers)
                .map(|i| {
                    let dilation = config.dilation_growth_rate.pow(i as u32);
                    ResnetBlock::load(config, channels, dilation, &layers.next(), device)
                })
                .collect::<Result<_>>()?;
            layers.skip_activation();
            let down = ConvConfig::new(channels, 2 * channels, 2 * ratio).stride(ratio);
            stages.push(Stage { units, downsample: layers.conv(down, device)? });
            channels *= 2;
        }
        layers.skip_activation();
        let last = ConvConfig::new(channels, config.hidden_size, config.last_kernel_size);
        Ok(Self { conv_in, stages, conv_out: layers.conv(last, device)? })
    }

    pub(crate) fn new_state(&self) -> SeanetState {
        let stage = |stage: &Stage| StageState {
            units: stage.units.iter().map(ResnetBlock::new_state).collect(),
            downsample: stage.downsample.new_state(),
        };
        SeanetState {
            conv_in: self.conv_in.new_state(),
            stages: self.stages.iter().map(stage).collect(),
            conv_out: self.conv_out.new_state(),
        }
    }

    /// Continues the recording with `[1, samples, 1]`. A step that is no multiple of the strides
    /// ends it.
    pub(crate) fn step(&self, samples: &Tensor, state: &mut SeanetState) -> Tensor {
        let mut x = self.conv_in.step(samples, &mut state.conv_in);
        for (stage, state) in self.stages.iter().zip(&mut state.stages) {
            for (unit, state) in stage.units.iter().zip(&mut state.units) {
                x = unit.step(&x, state);
            }
            x = stage.downsample.step(&x.elu(), &mut state.downsample);
        }
        self.conv_out.step(&x.elu(), &mut state.conv_out)
    }
}

/// Iterator over `layers.{i}`.
struct Layers {
    weights: Weights,
    next: usize,
}

impl Layers {
    fn next(&mut self) -> Weights {
        self.next += 1;
        self.weights.under(self.next - 1)
    }

    fn skip_activation(&mut self) {
        self.next += 1;
    }

    fn conv(&mut self, config: ConvConfig, device: &Device) -> Result<CausalConv1d> {
        CausalConv1d::load(&self.next().under("conv"), config, device)
    }
}

/// `x + conv(elu(conv(elu(x))))`, the reference's `MimiResnetBlock`.
struct ResnetBlock {
    conv1: CausalConv1d,
    conv2: CausalConv1d,
}

impl ResnetBlock {
    fn load(
        config: &EncoderConfig,
        channels: usize,
        dilation: usize,
        weights: &Weights,
        device: &Device,
    ) -> Result<Self> {
        let inner = channels / config.compress;
        let block = weights.under("block");
        let conv1 = ConvConfig::new(channels, inner, config.residual_kernel_size);
        let conv2 = ConvConfig::new(inner, channels, 1);
        Ok(Self {
            conv1: CausalConv1d::load(&block.under("1.conv"), conv1.dilation(dilation), device)?,
            conv2: CausalConv1d::load(&block.under("3.conv"), conv2, device)?,
        })
    }

    fn new_state(&self) -> [ConvState; 2] {
        [self.conv1.new_state(), self.conv2.new_state()]
    }

    fn step(&self, x: &Tensor, [state1, state2]: &mut [ConvState; 2]) -> Tensor {
        let y = self.conv1.step(&x.elu(), state1);
        x.add(&self.conv2.step(&y.elu(), state2))
    }
}
