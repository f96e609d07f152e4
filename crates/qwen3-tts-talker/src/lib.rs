#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod code_predictor;
mod error;
mod generation;
mod prompt;
mod step;
mod talker;
mod trailing_text;

pub use code_predictor::{CodePredictor, CompletedFrame};
pub use error::{Error, Result};
pub use generation::{Generation, GenerationParams, StopReason, Timings};
pub use prompt::{Prompt, PromptEmbeddings, Reference, Speaker, TextMode};
pub use qwen3_tts_nn::SamplingParams;
pub use talker::Talker;
