//! Reading matrices, and quantising those of linear layers.

use std::sync::Arc;

use qwen3_tts_kernels::NonFiniteScale;

use super::Weights;
use crate::backend::raw::{RawMatrix, RawTensor};
use crate::error::{Error, Result};
use crate::tensor::{Device, Matrix, Table};

impl Weights {
    /// Reads a table `[rows, cols]` in the data type of the checkpoint, or as MLX quantised it.
    ///
    /// # Errors
    /// As [`Weights::tensor`], but only scales and biases are checked for NaN and infinity.
    pub fn table(&self, name: &str, rows: usize, cols: usize, device: &Device) -> Result<Table> {
        Ok(Table::load(self.raw_matrix(name, rows, cols)?, rows, cols, device))
    }

    /// Reads the matrix of a linear layer: as [`Weights::table`], and quantised as
    /// [`Weights::quantize`] asks.
    ///
    /// # Errors
    /// As [`Weights::table`]. Returns [`Error::NonFiniteTensor`] if a weight to quantise is NaN or
    /// infinite, and [`Error::QuantizedAlready`] if the matrix is to be quantised
    /// and the checkpoint stores it quantised to other bits.
    pub fn projection(
        &self,
        name: &str,
        rows: usize,
        cols: usize,
        device: &Device,
    ) -> Result<Matrix> {
        let raw = self.raw_matrix(name, rows, cols)?;
        let Some(bits) = self.quantization.bits(&self.full_name(name)) else {
            return Ok(Matrix::load(raw, rows, cols, device));
        };
        match &raw {
            RawMatrix::Affine(affine) if affine.stored_bits != bits.get() => {
                Err(Error::QuantizedAlready {
                    file: self.files.origin.clone(),
                    name: self.full_name(name),
                    expected: bits.get(),
                    found: affine.stored_bits,
                })
            }
            RawMatrix::Affine(_) => Ok(Matrix::load(raw, rows, cols, device)),
            RawMatrix::Full(tensor) => match self.quantization.format(cols, bits) {
                None => Ok(Matrix::load(raw, rows, cols, device)),
                Some(format) => Matrix::quantize(tensor, rows, cols, format, device)
                    .map_err(|bad| self.not_quantizable(name, tensor, bad)),
            },
        }
    }

    /// Names the weight that is not finite or, if only its group overflows, the scale.
    fn not_quantizable(&self, name: &str, tensor: &RawTensor, bad: NonFiniteScale) -> Error {
        let error = |index, value| {
            let (file, name) = (self.files.origin.clone(), self.full_name(name));
            Error::NonFiniteTensor { file, name, index, value }
        };
        match tensor.first_non_finite() {
            Some((index, value)) => error(index, value),
            None => error(bad.group, bad.scale),
        }
    }

    fn raw_matrix(&self, name: &str, rows: usize, cols: usize) -> Result<RawMatrix> {
        Ok(match self.is_quantized(name) {
            true => RawMatrix::Affine(Arc::new(self.affine(name, rows, cols)?)),
            false => RawMatrix::Full(self.raw(name, &[rows, cols])?),
        })
    }

    /// Returns true if MLX packed this weight: no other tensor is stored as u32, or has scales
    /// beside it.
    fn is_quantized(&self, name: &str) -> bool {
        let packed = self.entry(name).is_some_and(|entry| entry.dtype == safetensors::Dtype::U32);
        let scales = name.strip_suffix("weight").map(|base| format!("{base}scales"));
        packed || self.contains(name) && scales.is_some_and(|scales| self.contains(&scales))
    }
}
