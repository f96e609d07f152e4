//! Weights as a checkpoint stores them, before a backend takes them over.

use std::sync::Arc;

use half::bf16;
use qwen3_tts_kernels::{Bits, Floats};

use super::bytes::SharedBytes;
use super::dtype::Dtype;

/// A float tensor as the file stores it, bf16 or f32, aligned to four bytes.
#[derive(Clone)]
pub(crate) struct RawTensor {
    /// [`Dtype::Bf16`] or [`Dtype::F32`].
    pub dtype: Dtype,
    /// The values, little-endian.
    pub bytes: SharedBytes,
}

impl RawTensor {
    /// Returns a tensor of values that were computed at load.
    pub(crate) fn from_f32(values: Vec<f32>) -> Self {
        Self { dtype: Dtype::F32, bytes: SharedBytes::from_f32(values) }
    }

    /// Returns a tensor of bf16 values that were computed at load.
    pub(crate) fn from_bf16(values: Vec<bf16>) -> Self {
        Self { dtype: Dtype::Bf16, bytes: SharedBytes::from_bf16(values) }
    }

    /// Returns the values in place.
    pub(crate) fn floats(&self) -> Floats<'_> {
        let bytes = self.bytes.as_slice();
        match self.dtype {
            Dtype::Bf16 => Floats::Bf16(bytemuck::cast_slice(bytes)),
            Dtype::F32 => Floats::F32(bytemuck::cast_slice(bytes)),
            Dtype::Q4 | Dtype::Q6 | Dtype::Q8 => unreachable!("a float tensor"),
        }
    }

    /// Returns the index and the value of the first NaN or infinity.
    pub(crate) fn first_non_finite(&self) -> Option<(usize, f32)> {
        match self.floats() {
            Floats::F32(values) => first(values, |v| !v.is_finite()).map(|i| (i, values[i])),
            Floats::Bf16(values) => {
                first(values, |v| !v.is_finite()).map(|i| (i, values[i].to_f32()))
            }
        }
    }

    /// Returns the values in float32.
    pub(crate) fn to_f32(&self) -> Vec<f32> {
        match self.floats() {
            Floats::F32(values) => values.to_vec(),
            Floats::Bf16(values) => values.iter().map(|v| v.to_f32()).collect(),
        }
    }
}

/// Returns the index of the first value with a property. Whole blocks are examined at once, as fast
/// as they are read.
fn first<T: Copy>(values: &[T], has: impl Fn(T) -> bool) -> Option<usize> {
    const BLOCK: usize = 1024;
    let any = |block: &[T]| block.iter().fold(false, |any, value| any | has(*value));
    let block = values.chunks(BLOCK).position(any)? * BLOCK;
    let within = values[block..].iter().position(|value| has(*value))?;
    Some(block + within)
}

/// A matrix as the file stores it.
#[derive(Clone)]
pub(crate) enum RawMatrix {
    /// Floats.
    Full(RawTensor),
    /// Affine groups.
    Affine(Arc<RawAffine>),
}

/// A matrix in affine groups: `w = scale·q + bias`, with one scale and one bias for each
/// `group_size` consecutive weights of a row.
pub(crate) struct RawAffine {
    /// Bits of each `q`.
    pub bits: Bits,
    /// Bits of each `q` in the file, at most `bits`.
    pub stored_bits: usize,
    /// Weights that share a scale and a bias.
    pub group_size: usize,
    /// Every `q`, from the lowest bit of the first byte on: little-endian u32
    /// `[rows, cols·bits / 32]`.
    pub packed: SharedBytes,
    /// `[rows, cols / group_size]`.
    pub scales: RawTensor,
    /// As `scales`, in the same data type.
    pub biases: RawTensor,
}

impl RawMatrix {
    /// Returns the data type of the weights.
    pub(crate) fn dtype(&self) -> Dtype {
        match self {
            Self::Full(tensor) => tensor.dtype,
            Self::Affine(affine) => affine.bits.into(),
        }
    }
}
