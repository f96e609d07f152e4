#![doc = include_str!("../README.md")]
#![warn(clippy::undocumented_unsafe_blocks)]

mod affine;
mod attention;
mod channelwise;
mod conv;
mod dispatch;
mod dot;
mod elementwise;
mod integers;
mod isa;
mod linear;
mod math;
mod nearest;
mod norm;
mod pool;
mod rope;
mod statistics;
mod transpose;
mod vector;

pub use affine::{Affine, AffineGroups, Bits, Floats, GROUP_SIZES, Parameter, quantize};
pub use attention::{AttentionShape, attention};
pub use channelwise::{scaled_add, snake_beta};
pub use conv::{ConvWeight, conv1d, depthwise_conv1d};
pub use elementwise::{add, elu, gelu, mul, relu, sigmoid, silu, silu_mul, tanh};
pub use half::bf16;
pub use isa::{Isa, isa};
pub use linear::{Matrix, MatrixData, Projection, linear};
pub use nearest::nearest;
pub use norm::{layer_norm, rms_norm};
pub use pool::Pool;
pub use rope::rope;
pub use statistics::statistics;
pub use transpose::transpose;

/// The kernels with the instruction set chosen by the caller (limited to what the CPU has), for
/// tests and measurements; [`conv1d`] uses that of [`ConvWeight::pack_by_isa`].
#[doc(hidden)]
pub mod by_isa {
    pub use crate::affine::quantize_by_isa as quantize;
    pub use crate::attention::by_isa as attention;
    pub use crate::channelwise::by_isa::{scaled_add, snake_beta};
    pub use crate::conv::depthwise_by_isa as depthwise_conv1d;
    pub use crate::elementwise::by_isa::{
        add, elu, gelu, mul, relu, sigmoid, silu, silu_mul, tanh,
    };
    pub use crate::linear::by_isa as linear;
    pub use crate::nearest::by_isa as nearest;
    pub use crate::norm::by_isa::{layer_norm, rms_norm};
    pub use crate::rope::by_isa as rope;
    pub use crate::statistics::by_isa as statistics;
}
