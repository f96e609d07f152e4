//! Quantising weights while they are read.

use qwen3_tts_kernels::{Bits, Rounding};

use crate::backend::quantize::AffineFormat;

/// The linear layers that [`Weights`](crate::Weights) quantises while it reads them, and their
/// bits: MLX's affine groups of 64 weights, with scales and biases in bfloat16.
///
/// Embeddings, norms and biases stay as they are, as does a layer whose number of inputs is no
/// multiple of 64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantization {
    rules: Vec<(String, Option<Bits>)>,
    rounding: Rounding,
}

/// Number of weights that share a scale and a bias.
const GROUP_SIZE: usize = 64;

impl Quantization {
    /// Quantises nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Quantises the layers whose names begin with `prefix` to this many bits; with `None`, leaves
    /// them as they are. If several prefixes match a name, the last one given applies.
    pub fn under(mut self, prefix: impl Into<String>, bits: Option<Bits>) -> Self {
        self.rules.push((prefix.into(), bits));
        self
    }

    /// Sets the choice of scales and biases; the default is [`Rounding::LeastSquares`].
    pub fn rounding(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// Returns the bits of the layer with this full name.
    pub(super) fn bits(&self, name: &str) -> Option<Bits> {
        let rule = self.rules.iter().rev().find(|(prefix, _)| name.starts_with(prefix.as_str()));
        rule.and_then(|(_, bits)| *bits)
    }

    /// Returns the format of a matrix with these bits; `None` if its columns do not divide into
    /// groups.
    pub(super) fn format(&self, cols: usize, bits: Bits) -> Option<AffineFormat> {
        let (group_size, rounding) = (GROUP_SIZE, self.rounding);
        cols.is_multiple_of(group_size).then_some(AffineFormat { bits, group_size, rounding })
    }
}
