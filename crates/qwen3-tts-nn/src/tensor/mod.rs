//! The tensor: an enum over the backends with the vocabulary that models are written in.

pub mod device;
pub mod ids;
pub mod matrix;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use crate::backend::{Backend, On};
use crate::cpu::CpuTensor;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::mlx::MlxTensor;
use crate::shape::Shape;

/// A float tensor on some [`Device`], channels-last: `[batch, time, channels]`.
///
/// Tensors are values: operations give new ones, clones are cheap. They can be sent to another
/// thread but not shared between threads, since one thread owns a model and its tensors.
///
/// Operations panic when shapes do not fit (`#[track_caller]` names the place). Configurations,
/// weights and requests are validated before, so that no input of a user can get that far.
#[derive(Clone)]
pub struct Tensor {
    pub(crate) repr: On<CpuTensor, MlxTensor>,
    _not_sync: PhantomData<Cell<()>>,
}

impl Tensor {
    pub(crate) fn new(repr: On<CpuTensor, MlxTensor>) -> Self {
        Self { repr, _not_sync: PhantomData }
    }

    /// The tensor with these values in row-major order.
    ///
    /// # Panics
    /// When the number of values is not that of the shape.
    #[track_caller]
    pub fn from_vec(data: Vec<f32>, shape: &[usize], device: &Device) -> Self {
        let shape = Shape::new(shape);
        assert_eq!(data.len(), shape.n_elements(), "{} values for shape {shape:?}", data.len());
        on_device!(device, b => b.upload(data, shape))
    }

    /// Zeros.
    pub fn zeros(shape: &[usize], device: &Device) -> Self {
        Self::from_vec(vec![0.0; shape.iter().product()], shape, device)
    }

    /// The values in row-major order, read back to the host.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a value is NaN or infinite, naming `what`.
    pub fn to_finite_vec(&self, what: &'static str) -> Result<Vec<f32>> {
        let values = self.to_vec();
        if values.iter().all(|v| v.is_finite()) {
            Ok(values)
        } else {
            Err(Error::NonFinite { what })
        }
    }

    /// The values in row-major order, read back to the host.
    pub fn to_vec(&self) -> Vec<f32> {
        on_backend!(self, B => B::to_host(B::of(self)))
    }

    /// The same tensor, computed now where the device would wait until it is read. What a model
    /// computes at load and keeps needs it, since the model may move on to another thread: there
    /// nobody could compute what this thread noted.
    pub fn computed(self) -> Self {
        on_backend!(self, B => B::compute(B::of(&self)));
        self
    }

    /// The dimensions.
    pub fn shape(&self) -> Shape {
        on_backend!(self, B => B::shape(B::of(self)))
    }

    /// The size of dimension `axis`.
    #[track_caller]
    pub fn dim(&self, axis: usize) -> usize {
        self.shape()[axis]
    }

