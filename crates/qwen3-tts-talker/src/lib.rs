#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod code_predictor;
mod error;
mod generation;
mod prompt;
mod sampling;
mod step;
mod talker;
mod trailing_text;
mod transformer;

pub use code_predictor::{CodePredictor, CompletedFrame};
pub use error::{Error, Result};
pub use generation::{Generation, GenerationParams, StopReason, Timings};
pub use prompt::{Prompt, PromptEmbeddings, Reference, Speaker, TextMode};
pub use qwen3_tts_config::{ConfigError, GenerationConfig, ModelConfig, TalkerConfig};
pub use qwen3_tts_nn::{
    Bits, Device, Dtype, Embedding, Error as NnError, Ids, KvType, Precision, Quantization,
    Sampler, SamplingParams, Tensor, TransformerState, Weights,
};
pub use sampling::Sampling;
pub use talker::Talker;
