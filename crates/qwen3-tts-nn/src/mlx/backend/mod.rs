//! The MLX backend: a lazy graph, weights as the checkpoint keeps them, activations in float32 or
//! in the type of the checkpoint's tables.
//!
//! An operation's first operand decides its type, and what it meets takes that type: otherwise one
//! vector from the host would widen all that follows.
//!
//! Nothing goes through MLX's `compile`. On its CPU library it was tried on SwiGLU layers: at 1024
//! channels in float32 five of them in a row took 9.9 ms for 10.6, in bf16 37.8 for 37.3, one alone
//! more than without; only at 64 channels did it save about a third. Attention was left
//! out: its cache grows, and MLX traces anew for every shape.
//!
//! Nothing is computed before values are read back. Since a frame is read back once, it is one
//! graph, from the sum of embeddings that it begins with to its last code.

mod attention;
mod kv_cache;
mod nearest;
mod sampling;
mod weights;

use std::fmt;
use std::sync::Arc;

use mlx_rs::error::Exception;
use mlx_rs::ops;
use mlx_rs::ops::indexing::TryIndexOp;
use mlx_rs::{Array, Dtype, fast};

pub(crate) use self::kv_cache::MlxKvCache;
pub(crate) use self::weights::{MlxMatrix, MlxPackedConv};
use crate::backend::{AttentionSpec, Backend, On, mixed_devices};
use crate::conv::ConvShape;
use crate::device::Precision;
use crate::error::Error;
use crate::ids::Ids;
use crate::kv_cache::KvCache;
use crate::layout::{Matrix, PackedConv};
use crate::quantized::RawMatrix;
use crate::rope::RopePositions;
use crate::sampling::Sampling;
use crate::shape::Shape;
use crate::tensor::Tensor;
use crate::weights::RawTensor;

/// MLX's default device: the GPU of a Mac.
#[derive(Clone, Debug)]
pub(crate) struct Mlx {
    precision: Precision,
}

impl Mlx {
    /// Tries the device with a small computation.
    pub(crate) fn new(precision: Precision) -> crate::error::Result<Self> {
        let sum = Array::from_slice(&[1.0f32, 2.0], &[2]).sum(None);
        sum.and_then(|sum| sum.eval()).map(|()| Self { precision }).map_err(|error| {
            let reason = format!("MLX does not compute here ({error})");
            Error::DeviceMissing { device: "mlx", reason }
        })
    }
}

#[derive(Clone)]
pub(crate) struct MlxTensor(Array);

#[derive(Clone)]
pub(crate) struct MlxIds {
    /// `[n]`, unsigned: always within the vocabulary.
    ids: Array,
    /// The same, or [`NOT_CHOSEN`] where the logits were no numbers.
    checked: Array,
    /// Ids that came from the host.
    known: Option<Arc<[u32]>>,
}

/// An id that no vocabulary has.
const NOT_CHOSEN: u32 = u32::MAX;

impl fmt::Debug for MlxIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.known {
            Some(ids) => fmt::Debug::fmt(ids, f),
            None => write!(f, "{} ids on mlx", self.ids.size()),
        }
    }
}

/// The result of noting an operation, or of computing. Shapes are checked before; what is left is
/// a machine without memory.
#[track_caller]
fn ok<T>(result: Result<T, Exception>) -> T {
    result.unwrap_or_else(|error| panic!("mlx: {error}"))
}

#[track_caller]
fn tensor(result: Result<Array, Exception>) -> Tensor {
    Tensor::new(On::Mlx(MlxTensor(ok(result))))
}

fn size(n: usize) -> i32 {
    i32::try_from(n).expect("a dimension below 2³¹")
}

fn sizes(shape: &[usize]) -> Vec<i32> {
    shape.iter().copied().map(size).collect()
}

