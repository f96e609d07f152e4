//! Embedding tables.

use crate::backend::Backend;
use crate::backend::raw::{RawMatrix, RawTensor};
use crate::error::Result;
use crate::tensor::Device;
use crate::tensor::Ids;
use crate::tensor::Table;
use crate::tensor::Tensor;
use crate::tensor::dispatch::on_backend;
use crate::weights::Weights;

/// Rows of a table by id, PyTorch's `nn.Embedding`.
#[derive(Clone)]
pub struct Embedding {
    weight: Table,
}

impl Embedding {
    /// Reads `weight` `[entries, channels]`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn load(
        weights: &Weights,
        entries: usize,
        channels: usize,
        device: &Device,
    ) -> Result<Self> {
        Ok(Self { weight: weights.table("weight", entries, channels, device)? })
    }

    /// Returns a table of values that were computed at load, `[entries, channels]`.
    ///
    /// # Panics
    /// Panics if the number of values is not that of the table.
    #[track_caller]
    pub fn from_vec(table: Vec<f32>, entries: usize, channels: usize, device: &Device) -> Self {
        assert_eq!(table.len(), entries * channels, "a table of {entries} × {channels}");
        let table = RawMatrix::Full(RawTensor::from_f32(table));
        Self { weight: Table::load(table, entries, channels, device) }
    }

    /// Returns the rows `[1, n, channels]` of `n` ids.
    ///
    /// # Panics
    /// Panics if an id is outside the table.
    #[track_caller]
    pub fn forward(&self, ids: &Ids) -> Tensor {
        on_backend!(ids, B => Tensor::on::<B>(B::embedding(self.weight.of::<B>(), ids.of::<B>())))
    }

    /// Returns the number of entries.
    pub fn entries(&self) -> usize {
        self.weight.rows()
    }

    /// Returns the table.
    pub fn weight(&self) -> &Table {
        &self.weight
    }
}
