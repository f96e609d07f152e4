#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[macro_use]
mod backend;
mod attention;
mod codebook;
mod conv;
mod cpu;
mod device;
mod embedding;
mod error;
mod ids;
mod kv_cache;
mod layout;
mod linear;
mod mlp;
mod mlx;
mod mmap;
mod norm;
mod quantization;
mod quantized;
mod rope;
mod same_conv;
pub mod sampling;
mod shape;
mod snake_beta;
mod tensor;
mod transformer;
mod weights;

pub use attention::{Attention, AttentionConfig};
pub use codebook::Codebook;
pub use conv::{CausalConv1d, CausalConvTranspose1d, ConvConfig, ConvState, Padding};
pub use device::{Device, Precision};
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use ids::Ids;
pub use kv_cache::KvCache;
pub use layout::{Matrix, PackedConv};
pub use linear::Linear;
pub use mlp::{Mlp, MlpKind};
pub use norm::{LayerNorm, Norm, NormKind, RmsNorm};
pub use quantization::Quantization;
pub use qwen3_tts_kernels::Bits;
pub use rope::{Rope, RopePositions};
pub use same_conv::SameConv1d;
pub use sampling::{Sampler, SamplingParams};
pub use shape::Shape;
pub use snake_beta::SnakeBeta;
pub use tensor::Tensor;
pub use transformer::{Transformer, TransformerConfig, TransformerState};
pub use weights::{Dtype, TensorInfo, Weights, shard_files};
