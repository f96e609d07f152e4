#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod blocks;
mod encoder;
mod error;
mod pooling;

pub use encoder::SpeakerEncoder;
pub use error::{Error, Result};
pub use ndarray;
pub use qwen3_tts_config::{ConfigError, ModelConfig, SpeakerEncoderConfig};
pub use qwen3_tts_dsp::Error as DspError;
pub use qwen3_tts_nn::{Device, Error as NnError, Precision, Weights};
