//! The CPU backend: eager, float32 activations, weights as the checkpoint stores them.

mod buffer;
mod kv_cache;
mod matrix;
mod sampling;
mod tensor;

use std::sync::Arc;

use qwen3_tts_kernels::{
    self as kernels, Context, Conv1d, ConvWeight, DepthwiseConv1d, NonFiniteScale, Projection,
};

use self::buffer::Buffer;
use self::kv_cache::CpuKvCache;
use self::matrix::{CpuMatrix, CpuTable};
pub(crate) use self::tensor::Cpu;
use self::tensor::CpuTensor;
use crate::backend::attention::AttentionSpec;
use crate::backend::conv::ConvShape;
use crate::backend::quantize::AffineFormat;
use crate::backend::raw::{RawMatrix, RawTensor};
use crate::backend::rope::RopePositions;
use crate::backend::sampling::Sampling;
use crate::backend::shape::Shape;
use crate::backend::{Backend, WeightAndBias};

/// Ids in host memory.
#[derive(Clone, Debug)]
pub(crate) struct CpuIds {
    cpu: Cpu,
    ids: Vec<u32>,
    /// False if the ids were sampled from logits with a NaN or an infinity.
    finite: bool,
}

/// The weight of a convolution.
#[derive(Clone)]
pub(crate) enum CpuPackedConv {
    Dense {
        weight: Arc<ConvWeight>,
        stride: usize,
        dilation: usize,
    },
    /// `[taps, channels]`.
    Depthwise {
        weight: Arc<Vec<f32>>,
        taps: usize,
    },
}

impl Backend for Cpu {
    type Tensor = CpuTensor;
    type Ids = CpuIds;
    type Matrix = CpuMatrix;
    type Table = CpuTable;
    type PackedConv = CpuPackedConv;
    type KvCache = CpuKvCache;

    const NAME: &'static str = "cpu";

    /// A chunk stays in the caches from layer to layer.
    const CHUNKED: bool = true;

    fn threads(&self) -> usize {
        self.context().pool().threads()
    }

    fn upload(&self, data: Vec<f32>, shape: Shape) -> CpuTensor {
        self.tensor(data, shape)
    }

    fn to_host(x: &CpuTensor) -> Vec<f32> {
        x.data.to_vec()
    }

    fn shape(x: &CpuTensor) -> Shape {
        x.shape
    }

    fn reshape(x: &CpuTensor, shape: Shape) -> CpuTensor {
        CpuTensor { shape, ..x.clone() }
    }

    fn narrow(x: &CpuTensor, axis: usize, start: usize, len: usize) -> CpuTensor {
        let (outer, inner) = x.strides(axis);
        let run = x.shape[axis] * inner;
        x.make(x.shape.with_dim(axis, len), |y| {
            for block in 0..outer {
                let from = &x.data[block * run + start * inner..][..len * inner];
                y[block * len * inner..][..len * inner].copy_from_slice(from);
            }
        })
    }

    fn cat(xs: &[&CpuTensor], axis: usize) -> CpuTensor {
        let first = xs[0];
        let (outer, inner) = first.strides(axis);
        let len: usize = xs.iter().map(|x| x.shape[axis]).sum();
        first.make(first.shape.with_dim(axis, len), |mut y| {
            for block in 0..outer {
                for x in xs {
                    let run = x.shape[axis] * inner;
                    let (part, rest) = y.split_at_mut(run);
                    part.copy_from_slice(&x.data[block * run..][..run]);
                    y = rest;
                }
            }
        })
    }

    fn upload_ids(&self, ids: &[u32]) -> CpuIds {
        CpuIds { cpu: self.clone(), ids: ids.to_vec(), finite: true }
    }

    fn ids_to_host(runs: &[&CpuIds]) -> Result<Vec<u32>, usize> {
        match runs.iter().position(|run| !run.finite) {
            Some(run) => Err(run),
            None => Ok(runs.iter().flat_map(|run| &run.ids).copied().collect()),
        }
    }

    fn known_ids(ids: &CpuIds) -> Option<&[u32]> {
        ids.finite.then_some(&ids.ids)
    }

    fn matrix(&self, raw: RawMatrix, rows: usize, cols: usize) -> CpuMatrix {
        CpuMatrix::load(self.context(), raw, rows, cols)
    }

    fn table(&self, raw: RawMatrix, rows: usize, cols: usize) -> CpuTable {
        CpuTable { raw, rows, cols }
    }

    fn quantized_matrix(
        &self,
        weight: &RawTensor,
        rows: usize,
        cols: usize,
        format: AffineFormat,
    ) -> Result<CpuMatrix, NonFiniteScale> {
        CpuMatrix::quantize(self.context(), weight, rows, cols, format)
    }

