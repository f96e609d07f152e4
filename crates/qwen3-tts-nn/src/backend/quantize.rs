//! Quantising the matrices of a checkpoint in floats.

use qwen3_tts_kernels::{AffineGroups, Bits, Context, NonFiniteScale, Rounding, quantize};

use half::bf16;

use super::bytes::SharedBytes;
use super::raw::{RawAffine, RawTensor};

/// Affine groups to quantise to: their scales and biases are bfloat16.
#[derive(Clone, Copy)]
pub(crate) struct AffineFormat {
    pub bits: Bits,
    /// Number of weights that share a scale and a bias.
    pub group_size: usize,
    pub rounding: Rounding,
}

impl AffineFormat {
    /// Quantises whole groups.
    ///
    /// # Errors
    /// Returns [`NonFiniteScale`] if a group has a NaN or an infinite weight, or overflows.
    pub(crate) fn quantize(self, weight: &RawTensor) -> Result<RawAffine, NonFiniteScale> {
        let Self { bits, group_size, rounding } = self;
        let context = Context::new(1);
        let groups: AffineGroups<bf16> =
            quantize(&context, weight.floats(), bits, group_size, rounding);
        groups.check_finite()?;
        Ok(RawAffine {
            bits,
            stored_bits: bits.get(),
            group_size,
            packed: SharedBytes::from_bytes(groups.packed),
            scales: RawTensor::from_bf16(groups.scales),
            biases: RawTensor::from_bf16(groups.biases),
        })
    }
}
