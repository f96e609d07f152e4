//! The contract between the layers of this crate and a way of computing.
//!
//! [`Tensor`](crate::Tensor) and its companions are enums over the backends; the macro
//! [`on_backend!`] owns the dispatch. A backend implements a dozen and a half layer-level
//! operations and may override the fused ones that have a default body.

pub(crate) mod shape;

use crate::attention::Span;
use crate::conv::ConvShape;
use crate::ids::Ids;
use crate::kv_cache::KvCache;
use crate::layout::{Matrix, PackedConv};
use crate::quantized::RawMatrix;
use crate::rope::RopePositions;
use crate::sampling::Sampling;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::weights::RawTensor;

/// How attention looks at its keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionSpec {
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Each query sees at most this many keys, itself included.
    pub window: Option<usize>,
}

/// A value as the backend that owns it holds it.
#[derive(Clone, Debug)]
pub(crate) enum On<C, M> {
    Cpu(C),
    Mlx(M),
}

/// Says that a model's values lie on more than one device.
#[cold]
#[track_caller]
pub(crate) fn mixed_devices() -> ! {
    panic!("an operation on values of different devices")
}

/// One way of computing. All tensors are channels-last, `[batch, time, channels]`.
pub(crate) trait Backend: Sized + Clone {
    type Tensor;
    type Ids;
    type Matrix;
    type PackedConv;
    type KvCache;

    // What the public enums hold.
    fn of(tensor: &Tensor) -> &Self::Tensor;
    fn of_ids(ids: &Ids) -> &Self::Ids;
    fn of_matrix(matrix: &Matrix) -> &Self::Matrix;
    fn of_conv(conv: &PackedConv) -> &Self::PackedConv;
    fn of_cache(cache: &KvCache) -> &Self::KvCache;
    fn of_cache_mut(cache: &mut KvCache) -> &mut Self::KvCache;

    /// Gives back memory that is kept for later.
    fn trim(&self) {}

    /// Whether a long sequence goes faster through several layers when it goes in pieces.
    const IN_PIECES: bool = false;

    /// Computes now what was only noted.
    fn compute(_: &Self::Tensor) {}
    fn compute_cache(_: &Self::KvCache) {}

    // Host transfer and shape.
    fn upload(&self, data: Vec<f32>, shape: Shape) -> Tensor;
    fn to_host(x: &Self::Tensor) -> Vec<f32>;
    fn shape(x: &Self::Tensor) -> Shape;
    fn reshape(x: &Self::Tensor, shape: Shape) -> Tensor;
    fn narrow(x: &Self::Tensor, axis: usize, start: usize, len: usize) -> Tensor;
    fn cat(xs: &[&Tensor], axis: usize) -> Tensor;
    fn upload_ids(&self, ids: &[u32]) -> Ids;
    /// The ids of all runs, or the first run that was chosen from what is no number.
    fn ids_to_host(runs: &[Ids]) -> Result<Vec<u32>, usize>;
    /// The ids, if they can be had without waiting for a computation.
    fn known_ids(ids: &Self::Ids) -> Option<&[u32]>;

    // Weights, permuted or packed once at load.
    /// A norm's weight, a bias or a scale.
    fn parameter(&self, raw: &RawTensor, shape: Shape) -> Tensor {
        self.upload(raw.to_f32(), shape)
    }
    fn matrix(&self, weight: RawMatrix, rows: usize, cols: usize) -> Matrix;
    fn pack_conv(&self, weight: &[f32], shape: ConvShape) -> PackedConv;
    fn new_cache(&self, spec: AttentionSpec) -> KvCache;