/// `len` entries from `start` on.
fn narrow(x: &Array, axis: usize, start: usize, len: usize) -> Array {
    let range = size(start)..size(start + len);
    ok(match axis {
        0 => x.try_index(range),
        1 => x.try_index((.., range)),
        2 => x.try_index((.., .., range)),
        _ => x.try_index((.., .., .., range)),
    })
}

/// `y` with the shape of `x`, or as one row of channels for every row of `x`; and in its type.
fn beside(x: &Array, y: &Tensor) -> Array {
    let y = like(x, &Mlx::of(y).0);
    if y.shape() == x.shape() { y } else { ok(y.reshape(&[-1])) }
}

/// `y` in the type of `x`.
fn like(x: &Array, y: &Array) -> Array {
    in_type(y, x.dtype())
}

fn in_type(x: &Array, dtype: Dtype) -> Array {
    if x.dtype() == dtype { x.clone() } else { ok(x.as_dtype(dtype)) }
}

/// A number in the type of `x`.
fn number(x: &Array, value: f32) -> Array {
    like(x, &Array::from_f32(value))
}

impl Backend for Mlx {
    type Tensor = MlxTensor;
    type Ids = MlxIds;
    type Matrix = MlxMatrix;
    type PackedConv = MlxPackedConv;
    type KvCache = MlxKvCache;

    fn of(tensor: &Tensor) -> &MlxTensor {
        let On::Mlx(tensor) = &tensor.repr else { mixed_devices() };
        tensor
    }

    fn of_ids(ids: &Ids) -> &MlxIds {
        let On::Mlx(ids) = &ids.repr else { mixed_devices() };
        ids
    }

    fn of_matrix(matrix: &Matrix) -> &MlxMatrix {
        let On::Mlx(matrix) = &matrix.repr else { mixed_devices() };
        matrix
    }

    fn of_conv(conv: &PackedConv) -> &MlxPackedConv {
        let On::Mlx(conv) = &conv.repr else { mixed_devices() };
        conv
    }

    fn of_cache(cache: &KvCache) -> &MlxKvCache {
        let On::Mlx(cache) = &cache.repr else { mixed_devices() };
        cache
    }

    fn of_cache_mut(cache: &mut KvCache) -> &mut MlxKvCache {
        let On::Mlx(cache) = &mut cache.repr else { mixed_devices() };
        cache
    }

    fn trim(&self) {
        ok(mlx_rs::memory::clear_cache());
    }

    fn compute(x: &MlxTensor) {
        ok(x.0.eval());
    }

    fn compute_cache(cache: &MlxKvCache) {
        cache.compute();
    }

    fn upload(&self, data: Vec<f32>, shape: Shape) -> Tensor {
        tensor(Ok(Array::from_slice(&data, &sizes(shape.dims()))))
    }

    fn to_host(x: &MlxTensor) -> Vec<f32> {
        if x.0.size() == 0 {
            return Vec::new();
        }
        let x = ok(widened(&x.0).contiguous());
        ok(x.eval());
        x.as_slice().to_vec()
    }

    fn shape(x: &MlxTensor) -> Shape {
        let dims: Vec<usize> = x.0.shape().iter().map(|dim| *dim as usize).collect();
        Shape::new(&dims)
    }

    fn reshape(x: &MlxTensor, shape: Shape) -> Tensor {
        tensor(x.0.reshape(&sizes(shape.dims())))
    }

    fn narrow(x: &MlxTensor, axis: usize, start: usize, len: usize) -> Tensor {
        tensor(Ok(narrow(&x.0, axis, start, len)))
    }

    fn cat(xs: &[&Tensor], axis: usize) -> Tensor {
        let first = &Self::of(xs[0]).0;
        let arrays: Vec<Array> = xs.iter().map(|x| like(first, &Self::of(x).0)).collect();
        tensor(ops::concatenate(&arrays, size(axis)))
    }

    fn upload_ids(&self, ids: &[u32]) -> Ids {
        let array = Array::from_slice(ids, &[size(ids.len())]);
        let known = Some(ids.into());
        Ids::on(On::Mlx(MlxIds { ids: array.clone(), checked: array, known }))
    }

