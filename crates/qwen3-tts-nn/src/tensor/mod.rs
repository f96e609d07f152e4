//! The tensor, with the operations that models are written in, and the other values on a device.

mod device;
pub(crate) mod dispatch;
mod ids;
mod matrix;

pub use device::Device;
pub use ids::Ids;
pub(crate) use matrix::PackedConv;
pub use matrix::{Matrix, Table};

use std::fmt;

use self::dispatch::{Member, OfTensor, On, mixed_devices, on_backend};
use crate::backend::Backend;
use crate::backend::raw::RawTensor;
use crate::backend::shape::Shape;
use crate::error::{Error, Result};

/// A float tensor on some [`Device`], channels-last: `[batch, time, channels]`.
///
/// Tensors are values: operations return new ones, and clones are cheap.
///
/// `Tensor` is `Send`, and `Sync` too in a build without the feature `mlx`. MLX graphs are bound to
/// the thread that built them: on [`Device::mlx`], a model is used on the thread that loaded it, and
/// a tensor on the thread that made it.
///
/// Operations panic if shapes do not match (`#[track_caller]` names the call). Configurations,
/// weights and requests are validated before, so that no input of a user leads to such a call.
#[derive(Clone)]
pub struct Tensor {
    pub(crate) repr: On<OfTensor>,
}

impl Tensor {
    pub(crate) fn on<B: Member>(tensor: B::Tensor) -> Self {
        Self { repr: B::wrap(tensor) }
    }

    /// Returns the tensor of backend `B`, which must hold it.
    #[track_caller]
    pub(crate) fn of<B: Member>(&self) -> &B::Tensor {
        B::get(&self.repr).unwrap_or_else(|| mixed_devices())
    }

    /// Loads a norm's weight, a bias or a scale.
    pub(crate) fn load(raw: &RawTensor, shape: &[usize], device: &Device) -> Self {
        let shape = Shape::new(shape);
        on_backend!(device, B => Self::on::<B>(device.of::<B>().parameter(raw, shape)))
    }

    /// Returns the tensor with these values, in row-major order.
    ///
    /// # Panics
    /// Panics if the number of values is not that of the shape.
    #[track_caller]
    pub fn from_vec(data: Vec<f32>, shape: &[usize], device: &Device) -> Self {
        let shape = Shape::new(shape);
        assert_eq!(data.len(), shape.n_elements(), "{} values for shape {shape:?}", data.len());
        on_backend!(device, B => Self::on::<B>(device.of::<B>().upload(data, shape)))
    }

    /// Returns a tensor of zeros.
    pub fn zeros(shape: &[usize], device: &Device) -> Self {
        Self::from_vec(vec![0.0; shape.iter().product()], shape, device)
    }

    /// Reads the values back to the host, in row-major order.
    ///
    /// # Errors
    /// Returns [`Error::NonFinite`] with `what` if a value is NaN or infinite.
    pub fn to_finite_vec(&self, what: &'static str) -> Result<Vec<f32>> {
        let values = self.to_vec();
        if values.iter().all(|v| v.is_finite()) {
            Ok(values)
        } else {
            Err(Error::NonFinite { what })
        }
    }

    /// Reads the values back to the host, in row-major order.
    pub fn to_vec(&self) -> Vec<f32> {
        on_backend!(self, B => B::to_host(self.of::<B>()))
    }

    /// Returns the dimensions.
    pub fn shape(&self) -> Shape {
        on_backend!(self, B => B::shape(self.of::<B>()))
    }

    /// Returns the size of dimension `axis`.
    #[track_caller]
    pub fn dim(&self, axis: usize) -> usize {
        self.shape()[axis]
    }

