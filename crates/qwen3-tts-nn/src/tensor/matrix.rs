//! Weights in the layout that a backend computes with.

use crate::backend::On;
use crate::cpu::{CpuMatrix, CpuPackedConv};
use crate::mlx::{MlxMatrix, MlxPackedConv};
use crate::weights::Dtype;

/// The weight `[out, in]` of a linear layer or the table `[entries, channels]` of an embedding.
///
/// It keeps the checkpoint's data type, quantised or not, on the CPU even the checkpoint's own
/// pages.
#[derive(Clone)]
pub struct Matrix {
    pub(crate) repr: On<CpuMatrix, MlxMatrix>,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) dtype: Dtype,
}

impl Matrix {
    /// The number of rows: output channels, or entries of an embedding.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns: input channels, or channels of an embedding.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The data type that it is kept in.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }
}

/// The weight of a convolution, permuted for the kernel that reads it.
#[derive(Clone)]
pub struct PackedConv {
    pub(crate) repr: On<CpuPackedConv, MlxPackedConv>,
}