    // Layers.
    fn linear(x: &Self::Tensor, weight: &Self::Matrix, bias: Option<&Tensor>) -> Tensor;
    fn embedding(weight: &Self::Matrix, ids: &Self::Ids) -> Tensor;
    fn rms_norm(x: &Self::Tensor, weight: &Tensor, eps: f32) -> Tensor;
    fn layer_norm(x: &Self::Tensor, weight: &Tensor, bias: &Tensor, eps: f32) -> Tensor;
    fn rope(x: &Self::Tensor, positions: &RopePositions) -> Tensor;
    fn cache_len(cache: &Self::KvCache) -> usize;
    /// Appends keys and values, then lets the queries attend to all that is cached.
    fn attention(
        cache: &mut Self::KvCache,
        q: &Self::Tensor,
        k: &Tensor,
        v: &Tensor,
        spec: AttentionSpec,
    ) -> Tensor;
    fn conv1d(x: &Self::Tensor, weight: &Self::PackedConv, bias: Option<&Tensor>) -> Tensor;
    fn add(x: &Self::Tensor, y: &Tensor) -> Tensor;
    fn sub(x: &Self::Tensor, y: &Tensor) -> Tensor;
    fn mul(x: &Self::Tensor, y: &Tensor) -> Tensor;
    fn silu(x: &Self::Tensor) -> Tensor;
    fn gelu(x: &Self::Tensor) -> Tensor;
    fn elu(x: &Self::Tensor) -> Tensor;
    /// For each row of `x` the nearest row of `codebook`.
    fn nearest(x: &Self::Tensor, codebook: &Tensor) -> Ids;
    fn relu(x: &Self::Tensor) -> Tensor;
    fn sigmoid(x: &Self::Tensor) -> Tensor;
    fn tanh(x: &Self::Tensor) -> Tensor;
    /// Mean and deviation of each channel over time, weighted by the softmax over time of `logits`.
    fn statistics(x: &Self::Tensor, logits: Option<&Tensor>, floor: f32) -> (Tensor, Tensor);
    fn clamp(x: &Self::Tensor, min: f32, max: f32) -> Tensor;
    fn snake_beta(x: &Self::Tensor, alpha: &Tensor, inv_beta: &Tensor) -> Tensor;
    fn sample(logits: &Self::Tensor, sampling: &Sampling<'_>) -> Ids;

    // Fused operations.

    /// Several projections of the same input.
    fn linears(x: &Self::Tensor, layers: &[(&Matrix, Option<&Tensor>)]) -> Vec<Tensor> {
        layers.iter().map(|(w, bias)| Self::linear(x, Self::of_matrix(w), *bias)).collect()
    }

    /// Rope and attention of several sequences, whose rows follow each other in `q`, `k` and `v`.
    fn attention_many(
        spans: &mut [Span<'_>],
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        spec: AttentionSpec,
    ) -> Tensor {
        let attend = |span: &mut Span<'_>, q: &Tensor, k: &Tensor, v: &Tensor| {
            let (q, k) = (span.positions.rotate(q), span.positions.rotate(k));
            Self::attention(Self::of_cache_mut(span.cache), Self::of(&q), &k, v, spec)
        };
        if let [span] = spans {
            return attend(span, q, k, v);
        }
        let mut start = 0;
        let each = spans.iter_mut().map(|span| {
            let n = span.positions.n_tokens;
            let [q, k, v] = [q, k, v].map(|x| x.narrow(1, start, n));
            start += n;
            attend(span, &q, &k, &v)
        });
        let each: Vec<Tensor> = each.collect();
        Tensor::cat(&each.iter().collect::<Vec<_>>(), 1)
    }

    /// `silu(gate)·up`.
    fn silu_mul(gate: &Self::Tensor, up: &Tensor) -> Tensor {
        Self::mul(Self::of(&Self::silu(gate)), up)
    }

    /// `x + scale·y`, with `scale` by channel: a residual with layer scale.
    fn scaled_add(x: &Self::Tensor, y: &Tensor, scale: &Tensor) -> Tensor {
        Self::add(x, &Self::mul(Self::of(y), scale))
    }
}

/// Runs an expression with `$B` naming the backend that holds `$value`.
macro_rules! on_backend {
    ($value:expr, $B:ident => $body:expr) => {
        match &$value.repr {
            crate::backend::On::Cpu(_) => {
                type $B = crate::cpu::Cpu;
                $body
            }
            #[cfg(feature = "mlx")]
            crate::backend::On::Mlx(_) => {
                type $B = crate::mlx::Mlx;
                $body
            }
            #[cfg(not(feature = "mlx"))]
            crate::backend::On::Mlx(absent) => match *absent {},
        }
    };
}

/// Runs an expression with `$b` bound to the backend of a device.
macro_rules! on_device {
    ($device:expr, $b:ident => $body:expr) => {
        match &$device.repr {
            crate::backend::On::Cpu($b) => $body,
            #[cfg(feature = "mlx")]
            crate::backend::On::Mlx($b) => $body,
            #[cfg(not(feature = "mlx"))]
            crate::backend::On::Mlx(absent) => match *absent {},
        }
    };
}
