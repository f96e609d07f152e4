//! The CPU backend: eager, float32 activations, weights as the checkpoint keeps them.

mod buffer;
mod kv_cache;

use std::fmt;
use std::sync::Arc;

use qwen3_tts_kernels::{
    self as kernels, Affine, ConvWeight, Floats, MatrixData, Pool, Projection,
};

use self::buffer::{Buffer, Shelf};
pub(crate) use self::kv_cache::CpuKvCache;
use crate::backend::{AttentionSpec, Backend, On, mixed_devices};
use crate::conv::ConvShape;
use crate::ids::Ids;
use crate::kv_cache::KvCache;
use crate::layout::{Matrix, PackedConv};
use crate::quantized::RawMatrix;
use crate::rope::RopePositions;
use crate::sampling::{self, Sampling};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A handle to the threads, and to memory that was used before.
#[derive(Clone)]
pub(crate) struct Cpu {
    pool: Arc<Pool>,
    shelf: Arc<Shelf>,
}

impl Cpu {
    pub(crate) fn new(threads: usize) -> Self {
        Self { pool: Arc::new(Pool::new(threads)), shelf: Arc::default() }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }
}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cpu({} threads)", self.pool.threads())
    }
}

#[derive(Clone)]
pub(crate) struct CpuTensor {
    cpu: Cpu,
    shape: Shape,
    data: Arc<Buffer>,
}

impl CpuTensor {
    /// The tensor that `fill` writes, every value of it.
    fn make(&self, shape: Shape, fill: impl FnOnce(&mut [f32])) -> Tensor {
        let mut data = self.cpu.shelf.take(shape.n_elements());
        fill(data.as_mut_slice());
        self.cpu.tensor(data, shape)
    }