    /// Returns the same values with another shape.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        let shape = Shape::new(shape);
        let from = self.shape();
        assert_eq!(from.n_elements(), shape.n_elements(), "reshape {from:?} to {shape:?}");
        on_backend!(self, B => Self::on::<B>(B::reshape(self.of::<B>(), shape)))
    }

    /// Returns `len` entries of dimension `axis` from `start` on.
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
        on_backend!(self, B => Self::on::<B>(B::narrow(self.of::<B>(), axis, start, len)))
    }

    /// Splits the tensor along time into chunks of about equal length, at most `time` entries each,
    /// if a sequence goes through several layers faster in chunks on this device. Otherwise returns
    /// one chunk.
    ///
    /// # Panics
    /// Panics if `time` is 0.
    pub fn pieces(&self, time: usize) -> impl Iterator<Item = Tensor> {
        let len = self.dim(1);
        let n = match on_backend!(self, B => B::CHUNKED) {
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
        on_backend!(tensors[0], B => {
            let tensors: Vec<_> = tensors.iter().map(|tensor| tensor.of::<B>()).collect();
            Self::on::<B>(B::cat(&tensors, axis))
        })
    }

    /// Returns entry `index` of the time dimension: `[batch, time, channels]` to `[batch, 1, channels]`.
    #[track_caller]
    pub fn time_step(&self, index: usize) -> Self {
        self.narrow(1, index, 1)
    }

    /// Returns the last entry of the time dimension: `[batch, time, channels]` to `[batch, 1, channels]`.
    #[track_caller]
    pub fn last_step(&self) -> Self {
        self.narrow(1, self.dim(1) - 1, 1)
    }

    /// Returns `self + other`; `other` has the same shape, or is one row that is added to each row.
    #[track_caller]
    pub fn add(&self, other: &Tensor) -> Self {
        self.check_broadcast(other, "add");
        on_backend!(self, B => Self::on::<B>(B::add(self.of::<B>(), other.of::<B>())))
    }

    /// Returns `self · other`, elementwise; `other` as in [`Tensor::add`].
    #[track_caller]
    pub fn mul(&self, other: &Tensor) -> Self {
        self.check_broadcast(other, "mul");
        on_backend!(self, B => Self::on::<B>(B::mul(self.of::<B>(), other.of::<B>())))
    }

    /// Returns `x·sigmoid(x)`.
    pub fn silu(&self) -> Self {
        on_backend!(self, B => Self::on::<B>(B::silu(self.of::<B>())))
    }

    /// Returns `silu(self) · up`: the gate of a SwiGLU.
    #[track_caller]
    pub fn silu_mul(&self, up: &Tensor) -> Self {
        assert_eq!(self.shape(), up.shape(), "silu_mul");
        on_backend!(self, B => Self::on::<B>(B::silu_mul(self.of::<B>(), up.of::<B>())))
    }

    /// Returns the exact GELU, `x/2·(1 + erf(x/√2))`.
    pub fn gelu(&self) -> Self {
        on_backend!(self, B => Self::on::<B>(B::gelu(self.of::<B>())))
    }

    /// Returns `x` if positive, else `eˣ − 1`.
    pub fn elu(&self) -> Self {
        on_backend!(self, B => Self::on::<B>(B::elu(self.of::<B>())))
    }

    /// Returns `x` if positive, else 0.
    pub fn relu(&self) -> Self {
        on_backend!(self, B => Self::on::<B>(B::relu(self.of::<B>())))
    }

    /// Returns `1 / (1 + e⁻ˣ)`.
    pub fn sigmoid(&self) -> Self {
        on_backend!(self, B => Self::on::<B>(B::sigmoid(self.of::<B>())))
    }

    /// Returns the hyperbolic tangent.
    pub fn tanh(&self) -> Self {
        on_backend!(self, B => Self::on::<B>(B::tanh(self.of::<B>())))
    }

    /// Returns mean and standard deviation of each channel over time, `[1, time, channels]` to
    /// twice `[1, 1, channels]`; the variance is at least `floor`. With `logits` of the same shape,
    /// their softmax over time weights the time steps; without, all weigh the same.
    #[track_caller]
    pub fn statistics(&self, logits: Option<&Tensor>, floor: f32) -> (Self, Self) {
        let shape = self.shape();
        assert!(shape.rank() == 3 && shape[0] == 1 && shape[1] > 0, "statistics of {shape:?}");
        assert!(logits.is_none_or(|logits| logits.shape() == shape), "statistics: logits");
        on_backend!(self, B => {
            let logits = logits.map(|logits| logits.of::<B>());
            let (mean, deviation) = B::statistics(self.of::<B>(), logits, floor);
            (Self::on::<B>(mean), Self::on::<B>(deviation))
        })
    }

    /// Returns `self − other`, of the same shape.
    #[track_caller]
    pub fn sub(&self, other: &Tensor) -> Self {
        assert_eq!(self.shape(), other.shape(), "sub");
        on_backend!(self, B => Self::on::<B>(B::sub(self.of::<B>(), other.of::<B>())))
    }

    /// Clamps every value to `min..=max`.
    pub fn clamp(&self, min: f32, max: f32) -> Self {
        on_backend!(self, B => Self::on::<B>(B::clamp(self.of::<B>(), min, max)))
    }

    /// Returns `self + scale·y` with `scale` `[channels]`: a residual connection with layer scale.
    #[track_caller]
    pub fn scaled_add(&self, y: &Tensor, scale: &Tensor) -> Self {
        assert_eq!(self.shape(), y.shape(), "scaled_add");
        assert_eq!(scale.shape().n_elements(), y.shape().last(), "scaled_add: scale");
        on_backend!(self, B => Self::on::<B>(B::scaled_add(self.of::<B>(), y.of::<B>(), scale.of::<B>())))
    }

    /// Convolves over time, without padding.
    pub(crate) fn conv1d(&self, weight: &PackedConv, bias: Option<&Tensor>) -> Self {
        on_backend!(self, B => {
            let bias = bias.map(|bias| bias.of::<B>());
            Self::on::<B>(B::conv1d(self.of::<B>(), weight.of::<B>(), bias))
        })
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
