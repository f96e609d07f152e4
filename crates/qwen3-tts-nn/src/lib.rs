#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod backend;
mod cpu;
mod error;
mod layers;
mod mlx;
mod mmap;
mod tensor;
mod weights;

pub use backend::dtype::Dtype;
pub use backend::precision::Precision;
pub use backend::rope::RopePositions;
pub use backend::sampling::{Constraints, SamplingError, SamplingParams};
pub use backend::shape::Shape;
pub use error::{Error, Result};
pub use layers::attention::{Attention, AttentionConfig, KvCache};
pub use layers::codebook::Codebook;
pub use layers::conv::{CausalConv1d, CausalConvTranspose1d, ConvConfig, ConvState, Padding};
pub use layers::embedding::Embedding;
pub use layers::linear::Linear;
pub use layers::mlp::{Mlp, MlpKind};
pub use layers::norm::{LayerNorm, Norm, NormKind, RmsNorm};
pub use layers::rope::Rope;
pub use layers::same_conv::SameConv1d;
pub use layers::sampling::Sampler;
pub use layers::snake_beta::SnakeBeta;
pub use layers::transformer::{Transformer, TransformerConfig, TransformerState};
pub use qwen3_tts_kernels::{Bits, KvType, Rounding};
pub use tensor::{Device, Ids, Matrix, Table, Tensor};
pub use weights::{Quantization, TensorInfo, Weights};
