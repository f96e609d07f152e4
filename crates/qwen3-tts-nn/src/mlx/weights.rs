//! Matrices and convolutions as MLX arrays.

use half::bf16;
use mlx_rs::ops::dequantize;
use mlx_rs::ops::indexing::take_axis;
use mlx_rs::{Array, ops};

use super::arrays::{like, ok, size, widened};
use crate::backend::conv::ConvShape;
use crate::backend::dtype::Dtype;
use crate::backend::precision::Precision;
use crate::backend::raw::{RawAffine, RawMatrix, RawTensor};

/// A matrix `[rows, cols]` as the checkpoint stores it.
#[derive(Clone)]
pub(crate) struct MlxMatrix {
    stored: Stored,
    precision: Precision,
}

#[derive(Clone)]
enum Stored {
    Full(Array),
    Affine(Affine),
}

/// Packed weights with their scales and biases, whose data type is the one MLX accumulates in.
#[derive(Clone)]
struct Affine {
    packed: Array,
    scales: Array,
    biases: Array,
    group_size: i32,
    bits: i32,
}

impl MlxMatrix {
    pub(super) fn load(raw: &RawMatrix, rows: usize, cols: usize, precision: Precision) -> Self {
        let stored = match raw {
            RawMatrix::Full(tensor) => Stored::Full(array(tensor, &[size(rows), size(cols)])),
            RawMatrix::Affine(affine) => {
                Stored::Affine(Affine::load(affine, rows, cols, precision))
            }
        };
        Self { stored, precision }
    }

    pub(super) fn rows(&self) -> usize {
        let (Stored::Full(weight) | Stored::Affine(Affine { packed: weight, .. })) = &self.stored;
        weight.shape()[0] as usize
    }

    /// Returns `x·Wᵀ` in the data type of `x`.
    pub(super) fn project(&self, x: &Array) -> Array {
        match &self.stored {
            Stored::Full(weight) => ok(x.matmul(ok(like(x, weight).transpose()))),
            Stored::Affine(Affine { packed, scales, biases, group_size, bits }) => {
                let [scales, biases] = [scales, biases].map(|part| like(x, part));
                ok(ops::quantized_matmul(x, packed, scales, &biases, true, *group_size, *bits))
            }
        }
    }

    /// Returns the rows of these ids.
    pub(super) fn embed(&self, ids: &Array) -> Array {
        let rows = |table: &Array| ok(take_axis(table, ids, 0));
        match &self.stored {
            Stored::Full(weight) => activations(rows(weight), self.precision),
            Stored::Affine(Affine { packed, scales, biases, group_size, bits }) => {
                let [packed, scales, biases] = [packed, scales, biases].map(rows);
                ok(dequantize(packed, scales, &biases, *group_size, *bits))
            }
        }
    }
}

impl Affine {
    fn load(raw: &RawAffine, rows: usize, cols: usize, precision: Precision) -> Self {
        let bits = raw.bits.get();
        let words: Vec<u32> = raw
            .packed
            .as_slice()
            .chunks_exact(size_of::<u32>())
            .map(|word| word.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)))
            .collect();
        let shape = [size(rows), size(cols / raw.group_size)];
        let floats = |tensor: &RawTensor| activations(array(tensor, &shape), precision);
        Self {
            packed: Array::from_slice(&words, &[size(rows), size(cols * bits / 32)]),
            scales: floats(&raw.scales),
            biases: floats(&raw.biases),
            group_size: size(raw.group_size),
            bits: size(bits),
        }
    }
}

/// Returns values of the checkpoint in the data type of activations.
fn activations(stored: Array, precision: Precision) -> Array {
    match precision {
        Precision::Float32 => widened(&stored),
        Precision::Checkpoint => stored,
    }
}

/// Returns a tensor in the checkpoint's data type.
pub(super) fn array(tensor: &RawTensor, shape: &[i32]) -> Array {
    let bytes = tensor.bytes.as_slice();
    match tensor.dtype {
        Dtype::Bf16 => Array::from_slice(bytemuck::cast_slice::<u8, bf16>(bytes), shape),
        _ => Array::from_slice(bytemuck::cast_slice::<u8, f32>(bytes), shape),
    }
}

/// A convolution: `[out, taps, in]`, or `[channels, taps, 1]` of a depthwise one.
#[derive(Clone)]
pub(crate) struct MlxPackedConv {
    weight: Array,
    shape: ConvShape,
}

impl MlxPackedConv {
    pub(super) fn load(weight: &[f32], shape: ConvShape) -> Self {
        let sizes = [size(shape.out_channels), size(shape.taps), size(shape.in_channels)];
        Self { weight: Array::from_slice(weight, &sizes), shape }
    }

    /// Convolves `x` `[1, time, in]` without padding.
    pub(super) fn convolve(&self, x: &Array) -> Array {
        let weight = like(x, &self.weight);
        let ConvShape { out_channels, in_channels, taps, stride, dilation, depthwise } = self.shape;
        if taps == 1 && stride == 1 && !depthwise {
            let weight = ok(weight.reshape(&[size(out_channels), size(in_channels)]));
            return ok(x.matmul(ok(weight.transpose())));
        }
        let groups = if depthwise { size(out_channels) } else { 1 };
        ok(ops::conv1d(x, &weight, size(stride), 0, size(dilation), groups))
    }
}