    /// The elements before, at and after `axis`, for copies along it.
    fn strides(&self, axis: usize) -> (usize, usize) {
        let dims = self.shape.dims();
        (dims[..axis].iter().product(), dims[axis + 1..].iter().product())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct CpuIds {
    cpu: Cpu,
    ids: Vec<u32>,
    /// Whether they were given, or chosen from logits that are numbers.
    finite: bool,
}

#[derive(Clone)]
pub(crate) struct CpuMatrix {
    raw: RawMatrix,
    rows: usize,
    cols: usize,
}

impl CpuMatrix {
    fn view(&self) -> kernels::Matrix<'_> {
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

    /// Row `row` in float32.
    fn copy_row(&self, row: usize, to: &mut [f32]) {
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

#[derive(Clone)]
pub(crate) enum CpuPackedConv {
    Dense { weight: Arc<ConvWeight>, stride: usize, dilation: usize },
    Depthwise { weight: Arc<Vec<f32>>, taps: usize },
}

impl Cpu {
    fn tensor(&self, data: impl Into<Buffer>, shape: Shape) -> Tensor {
        let data = Arc::new(data.into());
        Tensor::new(On::Cpu(CpuTensor { cpu: self.clone(), shape, data }))
    }
}

impl Backend for Cpu {
    type Tensor = CpuTensor;
    type Ids = CpuIds;
    type Matrix = CpuMatrix;
    type PackedConv = CpuPackedConv;
    type KvCache = CpuKvCache;

    /// A piece stays in the caches from layer to layer.
    const IN_PIECES: bool = true;

    fn of(tensor: &Tensor) -> &CpuTensor {
        let On::Cpu(tensor) = &tensor.repr else { mixed_devices() };
        tensor
    }

    fn of_ids(ids: &Ids) -> &CpuIds {
        let On::Cpu(ids) = &ids.repr else { mixed_devices() };
        ids
    }

    fn of_matrix(matrix: &Matrix) -> &CpuMatrix {
        let On::Cpu(matrix) = &matrix.repr else { mixed_devices() };
        matrix
    }

    fn of_conv(conv: &PackedConv) -> &CpuPackedConv {
        let On::Cpu(conv) = &conv.repr else { mixed_devices() };
        conv
    }

    fn of_cache(cache: &KvCache) -> &CpuKvCache {
        let On::Cpu(cache) = &cache.repr else { mixed_devices() };
        cache
    }

    fn of_cache_mut(cache: &mut KvCache) -> &mut CpuKvCache {
        let On::Cpu(cache) = &mut cache.repr else { mixed_devices() };
        cache
    }

    fn upload(&self, data: Vec<f32>, shape: Shape) -> Tensor {
        self.tensor(data, shape)
    }

    fn to_host(x: &CpuTensor) -> Vec<f32> {
        x.data.to_vec()
    }

    fn shape(x: &CpuTensor) -> Shape {
        x.shape
    }

    fn reshape(x: &CpuTensor, shape: Shape) -> Tensor {
        Tensor::new(On::Cpu(CpuTensor { shape, ..x.clone() }))
    }

    fn narrow(x: &CpuTensor, axis: usize, start: usize, len: usize) -> Tensor {
        let (outer, inner) = x.strides(axis);
        let run = x.shape[axis] * inner;
        x.make(x.shape.with_dim(axis, len), |y| {
            for block in 0..outer {
                let from = &x.data[block * run + start * inner..][..len * inner];
                y[block * len * inner..][..len * inner].copy_from_slice(from);
            }
        })
    }

    fn cat(xs: &[&Tensor], axis: usize) -> Tensor {
        let first = Self::of(xs[0]);
        let (outer, inner) = first.strides(axis);
        let len: usize = xs.iter().map(|x| x.dim(axis)).sum();
        first.make(first.shape.with_dim(axis, len), |mut y| {
            for block in 0..outer {
                for x in xs.iter().map(|x| Self::of(x)) {
                    let run = x.shape[axis] * inner;
                    let (part, rest) = y.split_at_mut(run);
                    part.copy_from_slice(&x.data[block * run..][..run]);
                    y = rest;
                }
            }
        })
    }

    fn upload_ids(&self, ids: &[u32]) -> Ids {
        Ids::on(On::Cpu(CpuIds { cpu: self.clone(), ids: ids.to_vec(), finite: true }))
    }

    fn ids_to_host(runs: &[Ids]) -> Result<Vec<u32>, usize> {
        match runs.iter().position(|run| !Self::of_ids(run).finite) {
            Some(run) => Err(run),
            None => Ok(runs.iter().flat_map(|run| &Self::of_ids(run).ids).copied().collect()),
        }
    }

    fn known_ids(ids: &CpuIds) -> Option<&[u32]> {
        ids.finite.then_some(&ids.ids)
    }

    fn matrix(&self, raw: RawMatrix, rows: usize, cols: usize) -> Matrix {
        let dtype = raw.dtype();
        Matrix { repr: On::Cpu(CpuMatrix { raw, rows, cols }), rows, cols, dtype }
    }

    fn pack_conv(&self, weight: &[f32], shape: ConvShape) -> PackedConv {
        let ConvShape { out_channels, in_channels, taps, stride, dilation, depthwise } = shape;
        let repr = if depthwise {
            // [channels, taps] to [taps, channels].
            let by_tap = |tap| weight.iter().skip(tap).step_by(taps).copied();
            let weight = Arc::new((0..taps).flat_map(by_tap).collect());
            CpuPackedConv::Depthwise { weight, taps }
        } else {
            let weight = ConvWeight::pack(&self.pool, weight, out_channels, taps, in_channels);
            CpuPackedConv::Dense { weight: Arc::new(weight), stride, dilation }
        };
        PackedConv { repr: On::Cpu(repr) }
    }

    fn new_cache(&self, spec: AttentionSpec) -> KvCache {
        KvCache { repr: On::Cpu(CpuKvCache::new(spec)) }
    }

    fn linear(x: &CpuTensor, weight: &CpuMatrix, bias: Option<&Tensor>) -> Tensor {
        x.make(x.shape.with_last(weight.rows), |y| {
            let bias = bias.map(|b| Self::of(b).data.as_slice());
            let mut projections = [Projection { weight: weight.view(), bias, y }];
            kernels::linear(x.cpu.pool(), &x.data, x.shape.rows(), &mut projections);
        })
    }

    fn linears(x: &CpuTensor, layers: &[(&Matrix, Option<&Tensor>)]) -> Vec<Tensor> {
        let rows = x.shape.rows();
        let mut ys: Vec<Buffer> =
            layers.iter().map(|(w, _)| x.cpu.shelf.take(rows * w.rows())).collect();
        let mut projections: Vec<_> = layers
            .iter()
            .zip(&mut ys)
            .map(|((weight, bias), y)| Projection {
                weight: Self::of_matrix(weight).view(),
                bias: bias.map(|b| Self::of(b).data.as_slice()),
                y: y.as_mut_slice(),
            })
            .collect();
        kernels::linear(x.cpu.pool(), &x.data, rows, &mut projections);
        let shaped = |(y, (w, _)): (_, &(&Matrix, _))| x.cpu.tensor(y, x.shape.with_last(w.rows()));
        ys.into_iter().zip(layers).map(shaped).collect()
    }

    fn embedding(weight: &CpuMatrix, ids: &CpuIds) -> Tensor {
        let cols = weight.cols;
        let mut data = vec![0.0; ids.ids.len() * cols];
        for (&id, to) in ids.ids.iter().zip(data.chunks_exact_mut(cols.max(1))) {
            let id = id as usize;
            assert!(id < weight.rows, "id {id} in an embedding of {} entries", weight.rows);
            weight.copy_row(id, to);
        }
        ids.cpu.tensor(data, Shape::new(&[1, ids.ids.len(), cols]))
    }

    fn rms_norm(x: &CpuTensor, weight: &Tensor, eps: f32) -> Tensor {
        let weight = &Self::of(weight).data;
        x.make(x.shape, |y| kernels::rms_norm(x.cpu.pool(), &x.data, weight, eps, y))
    }

    fn layer_norm(x: &CpuTensor, weight: &Tensor, bias: &Tensor, eps: f32) -> Tensor {
        let (weight, bias) = (&Self::of(weight).data, &Self::of(bias).data);
        x.make(x.shape, |y| kernels::layer_norm(x.cpu.pool(), &x.data, weight, bias, eps, y))
    }

    fn rope(x: &CpuTensor, positions: &RopePositions) -> Tensor {
        x.make(x.shape, |y| {
            y.copy_from_slice(&x.data);
            kernels::rope(y, x.shape[2], x.shape[3], &positions.cos, &positions.sin);
        })
    }

    fn cache_len(cache: &CpuKvCache) -> usize {
        cache.len()
    }

    fn attention(
        cache: &mut CpuKvCache,
        q: &CpuTensor,
        k: &Tensor,
        v: &Tensor,
        spec: AttentionSpec,
    ) -> Tensor {
        cache.append(&Self::of(k).data, &Self::of(v).data);
        let shape = kernels::AttentionShape {
            heads: spec.heads,
            kv_heads: spec.kv_heads,
            head_dim: spec.head_dim,
            scale: 1.0 / (spec.head_dim as f32).sqrt(),
            window: spec.window,
        };
        let (keys, values) = cache.views();
        let merged = Shape::new(&[1, q.shape[1], spec.heads * spec.head_dim]);
        q.make(merged, |y| kernels::attention(q.cpu.pool(), &q.data, keys, values, shape, y))
    }

    fn conv1d(x: &CpuTensor, weight: &CpuPackedConv, bias: Option<&Tensor>) -> Tensor {
        let bias = bias.map(|b| Self::of(b).data.as_slice());
        let (len, channels) = (x.shape[1], x.shape[2]);
        let pool = x.cpu.pool();
        match weight {
            CpuPackedConv::Dense { weight, stride, dilation } => {
                let span = (weight.taps() - 1) * dilation + 1;
                let n = (len - span) / stride + 1;
                x.make(Shape::new(&[1, n, weight.out_channels()]), |y| {
                    kernels::conv1d(pool, &x.data, weight, bias, *stride, *dilation, y);
                })
            }
            CpuPackedConv::Depthwise { weight, taps } => {
                x.make(Shape::new(&[1, len - (taps - 1), channels]), |y| {
                    kernels::depthwise_conv1d(pool, &x.data, weight, *taps, channels, bias, 1, y);
                })
            }
        }
    }

    fn add(x: &CpuTensor, y: &Tensor) -> Tensor {
        let y = &Self::of(y).data;
        x.make(x.shape, |out| by_rows(x.cpu.pool(), &x.data, y, out, kernels::add))
    }

    fn sub(x: &CpuTensor, y: &Tensor) -> Tensor {
        let y = &Self::of(y).data;
        x.cpu.tensor(x.data.iter().zip(y.iter()).map(|(x, y)| x - y).collect::<Vec<_>>(), x.shape)
    }

    fn mul(x: &CpuTensor, y: &Tensor) -> Tensor {
        let y = &Self::of(y).data;
        x.make(x.shape, |out| by_rows(x.cpu.pool(), &x.data, y, out, kernels::mul))
    }

    fn silu(x: &CpuTensor) -> Tensor {
        x.make(x.shape, |y| kernels::silu(x.cpu.pool(), &x.data, y))
    }

    fn silu_mul(gate: &CpuTensor, up: &Tensor) -> Tensor {
        let up = &Self::of(up).data;
        gate.make(gate.shape, |y| kernels::silu_mul(gate.cpu.pool(), &gate.data, up, y))
    }

    fn scaled_add(x: &CpuTensor, y: &Tensor, scale: &Tensor) -> Tensor {
        let (y, scale) = (&Self::of(y).data, &Self::of(scale).data);
        x.make(x.shape, |out| kernels::scaled_add(x.cpu.pool(), &x.data, y, scale, out))
    }

    fn gelu(x: &CpuTensor) -> Tensor {
        x.make(x.shape, |y| kernels::gelu(x.cpu.pool(), &x.data, y))
    }

    fn elu(x: &CpuTensor) -> Tensor {
        x.make(x.shape, |y| kernels::elu(x.cpu.pool(), &x.data, y))
    }

    fn relu(x: &CpuTensor) -> Tensor {
        x.make(x.shape, |y| kernels::relu(x.cpu.pool(), &x.data, y))
    }

    fn sigmoid(x: &CpuTensor) -> Tensor {
        x.make(x.shape, |y| kernels::sigmoid(x.cpu.pool(), &x.data, y))
    }

    fn tanh(x: &CpuTensor) -> Tensor {
        x.make(x.shape, |y| kernels::tanh(x.cpu.pool(), &x.data, y))
    }

    fn statistics(x: &CpuTensor, logits: Option<&Tensor>, floor: f32) -> (Tensor, Tensor) {
        let shape = x.shape.with_dim(1, 1);
        let (mut mean, mut deviation) = (vec![0.0; shape.last()], vec![0.0; shape.last()]);
        let logits = logits.map(|logits| Self::of(logits).data.as_slice());
        kernels::statistics(x.cpu.pool(), &x.data, logits, floor, &mut mean, &mut deviation);
        (x.cpu.tensor(mean, shape), x.cpu.tensor(deviation, shape))
    }

    fn nearest(x: &CpuTensor, codebook: &Tensor) -> Ids {
        let codebook = Self::of(codebook);
        let mut ids = vec![0; x.shape.rows()];
        kernels::nearest(x.cpu.pool(), &x.data, &codebook.data, codebook.shape.last(), &mut ids);
        x.cpu.upload_ids(&ids)
    }

    fn clamp(x: &CpuTensor, min: f32, max: f32) -> Tensor {
        x.cpu.tensor(x.data.iter().map(|v| v.clamp(min, max)).collect::<Vec<_>>(), x.shape)
    }

    fn snake_beta(x: &CpuTensor, alpha: &Tensor, inv_beta: &Tensor) -> Tensor {
        let (alpha, inv_beta) = (&Self::of(alpha).data, &Self::of(inv_beta).data);
        x.make(x.shape, |y| kernels::snake_beta(x.cpu.pool(), &x.data, alpha, inv_beta, y))
    }

    fn sample(logits: &CpuTensor, sampling: &Sampling<'_>) -> Ids {
        let finite = logits.data.iter().all(|logit| logit.is_finite());
        let ids = vec![sampling::choose(logits.data.to_vec(), sampling)];
        Ids::on(On::Cpu(CpuIds { cpu: logits.cpu.clone(), ids, finite }))
    }
}

/// Applies `op` to each row of `x` with `y`, which is as long as `x` or as one row.
fn by_rows(
    pool: &Pool,
    x: &[f32],
    y: &[f32],
    out: &mut [f32],
    op: impl Fn(&Pool, &[f32], &[f32], &mut [f32]),
) {
    let row = y.len().max(1);
    for (x, out) in x.chunks_exact(row).zip(out.chunks_exact_mut(row)) {
        op(pool, x, y, out);
    }
}
