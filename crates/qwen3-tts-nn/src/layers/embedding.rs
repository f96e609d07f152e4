//! Embedding tables.

use crate::backend::Backend;
use crate::device::Device;
use crate::error::Result;
use crate::ids::Ids;
use crate::layout::Matrix;
use crate::quantized::RawMatrix;
use crate::tensor::Tensor;
use crate::weights::{RawTensor, Weights, matrix};

/// Rows of a table by id, PyTorch's `nn.Embedding`.
#[derive(Clone)]
pub struct Embedding {
    weight: Matrix,
}

impl Embedding {
    /// Reads `weight` `[entries, channels]`.
    ///
    /// # Errors
    /// When the tensor is missing or misshapen.
    pub fn load(
        weights: &Weights,
        entries: usize,
        channels: usize,
        device: &Device,
    ) -> Result<Self> {
        Ok(Self { weight: weights.matrix("weight", entries, channels, device)? })
    }

    /// A table of values that were computed at load, `[entries, channels]`.
    ///
    /// # Panics
    /// When the number of values is not that of the table.
    #[track_caller]
    pub fn from_vec(table: Vec<f32>, entries: usize, channels: usize, device: &Device) -> Self {
        assert_eq!(table.len(), entries * channels, "a table of {entries} × {channels}");
        let table = RawMatrix::Full(RawTensor::from_vec(table));
        Self { weight: matrix(table, entries, channels, device) }
    }

    /// `n` ids to `[1, n, channels]`.
    ///
    /// # Panics
    /// When an id is outside the table.
    #[track_caller]
    pub fn forward(&self, ids: &Ids) -> Tensor {
        on_backend!(ids, B => B::embedding(B::of_matrix(&self.weight), B::of_ids(ids)))
    }

    /// The number of entries.
    pub fn entries(&self) -> usize {
        self.weight.rows()
    }

    /// The table.
    pub fn weight(&self) -> &Matrix {
        &self.weight
    }
}