    fn pack_conv(&self, weight: &[f32], shape: ConvShape) -> CpuPackedConv {
        let ConvShape { out_channels, in_channels, taps, stride, dilation, depthwise } = shape;
        if depthwise {
            // [channels, taps] to [taps, channels].
            let by_tap = |tap| weight.iter().skip(tap).step_by(taps).copied();
            let weight = Arc::new((0..taps).flat_map(by_tap).collect());
            CpuPackedConv::Depthwise { weight, taps }
        } else {
            let weight = ConvWeight::pack(self.context(), weight, out_channels, taps, in_channels);
            CpuPackedConv::Dense { weight: Arc::new(weight), stride, dilation }
        }
    }

    fn new_cache(&self, spec: AttentionSpec) -> CpuKvCache {
        CpuKvCache::new(spec)
    }

    fn linear(x: &CpuTensor, weight: &CpuMatrix, bias: Option<&CpuTensor>) -> CpuTensor {
        x.make(x.shape.with_last(weight.rows), |y| {
            let bias = bias.map(|b| b.data.as_slice());
            let mut projections = [Projection { weight: weight.view(), bias, y }];
            kernels::linear(x.cpu.context(), &x.data, x.shape.rows(), &mut projections);
        })
    }

    fn linears(x: &CpuTensor, layers: &[WeightAndBias<'_, Self>]) -> Vec<CpuTensor> {
        let rows = x.shape.rows();
        let mut ys: Vec<Buffer> =
            layers.iter().map(|(weight, _)| x.cpu.take(rows * weight.rows)).collect();
        let mut projections: Vec<_> = layers
            .iter()
            .zip(&mut ys)
            .map(|((weight, bias), y)| Projection {
                weight: weight.view(),
                bias: bias.map(|b| b.data.as_slice()),
                y: y.as_mut_slice(),
            })
            .collect();
        kernels::linear(x.cpu.context(), &x.data, rows, &mut projections);
        ys.into_iter()
            .zip(layers)
            .map(|(y, (weight, _))| x.cpu.tensor(y, x.shape.with_last(weight.rows)))
            .collect()
    }

    fn embedding(table: &CpuTable, ids: &CpuIds) -> CpuTensor {
        let cols = table.cols;
        let mut data = vec![0.0; ids.ids.len() * cols];
        for (&id, to) in ids.ids.iter().zip(data.chunks_exact_mut(cols.max(1))) {
            let id = id as usize;
            assert!(id < table.rows, "id {id} in an embedding of {} entries", table.rows);
            table.copy_row(id, to);
        }
        ids.cpu.tensor(data, Shape::new(&[1, ids.ids.len(), cols]))
    }

    fn rms_norm(x: &CpuTensor, weight: &CpuTensor, eps: f32) -> CpuTensor {
        let weight = &weight.data;
        x.make(x.shape, |y| kernels::rms_norm(x.cpu.context(), &x.data, weight, eps, y))
    }

    fn layer_norm(x: &CpuTensor, weight: &CpuTensor, bias: &CpuTensor, eps: f32) -> CpuTensor {
        let (weight, bias) = (&weight.data, &bias.data);
        x.make(x.shape, |y| kernels::layer_norm(x.cpu.context(), &x.data, weight, bias, eps, y))
    }

    fn rope(x: &CpuTensor, positions: &RopePositions) -> CpuTensor {
        x.make(x.shape, |y| {
            y.copy_from_slice(&x.data);
            kernels::rope(
                x.cpu.context(),
                y,
                x.shape[2],
                x.shape[3],
                &positions.cos,
                &positions.sin,
            );
        })
    }

    fn cache_len(cache: &CpuKvCache) -> usize {
        cache.len()
    }

    fn attention(
        cache: &mut CpuKvCache,
        q: &CpuTensor,
        k: &CpuTensor,
        v: &CpuTensor,
        spec: AttentionSpec,
    ) -> CpuTensor {
        let context = q.cpu.context();
        cache.append(context, &k.data, &v.data);
        let shape = kernels::AttentionShape {
            heads: spec.heads,
            scale: 1.0 / (spec.head_dim as f32).sqrt(),
            window: spec.window,
        };
        let merged = Shape::new(&[1, q.shape[1], spec.heads * spec.head_dim]);
        q.make(merged, |y| kernels::attention(context, &q.data, cache.key_values(), shape, y))
    }

    fn conv1d(x: &CpuTensor, weight: &CpuPackedConv, bias: Option<&CpuTensor>) -> CpuTensor {
        let bias = bias.map(|b| b.data.as_slice());
        let (len, channels) = (x.shape[1], x.shape[2]);
        let context = x.cpu.context();
        match weight {
            CpuPackedConv::Dense { weight, stride, dilation } => {
                let span = (weight.taps() - 1) * dilation + 1;
                let n = (len - span) / stride + 1;
                x.make(Shape::new(&[1, n, weight.out_channels()]), |y| {
                    let conv = Conv1d { weight, bias, stride: *stride, dilation: *dilation };
                    kernels::conv1d(context, &x.data, conv, y);
                })
            }
            CpuPackedConv::Depthwise { weight, taps } => {
                x.make(Shape::new(&[1, len - (taps - 1), channels]), |y| {
                    let conv = DepthwiseConv1d { weight, taps: *taps, channels, bias, dilation: 1 };
                    kernels::depthwise_conv1d(context, &x.data, conv, y);
                })
            }
        }
    }

    fn add(x: &CpuTensor, y: &CpuTensor) -> CpuTensor {
        let y = &y.data;
        x.make(x.shape, |out| by_rows(x.cpu.context(), &x.data, y, out, kernels::add))
    }

    fn sub(x: &CpuTensor, y: &CpuTensor) -> CpuTensor {
        let y = &y.data;
        x.cpu.tensor(x.data.iter().zip(y.iter()).map(|(x, y)| x - y).collect::<Vec<_>>(), x.shape)
    }

    fn mul(x: &CpuTensor, y: &CpuTensor) -> CpuTensor {
        let y = &y.data;
        x.make(x.shape, |out| by_rows(x.cpu.context(), &x.data, y, out, kernels::mul))
    }

    fn silu(x: &CpuTensor) -> CpuTensor {
        x.make(x.shape, |y| kernels::silu(x.cpu.context(), &x.data, y))
    }

    fn silu_mul(gate: &CpuTensor, up: &CpuTensor) -> CpuTensor {
        let up = &up.data;
        gate.make(gate.shape, |y| kernels::silu_mul(gate.cpu.context(), &gate.data, up, y))
    }

    fn scaled_add(x: &CpuTensor, y: &CpuTensor, scale: &CpuTensor) -> CpuTensor {
        let (y, scale) = (&y.data, &scale.data);
        x.make(x.shape, |out| kernels::scaled_add(x.cpu.context(), &x.data, y, scale, out))
    }

    fn gelu(x: &CpuTensor) -> CpuTensor {
        x.make(x.shape, |y| kernels::gelu(x.cpu.context(), &x.data, y))
    }

    fn elu(x: &CpuTensor) -> CpuTensor {
        x.make(x.shape, |y| kernels::elu(x.cpu.context(), &x.data, y))
    }

    fn relu(x: &CpuTensor) -> CpuTensor {
        x.make(x.shape, |y| kernels::relu(x.cpu.context(), &x.data, y))
    }

    fn sigmoid(x: &CpuTensor) -> CpuTensor {
        x.make(x.shape, |y| kernels::sigmoid(x.cpu.context(), &x.data, y))
    }

    fn tanh(x: &CpuTensor) -> CpuTensor {
        x.make(x.shape, |y| kernels::tanh(x.cpu.context(), &x.data, y))
    }

    fn statistics(x: &CpuTensor, logits: Option<&CpuTensor>, floor: f32) -> (CpuTensor, CpuTensor) {
        let shape = x.shape.with_dim(1, 1);
        let (mut mean, mut deviation) = (vec![0.0; shape.last()], vec![0.0; shape.last()]);
        let logits = logits.map(|logits| logits.data.as_slice());
        kernels::statistics(x.cpu.context(), &x.data, logits, floor, &mut mean, &mut deviation);
        (x.cpu.tensor(mean, shape), x.cpu.tensor(deviation, shape))
    }

    fn nearest(x: &CpuTensor, codebook: &CpuTensor) -> CpuIds {
        let mut ids = vec![0; x.shape.rows()];
        kernels::nearest(x.cpu.context(), &x.data, &codebook.data, codebook.shape.last(), &mut ids);
        x.cpu.upload_ids(&ids)
    }

    fn clamp(x: &CpuTensor, min: f32, max: f32) -> CpuTensor {
        x.cpu.tensor(x.data.iter().map(|v| v.clamp(min, max)).collect::<Vec<_>>(), x.shape)
    }

    fn snake_beta(x: &CpuTensor, alpha: &CpuTensor, inv_beta: &CpuTensor) -> CpuTensor {
        let (alpha, inv_beta) = (&alpha.data, &inv_beta.data);
        x.make(x.shape, |y| kernels::snake_beta(x.cpu.context(), &x.data, alpha, inv_beta, y))
    }

    fn sample(logits: &CpuTensor, sampling: &Sampling<'_>) -> CpuIds {
        let finite = logits.data.iter().all(|logit| logit.is_finite());
        let ids = vec![sampling::choose(logits.data.to_vec(), sampling)];
        CpuIds { cpu: logits.cpu.clone(), ids, finite }
    }
}

/// Applies `op` to each row of `x` with `y`, which is as long as `x` or as one row.
fn by_rows(
    context: &Context,
    x: &[f32],
    y: &[f32],
    out: &mut [f32],
    op: impl Fn(&Context, &[f32], &[f32], &mut [f32]),
) {
    let row = y.len().max(1);
    for (x, out) in x.chunks_exact(row).zip(out.chunks_exact_mut(row)) {
        op(context, x, y, out);
    }
}
