//! Weights in the layout that a backend computes with.

use qwen3_tts_kernels::NonFiniteScale;

use super::device::Device;
use super::dispatch::{Member, OfMatrix, OfPackedConv, OfTable, On, mixed_devices, on_backend};
use crate::backend::Backend;
use crate::backend::conv::ConvShape;
use crate::backend::dtype::Dtype;
use crate::backend::quantize::AffineFormat;
use crate::backend::raw::{RawMatrix, RawTensor};

/// The weight `[out, in]` of a linear layer.
///
/// A matrix keeps the checkpoint's data type, quantised or not. On the CPU, it is copied at
/// load to where it is read fastest, quantised weights in tiles.
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

    /// Quantises a matrix and loads it onto `device`.
    ///
    /// # Errors
    /// As [`AffineFormat::quantize`].
    pub(crate) fn quantize(
        tensor: &RawTensor,
        rows: usize,
        cols: usize,
        format: AffineFormat,
        device: &Device,
    ) -> Result<Self, NonFiniteScale> {
        let repr = on_backend!(device, B => {
            B::wrap(device.of::<B>().quantized_matrix(tensor, rows, cols, format)?)
        });
        Ok(Self { repr, rows, cols, dtype: format.bits.into() })
    }

    /// Returns the number of rows, the output channels.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns, the input channels.
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

/// The table `[entries, channels]` of an embedding, in the checkpoint's data type. On the CPU it is
/// read in place from the memory-mapped file.
#[derive(Clone)]
pub struct Table {
    repr: On<OfTable>,
    rows: usize,
    dtype: Dtype,
}

impl Table {
    /// Loads a table onto `device`.
    pub(crate) fn load(raw: RawMatrix, rows: usize, cols: usize, device: &Device) -> Self {
        let dtype = raw.dtype();
        let repr = on_backend!(device, B => B::wrap(device.of::<B>().table(raw, rows, cols)));
        Self { repr, rows, dtype }
    }

    /// Returns the number of entries.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the data type in which the table is stored.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Returns the table of backend `B`, which must hold it.
    #[track_caller]
    pub(crate) fn of<B: Member>(&self) -> &B::Table {
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