    fn ids_to_host(runs: &[Ids]) -> Result<Vec<u32>, usize> {
        let arrays: Vec<&Array> = runs.iter().map(|run| &Self::of_ids(run).checked).collect();
        let all = ok(ops::concatenate(&arrays, 0));
        ok(all.eval());
        let ids = if all.size() == 0 { Vec::new() } else { all.as_slice().to_vec() };
        let Some(wrong) = ids.iter().position(|id| *id == NOT_CHOSEN) else { return Ok(ids) };
        let mut end = 0;
        let run = arrays.iter().position(|run| {
            end += run.size();
            end > wrong
        });
        Err(run.unwrap_or(0))
    }

    fn known_ids(ids: &MlxIds) -> Option<&[u32]> {
        ids.known.as_deref()
    }

    fn parameter(&self, raw: &RawTensor, shape: Shape) -> Tensor {
        match self.precision {
            Precision::Float32 => self.upload(raw.to_f32(), shape),
            Precision::Checkpoint => tensor(Ok(weights::array(raw, &sizes(shape.dims())))),
        }
    }

    fn matrix(&self, raw: RawMatrix, rows: usize, cols: usize) -> Matrix {
        MlxMatrix::load(&raw, rows, cols, self.precision)
    }

    fn pack_conv(&self, weight: &[f32], shape: ConvShape) -> PackedConv {
        PackedConv { repr: On::Mlx(MlxPackedConv::load(weight, shape)) }
    }

    fn new_cache(&self, spec: AttentionSpec) -> KvCache {
        KvCache { repr: On::Mlx(MlxKvCache::new(spec)) }
    }

    fn linear(x: &MlxTensor, weight: &MlxMatrix, bias: Option<&Tensor>) -> Tensor {
        let y = weight.project(&x.0);
        tensor(match bias {
            Some(bias) => y.add(beside(&y, bias)),
            None => Ok(y),
        })
    }

    fn embedding(weight: &MlxMatrix, ids: &MlxIds) -> Tensor {
        if let Some(known) = &ids.known {
            let outside = known.iter().find(|id| **id as usize >= weight.rows());
            assert!(outside.is_none(), "id {outside:?} in an embedding of {}", weight.rows());
        }
        tensor(weight.embed(&ids.ids).expand_dims(0))
    }

    fn rms_norm(x: &MlxTensor, weight: &Tensor, eps: f32) -> Tensor {
        tensor(fast::rms_norm(&x.0, Some(&like(&x.0, &Self::of(weight).0)), eps))
    }

    fn layer_norm(x: &MlxTensor, weight: &Tensor, bias: &Tensor, eps: f32) -> Tensor {
        let [weight, bias] = [weight, bias].map(|row| like(&x.0, &Self::of(row).0));
        tensor(fast::layer_norm(&x.0, Some(&weight), Some(&bias), eps))
    }

    fn rope(x: &MlxTensor, positions: &RopePositions) -> Tensor {
        // MLX asks for the wavelengths (over 2π), of which it takes the inverse again.
        let wavelengths: Vec<f32> = positions.inv_freq.iter().map(|f| 1.0 / f).collect();
        let wavelengths = Array::from_slice(&wavelengths, &[size(wavelengths.len())]);
        let (dims, offset) = (size(2 * wavelengths.size()), size(positions.offset));
        // MLX has time beside the channels of a head.
        let by_head = ok(x.0.transpose_axes(&[0, 2, 1, 3]));
        let rotated = fast::rope(by_head, dims, false, None, 1.0, offset, &wavelengths);
        tensor(ok(rotated).transpose_axes(&[0, 2, 1, 3]))
    }

    fn cache_len(cache: &MlxKvCache) -> usize {
        cache.len()
    }

