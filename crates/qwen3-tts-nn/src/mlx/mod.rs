//! The MLX backend: a lazy graph, weights as the checkpoint stores them, activations in float32 or
//! in the data type of the checkpoint's tables.
//!
//! The first operand of an operation determines the data type, and the others are converted to it:
//! otherwise one float32 vector from the host would widen everything after it.
//!
//! MLX's `compile` is not used. Measured on its CPU library with SwiGLU layers of 1024 channels,
//! five layers in a row took 9.9 ms instead of 10.6 ms in float32 and 37.8 ms instead of 37.3 ms in
//! bf16, and one layer alone took longer; only at 64 channels did it save about a third. Attention
//! was not compiled: its cache grows, and MLX traces again for every shape.
//!
//! Nothing is computed before values are read back. A frame is read back once, so it is one graph,
//! from the sum of embeddings at its start to its last code.
#![cfg(feature = "mlx")]

mod arrays;
mod attention;
mod ids;
mod kv_cache;
mod nearest;
mod sampling;
mod weights;

use mlx_rs::error::Exception;
use mlx_rs::{Array, fast, ops};

use self::arrays::{beside, like, narrow, number, ok, size, sizes, widened};
use self::ids::MlxIds;
use self::kv_cache::MlxKvCache;
use self::weights::{MlxMatrix, MlxPackedConv};
use crate::backend::Backend;
use crate::backend::attention::AttentionSpec;
use crate::backend::conv::ConvShape;
use crate::backend::precision::Precision;
use crate::backend::raw::{RawMatrix, RawTensor};
use crate::backend::rope::RopePositions;
use crate::backend::sampling::Sampling;
use crate::backend::shape::Shape;
use crate::error::{Error, Result};

/// MLX's default device: the GPU of a Mac.
#[derive(Clone, Debug)]
pub(crate) struct Mlx {
    precision: Precision,
}

impl Mlx {
    /// Opens the device, and tries it with a small computation.
    pub(crate) fn new(precision: Precision) -> Result<Self> {
        let sum = Array::from_slice(&[1.0f32, 2.0], &[2]).sum(None);
        sum.and_then(|sum| sum.eval()).map(|()| Self { precision }).map_err(|error| {
            let reason = format!("MLX does not compute here ({error})");
            Error::DeviceMissing { device: "mlx", reason }
        })
    }
}

/// A node of the graph.
#[derive(Clone)]
pub(crate) struct MlxTensor(Array);

#[track_caller]
fn tensor(result: Result<Array, Exception>) -> MlxTensor {
    MlxTensor(ok(result))
}

impl Backend for Mlx {
    type Tensor = MlxTensor;
    type Ids = MlxIds;
    type Matrix = MlxMatrix;
    type Table = MlxMatrix;
    type PackedConv = MlxPackedConv;
    type KvCache = MlxKvCache;

    const NAME: &'static str = "mlx";

    fn trim(&self) {
        ok(mlx_rs::memory::clear_cache());
    }

