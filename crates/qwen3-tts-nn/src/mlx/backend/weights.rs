//! Matrices and convolutions as MLX holds them.

use half::bf16;
use mlx_rs::ops::dequantize;
use mlx_rs::ops::indexing::take_axis;
use mlx_rs::{Array, ops};

use super::{ok, size, widened};
use crate::backend::On;
use crate::conv::ConvShape;
use crate::layout::Matrix;
use crate::quantized::{RawAffine, RawMatrix};
use crate::weights::{Dtype, RawTensor};

/// A matrix `[rows, cols]` as the checkpoint keeps it.
#[derive(Clone)]
pub(crate) enum MlxMatrix {
    Full(Array),
    Affine(Affine),
}

/// Packed weights, and in float32 their scales and biases: MLX adds up in the type of these.
#[derive(Clone)]
pub(crate) struct Affine {
    packed: Array,
    scales: Array,
    biases: Array,
    group_size: i32,
    bits: i32,
}

impl MlxMatrix {
    pub(super) fn load(raw: &RawMatrix, rows: usize, cols: usize) -> Matrix {
        let dtype = raw.dtype();
        let matrix = match raw {
            RawMatrix::Full(tensor) => Self::Full(array(tensor, rows, cols)),
            RawMatrix::Affine(affine) => Self::Affine(Affine::load(affine, rows, cols)),
        };
        Matrix { repr: On::Mlx(matrix), rows, cols, dtype }
    }

    pub(super) fn rows(&self) -> usize {
        let (Self::Full(weight) | Self::Affine(Affine { packed: weight, .. })) = self;
        weight.shape()[0] as usize
    }

    /// `x·Wᵀ` in float32.
    pub(super) fn project(&self, x: &Array) -> Array {
        match self {
            Self::Full(weight) => ok(x.matmul(ok(widened(weight).transpose()))),
            Self::Affine(Affine { packed, scales, biases, group_size, bits }) => {
                ok(ops::quantized_matmul(x, packed, scales, biases, true, *group_size, *bits))
            }
        }
    }

    /// The rows of these ids, in float32.
    pub(super) fn embed(&self, ids: &Array) -> Array {
        let rows = |table: &Array| ok(take_axis(table, ids, 0));
        match self {
            Self::Full(weight) => widened(&rows(weight)),
            Self::Affine(Affine { packed, scales, biases, group_size, bits }) => {
                let [packed, scales, biases] = [packed, scales, biases].map(rows);
                ok(dequantize(packed, scales, &biases, *group_size, *bits))
            }
        }
    }
}

impl Affine {
    fn load(raw: &RawAffine, rows: usize, cols: usize) -> Self {
        let bits = raw.bits.get();
        let words: Vec<u32> = raw
            .packed
            .as_slice()
            .chunks_exact(size_of::<u32>())
            .map(|word| word.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)))
            .collect();
        let floats = |tensor: &RawTensor| {
            let wide = widened(&array(tensor, rows, cols / raw.group_size));
            // Now, on the thread that loads.
            ok(wide.eval());
            wide
        };
        Self {
            packed: Array::from_slice(&words, &[size(rows), size(cols * bits / 32)]),
            scales: floats(&raw.scales),
            biases: floats(&raw.biases),
            group_size: size(raw.group_size),
            bits: size(bits),
        }
    }
}

/// A tensor in the checkpoint's type.
fn array(tensor: &RawTensor, rows: usize, cols: usize) -> Array {
    let shape = [size(rows), size(cols)];
    let bytes = tensor.bytes.as_slice();
    match tensor.dtype {
        Dtype::Bf16 => Array::from_slice(bytemuck::cast_slice::<u8, bf16>(bytes), &shape),
        _ => Array::from_slice(bytemuck::cast_slice::<u8, f32>(bytes), &shape),
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

    /// `x` `[1, time, in]`, no padding.
    pub(super) fn convolve(&self, x: &Array) -> Array {
        let ConvShape { out_channels, in_channels, taps, stride, dilation, depthwise } = self.shape;
        if taps == 1 && stride == 1 && !depthwise {
            let weight = ok(self.weight.reshape(&[size(out_channels), size(in_channels)]));
            return ok(x.matmul(ok(weight.transpose())));
        }
        let groups = if depthwise { size(out_channels) } else { 1 };
        ok(ops::conv1d(x, &self.weight, size(stride), 0, size(dilation), groups))
    }
}
