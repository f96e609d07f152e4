//! Matrices of linear layers, and tables of embeddings.

use std::sync::Arc;

use half::bf16;
use qwen3_tts_kernels::{
    self as kernels, Affine, AffineTiles, Context, Floats, MatrixData, NonFiniteScale, WeightFloats,
};

use crate::backend::quantize::AffineFormat;
use crate::backend::raw::{RawAffine, RawMatrix, RawTensor};

/// A matrix to multiply by: floats as they are, affine groups packed.
#[derive(Clone)]
pub(crate) struct CpuMatrix {
    weight: Weight,
    pub(super) rows: usize,
    cols: usize,
}

#[derive(Clone)]
enum Weight {
    Full(Arc<WeightFloats>),
    Affine(Arc<AffineTiles>),
}

impl CpuMatrix {
    /// Copies a matrix to where it is read fastest, affine groups packed, and gives the pages of its
    /// file back.
    pub(super) fn load(context: &Context, raw: RawMatrix, rows: usize, cols: usize) -> Self {
        let weight = match raw {
            RawMatrix::Full(tensor) => {
                let floats = WeightFloats::copy(context, tensor.floats());
                tensor.bytes.forget();
                Weight::Full(Arc::new(floats))
            }
            RawMatrix::Affine(affine) => {
                let tiles = AffineTiles::pack(context, groups(&affine), rows, cols);
                affine.packed.forget();
                Weight::Affine(Arc::new(tiles))
            }
        };
        Self { weight, rows, cols }
    }

    /// Quantises a matrix straight into tiles, and gives the pages of its file back.
    pub(super) fn quantize(
        context: &Context,
        weight: &RawTensor,
        rows: usize,
        cols: usize,
        format: AffineFormat,
    ) -> Result<Self, NonFiniteScale> {
        let AffineFormat { bits, group_size, rounding } = format;
        let (weights, shape) = (weight.floats(), [rows, cols]);
        let tiles =
            AffineTiles::quantize::<bf16>(context, weights, shape, bits, group_size, rounding)?;
        weight.bytes.forget();
        Ok(Self { weight: Weight::Affine(Arc::new(tiles)), rows, cols })
    }

    /// Returns the view that the kernels take.
    pub(super) fn view(&self) -> kernels::Matrix<'_> {
        let data = match &self.weight {
            Weight::Full(floats) => match floats.floats() {
                Floats::F32(values) => MatrixData::F32(values),
                Floats::Bf16(values) => MatrixData::Bf16(values),
            },
            Weight::Affine(tiles) => MatrixData::Affine(tiles),
        };
        kernels::Matrix { data, rows: self.rows, cols: self.cols }
    }
}

/// A table to look up rows in, in the memory of the checkpoint.
#[derive(Clone)]
pub(crate) struct CpuTable {
    pub(super) raw: RawMatrix,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl CpuTable {
    /// Copies row `row`, widened to float32.
    pub(super) fn copy_row(&self, row: usize, to: &mut [f32]) {
        let run = row * self.cols..(row + 1) * self.cols;
        match &self.raw {
            RawMatrix::Full(tensor) => match tensor.floats() {
                Floats::F32(table) => to.copy_from_slice(&table[run]),
                Floats::Bf16(table) => {
                    to.iter_mut().zip(&table[run]).for_each(|(to, v)| *to = v.to_f32());
                }
            },
            RawMatrix::Affine(affine) => groups(affine).dequantize(run.start, to),
        }
    }
}

/// Returns the groups as the kernels take them.
fn groups(affine: &RawAffine) -> Affine<'_> {
    Affine {
        bits: affine.bits,
        group_size: affine.group_size,
        packed: affine.packed.as_slice(),
        scales: affine.scales.floats(),
        biases: affine.biases.floats(),
    }
}