    fn upload(&self, data: Vec<f32>, shape: Shape) -> MlxTensor {
        MlxTensor(Array::from_slice(&data, &sizes(shape.dims())))
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

    fn reshape(x: &MlxTensor, shape: Shape) -> MlxTensor {
        tensor(x.0.reshape(&sizes(shape.dims())))
    }

    fn narrow(x: &MlxTensor, axis: usize, start: usize, len: usize) -> MlxTensor {
        MlxTensor(narrow(&x.0, axis, start, len))
    }

    fn cat(xs: &[&MlxTensor], axis: usize) -> MlxTensor {
        let first = &xs[0].0;
        let arrays: Vec<Array> = xs.iter().map(|x| like(first, &x.0)).collect();
        tensor(ops::concatenate(&arrays, size(axis)))
    }

    fn upload_ids(&self, ids: &[u32]) -> MlxIds {
        MlxIds::given(ids)
    }

    fn ids_to_host(runs: &[&MlxIds]) -> Result<Vec<u32>, usize> {
        MlxIds::read(runs)
    }

    fn known_ids(ids: &MlxIds) -> Option<&[u32]> {
        ids.known.as_deref()
    }

    fn parameter(&self, raw: &RawTensor, shape: Shape) -> MlxTensor {
        match self.precision {
            Precision::Float32 => self.upload(raw.to_f32(), shape),
            Precision::Checkpoint => MlxTensor(weights::array(raw, &sizes(shape.dims()))),
        }
    }

    fn matrix(&self, raw: RawMatrix, rows: usize, cols: usize) -> MlxMatrix {
        MlxMatrix::load(&raw, rows, cols, self.precision)
    }

    fn table(&self, raw: RawMatrix, rows: usize, cols: usize) -> MlxMatrix {
        self.matrix(raw, rows, cols)
    }

    fn pack_conv(&self, weight: &[f32], shape: ConvShape) -> MlxPackedConv {
        MlxPackedConv::load(weight, shape)
    }

    fn new_cache(&self, spec: AttentionSpec) -> MlxKvCache {
        MlxKvCache::new(spec)
    }

    fn linear(x: &MlxTensor, weight: &MlxMatrix, bias: Option<&MlxTensor>) -> MlxTensor {
        let y = weight.project(&x.0);
        tensor(match bias {
            Some(bias) => y.add(beside(&y, &bias.0)),
            None => Ok(y),
        })
    }

    fn embedding(table: &MlxMatrix, ids: &MlxIds) -> MlxTensor {
        if let Some(known) = &ids.known {
            let outside = known.iter().find(|id| **id as usize >= table.rows());
            assert!(outside.is_none(), "id {outside:?} in an embedding of {}", table.rows());
        }
        tensor(table.embed(&ids.ids).expand_dims(0))
    }

    fn rms_norm(x: &MlxTensor, weight: &MlxTensor, eps: f32) -> MlxTensor {
        tensor(fast::rms_norm(&x.0, Some(&like(&x.0, &weight.0)), eps))
    }

    fn layer_norm(x: &MlxTensor, weight: &MlxTensor, bias: &MlxTensor, eps: f32) -> MlxTensor {
        let [weight, bias] = [weight, bias].map(|row| like(&x.0, &row.0));
        tensor(fast::layer_norm(&x.0, Some(&weight), Some(&bias), eps))
    }

    fn rope(x: &MlxTensor, positions: &RopePositions) -> MlxTensor {
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
        k: &MlxTensor,
        v: &MlxTensor,
        spec: AttentionSpec,
    ) -> MlxTensor {
        MlxTensor(attention::attention(cache, &q.0, &k.0, &v.0, spec))
    }

    fn conv1d(x: &MlxTensor, weight: &MlxPackedConv, bias: Option<&MlxTensor>) -> MlxTensor {
        let y = weight.convolve(&x.0);
        tensor(match bias {
            Some(bias) => y.add(beside(&y, &bias.0)),
            None => Ok(y),
        })
    }

    fn add(x: &MlxTensor, y: &MlxTensor) -> MlxTensor {
        tensor(x.0.add(beside(&x.0, &y.0)))
    }

    fn sub(x: &MlxTensor, y: &MlxTensor) -> MlxTensor {
        tensor(x.0.subtract(beside(&x.0, &y.0)))
    }

    fn mul(x: &MlxTensor, y: &MlxTensor) -> MlxTensor {
        tensor(x.0.multiply(beside(&x.0, &y.0)))
    }

    fn silu(x: &MlxTensor) -> MlxTensor {
        tensor(ops::sigmoid(&x.0).and_then(|gate| x.0.multiply(gate)))
    }

    fn gelu(x: &MlxTensor) -> MlxTensor {
        let half = ok(x.0.multiply(number(&x.0, 0.5)));
        let erf = ok(ops::erf(ok(x.0.multiply(number(&x.0, 0.5f32.sqrt())))));
        tensor(half.multiply(&erf).and_then(|rest| half.add(rest)))
    }

    fn elu(x: &MlxTensor) -> MlxTensor {
        let positive = ok(x.0.gt(Array::from_f32(0.0)));
        tensor(ops::select(positive, &x.0, ok(ops::expm1(&x.0))))
    }

    fn nearest(x: &MlxTensor, codebook: &MlxTensor) -> MlxIds {
        MlxIds::from_graph(nearest::nearest(&widened(&x.0), &codebook.0))
    }

    fn relu(x: &MlxTensor) -> MlxTensor {
        tensor(ops::maximum(&x.0, number(&x.0, 0.0)))
    }

    fn sigmoid(x: &MlxTensor) -> MlxTensor {
        tensor(ops::sigmoid(&x.0))
    }

    fn tanh(x: &MlxTensor) -> MlxTensor {
        tensor(ops::tanh(&x.0))
    }

    fn statistics(x: &MlxTensor, logits: Option<&MlxTensor>, floor: f32) -> (MlxTensor, MlxTensor) {
        const TIME: i32 = 1;
        let weights = logits.map(|logits| ok(ops::softmax_axis(like(&x.0, &logits.0), TIME, true)));
        let mean = |values: &Array| {
            ok(match &weights {
                Some(weights) => ok(values.multiply(weights)).sum_axis(TIME, true),
                None => values.mean_axis(TIME, true),
            })
        };
        let center = mean(&x.0);
        let variance = mean(&ok(ok(x.0.subtract(&center)).square()));
        let deviation = ok(ops::maximum(&variance, number(&variance, floor))).sqrt();
        (MlxTensor(center), tensor(deviation))
    }

    fn clamp(x: &MlxTensor, min: f32, max: f32) -> MlxTensor {
        tensor(ops::clip(&x.0, (min, max)))
    }

    fn snake_beta(x: &MlxTensor, alpha: &MlxTensor, inv_beta: &MlxTensor) -> MlxTensor {
        let [alpha, inv_beta] = [alpha, inv_beta].map(|row| like(&x.0, &row.0));
        let sine = ok(ok(x.0.multiply(alpha)).sin());
        let rise = ok(ok(sine.square()).multiply(inv_beta));
        tensor(x.0.add(rise))
    }

    fn sample(logits: &MlxTensor, sampling: &Sampling<'_>) -> MlxIds {
        sampling::sample(&widened(&logits.0), sampling)
    }
}
