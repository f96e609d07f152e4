//! The contract between the layers of this crate and a way of computing.
//!
//! A backend implements [`Backend`] on types of its own. Nothing in this folder knows which
//! backends there are: `crate::tensor::dispatch` lists them and wraps their values.

pub(crate) mod attention;
pub(crate) mod bytes;
pub(crate) mod conv;
pub(crate) mod dtype;
pub(crate) mod precision;
pub(crate) mod quantize;
pub(crate) mod raw;
pub(crate) mod rope;
pub(crate) mod sampling;
pub(crate) mod shape;

use std::fmt;
use std::sync::Arc;

use qwen3_tts_kernels::NonFiniteScale;

use self::attention::{AttentionSpec, Span};
use self::conv::ConvShape;
use self::quantize::AffineFormat;
use self::raw::{RawMatrix, RawTensor};
use self::rope::RopePositions;
use self::sampling::Sampling;
use self::shape::Shape;

/// A layer's weight and bias.
pub(crate) type WeightAndBias<'a, B> =
    (&'a <B as Backend>::Matrix, Option<&'a <B as Backend>::Tensor>);

/// One way of computing. All tensors are channels-last, `[batch, time, channels]`. Callers have
/// checked the shapes.
pub(crate) trait Backend: Clone + Sized {
    type Tensor: Clone;
    type Ids: Clone + fmt::Debug;
    type Matrix: Clone;
    type Table: Clone;
    type PackedConv: Clone;
    type KvCache: Clone;

    /// The name on the command line.
    const NAME: &'static str;

    /// True if a long sequence goes through several layers faster in chunks than whole.
    const CHUNKED: bool = false;

    /// Returns the number of threads that compute, as far as it can be chosen.
    fn threads(&self) -> usize {
        1
    }

    /// Frees memory that is kept for later tensors.
    fn trim(&self) {}

    // Host transfer and shape.

    fn upload(&self, data: Vec<f32>, shape: Shape) -> Self::Tensor;
    fn to_host(x: &Self::Tensor) -> Vec<f32>;
    fn shape(x: &Self::Tensor) -> Shape;
    fn reshape(x: &Self::Tensor, shape: Shape) -> Self::Tensor;
    fn narrow(x: &Self::Tensor, axis: usize, start: usize, len: usize) -> Self::Tensor;
    fn cat(xs: &[&Self::Tensor], axis: usize) -> Self::Tensor;
    fn upload_ids(&self, ids: &[u32]) -> Self::Ids;
    /// Returns the ids of all runs, or the index of the first run that was sampled from logits with
    /// a NaN or an infinity.
    fn ids_to_host(runs: &[&Self::Ids]) -> Result<Vec<u32>, usize>;
    /// Returns the ids if they are available without waiting for a computation.
    fn known_ids(ids: &Self::Ids) -> Option<&[u32]>;

    // Weights, permuted or packed once at load.

    /// Loads a norm's weight, a bias or a scale.
    fn parameter(&self, raw: &RawTensor, shape: Shape) -> Self::Tensor {
        self.upload(raw.to_f32(), shape)
    }
    /// Loads the weight of a linear layer.
    fn matrix(&self, weight: RawMatrix, rows: usize, cols: usize) -> Self::Matrix;
    /// Loads the table of an embedding.
    fn table(&self, table: RawMatrix, rows: usize, cols: usize) -> Self::Table;
    /// Quantises the weight of a linear layer on the host, and loads it.
    ///
    /// # Errors
    /// As [`AffineFormat::quantize`].
    fn quantized_matrix(
        &self,
        weight: &RawTensor,
        rows: usize,
        cols: usize,
        format: AffineFormat,
    ) -> Result<Self::Matrix, NonFiniteScale> {
        Ok(self.matrix(RawMatrix::Affine(Arc::new(format.quantize(weight)?)), rows, cols))
    }
    /// Packs a weight given as `[out, taps, in]`.
    fn pack_conv(&self, weight: &[f32], shape: ConvShape) -> Self::PackedConv;
    fn new_cache(&self, spec: AttentionSpec) -> Self::KvCache;

    // Layers.

