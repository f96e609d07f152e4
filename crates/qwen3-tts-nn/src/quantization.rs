//! Quantising weights as they are read.

use qwen3_tts_kernels::{Bits, Pool};

use crate::backend::On;
use crate::device::Device;
use crate::quantized::RawAffine;
use crate::weights::{RawTensor, SharedBytes};

/// Which linear layers [`Weights`](crate::Weights) quantises as it reads them, and to how many
/// bits: MLX's affine groups of 64 weights, with scales and biases in bfloat16.
///
/// Embeddings, norms and biases stay as they are, as does a layer whose inputs the groups do not
/// divide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantization {
    rules: Vec<(String, Option<Bits>)>,
}

/// How many weights share a scale and a bias.
const GROUP_SIZE: usize = 64;

impl Quantization {
    /// Nothing is quantised.
    pub fn none() -> Self {
        Self::default()
    }

    /// Layers whose name begins with `prefix` take this many bits, or stay as they are. Of the
    /// prefixes that fit a name, the one given last counts.
    pub fn under(mut self, prefix: impl Into<String>, bits: Option<Bits>) -> Self {
        self.rules.push((prefix.into(), bits));
        self
    }

    /// The bits of the layer with this full name.
    pub(crate) fn bits(&self, name: &str) -> Option<Bits> {
        let rule = self.rules.iter().rev().find(|(prefix, _)| name.starts_with(prefix.as_str()));
        rule.and_then(|(_, bits)| *bits)
    }
}

/// Quantises a matrix, unless the groups do not divide its columns.
pub(crate) fn quantize(
    tensor: &RawTensor,
    cols: usize,
    bits: Bits,
    device: &Device,
) -> Option<RawAffine> {
    if !cols.is_multiple_of(GROUP_SIZE) {
        return None;
    }
    let groups = match &device.repr {
        On::Cpu(cpu) => qwen3_tts_kernels::quantize(cpu.pool(), tensor.floats(), bits, GROUP_SIZE),
        On::Mlx(_) => qwen3_tts_kernels::quantize(&Pool::new(1), tensor.floats(), bits, GROUP_SIZE),
    };
    Some(RawAffine {
        bits,
        group_size: GROUP_SIZE,
        packed: SharedBytes::from_bytes(groups.packed),
        scales: RawTensor::from_bf16(groups.scales),
        biases: RawTensor::from_bf16(groups.biases),
    })
}