    fn attention(
        cache: &mut MlxKvCache,
        q: &MlxTensor,
        k: &Tensor,
        v: &Tensor,
        spec: AttentionSpec,
    ) -> Tensor {
        attention::attention(cache, &q.0, &Self::of(k).0, &Self::of(v).0, spec)
    }

    fn conv1d(x: &MlxTensor, weight: &MlxPackedConv, bias: Option<&Tensor>) -> Tensor {
        let y = weight.convolve(&x.0);
        tensor(match bias {
            Some(bias) => y.add(beside(&y, bias)),
            None => Ok(y),
        })
    }

    fn add(x: &MlxTensor, y: &Tensor) -> Tensor {
        tensor(x.0.add(beside(&x.0, y)))
    }

    fn sub(x: &MlxTensor, y: &Tensor) -> Tensor {
        tensor(x.0.subtract(beside(&x.0, y)))
    }

    fn mul(x: &MlxTensor, y: &Tensor) -> Tensor {
        tensor(x.0.multiply(beside(&x.0, y)))
    }

    fn silu(x: &MlxTensor) -> Tensor {
        tensor(ops::sigmoid(&x.0).and_then(|gate| x.0.multiply(gate)))
    }

    fn gelu(x: &MlxTensor) -> Tensor {
        let half = ok(x.0.multiply(number(&x.0, 0.5)));
        let erf = ok(ops::erf(ok(x.0.multiply(number(&x.0, 0.5f32.sqrt())))));
        tensor(half.multiply(&erf).and_then(|rest| half.add(rest)))
    }

    fn elu(x: &MlxTensor) -> Tensor {
        let positive = ok(x.0.gt(Array::from_f32(0.0)));
        tensor(ops::select(positive, &x.0, ok(ops::expm1(&x.0))))
    }

    fn nearest(x: &MlxTensor, codebook: &Tensor) -> Ids {
        nearest::nearest(&widened(&x.0), &Self::of(codebook).0)
    }

    fn relu(x: &MlxTensor) -> Tensor {
        tensor(ops::maximum(&x.0, number(&x.0, 0.0)))
    }

    fn sigmoid(x: &MlxTensor) -> Tensor {
        tensor(ops::sigmoid(&x.0))
    }

    fn tanh(x: &MlxTensor) -> Tensor {
        tensor(ops::tanh(&x.0))
    }

    fn statistics(x: &MlxTensor, logits: Option<&Tensor>, floor: f32) -> (Tensor, Tensor) {
        const TIME: i32 = 1;
        let weights =
            logits.map(|logits| ok(ops::softmax_axis(like(&x.0, &Self::of(logits).0), TIME, true)));
        let mean = |values: &Array| {
            ok(match &weights {
                Some(weights) => ok(values.multiply(weights)).sum_axis(TIME, true),
                None => values.mean_axis(TIME, true),
            })
        };
        let center = mean(&x.0);
        let variance = mean(&ok(ok(x.0.subtract(&center)).square()));
        let deviation = ok(ops::maximum(&variance, number(&variance, floor))).sqrt();
        (tensor(Ok(center)), tensor(deviation))
    }

    fn clamp(x: &MlxTensor, min: f32, max: f32) -> Tensor {
        tensor(ops::clip(&x.0, (min, max)))
    }

    fn snake_beta(x: &MlxTensor, alpha: &Tensor, inv_beta: &Tensor) -> Tensor {
        let [alpha, inv_beta] = [alpha, inv_beta].map(|row| like(&x.0, &Self::of(row).0));
        let sine = ok(ok(x.0.multiply(alpha)).sin());
        let rise = ok(ok(sine.square()).multiply(inv_beta));
        tensor(x.0.add(rise))
    }

    fn sample(logits: &MlxTensor, sampling: &Sampling<'_>) -> Ids {
        sampling::sample(&widened(&logits.0), sampling)
    }
}

/// The array in float32.
fn widened(x: &Array) -> Array {
    in_type(x, Dtype::Float32)
}
