//! The blocks of the vocoder, each of which raises the sample rate.

use qwen3_tts_nn::{
    CausalConv1d, CausalConvTranspose1d, ConvConfig, ConvState, Device, Result, SnakeBeta, Tensor,
    Weights,
};

/// An upsampling with three dilated residual units, the reference's
/// `Qwen3TTSTokenizerV2DecoderDecoderBlock`.
pub(crate) struct DecoderBlock {
    snake: SnakeBeta,
    upsample: CausalConvTranspose1d,
    units: Vec<ResidualUnit>,
    rate: usize,
}

#[derive(Clone)]
pub(crate) struct DecoderBlockState {
    upsample: ConvState,
    units: Vec<[ConvState; 2]>,
}

impl DecoderBlock {
    const DILATIONS: [usize; 3] = [1, 3, 9];

    /// Number of outputs of a step: few enough to stay in the L2 cache for a block with few
    /// channels, and enough to amortise reading the weights of a block with many.
    const OUTPUTS: usize = 1024;

    /// Reads `block.0` to `block.4`, which map `in_dim` channels to `out_dim` channels at `rate`
    /// times the sample rate.
    pub(crate) fn load(
        weights: &Weights,
        in_dim: usize,
        out_dim: usize,
        rate: usize,
        device: &Device,
    ) -> Result<Self> {
        let block = weights.under("block");
        let upsample = block.under("1.conv");
        let unit =
            |(i, dilation)| ResidualUnit::load(&block.under(i + 2), out_dim, dilation, device);
        Ok(Self {
            snake: SnakeBeta::load(&block.under("0"), in_dim, device)?,
            upsample: CausalConvTranspose1d::load(
                &upsample,
                in_dim,
                out_dim,
                2 * rate,
                rate,
                device,
            )?,
            units: Self::DILATIONS.into_iter().enumerate().map(unit).collect::<Result<_>>()?,
            rate,
        })
    }

    pub(crate) fn new_state(&self) -> DecoderBlockState {
        DecoderBlockState {
            upsample: self.upsample.new_state(),
            units: self.units.iter().map(ResidualUnit::new_state).collect(),
        }
    }

    /// Returns the best number of inputs of a step.
    pub(crate) fn inputs_at_once(&self) -> usize {
        Self::OUTPUTS.div_ceil(self.rate)
    }

    /// Maps `[1, n, in_dim]` to `[1, n·rate, out_dim]`.
    pub(crate) fn step(&self, x: &Tensor, state: &mut DecoderBlockState) -> Tensor {
        let x = self.upsample.step(&self.snake.forward(x), &mut state.upsample);
        let units = self.units.iter().zip(&mut state.units);
        units.fold(x, |x, (unit, state)| unit.step(&x, state))
    }
}

/// `x + conv2(act2(conv1(act1(x))))`, the reference's
/// `Qwen3TTSTokenizerV2DecoderDecoderResidualUnit`.
struct ResidualUnit {
    act1: SnakeBeta,
    conv1: CausalConv1d,
    act2: SnakeBeta,
    conv2: CausalConv1d,
}

impl ResidualUnit {
    const TAPS: usize = 7;

    fn load(weights: &Weights, dim: usize, dilation: usize, device: &Device) -> Result<Self> {
        let conv = |name: &str, taps, dilation| {
            let config = ConvConfig::new(dim, dim, taps).dilation(dilation);
            CausalConv1d::load(&weights.under(name), config, device)
        };
        Ok(Self {
            act1: SnakeBeta::load(&weights.under("act1"), dim, device)?,
            conv1: conv("conv1.conv", Self::TAPS, dilation)?,
            act2: SnakeBeta::load(&weights.under("act2"), dim, device)?,
            conv2: conv("conv2.conv", 1, 1)?,
        })
    }

    fn new_state(&self) -> [ConvState; 2] {
        [self.conv1.new_state(), self.conv2.new_state()]
    }

    fn step(&self, x: &Tensor, [state1, state2]: &mut [ConvState; 2]) -> Tensor {
        let y = self.conv1.step(&self.act1.forward(x), state1);
        x.add(&self.conv2.step(&self.act2.forward(&y), state2))
    }
}
