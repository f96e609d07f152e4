#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod convnext;
mod decoder;
mod decoder_block;
mod encoder;
mod error;
mod quantizer;
mod seanet;
mod split_rvq;
mod transformer;
mod upsample;

pub use decoder::{CodecDecoder, DecoderState, Stage};
pub use encoder::{CodecEncoder, Encoding};
pub use error::{Error, Result};
pub use qwen3_tts_config::{ConfigError, DecoderConfig, EncoderConfig, SpeechTokenizerConfig};
pub use qwen3_tts_nn::{Device, Error as NnError, Precision, Tensor, Weights};
