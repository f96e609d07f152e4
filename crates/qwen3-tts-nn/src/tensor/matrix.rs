//! Weights in the layout that a backend computes with.

use super::device::Device;
use super::dispatch::{Member, OfMatrix, OfPackedConv, On, mixed_devices, on_backend};
use crate::backend::Backend;
use crate::backend::conv::ConvShape;
use crate::backend::dtype::Dtype;
use crate::backend::raw::RawMatrix;

/// The weight `[out, in]` of a linear layer or the table `[entries, channels]` of an embedding.
///
/// A matrix keeps the checkpoint's data type, quantised or not. On the CPU it is read in place
/// from the memory-mapped file.
#[derive(Clone)]
pub struct Matrix {
    repr: On<OfMatrix>,
    rows: usize,
    cols: usize,
    dtype: Dtype,
}

impl Matrix {
    /// Loads a matrix onto `device`.
    pub(crate) fn load(raw: RawMatrix, rows: usize, cols: usize, device: &Device) -> Self {
        let dtype = raw.dtype();
        let repr = on_backend!(device, B => B::wrap(device.of::<B>().matrix(raw, rows, cols)));
        Self { repr, rows, cols, dtype }
    }

    /// Returns the number of rows: output channels, or entries of an embedding.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns: input channels, or channels of an embedding.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Returns the data type in which the matrix is stored.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Returns the matrix of backend `B`, which must hold it.
    #[track_caller]
    pub(crate) fn of<B: Member>(&self) -> &B::Matrix {
        B::get(&self.repr).unwrap_or_else(|| mixed_devices())
    }
}

/// The weight of a convolution, packed for the kernel that reads it.
#[derive(Clone)]
pub(crate) struct PackedConv {
    repr: On<OfPackedConv>,
}

impl PackedConv {
    /// Packs a weight given as `[out, taps, in]`.
    pub(crate) fn pack(weight: &[f32], shape: ConvShape, device: &Device) -> Self {
        Self { repr: on_backend!(device, B => B::wrap(device.of::<B>().pack_conv(weight, shape))) }
    }

    /// Returns the weight of backend `B`, which must hold it.
    #[track_caller]
    pub(crate) fn of<B: Member>(&self) -> &B::PackedConv {
        B::get(&self.repr).unwrap_or_else(|| mixed_devices())
    }
}
