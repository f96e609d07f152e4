//! Settings of a conversion.

use qwen3_tts_kernels::{Bits, GROUP_SIZES, Rounding};

use crate::FloatType;
use crate::error::{Error, Result};

/// Settings of a conversion.
///
/// The default writes MLX's layout, in the data type that the checkpoint has, without quantising,
/// in files of up to 5 GiB.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConvertOptions {
    /// Order of the axes of convolution weights.
    pub layout: Layout,
    /// Groups that the matrices of talker and code predictor are quantised to. `None` writes all
    /// weights in full, also those that the checkpoint has quantised.
    pub quantization: Option<Quantization>,
    /// True to quantise weights again that the checkpoint has quantised in another way. Each time loses
    /// precision, so this is an error by default.
    pub requantize: bool,
    /// Data type of the weights that are not quantised, and of scales and biases. `None` keeps
    /// that of the checkpoint; float16 becomes float32.
    pub dtype: Option<FloatType>,
    /// Largest size in bytes of a file of weights; a single tensor may be larger.
    pub shard_size: u64,
}

impl Default for ConvertOptions {
    fn default() -> Self {
        Self {
            layout: Layout::Mlx,
            quantization: None,
            requantize: false,
            dtype: None,
            shard_size: 5 << 30,
        }
    }
}

impl ConvertOptions {
    /// Sets the order of the axes of convolution weights.
    pub fn layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// Quantises the matrices of talker and code predictor.
    pub fn quantize(self, quantization: Quantization) -> Self {
        Self { quantization: Some(quantization), ..self }
    }

    /// Allows weights to be quantised that are quantised in another way.
    pub fn requantize(self, allowed: bool) -> Self {
        Self { requantize: allowed, ..self }
    }

    /// Sets the data type of the weights that are not quantised, and of scales and biases.
    pub fn dtype(self, dtype: FloatType) -> Self {
        Self { dtype: Some(dtype), ..self }
    }

    /// Sets the largest size in bytes of a file of weights.
    pub fn shard_size(self, bytes: u64) -> Self {
        Self { shard_size: bytes, ..self }
    }
}

/// Order of the axes of a convolution's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// As published: `[out, in, taps]`.
    Pytorch,
    /// `[out, taps, in]`.
    Mlx,
}

/// Affine groups in MLX's format: `w = scale·q + bias`, with a scale and a bias for each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantization {
    bits: Bits,
    group_size: usize,
    rounding: Rounding,
}

impl Quantization {
    /// Group size that MLX uses unless told otherwise.
    pub const DEFAULT_GROUP_SIZE: usize = 64;

    /// Quantises to 8, 6 or 4 bits, in groups of 32, 64 or 128 weights.
    ///
    /// # Errors
    /// Returns [`Error::Bits`] or [`Error::GroupSize`] if the number is another.
    pub fn new(bits: usize, group_size: usize) -> Result<Self> {
        let bits = Bits::new(bits).ok_or(Error::Bits { found: bits })?;
        if !GROUP_SIZES.contains(&group_size) {
            return Err(Error::GroupSize { found: group_size });
        }
        Ok(Self { bits, group_size, rounding: Rounding::default() })
    }

    /// Sets the choice of scales and biases; the default is [`Rounding::LeastSquares`].
    pub fn rounding(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// Returns the width of a weight in bits.
    pub fn bits(self) -> usize {
        self.bits.get()
    }

    /// Returns the number of weights that share a scale and a bias.
    pub fn group_size(self) -> usize {
        self.group_size
    }

    pub(crate) fn width(self) -> Bits {
        self.bits
    }

    pub(crate) fn chosen_rounding(self) -> Rounding {
        self.rounding
    }
}