    fn linear(x: &Self::Tensor, weight: &Self::Matrix, bias: Option<&Self::Tensor>)
    -> Self::Tensor;
    fn embedding(table: &Self::Table, ids: &Self::Ids) -> Self::Tensor;
    fn rms_norm(x: &Self::Tensor, weight: &Self::Tensor, eps: f32) -> Self::Tensor;
    fn layer_norm(
        x: &Self::Tensor,
        weight: &Self::Tensor,
        bias: &Self::Tensor,
        eps: f32,
    ) -> Self::Tensor;
    /// Rotates `x` `[1, n_tokens, heads, head_dim]`.
    fn rope(x: &Self::Tensor, positions: &RopePositions) -> Self::Tensor;
    fn cache_len(cache: &Self::KvCache) -> usize;
    /// Appends keys and values, then lets the queries attend to everything in the cache: shapes as
    /// in [`Backend::attention_many`], `[1, time, heads·head_dim]` out.
    fn attention(
        cache: &mut Self::KvCache,
        q: &Self::Tensor,
        k: &Self::Tensor,
        v: &Self::Tensor,
        spec: AttentionSpec,
    ) -> Self::Tensor;
    fn conv1d(
        x: &Self::Tensor,
        weight: &Self::PackedConv,
        bias: Option<&Self::Tensor>,
    ) -> Self::Tensor;
    /// Adds `y`, of the same shape or one row for all rows of `x`.
    fn add(x: &Self::Tensor, y: &Self::Tensor) -> Self::Tensor;
    fn sub(x: &Self::Tensor, y: &Self::Tensor) -> Self::Tensor;
    /// Multiplies element by element; `y` as in [`Backend::add`].
    fn mul(x: &Self::Tensor, y: &Self::Tensor) -> Self::Tensor;
    fn silu(x: &Self::Tensor) -> Self::Tensor;
    fn gelu(x: &Self::Tensor) -> Self::Tensor;
    fn elu(x: &Self::Tensor) -> Self::Tensor;
    fn relu(x: &Self::Tensor) -> Self::Tensor;
    fn sigmoid(x: &Self::Tensor) -> Self::Tensor;
    fn tanh(x: &Self::Tensor) -> Self::Tensor;
    fn clamp(x: &Self::Tensor, min: f32, max: f32) -> Self::Tensor;
    fn snake_beta(x: &Self::Tensor, alpha: &Self::Tensor, inv_beta: &Self::Tensor) -> Self::Tensor;
    /// Returns for each row of `x` the index of the nearest row of `codebook`.
    fn nearest(x: &Self::Tensor, codebook: &Self::Tensor) -> Self::Ids;
    /// Returns mean and standard deviation of each channel over time, weighted by the softmax over
    /// time of `logits`; the variance is at least `floor`.
    fn statistics(
        x: &Self::Tensor,
        logits: Option<&Self::Tensor>,
        floor: f32,
    ) -> (Self::Tensor, Self::Tensor);
    fn sample(logits: &Self::Tensor, sampling: &Sampling<'_>) -> Self::Ids;

    // Fused operations.

    /// Computes several projections of the same input.
    fn linears(x: &Self::Tensor, layers: &[WeightAndBias<'_, Self>]) -> Vec<Self::Tensor> {
        layers.iter().map(|(weight, bias)| Self::linear(x, weight, *bias)).collect()
    }

    /// Applies rope and attention to several sequences, whose rows follow each other: `q` and `k`
    /// are `[1, time, heads, head_dim]`, `v` is `[1, time, kv_heads·head_dim]`.
    fn attention_many(
        spans: &mut [Span<'_, Self::KvCache>],
        q: &Self::Tensor,
        k: &Self::Tensor,
        v: &Self::Tensor,
        spec: AttentionSpec,
    ) -> Self::Tensor {
        if let [span] = spans {
            return rope_and_attention::<Self>(span, q, k, v, spec);
        }
        let mut start = 0;
        let mut outputs = Vec::with_capacity(spans.len());
        for span in spans {
            let n = span.positions.n_tokens;
            let [q, k, v] = [q, k, v].map(|x| Self::narrow(x, 1, start, n));
            outputs.push(rope_and_attention::<Self>(span, &q, &k, &v, spec));
            start += n;
        }
        Self::cat(&outputs.iter().collect::<Vec<_>>(), 1)
    }

    /// `silu(gate)·up`.
    fn silu_mul(gate: &Self::Tensor, up: &Self::Tensor) -> Self::Tensor {
        Self::mul(&Self::silu(gate), up)
    }

    /// `x + scale·y` with one `scale` a channel: a residual connection with layer scale.
    fn scaled_add(x: &Self::Tensor, y: &Self::Tensor, scale: &Self::Tensor) -> Self::Tensor {
        Self::add(x, &Self::mul(y, scale))
    }
}

fn rope_and_attention<B: Backend>(
    span: &mut Span<'_, B::KvCache>,
    q: &B::Tensor,
    k: &B::Tensor,
    v: &B::Tensor,
    spec: AttentionSpec,
) -> B::Tensor {
    let (q, k) = (B::rope(q, span.positions), B::rope(k, span.positions));
    B::attention(span.cache, &q, &k, v, spec)
}