    /// The same values under another shape.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        let shape = Shape::new(shape);
        let from = self.shape();
        assert_eq!(from.n_elements(), shape.n_elements(), "reshape {from:?} to {shape:?}");
        on_backend!(self, B => B::reshape(B::of(self), shape))
    }

    /// `len` entries of dimension `axis` from `start` on.
    #[track_caller]
    pub fn narrow(&self, axis: usize, start: usize, len: usize) -> Self {
        let shape = self.shape();
        assert!(
            axis < shape.rank() && start + len <= shape[axis],
            "narrow axis {axis} of {shape:?} to {start}..{}",
            start + len
        );
        if len == shape[axis] {
            return self.clone();
        }
        on_backend!(self, B => B::narrow(B::of(self), axis, start, len))
    }

    /// The tensor in pieces along the time dimension, about equal and of at most `time` entries
    /// each, where the device takes a sequence faster through several layers in this way; else as
    /// one piece.
    ///
    /// # Panics
    /// When `time` is 0.
    pub fn pieces(&self, time: usize) -> impl Iterator<Item = Tensor> {
        let len = self.dim(1);
        let n = match on_backend!(self, B => B::IN_PIECES) {
            true => len.div_ceil(time),
            false => 1,
        };
        (0..n).map(move |i| {
            let (start, end) = (i * len / n, (i + 1) * len / n);
            self.narrow(1, start, end - start)
        })
    }

    /// Joins tensors along dimension `axis`.
    #[track_caller]
    pub fn cat(tensors: &[&Tensor], axis: usize) -> Self {
        let first = tensors.first().expect("cat needs a tensor").shape();
        for tensor in tensors {
            let shape = tensor.shape();
            assert_eq!(
                shape.with_dim(axis, 0),
                first.with_dim(axis, 0),
                "cat {shape:?} to {first:?} along axis {axis}"
            );
        }
        if let [tensor] = tensors {
            return (*tensor).clone();
        }
        on_backend!(tensors[0], B => B::cat(tensors, axis))
    }

    /// Entry `index` of the time dimension: `[batch, time, channels]` to `[batch, 1, channels]`.
    #[track_caller]
    pub fn time_step(&self, index: usize) -> Self {
        self.narrow(1, index, 1)
    }

    /// The last entry of the time dimension: `[batch, time, channels]` to `[batch, 1, channels]`.
    #[track_caller]
    pub fn last_step(&self) -> Self {
        self.narrow(1, self.dim(1) - 1, 1)
    }

    /// `self + other`; `other` has the same shape, or is one row that is added to every row.
    #[track_caller]
    pub fn add(&self, other: &Tensor) -> Self {
        self.check_broadcast(other, "add");
        on_backend!(self, B => B::add(B::of(self), other))
    }

    /// `self · other`, element by element; `other` as in [`Tensor::add`].
    #[track_caller]
    pub fn mul(&self, other: &Tensor) -> Self {
        self.check_broadcast(other, "mul");
        on_backend!(self, B => B::mul(B::of(self), other))
    }

    /// `x·sigmoid(x)`.
    pub fn silu(&self) -> Self {
        on_backend!(self, B => B::silu(B::of(self)))
    }

    /// `silu(self) · up`: the gate of a SwiGLU.
    #[track_caller]
    pub fn silu_mul(&self, up: &Tensor) -> Self {
        assert_eq!(self.shape(), up.shape(), "silu_mul");
        on_backend!(self, B => B::silu_mul(B::of(self), up))
    }

    /// The exact GELU, `x/2·(1 + erf(x/√2))`.
    pub fn gelu(&self) -> Self {
        on_backend!(self, B => B::gelu(B::of(self)))
    }

    /// `x` where positive, `eˣ − 1` elsewhere.
    pub fn elu(&self) -> Self {
        on_backend!(self, B => B::elu(B::of(self)))
    }

    /// `x` where positive, 0 elsewhere.
    pub fn relu(&self) -> Self {
        on_backend!(self, B => B::relu(B::of(self)))
    }

    /// `1 / (1 + e⁻ˣ)`.
    pub fn sigmoid(&self) -> Self {
        on_backend!(self, B => B::sigmoid(B::of(self)))
    }

    /// The hyperbolic tangent.
    pub fn tanh(&self) -> Self {
        on_backend!(self, B => B::tanh(B::of(self)))
    }

    /// Mean and standard deviation of each channel over time, `[1, time, channels]` to twice
    /// `[1, 1, channels]`; the variance is at least `floor`. With `logits` of the same shape, their
    /// softmax over time weights the instants; without, all count alike.
    #[track_caller]
    pub fn statistics(&self, logits: Option<&Tensor>, floor: f32) -> (Self, Self) {
        let shape = self.shape();
        assert!(shape.rank() == 3 && shape[0] == 1 && shape[1] > 0, "statistics of {shape:?}");
        assert!(logits.is_none_or(|logits| logits.shape() == shape), "statistics: logits");
        on_backend!(self, B => B::statistics(B::of(self), logits, floor))
    }

    /// `self − other`, of the same shape.
    #[track_caller]
    pub fn sub(&self, other: &Tensor) -> Self {
        assert_eq!(self.shape(), other.shape(), "sub");
        on_backend!(self, B => B::sub(B::of(self), other))
    }

    /// Every value limited to `min..=max`.
    pub fn clamp(&self, min: f32, max: f32) -> Self {
        on_backend!(self, B => B::clamp(B::of(self), min, max))
    }

    /// `self + scale·y` with `scale` `[channels]`: a residual connection with layer scale.
    #[track_caller]
    pub fn scaled_add(&self, y: &Tensor, scale: &Tensor) -> Self {
        assert_eq!(self.shape(), y.shape(), "scaled_add");
        assert_eq!(scale.shape().n_elements(), y.shape().last(), "scaled_add: scale");
        on_backend!(self, B => B::scaled_add(B::of(self), y, scale))
    }

    #[track_caller]
    fn check_broadcast(&self, other: &Tensor, what: &str) {
        let (a, b) = (self.shape(), other.shape());
        assert!(a == b || b.n_elements() == a.last(), "{what}: {a:?} with {b:?}");
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor{:?}", self.shape())
    }
}
