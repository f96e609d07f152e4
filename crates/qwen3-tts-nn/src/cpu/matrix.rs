//! Matrices, as the checkpoint stores them.

use qwen3_tts_kernels::{self as kernels, Affine, Floats, MatrixData};

use crate::backend::raw::RawMatrix;

/// A matrix in the memory of the checkpoint.
#[derive(Clone)]
pub(crate) struct CpuMatrix {
    pub(super) raw: RawMatrix,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl CpuMatrix {
    /// Returns the view that the kernels take.
    pub(super) fn view(&self) -> kernels::Matrix<'_> {
        let data = match &self.raw {
            RawMatrix::Full(tensor) => match tensor.floats() {
                Floats::F32(values) => MatrixData::F32(values),
                Floats::Bf16(values) => MatrixData::Bf16(values),
            },
            RawMatrix::Affine(affine) => MatrixData::Affine(Affine {
                bits: affine.bits,
                group_size: affine.group_size,
                packed: affine.packed.as_slice(),
                scales: affine.scales.floats(),
                biases: affine.biases.floats(),
            }),
        };
        kernels::Matrix { data, rows: self.rows, cols: self.cols }
    }

    /// Copies row `row`, widened to float32.
    pub(super) fn copy_row(&self, row: usize, to: &mut [f32]) {
        let run = row * self.cols..(row + 1) * self.cols;
        match self.view().data {
            MatrixData::F32(table) => to.copy_from_slice(&table[run]),
            MatrixData::Bf16(table) => {
                to.iter_mut().zip(&table[run]).for_each(|(to, v)| *to = v.to_f32());
            }
            MatrixData::Affine(table) => table.dequantize(run.start, to),
        }
    }
}
