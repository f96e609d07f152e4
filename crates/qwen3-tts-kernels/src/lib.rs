#![doc = include_str!("../README.md")]
#![warn(clippy::undocumented_unsafe_blocks)]

mod affine;
mod attention;
mod bandwidth;
mod channelwise;
mod context;
mod conv;
mod dispatch;
mod dot;
mod elementwise;
mod integers;
mod isa;
mod key_values;
mod linear;
mod math;
mod memory;
mod nearest;
mod norm;
mod pool;
mod rope;
mod scale;
mod statistics;
mod transpose;
mod vector;
mod weight_floats;

pub use affine::{
    Affine, AffineGroups, AffineTiles, Bits, Floats, GROUP_SIZES, NonFiniteScale, Parameter,
    Rounding, quantize, widen,
};
pub use attention::{AttentionShape, attention};
pub use bandwidth::read_bandwidth;
pub use channelwise::{scaled_add, snake_beta};
pub use context::Context;
pub use conv::{Conv1d, ConvWeight, DepthwiseConv1d, conv1d, depthwise_conv1d};
pub use elementwise::{add, elu, gelu, mul, relu, sigmoid, silu, silu_mul, tanh};
pub use half::bf16;
pub use isa::Isa;
pub use key_values::{KeyValues, KvType};
pub use linear::{Matrix, MatrixData, Projection, linear};
pub use nearest::nearest;
pub use norm::{layer_norm, rms_norm};
pub use pool::Pool;
pub use rope::rope;
pub use statistics::statistics;
pub use transpose::transpose;
pub use weight_floats::WeightFloats;
