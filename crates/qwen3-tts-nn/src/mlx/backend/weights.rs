//! Matrices and convolutions as MLX holds them.

use half::bf16;
use mlx_rs::ops::indexing::take_axis;
use mlx_rs::{Array, ops};

use super::{ok, size, widened};
use crate::backend::On;
use crate::conv::ConvShape;
use crate::layout::Matrix;
use crate::weights::{Dtype, RawTensor};

/// A matrix `[rows, cols]` in the data type of the checkpoint.
#[derive(Clone)]
pub(crate) struct MlxMatrix {
    weight: Array,
}

impl MlxMatrix {
    pub(super) fn load(raw: RawTensor, rows: usize, cols: usize) -> Matrix {
        let shape = [size(rows), size(cols)];
        let bytes = raw.bytes.as_slice();
        let weight = match raw.dtype {
            Dtype::F32 => Array::from_slice(bytemuck::cast_slice::<u8, f32>(bytes), &shape),
            Dtype::Bf16 => Array::from_slice(bytemuck::cast_slice::<u8, bf16>(bytes), &shape),
        };
        Matrix { repr: On::Mlx(Self { weight }), rows, cols, dtype: raw.dtype }
    }

    pub(super) fn rows(&self) -> usize {
        self.weight.shape()[0] as usize
    }

    /// `x·Wᵀ` in float32.
    pub(super) fn project(&self, x: &Array) -> Array {
        ok(x.matmul(ok(widened(&self.weight).transpose())))
    }

    /// The rows of these ids, in float32.
    pub(super) fn embed(&self, ids: &Array) -> Array {
        widened(&ok(take_axis(&self.weight, ids, 0)))
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
