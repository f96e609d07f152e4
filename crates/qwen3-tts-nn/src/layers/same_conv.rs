//! Convolutions over a whole sequence, to one of the same length.

use std::ops::Range;

use super::conv::ConvConfig;
use crate::error::Result;
use crate::tensor::Device;
use crate::tensor::PackedConv;
use crate::tensor::Tensor;
use crate::weights::Weights;

/// A convolution that reads past and future inputs: `torch.nn.Conv1d` with `padding="same"` and
/// `padding_mode="reflect"`, which mirrors the sequence at its first and last time step.
#[derive(Clone)]
pub struct SameConv1d {
    weight: PackedConv,
    bias: Option<Tensor>,
    in_channels: usize,
    /// Number of mirrored inputs before the first and after the last.
    padding: [usize; 2],
}

impl SameConv1d {
    /// Reads `weight` `[out, in, taps]` and `bias` `[out]`. The padding of `config` is ignored.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    ///
    /// # Panics
    /// Panics if the stride is not 1.
    pub fn load(weights: &Weights, config: ConvConfig, device: &Device) -> Result<Self> {
        let weight = weights.conv("weight", config.shape(), device)?;
        Ok(Self::new(weight, load_bias(weights, config, device)?, config))
    }

    /// Reads a convolution as a sum of two: one of the first `inputs` channels, without the bias,
    /// and one of the others. Channels that are the same at every time step then need not be
    /// repeated: the second convolution reads one time step of them, and [`Tensor::add`] adds its
    /// output to every row.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    ///
    /// # Panics
    /// Panics if the stride is not 1, or if there are not more than `inputs` channels.
    pub fn load_split(
        weights: &Weights,
        config: ConvConfig,
        inputs: usize,
        device: &Device,
    ) -> Result<[Self; 2]> {
        let values = weights.conv_values("weight", config.shape())?;
        let all = config.in_channels;
        let part = |channels: Range<usize>, bias| {
            let config = ConvConfig { in_channels: channels.len(), ..config };
            let rows = values.chunks_exact(all);
            let values: Vec<f32> = rows.flat_map(|row| &row[channels.clone()]).copied().collect();
            Self::new(PackedConv::pack(&values, config.shape(), device), bias, config)
        };
        let bias = load_bias(weights, config, device)?;
        Ok([part(0..inputs, None), part(inputs..config.in_channels, bias)])
    }

    fn new(weight: PackedConv, bias: Option<Tensor>, config: ConvConfig) -> Self {
        assert_eq!(config.stride, 1, "a stride shortens the sequence");
        let context = (config.taps - 1) * config.dilation;
        // If the number is odd, the reference pads one more at the end.
        let padding = [context / 2, context - context / 2];
        Self { weight, bias, in_channels: config.in_channels, padding }
    }

    /// Returns the length of the shortest sequence: one time step more than are mirrored.
    pub fn min_time(&self) -> usize {
        self.padding[1] + 1
    }

    /// Convolves `[1, time, in]` to `[1, time, out]`.
    ///
    /// # Panics
    /// Panics if the sequence is shorter than [`SameConv1d::min_time`].
    #[track_caller]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let shape = x.shape();
        assert!(
            shape.rank() == 3 && shape[1] >= self.min_time() && shape[2] == self.in_channels,
            "convolution of {} channels and at least {} instants on {shape:?}",
            self.in_channels,
            self.min_time()
        );
        let x = self.mirrored(x);
        x.conv1d(&self.weight, self.bias.as_ref())
    }

    fn mirrored(&self, x: &Tensor) -> Tensor {
        let [before, after] = self.padding;
        if after == 0 {
            return x.clone();
        }
        let last = x.dim(1) - 1;
        let instant = |t| x.narrow(1, t, 1);
        let start: Vec<Tensor> = (1..=before).rev().map(instant).collect();
        let end: Vec<Tensor> = (last - after..last).rev().map(instant).collect();
        let all: Vec<&Tensor> = start.iter().chain([x]).chain(&end).collect();
        Tensor::cat(&all, 1)
    }
}

fn load_bias(weights: &Weights, config: ConvConfig, device: &Device) -> Result<Option<Tensor>> {
    match config.bias {
        true => weights.tensor("bias", &[config.out_channels], device).map(Some),
        false => Ok(None),
    }
}
