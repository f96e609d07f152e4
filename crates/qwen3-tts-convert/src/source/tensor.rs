//! The place of a tensor in a checkpoint.

use safetensors::Dtype;

/// Place of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub(super) file: usize,
    pub(super) start: u64,
    /// Data type.
    pub dtype: Dtype,
    /// Size of each axis.
    pub shape: Vec<usize>,
    /// Distance of two entries of each axis, in numbers; `None` if the numbers lie in the order of
    /// the axes.
    pub(super) strides: Option<Vec<usize>>,
    /// Size in bytes.
    pub len: u64,
    /// True if MLX wrote the file.
    pub mlx: bool,
}
