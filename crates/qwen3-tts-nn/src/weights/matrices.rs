//! Reading matrices, and quantising those of linear layers.

use std::sync::Arc;

use qwen3_tts_kernels::Bits;

use super::Weights;
use crate::backend::raw::RawMatrix;
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
        let raw = match self.quantization.bits(&self.full_name(name)) {
            Some(bits) => self.quantized(raw, name, cols, bits, device)?,
            None => raw,
        };
        Ok(Matrix::load(raw, rows, cols, device))
    }

    fn raw_matrix(&self, name: &str, rows: usize, cols: usize) -> Result<RawMatrix> {
        Ok(match self.is_quantized(name) {
            true => RawMatrix::Affine(Arc::new(self.affine(name, rows, cols)?)),
            false => RawMatrix::Full(self.raw(name, &[rows, cols])?),
        })
    }

    fn quantized(
        &self,
        raw: RawMatrix,
        name: &str,
        cols: usize,
        bits: Bits,
        device: &Device,
    ) -> Result<RawMatrix> {
        match raw {
            RawMatrix::Full(tensor) => {
                let quantized = self.quantization.quantize(&tensor, cols, bits, device);
                let Some(affine) = quantized else { return Ok(RawMatrix::Full(tensor)) };
                if affine.scales.first_non_finite().is_some() {
                    // The index is that of the weight, unless only its group overflows.
                    self.check_finite(name, &tensor)?;
                    self.check_finite(name, &affine.scales)?;
                }
                // The floats are not read again, so their pages need not stay in memory.
                tensor.bytes.forget();
                Ok(RawMatrix::Affine(Arc::new(affine)))
            }
            RawMatrix::Affine(affine) if affine.stored_bits == bits.get() => {
                Ok(RawMatrix::Affine(affine))
            }
            RawMatrix::Affine(affine) => Err(Error::QuantizedAlready {
                file: self.files.origin.clone(),
                name: self.full_name(name),
                expected: bits.get(),
                found: affine.stored_bits,
            }),
        }
    }

    /// Returns true if MLX packed this weight: no other tensor is stored as u32, or has scales
    /// beside it.
    fn is_quantized(&self, name: &str) -> bool {
        let packed = self.entry(name).is_some_and(|entry| entry.dtype == safetensors::Dtype::U32);
        let scales = name.strip_suffix("weight").map(|base| format!("{base}scales"));
        packed || self.contains(name) && scales.is_some_and(|scales| self.contains(&scales))
    }
}
