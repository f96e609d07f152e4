#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[macro_use]
mod backend;
mod cpu;
mod error;
mod layers;
mod mlx;
mod mmap;
mod tensor;
mod weights;

use backend::shape;
use layers::attention::cache as kv_cache;
use layers::{
    attention, codebook, conv, embedding, linear, mlp, norm, rope, same_conv, snake_beta,
    transformer,
};
use tensor::{device, ids, matrix as layout};
use weights::{affine as quantized, quantization};

pub use attention::{Attention, AttentionConfig};
pub use codebook::Codebook;
pub use conv::{CausalConv1d, CausalConvTranspose1d, ConvConfig, ConvState, Padding};
pub use device::{Device, Precision};
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use ids::Ids;
pub use kv_cache::KvCache;
pub use layers::sampling;
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
pub use weights::{Dtype, TensorInfo, Weights};
