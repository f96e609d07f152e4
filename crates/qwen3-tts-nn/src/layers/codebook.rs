//! Codebooks: tables of vectors, read by code and searched by distance.

use super::embedding::Embedding;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::tensor::Device;
use crate::tensor::Ids;
use crate::tensor::Tensor;
use crate::tensor::dispatch::on_backend;
use crate::weights::Weights;

/// A table of vectors, the reference's `EuclideanCodebook` and `MimiEuclideanCodebook`. A
/// checkpoint stores the sum and the number of the vectors assigned to each entry in training.
#[derive(Clone)]
pub struct Codebook {
    table: Tensor,
    embedding: Embedding,
}

impl Codebook {
    /// Reads `cluster_usage` `[entries]` and the tensor named `sum` `[entries, dim]`, which is
    /// `embedding_sum` in the decoder and `embed_sum` in the encoder.
    ///
    /// # Errors
    /// As [`Weights::tensor`]; returns [`Error::NonFinite`] if a vector overflows.
    pub fn load(
        weights: &Weights,
        sum: &str,
        entries: usize,
        dim: usize,
        device: &Device,
    ) -> Result<Self> {
        let usage = weights.to_vec("cluster_usage", &[entries])?;
        let mut table = weights.to_vec(sum, &[entries, dim])?;
        for (entry, usage) in table.chunks_exact_mut(dim).zip(usage) {
            entry.iter_mut().for_each(|v| *v /= usage.max(1e-5));
        }
        if !table.iter().all(|value| value.is_finite()) {
            return Err(Error::NonFinite { what: "the vectors of a codebook" });
        }
        Ok(Self {
            table: Tensor::from_vec(table.clone(), &[entries, dim], device),
            embedding: Embedding::from_vec(table, entries, dim, device),
        })
    }

    /// Returns the vectors `[1, n, dim]` of `n` codes.
    ///
    /// # Panics
    /// Panics if a code is outside the codebook.
    #[track_caller]
    pub fn decode(&self, codes: &Ids) -> Tensor {
        self.embedding.forward(codes)
    }

    /// Returns the codes of the nearest entries by Euclidean distance, the first one of equals:
    /// `[1, n, dim]` to `n` codes.
    #[track_caller]
    pub fn encode(&self, x: &Tensor) -> Ids {
        assert_eq!(
            x.shape().last(),
            self.table.shape().last(),
            "nearest entries of {:?}",
            x.shape()
        );
        on_backend!(x, B => Ids::on::<B>(B::nearest(x.of::<B>(), self.table.of::<B>())))
    }
}
