//! Reading the weights of convolutions in either of the two layouts in use.

use qwen3_tts_kernels::transpose;

use super::Weights;
use crate::backend::conv::ConvShape;
use crate::backend::raw::RawMatrix;
use crate::error::Result;
use crate::tensor::{Device, Matrix, PackedConv};

/// The order of the axes of a convolution's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// PyTorch's, as published: `[out, in, taps]`; `[in, out, taps]` for a transposed convolution.
    Published,
    /// MLX's: `[out, taps, in]`, also for a transposed convolution.
    Mlx,
}

impl Weights {
    /// Reads the weight of a convolution with one tap, published as `[out, in, 1]`, as a matrix.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn pointwise(
        &self,
        name: &str,
        out: usize,
        input: usize,
        device: &Device,
    ) -> Result<Matrix> {
        let (_, shape) = self.layout(name, [out, input, 1], [out, 1, input]);
        Ok(Matrix::load(RawMatrix::Full(self.raw(name, &shape)?), out, input, device))
    }

    /// Reads the weight of a convolution, published as `[out, in, taps]`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub(crate) fn conv(&self, name: &str, shape: ConvShape, device: &Device) -> Result<PackedConv> {
        Ok(PackedConv::pack(&self.conv_values(name, shape)?, shape, device))
    }

    /// Reads the values of a convolution's weight as `[out, taps, in]`.
    pub(crate) fn conv_values(&self, name: &str, shape: ConvShape) -> Result<Vec<f32>> {
        let ConvShape { out_channels: out, in_channels: input, taps, .. } = shape;
        let (layout, shape) = self.layout(name, [out, input, taps], [out, taps, input]);
        let values = self.to_vec(name, &shape)?;
        Ok(match layout {
            Layout::Mlx => values,
            Layout::Published => transpose(&values, input, taps),
        })
    }

    /// Reads the values of a transposed convolution's weight, published as `[in, out, taps]`, as
    /// `[out, taps, in]`.
    pub(crate) fn conv_transpose_values(
        &self,
        name: &str,
        input: usize,
        out: usize,
        taps: usize,
    ) -> Result<Vec<f32>> {
        let (layout, shape) = self.layout(name, [input, out, taps], [out, taps, input]);
        let values = self.to_vec(name, &shape)?;
        Ok(match layout {
            Layout::Mlx => values,
            Layout::Published => transpose(&values, input, out * taps),
        })
    }

    /// Returns the layout of a tensor and its shape in that layout. The shape in the file decides;
    /// if it fits both layouts, the writer that the file names does.
    fn layout(&self, name: &str, published: [usize; 3], mlx: [usize; 3]) -> (Layout, [usize; 3]) {
        let entry = self.entry(name);
        let fits = |shape: [usize; 3]| entry.is_some_and(|entry| entry.shape == shape);
        let by_mlx = entry.is_some_and(|entry| entry.mlx);
        match (fits(published), fits(mlx)) {
            (true, true) if by_mlx => (Layout::Mlx, mlx),
            (false, true) => (Layout::Mlx, mlx),
            // If the shape fits neither, the error names the shape of the file's own layout.
            (false, false) if by_mlx => (Layout::Mlx, mlx),
            _ => (Layout::Published, published),
        }
    }
}
