//! Forms of weights that `convert` writes.

use clap::ValueEnum;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// Layout of the published checkpoints: out, in, taps
    Pytorch,
    /// Layout of MLX: out, taps, in
    Mlx,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rounding {
    /// Smallest error of the weights
    LeastSquares,
    /// The same bytes as MLX's own quantize
    Nearest,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WeightType {
    /// 16-bit brain floats
    Bf16,
    /// 32-bit floats
    F32,
}
